//! The scenarios of `signer-behaviour` 11.2 that signers decide, each named after its row.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use countersign_signer::{Millis, Note, QueuedValidation};
use countersign_wire::message::{RejectReason, ValidateCode};
use system_tests::world::scene::{ALICE, BOB, Block, Scene};

/// Alice mines two blocks, and Bob wins the next sortition 15 seconds before he tries to replace the
/// second one. The scene, Bob's tenure and his attempt.
fn bob_attempts_a_reorg(
    activity: Millis,
) -> (Scene, Block, countersign_wire::ConsensusHash, Block) {
    let mut scene = Scene::with(|plan| {
        plan.timeouts.block_proposal = Millis::from_secs(20);
        plan.timeouts.reorg_attempts_activity = activity;
    });
    let before = scene.won_by(ALICE);
    let parent = scene.mine(before);
    let tip = scene.mine(before);
    let tenure = scene.won_by(BOB);
    scene.pass_secs(13);
    let attempt = scene.first_block_on(tenure, parent.id());
    scene.propose(&attempt);
    scene.expect_rejected(&attempt, RejectReason::InvalidParentBlock);
    (scene, tip, tenure, attempt)
}

/// `reorg_attempts_count_towards_miner_validity`
#[test]
fn reorg_attempts_count_towards_miner_validity() {
    let (mut scene, tip, tenure, attempt) = bob_attempts_a_reorg(Millis::from_secs(200));
    scene.pass_secs(15);
    let block = scene.mine(tenure);
    scene.expect_accepted_by_all(&block);
    assert_eq!(block.height(), tip.height().next());
    scene.expect_unsigned(&attempt);
}

/// `reorg_attempts_activity_timeout_exceeded`
#[test]
fn reorg_attempts_activity_timeout_exceeded() {
    let (mut scene, tip, tenure, _) = bob_attempts_a_reorg(Millis::from_secs(5));
    scene.pass_secs(15);
    let block = scene.next_block(tenure);
    scene.propose(&block);
    let expected = tip.tenure();
    scene.expect_rejected(&block, RejectReason::ConsensusHashMismatch { expected, actual: tenure });
    assert_eq!(scene.tip(), tip.id());
}

/// `allow_reorg_within_first_proposal_burn_block_timing_secs` and its `_scenario`
#[test]
fn allow_reorg_within_first_proposal_burn_block_timing_secs() {
    let mut scene = Scene::new();
    let first = scene.won_by(ALICE);
    scene.mine(first);
    let orphaned = scene.won_by(BOB);
    let lost = scene.mine(orphaned);
    let tenure = scene.won_by_on(ALICE, first);
    let sister = scene.mine(tenure);
    assert_eq!(sister.height(), lost.height());
    scene.expect_accepted_by_all(&sister);
    let second = scene.mine(tenure);
    scene.expect_accepted_by_all(&second);
    let next = scene.won_by(BOB);
    let block = scene.mine(next);
    scene.expect_accepted_by_all(&block);
    assert!(!scene.is_adopted(&lost));
}

/// `disallow_reorg_within_first_proposal_burn_block_timing_secs_but_more_than_one_block` and its
/// `_scenario`
#[test]
fn disallow_reorg_within_first_proposal_burn_block_timing_secs_but_more_than_one_block() {
    let mut scene = Scene::new();
    let first = scene.won_by(ALICE);
    scene.mine(first);
    let kept = scene.won_by(BOB);
    scene.mine(kept);
    let tip = scene.mine(kept);
    let tenure = scene.won_by_on(ALICE, first);
    let block = scene.next_block(tenure);
    scene.propose(&block);
    let reason = RejectReason::ConsensusHashMismatch { expected: kept, actual: tenure };
    scene.expect_rejected(&block, reason);
    assert_eq!(scene.tip(), tip.id());
}

/// `interrupt_miner_on_new_stacks_tip`: the miner's next block is on the block that has shown up.
#[test]
fn interrupt_miner_on_new_stacks_tip() {
    let mut scene = Scene::new();
    let before = scene.won_by(ALICE);
    scene.mine(before);
    scene.delay_uploads();
    let late = scene.next_block(before);
    scene.propose(&late);
    let tenure = scene.won_by(BOB);
    let dropped = scene.next_block(tenure);
    scene.resume_uploads();
    scene.expect_adopted(&late);
    let block = scene.mine(tenure);
    scene.expect_accepted_by_all(&block);
    assert_eq!(block.height(), dropped.height().next());
}

