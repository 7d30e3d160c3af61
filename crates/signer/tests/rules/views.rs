//! Our own view: derived at burn blocks, moved by Stacks blocks, published when it changes (5.1, 5.4
//! and 5.7).

use countersign_signer::{BlockState, Event, Millis, Note, Query, Saved};
use countersign_wire::event::NewBlock;
use countersign_wire::message::{ActiveMiner, MinerState, SignerMessage};
use countersign_wire::{BurnHeight, ConsensusHash, Sighash, StacksBlockId, StacksHeight};

use crate::support::chain::{CYCLE, burn_height, secs, secs_ago, sortition, tip_id};
use crate::support::node::Node;
use crate::support::{
    Driver, NOW, Sent, burn_block, ch, miner_key, ordinary, record, tenure_start,
};

fn miner(driver: &Driver) -> Option<ActiveMiner> {
    match driver.updates().last().expect("a view is published").content.miner {
        MinerState::Active(miner) => Some(miner),
        MinerState::NoValidMiner => None,
    }
}

#[test]
fn the_view_names_the_burn_tip_the_winner_and_the_end_of_its_parent_tenure() {
    let driver = Driver::started(&[20; 5], Saved::default(), |_| {});
    let updates = driver.updates();
    assert_eq!(updates.len(), 1);
    assert_eq!(updates[0].content.burn_block, ch(3));
    assert_eq!(updates[0].content.burn_height, burn_height(3));
    assert_eq!((updates[0].active_version, updates[0].supported_version), (2, 2));
    let expected = ActiveMiner {
        key_hash: miner_key(3).public_key().hash160(),
        tenure: ch(3),
        parent_tenure: ch(2),
        parent_last_block: tip_id(2, 20),
        parent_last_height: StacksHeight::new(20),
    };
    assert_eq!(miner(&driver), Some(expected));
}

#[test]
fn a_burn_block_brings_a_new_view_and_a_repeated_one_does_not() {
    let mut driver = Driver::good();
    driver.node.end_tenure(3, 25);
    driver.mine_burn_block(4);
    assert_eq!(miner(&driver).unwrap().tenure, ch(4));
    assert_eq!(miner(&driver).unwrap().parent_last_block, tip_id(3, 25));
    driver.handle(Event::BurnBlock(burn_block(4)));
    driver.handle(Event::BurnBlock(burn_block(3)));
    assert_eq!(driver.updates().len(), 1, "an unchanged view is not published again");
}

#[test]
fn a_node_behind_the_announced_burn_block_is_waited_for() {
    let mut driver = Driver::good();
    driver.node.end_tenure(3, 25);
    driver.handle(Event::BurnBlock(burn_block(4)));
    assert!(driver.notes.iter().any(|note| matches!(note, Note::NodeBehind { .. })));
    driver.pass(secs(2));
    assert_eq!(driver.updates(), []);
    driver.node.move_to(4);
    driver.pass(Millis::new(250));
    assert_eq!(miner(&driver).unwrap().tenure, ch(4));
}

#[test]
fn a_node_on_another_fork_of_the_same_height_is_asked_again() {
    let mut driver = Driver::good();
    driver.node.end_tenure(3, 25);
    let mut announced = burn_block(4);
    announced.consensus_hash = ch(14);
    driver.node.move_to(4);
    driver.handle(Event::BurnBlock(announced));
    assert_eq!(driver.updates().last().unwrap().content.burn_block, ch(4), "the node's own tip");
    driver.node.burn_tip = ch(14);
    driver.node.latest.consensus_hash = ch(14);
    driver.pass(Millis::new(250));
    assert_eq!(driver.updates().last().unwrap().content.burn_block, ch(14));
}

#[test]
fn a_node_ahead_of_the_announced_burn_block_is_believed() {
    let mut driver = Driver::good();
    driver.node.end_tenure(4, 25);
    driver.node.move_to(4);
    driver.node.move_to(5);
    driver.handle(Event::BurnBlock(burn_block(4)));
    assert_eq!(driver.updates().last().unwrap().content.burn_block, ch(5));
    driver.handle(Event::BurnBlock(burn_block(5)));
    assert_eq!(driver.updates().len(), 1);
}

