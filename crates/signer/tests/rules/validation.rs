//! Handing a block to the node, and waiting for its verdict (2.5 and 2.6).

use countersign_signer::{BlockState, Event, Millis, Note, QueuedValidation, Saved, Submission};
use countersign_wire::StacksHeight;
use countersign_wire::event::NewBlock;
use countersign_wire::message::RejectReason;

use crate::support::chain::{secs, tip_id};
use crate::support::{Driver, Sent, ch, ordinary, tenure_start};

/// A network whose node has only reached height 19, so that the parent at 20 is unknown.
fn without_parent() -> Driver {
    let spoil = |node: &mut crate::support::node::Node| node.stacks_height = StacksHeight::new(19);
    let mut driver = Driver::started(&[20; 5], Saved::default(), spoil);
    driver.agree();
    driver.sent.clear();
    driver
}

#[test]
fn a_block_whose_parent_is_unknown_waits_for_it_15_seconds() {
    let mut driver = without_parent();
    let sighash = tenure_start(3, 21).block.sighash();
    driver.propose(&tenure_start(3, 21));
    let why = QueuedValidation::ParentUnknown;
    assert!(driver.notes.contains(&Note::ValidationQueued { sighash, why }));
    driver.pass(Millis::new(14_999));
    assert_eq!(driver.validations(), []);
    driver.pass(Millis::new(501));
    assert_eq!(driver.validations(), [sighash], "the node itself is the last judge");
}

#[test]
fn a_block_goes_to_the_node_once_its_parent_is_announced() {
    let mut driver = without_parent();
    driver.propose(&tenure_start(3, 21));
    driver.handle(Event::StacksBlock(NewBlock {
        block_id: tip_id(2, 20),
        sighash: Some(countersign_wire::Sighash::new([5; 32])),
        consensus_hash: ch(2),
        height: StacksHeight::new(20),
        txids: Vec::new(),
        signatures: Vec::new(),
        time: None,
    }));
    driver.pass(Millis::new(500));
    assert_eq!(driver.validations().len(), 1);
}

#[test]
fn a_block_goes_to_the_node_once_the_node_is_seen_to_be_that_high() {
    let mut driver = without_parent();
    driver.propose(&tenure_start(3, 21));
    driver.node.stacks_height = StacksHeight::new(20);
    driver.pass(secs(6));
    assert_eq!(driver.validations().len(), 1);
}

#[test]
fn a_block_that_waits_for_its_parent_does_not_hold_up_others() {
    let mut driver = without_parent();
    driver.propose(&ordinary(3, 25));
    assert_eq!(driver.signer.validations_pending(), 1);
    driver.propose(&ordinary(3, 20));
    assert_eq!(driver.validations(), [ordinary(3, 20).block.sighash()]);
    assert_eq!(driver.signer.validations_pending(), 2);
}

#[test]
fn patience_for_a_parent_is_not_renewed_by_a_busy_node() {
    let mut driver = without_parent();
    driver.node.submissions = [Submission::Busy, Submission::Busy].into();
    driver.propose(&tenure_start(3, 21));
    driver.pass(secs(17));
    assert_eq!(driver.validations().len(), 3);
}

#[test]
fn a_busy_or_unreachable_node_is_asked_again() {
    let failures = [Submission::Busy, Submission::Unreachable("refused".to_owned())];
    for failure in failures {
        let mut driver = Driver::good();
        driver.node.submissions = [failure.clone(), failure.clone()].into();
        driver.propose(&tenure_start(3, 21));
        driver.pass(secs(3));
        let sighash = tenure_start(3, 21).block.sighash();
        assert_eq!(driver.validations(), [sighash; 3], "{failure:?}");
        assert_eq!(driver.rejections(), []);
    }
}

#[test]
fn a_node_that_is_busy_for_long_is_told_of_once() {
    let mut driver = Driver::good();
    driver.node.submissions = std::iter::repeat_n(Submission::Busy, 20).collect();
    driver.propose(&tenure_start(3, 21));
    driver.pass(secs(5));
    let sighash = tenure_start(3, 21).block.sighash();
    assert_eq!(driver.validations().len(), 21);
    let told = |note: &Note| driver.notes.iter().filter(|told| *told == note).count();
    let why = QueuedValidation::NodeBusy;
    assert_eq!(told(&Note::ValidationQueued { sighash, why }), 1);
    assert_eq!(told(&Note::ValidationRequested { sighash }), 1);
}

#[test]
fn a_refused_request_is_made_again_for_two_minutes_and_never_answered() {
    let mut driver = Driver::good();
    let refused = Submission::Refused("401".to_owned());
    driver.node.submissions = std::iter::repeat_n(refused, 100).collect();
    driver.propose(&tenure_start(3, 21));
    driver.pass(secs(300));
    let sighash = tenure_start(3, 21).block.sighash();
    assert_eq!(driver.validations(), [sighash; 25]);
    assert_eq!(driver.rejections(), []);
    assert_eq!(driver.stored(sighash).unwrap().state, BlockState::Unprocessed);
    let failures = driver.notes.iter().filter(|note| matches!(note, Note::ValidationFailed { .. }));
    assert_eq!(failures.count(), 1, "it is told once");
}

