//! Whether a winner may build on an older tenure than the last one (3.3.1).
//!
//! Burn block 3's winner builds on tenure 1 and so orphans tenure 2, of which `records` are known.
//! If it may, we follow it; if not, we follow the winner of burn block 2.

use countersign_signer::{BlockState, Query, Record, Saved, Timestamp};
use countersign_wire::message::MinerState;
use countersign_wire::{ConsensusHash, StacksBlockId};

use crate::support::chain::{
    burn_hash, burn_height, fork, ms_ago, secs, secs_ago, seen, sortition,
};
use crate::support::node::Node;
use crate::support::{Driver, NOW, ch, ordinary, record};

const MINED: Option<StacksBlockId> = Some(StacksBlockId::new([7; 32]));

fn skips_tenure_2(node: &mut Node) {
    node.latest = sortition(3, 1);
    node.forks = vec![fork(2, MINED), fork(1, MINED)];
}

/// The tenure that is followed, and the tenures that may be orphaned.
fn followed(saved: Saved, spoil: impl FnOnce(&mut Node)) -> (ConsensusHash, Vec<ConsensusHash>) {
    let driver = Driver::started(&[20; 5], saved, |node| {
        skips_tenure_2(node);
        spoil(node);
    });
    let update = driver.updates().pop().expect("a view is published");
    let MinerState::Active(miner) = update.content.miner else { panic!("nobody is followed") };
    let orphans = driver.saved.superseded.iter();
    (miner.tenure, orphans.map(|superseded| superseded.tenure).collect())
}

/// Burn block 3 arrived now, and these blocks are known.
fn known(records: Vec<Record>) -> Saved {
    Saved { records, burn_blocks: vec![seen(3, NOW)], ..Saved::default() }
}

fn approved(height: u64, at: Timestamp) -> Record {
    let mut record = record(ordinary(2, height), BlockState::GloballyAccepted);
    (record.approved_at, record.signed_group_at) = (Some(at), Some(at));
    record
}

fn allowed() -> (ConsensusHash, Vec<ConsensusHash>) {
    (ch(3), vec![ch(2)])
}

fn refused() -> (ConsensusHash, Vec<ConsensusHash>) {
    (ch(2), vec![])
}

#[test]
fn a_winner_that_builds_on_the_last_tenure_is_followed_without_asking() {
    let driver = Driver::started(&[20; 5], Saved::default(), |_| {});
    assert!(!driver.node.asked.iter().any(|query| matches!(query, Query::Forks { .. })));
    assert_eq!(driver.saved.superseded, []);
}

#[test]
fn a_tenure_with_one_block_approved_just_before_may_be_orphaned() {
    assert_eq!(followed(known(vec![approved(11, secs_ago(59))]), |_| {}), allowed());
}

#[test]
fn the_permission_names_both_tenures_and_the_burn_block_that_it_hangs_on() {
    let driver = Driver::started(&[20; 5], known(vec![approved(11, secs_ago(1))]), skips_tenure_2);
    let [superseded] = driver.saved.superseded.as_slice() else { panic!() };
    assert_eq!((superseded.tenure, superseded.burn_height), (ch(2), burn_height(2)));
    assert_eq!((superseded.by, superseded.by_burn_block), (ch(3), burn_hash(3)));
    assert_eq!(superseded.at, NOW);
}

#[test]
fn the_block_must_be_approved_less_than_a_minute_before_the_burn_block() {
    let rows =
        [(ms_ago(59_999), allowed()), (secs_ago(60), refused()), (NOW.plus(secs(5)), allowed())];
    for (at, expected) in rows {
        assert_eq!(followed(known(vec![approved(11, at)]), |_| {}), expected);
    }
    let mut unapproved = approved(11, secs_ago(100));
    unapproved.approved_at = None;
    assert_eq!(followed(known(vec![unapproved]), |_| {}), allowed(), "no time counts as no lead");
}

#[test]
fn the_lowest_approved_block_counts() {
    let mut lower = approved(11, secs_ago(70));
    lower.state = BlockState::LocallyRejected;
    let both = vec![lower, approved(12, secs_ago(1))];
    assert_eq!(followed(known(both), |_| {}), refused());
    let mut unseen = record(ordinary(2, 10), BlockState::Unprocessed);
    unseen.approved_at = None;
    let both = vec![unseen, approved(12, secs_ago(1))];
    assert_eq!(followed(known(both), |_| {}), allowed(), "a block that nobody approved is none");
}

#[test]
fn a_tenure_with_two_accepted_blocks_may_not_be_orphaned() {
    let two = vec![approved(11, secs_ago(2)), approved(12, secs_ago(1))];
    assert_eq!(followed(known(two), |_| {}), refused());
    let mut second = approved(12, secs_ago(1));
    second.state = BlockState::LocallyAccepted;
    let one = vec![approved(11, secs_ago(2)), second];
    assert_eq!(followed(known(one), |_| {}), allowed(), "only accepted ones count");
}

#[test]
fn a_tenure_without_a_block_may_be_orphaned() {
    let spoil = |node: &mut Node| node.forks = vec![fork(2, None), fork(1, MINED)];
    assert_eq!(followed(Saved::default(), spoil), allowed());
}

#[test]
fn what_we_did_not_see_may_not_be_orphaned() {
    assert_eq!(followed(known(vec![]), |_| {}), refused(), "no block of it is known");
    let mut late = known(vec![approved(11, secs_ago(1))]);
    late.burn_blocks.clear();
    assert_eq!(followed(late, |_| {}), refused(), "the burn block's arrival is unknown");
}

#[test]
fn one_tenure_that_may_not_be_orphaned_refuses_all() {
    let spoil = |node: &mut Node| node.forks = vec![fork(2, MINED), fork(9, MINED), fork(1, MINED)];
    assert_eq!(followed(known(vec![approved(11, secs_ago(1))]), spoil), refused());
}

#[test]
fn an_empty_list_of_forks_refuses_and_a_failure_leaves_no_view() {
    let empty = |node: &mut Node| node.forks.clear();
    assert_eq!(followed(known(vec![approved(11, secs_ago(1))]), empty), refused());

    let mut driver = Driver::started(&[20; 5], Saved::default(), |node| {
        skips_tenure_2(node);
        node.fail(Query::Forks { from: ch(1), to: ch(2) });
    });
    assert_eq!(driver.updates(), []);
    driver.node.failing.clear();
    driver.pass(secs(1));
    assert_eq!(driver.updates().len(), 1, "it is asked again");
}