/// `global_acceptance_depends_on_block_announcement`
#[test]
fn global_acceptance_depends_on_block_announcement() {
    let mut scene = Scene::new();
    let before = scene.won_by(ALICE);
    scene.mine(before);
    scene.delay_uploads();
    let unannounced = scene.next_block(before);
    scene.propose(&unannounced);
    scene.expect_accepted_by(&unannounced, scene.honest());
    for signer in scene.honest() {
        let is_final = |note: &Note| matches!(note, Note::GloballyAccepted { sighash, .. } if *sighash == unannounced.sighash);
        assert!(!scene.notes_of(signer).any(is_final), "signer {signer}");
    }
    scene.pass_secs(35);
    let tenure = scene.won_by(BOB);
    let sister = scene.next_block(tenure);
    assert_eq!(sister.height(), unannounced.height());
    scene.propose(&sister);
    scene.expect_accepted_by(&sister, scene.honest());
}

/// `no_reorg_due_to_successive_block_validation_ok`
#[test]
fn no_reorg_due_to_successive_block_validation_ok() {
    let mut scene = Scene::new();
    let before = scene.won_by(ALICE);
    scene.mine(before);
    scene.delay_uploads();
    scene.stall_validation(scene.honest());
    let block = scene.next_block(before);
    scene.propose(&block);
    let tenure = scene.won_by(BOB);
    let sister = scene.next_block(tenure);
    assert_eq!(sister.height(), block.height());
    scene.propose(&sister);
    scene.expect_silence(&sister);
    scene.finish_validation();
    scene.expect_accepted_by(&block, scene.honest());
    scene.expect_rejected(&sister, RejectReason::SortitionViewMismatch);
    scene.resume_uploads();
    let next = scene.mine(tenure);
    assert_eq!(next.height(), block.height().next());
    scene.propose(&sister);
    scene.expect_rejected(&sister, RejectReason::RejectedInPriorRound);
}

/// `forked_tenure_invalid`
#[test]
fn forked_tenure_invalid() {
    let mut scene = Scene::new();
    let first = scene.won_by(ALICE);
    scene.mine(first);
    let kept = scene.won_by(BOB);
    scene.mine(kept);
    scene.pass_secs(65);
    let fork = scene.won_by_on(ALICE, first);
    let block = scene.next_block(fork);
    scene.propose(&block);
    let reason = RejectReason::ConsensusHashMismatch { expected: kept, actual: fork };
    scene.expect_rejected(&block, reason);
    let extend = scene.full_extend(kept);
    scene.propose(&extend);
    scene.expect_accepted_by_all(&extend);
    let tenure = scene.won_by(ALICE);
    let block = scene.mine(tenure);
    scene.expect_accepted_by_all(&block);
}

/// `forked_tenure_okay`
#[test]
fn forked_tenure_okay() {
    let mut scene = Scene::with(|plan| {
        plan.timeouts.first_proposal_burn_block_timing = Millis::from_secs(3600);
    });
    let first = scene.won_by(ALICE);
    scene.mine(first);
    let orphaned = scene.won_by(BOB);
    let lost = scene.mine(orphaned);
    scene.pass_secs(65);
    let fork = scene.won_by_on(ALICE, first);
    let block = scene.mine(fork);
    scene.expect_accepted_by_all(&block);
    let next = scene.won_by(BOB);
    let block = scene.mine(next);
    scene.expect_accepted_by_all(&block);
    assert!(!scene.is_adopted(&lost));
}

/// `bitcoind_forking_test`
#[test]
fn bitcoind_forking_test() {
    let mut scene = Scene::new();
    for depth in [1, 3, 6] {
        for _ in 0..depth {
            let tenure = scene.won_by(ALICE);
            scene.mine(tenure);
        }
        scene.fork_burn_chain(depth);
        // A fork that wins is longer than what it takes away.
        scene.empty_burn_blocks(depth);
        for miner in [BOB, ALICE] {
            let tenure = scene.won_by(miner);
            let block = scene.mine(tenure);
            scene.expect_accepted_by_all(&block);
        }
    }
}

