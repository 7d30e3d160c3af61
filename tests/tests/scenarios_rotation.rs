//! Told stories about a change of keys: two keys are loaded, and each signs in the cycles in which it is
//! registered.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::collections::BTreeSet;

use countersign_signer::Event;
use countersign_wire::message::SignerMessage;
use countersign_wire::{ConsensusHash, PublicKey, RewardCycle};
use system_tests::world::scene::{ALICE, BOB, Scene};

/// The chain starts in cycle 1.
const NEW: RewardCycle = RewardCycle::new(2);

/// The signers who change their keys with cycle 2.
fn changing(signers: &'static [usize]) -> Scene {
    Scene::with(|plan| {
        for signer in signers {
            plan.signers[*signer].changes_key_in = Some(NEW);
        }
    })
}

fn old(signer: usize) -> BTreeSet<PublicKey> {
    [Scene::key_of(signer)].into()
}

fn new(signer: usize) -> BTreeSet<PublicKey> {
    [Scene::next_key_of(signer)].into()
}

/// Mines a block that all sign and the chain gets, each of `signers` with these keys.
fn mine(
    scene: &mut Scene,
    tenure: ConsensusHash,
    signers: &[usize],
    keys: fn(usize) -> BTreeSet<PublicKey>,
) {
    let block = scene.mine(tenure);
    scene.expect_accepted_by_all(&block);
    for signer in signers {
        assert_eq!(scene.keys_used_for(*signer, &block), keys(*signer), "signer {signer}");
    }
}

#[test]
fn a_signer_changes_its_key_at_the_boundary_without_a_restart() {
    let mut scene = changing(&[1]);
    while scene.burn_blocks_left() > 0 {
        let tenure = scene.won_by(ALICE);
        mine(&mut scene, tenure, &[1], old);
    }
    assert_eq!(scene.seats_in(NEW), 5, "the new key has its seat before its cycle begins");
    for _ in 0..3 {
        let tenure = scene.won_by(BOB);
        assert_eq!(scene.cycle(), NEW);
        mine(&mut scene, tenure, &[1], new);
        mine(&mut scene, tenure, &[1], new);
    }
}

#[test]
fn all_signers_may_change_their_keys_at_once() {
    const ALL: [usize; 5] = [0, 1, 2, 3, 4];
    let mut scene = changing(&ALL);
    let left = scene.burn_blocks_left();
    scene.empty_burn_blocks(left - 1);
    let tenure = scene.won_by(ALICE);
    mine(&mut scene, tenure, &ALL, old);
    let tenure = scene.won_by(BOB);
    assert_eq!(scene.cycle(), NEW);
    mine(&mut scene, tenure, &ALL, new);
}

#[test]
fn crashes_before_and_after_the_boundary_cost_no_key_its_seat() {
    let mut scene = changing(&[1]);
    let left = scene.burn_blocks_left();
    scene.empty_burn_blocks(left - 1);
    let tenure = scene.won_by(ALICE);
    // It dies with a promise in the old cycle, and its signature is still asked of it.
    let last = scene.next_block(tenure);
    scene.propose_to(&last, [1]);
    assert_eq!(scene.promisers(&last), [1]);
    scene.kill(1);
    scene.propose_to(&last, [0, 2]);
    assert!(scene.accepters(&last).is_empty(), "three fifths have promised");
    scene.start(1);
    scene.propose_to(&last, [3, 4]);
    scene.expect_accepted_by_all(&last);
    assert_eq!(scene.keys_used_for(1, &last), old(1));

    let tenure = scene.won_by(BOB);
    assert_eq!(scene.cycle(), NEW);
    scene.kill(1);
    scene.start(1);
    mine(&mut scene, tenure, &[1], new);
}

#[test]
fn the_last_block_of_the_old_cycle_gets_the_old_keys_signature_after_the_boundary() {
    let mut scene = changing(&[1]);
    let left = scene.burn_blocks_left();
    scene.empty_burn_blocks(left - 1);
    let tenure = scene.won_by(ALICE);
    scene.lose(|_, event| {
        matches!(event, Event::Peer { message: SignerMessage::BlockPreCommit(_), .. })
    });
    let last = scene.next_block(tenure);
    scene.propose(&last);
    assert!(scene.accepters(&last).is_empty(), "nobody hears the promises of the others");
    scene.lose_nothing();
    // A cycle begins, and the slots are read again.
    scene.empty_burn_blocks(1);
    assert_eq!(scene.cycle(), NEW);
    scene.expect_accepted_by_all(&last);
    assert_eq!(scene.keys_used_for(1, &last), old(1));
    let tenure = scene.won_by(BOB);
    mine(&mut scene, tenure, &[1], new);
}

#[test]
fn a_signer_that_has_not_loaded_its_new_key_is_silent_in_the_new_cycle() {
    let mut scene = changing(&[1]);
    scene.unload_next_key(1);
    let left = scene.burn_blocks_left();
    scene.empty_burn_blocks(left);
    let tenure = scene.won_by(ALICE);
    let block = scene.mine(tenure);
    scene.expect_accepted_by(&block, [0, 2, 3, 4]);
    assert!(scene.keys_used_for(1, &block).is_empty());
}
