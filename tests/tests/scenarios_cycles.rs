//! The scenarios of `signer-behaviour` 11.1 about reward cycles, each named after its row.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use countersign_signer::Query;
use countersign_wire::message::SignerMessage;
use system_tests::world::scene::{ALICE, BOB, Scene};

/// `mine_2_nakamoto_reward_cycles`
#[test]
fn mine_2_nakamoto_reward_cycles() {
    let mut scene = Scene::new();
    let end = scene.cycle().next().next();
    while scene.cycle() < end {
        let tenure = scene.won_by(ALICE);
        for _ in 0..2 {
            let block = scene.mine(tenure);
            scene.expect_accepted_by_all(&block);
        }
        scene.forget_what_was_said();
    }
}

/// `reloads_signer_set_in`
#[test]
fn reloads_signer_set_in() {
    let mut scene = Scene::new();
    let next = scene.cycle().next();
    for node in scene.honest() {
        scene.fail(node, move |query| *query == Query::Registration(next));
    }
    let before = scene.burn_blocks_left() - 2;
    scene.empty_burn_blocks(before);
    assert_eq!(scene.seats_in(next), 0, "the reward set is not known yet");
    scene.tell_the_truth();
    scene.empty_burn_blocks(2);
    assert_eq!(scene.seats_in(next), 5);
    let tenure = scene.won_by(ALICE);
    assert_eq!(scene.cycle(), next);
    let block = scene.mine(tenure);
    scene.expect_accepted_by_all(&block);
}

/// `signer_set_rollover`
#[test]
fn signer_set_rollover() {
    rolls_over(5);
}

/// `signer_multinode_rollover`: the old signers are at one node, the new ones at another.
#[test]
fn signer_multinode_rollover() {
    rolls_over(2);
}

fn rolls_over(nodes: usize) {
    let mut scene = Scene::with(|plan| {
        plan.nodes = nodes;
        for (number, signer) in plan.signers.iter_mut().enumerate() {
            // Cycles alternate between the even and the odd ones.
            signer.weights = if number % 2 == 0 { vec![20, 0] } else { vec![0, 20] };
        }
    });
    let (old, new) = (vec![1, 3], vec![0, 2, 4]);
    let first_cycle = scene.cycle();
    let left = scene.burn_blocks_left();
    for _ in 0..left {
        let tenure = scene.won_by(ALICE);
        let block = scene.mine(tenure);
        scene.expect_accepted_by(&block, old.clone());
    }
    let tenure = scene.won_by(BOB);
    assert_eq!(scene.cycle(), first_cycle.next());
    for _ in 0..3 {
        let block = scene.mine(tenure);
        scene.expect_accepted_by(&block, new.clone());
    }
}

/// `signing_in_0th_tenure_of_reward_cycle`
#[test]
fn signing_in_0th_tenure_of_reward_cycle() {
    let mut scene = Scene::new();
    let left = scene.burn_blocks_left();
    scene.empty_burn_blocks(left);
    let (before, tenure) = (scene.cycle(), scene.won_by(ALICE));
    assert_eq!(scene.cycle(), before.next(), "the first burn block of the cycle");
    let block = scene.mine(tenure);
    assert_eq!(block.proposal.reward_cycle, scene.cycle());
    scene.expect_accepted_by_all(&block);
}

/// `incoming_signers_ignore_block_proposals`: new signers of the next cycle hear all, say nothing.
#[test]
fn incoming_signers_ignore_block_proposals() {
    let mut scene = Scene::with(|plan| {
        for (number, signer) in plan.signers.iter_mut().enumerate() {
            // The chain starts in cycle 1; the first two come with cycle 2.
            signer.weights = if number < 2 { vec![20, 0] } else { vec![20, 20] };
        }
    });
    scene.empty_burn_blocks(16);
    assert_eq!(scene.seats_in(scene.cycle().next()), 5, "the prepare phase");
    let tenure = scene.won_by(ALICE);
    let block = scene.next_block(tenure);
    scene.propose(&block);
    scene.expect_accepted_by(&block, 2..5);
    assert_eq!(scene.promisers(&block), [2, 3, 4]);
    assert!(scene.rejecters(&block).is_empty());
}

/// `outgoing_signers_ignore_block_proposals`: the signers of the last cycle, after it.
#[test]
fn outgoing_signers_ignore_block_proposals() {
    let mut scene = Scene::with(|plan| {
        for (number, signer) in plan.signers.iter_mut().enumerate() {
            signer.weights = if number < 2 { vec![0, 20] } else { vec![20, 20] };
        }
    });
    let left = scene.burn_blocks_left();
    scene.empty_burn_blocks(left);
    let tenure = scene.won_by(ALICE);
    let block = scene.next_block(tenure);
    scene.propose(&block);
    scene.expect_accepted_by(&block, 2..5);
    assert_eq!(scene.promisers(&block), [2, 3, 4]);
    assert!(scene.rejecters(&block).is_empty());
}

/// `injected_signatures_are_ignored_across_boundaries`
#[test]
fn injected_signatures_are_ignored_across_boundaries() {
    let mut scene = Scene::with_puppets(2);
    let (left, old) = (scene.burn_blocks_left(), scene.cycle());
    scene.empty_burn_blocks(left);
    scene.agree();
    let tenure = scene.won_by(ALICE);
    scene.agree();
    let block = scene.next_block(tenure);
    scene.propose(&block);
    assert_eq!(scene.promisers(&block), [0, 1, 2]);
    for puppet in scene.puppets() {
        let (promise, signature) =
            (SignerMessage::BlockPreCommit(block.sighash), Scene::acceptance_by(puppet, &block));
        scene.speak(puppet, old, &promise);
        scene.speak(puppet, old, &signature);
    }
    scene.expect_unsigned(&block);
    scene.pre_commit(3, &block);
    scene.expect_accepted_by(&block, 0..3);
    assert!(!scene.is_adopted(&block), "three fifths have signed");
    scene.accept(3, &block);
    scene.expect_adopted(&block);
}
