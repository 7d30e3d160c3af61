//! When we give up our own miner view for that of the others (5.6).
//!
//! We follow the winner of burn block 3. Others follow the one before, who builds on tenure 1.

use countersign_signer::{
    BlockState, Event, Millis, Note, Query, Record, Saved, Timeouts, Timestamp, ViewConflict,
};
use countersign_wire::message::{ActiveMiner, MinerState, SignerMessage, StateMachineUpdate};
use countersign_wire::{ConsensusHash, StacksHeight};

use crate::support::chain::{burn_height, secs, secs_ago, seen, tip_id};
use crate::support::node::Node;
use crate::support::{
    Driver, NOW, burn_block, ch, miner_key, ordinary, record, sortition, tenure_start,
};

/// The winner of burn block `n`, who builds on tenure `n - 1`, which ends at this height.
fn winner(n: u8, parent_end: u64) -> ActiveMiner {
    ActiveMiner {
        key_hash: miner_key(n).public_key().hash160(),
        tenure: ch(n),
        parent_tenure: ch(n - 1),
        parent_last_block: tip_id(n - 1, parent_end),
        parent_last_height: StacksHeight::new(parent_end),
    }
}

/// A block of tenure `n` that is part of the chain and that we never approved.
fn accepted(n: u8, height: u64) -> Record {
    let mut record = record(ordinary(n, height), BlockState::GloballyAccepted);
    (record.approved_at, record.signed_group_at) = (None, Some(secs_ago(600)));
    record
}

fn known(records: Vec<Record>) -> Saved {
    Saved { records, ..Saved::default() }
}

fn follow(driver: &mut Driver, peer: usize, miner: ActiveMiner) {
    tell(driver, peer, |update| update.content.miner = MinerState::Active(miner));
}

/// The peer says what we said last, but for one thing.
fn tell(driver: &mut Driver, peer: usize, spoil: impl FnOnce(&mut StateMachineUpdate)) {
    let mut update = driver.updates().pop().expect("our view is published");
    spoil(&mut update);
    driver.hear(peer, SignerMessage::StateMachineUpdate(update));
}

fn miner(driver: &Driver) -> ActiveMiner {
    match driver.updates().last().expect("a view is published").content.miner {
        MinerState::Active(miner) => miner,
        MinerState::NoValidMiner => panic!("nobody is followed"),
    }
}

fn followed(driver: &Driver) -> ConsensusHash {
    miner(driver).tenure
}

fn conflicts(driver: &Driver) -> Vec<ViewConflict> {
    driver
        .notes
        .iter()
        .filter_map(|note| match note {
            Note::ViewConflict { conflict, .. } => Some(*conflict),
            _ => None,
        })
        .collect()
}

/// Who is followed after a look at these peers' views; the peers are 1, 2, and so on.
fn converted(weights: &[u32], saved: Saved, peers: &[ActiveMiner]) -> (ConsensusHash, Driver) {
    let mut driver = Driver::started(weights, saved, |_| {});
    for (peer, miner) in (1..).zip(peers) {
        follow(&mut driver, peer, *miner);
    }
    driver.pass(secs(20));
    (followed(&driver), driver)
}

#[test]
fn a_miner_that_seven_tenths_follow_is_followed() {
    let (others, ours) = (winner(2, 10), winner(3, 20));
    let rows = [([31, 69], ch(3)), ([30, 70], ch(2))];
    for (weights, expected) in rows {
        assert_eq!(converted(&weights, Saved::default(), &[others]).0, expected, "{weights:?}");
    }
    // Our own weight counts: seven tenths follow ours.
    assert_eq!(converted(&[20, 50, 30], Saved::default(), &[ours, others]).0, ch(3));
}

#[test]
fn a_miner_with_an_accepted_block_is_followed_by_over_three_tenths() {
    let (others, ours) = (winner(2, 10), winner(3, 20));
    for (weights, expected) in [([20, 30, 50], ch(3)), ([20, 31, 49], ch(2))] {
        let saved = known(vec![accepted(2, 20)]);
        assert_eq!(converted(&weights, saved, &[others, ours]).0, expected, "{weights:?}");
    }
    let mut unconfirmed = accepted(2, 20);
    unconfirmed.state = BlockState::LocallyAccepted;
    let (tenure, _) = converted(&[20, 31, 49], known(vec![unconfirmed]), &[others, ours]);
    assert_eq!(tenure, ch(3), "a block that the node has not shown is none");
}

