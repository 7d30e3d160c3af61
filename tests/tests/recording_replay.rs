//! The core in the place of a recorded signer says what that signer said: promises and signatures
//! are deterministic.
//!
//! Views are compared as sets, and only from the first proposal on. Before it, the recorded signers
//! read the burn tip and the sortitions at two moments while burn blocks came several a second, and
//! published views of which one half was newer than the other; the core reads both at one moment.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::collections::BTreeSet;

use countersign_wire::block::TenureRole;
use countersign_wire::message::{RejectReason, StateMachineUpdate};
use countersign_wire::{BurnHeight, NakamotoBlock, Sighash, Wire};
use system_tests::recordings::{Recording, Said, replay, said_by, signer_key};

/// What the recorded signer 0 said, and what the core says in its place.
fn both(recording: &Recording) -> (Said, Said) {
    (said_by(&signer_key(0).public_key(), recording), replay(recording))
}

/// The views from the first proposal's burn block on.
fn views(said: &Said, recording: &Recording) -> BTreeSet<Vec<u8>> {
    let (_, first) = recording.proposals().next().unwrap();
    let is_wanted = |update: &&StateMachineUpdate| update.content.burn_height >= first.burn_height;
    said.updates.iter().filter(is_wanted).map(Wire::to_bytes).collect()
}

fn assert_same(recorded: &Said, ours: &Said, recording: &Recording) {
    assert_eq!(ours.pre_commits, recorded.pre_commits);
    assert_eq!(ours.acceptances, recorded.acceptances);
    assert_eq!(ours.rejections, recorded.rejections);
    assert_eq!(ours.uploads, recorded.uploads);
    assert_eq!(views(ours, recording), views(recorded, recording));
}

#[test]
fn two_blocks_are_promised_signed_and_uploaded_as_recorded() {
    let recording = Recording::load("miner_gather_signatures");
    let (recorded, ours) = both(&recording);
    assert_same(&recorded, &ours, &recording);
    assert_eq!(ours.pre_commits.len(), 2);
    assert_eq!(ours.acceptances.len(), 2);
    assert!(views(&ours, &recording).len() >= 2);
}

#[test]
fn three_cycles_and_two_header_versions_are_judged_as_recorded() {
    let recording = Recording::load("problematic_txs");
    let (recorded, ours) = both(&recording);
    assert_same(&recorded, &ours, &recording);

    let answered: BTreeSet<Sighash> =
        ours.acceptances.iter().map(|(sighash, _)| *sighash).collect();
    let (mut cycles, mut versions) = (BTreeSet::new(), BTreeSet::new());
    for (_, proposal) in recording.proposals() {
        if answered.contains(&proposal.block.sighash()) {
            cycles.insert(proposal.reward_cycle.get());
            versions.insert(proposal.block.header.header_version());
        }
    }
    assert_eq!(cycles, BTreeSet::from([11, 12, 13]));
    assert_eq!(versions, BTreeSet::from([0, 1]));
    assert_eq!(ours.acceptances.len(), 37);
    let reasons: Vec<RejectReason> = ours.rejections.iter().map(|(_, reason, _)| *reason).collect();
    assert_eq!(reasons, [RejectReason::ProblematicTransactions]);
}

/// Extends are judged by rules that the core does not have yet (`signer-behaviour.md` 3.6): it
/// refuses them, where the recorded signer accepted one. So the comparison ends before it.
#[test]
fn a_tenure_and_its_extend_are_judged_as_recorded() {
    let recording = Recording::load("tenure_extend_after_idle_signers");
    let is_extend = |block: &NakamotoBlock| matches!(block.tenure_role(), TenureRole::Extend(_));
    assert!(recording.proposals().any(|(_, proposal)| is_extend(&proposal.block)));
    let (recorded, ours) = both(&recording);
    assert_same(&recorded, &ours, &recording);
}

#[test]
fn every_view_of_the_first_recording_is_published_from_boot_on() {
    let recording = Recording::load("miner_gather_signatures");
    let (recorded, ours) = both(&recording);
    let all = |said: &Said| said.updates.iter().map(Wire::to_bytes).collect::<BTreeSet<_>>();
    assert_eq!(all(&ours), all(&recorded));
    let lowest = ours.updates.iter().map(|update| update.content.burn_height).min();
    assert!(
        lowest < Some(BurnHeight::new(220)),
        "the prepare phase of the first cycle is included"
    );
}