#[test]
fn a_callback_that_never_comes_is_made_up_for_by_asking() {
    let mut driver = Driver::good();
    driver.node.end_tenure(3, 25);
    driver.node.move_to(4);
    driver.pass(secs(5));
    assert_eq!(miner(&driver).unwrap().tenure, ch(4));
}

#[test]
fn a_failure_is_asked_for_again_every_second() {
    for query in [Query::BurnView, Query::TenureTip(ch(3))] {
        let mut driver = Driver::good();
        driver.node.end_tenure(3, 25);
        driver.node.fail(query);
        driver.node.asked.clear();
        driver.mine_burn_block(4);
        assert_eq!(driver.updates(), [], "{query:?}");
        driver.pass(secs(3));
        let times = driver.node.asked.iter().filter(|asked| **asked == query).count();
        assert_eq!(times, 4, "{query:?}");
        driver.node.failing.clear();
        driver.pass(secs(1));
        assert_eq!(miner(&driver).unwrap().tenure, ch(4), "{query:?}");
    }
}

#[test]
fn a_sortition_without_a_winner_or_a_parent_without_blocks_gives_no_view() {
    type Spoil = fn(&mut Node);
    let rows: [(&str, Spoil); 3] = [
        ("nobody won", |node| node.latest.was_sortition = false),
        ("no key", |node| node.latest.miner_pk_hash160 = None),
        ("no block in the parent tenure", |node| node.tips.clear()),
    ];
    for (why, spoil) in rows {
        let driver = Driver::started(&[20; 5], Saved::default(), spoil);
        assert_eq!(driver.updates(), [], "{why}");
    }
}

#[test]
fn an_invalid_winner_gives_way_to_the_one_before_or_to_nobody() {
    // The latest winner skips tenure 2, which is not allowed.
    let skips = |node: &mut Node| node.latest = sortition(3, 1);
    let driver = Driver::started(&[20; 5], Saved::default(), skips);
    assert_eq!(miner(&driver).unwrap().tenure, ch(2));

    let both_skip = |node: &mut Node| {
        node.latest = sortition(3, 1);
        node.last = Some(sortition(2, 9));
    };
    let driver = Driver::started(&[20; 5], Saved::default(), both_skip);
    assert_eq!(miner(&driver), None);
    assert!(driver.notes.iter().any(|note| matches!(note, Note::NoValidMiner { .. })));

    let only_one = |node: &mut Node| {
        node.latest = sortition(3, 1);
        node.last = None;
    };
    let driver = Driver::started(&[20; 5], Saved::default(), only_one);
    assert_eq!(driver.updates(), [], "there must be one before");
}

/// The end of the parent tenure that we state, if `height` of it was signed `age` seconds ago.
fn parent_end(height: u64, age: u64, spoil: impl FnOnce(&mut Node)) -> (u64, StacksBlockId) {
    let mut own = record(ordinary(2, height), BlockState::LocallyAccepted);
    own.signed_self_at = Some(secs_ago(age));
    let saved = Saved { records: vec![own], ..Saved::default() };
    let driver = Driver::started(&[20; 5], saved, spoil);
    let miner = miner(&driver).unwrap();
    (miner.parent_last_height.get(), miner.parent_last_block)
}

#[test]
fn the_parents_end_is_the_higher_of_the_nodes_tip_and_our_fresh_signature() {
    let own = |height| (height, ordinary(2, height).block.block_id());
    let nodes = (20, tip_id(2, 20));
    assert_eq!(parent_end(21, 29, |_| {}), own(21));
    assert_eq!(parent_end(21, 30, |_| {}), nodes, "stale");
    assert_eq!(parent_end(20, 0, |_| {}), own(20), "on equal height our own counts");
    assert_eq!(parent_end(19, 0, |_| {}), nodes);
    assert_eq!(parent_end(19, 0, |node| node.tips.clear()), own(19), "the node has none");
    let failing = |node: &mut Node| node.fail(Query::TenureTip(ch(2)));
    assert_eq!(parent_end(19, 0, failing), own(19), "the node does not answer");
}

