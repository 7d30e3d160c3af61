//! What a signer checks by its own sortition view, while the agreed version is below 2 (3.2).
//!
//! The winner of burn block 3 builds on tenure 2, the one before on tenure 1. The peers support
//! version 1 and agree on no miner.

use countersign_signer::{BlockState, Event, Millis, Query, Record, Saved};
use countersign_wire::message::{
    BlockProposal, MinerState, RejectReason, SignerMessage, StateMachineUpdate,
};
use countersign_wire::transaction::TenureChangeCause;
use countersign_wire::{MessageSignature, PrivateKey};

use crate::support::chain::{fork, secs, secs_ago, seen, sortition, tip_id};
use crate::support::node::Node;
use crate::support::{Driver, NOW, ch, extend, ordinary, record, spoilt, tenure_start, tip};

/// Five signers of whom four support version 1, on a node that is spoilt from the start.
fn old(saved: Saved, spoil: impl FnOnce(&mut Node)) -> Driver {
    let mut driver = Driver::started(&[20; 5], saved, spoil);
    driver.downgrade(4, 1);
    assert_eq!(driver.updates().last().map(|update| update.active_version), Some(1));
    driver.sent.clear();
    driver.notes.clear();
    driver.node.asked.clear();
    driver
}

fn good() -> Driver {
    old(Saved::default(), |_| {})
}

fn known(records: Vec<Record>) -> Saved {
    Saved { records, burn_blocks: vec![seen(3, NOW)], ..Saved::default() }
}

/// The reason for which a proposal is rejected; none if it goes to the node.
fn reason(driver: &mut Driver, proposal: &BlockProposal) -> Option<RejectReason> {
    let (rejections, validations) = (driver.reasons().len(), driver.validations().len());
    driver.propose(proposal);
    let answers = driver.reasons().len() - rejections + driver.validations().len() - validations;
    assert_eq!(answers, 1, "an answer is given at once: {:?}", driver.notes);
    driver.reasons().get(rejections).copied()
}

fn views_read(driver: &Driver) -> usize {
    driver.node.asked.iter().filter(|query| **query == Query::BurnView).count()
}

/// After this the latest winner is silent.
fn outwait(driver: &mut Driver) {
    driver.pass(secs(120).plus(Millis::new(1)));
}

#[test]
fn blocks_of_the_latest_winner_go_to_the_node_without_an_agreed_state() {
    for version in [0, 1] {
        for proposal in [tenure_start(3, 21), ordinary(3, 22)] {
            let mut driver = good();
            driver.downgrade(4, version);
            assert_eq!(reason(&mut driver, &proposal), None, "{version}");
        }
    }
}

#[test]
fn a_block_is_promised_and_signed_as_ever() {
    let mut driver = good();
    let sighash = driver.promise(&tenure_start(3, 21));
    for peer in 1..4 {
        driver.pre_commit(peer, sighash);
    }
    assert_eq!(driver.acceptances(), [sighash]);
}

#[test]
fn the_view_is_read_once_for_many_blocks() {
    let mut driver = good();
    for height in 22..26 {
        assert_eq!(reason(&mut driver, &ordinary(3, height)), None);
        driver.verdict(ordinary(3, height).block.sighash());
    }
    assert_eq!(views_read(&driver), 1);
}

#[test]
fn without_a_view_nothing_is_validated() {
    let mut driver = good();
    driver.node.fail(Query::BurnView);
    assert_eq!(reason(&mut driver, &tenure_start(3, 21)), Some(RejectReason::NoSortitionView));
    // It may be there the next time.
    driver.node.failing.clear();
    assert_eq!(reason(&mut driver, &tenure_start(3, 21)), None);

    let mut driver = good();
    driver.node.latest.was_sortition = false;
    assert_eq!(reason(&mut driver, &tenure_start(3, 21)), Some(RejectReason::NoSortitionView));
}

