//! Defects that the reference had and fixed (`signer-behaviour` 9.4), tried on this signer.
//!
//! The rows about databases, sockets and configurations have their tests where those are; see
//! `docs/conformance.md`.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use countersign_signer::{BlockState, Note};
use countersign_wire::event::{ProposalResponse, ValidationReject};
use countersign_wire::message::{
    BlockResponse, MinerState, RejectReason, SignerMessage, ValidateCode,
};
use countersign_wire::transaction::TenureChangeCause;
use countersign_wire::{Txid, Weight};
use system_tests::world::scene::{ALICE, BOB, Scene};

/// Unreleased: a promise kept the miner's clock from running out, and the chain stood still.
#[test]
fn a_promise_does_not_keep_a_silent_miner_in_office() {
    let mut scene = Scene::new();
    let before = scene.won_by(ALICE);
    scene.mine(before);
    let tenure = scene.won_by(BOB);
    let block = scene.next_block(tenure);
    scene.propose_to(&block, 0..3);
    assert_eq!(scene.promisers(&block), [0, 1, 2]);
    scene.pass_secs(125);
    let extend = scene.full_extend(before);
    scene.propose(&extend);
    scene.expect_accepted_by_all(&extend);
}

/// Unreleased: siblings in two tenures could both be signed.
#[test]
fn a_sibling_in_another_tenure_is_not_signed_while_the_first_is_fresh() {
    let mut scene = Scene::new();
    let before = scene.won_by(ALICE);
    scene.mine(before);
    scene.stall_validation(scene.honest());
    scene.delay_uploads();
    let block = scene.next_block(before);
    scene.propose(&block);
    let tenure = scene.won_by(BOB);
    let sister = scene.next_block(tenure);
    scene.propose(&sister);
    scene.finish_validation();
    scene.expect_accepted_by(&block, scene.honest());
    scene.expect_unsigned(&sister);
}

/// Unreleased: a reorg that was permitted was forgotten, and its first block met the guard.
#[test]
fn a_permitted_reorg_is_remembered_over_a_restart() {
    let mut scene = Scene::new();
    let first = scene.won_by(ALICE);
    scene.mine(first);
    let orphaned = scene.won_by(BOB);
    let lost = scene.mine(orphaned);
    let tenure = scene.won_by_on(ALICE, first);
    for signer in scene.honest() {
        scene.kill(signer);
        scene.start(signer);
    }
    let sister = scene.mine(tenure);
    assert_eq!(sister.height(), lost.height());
    scene.expect_accepted_by_all(&sister);
}

/// 4.0.2: the first block of a tenure was refused as a duplicate of one that was only promised.
#[test]
fn a_promised_first_block_may_be_replaced() {
    let mut scene = Scene::new();
    let tenure = scene.won_by(ALICE);
    let promised = scene.next_block(tenure);
    scene.propose_to(&promised, 0..3);
    assert_eq!(scene.promisers(&promised), [0, 1, 2]);
    let replacement = scene.mine(tenure);
    scene.expect_accepted_by_all(&replacement);
    scene.expect_unsigned(&promised);
}

/// 4.0.2: there was no guard between the threshold of promises and the signature. The sister is
/// promised before the block is signed, and reaches the threshold after it.
#[test]
fn a_block_that_reaches_the_threshold_beside_a_signed_one_is_not_signed() {
    let mut scene = Scene::with_puppets(2);
    let tenure = scene.won_by(ALICE);
    scene.agree();
    scene.delay_uploads();
    let (block, sister) = (scene.next_block(tenure), scene.next_block(tenure));
    scene.propose(&block);
    scene.propose(&sister);
    assert_eq!(scene.promisers(&sister), [0, 1, 2]);
    scene.pre_commit(3, &block);
    scene.expect_accepted_by(&block, 0..3);
    scene.pre_commit(3, &sister);
    scene.expect_unsigned(&sister);
}