#[test]
fn a_promise_is_not_stated_as_the_parents_end() {
    let promised = record(ordinary(2, 21), BlockState::PreCommitted);
    let saved = Saved { records: vec![promised], ..Saved::default() };
    let driver = Driver::started(&[20; 5], saved, |_| {});
    assert_eq!(miner(&driver).unwrap().parent_last_block, tip_id(2, 20));
}

fn stacks_block(n: u8, height: u64) -> NewBlock {
    NewBlock {
        block_id: tip_id(n, height),
        sighash: Some(Sighash::new([n; 32])),
        consensus_hash: ch(n),
        height: StacksHeight::new(height),
        txids: Vec::new(),
        signatures: Vec::new(),
        time: None,
    }
}

#[test]
fn a_late_block_of_the_parent_tenure_moves_its_end() {
    let rows = [
        ("higher", stacks_block(2, 21), Some(21)),
        ("the same height", stacks_block(2, 20), None),
        ("another tenure", stacks_block(3, 21), None),
        ("before Nakamoto", NewBlock { sighash: None, ..stacks_block(2, 21) }, None),
    ];
    for (why, block, expected) in rows {
        let mut driver = Driver::good();
        driver.handle(Event::StacksBlock(block));
        let stated = driver.updates().pop().map(|update| match update.content.miner {
            MinerState::Active(miner) => miner.parent_last_height.get(),
            MinerState::NoValidMiner => 0,
        });
        assert_eq!(stated, expected, "{why}");
    }
}

#[test]
fn a_stacks_block_changes_nothing_while_the_view_is_pending() {
    let mut driver = Driver::good();
    driver.handle(Event::BurnBlock(burn_block(4)));
    driver.handle(Event::StacksBlock(stacks_block(2, 21)));
    assert_eq!(driver.updates(), []);
}

#[test]
fn burn_blocks_are_remembered_with_their_first_arrival_and_forgotten_100_below_the_tip() {
    let mut driver = Driver::good();
    driver.node.end_tenure(3, 25);
    driver.pass(secs(1));
    driver.mine_burn_block(4);
    driver.pass(secs(1));
    driver.handle(Event::BurnBlock(burn_block(4)));
    let arrivals: Vec<_> = driver
        .saved
        .burn_blocks
        .iter()
        .filter(|seen| seen.consensus_hash == ch(4))
        .map(|seen| seen.received_at)
        .collect();
    assert_eq!(arrivals, [NOW.plus(secs(1))]);

    driver.node.fail(Query::BurnView);
    for (tip, is_remembered) in [(104, true), (105, false)] {
        driver.node.move_to(tip);
        driver.pass(secs(5));
        let is_there = driver.saved.burn_blocks.iter().any(|seen| seen.consensus_hash == ch(4));
        assert_eq!(is_there, is_remembered, "burn tip {tip}");
    }
}

/// Anybody who reaches the endpoint can announce a burn block.
fn forged(height: u64, byte: u8) -> Event {
    let mut block = burn_block(4);
    block.burn_block_height = BurnHeight::new(height);
    block.consensus_hash = ConsensusHash::new([byte; 20]);
    Event::BurnBlock(block)
}

#[test]
fn a_burn_block_that_the_node_does_not_know_unseats_nobody() {
    let mut driver = Driver::good();
    let views = driver.saved.peer_updates.len();
    driver.handle(forged(99_999_999, 0xee));
    assert!(!driver.notes.iter().any(|note| matches!(note, Note::CycleEnded { .. })));
    assert_eq!(driver.saved.peer_updates.len(), views);
    // Blocks are signed, and the next burn block is seen at once, while the forged one is waited for.
    let sighash = driver.promise(&tenure_start(3, 21));
    for peer in 1..4 {
        driver.pre_commit(peer, sighash);
    }
    assert_eq!(driver.acceptances(), [sighash]);
    driver.node.end_tenure(3, 25);
    driver.mine_burn_block(4);
    assert_eq!(miner(&driver).unwrap().tenure, ch(4));
}

