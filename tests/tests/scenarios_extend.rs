//! The scenarios of `signer-behaviour` 11.3 that signers decide, each named after its row.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use countersign_signer::Millis;
use countersign_wire::ConsensusHash;
use countersign_wire::event::ExecutionCost;
use countersign_wire::message::{MinerState, RejectReason};
use countersign_wire::transaction::TenureChangeCause;
use system_tests::world::scene::{ALICE, BOB, Block, Scene};

/// A tenure of Alice's with two blocks, and no burn block since.
fn alices_tenure() -> (Scene, ConsensusHash) {
    let mut scene = Scene::new();
    let tenure = scene.won_by(ALICE);
    scene.mine(tenure);
    scene.mine(tenure);
    (scene, tenure)
}

/// Blocks take the nodes so long to validate, and cost something or nothing.
fn validation_takes(scene: &mut Scene, seconds: u64, cost: ExecutionCost) {
    for node in scene.honest() {
        scene.measure(node, move |ok| {
            ok.validation_time_ms = seconds * 1000;
            ok.cost = cost;
        });
    }
}

/// `read_count_extend_after_idle_signers` and `sip034_tenure_extend_proposal_acceptance`
#[test]
fn read_count_extend_after_idle_signers() {
    let (mut scene, tenure) = alices_tenure();
    let early = scene.extend(tenure, TenureChangeCause::ExtendedReadCount, tenure);
    scene.propose(&early);
    scene.expect_rejected(&early, RejectReason::InvalidTenureExtend);
    scene.pass_secs(13);
    let extend = scene.extend(tenure, TenureChangeCause::ExtendedReadCount, tenure);
    scene.propose(&extend);
    scene.expect_accepted_by_all(&extend);
}

/// `tenure_extend_after_idle_signers`, `tenure_extend_after_idle_miner` and
/// `tenure_extend_with_other_transactions`: who was idle does not matter, nor what else is in it.
#[test]
fn tenure_extend_after_idle_signers() {
    let (mut scene, tenure) = alices_tenure();
    scene.pass_secs(30);
    let extend = scene.full_extend(tenure);
    assert!(extend.proposal.block.transactions.len() > 1);
    scene.propose(&extend);
    scene.expect_accepted_by_all(&extend);
}

/// `tenure_extend_after_idle_signers_with_buffer`
#[test]
fn tenure_extend_after_idle_signers_with_buffer() {
    let mut scene = Scene::new();
    let tenure = scene.won_by(ALICE);
    let before = scene.now().as_unix().get();
    let block = scene.mine(tenure);
    let after = scene.now().as_unix().get();
    for signer in scene.honest() {
        let data = &scene.acceptance_of(signer, &block).unwrap().data;
        let (full, read_count) = (data.full_extend_at.get(), data.read_count_extend_at.get());
        assert!((before + 32..=after + 32).contains(&full), "30 s and 2 s of buffer");
        assert_eq!(full - read_count, 15, "30 s and 15 s");
    }
}

/// `tenure_extend_succeeds_after_rejected_attempt`
#[test]
fn tenure_extend_succeeds_after_rejected_attempt() {
    let (mut scene, tenure) = alices_tenure();
    scene.pass_secs(10);
    let extend = scene.full_extend(tenure);
    scene.propose(&extend);
    scene.expect_rejected(&extend, RejectReason::InvalidTenureExtend);
    scene.expect_not_validated(&extend);
    scene.pass_secs(20);
    scene.propose(&extend);
    scene.expect_accepted_by_all(&extend);
}

/// The time at which the first signer would accept a full extend, as it says with this block.
fn told_with(scene: &Scene, block: &Block) -> u64 {
    scene.acceptance_of(0, block).unwrap().data.full_extend_at.get()
}

/// `stx_transfers_dont_effect_idle_timeout`
#[test]
fn stx_transfers_dont_effect_idle_timeout() {
    let mut scene = Scene::new();
    validation_takes(&mut scene, 9, ExecutionCost::default());
    let tenure = scene.won_by(ALICE);
    scene.mine(tenure);
    let first = scene.mine(tenure);
    scene.mine(tenure);
    let last = scene.mine(tenure);
    assert_eq!(told_with(&scene, &first), told_with(&scene, &last));
}

