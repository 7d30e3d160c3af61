//! A change of keys, as a process: one signer alone has to sign every block, first with the one key and
//! then with the other.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use countersign_devnet::chain::Chain;
use countersign_devnet::{DevnetConfig, DevnetEvent, SignerKind};
use countersign_wire::{PublicKey, RewardCycle, Sighash};
use serde_json::Value;
use system_tests::daemons::{
    Daemon, Metrics, Network, Signal, accepted_in_journal, countersign, get, quick,
};
use tokio::process::Command;

/// The chain starts in the middle of cycle 2.
const NEW: RewardCycle = RewardCycle::new(3);
/// Longer than a cycle of this network, and than any stop.
const LIMIT: Duration = Duration::from_mins(1);

/// One signer, whom the test starts itself, and who changes its key with cycle 3.
fn changing() -> DevnetConfig {
    DevnetConfig {
        signers: vec![SignerKind::External],
        key_changes: BTreeMap::from([(0, NEW)]),
        cycle_length: 8,
        prepare_length: 3,
        empty_sortition_in: 0,
        ..quick(1)
    }
}

/// The keys of the signer, the old one first.
fn keys(config: &DevnetConfig) -> [PublicKey; 2] {
    [config.signer_key(0), config.next_signer_key(0).unwrap()].map(|key| key.public_key())
}

/// Starts the signer as systemd would, with its next key among its credentials.
fn start(config: &Path) -> Daemon {
    let mut command = Command::new(countersign());
    command.env("CREDENTIALS_DIRECTORY", config.with_file_name("credentials"));
    Daemon::spawn(command, config)
}

/// Ends the signer as an operator does.
async fn end(daemon: Daemon) {
    daemon.signal(Signal::TERM);
    let ended = daemon.ended(LIMIT).await;
    assert_eq!(ended.code, Some(0), "{}", ended.log);
}

/// What `keys rotate` says, and its exit code. The signer that runs tells its keys, so none is opened.
async fn rotate(config: &Path) -> (Option<i32>, Value) {
    let mut command = Command::new(countersign());
    command.args(["keys", "rotate", "--json", "--config"]).arg(config);
    let output = command.output().await.unwrap();
    let said = serde_json::from_slice(&output.stdout);
    let said = said.unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)));
    (output.status.code(), said)
}

/// Waits for a burn block of this cycle.
async fn reaches(network: &mut Network, wanted: RewardCycle) {
    loop {
        if let DevnetEvent::BurnBlock { cycle, .. } = network.next().await
            && cycle >= wanted
        {
            return;
        }
    }
}

/// Who has signed a block of the chain.
fn signer_of(chain: &Chain, sighash: &Sighash) -> PublicKey {
    let mut id = chain.stacks_tip_id();
    loop {
        let block = chain.block(&id).expect("the block is on the canonical fork");
        if block.sighash() == *sighash {
            let [signature] = block.header.signer_signature.as_slice() else { unreachable!() };
            return signature.recover(sighash.as_bytes()).unwrap();
        }
        id = block.header.parent_block_id;
    }
}

async fn assert_all_signed_by(network: &Network, blocks: &[Sighash], key: PublicKey) {
    let chain = network.devnet.chain().await.unwrap();
    for sighash in blocks {
        assert_eq!(signer_of(&chain, sighash), key, "{sighash}");
    }
}