#[test]
fn what_is_adopted_is_published_told_and_timed() {
    let mut driver = Driver::started(&[30, 70], Saved::default(), |_| {});
    follow(&mut driver, 1, winner(2, 10));
    driver.pass(Millis::new(19_999));
    assert_eq!(followed(&driver), ch(3));
    driver.pass(Millis::new(1));
    assert_eq!(miner(&driver), winner(2, 10));
    let update = driver.updates().pop().unwrap();
    assert_eq!((update.content.burn_block, update.content.burn_height), (ch(3), burn_height(3)));
    let told = driver.notes.iter().find_map(|note| match note {
        Note::Capitulated { tenure, weight, after, .. } => Some((*tenure, weight.get(), *after)),
        _ => None,
    });
    assert_eq!(told, Some((ch(2), 70, secs(20))));
}

#[test]
fn the_greatest_burn_height_wins_whatever_the_weight() {
    let saved = known(vec![accepted(2, 20), accepted(3, 21)]);
    let (tenure, _) = converted(&[1, 60, 39], saved.clone(), &[winner(2, 10), winner(3, 20)]);
    assert_eq!(tenure, ch(3));
    let spoil = |node: &mut Node| node.last = Some(sortition(1, 0));
    let mut driver = Driver::started(&[1, 60, 39], saved, spoil);
    driver.node.last = None;
    follow(&mut driver, 1, winner(2, 10));
    follow(&mut driver, 2, winner(3, 20));
    driver.pass(secs(20));
    assert_eq!(followed(&driver), ch(3), "its burn block is not known");
}

#[test]
fn ties_fall_to_the_weight_and_then_to_the_value() {
    let (low, high) = (winner(3, 18), winner(3, 19));
    let saved = || known(vec![accepted(3, 21)]);
    for (weights, expected) in [([10, 40, 50], high), ([10, 50, 40], low)] {
        let (_, driver) = converted(&weights, saved(), &[low, high]);
        assert_eq!(miner(&driver), expected, "more weight");
    }
    for peers in [[low, high], [high, low]] {
        let (_, driver) = converted(&[10, 45, 45], saved(), &peers);
        assert_eq!(miner(&driver), low.max(high), "equal weight: the same in any order");
    }
}

#[test]
fn a_tenure_whose_burn_block_is_unknown_is_not_followed() {
    let saved = || known(vec![accepted(1, 10)]);
    let (tenure, driver) = converted(&[10, 90], saved(), &[winner(1, 5)]);
    assert_eq!((tenure, conflicts(&driver)), (ch(3), vec![ViewConflict::MinerView]));

    let seen_once = Saved { burn_blocks: vec![seen(1, secs_ago(900))], ..saved() };
    let mut driver = Driver::started(&[10, 90], seen_once, |node| node.end_tenure(0, 5));
    follow(&mut driver, 1, winner(1, 5));
    driver.pass(secs(20));
    assert_eq!(followed(&driver), ch(1));
}

#[test]
fn an_invented_burn_block_lends_no_height() {
    let mut driver = Driver::good();
    let mut forged = burn_block(4);
    forged.burn_block_height = burn_height(50);
    driver.handle(Event::BurnBlock(forged));
    driver.pass(secs(31));
    let seen = driver.saved.peer_updates[0].update.clone();
    for peer in 1..5 {
        let mut update = seen.clone();
        update.content.miner = MinerState::Active(winner(4, 20));
        driver.hear(peer, SignerMessage::StateMachineUpdate(update));
    }
    driver.node.end_tenure(3, 20);
    driver.pass(secs(60));
    assert_eq!(driver.updates(), []);
}

#[test]
fn a_parent_block_that_our_node_lacks_is_waited_for() {
    let mut driver = Driver::started(&[10, 90], Saved::default(), |_| {});
    follow(&mut driver, 1, winner(2, 11));
    driver.pass(secs(20));
    assert_eq!(followed(&driver), ch(3));
    assert_eq!(conflicts(&driver), [ViewConflict::StacksBlockDelay]);
    driver.node.end_tenure(1, 11);
    driver.pass(secs(20));
    assert_eq!(miner(&driver), winner(2, 11));

    let mut driver = Driver::started(&[10, 90], Saved::default(), |node| {
        node.fail(Query::TenureTip(ch(1)));
    });
    follow(&mut driver, 1, winner(2, 10));
    driver.pass(secs(20));
    assert_eq!(followed(&driver), ch(3), "a node that does not answer has not seen it");
}

