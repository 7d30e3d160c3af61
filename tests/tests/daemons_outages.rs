//! Signers and nodes that go away and come back, as real processes.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::collections::BTreeSet;
use std::path::Path;
use std::time::{Duration, Instant};

use countersign_devnet::{Deliver, DevnetConfig, DevnetEvent, EndSignal, SignerKind};
use countersign_wire::message::SignerMessage;
use serde_json::Value;
use system_tests::daemons::{Daemon, Metrics, Network, Overheard, Said, ask, get, poll, quick};
use tokio::sync::Mutex;

/// Networks of five signers are heavy enough to disturb each other's clocks.
static ONE_AT_A_TIME: Mutex<()> = Mutex::const_new(());

const LIMIT: Duration = Duration::from_secs(30);

#[tokio::test]
async fn one_of_five_can_be_killed_and_signs_again_within_five_seconds_of_its_start() {
    let _turn = ONE_AT_A_TIME.lock().await;
    let config = Overheard::place(quick(5));
    let key = config.signer_key(1).public_key();
    let mut network = Network::start(config).await;
    let overheard = Overheard::start(&network.devnet, 5).await;
    network.adopts(2, "all five sign").await;

    network.devnet.kill_signer(1, EndSignal::Kill).await.unwrap();
    network.skip_to_now();
    network.adopts(3, "four of five are enough").await;

    overheard.backlog().await;
    let started_at = Instant::now();
    network.devnet.start_signer(1).await.unwrap();
    let signs = |said: &Said| (said.by == key).then(|| said.accepts())?;
    overheard.hear(LIMIT, "the restarted signer to sign", signs).await;
    let took = started_at.elapsed();
    assert!(took < Duration::from_secs(5), "it signed after {took:?}");
    network.adopts(1, "all five sign again").await;
    network.devnet.stop().await;
}

/// The blocks that `countersign status` names as missed, with their causes; nothing while it has no answer.
async fn missed(config: &Path) -> Vec<(u64, String)> {
    let (_, out, _) = ask("status", config, &["--json"]).await;
    let status: Value = serde_json::from_str(&out).unwrap_or_default();
    let each =
        |block: &Value| Some((block["height"].as_u64()?, block["cause"].as_str()?.to_owned()));
    status["missed"].as_array().into_iter().flatten().filter_map(each).collect()
}

/// The timestamps of this network's blocks are ahead of the clock, so the blocks are not older than the start, and whatever
/// is said of them is said of their proposals, which the node has kept.
#[tokio::test]
async fn the_blocks_of_an_outage_are_missed_ones_and_stay_so_after_the_next_restart() {
    let _turn = ONE_AT_A_TIME.lock().await;
    let mut network = Network::start(quick(5)).await;
    let place = network.devnet.place(1).unwrap().clone();
    network.adopts(2, "all five sign").await;
    network.devnet.kill_signer(1, EndSignal::Kill).await.unwrap();
    network.skip_to_now();
    network.adopts(3, "four of five are enough").await;

    network.devnet.start_signer(1).await.unwrap();
    let told = poll(LIMIT, "the blocks of the outage to be told", async || {
        Some(missed(&place.config).await).filter(|told| told.len() >= 3)
    });
    let told = told.await;
    network.devnet.kill_signer(1, EndSignal::Kill).await.unwrap();
    network.devnet.start_signer(1).await.unwrap();
    poll(LIMIT, "the same blocks to be told", async || {
        missed(&place.config).await.starts_with(&told).then_some(())
    })
    .await;
    let page = Metrics::of(place.metrics.parse().unwrap()).await;
    let causes: BTreeSet<&str> = told.iter().map(|(_, cause)| cause.as_str()).collect();
    for cause in causes {
        let before = told.iter().filter(|(_, other)| other == cause).count();
        let series = format!("countersign_blocks_missed{{cause=\"{cause}\"}}");
        let counted = page.value(&series) - f64::from(u32::try_from(before).unwrap());
        assert!(counted > -0.5, "{cause}: {before} were told, and {counted} more counted");
    }
    network.devnet.stop().await;
}