#[test]
fn a_block_of_neither_tenure_is_rejected_after_reading_the_view_once_more() {
    let mut driver = good();
    assert_eq!(reason(&mut driver, &ordinary(3, 22)), None);
    driver.verdict(ordinary(3, 22).block.sighash());
    let mismatch = Some(RejectReason::SortitionViewMismatch);
    assert_eq!(reason(&mut driver, &ordinary(7, 22)), mismatch);
    assert_eq!(views_read(&driver), 2);
    assert_eq!(reason(&mut good(), &ordinary(7, 22)), mismatch, "a view that was just read");

    // The node has moved on and nobody has told us yet.
    let mut driver = good();
    assert_eq!(reason(&mut driver, &ordinary(3, 22)), None);
    driver.verdict(ordinary(3, 22).block.sighash());
    driver.node.end_tenure(3, 22);
    driver.node.move_to(4);
    assert_eq!(reason(&mut driver, &tenure_start(4, 23)), None);
}

#[test]
fn who_made_the_block_and_how_is_checked_in_this_order() {
    let mut proposal = ordinary(7, 22);
    proposal.block.header.pox_treatment.set(0, false);
    proposal.block.header.miner_signature = MessageSignature::EMPTY;
    assert_eq!(reason(&mut good(), &proposal), Some(RejectReason::IrrecoverablePubkeyHash));
    let unpaid = spoilt(proposal, |_| {});
    assert_eq!(reason(&mut good(), &unpaid), Some(RejectReason::InvalidBitvec));

    let mut forged = ordinary(2, 21);
    let other = PrivateKey::from_bytes([0x77; 32]).unwrap();
    let header = &mut forged.block.header;
    header.miner_signature = other.sign(&header.miner_signature_hash());
    assert_eq!(reason(&mut good(), &forged), Some(RejectReason::PubkeyHashMismatch));
    assert_eq!(reason(&mut good(), &ordinary(2, 21)), Some(RejectReason::NotLatestSortitionWinner));
}

#[test]
fn the_winner_before_goes_on_only_when_the_latest_is_silent() {
    let mut driver = good();
    driver.pass(secs(120));
    let before = ordinary(2, 21);
    assert_eq!(reason(&mut driver, &before), Some(RejectReason::NotLatestSortitionWinner));
    driver.pass(Millis::new(1));
    assert_eq!(reason(&mut driver, &before), None);
    let late = Some(RejectReason::InvalidMiner);
    assert_eq!(reason(&mut driver, &tenure_start(3, 21)), late);
}

#[test]
fn a_late_block_of_the_silent_winner_is_rejected_though_it_is_the_first_to_tell() {
    let mut driver = good();
    outwait(&mut driver);
    assert_eq!(reason(&mut driver, &tenure_start(3, 21)), Some(RejectReason::InvalidMiner));
}

#[test]
fn the_clock_starts_when_the_burn_block_arrived_here() {
    // Nobody else has reported burn block 3, and that does not matter.
    let saved = Saved { burn_blocks: vec![seen(3, secs_ago(100))], ..Saved::default() };
    let mut driver = Driver::started(&[20; 5], saved, |_| {});
    driver.node.burn_tip = ch(2);
    driver.downgrade(4, 1);
    driver.node.burn_tip = ch(3);
    driver.pass(secs(20));
    assert_eq!(reason(&mut driver, &ordinary(3, 22)), None);
    driver.pass(Millis::new(1));
    assert_eq!(reason(&mut driver, &ordinary(3, 23)), Some(RejectReason::InvalidMiner));
    let MinerState::Active(miner) = driver.updates().pop().unwrap().content.miner else { panic!() };
    assert_eq!(miner.tenure, ch(2), "our own view follows the same clock");
}

#[test]
fn a_signed_block_of_the_latest_winner_keeps_it_valid() {
    let mut signed = record(ordinary(3, 22), BlockState::LocallyAccepted);
    signed.signed_self_at = Some(secs_ago(60));
    let mut driver = old(known(vec![signed]), |_| {});
    outwait(&mut driver);
    assert_eq!(reason(&mut driver, &ordinary(3, 23)), None);
}

#[test]
fn a_tenure_must_start_where_the_winner_committed_to() {
    let mut driver = old(Saved::default(), |node| {
        node.latest.stacks_parent_ch = Some(ch(1));
        node.forks = vec![fork(2, None)];
    });
    let expected = Some(RejectReason::InvalidParentBlock);
    assert_eq!(reason(&mut driver, &tenure_start(3, 21)), expected);
}

#[test]
fn a_block_must_exceed_the_tip_of_the_tenure_it_is_compared_with() {
    for (tenure, proposal) in [(2, tenure_start(3, 21)), (3, ordinary(3, 21))] {
        for (height, expected) in [(20, None), (21, Some(RejectReason::InvalidParentBlock))] {
            let mut driver = good();
            driver.node.tips.insert(ch(tenure), tip(tenure, height));
            assert_eq!(reason(&mut driver, &proposal), expected, "{tenure} at {height}");
        }
    }
}