/// 3.4.0.0.3 and 3.4.0.0.2: the last transaction was blamed for a spent budget; a failed one was not
/// named.
#[test]
fn a_rejection_names_the_transaction_that_the_node_names_and_no_other() {
    for culprit in [None, Some(Txid::new([7; 32]))] {
        let mut scene = Scene::new();
        let tenure = scene.won_by(ALICE);
        for node in scene.honest() {
            scene.bias(node, move |verdict| {
                let ProposalResponse::Ok(ok) = verdict else { return verdict };
                ProposalResponse::Reject(ValidationReject {
                    sighash: ok.sighash,
                    reason: "the node says no".to_owned(),
                    code: ValidateCode::BadTransaction,
                    failed_txid: culprit,
                })
            });
        }
        let block = scene.next_block(tenure);
        scene.propose(&block);
        let rejections = scene.said().iter().filter_map(|said| match &said.message {
            SignerMessage::BlockResponse(BlockResponse::Rejected(rejected)) => Some(rejected),
            _ => None,
        });
        let named: Vec<_> = rejections.map(|rejected| rejected.data.failed_txid).collect();
        assert_eq!(named, vec![culprit; 5]);
    }
}

/// 3.4.0.0.2: what came after a stranger's message was not read.
#[test]
fn a_stranger_keeps_nobody_from_being_heard() {
    let mut scene = Scene::with_puppets(2);
    let tenure = scene.won_by(ALICE);
    scene.agree();
    let block = scene.next_block(tenure);
    scene.propose(&block);
    scene.speak_as_stranger(&SignerMessage::BlockPreCommit(block.sighash));
    scene.expect_unsigned(&block);
    scene.pre_commit(3, &block);
    scene.expect_accepted_by(&block, 0..3);
}

/// 3.4.0.0.2: only globally accepted blocks made a second first block a duplicate.
#[test]
fn a_second_first_block_beside_a_locally_accepted_one_is_a_duplicate() {
    let mut scene = Scene::with_puppets(2);
    let tenure = scene.won_by(ALICE);
    scene.agree();
    let first = scene.next_block(tenure);
    scene.propose(&first);
    scene.pre_commit(3, &first);
    scene.expect_accepted_by(&first, 0..3);
    assert!(!scene.is_adopted(&first));
    let second = scene.next_block(tenure);
    scene.propose(&second);
    scene.expect_rejected(&second, RejectReason::DuplicateBlockFound);
}

/// 3.3.0.0.6: votes that came before their proposal were lost.
#[test]
fn votes_that_come_before_a_late_proposal_count() {
    let mut scene = Scene::new();
    let tenure = scene.won_by(ALICE);
    scene.lose_signatures();
    let block = scene.next_block(tenure);
    scene.propose_to(&block, 0..4);
    scene.expect_accepted_by(&block, 0..4);
    assert!(!scene.is_adopted(&block), "nobody has heard the signatures");
    scene.propose_to(&block, [4]);
    scene.expect_accepted_by(&block, scene.honest());
}

/// 3.3.0.0.6: a block that the others had accepted got no response.
#[test]
fn a_block_that_is_on_the_chain_is_answered_when_it_was_never_seen() {
    let mut scene = Scene::new();
    let tenure = scene.won_by(ALICE);
    let block = scene.next_block(tenure);
    scene.propose_to(&block, 0..4);
    scene.expect_adopted(&block);
    scene.propose_to(&block, [4]);
    assert!(scene.has_answered(4, &block));
}

/// 3.3.0.0.4: whether the burn view had changed was judged wrongly.
#[test]
fn an_extend_before_its_time_needs_a_new_burn_view() {
    let mut scene = Scene::new();
    let tenure = scene.won_by(ALICE);
    scene.mine(tenure);
    let same_view = scene.full_extend(tenure);
    scene.propose(&same_view);
    scene.expect_rejected(&same_view, RejectReason::InvalidTenureExtend);
    let view = scene.nobody_wins();
    let extend = scene.extend(tenure, TenureChangeCause::Extended, view);
    scene.propose(&extend);
    scene.expect_accepted_by_all(&extend);
}

/// 3.3.0.0.3: each further promise brought another acceptance.
#[test]
fn one_acceptance_is_sent_whatever_promises_follow() {
    let mut scene = Scene::with_puppets(2);
    let tenure = scene.won_by(ALICE);
    scene.agree();
    scene.delay_uploads();
    let block = scene.next_block(tenure);
    scene.propose(&block);
    for puppet in [3, 4, 3, 4] {
        scene.pre_commit(puppet, &block);
    }
    for signer in scene.honest() {
        let said = scene.said_by(signer);
        let is_acceptance = |message: &&&SignerMessage| {
            matches!(message, SignerMessage::BlockResponse(BlockResponse::Accepted(_)))
        };
        assert_eq!(said.iter().filter(is_acceptance).count(), 1, "signer {signer}");
    }
}

