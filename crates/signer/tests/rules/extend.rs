//! When a tenure may be extended (3.6).

use countersign_signer::{BlockState, Query, Record, Saved};
use countersign_wire::block::TenureRole;
use countersign_wire::message::{BlockProposal, RejectReason};
use countersign_wire::rpc::TenureTip;
use countersign_wire::transaction::TenureChangeCause::{self, Extended, ExtendedReadCount};

use crate::support::chain::secs_ago;
use crate::support::{Driver, ch, extend, ordinary, record, tenure_start, tip};

/// A tenure whose only block was proposed so many seconds ago, and the node's tip of it.
fn idle_for(seconds: u64, tip: Option<TenureTip>) -> Driver {
    let first = record(tenure_start(3, 21), BlockState::GloballyAccepted);
    let records = vec![Record { proposed_at: secs_ago(seconds), ..first }];
    let mut driver = Driver::with(&[20; 5], Saved { records, ..Saved::default() });
    driver.node.forget_tenure(3);
    driver.node.tips.extend(tip.map(|tip| (ch(3), tip)));
    driver
}

fn is_permitted(driver: &mut Driver, proposal: &BlockProposal) -> bool {
    driver.propose(proposal);
    let is_validated = driver.validations() == [proposal.block.sighash()];
    let expected: &[_] = if is_validated { &[] } else { &[RejectReason::InvalidTenureExtend] };
    assert_eq!(driver.reasons(), expected);
    is_validated
}

/// The node's tip, at which the tenure sees another burn block than the extend does.
fn other_view() -> TenureTip {
    TenureTip { burn_view: Some(ch(2)), ..tip(3, 21) }
}

#[test]
fn an_idle_tenure_may_be_extended_after_its_time_without_the_buffer() {
    for (cause, idle) in [(Extended, 30), (ExtendedReadCount, 15)] {
        for (seconds, expected) in [(idle - 1, false), (idle, true), (idle + 100, true)] {
            let mut driver = idle_for(seconds, Some(tip(3, 21)));
            let permitted = is_permitted(&mut driver, &extend(3, 22, cause));
            assert_eq!(permitted, expected, "{cause:?} after {seconds} s");
        }
    }
}

#[test]
fn a_new_burn_view_permits_a_full_extend_at_once_and_a_read_count_extend_never() {
    for seconds in [0, 1000] {
        for (cause, expected) in [(Extended, true), (ExtendedReadCount, false)] {
            let mut driver = idle_for(seconds, Some(other_view()));
            let permitted = is_permitted(&mut driver, &extend(3, 22, cause));
            assert_eq!(permitted, expected, "{cause:?} after {seconds} s");
        }
    }
}

#[test]
fn no_other_dimension_is_extended() {
    let others = (2..7).filter_map(TenureChangeCause::from_u8);
    for cause in others.filter(|cause| *cause != ExtendedReadCount) {
        for tip in [tip(3, 21), other_view()] {
            let mut driver = idle_for(1000, Some(tip));
            assert!(!is_permitted(&mut driver, &extend(3, 22, cause)), "{cause:?}");
        }
    }
}

#[test]
fn without_the_burn_view_of_the_tenures_tip_nothing_is_extended() {
    let blind = TenureTip { burn_view: None, ..tip(3, 21) };
    for cause in [Extended, ExtendedReadCount] {
        for tip in [None, Some(blind)] {
            assert!(!is_permitted(&mut idle_for(1000, tip), &extend(3, 22, cause)), "{cause:?}");
        }
        let mut silent = idle_for(1000, Some(tip(3, 21)));
        silent.node.fail(Query::TenureTip(ch(3)));
        assert!(!is_permitted(&mut silent, &extend(3, 22, cause)), "{cause:?}");
    }
}

#[test]
fn a_block_that_extends_nothing_need_not_wait() {
    let block = ordinary(3, 22);
    assert_eq!(block.block.tenure_role(), TenureRole::Ordinary);
    assert!(is_permitted(&mut idle_for(0, Some(tip(3, 21))), &block));
}

#[test]
fn a_refused_extend_is_judged_again_when_its_time_has_come() {
    let mut driver = idle_for(20, Some(tip(3, 21)));
    let extend = extend(3, 22, Extended);
    assert!(!is_permitted(&mut driver, &extend));
    driver.pass(crate::support::chain::secs(10));
    driver.propose(&extend);
    assert_eq!(driver.validations(), [extend.block.sighash()]);
}