/// `partial_tenure_fork`
#[test]
fn partial_tenure_fork() {
    let mut scene = Scene::new();
    let before = scene.won_by(ALICE);
    let known = scene.mine(before);
    scene.mine(before);
    let tenure = scene.won_by(BOB);
    let fork = scene.first_block_on(tenure, known.id());
    scene.propose(&fork);
    scene.expect_rejected(&fork, RejectReason::InvalidParentBlock);
    let next = scene.won_by(ALICE);
    let block = scene.mine(next);
    scene.expect_accepted_by_all(&block);
}

/// `locally_accepted_blocks_overriden_by_global_rejection`
#[test]
fn locally_accepted_blocks_overriden_by_global_rejection() {
    let mut scene = Scene::new();
    let tenure = scene.won_by(ALICE);
    scene.mine(tenure);
    scene.refute([3, 4], ValidateCode::BadTransaction);
    let refused = scene.next_block(tenure);
    scene.propose(&refused);
    assert_eq!(scene.promisers(&refused), [0, 1, 2]);
    scene.expect_unsigned(&refused);
    scene.tell_the_truth();
    let sister = scene.mine(tenure);
    assert_eq!(sister.height(), refused.height());
    scene.expect_accepted_by_all(&sister);
}

/// `locally_rejected_blocks_overriden_by_global_acceptance`
#[test]
fn locally_rejected_blocks_overriden_by_global_acceptance() {
    let mut scene = Scene::new();
    let tenure = scene.won_by(ALICE);
    scene.mine(tenure);
    scene.refute([4], ValidateCode::BadTransaction);
    let block = scene.mine(tenure);
    scene.expect_accepted_by(&block, 0..4);
    scene.tell_the_truth();
    let next = scene.mine(tenure);
    scene.expect_accepted_by_all(&next);
}

/// Three of five have signed a block, which is not enough, `seconds` before Bob starts a tenure
/// beside it. The scene, the block and Bob's.
fn bob_builds_beside_a_locally_accepted_block(seconds: u64) -> (Scene, Block, Block) {
    let mut scene = Scene::with_puppets(2);
    let before = scene.won_by(ALICE);
    scene.agree();
    scene.mine_with_puppets(before);
    let block = scene.next_block(before);
    scene.propose(&block);
    scene.pre_commit(3, &block);
    scene.expect_accepted_by(&block, 0..3);
    assert!(!scene.is_adopted(&block));
    scene.pass_secs(seconds);
    let tenure = scene.won_by(BOB);
    scene.agree();
    let sister = scene.next_block(tenure);
    assert_eq!(sister.height(), block.height());
    scene.propose(&sister);
    (scene, block, sister)
}

/// `reorg_locally_accepted_blocks_across_tenures_succeeds`
#[test]
fn reorg_locally_accepted_blocks_across_tenures_succeeds() {
    let (mut scene, block, sister) = bob_builds_beside_a_locally_accepted_block(30);
    for puppet in scene.puppets() {
        scene.accept(puppet, &sister);
    }
    scene.expect_accepted_by_all(&sister);
    assert!(!scene.is_adopted(&block));
}

/// `reorg_locally_accepted_blocks_across_tenures_fails`
#[test]
fn reorg_locally_accepted_blocks_across_tenures_fails() {
    let (mut scene, block, sister) = bob_builds_beside_a_locally_accepted_block(0);
    for puppet in scene.puppets() {
        scene.accept(puppet, &sister);
    }
    scene.expect_unsigned(&sister);
    assert_eq!(scene.rejecters(&sister).len(), 3);
    assert_eq!(scene.height().next(), block.height());
}

/// `bitcoin_reorg_extended_tenure`
#[test]
fn bitcoin_reorg_extended_tenure() {
    let mut scene = Scene::new();
    let tenure = scene.won_by(ALICE);
    let kept = scene.mine(tenure);
    scene.freeze_nodes([4]);
    scene.nobody_wins();
    let lost = scene.full_extend(tenure);
    scene.propose_to(&lost, 0..4);
    scene.expect_adopted(&lost);
    scene.fork_burn_chain(1);
    scene.nobody_wins();
    scene.thaw_nodes();
    assert_eq!(scene.tip(), kept.id());
    scene.pass_secs(35);
    let extend = scene.full_extend(tenure);
    assert_eq!(extend.height(), lost.height());
    scene.propose(&extend);
    scene.expect_accepted_by_all(&extend);
    let block = scene.mine(tenure);
    scene.expect_accepted_by_all(&block);
}