#[tokio::test]
async fn a_process_signs_with_the_old_key_and_then_with_the_new_one_and_is_never_restarted() {
    let config = changing();
    let [old, new] = keys(&config);
    let mut network = Network::start(config).await;
    let place = network.devnet.place(0).unwrap().clone();
    let settings = network.settings(0);
    let metrics = settings.address("metrics_endpoint");
    let daemon = start(&place.config);

    let before = network.adopts(3, "the old key has the seat").await;
    assert_all_signed_by(&network, &before, old).await;
    let info = get(metrics, "/info").await.body;
    assert!(info.contains(&format!("\"signerPublicKey\":\"{old}\"")), "{info}");
    assert!(info.contains(&format!("\"nextSignerPublicKey\":\"{new}\"")), "{info}");

    let (code, said) = rotate(&place.config).await;
    assert_eq!((code, &said["loaded"], &said["in_order"]), (Some(0), &true.into(), &true.into()));
    assert_eq!(said["next_key"]["public_key"], new.to_string());
    assert!(["to-be-registered", "waiting"].contains(&said["stage"].as_str().unwrap()), "{said}");

    reaches(&mut network, NEW).await;
    network.skip_to_now();
    let after = network.adopts(4, "the new key has the seat").await;
    // The first may be the last of the old cycle, which was under way at the boundary.
    assert_all_signed_by(&network, &after[1..], new).await;
    assert!(daemon.is_running(), "{}", daemon.log().text());
    let seat = format!("countersign_seat_weight{{key=\"{new}\",cycle=\"{NEW}\"}}");
    assert!(Metrics::of(metrics).await.value(&seat) > 0.0, "the new key's seat is not shown");

    let (code, said) = rotate(&place.config).await;
    assert_eq!((code, &said["stage"]), (Some(0), &"changed".into()), "{said}");

    end(daemon).await;
    let [_, journal] = settings.files();
    let next_journal = journal.with_file_name(format!("signer.countersign-journal-{new}.sqlite"));
    let (in_old, in_new) = (accepted_in_journal(&journal), accepted_in_journal(&next_journal));
    assert!(before.iter().all(|block| in_old.contains(block) && !in_new.contains(block)));
    assert!(after[1..].iter().all(|block| in_new.contains(block) && !in_old.contains(block)));
    network.devnet.stop().await;
}

#[tokio::test]
async fn a_signer_that_is_killed_around_the_boundary_goes_on_with_the_right_key() {
    let config = changing();
    let [_, new] = keys(&config);
    let mut network = Network::start(config).await;
    let place = network.devnet.place(0).unwrap().clone();
    let daemon = start(&place.config);
    network.adopts(1, "the old key has the seat").await;
    daemon.kill().await;
    let daemon = start(&place.config);
    network.adopts(1, "the old key has its seat again").await;
    reaches(&mut network, NEW).await;
    daemon.kill().await;
    let daemon = start(&place.config);
    network.skip_to_now();
    network.adopts(1, "the first block after the boundary").await;
    let after = network.adopts(2, "the new key has the seat").await;
    assert_all_signed_by(&network, &after, new).await;
    daemon.kill().await;

    // The old key has done its work: the new one stands alone in the file, and finds its journal.
    let secret =
        std::fs::read_to_string(place.config.with_file_name("credentials/next-signer-key"));
    let alone = network
        .settings(0)
        .without_in("countersign", "next_key")
        .with("stacks_private_key", secret.unwrap());
    let config = network.write(0, &alone);
    let daemon = Daemon::start(&config);
    network.skip_to_now();
    network.adopts(1, "whatever was under way").await;
    let after = network.adopts(2, "the new key alone").await;
    assert_all_signed_by(&network, &after, new).await;
    let [_, journal] = alone.files();
    let next_journal = journal.with_file_name(format!("signer.countersign-journal-{new}.sqlite"));
    end(daemon).await;
    let recorded = accepted_in_journal(&next_journal);
    assert!(after.iter().all(|block| recorded.contains(block)), "another journal was begun");
    network.devnet.stop().await;
}

#[tokio::test]
async fn without_the_new_key_nobody_signs_in_the_new_cycle() {
    let config = changing();
    let mut network = Network::start(config).await;
    let alone = network.settings(0).without_in("countersign", "next_key");
    let config = network.write(0, &alone);
    let daemon = Daemon::start(&config);
    network.adopts(1, "the old key has the seat").await;
    let line = format!("Signer is not registered for reward cycle {NEW}");
    daemon.log().wait_for(0, &line, LIMIT).await;
    reaches(&mut network, NEW).await;
    let (code, said) = rotate(&config).await;
    assert_eq!((code, &said["in_order"]), (Some(1), &false.into()), "{said}");
    assert!(daemon.is_running());
    network.devnet.stop().await;
}
