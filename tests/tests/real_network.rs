//! `countersign devnet` with a real bitcoind and a real stacks-node.
//!
//! Most of these tests need both programs: `COUNTERSIGN_STACKS_NODE` and `COUNTERSIGN_BITCOIND` name
//! them. Without, they are ignored and `cargo xtask test` reports them as skipped.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::time::Duration;

use serde_json::Value;
use system_tests::daemons::{Signal, Verb, is_running, poll, running_with};

/// A real node on a busy machine takes a minute or two to epoch 3.
const LIMIT: Duration = Duration::from_mins(6);

/// The arguments that name the programs, and these.
fn real(arguments: &str) -> Vec<String> {
    let named = |variable| {
        std::env::var(variable).unwrap_or_else(|_| panic!("{variable} must name the program"))
    };
    let (node, bitcoind) = (named("COUNTERSIGN_STACKS_NODE"), named("COUNTERSIGN_BITCOIND"));
    let mut all = vec!["--stacks-node".to_owned(), node, "--bitcoind".to_owned(), bitcoind];
    all.extend(arguments.split_whitespace().map(str::to_owned));
    all
}

fn start(arguments: &[String]) -> Verb {
    Verb::start(&arguments.iter().map(String::as_str).collect::<Vec<_>>())
}

fn of_kind<'a>(events: &'a [Value], kind: &str) -> Vec<&'a Value> {
    events.iter().filter(|event| event["event"] == kind).collect()
}

#[tokio::test]
#[ignore = "needs COUNTERSIGN_STACKS_NODE and COUNTERSIGN_BITCOIND, the paths of these programs"]
async fn a_real_network_boots_to_epoch_3_and_its_blocks_are_signed_by_all() {
    let verb = start(&real("--signers 3 --burn-seconds 6 --stop-after-blocks 8"));
    let folder = verb.folder().await;
    let (code, events) = verb.ended(LIMIT).await;
    assert_eq!(code, Some(0), "{:?}", of_kind(&events, "failed"));

    let blocks = of_kind(&events, "block_adopted");
    assert_eq!(blocks.len(), 8);
    let heights: Vec<_> = blocks.iter().map(|block| block["height"].as_u64().unwrap()).collect();
    assert!(heights.is_sorted_by(|low, high| low + 1 == *high), "{heights:?}");
    for block in &blocks {
        let (signed, total) = (block["signed_weight"].as_u64(), block["total_weight"].as_u64());
        assert!(signed.unwrap() * 10 >= total.unwrap() * 7, "{block}");
    }
    let cycles = of_kind(&events, "reward_cycle");
    assert_eq!(cycles[0]["signers"].as_array().unwrap().len(), 3);
    let booting = of_kind(&events, "booting");
    assert!(booting.iter().any(|event| event["epoch"] == "2.5"), "{booting:?}");

    let records = of_kind(&events, "stopped")[0]["signers"].as_array().unwrap();
    assert_eq!(records.len(), 3);
    for record in records {
        assert_eq!((&record["blocks"], &record["signed"]), (&Value::from(8), &Value::from(8)));
        assert_eq!(
            (&record["missed"], &record["exits"]),
            (&Value::from(Vec::<u64>::new()), &0.into())
        );
    }
    assert_eq!(running_with(&folder), Vec::<u32>::new(), "orphans are left");
}

#[tokio::test]
#[ignore = "needs COUNTERSIGN_STACKS_NODE and COUNTERSIGN_BITCOIND, the paths of these programs"]
async fn a_killed_real_network_leaves_no_program_behind() {
    let verb = start(&real("--signers 2"));
    let folder = verb.folder().await;
    let all = async || {
        let found = running_with(&folder);
        (found.len() == 4).then_some(found)
    };
    let programs = poll(LIMIT, "bitcoind, stacks-node and two signers", all).await;
    verb.signal(Signal::KILL);
    let (code, _) = verb.ended(LIMIT).await;
    assert_eq!(code, None);
    let gone = async || programs.iter().all(|pid| !is_running(*pid)).then_some(());
    poll(LIMIT, "the programs' end", gone).await;
    // Nobody was left to do it.
    std::fs::remove_dir_all(folder).unwrap();
}

#[tokio::test]
async fn a_program_that_ends_at_once_is_named_with_its_log() {
    let verb = Verb::start(&["--stacks-node", "/bin/false", "--bitcoind", "/bin/false"]);
    let (code, events) = verb.ended(LIMIT).await;
    assert_eq!(code, Some(1));
    let failed = of_kind(&events, "failed");
    assert_eq!(failed[0]["reason"], "bitcoind has ended: exit status: 1");
    assert!(failed[0]["log"].as_str().unwrap().ends_with("bitcoind/log"), "{failed:?}");
}

#[tokio::test]
async fn programs_that_are_missing_end_the_network_before_it_begins() {
    let arguments = ["--stacks-node", "/no/stacks-node", "--bitcoind", "/no/bitcoind"];
    let (code, events) = Verb::start(&arguments).ended(LIMIT).await;
    assert_eq!((code, events), (Some(2), Vec::new()));
}
