#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::{self, Write};
use std::sync::{Mutex, MutexGuard};

use countersign_node::{CallbackQueue, QueueLimits};
use countersign_signer::{Millis, ViewConflict, WithheldSignature};
use countersign_wire::message::RejectReason;
use countersign_wire::{
    BurnHeight, ConsensusHash, PrivateKey, PublicKey, Sighash, StacksHeight, Weight,
};
use tracing_subscriber::fmt::MakeWriter;

use super::*;

#[derive(Clone, Default)]
struct Buffer(Arc<Mutex<Vec<u8>>>);

struct Locked<'a>(MutexGuard<'a, Vec<u8>>);

impl Write for Locked<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Buffer {
    type Writer = Locked<'a>;
    fn make_writer(&'a self) -> Locked<'a> {
        Locked(self.0.lock().unwrap())
    }
}

/// What is logged, without times, and the metrics afterwards.
fn said(notes: &[Note]) -> (String, Arc<Metrics>) {
    let (metrics, _) = Metrics::new(CallbackQueue::new(QueueLimits::default()));
    let metrics = Arc::new(metrics);
    let buffer = Buffer::default();
    let lines = tracing_subscriber::fmt()
        .with_writer(buffer.clone())
        .without_time()
        .with_target(false)
        .with_ansi(false)
        .finish();
    let mut observer = Observer::new(Arc::clone(&metrics));
    tracing::subscriber::with_default(lines, || observer.report(notes));
    let bytes = buffer.0.lock().unwrap().clone();
    (String::from_utf8(bytes).unwrap(), metrics)
}

fn sighash() -> Sighash {
    Sighash::new([0xab; 32])
}

fn key() -> PublicKey {
    PrivateKey::from_bytes([7; 32]).unwrap().public_key()
}

fn registered() -> Note {
    Note::Registered {
        cycle: RewardCycle::new(42),
        key: key(),
        slot: SlotId::new(3),
        weight: Weight::new(10),
        total: Weight::new(50),
    }
}

fn block_life() -> Vec<Note> {
    let (sighash, total) = (sighash(), Weight::new(50));
    let from = SlotId::new(1);
    vec![
        registered(),
        Note::BurnBlock {
            height: BurnHeight::new(900),
            consensus_hash: ConsensusHash::new([1; 20]),
            cycle: Some(RewardCycle::new(42)),
        },
        Note::ProposalReceived {
            sighash,
            height: StacksHeight::new(7),
            tenure: ConsensusHash::new([1; 20]),
        },
        Note::ValidationRequested { sighash },
        Note::Verdict { sighash, valid: true, took: Some(Millis::new(12)) },
        Note::PreCommitted { sighash },
        Note::PreCommitReceived {
            sighash,
            from,
            own: Weight::new(10),
            weight: Weight::new(35),
            total,
        },
        Note::Signing { sighash, overriding: 0 },
        Note::Accepted { sighash, latency: Millis::new(250) },
        Note::AcceptanceReceived {
            sighash,
            from,
            own: Weight::new(10),
            weight: Weight::new(20),
            total,
        },
        Note::ThresholdReached { sighash, weight: Weight::new(35) },
        Note::GloballyAccepted { sighash, height: StacksHeight::new(7) },
    ]
}

#[test]
fn a_block_that_is_signed_leaves_these_lines() {
    insta::assert_snapshot!(said(&block_life()).0, @r#"
     INFO Signer is registered for reward cycle 42 as signer #3. Initialized signer state. cycle=42 key=02989c0b76cb563971fdc9bef31ec06c3560f3249d6ee9e5d83c57625596e05f6f weight=10 total=50
     INFO Cycle #42 Signer #3: Received a new burn block event for block height 900 burn_height=900 consensus_hash=0101010101010101010101010101010101010101 cycle=42
     INFO Cycle #42 Signer #3: received a block proposal for a new block. sighash=abababababababababababababababababababababababababababababababab height=7 tenure=0101010101010101010101010101010101010101
     INFO Cycle #42 Signer #3: submitting block proposal for validation sighash=abababababababababababababababababababababababababababababababab
     INFO Cycle #42 Signer #3: Received a block validate response sighash=abababababababababababababababababababababababababababababababab valid=true took_ms=12
     INFO Cycle #42 Signer #3: Broadcasting block pre-commit to stacks node for abababababababababababababababababababababababababababababababab sighash=abababababababababababababababababababababababababababababababab
     INFO Cycle #42 Signer #3: Received block pre-commit sighash=abababababababababababababababababababababababababababababababab peer=1 weight=35 total=50
     INFO Cycle #42 Signer #3: Reached the pre-commit threshold for a block. Signing it. sighash=abababababababababababababababababababababababababababababababab
     INFO Cycle #42 Signer #3: Broadcasting block response to stacks node: accepted sighash=abababababababababababababababababababababababababababababababab latency_ms=250
     INFO Cycle #42 Signer #3: Received block acceptance, but have not yet reached the acceptance threshold sighash=abababababababababababababababababababababababababababababababab peer=1 weight=20 needed=35 total=50
     INFO Cycle #42 Signer #3: have reached the block acceptance threshold sighash=abababababababababababababababababababababababababababababababab weight=35
     INFO Cycle #42 Signer #3: the block is part of the chain sighash=abababababababababababababababababababababababababababababababab height=7
    "#);
}

#[test]
fn a_block_that_is_refused_leaves_these_lines() {
    let (sighash, rival) = (sighash(), Sighash::new([0xcd; 32]));
    let notes = [
        registered(),
        Note::Rejected {
            sighash,
            reason: RejectReason::NoSignerConsensus,
            latency: Millis::new(90),
        },
        Note::SigningWithheld { sighash, why: WithheldSignature::FreshRival(rival) },
        Note::VaultRefused { sighash, rival },
        Note::ValidationTimedOut { sighash, after: Millis::from_secs(120) },
        Note::GloballyRejected { sighash, weight: Weight::new(16) },
    ];
    insta::assert_snapshot!(said(&notes).0, @r#"
     INFO Signer is registered for reward cycle 42 as signer #3. Initialized signer state. cycle=42 key=02989c0b76cb563971fdc9bef31ec06c3560f3249d6ee9e5d83c57625596e05f6f weight=10 total=50
     INFO Cycle #42 Signer #3: Broadcasting block response to stacks node: rejected, the signers do not agree on a state sighash=abababababababababababababababababababababababababababababababab reason="no_signer_consensus" latency_ms=90
     WARN Cycle #42 Signer #3: Reached the pre-commit threshold for a block, but we recently signed a different block sighash=abababababababababababababababababababababababababababababababab rival="cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd"
    ERROR Cycle #42 Signer #3: the vault refuses to contradict its signature on another block sighash=abababababababababababababababababababababababababababababababab rival=cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd
     WARN Cycle #42 Signer #3: Failed to receive block validation response within 120000 ms. Rejecting block. sighash=abababababababababababababababababababababababababababababababab
     INFO Cycle #42 Signer #3: have reached the block rejection threshold sighash=abababababababababababababababababababababababababababababababab weight=16
    "#);
}

#[test]
fn the_life_of_a_block_is_counted() {
    let (_, metrics) = said(&block_life());
    let accepted = vec![("response_type", "accepted")];
    assert_eq!(metrics.proposals_received.get(), 1);
    assert_eq!(metrics.validation_responses.get_or_create(&accepted).get(), 1);
    assert_eq!(metrics.responses_sent.get_or_create(&accepted).get(), 1);
    assert_eq!(metrics.pre_commits_sent.get(), 1);
}

#[test]
fn a_writer_without_a_seat_is_counted_among_the_skipped_chunks() {
    let (_, metrics) = said(&[registered(), Note::StrangerIgnored { key: key() }]);
    let skipped = metrics.chunks_skipped.get_or_create(&vec![("reason", "not_in_set")]).get();
    assert_eq!(skipped, 1);
}

#[test]
fn our_weight_in_a_cycle_is_shown_with_the_key_that_has_it_until_the_cycle_is_over() {
    let gauge = |metrics: &Metrics| {
        let labels = labels(RewardCycle::new(42), &key());
        metrics.seats.get(&labels).map(|gauge| gauge.get())
    };
    let (lines, metrics) = said(&[registered()]);
    assert_eq!(gauge(&metrics), Some(10));
    assert!(lines.contains(&format!("key={}", key())), "{lines}");
    let ended = Note::CycleEnded { cycle: RewardCycle::new(42) };
    assert_eq!(gauge(&said(&[registered(), ended]).1), None);
}

#[test]
fn a_second_key_with_a_seat_in_the_same_cycle_is_an_error_that_names_it() {
    let (said, _) = said(&[Note::SecondSeat { cycle: RewardCycle::new(42), key: key() }]);
    assert!(said.starts_with("ERROR"), "{said}");
    assert!(said.contains("both keys of this signer are registered for reward cycle 42"), "{said}");
    assert!(said.contains(&format!("key={}", key())), "{said}");
}

#[test]
fn a_line_about_a_cycle_names_the_seat_in_it() {
    let notes = [
        registered(),
        Note::Registered {
            cycle: RewardCycle::new(43),
            key: key(),
            slot: SlotId::new(5),
            weight: Weight::new(1),
            total: Weight::new(9),
        },
        Note::NoValidMiner { cycle: RewardCycle::new(42) },
        Note::CycleEnded { cycle: RewardCycle::new(42) },
        Note::NoValidMiner { cycle: RewardCycle::new(43) },
        Note::NoValidMiner { cycle: RewardCycle::new(42) },
    ];
    let said = said(&notes).0;
    let prefixes: Vec<&str> = said
        .lines()
        .filter_map(|line| line.split_once("Signer State").map(|(before, _)| before.trim()))
        .map(|before| before.trim_start_matches("WARN").trim())
        .collect();
    assert_eq!(prefixes, ["Cycle #42 Signer #3:", "Cycle #43 Signer #5:", ""]);
}

/// Everything that is logged, with strings that are broken over lines joined again.
fn sources() -> String {
    let files = [
        include_str!("mod.rs"),
        include_str!("blocks.rs"),
        include_str!("replay.rs"),
        include_str!("votes.rs"),
        include_str!("world.rs"),
        include_str!("../drive.rs"),
        include_str!("../upload.rs"),
        include_str!("../health.rs"),
        include_str!("../intake.rs"),
        include_str!("../publish/courier.rs"),
        include_str!("../publish/lane.rs"),
        include_str!("../instance/warden.rs"),
        include_str!("../sign/turn.rs"),
        include_str!("../nodes/watch.rs"),
        include_str!("../recorder/tape.rs"),
        include_str!("../run.rs"),
        include_str!("../attendance/mod.rs"),
        include_str!("../readiness/mod.rs"),
        include_str!("../reload/mod.rs"),
        include_str!("../../../ops/src/watchdog.rs"),
    ];
    let joined = files.concat().replace("\\\n", "\u{1}");
    joined.split('\u{1}').map(str::trim_start).collect()
}

#[test]
fn every_documented_phrase_is_logged() {
    let doc = include_str!("../../../../docs/logs.md");
    let (_, table) = doc.split_once("## Phrases").unwrap();
    let sources = sources();
    let phrases: Vec<&str> = table.lines().filter_map(|line| line.split('`').nth(1)).collect();
    assert!(phrases.len() > 40, "{}", phrases.len());
    for phrase in phrases {
        assert!(sources.contains(phrase), "`{phrase}` is documented and not logged");
    }
}

#[test]
fn a_view_that_is_given_up_is_told_counted_and_timed() {
    let cycle = RewardCycle::new(42);
    let (lines, metrics) = said(&[
        registered(),
        Note::ViewConflict { cycle, conflict: ViewConflict::StacksBlockDelay },
        Note::Capitulated {
            cycle,
            tenure: ConsensusHash::new([1; 20]),
            weight: Weight::new(40),
            after: Millis::new(20_000),
        },
    ]);
    assert!(lines.contains(
        "Cycle #42 Signer #3: Signer State: Capitulating local state machine's current miner viewpoint"
    ));
    let conflict = |label| metrics.state_conflicts.get_or_create(&vec![("conflict", label)]).get();
    assert_eq!((conflict("stacks_block_delay"), conflict("miner_view")), (1, 0));
    let mut page = String::new();
    let mut registry = prometheus_client::registry::Registry::default();
    registry.register("latency", "seconds", metrics.capitulation_latencies.clone());
    prometheus_client::encoding::text::encode(&mut page, &registry).unwrap();
    assert!(page.contains("latency_sum 20.0"), "{page}");
}
