//! Every decision names its rule and the facts that it was judged by (invariant 7).

use countersign_signer::{BlockState, Conclusion, Grounds, Note, Query, Rule, Saved};
use countersign_wire::block::ProblematicTransaction;
use countersign_wire::message::{
    BlockProposal, MinerState, RejectReason, SignerMessage, StateMachineUpdate, ValidateCode,
};
use countersign_wire::transaction::TenureChangeCause;
use countersign_wire::{MessageSignature, PrivateKey, Sighash, StacksHeight};

use crate::support::chain::{secs, secs_ago};
use crate::support::{Driver, ch, extend, ordinary, record, spoilt, tenure_start, tip};

/// What was decided about a block, in order, and why.
fn judgements(driver: &Driver, block: Sighash) -> Vec<(Conclusion, Grounds)> {
    let judged = driver.notes.iter().filter_map(|note| match note {
        Note::Judged { sighash, conclusion, grounds } if *sighash == block => {
            Some((conclusion.clone(), Grounds::clone(grounds)))
        }
        _ => None,
    });
    judged.collect()
}

/// The rule that a proposal is rejected by in the end, which must be the only rejection.
fn broken(driver: &mut Driver, proposal: &BlockProposal) -> Rule {
    driver.propose(proposal);
    driver.pass(secs(2));
    let judged = judgements(driver, proposal.block.sighash());
    let (last, grounds) = judged.last().unwrap();
    let [reason] = driver.reasons()[..] else { panic!("{:?}", driver.reasons()) };
    assert_eq!(*last, Conclusion::Reject(reason));
    grounds.rule
}

fn hear_all(driver: &mut Driver, spoil: impl Fn(&mut StateMachineUpdate)) {
    let mut update = driver.saved.peer_updates[0].update.clone();
    spoil(&mut update);
    for peer in 1..driver.keys.len() {
        driver.hear(peer, SignerMessage::StateMachineUpdate(update.clone()));
    }
    driver.sent.clear();
}

#[test]
fn every_check_of_a_proposal_is_named_by_its_row() {
    let good = || ordinary(3, 22);
    let high = spoilt(good(), |header| header.chain_length = StacksHeight::new(u64::MAX));
    let marked = spoilt(good(), |header| {
        header.problematic_txs = vec![ProblematicTransaction { tx_index: 0, category: 0 }];
    });
    let mut unsigned = good();
    unsigned.block.header.miner_signature = MessageSignature::EMPTY;
    let mut forged = good();
    let other = PrivateKey::from_bytes([0x77; 32]).unwrap();
    let header = &mut forged.block.header;
    header.miner_signature = other.sign(&header.miner_signature_hash());
    let early = extend(3, 22, TenureChangeCause::Extended);
    let rows = [
        (high, Rule::MAGNITUDES),
        (marked, Rule::PROBLEMATIC),
        (ordinary(2, 21), Rule::AGREED_TENURE),
        (unsigned, Rule::MINER_SIGNATURE),
        (forged, Rule::MINER_KEY),
        (tenure_start(3, 20), Rule::EXCEEDS_TIP),
        (early, Rule::EXTEND),
    ];
    for (proposal, rule) in rows {
        assert_eq!(broken(&mut Driver::good(), &proposal).cite, rule.cite);
    }
}

#[test]
fn want_of_agreement_is_told_apart() {
    let mut alone = Driver::started(&[20; 5], Saved::default(), |_| {});
    assert_eq!(broken(&mut alone, &tenure_start(3, 21)), Rule::AGREED_VERSION);

    let mut split = Driver::good();
    let mut update = split.saved.peer_updates[0].update.clone();
    update.content.burn_block = ch(9);
    for peer in 1..3 {
        split.hear(peer, SignerMessage::StateMachineUpdate(update.clone()));
    }
    assert_eq!(broken(&mut split, &tenure_start(3, 21)), Rule::AGREED_STATE);

    let mut without_miner = Driver::good();
    hear_all(&mut without_miner, |update| update.content.miner = MinerState::NoValidMiner);
    assert_eq!(broken(&mut without_miner, &tenure_start(3, 21)), Rule::ACTIVE_MINER);
}

#[test]
fn a_tenure_that_starts_elsewhere_or_twice_is_told_apart() {
    let mut elsewhere = Driver::good();
    hear_all(&mut elsewhere, |update| {
        if let MinerState::Active(miner) = &mut update.content.miner {
            miner.parent_tenure = ch(1);
        }
    });
    assert_eq!(broken(&mut elsewhere, &tenure_start(3, 21)), Rule::PARENT_TENURE);

    let mut first = record(ordinary(3, 25), BlockState::LocallyAccepted);
    first.signed_self_at = Some(secs_ago(600));
    let mut twice = Driver::with(&[20; 5], Saved { records: vec![first], ..Saved::default() });
    assert_eq!(broken(&mut twice, &tenure_start(3, 21)), Rule::STARTS_ONCE);
}