/// `reorging_signers_capitulate_to_nonreorging_signers_during_tenure_fork`: two of five would allow
/// that Bob's tenure is orphaned.
#[test]
fn reorging_signers_capitulate_to_nonreorging_signers_during_tenure_fork() {
    let mut scene = Scene::new();
    for signer in [3, 4] {
        scene.configure(signer, |timeouts| {
            timeouts.first_proposal_burn_block_timing = Millis::from_secs(3600);
        });
    }
    let first = scene.won_by(ALICE);
    scene.mine(first);
    let kept = scene.won_by(BOB);
    scene.mine(kept);
    scene.pass_secs(65);
    let fork = scene.won_by_on(ALICE, first);
    let followed = |scene: &Scene| scene.honest().map(|signer| scene.followed_by(signer)).collect();
    let before: Vec<_> = followed(&scene);
    assert_eq!(before, [kept, kept, kept, fork, fork].map(Some));
    scene.pass_secs(45);
    let after: Vec<_> = followed(&scene);
    assert_eq!(after, [Some(kept); 5]);
    let extend = scene.full_extend(kept);
    scene.propose(&extend);
    scene.expect_accepted_by_all(&extend);
    let next = scene.won_by(ALICE);
    let block = scene.mine(next);
    scene.expect_accepted_by_all(&block);
}

/// `miner_forking`
#[test]
fn miner_forking() {
    let mut scene = Scene::new();
    let mut before = scene.won_by(ALICE);
    scene.mine(before);
    for _ in 0..4 {
        let tenure = scene.won_by(ALICE);
        scene.mine(tenure);
        let tip = scene.mine(tenure);
        let outdated = scene.won_by_on(BOB, before);
        let fork = scene.next_block(outdated);
        scene.propose(&fork);
        scene.expect_unsigned(&fork);
        let extend = scene.full_extend(tenure);
        scene.propose(&extend);
        scene.expect_accepted_by_all(&extend);
        assert_eq!(extend.proposal.block.header.parent_block_id, tip.id());
        before = tenure;
    }
}

/// `revalidate_unknown_parent`
#[test]
fn revalidate_unknown_parent() {
    let mut scene = Scene::new();
    let tenure = scene.won_by(ALICE);
    scene.mine(tenure);
    scene.freeze_nodes([4]);
    scene.mine(tenure);
    let child = scene.next_block(tenure);
    scene.forget_what_was_said();
    for _ in 0..3 {
        scene.propose_to(&child, [4]);
    }
    let waits = |note: &&Note| {
        matches!(note, Note::ValidationQueued { why: QueuedValidation::ParentUnknown, .. })
    };
    assert_eq!(scene.notes_of(4).filter(waits).count(), 1, "one proposal is pending");
    scene.expect_not_validated(&child);
    scene.thaw_nodes();
    assert_eq!(scene.validations_of(&child), 1);
    assert_eq!(scene.promisers(&child), [4]);
}

/// `new_tenure_while_validating_previous_scenario`
#[test]
fn new_tenure_while_validating_previous_scenario() {
    let mut scene = Scene::new();
    let before = scene.won_by(ALICE);
    scene.mine(before);
    scene.stall_validation(scene.honest());
    let block = scene.next_block(before);
    scene.propose(&block);
    let tenure = scene.won_by(BOB);
    let sister = scene.next_block(tenure);
    scene.propose(&sister);
    scene.finish_validation();
    scene.expect_accepted_by_all(&block);
    scene.expect_unsigned(&sister);
    assert_eq!(scene.rejecters(&sister).len(), 5);
    let retry = scene.mine(tenure);
    scene.expect_accepted_by_all(&retry);
}

/// `btc_fork_on_midtenure_accept`
#[test]
fn btc_fork_on_midtenure_accept() {
    let mut scene = Scene::new();
    let tenure = scene.won_by(ALICE);
    scene.mine(tenure);
    scene.nobody_wins();
    scene.stall_validation(scene.honest());
    let block = scene.next_block(tenure);
    scene.propose(&block);
    scene.fork_burn_chain(1);
    scene.nobody_wins();
    scene.finish_validation();
    scene.expect_accepted_by_all(&block);
    let next = scene.mine(tenure);
    scene.expect_accepted_by_all(&next);
    let tenure = scene.won_by(BOB);
    let first = scene.mine(tenure);
    scene.expect_accepted_by_all(&first);
}
