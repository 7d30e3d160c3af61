//! The scenarios of `signer-behaviour` 11.1 that signers decide, each named after its row.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use countersign_signer::Event;
use countersign_wire::ChainId;
use countersign_wire::message::{MinerState, RejectReason, ValidateCode};
use countersign_wire::stackerdb::Lane;
use system_tests::world::scene::{ALICE, BOB, Scene};

/// `block_proposal_rejection`
#[test]
fn block_proposal_rejection() {
    let mut scene = Scene::new();
    let old = scene.won_by(ALICE);
    scene.mine(old);
    let tenure = scene.won_by(BOB);

    let late = scene.next_block(old);
    scene.propose(&late);
    let reason = RejectReason::ConsensusHashMismatch { expected: tenure, actual: old };
    scene.expect_rejected(&late, reason);
    scene.expect_not_validated(&late);

    let parent = scene.next_block(tenure);
    let orphan = scene.child_of(&parent);
    scene.propose(&orphan);
    scene.pass_secs(20);
    scene.expect_rejected(&orphan, RejectReason::ValidationFailed(ValidateCode::UnknownParent));
}

/// `miner_gather_signatures`
#[test]
fn miner_gather_signatures() {
    let mut scene = Scene::new();
    let tenure = scene.won_by(ALICE);
    let block = scene.mine(tenure);
    scene.expect_accepted_by_all(&block);
    assert_eq!(scene.slots_with_signature_of(&block), 5);
}

/// `multiple_miners`
#[test]
fn multiple_miners() {
    let mut scene = Scene::new();
    for round in 0..8 {
        let tenure = scene.won_by([ALICE, BOB][round % 2]);
        let block = scene.mine(tenure);
        scene.expect_accepted_by_all(&block);
    }
}

/// `end_of_tenure`
#[test]
fn end_of_tenure() {
    let mut scene = Scene::new();
    let tenure = scene.won_by(ALICE);
    scene.mine(tenure);
    scene.stall_validation(scene.honest());
    let block = scene.next_block(tenure);
    scene.propose(&block);
    let next = scene.won_by(BOB);
    scene.expect_silence(&block);
    scene.finish_validation();
    scene.expect_accepted_by_all(&block);
    scene.mine(next);
}

/// `retry_on_rejection`
#[test]
fn retry_on_rejection() {
    let mut scene = Scene::new();
    let tenure = scene.won_by(ALICE);
    scene.refute(scene.honest(), ValidateCode::InvalidBlock);
    let refused = scene.next_block(tenure);
    scene.propose(&refused);
    scene.expect_rejected(&refused, RejectReason::ValidationFailed(ValidateCode::InvalidBlock));
    scene.tell_the_truth();
    let block = scene.mine(tenure);
    scene.expect_accepted_by_all(&block);
}

/// `signers_broadcast_signed_blocks`: no miner ever publishes a block in these stories.
#[test]
fn signers_broadcast_signed_blocks() {
    let mut scene = Scene::new();
    let tenure = scene.won_by(ALICE);
    scene.delay_uploads();
    let block = scene.next_block(tenure);
    scene.propose(&block);
    scene.expect_accepted_by(&block, scene.honest());
    assert!(!scene.is_adopted(&block), "nobody has brought it to a node");
    scene.resume_uploads();
    scene.expect_adopted(&block);
}

/// `empty_tenure_delayed`
#[test]
fn empty_tenure_delayed() {
    let mut scene = Scene::new();
    let before = scene.won_by(ALICE);
    scene.mine(before);
    let silent = scene.won_by(BOB);
    scene.pass_secs(125);
    let late = scene.next_block(silent);
    scene.propose(&late);
    let reason = RejectReason::ConsensusHashMismatch { expected: before, actual: silent };
    scene.expect_rejected(&late, reason);
}

/// `duplicate_signers`: two machines with one key, and one key without a machine.
#[test]
fn duplicate_signers() {
    let mut scene = Scene::new();
    scene.duplicate(3, 4);
    let tenure = scene.won_by(ALICE);
    for _ in 0..3 {
        let block = scene.mine(tenure);
        scene.expect_accepted_by(&block, 0..4);
        let signatures = scene.adopted(&block).header.signer_signature.len();
        assert_eq!(signatures, 4, "one key signs once");
    }
}

/// `multiple_miners_with_nakamoto_blocks`
#[test]
fn multiple_miners_with_nakamoto_blocks() {
    let mut scene = Scene::with(|plan| plan.nodes = 2);
    for round in 0..6 {
        let tenure = scene.won_by([ALICE, BOB][round % 2]);
        for _ in 0..4 {
            let block = scene.mine(tenure);
            scene.expect_accepted_by_all(&block);
        }
    }
}