#[test]
fn the_facts_are_named_with_the_time_and_the_tip_that_they_were_read_at() {
    let mut driver = Driver::good();
    let block = tenure_start(3, 21);
    driver.propose(&block);
    let judged = judgements(&driver, block.block.sighash());
    let (conclusion, grounds) = &judged[0];
    assert_eq!((conclusion, grounds.rule), (&Conclusion::Validate, Rule::EXTEND));
    assert_eq!(grounds.burn_tip.map(|(_, consensus_hash)| consensus_hash), Some(ch(3)));
    assert_eq!(grounds.version, Some(2));
    assert!(
        matches!(grounds.agreed.unwrap().miner, MinerState::Active(miner) if miner.tenure == ch(3))
    );
    let [reading] = &grounds.readings[..] else { panic!("{:?}", grounds.readings) };
    assert_eq!((reading.query, reading.at), (Query::TenureTip(ch(2)), driver.now));
    let end = tip(2, 20);
    assert_eq!(reading.said, format!("height 20, block {}", end.block_id));
}

#[test]
fn a_node_that_did_not_answer_is_a_fact_too() {
    let mut driver = Driver::good();
    driver.node.fail(Query::TenureTip(ch(2)));
    let block = tenure_start(3, 21);
    driver.propose(&block);
    let (_, grounds) = judgements(&driver, block.block.sighash()).remove(0);
    assert!(grounds.readings[0].said.starts_with("no answer: "), "{:?}", grounds.readings);
}

#[test]
fn a_block_that_is_signed_has_a_judgement_for_every_step_of_its_way() {
    let mut driver = Driver::good();
    let sighash = driver.promise(&tenure_start(3, 21));
    for peer in 1..4 {
        driver.pre_commit(peer, sighash);
    }
    let steps: Vec<_> = judgements(&driver, sighash)
        .into_iter()
        .map(|(conclusion, grounds)| (conclusion, grounds.rule))
        .collect();
    assert_eq!(
        steps,
        [
            (Conclusion::Validate, Rule::EXTEND),
            (Conclusion::Promise, Rule::STILL_EXCEEDS),
            (Conclusion::Sign(Vec::new()), Rule::CLEAR_TO_SIGN),
        ]
    );
}

#[test]
fn verdicts_time_outs_and_final_rejections_are_told_apart() {
    let block = tenure_start(3, 21);
    let sighash = block.block.sighash();
    let mut refuted = Driver::good();
    refuted.propose(&block);
    refuted.refute(sighash, ValidateCode::BadTransaction);
    let (conclusion, grounds) = judgements(&refuted, sighash).pop().unwrap();
    let reason = RejectReason::ValidationFailed(ValidateCode::BadTransaction);
    assert_eq!((conclusion, grounds.rule), (Conclusion::Reject(reason), Rule::NODE_VALID));

    refuted.propose(&block);
    let (conclusion, grounds) = judgements(&refuted, sighash).pop().unwrap();
    let reason = RejectReason::RejectedInPriorRound;
    assert_eq!((conclusion, grounds.rule), (Conclusion::Reject(reason), Rule::PRIOR_ROUND));

    let mut silent = Driver::good();
    silent.propose(&block);
    silent.pass(secs(121));
    let (conclusion, grounds) = judgements(&silent, sighash).pop().unwrap();
    let reason = RejectReason::ConnectivityIssues;
    assert_eq!((conclusion, grounds.rule), (Conclusion::Reject(reason), Rule::VALIDATION_TIME));
}

#[test]
fn no_two_rules_have_the_same_words() {
    for (index, rule) in Rule::ALL.iter().enumerate() {
        assert!(Rule::ALL[..index].iter().all(|other| other.asks != rule.asks), "{rule:?}");
    }
}

#[test]
fn a_block_that_turns_out_to_be_on_the_chain_is_not_said_to_be_rejected() {
    let mut driver = Driver::good();
    let proposal = tenure_start(3, 21);
    let sighash = proposal.block.sighash();
    driver.propose(&proposal);
    let mut own_tip = tip(2, 21);
    own_tip.sighash = Some(sighash);
    driver.node.tips.insert(ch(2), own_tip);
    driver.verdict(sighash);
    assert_eq!(driver.rejections(), []);
    let judgements = judgements(&driver, sighash);
    let conclusions: Vec<_> = judgements.iter().map(|(conclusion, _)| conclusion).collect();
    assert_eq!(conclusions, [&Conclusion::Validate]);
}
