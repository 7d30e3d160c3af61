//! The scenarios of `signer-behaviour` 11.6, each named after its row, and the ones about protocol
//! versions of 11.1. Old signers are puppets: their messages have no tails of later versions, and
//! before two-phase commit they sign at once.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use countersign_signer::Millis;
use countersign_wire::Wire as _;
use countersign_wire::message::{
    BlockResponse, RejectReason, ResponseData, SignerMessage, StateMachineUpdate,
};
use system_tests::world::scene::{ALICE, BOB, Block, Scene};

/// The response that an old signer would have sent.
fn old_acceptance(signer: usize, block: &Block) -> SignerMessage {
    let message = Scene::acceptance_by(signer, block);
    let SignerMessage::BlockResponse(BlockResponse::Accepted(mut accepted)) = message else {
        panic!("it is an acceptance");
    };
    accepted.data = ResponseData::absent();
    accepted.server_version = String::new();
    SignerMessage::BlockResponse(BlockResponse::Accepted(accepted))
}

/// `old_version_parses_new_messages`: an old decoder reads a prefix; a new one reads what an old one
/// has written, and both write the bytes again that they have read.
#[test]
fn old_version_parses_new_messages() {
    let mut scene = Scene::new();
    let tenure = scene.won_by(ALICE);
    let block = scene.mine(tenure);
    for said in scene.said() {
        let bytes = said.message.to_bytes();
        assert_eq!(SignerMessage::from_bytes(&bytes).unwrap().to_bytes(), bytes);
    }
    let (old, new) =
        (old_acceptance(0, &block).to_bytes(), scene.acceptance_of(0, &block).unwrap());
    let new = SignerMessage::BlockResponse(BlockResponse::Accepted(new.clone())).to_bytes();
    // Type, kind, hash and signature come first and stay where they were.
    let stays = 1 + 1 + 32 + 65;
    assert_eq!(old[..stays], new[..stays]);
    let read = SignerMessage::from_chunk_data(&old).unwrap();
    assert_eq!(read.to_bytes(), old);
}

/// `with_new_miner_and_old_signers`: whoever is old promises nothing and signs at once.
#[test]
fn with_new_miner_and_old_signers() {
    mixed_set(4);
}

/// `mixed_signer_set_40_percent_new_60_percent_old`
#[test]
fn mixed_signer_set_40_percent_new_60_percent_old() {
    mixed_set(3);
}

/// `mixed_signer_set_80_percent_new_20_percent_old`
#[test]
fn mixed_signer_set_80_percent_new_20_percent_old() {
    mixed_set(1);
}

fn mixed_set(old: usize) {
    let mut scene = Scene::with_puppets(old);
    for miner in [ALICE, BOB, ALICE] {
        let tenure = scene.won_by(miner);
        scene.agree();
        let block = scene.next_block(tenure);
        scene.propose(&block);
        for signer in scene.puppets() {
            let message = old_acceptance(signer, &block);
            scene.speak(signer, block.proposal.reward_cycle, &message);
        }
        // Once enough have signed, a further signature is not needed.
        let accepters = scene.accepters(&block);
        assert!(!accepters.is_empty(), "new signers sign along");
        assert_eq!(accepters, scene.honest().collect::<Vec<_>>());
        scene.expect_adopted(&block);
    }
}

/// What a puppet says if it sees what the first honest signer sees and supports `version`.
fn supporting(scene: &Scene, version: u64) -> StateMachineUpdate {
    let mut view = scene.view_of(0).unwrap();
    view.supported_version = version;
    view.active_version = view.active_version.min(version);
    view
}

/// `multiversioned_signer_protocol_version_calculation`: the highest version that seven tenths
/// support is the active one.
#[test]
fn multiversioned_signer_protocol_version_calculation() {
    for (old, expected) in [(1, 2), (2, 1)] {
        let mut scene = Scene::with_puppets(old);
        scene.won_by(ALICE);
        scene.agree();
        for puppet in scene.puppets() {
            let view = supporting(&scene, 1);
            scene.see(puppet, view);
        }
        for signer in scene.honest() {
            let active = scene.view_of(signer).unwrap().active_version;
            assert_eq!(active, expected, "signer {signer} beside {old} of 5 old ones");
        }
    }
}

/// Two of five support version 1 only, so that nobody acts by the agreed state.
fn under_version_1() -> Scene {
    let mut scene = Scene::with_puppets(2);
    scene.won_by(ALICE);
    scene.agree();
    support(&mut scene, 1);
    for signer in scene.honest() {
        assert_eq!(scene.view_of(signer).unwrap().active_version, 1);
    }
    scene
}

fn support(scene: &mut Scene, version: u64) {
    for puppet in scene.puppets() {
        let view = supporting(scene, version);
        scene.see(puppet, view);
    }
}

/// `downgrade_signer_protocol_version`: all go down with two of five, and up again with them.
#[test]
fn downgrade_signer_protocol_version() {
    let mut scene = under_version_1();
    for (miner, version) in [(ALICE, 1), (BOB, 1), (ALICE, 2), (BOB, 2)] {
        let tenure = scene.won_by(miner);
        support(&mut scene, version);
        scene.moment();
        for signer in scene.honest() {
            assert_eq!(scene.view_of(signer).unwrap().active_version, version);
        }
        for _ in 0..2 {
            let block = scene.mine_with_puppets(tenure);
            scene.expect_accepted_by_all(&block);
        }
    }
}

/// `non_blocking_minority_configured_to_favour_prev_miner_v1`: the impatient one goes on with the
/// miner before, for itself; the others bring the winner's blocks to the chain without it.
#[test]
fn non_blocking_minority_configured_to_favour_prev_miner_v1() {
    let mut scene = under_version_1();
    scene.configure(2, |timeouts| timeouts.block_proposal = Millis::from_secs(20));
    let tenure = scene.won_by(ALICE);
    support(&mut scene, 1);
    scene.mine_with_puppets(tenure);
    let incoming = scene.won_by(BOB);
    support(&mut scene, 1);
    scene.pass_secs(30);
    let extend = scene.full_extend(tenure);
    scene.propose(&extend);
    assert_eq!(scene.promisers(&extend), [2]);
    scene.expect_rejected_by(&extend, RejectReason::NotLatestSortitionWinner, [0, 1]);
    let block = scene.next_block(incoming);
    scene.propose(&block);
    for puppet in scene.puppets() {
        scene.accept(puppet, &block);
    }
    scene.expect_accepted_by(&block, [0, 1]);
    scene.expect_adopted(&block);
}
