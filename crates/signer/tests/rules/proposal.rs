//! What a signer checks itself before the node validates (2.3 and 3.3), and how long a proposal
//! waits for the signers to agree.

use countersign_signer::{Note, Query, Saved};
use countersign_wire::block::ProblematicTransaction;
use countersign_wire::message::{
    BlockProposal, MinerState, RejectReason, SignerMessage, StateMachineUpdate, ValidateCode,
};
use countersign_wire::{BurnHeight, MessageSignature, PrivateKey, StacksHeight};

use crate::support::chain::secs;
use crate::support::{Driver, ch, ordinary, spoilt, tenure_start, tip};

/// The reason for which a proposal is rejected in the end.
fn reason(driver: &mut Driver, proposal: &BlockProposal) -> Option<RejectReason> {
    driver.propose(proposal);
    driver.pass(secs(2));
    assert!(driver.reasons().len() <= 1);
    assert!(driver.reasons().is_empty() || driver.validations().is_empty());
    driver.reasons().pop()
}

/// What the peers say instead of what we see.
fn spoil_views(driver: &mut Driver, spoil: impl Fn(&mut StateMachineUpdate)) {
    let mut update = driver.saved.peer_updates[0].update.clone();
    spoil(&mut update);
    for peer in 1..driver.keys.len() {
        driver.hear(peer, SignerMessage::StateMachineUpdate(update.clone()));
    }
    driver.sent.clear();
}

#[test]
fn first_and_later_blocks_of_the_agreed_tenure_go_to_the_node() {
    for proposal in [tenure_start(3, 21), ordinary(3, 22)] {
        let mut driver = Driver::good();
        assert_eq!(reason(&mut driver, &proposal), None);
        assert_eq!(driver.validations(), [proposal.block.sighash()]);
    }
}

#[test]
fn magnitudes_beyond_a_signed_integer_are_rejected() {
    const LIMIT: u64 = i64::MAX as u64;
    for (value, is_sane) in [(LIMIT - 1, true), (LIMIT, false), (u64::MAX, false)] {
        let expected =
            (!is_sane).then_some(RejectReason::ValidationFailed(ValidateCode::InvalidBlock));
        let high = spoilt(ordinary(3, 22), |header| header.chain_length = StacksHeight::new(value));
        assert_eq!(reason(&mut Driver::good(), &high), expected, "height {value}");
        let burnt = BlockProposal { burn_height: BurnHeight::new(value), ..ordinary(3, 22) };
        assert_eq!(reason(&mut Driver::good(), &burnt), expected, "burn height {value}");
    }
}

#[test]
fn a_block_that_marks_transactions_as_problematic_is_rejected() {
    let marked = spoilt(ordinary(3, 22), |header| {
        header.problematic_txs = vec![ProblematicTransaction { tx_index: 0, category: 0 }];
    });
    assert_eq!(reason(&mut Driver::good(), &marked), Some(RejectReason::ProblematicTransactions));
}

#[test]
fn without_an_agreed_version_or_state_nothing_is_validated() {
    let mut alone = Driver::started(&[20; 5], Saved::default(), |_| {});
    assert_eq!(reason(&mut alone, &tenure_start(3, 21)), Some(RejectReason::NoSignerConsensus));

    // The versions agree, the burn blocks do not.
    let mut split = Driver::good();
    let mut update = split.saved.peer_updates[0].update.clone();
    update.content.burn_block = ch(9);
    for peer in 1..3 {
        split.hear(peer, SignerMessage::StateMachineUpdate(update.clone()));
    }
    assert_eq!(reason(&mut split, &tenure_start(3, 21)), Some(RejectReason::NoSignerConsensus));
}

#[test]
fn an_agreed_state_without_a_miner_rejects() {
    let mut driver = Driver::good();
    spoil_views(&mut driver, |update| update.content.miner = MinerState::NoValidMiner);
    assert_eq!(reason(&mut driver, &tenure_start(3, 21)), Some(RejectReason::InvalidMiner));
}

#[test]
fn a_block_of_another_tenure_is_rejected_with_both_tenures() {
    let expected = RejectReason::ConsensusHashMismatch { expected: ch(3), actual: ch(2) };
    assert_eq!(reason(&mut Driver::good(), &ordinary(2, 21)), Some(expected));
}

#[test]
fn the_miner_must_have_signed_the_header() {
    let mut unsigned = ordinary(3, 22);
    unsigned.block.header.miner_signature = MessageSignature::EMPTY;
    let expected = Some(RejectReason::IrrecoverablePubkeyHash);
    assert_eq!(reason(&mut Driver::good(), &unsigned), expected);

    let mut forged = ordinary(3, 22);
    let other = PrivateKey::from_bytes([0x77; 32]).unwrap();
    let header = &mut forged.block.header;
    header.miner_signature = other.sign(&header.miner_signature_hash());
    let expected = Some(RejectReason::PubkeyHashMismatch);
    assert_eq!(reason(&mut Driver::good(), &forged), expected);
}