/// `idle_tenure_extend_active_mining`
#[test]
fn idle_tenure_extend_active_mining() {
    let mut scene = Scene::new();
    validation_takes(&mut scene, 5, ExecutionCost { runtime: 1, ..ExecutionCost::default() });
    let tenure = scene.won_by(ALICE);
    let mut told = Vec::new();
    for _ in 0..4 {
        let block = scene.mine(tenure);
        told.push(told_with(&scene, &block));
    }
    assert_eq!(
        (told[2] - told[1], told[3] - told[2]),
        (5, 5),
        "each block pushes it out: {told:?}"
    );
    scene.pass_secs(30);
    let early = scene.full_extend(tenure);
    scene.propose(&early);
    scene.expect_rejected(&early, RejectReason::InvalidTenureExtend);
    scene.pass_secs(12);
    let extend = scene.full_extend(tenure);
    scene.propose(&extend);
    scene.expect_accepted_by_all(&extend);
}

/// `sip034_tenure_extend_proposal_rejection`
#[test]
fn sip034_tenure_extend_proposal_rejection() {
    use TenureChangeCause::{
        ExtendedReadLength, ExtendedRuntime, ExtendedWriteCount, ExtendedWriteLength,
    };
    for cause in [ExtendedRuntime, ExtendedReadLength, ExtendedWriteCount, ExtendedWriteLength] {
        let (mut scene, tenure) = alices_tenure();
        scene.pass_secs(120);
        let extend = scene.extend(tenure, cause, tenure);
        scene.propose(&extend);
        scene.expect_rejected(&extend, RejectReason::InvalidTenureExtend);
        scene.expect_not_validated(&extend);
    }
}

/// Alice and then Bob mine; the next winner has committed to Alice's tenure, as if Bob's two blocks
/// were not there. Bob's tenure and the winner's.
fn stale_commit(scene: &mut Scene, winner: usize) -> (ConsensusHash, ConsensusHash) {
    let old = scene.won_by(ALICE);
    scene.mine(old);
    let tenure = scene.won_by(BOB);
    scene.mine(tenure);
    scene.mine(tenure);
    (tenure, scene.won_by_on(winner, old))
}

/// A block of a tenure that is not the agreed one gets no signature; the agreed one is extended.
fn refuses_and_extends(scene: &mut Scene, refused: ConsensusHash, extended: ConsensusHash) {
    let block = scene.next_block(refused);
    scene.propose(&block);
    let reason = RejectReason::ConsensusHashMismatch { expected: extended, actual: refused };
    scene.expect_rejected(&block, reason);
    extends(scene, extended);
}

fn extends(scene: &mut Scene, tenure: ConsensusHash) -> Block {
    let extend = scene.full_extend(tenure);
    scene.propose(&extend);
    scene.expect_accepted_by_all(&extend);
    extend
}

/// `tenure_extend_after_stale_commit_different_miner`
#[test]
fn tenure_extend_after_stale_commit_different_miner() {
    let mut scene = Scene::new();
    let (tenure, stale) = stale_commit(&mut scene, ALICE);
    refuses_and_extends(&mut scene, stale, tenure);
}

/// `tenure_extend_after_stale_commit_same_miner` and its `_then_no_winner`
#[test]
fn tenure_extend_after_stale_commit_same_miner() {
    let mut scene = Scene::new();
    let (tenure, stale) = stale_commit(&mut scene, BOB);
    refuses_and_extends(&mut scene, stale, tenure);
    scene.nobody_wins();
    extends(&mut scene, tenure);
}

/// `tenure_extend_after_failed_miner`
#[test]
fn tenure_extend_after_failed_miner() {
    let (mut scene, tenure) = alices_tenure();
    scene.won_by(BOB);
    scene.pass_secs(121);
    extends(&mut scene, tenure);
}