#[test]
fn a_refused_attempt_to_orphan_counts_as_activity() {
    let mut own = record(ordinary(2, 21), BlockState::LocallyAccepted);
    own.signed_self_at = Some(NOW);
    let mut driver = old(Saved { records: vec![own], ..Saved::default() }, |_| {});
    driver.pass(secs(10));
    let expected = Some(RejectReason::InvalidParentBlock);
    assert_eq!(reason(&mut driver, &tenure_start(3, 21)), expected);
    driver.pass(secs(120));
    assert_eq!(reason(&mut driver, &ordinary(3, 22)), None, "the clock started anew");
}

#[test]
fn only_a_block_on_the_chain_makes_another_first_one_a_duplicate() {
    for (state, expected) in [
        (BlockState::LocallyAccepted, None),
        (BlockState::GloballyAccepted, Some(RejectReason::DuplicateBlockFound)),
    ] {
        let mut first = record(ordinary(3, 20), state);
        first.signed_group_at = Some(secs_ago(60));
        let mut driver = old(known(vec![first]), |_| {});
        assert_eq!(reason(&mut driver, &tenure_start(3, 21)), expected, "{state:?}");
    }
}

#[test]
fn extends_are_judged_as_ever() {
    let proposal = extend(3, 22, TenureChangeCause::Extended);
    let expected = Some(RejectReason::InvalidTenureExtend);
    assert_eq!(reason(&mut good(), &proposal), expected, "the node has no tip of the tenure");
    let mut driver = good();
    driver
        .node
        .tips
        .insert(ch(3), countersign_wire::rpc::TenureTip { burn_view: Some(ch(2)), ..tip(3, 21) });
    assert_eq!(reason(&mut driver, &proposal), None, "the burn view has changed");
}

/// The winner of burn block 3 builds on tenure 1, and so orphans tenure 2 with its two blocks.
fn skips_tenure_2(node: &mut Node) {
    node.latest = sortition(3, 1);
    node.forks = vec![fork(2, Some(tip_id(2, 11))), fork(1, Some(tip_id(1, 10)))];
}

fn on_tenure_1(height: u64) -> BlockProposal {
    let mut start = tenure_start(3, height);
    if let countersign_wire::transaction::TransactionPayload::TenureChange(change) =
        &mut start.block.transactions[0].payload
    {
        change.previous_tenure = ch(1);
        change.previous_tenure_end = tip_id(1, height - 1);
    }
    spoilt(start, |header| header.parent_block_id = tip_id(1, height - 1))
}

fn orphaned(blocks: u64) -> Vec<Record> {
    (0..blocks)
        .map(|n| {
            let mut block = record(ordinary(2, 11 + n), BlockState::GloballyAccepted);
            block.approved_at = Some(secs_ago(1));
            block.signed_group_at = Some(secs_ago(600));
            block
        })
        .collect()
}

#[test]
fn a_winner_that_may_not_orphan_is_refused_and_given_up() {
    let mut driver = old(known(orphaned(2)), skips_tenure_2);
    assert_eq!(reason(&mut driver, &on_tenure_1(11)), Some(RejectReason::ReorgNotAllowed));
    assert_eq!(reason(&mut driver, &ordinary(3, 22)), Some(RejectReason::ReorgNotAllowed));
    assert_eq!(reason(&mut driver, &ordinary(2, 21)), None, "the winner before may go on");
    assert_eq!(driver.saved.superseded, []);
}

#[test]
fn a_winner_that_may_orphan_is_followed_and_the_permission_recorded() {
    let mut driver = old(known(orphaned(1)), |node| {
        skips_tenure_2(node);
        node.tips.insert(ch(1), tip(1, 10));
    });
    assert_eq!(reason(&mut driver, &on_tenure_1(11)), None);
    let superseded: Vec<_> = driver.saved.superseded.iter().map(|s| (s.tenure, s.by)).collect();
    assert_eq!(superseded, [(ch(2), ch(3))], "written once");
}