/// `miner_recovers_when_broadcast_block_delay_across_tenures_occurs`
#[test]
fn miner_recovers_when_broadcast_block_delay_across_tenures_occurs() {
    let mut scene = Scene::new();
    let tenure = scene.won_by(ALICE);
    scene.mine(tenure);
    scene.delay_uploads();
    let delayed = scene.next_block(tenure);
    scene.propose(&delayed);
    scene.expect_accepted_by(&delayed, scene.honest());

    let next = scene.won_by(BOB);
    let sister = scene.next_block(next);
    assert_eq!(sister.height(), delayed.height());
    scene.propose(&sister);
    scene.expect_rejected(&sister, RejectReason::InvalidParentBlock);

    scene.resume_uploads();
    scene.expect_adopted(&delayed);
    let block = scene.mine(next);
    scene.expect_accepted_by_all(&block);
}

/// `multiple_miners_with_custom_chain_id`
#[test]
fn multiple_miners_with_custom_chain_id() {
    let mut scene = Scene::with(|plan| plan.chain_id = ChainId::new(0x8765_4321));
    for round in 0..4 {
        let tenure = scene.won_by([ALICE, BOB][round % 2]);
        let block = scene.mine(tenure);
        scene.expect_accepted_by_all(&block);
    }
}

/// `block_validation_response_timeout`
#[test]
fn block_validation_response_timeout() {
    let mut scene = Scene::new();
    let tenure = scene.won_by(ALICE);
    scene.mine(tenure);
    scene.stall_validation(scene.honest());
    let (stuck, other) = (scene.next_block(tenure), scene.next_block(tenure));
    scene.propose(&stuck);
    scene.propose(&other);
    scene.pass_secs(110);
    scene.expect_silence(&stuck);
    scene.expect_not_validated(&other);
    scene.pass_secs(10);
    scene.expect_rejected(&stuck, RejectReason::ConnectivityIssues);
    assert!(scene.rejecters(&other).is_empty(), "it was not handed to the node");
    scene.finish_validation();
    scene.moment();
    scene.expect_unsigned(&stuck);
    scene.expect_accepted_by_all(&other);
    scene.mine(tenure);
}

/// `block_validation_pending_table`: two signers share a node, which validates one block at a time.
#[test]
fn block_validation_pending_table() {
    let mut scene = Scene::with(|plan| plan.nodes = 1);
    let tenure = scene.won_by(ALICE);
    scene.mine(tenure);
    scene.stall_validation([0]);
    let (first, second) = (scene.next_block(tenure), scene.next_block(tenure));
    scene.propose_to(&first, [0]);
    scene.propose_to(&second, [1]);
    assert!(scene.validations_of(&second) > 1, "the node is busy and asked again");
    scene.finish_validation();
    assert_eq!(scene.promisers(&first), [0]);
    assert_eq!(scene.promisers(&second), [1]);
}

/// `block_proposal_max_age_rejections`
#[test]
fn block_proposal_max_age_rejections() {
    let mut scene = Scene::new();
    let tenure = scene.won_by(ALICE);
    scene.mine(tenure);
    let old = scene.next_block(tenure);
    scene.pass_secs(601);
    scene.propose(&old);
    scene.expect_silence(&old);
    assert!(scene.promisers(&old).is_empty());
    let recent = scene.next_block(tenure);
    let recent = scene.spoilt(&recent, |header| {
        header.pox_treatment = countersign_wire::block::BitVec::new(1).unwrap();
    });
    scene.propose(&recent);
    scene.expect_rejected(&recent, RejectReason::InvalidBitvec);
}

/// `block_proposal_timeout`, with the time-out that this scenario's configuration has.
#[test]
fn block_proposal_timeout() {
    let mut scene = Scene::with(|plan| {
        plan.timeouts.block_proposal = countersign_signer::Millis::from_secs(20);
    });
    let before = scene.won_by(ALICE);
    scene.mine(before);
    let silent = scene.won_by(BOB);
    scene.pass_secs(25);
    let late = scene.next_block(silent);
    scene.propose(&late);
    let reason = RejectReason::ConsensusHashMismatch { expected: before, actual: silent };
    scene.expect_rejected(&late, reason);
    let block = scene.mine(before);
    scene.expect_accepted_by_all(&block);
}

/// `retry_proposal`
#[test]
fn retry_proposal() {
    let mut scene = Scene::new();
    let tenure = scene.won_by(ALICE);
    scene.refute([3], ValidateCode::InvalidBlock);
    scene.lose(|to, event| to == 4 && matches!(event, Event::Proposal(_)));
    let block = scene.next_block(tenure);
    scene.propose(&block);
    scene.expect_unsigned(&block);
    scene.lose_nothing();
    scene.propose(&block);
    scene.expect_accepted_by(&block, [0, 1, 2, 4]);
    scene.expect_adopted(&block);
}