#[tokio::test]
async fn with_two_of_five_killed_no_block_is_adopted_until_they_are_back() {
    let _turn = ONE_AT_A_TIME.lock().await;
    let mut network = Network::start(quick(5)).await;
    network.adopts(2, "all five sign").await;
    for signer in [3, 4] {
        network.devnet.kill_signer(signer, EndSignal::Kill).await.unwrap();
    }
    network.skip_to_now();

    // A block that was under way when the two died may have all signatures that it needs; no block
    // that was first proposed after that may be adopted.
    let mut proposed = BTreeSet::new();
    for _ in 0..6 {
        match network.until_proposed_or_adopted().await {
            DevnetEvent::BlockProposed { sighash, attempt: 1, .. } => {
                proposed.insert(sighash);
            }
            DevnetEvent::BlockAdopted { sighash, signed_weight, .. } => {
                assert!(!proposed.contains(&sighash), "adopted with a weight of {signed_weight}");
            }
            _ => {}
        }
    }
    assert!(proposed.len() >= 2, "the network has tried {} blocks", proposed.len());

    for signer in [3, 4] {
        network.devnet.start_signer(signer).await.unwrap();
    }
    network.adopts(3, "all five are back").await;
    network.devnet.stop().await;
}

/// One signer, whom the test starts itself to read its log.
fn alone() -> DevnetConfig {
    DevnetConfig { signers: vec![SignerKind::External], ..quick(1) }
}

const NODE_IS_GONE: &str = "the node does not answer; it is asked again";
const NODE_IS_BACK: &str = "the node answers again";

#[tokio::test]
async fn a_signer_that_starts_before_its_node_waits_for_it() {
    let mut network = Network::start(alone()).await;
    network.devnet.stop_node(0).await.unwrap();
    let (daemon, endpoint) = Daemon::ready(&network.devnet.place(0).unwrap().config).await;
    daemon.log().wait_for(0, NODE_IS_GONE, LIMIT).await;
    let status = get(endpoint, "/status").await;
    assert_eq!((status.status, status.body.as_str()), (200, "OK"));

    network.devnet.restart_node(0).await.unwrap();
    daemon.log().wait_for(0, NODE_IS_BACK, LIMIT).await;
    network.adopts(2, "the only signer has found its node").await;
    network.devnet.stop().await;
}

#[tokio::test]
async fn a_node_that_restarts_finds_its_signer_at_work() {
    let mut network = Network::start(alone()).await;
    let daemon = Daemon::start(&network.devnet.place(0).unwrap().config);
    network.adopts(2, "the only signer works").await;

    network.devnet.stop_node(0).await.unwrap();
    let gone = daemon.log().wait_for(0, NODE_IS_GONE, LIMIT).await;
    assert!(gone.text.contains("cannot be reached"), "{}", gone.text);
    network.mines(1).await;

    network.devnet.restart_node(0).await.unwrap();
    daemon.log().wait_for(gone.number, NODE_IS_BACK, LIMIT).await;
    network.skip_to_now();
    network.adopts(2, "the node is back").await;
    assert!(daemon.is_running());
    network.devnet.stop().await;
}

#[tokio::test]
async fn a_signer_that_stood_still_catches_up_without_the_callbacks_that_it_missed() {
    let _turn = ONE_AT_A_TIME.lock().await;
    let config = DevnetConfig { deliver: Deliver::DropWhileDown, ..Overheard::place(quick(5)) };
    let key = config.signer_key(2).public_key();
    let mut network = Network::start(config).await;
    let overheard = Overheard::start(&network.devnet, 5).await;
    network.adopts(2, "all five sign").await;

    let metrics = network.devnet.place(2).unwrap().metrics.parse().unwrap();
    let received = async || Metrics::of(metrics).await.value("countersign_callbacks_received");
    let received_before = received().await;
    network.devnet.pause_signer(2).await.unwrap();
    let before = overheard.callbacks();
    network.skip_to_now();
    // Longer than the pause by which a signer notices that it stood still.
    network.mines(4).await;
    let missed = overheard.callbacks() - before;
    assert!(missed > 60, "{missed} callbacks are too few to miss");

    overheard.backlog().await;
    network.devnet.resume_signer(2).await.unwrap();
    let tip = network.devnet.chain().await.unwrap().burn_tip().consensus_hash;
    let mut knows_tip = false;
    overheard
        .hear(LIMIT, "the signer to know the burn tip, and to sign", |said| {
            if said.by != key {
                return None;
            }
            if let SignerMessage::StateMachineUpdate(update) = &said.message {
                knows_tip |= update.content.burn_block == tip;
            }
            said.accepts().filter(|_| knows_tip)
        })
        .await;

    // A signer hears what the listener hears, and verdicts.
    let since = overheard.callbacks() - before - missed;
    let came = received().await - received_before;
    assert!(
        came < f64::from(u32::try_from(2 * since + missed / 4).unwrap()),
        "{came} callbacks came where {since} were new and {missed} were missed"
    );
    network.adopts(1, "the chain goes on").await;
    network.devnet.stop().await;
}
