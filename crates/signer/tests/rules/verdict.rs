//! The node's verdict (2.7 and 2.8).

use countersign_signer::{BlockState, Event, Millis, Query, Submission};
use countersign_wire::event::{ExecutionCost, ProposalResponse, ValidationReject};
use countersign_wire::message::{RejectCode, RejectReason, ValidateCode};
use countersign_wire::{Sighash, Txid};

use crate::support::chain::secs;
use crate::support::driver::writes_record;
use crate::support::{Driver, NOW, Sent, ch, ordinary, record, tenure_start};

#[test]
fn a_good_verdict_is_on_record_before_the_promise_leaves() {
    let mut driver = Driver::good();
    let sighash = tenure_start(3, 21).block.sighash();
    driver.propose(&tenure_start(3, 21));
    driver.node.silent.insert(Query::TenureTip(ch(2)));
    driver.verdict(sighash);
    let (ticket, query) = driver.open.remove(0);
    driver.node.silent.clear();
    let answer = driver.node.answer(query).unwrap();
    let step = driver.step(Event::Answered { ticket, query, answer });
    assert!(writes_record(&step, |record| record.state == BlockState::PreCommitted
        && record.valid == Some(true)
        && record.approved_at == Some(NOW)));
    assert_eq!(step.actions.len(), 1);
}

#[test]
fn validation_time_is_kept_unless_the_block_costs_nothing() {
    let dear = ExecutionCost { read_count: 1, ..ExecutionCost::default() };
    for (cost, expected) in [(dear, 250), (ExecutionCost::default(), 0)] {
        let mut driver = Driver::good();
        let sighash = tenure_start(3, 21).block.sighash();
        driver.propose(&tenure_start(3, 21));
        driver.verdict_with(sighash, cost, 250);
        let stored = driver.stored(sighash).unwrap();
        assert_eq!(stored.validation_time, Millis::new(expected));
    }
}

#[test]
fn a_forged_late_or_repeated_verdict_changes_nothing() {
    let sighash = tenure_start(3, 21).block.sighash();
    let mut forged = Driver::good();
    forged.verdict(sighash);
    forged.refute(Sighash::new([9; 32]), ValidateCode::BadTransaction);
    assert!(forged.is_silent());
    assert_eq!(forged.saved.records, []);

    // Whoever reaches the endpoint can also speak of a block that is on record.
    let mut unasked = Driver::good();
    let refused = Submission::Refused("401".to_owned());
    unasked.node.submissions = std::iter::repeat_n(refused, 100).collect();
    unasked.propose(&tenure_start(3, 21));
    unasked.pass(secs(300));
    unasked.sent.clear();
    unasked.verdict(sighash);
    assert!(unasked.is_silent());
    assert_eq!(unasked.stored(sighash).unwrap().valid, None);

    let mut repeated = Driver::good();
    repeated.promise(&tenure_start(3, 21));
    repeated.sent.clear();
    repeated.verdict(sighash);
    repeated.refute(sighash, ValidateCode::BadTransaction);
    assert!(repeated.is_silent());
    assert_eq!(repeated.stored(sighash).unwrap().state, BlockState::PreCommitted);

    let mut late = Driver::good();
    late.propose(&tenure_start(3, 21));
    late.refute(sighash, ValidateCode::BadTransaction);
    late.sent.clear();
    late.verdict(sighash);
    assert!(late.is_silent());
    assert_eq!(late.stored(sighash).unwrap().valid, Some(false));
}

#[test]
fn a_verdict_that_another_signer_asked_for_is_used() {
    let mut driver = Driver::good();
    driver.propose(&tenure_start(3, 21));
    driver.propose(&ordinary(3, 22));
    let second = ordinary(3, 22).block.sighash();
    driver.verdict(second);
    assert_eq!(driver.pre_commits(), [second]);
    driver.verdict(tenure_start(3, 21).block.sighash());
    assert_eq!(driver.validations().len(), 1, "what has a verdict is not handed over");
}

#[test]
fn a_block_that_the_chain_overtook_during_validation_is_rejected_for_good() {
    let mut driver = Driver::good();
    let sighash = tenure_start(3, 21).block.sighash();
    driver.propose(&tenure_start(3, 21));
    driver.node.end_tenure(2, 21);
    driver.verdict(sighash);
    assert_eq!(driver.reasons(), [RejectReason::SortitionViewMismatch]);
    let stored = driver.stored(sighash).unwrap();
    assert_eq!((stored.state, stored.valid), (BlockState::LocallyRejected, Some(false)));
    assert_eq!(stored.reject_reason, None);
    driver.node.end_tenure(2, 20);
    driver.propose(&tenure_start(3, 21));
    assert_eq!(driver.reasons().last(), Some(&RejectReason::RejectedInPriorRound));
}

#[test]
fn only_the_tip_is_looked_at_again_after_validation() {
    let mut driver = Driver::good();
    driver.propose(&tenure_start(3, 21));
    // Another tenure becomes the agreed one meanwhile.
    driver.node.end_tenure(3, 20);
    driver.mine_burn_block(4);
    driver.agree();
    driver.verdict(tenure_start(3, 21).block.sighash());
    assert_eq!(driver.reasons(), []);
    assert_eq!(driver.pre_commits().len(), 1);
}

#[test]
fn a_bad_verdict_is_stored_counted_and_published_with_the_nodes_words() {
    let mut driver = Driver::good();
    let sighash = tenure_start(3, 21).block.sighash();
    driver.propose(&tenure_start(3, 21));
    driver.handle(Event::Verdict(ProposalResponse::Reject(ValidationReject {
        sighash,
        reason: "transaction 3 is bad".to_owned(),
        code: ValidateCode::BadTransaction,
        failed_txid: Some(Txid::new([3; 32])),
    })));
    let Some(Sent::Rejected(_, rejected)) = driver.sent.last() else { panic!() };
    assert_eq!(rejected.reason, "transaction 3 is bad");
    assert_eq!(rejected.data.failed_txid, Some(Txid::new([3; 32])));
    assert_eq!(rejected.code, RejectCode::ValidationFailed(ValidateCode::BadTransaction));
    let stored = driver.stored(sighash).unwrap();
    assert_eq!((stored.state, stored.valid), (BlockState::LocallyRejected, Some(false)));
    // Our own 20 and one peer's 20 are over 30.
    driver.reject(1, sighash);
    assert_eq!(driver.stored(sighash).unwrap().state, BlockState::GloballyRejected);
}

#[test]
fn a_verdict_for_a_block_that_the_group_signed_still_brings_our_promise() {
    let mut group = record(tenure_start(3, 21), BlockState::LocallyAccepted);
    (group.valid, group.approved_at) = (None, None);
    let mut driver = Driver::good();
    driver.propose(&tenure_start(3, 21));
    for peer in 1..5 {
        driver.accept(peer, group.sighash);
    }
    assert_eq!(driver.stored(group.sighash).unwrap().state, BlockState::LocallyAccepted);
    assert_eq!(driver.orders(), [], "no signature before our own verdict");
    driver.pass(secs(31));
    driver.verdict(group.sighash);
    assert_eq!(driver.pre_commits(), [group.sighash]);
    assert_eq!(driver.acceptances(), [group.sighash]);
}