/// `signer_can_accept_rejected_block`
#[test]
fn signer_can_accept_rejected_block() {
    let mut scene = Scene::new();
    let tenure = scene.won_by(ALICE);
    scene.refute([0], ValidateCode::UnknownParent);
    scene.lose(|to, event| to > 2 && matches!(event, Event::Proposal(_)));
    let block = scene.next_block(tenure);
    scene.propose(&block);
    let reason = RejectReason::ValidationFailed(ValidateCode::UnknownParent);
    scene.expect_rejected_by(&block, reason, [0]);
    scene.tell_the_truth();
    scene.lose_nothing();
    scene.propose(&block);
    scene.expect_accepted_by_all(&block);
}

/// `signers_send_state_message_updates`
#[test]
fn signers_send_state_message_updates() {
    let mut scene = Scene::new();
    let before = scene.won_by(ALICE);
    scene.mine(before);
    let silent = scene.won_by(BOB);
    let tenure_of = |scene: &Scene, signer| match scene.view_of(signer).unwrap().content.miner {
        MinerState::Active(miner) => miner.tenure,
        MinerState::NoValidMiner => panic!("signer {signer} follows nobody"),
    };
    for signer in scene.honest() {
        assert_eq!(tenure_of(&scene, signer), silent, "signer {signer}");
    }
    scene.pass_secs(125);
    for signer in scene.honest() {
        assert_eq!(tenure_of(&scene, signer), before, "signer {signer}");
    }
}

/// `signer_loads_stackerdb_updates_on_startup`
#[test]
fn signer_loads_stackerdb_updates_on_startup() {
    for is_forgetful in [false, true] {
        let mut scene = Scene::new();
        let tenure = scene.won_by(ALICE);
        scene.mine(tenure);
        scene.kill(2);
        if is_forgetful {
            scene.forget(2);
        }
        scene.start(2);
        let block = scene.mine(tenure);
        scene.expect_accepted_by_all(&block);
    }
}

/// `signers_do_not_commit_unless_threshold_precommitted`
#[test]
fn signers_do_not_commit_unless_threshold_precommitted() {
    let mut scene = Scene::new();
    let tenure = scene.won_by(ALICE);
    let block = scene.next_block(tenure);
    scene.propose_to(&block, 0..3);
    assert_eq!(scene.promisers(&block), [0, 1, 2]);
    scene.pass_secs(60);
    scene.expect_unsigned(&block);
}

/// `signers_treat_signatures_as_precommits`
#[test]
fn signers_treat_signatures_as_precommits() {
    let mut scene = Scene::with_puppets(2);
    let tenure = scene.won_by(ALICE);
    scene.agree();
    let block = scene.next_block(tenure);
    scene.propose(&block);
    scene.expect_unsigned(&block);
    scene.accept(3, &block);
    scene.expect_accepted_by(&block, 0..3);
    scene.expect_adopted(&block);
}

/// `test_vtxindex_zero_acceptance`: a first block that is not on what its winner committed to.
#[test]
fn test_vtxindex_zero_acceptance() {
    let mut scene = Scene::new();
    let old = scene.won_by(ALICE);
    let parent = scene.mine(old);
    let tenure = scene.won_by_on(BOB, scene.parent_of(old));
    let block = scene.first_block_on(tenure, parent.id());
    scene.propose(&block);
    scene.expect_rejected(&block, RejectReason::InvalidParentBlock);
}

/// `test_vtxindex_zero_two_miners`
#[test]
fn test_vtxindex_zero_two_miners() {
    let mut scene = Scene::new();
    let old = scene.won_by(ALICE);
    let first = scene.mine(old);
    let before = scene.won_by(ALICE);
    scene.mine(before);
    scene.mine(before);
    let bad = scene.won_by_on(BOB, old);
    let block = scene.first_block_on(bad, first.id());
    scene.propose(&block);
    scene.expect_unsigned(&block);
    assert_eq!(scene.rejecters(&block).len(), 5);
    let extend = scene.full_extend(before);
    scene.propose(&extend);
    scene.expect_accepted_by_all(&extend);
}

/// A promise and a signature are in the lanes that belong to them.
#[test]
fn each_message_is_in_its_lane() {
    let mut scene = Scene::new();
    let tenure = scene.won_by(ALICE);
    scene.mine(tenure);
    assert!(scene.said().iter().all(|said| said.message.lane().is_some()));
    for lane in Lane::ALL {
        let has_message = scene.said().iter().any(|said| said.message.lane() == Some(lane));
        assert!(has_message, "{lane:?}");
    }
}