/// 3.3.0.0.3: protocol version 2 is active among signers that all support it.
#[test]
fn signers_that_support_version_2_use_it() {
    let mut scene = Scene::new();
    scene.won_by(ALICE);
    for signer in scene.honest() {
        assert_eq!(scene.view_of(signer).unwrap().active_version, 2);
    }
}

/// 3.2.0.0.2: signatures were given without knowing that enough others would sign.
#[test]
fn no_signature_is_given_before_enough_have_promised() {
    let mut scene = Scene::with_puppets(2);
    let tenure = scene.won_by(ALICE);
    scene.agree();
    let block = scene.next_block(tenure);
    scene.propose(&block);
    scene.pass_secs(20);
    scene.expect_unsigned(&block);
    scene.pre_commit(4, &block);
    scene.expect_accepted_by(&block, 0..3);
}

/// 3.2.0.0.0: a signer that accepted and rejected was counted twice.
#[test]
fn a_voter_has_one_vote() {
    let mut scene = Scene::with_puppets(2);
    let tenure = scene.won_by(ALICE);
    scene.agree();
    let block = scene.next_block(tenure);
    scene.propose_to(&block, 0..2);
    scene.accept(3, &block);
    scene.reject(3, &block, RejectReason::InvalidBitvec);
    scene.reject(4, &block, RejectReason::InvalidBitvec);
    let weights = scene.notes_of(0).filter_map(|note| match note {
        Note::RejectionReceived { weight, .. } => Some(*weight),
        _ => None,
    });
    assert_eq!(weights.max(), Some(Weight::new(20)), "one of them has signed");
    let is_rejected = |note: &Note| matches!(note, Note::GloballyRejected { .. });
    assert!(!scene.notes_of(0).any(is_rejected));
}

/// 3.1.0.0.12: uploading a block could go on for ever.
#[test]
fn a_block_is_uploaded_once_it_is_taken_and_never_again() {
    let mut scene = Scene::new();
    let tenure = scene.won_by(ALICE);
    let block = scene.next_block(tenure);
    scene.propose(&block);
    scene.expect_adopted(&block);
    let before = scene.uploads_of(&block);
    assert!((1..=5).contains(&before), "{before} uploads by five signers");
    scene.pass_secs(120);
    assert_eq!(scene.uploads_of(&block), before);
}

/// 3.1.0.0.10: slot versions were lost with the process.
#[test]
fn a_restarted_signer_writes_past_the_versions_of_its_slots() {
    let mut scene = Scene::new();
    let tenure = scene.won_by(ALICE);
    scene.mine(tenure);
    scene.kill(1);
    scene.forget(1);
    scene.start(1);
    let block = scene.mine(tenure);
    scene.expect_accepted_by_all(&block);
    assert_eq!(scene.slots_with_signature_of(&block), 5);
}

/// 3.1.0.0.8.1: a block was validated before the node had its parent, and rejected.
#[test]
fn a_block_waits_for_its_parent_before_it_is_validated() {
    let mut scene = Scene::new();
    let tenure = scene.won_by(ALICE);
    scene.mine(tenure);
    scene.freeze_nodes([4]);
    scene.mine(tenure);
    let child = scene.next_block(tenure);
    scene.propose(&child);
    scene.expect_accepted_by(&child, 0..4);
    assert!(scene.rejecters(&child).is_empty());
    scene.thaw_nodes();
    assert!(scene.rejecters(&child).is_empty());
    let next = scene.mine(tenure);
    scene.expect_accepted_by_all(&next);
}

/// 3.1.0.0.7: who voted was taken from elsewhere than from the signature.
#[test]
fn a_signature_that_somebody_else_passes_on_is_the_vote_of_who_made_it() {
    let mut scene = Scene::with_puppets(2);
    let tenure = scene.won_by(ALICE);
    scene.agree();
    let block = scene.next_block(tenure);
    scene.propose(&block);
    let relayed = Scene::acceptance_by(3, &block);
    scene.speak(4, block.proposal.reward_cycle, &relayed);
    scene.expect_accepted_by(&block, 0..3);
    scene.expect_adopted(&block);
}