/// `tenure_extend_after_bad_commit` and `tenure_extend_after_2_bad_commits`
#[test]
fn tenure_extend_after_bad_commits() {
    for bad_commits in [1, 2] {
        let mut scene = Scene::new();
        let old = scene.won_by(ALICE);
        scene.mine(old);
        let tenure = scene.won_by(ALICE);
        scene.mine(tenure);
        scene.mine(tenure);
        let bad = scene.won_by_on(BOB, old);
        refuses_and_extends(&mut scene, bad, tenure);
        if bad_commits == 2 {
            let worse = scene.won_by_on(BOB, old);
            let block = scene.next_block(worse);
            scene.propose(&block);
            scene.expect_unsigned(&block);
        }
        let next = scene.won_by(BOB);
        let block = scene.mine(next);
        scene.expect_accepted_by_all(&block);
    }
}

/// `prev_miner_extends_if_incoming_miner_fails_to_mine_success`
#[test]
fn prev_miner_extends_if_incoming_miner_fails_to_mine_success() {
    let (mut scene, tenure) = alices_tenure();
    let late = scene.won_by(BOB);
    scene.pass_secs(121);
    refuses_and_extends(&mut scene, late, tenure);
    let next = scene.won_by(BOB);
    let block = scene.mine(next);
    scene.expect_accepted_by_all(&block);
}

/// `prev_miner_extends_if_incoming_miner_fails_to_mine_failure`
#[test]
fn prev_miner_extends_if_incoming_miner_fails_to_mine_failure() {
    let (mut scene, tenure) = alices_tenure();
    let incoming = scene.won_by(BOB);
    scene.pass_secs(60);
    let extend = scene.full_extend(tenure);
    scene.propose(&extend);
    let reason = RejectReason::ConsensusHashMismatch { expected: incoming, actual: tenure };
    scene.expect_rejected(&extend, reason);
    let block = scene.mine(incoming);
    scene.expect_accepted_by_all(&block);
}

/// `continue_after_tenure_extend`
#[test]
fn continue_after_tenure_extend() {
    let (mut scene, tenure) = alices_tenure();
    scene.nobody_wins();
    extends(&mut scene, tenure);
    for _ in 0..3 {
        let block = scene.mine(tenure);
        scene.expect_accepted_by_all(&block);
    }
}

/// `new_tenure_no_winner_while_proposing_block`, its `_then_rejected` and its `_then_ignored`: the
/// block that was under way is finished, or an extend takes its place.
#[test]
fn new_tenure_no_winner_while_proposing_block() {
    for is_finished in [true, false] {
        let (mut scene, tenure) = alices_tenure();
        scene.stall_validation(scene.honest());
        let block = scene.next_block(tenure);
        if is_finished {
            scene.propose(&block);
        } else {
            scene.propose_to(&block, 0..2);
        }
        scene.nobody_wins();
        scene.finish_validation();
        assert_eq!(scene.is_adopted(&block), is_finished);
        let extend = extends(&mut scene, tenure);
        let replaced = extend.height() == block.height();
        assert_eq!(replaced, !is_finished);
    }
}

/// One of five is more or less patient than the others with Bob, who is silent for a while.
fn minority_of_one(others: u64, minority: u64) -> (Scene, ConsensusHash, ConsensusHash) {
    let mut scene = Scene::with(|plan| {
        plan.timeouts.block_proposal = Millis::from_secs(others);
    });
    scene.configure(4, |timeouts| timeouts.block_proposal = Millis::from_secs(minority));
    let tenure = scene.won_by(ALICE);
    scene.mine(tenure);
    let incoming = scene.won_by(BOB);
    scene.pass_secs(30);
    (scene, tenure, incoming)
}

fn follows(scene: &Scene, signer: usize) -> ConsensusHash {
    match scene.view_of(signer).unwrap().content.miner {
        MinerState::Active(miner) => miner.tenure,
        MinerState::NoValidMiner => panic!("signer {signer} follows nobody"),
    }
}