#[test]
fn signers_without_an_agreed_burn_block_of_ours_convert_nobody() {
    let mut driver = Driver::started(&[10, 90], Saved::default(), |_| {});
    tell(&mut driver, 1, |update| {
        update.content.burn_block = ch(2);
        update.content.miner = MinerState::Active(winner(2, 10));
    });
    driver.pass(secs(40));
    assert_eq!(followed(&driver), ch(3));
    assert_eq!(conflicts(&driver), [ViewConflict::BurnBlockDelay; 2]);

    let (tenure, driver) = converted(&[31, 69], Saved::default(), &[]);
    assert_eq!((tenure, conflicts(&driver)), (ch(3), vec![ViewConflict::BurnBlockDelay]));
}

#[test]
fn those_who_follow_nobody_or_see_another_burn_block_lend_no_weight() {
    let others = winner(2, 10);
    let mut driver = Driver::started(&[10, 60, 30], Saved::default(), |_| {});
    follow(&mut driver, 1, others);
    tell(&mut driver, 2, |update| update.content.miner = MinerState::NoValidMiner);
    driver.pass(secs(20));
    assert_eq!(followed(&driver), ch(3));

    let mut driver = Driver::started(&[10, 60, 30], Saved::default(), |_| {});
    follow(&mut driver, 1, others);
    tell(&mut driver, 2, |update| {
        update.content.burn_block = ch(2);
        update.content.miner = MinerState::Active(others);
    });
    driver.pass(secs(20));
    assert_eq!(followed(&driver), ch(3));
}

#[test]
fn a_signer_without_a_valid_miner_follows_the_majoritys() {
    let both_skip = |node: &mut Node| {
        node.latest = sortition(3, 1);
        node.last = Some(sortition(2, 9));
    };
    let mut driver = Driver::started(&[30, 70], Saved::default(), both_skip);
    assert_eq!(driver.updates()[0].content.miner, MinerState::NoValidMiner);
    follow(&mut driver, 1, winner(3, 20));
    driver.pass(secs(20));
    assert_eq!(miner(&driver), winner(3, 20));
}

/// How often the end of tenure 2 was asked for: once for every look.
fn looks(driver: &Driver) -> usize {
    driver.node.asked.iter().filter(|query| **query == Query::TenureTip(ch(2))).count()
}

#[test]
fn the_others_are_looked_at_every_20_seconds_without_any_event() {
    let mut driver = Driver::good();
    driver.node.asked.clear();
    driver.pass(secs(19));
    assert_eq!(looks(&driver), 0);
    driver.pass(secs(100 - 19));
    assert_eq!(looks(&driver), 5);
    assert_eq!(driver.updates(), [], "nothing changed");
    assert_eq!(conflicts(&driver), []);
}

#[test]
fn an_interval_of_nothing_is_a_second() {
    let timeouts = Timeouts { capitulate: Millis::ZERO, ..Timeouts::default() };
    let mut driver =
        Driver::configured(&[20; 5], Saved::default(), |params, _| params.timeouts = timeouts);
    driver.node.asked.clear();
    driver.pass(secs(10));
    assert_eq!(looks(&driver), 10);
}

#[test]
fn a_start_counts_as_a_look() {
    let mut driver = Driver::started(&[30, 70], Saved::default(), |_| {});
    follow(&mut driver, 1, winner(2, 10));
    driver.pass(secs(19));
    driver.restart();
    driver.pass(secs(19));
    assert_eq!(followed(&driver), ch(3));
    driver.pass(secs(1));
    assert_eq!(followed(&driver), ch(2));
}

#[test]
fn a_block_approved_within_20_seconds_keeps_us_with_its_miner() {
    let mut driver = Driver::started(&[30, 70], known(Vec::new()), |_| {});
    driver.agree();
    driver.pass(secs(15));
    driver.promise(&tenure_start(3, 21));
    driver.announce(&tenure_start(3, 21).block);
    follow(&mut driver, 1, winner(2, 10));
    driver.pass(Millis::new(19_999));
    assert_eq!(followed(&driver), ch(3));
    driver.pass(Millis::new(1));
    assert_eq!(followed(&driver), ch(2));
}

#[test]
fn no_other_block_keeps_us_with_a_miner() {
    let rows: [(&str, u8, BlockState, Timestamp); 3] = [
        ("approved long before", 3, BlockState::GloballyAccepted, secs_ago(5)),
        ("of another tenure", 2, BlockState::GloballyAccepted, NOW),
        ("not accepted", 3, BlockState::LocallyRejected, NOW),
    ];
    for (why, tenure, state, approved_at) in rows {
        let mut block = record(ordinary(tenure, 21), state);
        block.approved_at = Some(approved_at);
        let mut driver = Driver::started(&[30, 70], known(vec![block]), |_| {});
        follow(&mut driver, 1, winner(2, 10));
        driver.pass(Millis::new(19_999));
        assert_eq!(followed(&driver), ch(3), "{why}");
        driver.pass(Millis::new(1));
        assert_eq!(followed(&driver), ch(2), "{why}");
    }
}

