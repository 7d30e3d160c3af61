//! The scenarios of `signer-behaviour` 11.6, each named after its row, and the ones about protocol
//! versions of 11.1. Old signers are puppets: their messages have no tails of later versions, and
//! before two-phase commit they sign at once.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use countersign_wire::Wire as _;
use countersign_wire::message::{BlockResponse, ResponseData, SignerMessage, StateMachineUpdate};
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