#[test]
fn forks_that_the_node_does_not_tell_reject_for_now() {
    let mut driver = old(known(orphaned(1)), skips_tenure_2);
    driver.node.fail(Query::Forks { from: ch(1), to: ch(2) });
    assert_eq!(reason(&mut driver, &on_tenure_1(11)), Some(RejectReason::ConnectivityIssues));
    driver.node.failing.clear();
    assert_eq!(reason(&mut driver, &on_tenure_1(11)), None);
}

#[test]
fn a_chain_that_ends_in_the_parent_tenure_is_not_orphaned_by_anybody() {
    // Tenure 2 is unknown here, but the chain that we know ends in tenure 1.
    let mut tip_of_1 = record(ordinary(1, 10), BlockState::GloballyAccepted);
    tip_of_1.signed_group_at = Some(secs_ago(600));
    let mut driver = old(known(vec![tip_of_1]), skips_tenure_2);
    assert_eq!(reason(&mut driver, &ordinary(3, 22)), None);
    assert!(!driver.node.asked.iter().any(|query| matches!(query, Query::Forks { .. })));
}

/// The peers' rejections of a first block for these reasons; then its repetition.
fn after_rejections(reasons: &[RejectReason]) -> (Driver, Option<RejectReason>) {
    let mut driver = good();
    let sighash = driver.promise(&tenure_start(3, 21));
    for (peer, reason) in (1..).zip(reasons) {
        driver.reject_for(peer, sighash, *reason);
    }
    let answer = reason(&mut driver, &ordinary(3, 22));
    (driver, answer)
}

#[test]
fn a_winner_whose_reorg_enough_have_refused_is_given_up_by_everybody() {
    use RejectReason::{InvalidParentBlock, ReorgNotAllowed};
    let (mut driver, answer) = after_rejections(&[ReorgNotAllowed, ReorgNotAllowed]);
    assert_eq!(answer, Some(RejectReason::InvalidMiner));
    assert_eq!(reason(&mut driver, &ordinary(2, 21)), None);
    // Reading the view once more does not bring the winner back.
    assert_eq!(reason(&mut driver, &ordinary(7, 22)), Some(RejectReason::SortitionViewMismatch));
    assert_eq!(reason(&mut driver, &ordinary(3, 23)), Some(RejectReason::InvalidMiner));

    assert_eq!(after_rejections(&[ReorgNotAllowed]).1, None);
    assert_eq!(after_rejections(&[ReorgNotAllowed, InvalidParentBlock]).1, None);
}

#[test]
fn a_burn_block_gives_everybody_a_new_chance() {
    use RejectReason::ReorgNotAllowed;
    let (mut driver, _) = after_rejections(&[ReorgNotAllowed, ReorgNotAllowed]);
    driver.node.end_tenure(3, 22);
    driver.mine_burn_block(4);
    assert_eq!(reason(&mut driver, &tenure_start(4, 23)), None);
}

#[test]
fn capitulating_to_another_miner_gives_the_latest_winner_up() {
    for (tenure, expected) in [(2, Some(RejectReason::InvalidMiner)), (3, None)] {
        let mut driver = Driver::started(&[20; 5], known(vec![]), |_| {});
        let mut update = driver.updates().pop().unwrap();
        if let MinerState::Active(miner) = &mut update.content.miner {
            let winner = sortition(tenure, tenure - 1);
            miner.key_hash = winner.miner_pk_hash160.unwrap();
            miner.tenure = ch(tenure);
            miner.parent_tenure = ch(1);
            miner.parent_last_block = tip_id(1, 10);
            miner.parent_last_height = countersign_wire::StacksHeight::new(10);
        }
        let update = StateMachineUpdate { active_version: 1, supported_version: 1, ..update };
        for peer in 1..5 {
            driver.hear(peer, SignerMessage::StateMachineUpdate(update.clone()));
        }
        driver.pass(secs(20));
        driver.sent.clear();
        assert_eq!(reason(&mut driver, &ordinary(3, 22)), expected, "{tenure}");
    }
}

#[test]
fn another_node_is_asked_for_its_own_view() {
    let mut driver = good();
    assert_eq!(reason(&mut driver, &ordinary(3, 22)), None);
    driver.verdict(ordinary(3, 22).block.sighash());
    driver.handle(Event::NodeSwitched);
    driver.node.asked.clear();
    assert_eq!(reason(&mut driver, &ordinary(3, 23)), None);
    assert!(views_read(&driver) > 0);
}