#[test]
fn an_approval_in_the_future_keeps_us_with_nobody() {
    let mut block = record(ordinary(3, 21), BlockState::GloballyAccepted);
    block.approved_at = Some(NOW.plus(secs(7200)));
    let mut driver = Driver::started(&[30, 70], known(vec![block]), |_| {});
    follow(&mut driver, 1, winner(2, 10));
    driver.pass(secs(20));
    driver.handle(Event::Deadline);
    assert_eq!(followed(&driver), ch(2), "the clock was set back");
}

#[test]
fn a_clock_that_is_set_back_keeps_nobody_waiting() {
    let mut driver = Driver::started(&[30, 70], Saved::default(), |_| {});
    follow(&mut driver, 1, winner(2, 10));
    driver.now = secs_ago(7200);
    driver.handle(Event::Deadline);
    assert_eq!(followed(&driver), ch(2));
}

#[test]
fn nobody_is_looked_at_while_our_own_view_is_pending() {
    let mut driver = Driver::good();
    driver.handle(Event::BurnBlock(burn_block(4)));
    driver.node.asked.clear();
    driver.now = NOW.plus(secs(20));
    driver.node.silent.insert(Query::BurnView);
    driver.handle(Event::Deadline);
    assert_eq!(driver.notes.iter().filter(|n| matches!(n, Note::ViewConflict { .. })).count(), 0);
    assert_eq!(looks(&driver), 0);
}

#[test]
fn our_statement_about_the_parents_end_is_renewed_even_downwards() {
    let mut own = record(ordinary(2, 21), BlockState::LocallyAccepted);
    own.signed_self_at = Some(secs_ago(15));
    let mut driver = Driver::with(&[20; 5], known(vec![own]));
    driver.pass(secs(19));
    assert_eq!(driver.updates(), []);
    // Now the signature is stale, and the node's tip counts.
    driver.pass(secs(1));
    assert_eq!(miner(&driver), winner(3, 20));
    assert!(driver.notes.iter().any(|note| matches!(
        note,
        Note::ViewChanged { cause: countersign_signer::ViewChange::ParentTenure, .. }
    )));
}

#[test]
fn a_minority_adopts_the_parents_end_that_the_majority_states() {
    // Our node knows the block, but we have stated our own fresh signature on its sibling.
    let mut own = record(ordinary(2, 21), BlockState::LocallyAccepted);
    own.signed_self_at = Some(NOW.plus(secs(10)));
    let mut driver = Driver::started(&[20, 80], known(vec![own]), |_| {});
    driver.node.end_tenure(2, 21);
    follow(&mut driver, 1, winner(3, 21));
    driver.pass(secs(20));
    assert_eq!(miner(&driver), winner(3, 21));
}

#[test]
fn a_silent_miner_that_the_majority_follows_is_not_given_up_again_at_once() {
    let mut driver = Driver::good();
    driver.pass(secs(121));
    assert_eq!(followed(&driver), ch(2), "our clock gives it up");
    driver.pass(secs(19));
    assert_eq!(followed(&driver), ch(3), "the others do not");
    let updates = driver.updates().len();
    driver.pass(secs(24));
    assert_eq!(driver.updates().len(), updates);
    driver.pass(secs(1));
    assert_eq!(followed(&driver), ch(2));
    assert_eq!(driver.updates().len(), updates + 1);
}

#[test]
fn half_of_the_signers_convert_neither_half() {
    let (own, others) = (winner(3, 20), winner(2, 10));
    let (tenure, driver) = converted(&[20, 30, 50], Saved::default(), &[own, others]);
    assert_eq!((tenure, conflicts(&driver)), (ch(3), vec![ViewConflict::MinerView]));
}

#[test]
fn a_look_that_a_burn_block_has_overtaken_is_begun_anew() {
    let mut driver = Driver::good();
    driver.node.silent.insert(Query::TenureTip(ch(2)));
    driver.pass(secs(20));
    let (ticket, query) = driver.open.pop().expect("the parent's end is asked for");
    driver.node.end_tenure(3, 21);
    driver.mine_burn_block(4);
    let asked = driver.node.asked.len();
    driver.node.silent.clear();
    let answer = driver.node.answer(query).expect("the node speaks again");
    driver.handle(Event::Answered { ticket, query, answer });
    assert_eq!(driver.node.asked.len(), asked + 1, "nobody waits for the answer");
}