#[test]
fn every_bit_of_the_pox_treatment_must_be_set() {
    for bit in 0..4 {
        let unpaid =
            spoilt(ordinary(3, 22), |header| assert!(header.pox_treatment.set(bit, false)));
        let expected = Some(RejectReason::InvalidBitvec);
        assert_eq!(reason(&mut Driver::good(), &unpaid), expected, "bit {bit}");
    }
}

#[test]
fn a_tenure_must_start_on_the_agreed_parent_tenure() {
    let mut driver = Driver::good();
    spoil_views(&mut driver, |update| {
        if let MinerState::Active(miner) = &mut update.content.miner {
            miner.parent_tenure = ch(1);
        }
    });
    let expected = Some(RejectReason::InvalidParentBlock);
    assert_eq!(reason(&mut driver, &tenure_start(3, 21)), expected);
    assert_eq!(
        driver.node.asked.iter().filter(|query| **query == Query::TenureTip(ch(2))).count(),
        1
    );
}

#[test]
fn a_block_must_exceed_the_tip_of_the_tenure_it_is_compared_with() {
    // A tenure's first block is compared with the parent tenure, any other with its own.
    let rows = [(2, tenure_start(3, 21)), (3, ordinary(3, 21))];
    for (tenure, proposal) in rows {
        for (height, expected) in [(20, None), (21, Some(RejectReason::InvalidParentBlock))] {
            let mut driver = Driver::good();
            driver.node.tips.insert(ch(tenure), tip(tenure, height));
            assert_eq!(reason(&mut driver, &proposal), expected, "{tenure} at {height}");
        }
    }
}

#[test]
fn the_first_thing_that_is_wrong_is_the_reason() {
    // Spoilt from the last check to the first; each new fault hides the ones after it.
    let mut proposal = ordinary(2, 1);
    proposal.block.header.pox_treatment.set(0, false);
    proposal.block.header.miner_signature = MessageSignature::EMPTY;
    let mismatch = RejectReason::ConsensusHashMismatch { expected: ch(3), actual: ch(2) };
    assert_eq!(reason(&mut Driver::good(), &proposal), Some(mismatch));
    proposal.block.header.problematic_txs =
        vec![ProblematicTransaction { tx_index: 0, category: 0 }];
    let marked = RejectReason::ProblematicTransactions;
    assert_eq!(reason(&mut Driver::good(), &proposal), Some(marked));
    proposal.burn_height = BurnHeight::new(u64::MAX);
    let insane = RejectReason::ValidationFailed(ValidateCode::InvalidBlock);
    assert_eq!(reason(&mut Driver::good(), &proposal), Some(insane));
    let mut alone = Driver::started(&[20; 5], Saved::default(), |_| {});
    assert_eq!(reason(&mut alone, &proposal), Some(RejectReason::NoSignerConsensus));
}

#[test]
fn a_held_proposal_is_judged_again_when_the_peers_agree() {
    let mut driver = Driver::started(&[20; 5], Saved::default(), |_| {});
    let proposal = tenure_start(3, 21);
    let sighash = proposal.block.sighash();
    driver.propose(&proposal);
    driver.pass(secs(1));
    assert_eq!(driver.rejections(), []);
    assert!(driver.notes.contains(&Note::ProposalHeld { sighash }));
    driver.agree();
    assert_eq!(driver.validations(), [sighash]);
    driver.pass(secs(60));
    assert_eq!(driver.rejections(), []);
}

#[test]
fn a_held_proposal_is_rejected_when_patience_ends() {
    let mut driver = Driver::started(&[20; 5], Saved::default(), |_| {});
    let proposal = tenure_start(3, 21);
    driver.propose(&proposal);
    driver.pass(countersign_signer::Millis::new(1499));
    assert_eq!(driver.rejections(), []);
    // A proposal that is held is neither judged nor counted as new a second time beside it.
    driver.propose(&proposal);
    let received = |note: &&Note| matches!(note, Note::ProposalReceived { .. });
    assert_eq!(driver.notes.iter().filter(received).count(), 1);
    driver.pass(countersign_signer::Millis::new(1));
    assert_eq!(driver.reasons(), [RejectReason::NoSignerConsensus]);
}

#[test]
fn a_proposal_that_does_not_fit_our_own_view_is_not_held() {
    let mut driver = Driver::started(&[20; 5], Saved::default(), |_| {});
    driver.propose(&ordinary(2, 21));
    assert_eq!(driver.reasons(), [RejectReason::NoSignerConsensus]);
}
