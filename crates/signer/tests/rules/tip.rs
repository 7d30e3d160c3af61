//! Whether a block exceeds the tip of its tenure (3.5), step by step.

use countersign_signer::{BlockState, Query, Record, Saved, Timestamp};
use countersign_wire::message::RejectReason;

use crate::support::chain::{ms_ago, secs_ago};
use crate::support::{Driver, NOW, ch, ordinary, record, tenure_start, tip};

/// A proposal at height 21 on tenure 2, of which `record` is known; whether it is rejected, and
/// whether it counts as activity of its miner.
fn judged(record: Record) -> (bool, bool) {
    let saved = Saved { records: vec![record], ..Saved::default() };
    let mut driver = Driver::with(&[20; 5], saved);
    driver.propose(&tenure_start(3, 21));
    driver.pass(countersign_signer::Millis::new(1500));
    let is_rejected = driver.reasons() == [RejectReason::InvalidParentBlock];
    assert_eq!(driver.validations().is_empty(), is_rejected);
    (is_rejected, driver.saved.activity.iter().any(|(tenure, _)| *tenure == ch(3)))
}

/// A block of tenure 2 that we signed at `at`.
fn own(height: u64, at: Timestamp) -> Record {
    let mut record = record(ordinary(2, height), BlockState::LocallyAccepted);
    record.signed_self_at = Some(at);
    record
}

#[test]
fn step_1_a_fresh_signature_at_or_above_the_height_fails_the_block() {
    let rows = [
        ("fresh, same height", own(21, NOW), true),
        ("fresh, above", own(22, NOW), true),
        ("fresh, below", own(20, NOW), false),
        ("just fresh", own(21, ms_ago(28_400)), true),
        ("stale", own(21, secs_ago(30)), false),
    ];
    for (why, record, is_rejected) in rows {
        assert_eq!(judged(record).0, is_rejected, "{why}");
    }
}

#[test]
fn step_1_freshness_counts_from_the_later_of_the_own_and_the_group_signature() {
    let mut group = own(21, secs_ago(100));
    group.signed_group_at = Some(NOW);
    assert!(judged(group).0);
    let mut promised = own(21, NOW);
    promised.signed_self_at = None;
    assert!(!judged(promised).0, "the time of the promise does not count");
}

#[test]
fn step_2_a_failed_attempt_is_activity_unless_the_group_signed_long_ago() {
    let rows = [(None, true), (Some(secs_ago(198)), true), (Some(secs_ago(201)), false)];
    for (group, is_activity) in rows {
        let mut record = own(21, NOW);
        record.signed_group_at = group;
        assert_eq!(judged(record), (true, is_activity), "{group:?}");
    }
}

#[test]
fn step_3_a_fresh_promise_at_or_above_the_height_is_activity_and_no_obstacle() {
    let promised = |height, at| {
        let mut record = record(ordinary(2, height), BlockState::PreCommitted);
        record.approved_at = Some(at);
        record
    };
    let rows = [
        ("fresh", promised(21, NOW), true),
        ("fresh, below", promised(20, NOW), false),
        ("stale", promised(21, secs_ago(30)), false),
    ];
    for (why, record, is_activity) in rows {
        assert_eq!(judged(record), (false, is_activity), "{why}");
    }
}

#[test]
fn step_3_a_lower_promise_does_not_count_beside_a_higher_signature() {
    let records = vec![own(22, secs_ago(31)), record(ordinary(2, 21), BlockState::PreCommitted)];
    let saved = Saved { records, ..Saved::default() };
    let mut driver = Driver::with(&[20; 5], saved);
    driver.propose(&tenure_start(3, 21));
    assert_eq!(driver.saved.activity, []);
    assert_eq!(driver.validations().len(), 1);
}

#[test]
fn step_4_a_node_that_does_not_answer_passes_the_block() {
    let mut failing = Driver::good();
    failing.node.fail(Query::TenureTip(ch(2)));
    failing.propose(&tenure_start(3, 21));
    assert_eq!(failing.validations().len(), 1);

    let mut empty = Driver::good();
    empty.node.tips.clear();
    empty.propose(&tenure_start(3, 21));
    assert_eq!(empty.validations().len(), 1);
}

#[test]
fn step_5_a_tip_that_we_know_is_globally_accepted_from_then_on() {
    let known = record(ordinary(2, 20), BlockState::PreCommitted);
    let sighash = known.sighash;
    let saved = Saved { records: vec![known], ..Saved::default() };
    let mut driver = Driver::with(&[20; 5], saved);
    let mut node_tip = tip(2, 20);
    node_tip.sighash = Some(sighash);
    driver.node.tips.insert(ch(2), node_tip);
    driver.propose(&tenure_start(3, 21));
    let stored = driver.stored(sighash).unwrap();
    assert_eq!(stored.state, BlockState::GloballyAccepted);
    assert_eq!(stored.signed_group_at, Some(NOW));
}

#[test]
fn step_6_the_block_must_be_higher_than_the_nodes_tip() {
    for (height, is_rejected) in [(20, false), (21, true), (22, true)] {
        let mut driver = Driver::good();
        driver.node.tips.insert(ch(2), tip(2, height));
        driver.propose(&tenure_start(3, 21));
        driver.pass(countersign_signer::Millis::new(1500));
        assert_eq!(driver.reasons().len(), usize::from(is_rejected), "{height}");
    }
}

#[test]
fn a_tenure_with_a_signed_block_has_its_first_block_already() {
    use BlockState::{GloballyAccepted, LocallyAccepted, PreCommitted};
    let rows = [(LocallyAccepted, true), (GloballyAccepted, true), (PreCommitted, false)];
    for (state, is_duplicate) in rows {
        let first = crate::support::blocks::sibling(tenure_start(3, 21));
        let mut known = record(first, state);
        known.signed_self_at = state.is_accepted().then_some(secs_ago(40));
        let saved = Saved { records: vec![known], ..Saved::default() };
        let mut driver = Driver::with(&[20; 5], saved);
        driver.propose(&tenure_start(3, 21));
        let expected: &[RejectReason] =
            if is_duplicate { &[RejectReason::DuplicateBlockFound] } else { &[] };
        assert_eq!(driver.reasons(), expected, "{state:?}");
    }
}
