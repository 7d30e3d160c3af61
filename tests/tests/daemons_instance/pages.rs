//! `docs/operator/one-instance.md` and `docs/operator/journal.md`, carried out by two instances in folders of their own,
//! each as if it were a host.

use std::fs;
use std::path::Path;
use std::time::Duration;

use countersign_devnet::{DevnetConfig, DevnetEvent};
use serde_json::Value;
use system_tests::daemons::{Daemon, quick, shell};

use super::{Done, Pair, agrees, becomes, command, instance, signed, stopped};
use crate::blocks::steps;

/// Types a step in a folder.
async fn typed(step: &str, host: &Path) -> Done {
    let done = Done::of(shell(step, host)).await;
    assert_eq!(done.code, Some(0), "{step}{done:?}");
    done
}

/// Carries what was moved from a host to another one.
fn carry(from: &Path, to: &Path) {
    fs::copy(from.join("moved.json"), to.join("moved.json")).unwrap();
}

#[tokio::test]
async fn a_key_moves_to_a_standby_and_comes_back_with_the_commands_of_the_page_alone() {
    let steps = steps(include_str!("../../../docs/operator/one-instance.md"));
    // What a rendered host does is carried out on one.
    let [standby, _, _, demote, promote, lost] = steps.as_slice() else { panic!("{steps:?}") };
    let mut pair = Pair::new().await;
    let (a, b) = (pair.config("a", "lost_peer_floor_secs = 1"), pair.config("b", ""));
    let [on_a, on_b] = [&a, &b].map(|config| config.parent().unwrap());
    let first = pair.active(&a).await;
    pair.network.adopts(1, "the first instance signs").await;
    let second = pair.typed(standby, on_b).await;
    assert_eq!(instance(&b).await["state"], "standby");
    agrees(&b, 1).await;

    typed(demote, on_a).await;
    assert_eq!(instance(&a).await["state"], "demoted");
    carry(on_a, on_b);
    typed(promote, on_b).await;
    assert_eq!(instance(&b).await["state"], "active");
    pair.network.skip_to_now();
    pair.network.adopts(2, "the second instance signs").await;
    // The demoted one signs nothing, and not after a restart either.
    stopped(first).await;
    let before = signed(&a);
    let first = pair.active(&a).await;
    becomes(&a, "demoted").await;
    pair.network.adopts(2, "the second instance signs on").await;
    stopped(first).await;
    assert_eq!(signed(&a), before);

    let first = pair.active(&a).await;
    second.kill().await;
    typed(lost, on_a).await;
    assert_eq!(instance(&a).await["state"], "active");
    pair.network.skip_to_now();
    pair.network.adopts(2, "the first instance signs again").await;
    stopped(first).await;
    let mut by_either = signed(&b);
    for (height, sighashes) in signed(&a) {
        let known = by_either.entry(height).or_insert_with(|| sighashes.clone());
        assert_eq!(*known, sighashes, "two blocks at height {height}");
    }
    assert!(by_either.values().all(|sighashes| sighashes.len() == 1), "{by_either:?}");
}

/// Waits for a burn block that is at least this high. How high it is.
async fn reaches(pair: &mut Pair, wanted: u64) -> u64 {
    loop {
        if let DevnetEvent::BurnBlock { height, .. } = pair.network.next().await
            && height.get() >= wanted
        {
            return height.get();
        }
    }
}

/// What `journal status` says in a folder.
async fn journal(config: &Path) -> Value {
    let done =
        command(&["journal", "status", "--json", "--config", config.to_str().unwrap()]).await;
    serde_json::from_str(&done.said).unwrap_or_else(|error| panic!("{error}: {done:?}"))
}

#[tokio::test]
async fn a_journal_moves_to_another_host_with_the_commands_of_the_page_alone() {
    let steps = steps(include_str!("../../../docs/operator/journal.md"));
    let [accept, hold, export, init, import] = steps.as_slice() else { panic!("{steps:?}") };
    let quick = DevnetConfig { burn_interval: Duration::from_secs(1), ..quick(1) };
    let mut pair = Pair::of(quick).await;
    let (a, b) = (pair.config("a", ""), pair.config("b", ""));
    let [on_a, on_b] = [&a, &b].map(|config| config.parent().unwrap());
    let old = pair.active(&a).await;
    pair.network.adopts(2, "the old signer works").await;
    stopped(old).await;

    pair.network.skip_to_now();
    let height = reaches(&mut pair, 0).await + 5;
    let theirs = "HEIGHT=912345 ";
    assert!(hold.contains(theirs), "{hold}");
    typed(&hold.replace(theirs, &format!("HEIGHT={height} ")), on_a).await;
    let old = pair.active(&a).await;
    pair.network.adopts(1, "the height is not reached yet").await;
    reaches(&mut pair, height).await;
    pair.network.proposes(2, "the miner goes on").await;
    for _ in 0..2 {
        let event = pair.network.until_proposed_or_adopted().await;
        assert!(matches!(event, DevnetEvent::BlockProposed { .. }), "{event:?}");
    }
    stopped(old).await;
    typed(export, on_a).await;
    carry(on_a, on_b);

    let new = Daemon::typed(init, on_b);
    new.endpoint().await;
    stopped(new).await;
    assert_eq!(journal(&b).await["records"], 0);
    let taken = typed(import, on_b).await;
    assert!(taken.said.contains("made by this key"), "{taken:?}");
    assert_eq!(signed(&b), signed(&a));
    assert!(!signed(&b).is_empty());
    let status = journal(&b).await;
    // What it waits is not shortened by a file.
    assert_eq!((&status["wait_secs"], &status["hold"]), (&600.into(), &Value::Null));
    the_copy_of_yesterday_is_taken(accept, &b).await;
}

/// An older copy in the place of a journal is refused until it is accepted, and then waits.
async fn the_copy_of_yesterday_is_taken(accept: &str, config: &Path) {
    let file = config.with_file_name("signer.countersign-journal.sqlite");
    let yesterday = fs::read(&file).unwrap();
    let path = config.to_str().unwrap();
    let held = command(&["journal", "hold", "--from-burn-height", "9", "--config", path]).await;
    assert_eq!(held.code, Some(0), "{held:?}");
    fs::write(&file, yesterday).unwrap();
    let refused = command(&["run", "--config", path]).await;
    assert_eq!(refused.code, Some(4), "{refused:?}");
    assert!(refused.errors.contains("is not the latest one"), "{refused:?}");
    let taken = typed(accept, config.parent().unwrap()).await;
    assert!(taken.said.contains("the journal is whole"), "{taken:?}");
    assert_eq!(journal(config).await["wait_secs"], 600);
}
