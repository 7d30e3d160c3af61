//! `countersign devnet` as its user runs it: a process with processes of its own.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use serde_json::Value;
use system_tests::daemons::{Signal, Verb, is_running, poll, running_with};

const LIMIT: Duration = Duration::from_mins(1);
/// The exit code of a network that ended before it adopted enough blocks.
const SHORT: i32 = 7;

fn of_kind<'a>(events: &'a [Value], kind: &str) -> Vec<&'a Value> {
    events.iter().filter(|event| event["event"] == kind).collect()
}

#[tokio::test]
async fn sixty_blocks_cross_a_reward_cycle_boundary_with_signers_that_come_and_go() {
    let arguments = "--signers 5 --burn-seconds 3 --block-interval-ms 500 --cycle-length 10 \
                     --prepare-length 3 --stop-after-blocks 60";
    let verb = Verb::start(&arguments.split_whitespace().collect::<Vec<_>>());
    let (code, events) = verb.ended(Duration::from_mins(3)).await;
    assert_eq!(code, Some(0), "{:?}", events.last());

    let cycles = of_kind(&events, "reward_cycle");
    assert!(cycles.len() >= 2, "no boundary was crossed: {cycles:?}");
    let sets: BTreeSet<String> = cycles.iter().map(|cycle| cycle["signers"].to_string()).collect();
    assert_eq!(sets.len(), cycles.len(), "the sets differ from cycle to cycle");
    let sizes: BTreeSet<_> =
        cycles.iter().map(|cycle| cycle["signers"].as_array().unwrap().len()).collect();
    assert_eq!(sizes, [4, 5].into());

    let blocks = of_kind(&events, "block_adopted");
    assert_eq!(blocks.len(), 60);
    for block in &blocks {
        let (signed, total) = (block["signed_weight"].as_u64(), block["total_weight"].as_u64());
        assert!(signed.unwrap() * 10 >= total.unwrap() * 7, "{block}");
    }
    let boundary = events.iter().rposition(|event| event["event"] == "reward_cycle").unwrap();
    assert!(!of_kind(&events[boundary..], "block_adopted").is_empty());
    let summary = of_kind(&events, "stopped");
    assert_eq!(summary[0]["blocks"], 60);
}

#[tokio::test]
async fn a_network_without_enough_signers_says_who_is_missing_and_exits_with_its_own_code() {
    let arguments = "--signers 5 --weights 1,1,1,1,1 --burn-seconds 2 --stop-after-blocks 1000 \
                     --signer 3=/bin/false --signer 4=/bin/false";
    let verb = Verb::start(&arguments.split_whitespace().collect::<Vec<_>>());
    let (exited, _) = verb.event(0, "signer_exited", LIMIT).await;
    assert!([3, 4].contains(&exited["signer"].as_u64().unwrap()), "{exited}");
    let mut line = 0;
    for _ in 0..3 {
        (_, line) = verb.event(line, "block_proposed", LIMIT).await;
    }
    let (waiting, _) = verb.event(0, "waiting", LIMIT).await;
    assert!(waiting["missing"].to_string().contains("signer 3 has ended"), "{waiting}");

    verb.signal(Signal::INT);
    let (code, events) = verb.ended(LIMIT).await;
    assert_eq!(code, Some(SHORT));
    let summary = of_kind(&events, "stopped");
    assert_eq!((summary.len(), &summary[0]["blocks"]), (1, &Value::from(0)));
}

/// The signers of a network, once all of them run.
async fn signers_of(verb: &Verb, count: usize) -> (String, Vec<u32>) {
    let folder = verb.folder().await;
    let signers = poll(LIMIT, "the signers' processes", async || {
        let found = running_with(&format!("{folder}/signer-"));
        (found.len() == count).then_some(found)
    });
    let signers = signers.await;
    (folder, signers)
}

async fn all_gone(signers: &[u32]) {
    let gone = async || signers.iter().all(|pid| !is_running(*pid)).then_some(());
    poll(LIMIT, "the signers' end", gone).await;
}

#[tokio::test]
async fn ctrl_c_ends_every_process_and_removes_the_temporary_folder() {
    let verb = Verb::start(&["--signers", "3", "--burn-seconds", "2"]);
    let (folder, signers) = signers_of(&verb, 3).await;
    verb.event(0, "block_adopted", LIMIT).await;
    verb.signal(Signal::INT);
    let (code, events) = verb.ended(LIMIT).await;
    assert_eq!(code, Some(0));
    // Not only soon after the end, but at the end.
    assert!(!signers.iter().any(|pid| is_running(*pid)), "orphans are left");
    assert!(of_kind(&events, "stopped")[0]["blocks"].as_u64() >= Some(1));
    assert!(!Path::new(&folder).exists());
}

#[tokio::test]
async fn a_killed_network_leaves_no_signers_behind() {
    let verb = Verb::start(&["--signers", "2", "--burn-seconds", "2"]);
    let (folder, signers) = signers_of(&verb, 2).await;
    verb.signal(Signal::KILL);
    let (code, _) = verb.ended(LIMIT).await;
    assert_eq!(code, None);
    all_gone(&signers).await;
    // Nobody was left to do it.
    std::fs::remove_dir_all(folder).unwrap();
}