#[test]
fn a_request_that_was_refused_for_a_while_is_answered_in_the_end() {
    let mut driver = Driver::good();
    driver.node.submissions = [Submission::Refused("401".to_owned())].into();
    driver.propose(&tenure_start(3, 21));
    driver.pass(secs(5));
    driver.verdict(tenure_start(3, 21).block.sighash());
    assert_eq!(driver.pre_commits(), [tenure_start(3, 21).block.sighash()]);
}

#[test]
fn a_verdict_that_does_not_come_is_asked_for_again_every_30_seconds() {
    let mut driver = Driver::good();
    let sighash = tenure_start(3, 21).block.sighash();
    driver.propose(&tenure_start(3, 21));
    // The node has been restarted in between, or is still at it.
    driver.node.submissions = [Submission::Accepted, Submission::Busy].into();
    driver.pass(secs(29));
    assert_eq!(driver.validations(), [sighash]);
    driver.pass(secs(61));
    assert_eq!(driver.validations(), [sighash; 4]);
    driver.verdict(sighash);
    driver.pass(secs(100));
    assert_eq!(driver.validations(), [sighash; 4]);
    assert_eq!((driver.pre_commits(), driver.reasons()), (vec![sighash], vec![]));
}

#[test]
fn a_verdict_that_does_not_come_within_two_minutes_is_a_rejection() {
    let mut driver = Driver::good();
    driver.propose(&tenure_start(3, 21));
    driver.pass(Millis::new(119_999));
    assert_eq!(driver.rejections(), []);
    driver.pass(Millis::new(1));
    assert_eq!(driver.reasons(), [RejectReason::ConnectivityIssues]);
    let stored = driver.stored(tenure_start(3, 21).block.sighash()).unwrap();
    assert_eq!((stored.state, stored.valid), (BlockState::LocallyRejected, Some(false)));
    assert_eq!(stored.reject_reason, Some(RejectReason::ConnectivityIssues));
}

#[test]
fn a_verdict_after_the_timeout_is_ignored_and_a_new_proposal_is_judged_again() {
    let mut driver = Driver::good();
    let sighash = tenure_start(3, 21).block.sighash();
    driver.propose(&tenure_start(3, 21));
    driver.pass(secs(120));
    driver.sent.clear();
    driver.verdict(sighash);
    assert!(driver.is_silent());
    assert_eq!(driver.stored(sighash).unwrap().valid, Some(false));
    driver.propose(&tenure_start(3, 21));
    assert_eq!(driver.validations(), [sighash]);
}

#[test]
fn a_timeout_does_not_answer_a_block_that_the_network_decided() {
    let mut driver = Driver::good();
    driver.propose(&tenure_start(3, 21));
    driver.announce(&tenure_start(3, 21).block);
    driver.pass(secs(300));
    assert_eq!(driver.rejections(), []);

    let mut driver = Driver::good();
    let sighash = tenure_start(3, 21).block.sighash();
    driver.propose(&tenure_start(3, 21));
    driver.reject(1, sighash);
    driver.reject(2, sighash);
    driver.pass(secs(300));
    assert_eq!(driver.rejections(), []);
}

#[test]
fn a_timeout_frees_the_place_for_the_next_block() {
    let mut driver = Driver::good();
    driver.propose(&tenure_start(3, 21));
    driver.propose(&ordinary(3, 22));
    driver.pass(secs(120));
    let (first, second) = (tenure_start(3, 21).block.sighash(), ordinary(3, 22).block.sighash());
    assert_eq!(driver.validations(), [first, first, first, first, second]);
    // The rejection of the one leaves before the other is handed over.
    let position = |wanted: fn(&Sent) -> bool| driver.sent.iter().position(wanted);
    assert_eq!(position(|sent| matches!(sent, Sent::Rejected(..))), Some(4), "{:?}", driver.sent);
}

#[test]
fn decisions_that_wait_for_facts_read_them_anew_after_a_burn_block() {
    let mut driver = Driver::good();
    let query = countersign_signer::Query::TenureTip(ch(2));
    driver.node.silent.insert(query);
    driver.propose(&tenure_start(3, 21));
    let stale = driver.open.clone();
    driver.node.end_tenure(3, 21);
    driver.mine_burn_block(4);
    for (ticket, query) in stale {
        driver.node.silent.clear();
        let answer = driver.node.answer(query).unwrap();
        driver.handle(Event::Answered { ticket, query, answer });
    }
    assert_eq!(driver.validations(), [], "the answer is of another moment");
}