/// 3.1.0.0.4: a second proposal while one was being validated was lost.
#[test]
fn a_proposal_during_a_validation_waits_for_its_turn() {
    let mut scene = Scene::new();
    let tenure = scene.won_by(ALICE);
    scene.stall_validation(scene.honest());
    scene.refute(scene.honest(), ValidateCode::BadTransaction);
    let first = scene.next_block(tenure);
    scene.propose(&first);
    let second = scene.next_block(tenure);
    scene.propose(&second);
    scene.expect_not_validated(&second);
    scene.finish_validation();
    assert_eq!(scene.validations_of(&second), 5);
    assert_eq!(scene.rejecters(&second).len(), 5);
}

/// 3.1.0.0.3: blocks were taken for accepted by counting signatures.
#[test]
fn a_block_is_globally_accepted_only_when_the_node_says_so() {
    let mut scene = Scene::new();
    let tenure = scene.won_by(ALICE);
    scene.delay_uploads();
    let block = scene.next_block(tenure);
    scene.propose(&block);
    scene.expect_accepted_by(&block, scene.honest());
    for signer in scene.honest() {
        assert_eq!(scene.state_of(signer, &block), Some(BlockState::LocallyAccepted));
    }
    scene.resume_uploads();
    for signer in scene.honest() {
        assert_eq!(scene.state_of(signer, &block), Some(BlockState::GloballyAccepted));
    }
}

/// 3.1.0.0.3: signers of past cycles stayed.
#[test]
fn a_seat_is_left_when_its_cycle_is_over() {
    let mut scene = Scene::new();
    let (left, old) = (scene.burn_blocks_left(), scene.cycle());
    scene.empty_burn_blocks(left);
    let tenure = scene.won_by(ALICE);
    scene.mine(tenure);
    scene.won_by(BOB);
    for signer in scene.honest() {
        let has_left = |note: &Note| matches!(note, Note::CycleEnded { cycle } if *cycle == old);
        assert!(scene.notes_of(signer).any(has_left), "signer {signer}");
    }
}

/// 3.1.0.0.2.1: signers of a past cycle answered with verdicts that were not theirs.
#[test]
fn a_signer_of_a_past_cycle_does_not_answer_others_verdicts() {
    let mut scene = Scene::with(|plan| {
        plan.nodes = 1;
        for (number, signer) in plan.signers.iter_mut().enumerate() {
            signer.weights = if number < 2 { vec![0, 20] } else { vec![20, 20] };
        }
    });
    let left = scene.burn_blocks_left();
    scene.empty_burn_blocks(left);
    let tenure = scene.won_by(ALICE);
    scene.refute([0], ValidateCode::BadTransaction);
    let block = scene.next_block(tenure);
    scene.propose(&block);
    let said: Vec<usize> = scene.rejecters(&block).into_keys().collect();
    assert_eq!(said, [2, 3, 4]);
}

/// 3.0.0.0.3: a winner with a wrong parent kept the miner before it from going on at once.
#[test]
fn the_miner_before_a_winner_with_a_wrong_parent_extends_at_once() {
    let mut scene = Scene::new();
    let old = scene.won_by(ALICE);
    scene.mine(old);
    let tenure = scene.won_by(ALICE);
    scene.mine(tenure);
    scene.mine(tenure);
    scene.won_by_on(BOB, old);
    for signer in scene.honest() {
        let MinerState::Active(miner) = scene.view_of(signer).unwrap().content.miner else {
            panic!("signer {signer} follows nobody");
        };
        assert_eq!(miner.tenure, tenure);
    }
    let extend = scene.full_extend(tenure);
    scene.propose(&extend);
    scene.expect_accepted_by_all(&extend);
}

/// Library: 7 × weight left 32 bits.
#[test]
fn seven_tenths_of_very_large_weights_are_reached_and_missed_exactly() {
    let mut scene = Scene::with(|plan| {
        for signer in &mut plan.signers {
            signer.weights = vec![800_000_000];
        }
    });
    let tenure = scene.won_by(ALICE);
    let missed = scene.next_block(tenure);
    scene.propose_to(&missed, 0..3);
    scene.expect_unsigned(&missed);
    let block = scene.mine(tenure);
    scene.expect_accepted_by_all(&block);
}