/// `non_blocking_minority_configured_to_favour_incoming_miner`
#[test]
fn non_blocking_minority_configured_to_favour_incoming_miner() {
    let (mut scene, tenure, incoming) = minority_of_one(20, 3600);
    assert_eq!(follows(&scene, 0), tenure);
    refuses_and_extends(&mut scene, incoming, tenure);
    let next = scene.mine(tenure);
    scene.expect_accepted_by_all(&next);
}

/// `non_blocking_minority_configured_to_favour_prev_miner`
#[test]
fn non_blocking_minority_configured_to_favour_prev_miner() {
    let (mut scene, tenure, incoming) = minority_of_one(3600, 20);
    assert_eq!(follows(&scene, 0), incoming);
    let extend = scene.full_extend(tenure);
    scene.propose(&extend);
    let reason = RejectReason::ConsensusHashMismatch { expected: incoming, actual: tenure };
    scene.expect_rejected(&extend, reason);
    for _ in 0..2 {
        let block = scene.mine(incoming);
        scene.expect_accepted_by_all(&block);
    }
}

/// `empty_sortition_before_approval` and `empty_sortition_before_proposal`
#[test]
fn empty_sortition_before_approval_or_proposal() {
    let (mut scene, tenure) = alices_tenure();
    scene.nobody_wins();
    extends(&mut scene, tenure);
    // Now the empty sortition comes while the extend for the one before is on its way.
    scene.nobody_wins();
    scene.stall_validation(scene.honest());
    let extend = scene.full_extend(tenure);
    scene.propose(&extend);
    scene.nobody_wins();
    scene.finish_validation();
    scene.expect_accepted_by_all(&extend);
    let block = scene.mine(tenure);
    scene.expect_accepted_by_all(&block);
}

/// `continue_after_fast_block_no_sortition`
#[test]
fn continue_after_fast_block_no_sortition() {
    let (mut scene, _) = alices_tenure();
    let late = scene.won_by(BOB);
    scene.nobody_wins();
    scene.nobody_wins();
    let block = scene.mine(late);
    scene.expect_accepted_by_all(&block);
    extends(&mut scene, late);
    let block = scene.mine(late);
    scene.expect_accepted_by_all(&block);
}

/// `fast_sortition`
#[test]
fn fast_sortition() {
    let (mut scene, _) = alices_tenure();
    scene.won_by(BOB);
    let tenure = scene.won_by(ALICE);
    let block = scene.mine(tenure);
    scene.expect_accepted_by_all(&block);
}

/// `multiple_miners_empty_sortition` and `single_miner_empty_sortition`
#[test]
fn miners_with_empty_sortitions() {
    for miners in [vec![ALICE], vec![ALICE, BOB]] {
        let mut scene = Scene::new();
        for round in 0..4 {
            let tenure = scene.won_by(miners[round % miners.len()]);
            scene.mine(tenure);
            scene.nobody_wins();
            extends(&mut scene, tenure);
            let block = scene.mine(tenure);
            scene.expect_accepted_by_all(&block);
        }
    }
}

/// `read_count_extend_after_burn_view_change`
#[test]
fn read_count_extend_after_burn_view_change() {
    let mut scene = Scene::new();
    let (tenure, stale) = stale_commit(&mut scene, ALICE);
    let view = scene.burn_tip();
    let read_count = scene.extend(tenure, TenureChangeCause::ExtendedReadCount, view);
    scene.propose(&read_count);
    scene.expect_rejected(&read_count, RejectReason::InvalidTenureExtend);
    refuses_and_extends(&mut scene, stale, tenure);
    let early = scene.extend(tenure, TenureChangeCause::ExtendedReadCount, view);
    scene.propose(&early);
    scene.expect_rejected(&early, RejectReason::InvalidTenureExtend);
    scene.pass_secs(15);
    let extend = scene.extend(tenure, TenureChangeCause::ExtendedReadCount, view);
    scene.propose(&extend);
    scene.expect_accepted_by_all(&extend);
}