#[test]
fn a_flood_of_forged_burn_blocks_is_not_remembered() {
    let mut driver = Driver::good();
    let remembered = driver.saved.burn_blocks.len();
    for byte in 20..=255 {
        driver.handle(forged(1000 + u64::from(byte), byte));
        driver.handle(forged(104, byte));
    }
    assert_eq!(driver.saved.burn_blocks.len(), remembered);
    driver.node.end_tenure(3, 25);
    driver.mine_burn_block(4);
    assert_eq!(miner(&driver).unwrap().tenure, ch(4));
    let siblings = driver.saved.burn_blocks.iter().filter(|seen| seen.height == burn_height(4));
    assert!(siblings.count() <= 5);
}

#[test]
fn a_view_that_the_node_does_not_echo_is_published_again() {
    let mut driver = Driver::good();
    driver.is_echo_lost = true;
    driver.node.end_tenure(3, 21);
    driver.mine_burn_block(4);
    let published = driver.updates();
    assert_eq!(published.len(), 1);
    driver.agree();
    driver.pass(secs(19));
    assert_eq!(driver.updates().len(), 1);
    driver.pass(secs(1));
    assert_eq!(driver.updates(), [published[0].clone(), published[0].clone()]);
    // The pause doubles, so that a node that does not call back at all is not flooded.
    driver.pass(secs(39));
    assert_eq!(driver.updates().len(), 2);
    driver.pass(secs(1));
    assert_eq!(driver.updates().len(), 3);
    let own = driver.keys[0].public_key();
    let message = SignerMessage::StateMachineUpdate(published[0].clone());
    driver.hear_in(CYCLE.parity(), own, message);
    driver.sent.clear();
    driver.pass(secs(100));
    assert_eq!(driver.updates(), []);
}

#[test]
fn the_slots_are_read_again_while_the_signers_do_not_agree() {
    let mut driver = Driver::good();
    let reads =
        |driver: &Driver| driver.sent.iter().filter(|sent| matches!(sent, Sent::ReadSlots)).count();
    driver.node.end_tenure(3, 21);
    driver.mine_burn_block(4);
    driver.pass(secs(19));
    assert_eq!(reads(&driver), 0, "updates are on their way");
    driver.pass(secs(1));
    assert_eq!(reads(&driver), 1);
    driver.pass(secs(40));
    assert_eq!(reads(&driver), 2);
    driver.agree();
    driver.pass(secs(300));
    assert_eq!(reads(&driver), 2);
}

#[test]
fn after_standing_still_facts_and_slots_are_read_anew() {
    let mut driver = Driver::good();
    driver.node.silent.insert(Query::TenureTip(ch(2)));
    driver.propose(&tenure_start(3, 21));
    let stale = driver.open.clone();
    driver.now = driver.now.plus(secs(3600));
    driver.node.silent.clear();
    driver.handle(Event::Resumed);
    assert!(driver.sent.iter().any(|sent| matches!(sent, Sent::ReadSlots)));
    assert_eq!(driver.validations().len(), 1, "it was judged by what the node says now");
    driver.sent.clear();
    for (ticket, query) in stale {
        let answer = driver.node.answer(query).unwrap();
        driver.handle(Event::Answered { ticket, query, answer });
    }
    assert!(driver.is_silent(), "an answer to an old question is nobody's");
}

#[test]
fn a_fact_that_has_grown_old_while_another_was_awaited_is_read_anew() {
    let views_asked = |driver: &Driver| {
        driver.node.asked.iter().filter(|query| **query == Query::BurnView).count()
    };
    for (span, expected) in [(60, 0), (61, 1)] {
        let mut driver = Driver::good();
        driver.node.silent.insert(Query::TenureTip(ch(3)));
        driver.mine_burn_block(4);
        let (ticket, query) = *driver.open.last().unwrap();
        driver.now = driver.now.plus(secs(span));
        driver.node.silent.clear();
        let before = views_asked(&driver);
        let answer = driver.node.answer(query).unwrap();
        driver.handle(Event::Answered { ticket, query, answer });
        assert_eq!(views_asked(&driver) - before, expected, "after {span} s");
    }
}
