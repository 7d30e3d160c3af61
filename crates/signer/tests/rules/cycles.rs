//! Reward cycles: where we have a seat, how two overlap, how one ends (1.3 to 1.6).
//!
//! Burn block `n` has the height 100 + `n`: cycle 1 is in its prepare phase from burn block 80 on,
//! and cycle 2 begins with burn block 100.

use countersign_signer::{
    BlockState, Event, Millis, NotRegisteredReason, Note, Query, RegistrationFacts, Saved,
};
use countersign_wire::message::{BlockProposal, SignerMessage};
use countersign_wire::{PrivateKey, RewardCycle, SignerSet, StacksAddress, Weight};

use crate::support::chain::secs;
use crate::support::node::Node;
use crate::support::{CYCLE, Driver, Sent, burn_block, ch, tenure_start, tip};

const NEXT: RewardCycle = RewardCycle::new(2);

/// The same at burn block `n`, whose winner builds on the block at height 20 of the tenure before.
fn at(node: &mut Node, n: u8) {
    node.move_to(n - 1);
    node.move_to(n);
    node.end_tenure(n - 1, 20);
    node.end_tenure(n - 2, 19);
}

/// A network at burn block `n` in which all agree in both cycles.
fn agreed_at(n: u8) -> Driver {
    let mut driver = Driver::started(&[20; 5], Saved::default(), |node| at(node, n));
    agree_everywhere(&mut driver);
    driver
}

fn agree_everywhere(driver: &mut Driver) {
    let views: Vec<_> = driver
        .sent
        .iter()
        .filter_map(|sent| match sent {
            Sent::Update(cycle, update) => Some((*cycle, update.clone())),
            _ => None,
        })
        .collect();
    for (cycle, update) in views {
        for peer in 1..5 {
            let key = driver.keys[peer].public_key();
            let message = SignerMessage::StateMachineUpdate(*update.clone());
            driver.hear_in(cycle.parity(), key, message);
        }
    }
    driver.sent.clear();
    driver.notes.clear();
}

/// The network moves on by one burn block, and all agree on it.
fn move_on(driver: &mut Driver, n: u8) {
    driver.node.end_tenure(n - 1, 20);
    driver.mine_burn_block(n);
    agree_everywhere(driver);
}

fn in_cycle(number: RewardCycle, n: u8) -> BlockProposal {
    BlockProposal { reward_cycle: number, ..tenure_start(n, 21) }
}

fn has_asked_for(driver: &Driver, cycle: RewardCycle) -> bool {
    driver.node.asked.contains(&Query::Registration(cycle))
}

#[test]
fn the_next_cycles_signers_are_asked_for_from_the_prepare_phase_on() {
    for (n, expected) in [(79, false), (80, true), (99, true)] {
        let driver = Driver::started(&[20; 5], Saved::default(), |node| at(node, n));
        assert!(has_asked_for(&driver, CYCLE));
        assert_eq!(has_asked_for(&driver, NEXT), expected, "{n}");
    }
    let mut driver = agreed_at(79);
    move_on(&mut driver, 80);
    assert!(has_asked_for(&driver, NEXT));
}

#[test]
fn the_first_burn_block_of_a_cycle_asks_for_it_if_the_prepare_phase_was_missed() {
    let mut driver = agreed_at(79);
    move_on(&mut driver, 100);
    assert!(has_asked_for(&driver, NEXT));
    driver.propose(&in_cycle(NEXT, 100));
    assert_eq!(driver.validations().len(), 1);
}

type Spoil = fn(&mut RegistrationFacts);

fn registered(spoil: Spoil) -> Driver {
    Driver::started(&[20; 5], Saved::default(), |node| {
        spoil(node.registrations.get_mut(&CYCLE).unwrap());
    })
}

fn reason(driver: &Driver) -> Option<NotRegisteredReason> {
    driver.notes.iter().find_map(|note| match note {
        Note::NotRegistered { reason, .. } => Some(*reason),
        _ => None,
    })
}

#[test]
fn without_a_seat_nothing_is_said_and_it_is_looked_for_again_at_the_next_burn_block() {
    let rows: [(Spoil, NotRegisteredReason); 3] = [
        (|facts| facts.set = None, NotRegisteredReason::NoSigners),
        (|facts| facts.slots = facts.slots.split_off(1), NotRegisteredReason::NoSlot),
        (
            |facts| {
                let others = facts.set.as_ref().unwrap().signers()[1..].to_vec();
                facts.set = Some(SignerSet::new(others).unwrap());
            },
            NotRegisteredReason::NotInRewardSet,
        ),
    ];
    for (spoil, expected) in rows {
        let mut driver = registered(spoil);
        assert_eq!(reason(&driver), Some(expected));
        driver.propose(&tenure_start(3, 21));
        assert!(driver.sent.is_empty(), "{:?}", driver.sent);
        let set = driver.set.clone();
        let good = crate::support::node::registration(CYCLE, &set);
        driver.node.registrations.insert(CYCLE, good);
        driver.node.end_tenure(3, 20);
        driver.mine_burn_block(4);
        assert_eq!(driver.updates().len(), 1, "{expected:?}");
    }
}

#[test]
fn a_cycle_whose_slots_are_not_written_yet_is_asked_for_again() {
    let mut driver = registered(|facts| facts.last_set_cycle = RewardCycle::new(0));
    assert!(driver.notes.iter().any(|note| matches!(note, Note::RegistrationDelayed { .. })));
    assert!(driver.sent.is_empty());
    driver.node.registrations.get_mut(&CYCLE).unwrap().last_set_cycle = CYCLE;
    driver.pass(secs(1));
    assert_eq!(driver.updates().len(), 1);
}

#[test]
fn a_node_that_cannot_tell_the_cycle_is_asked_again_and_named_once() {
    for query in [Query::Pox, Query::Info, Query::Registration(CYCLE)] {
        let mut driver = Driver::started(&[20; 5], Saved::default(), |node| node.fail(query));
        driver.pass(secs(30));
        assert!(driver.sent.is_empty());
        assert_eq!(driver.notes.len(), 1, "{:?}", driver.notes);
        driver.node.failing.clear();
        driver.pass(secs(1));
        assert_eq!(driver.updates().len(), 1, "{query:?}");
    }
}

#[test]
fn our_slot_is_our_index_in_the_slot_list_and_our_vote_our_index_in_the_set() {
    let driver = registered(|facts| facts.slots.reverse());
    let registered = driver.notes.iter().find_map(|note| match note {
        Note::Registered { slot, weight, total, .. } => Some((slot.get(), *weight, *total)),
        _ => None,
    });
    assert_eq!(registered, Some((4, Weight::new(20), Weight::new(100))));
}

#[test]
fn only_the_hash_of_a_slots_owner_counts() {
    let driver = registered(|facts| {
        let mainnet = StacksAddress::new(22, *facts.slots[0].hash()).unwrap();
        facts.slots[0] = mainnet;
    });
    assert_eq!(reason(&driver), None);
}

#[test]
fn in_the_prepare_phase_both_cycles_have_a_view_and_only_the_current_one_answers() {
    let mut driver = agreed_at(80);
    driver.node.end_tenure(80, 20);
    driver.mine_burn_block(81);
    let cycles: Vec<RewardCycle> = driver
        .sent
        .iter()
        .filter_map(|sent| match sent {
            Sent::Update(cycle, _) => Some(*cycle),
            _ => None,
        })
        .collect();
    assert_eq!(cycles, [CYCLE, NEXT]);
    agree_everywhere(&mut driver);
    driver.propose(&in_cycle(NEXT, 81));
    assert!(driver.is_silent());
    driver.propose(&in_cycle(CYCLE, 81));
    assert_eq!(driver.validations().len(), 1);
}

#[test]
fn votes_count_only_in_the_contracts_of_the_blocks_own_cycle() {
    let mut driver = agreed_at(80);
    let proposal = in_cycle(CYCLE, 80);
    let sighash = driver.promise(&proposal);
    for peer in 1..5 {
        let key = driver.keys[peer].public_key();
        driver.hear_in(NEXT.parity(), key, SignerMessage::BlockPreCommit(sighash));
    }
    assert_eq!(driver.orders(), []);
    assert_eq!(driver.saved.parked, []);
    for peer in 1..4 {
        driver.pre_commit(peer, sighash);
    }
    assert_eq!(driver.orders().len(), 1);
}

#[test]
fn a_cycle_that_has_not_started_is_never_given_up_for_silence() {
    let mut driver = agreed_at(90);
    driver.pass(secs(130));
    for sent in &driver.sent {
        let Sent::Update(cycle, _) = sent else { continue };
        assert_eq!(*cycle, CYCLE);
    }
    assert!(!driver.updates().is_empty());
}

#[test]
fn the_cycle_changes_hands_with_its_first_burn_block() {
    let mut driver = agreed_at(99);
    move_on(&mut driver, 100);
    driver.propose(&in_cycle(CYCLE, 100));
    assert!(driver.is_silent());
    driver.propose(&in_cycle(NEXT, 100));
    let sighash = in_cycle(NEXT, 100).block.sighash();
    driver.verdict(sighash);
    assert!(driver.sent.iter().any(|sent| matches!(sent, Sent::PreCommit(NEXT, _))));
}

#[test]
fn a_burn_block_that_the_view_ran_ahead_to_still_begins_its_cycle() {
    let mut driver = agreed_at(98);
    driver.node.tips.extend([(ch(98), tip(98, 20)), (ch(99), tip(99, 20))]);
    driver.node.move_to(99);
    driver.node.move_to(100);
    driver.handle(Event::BurnBlock(burn_block(99)));
    driver.handle(Event::BurnBlock(burn_block(100)));
    agree_everywhere(&mut driver);
    driver.propose(&in_cycle(NEXT, 100));
    assert_eq!(driver.validations().len(), 1);
}

#[test]
fn a_cycle_that_is_over_is_left_once_nothing_of_it_is_undecided() {
    let is_left = |driver: &Driver| driver.notes.contains(&Note::CycleEnded { cycle: CYCLE });
    let mut idle = agreed_at(99);
    idle.node.end_tenure(99, 20);
    idle.mine_burn_block(100);
    assert!(is_left(&idle));

    let mut busy = agreed_at(99);
    busy.propose(&in_cycle(CYCLE, 99));
    busy.node.end_tenure(99, 20);
    busy.mine_burn_block(100);
    assert!(!is_left(&busy));
    // Its verdict still counts, in its own contracts.
    busy.verdict(in_cycle(CYCLE, 99).block.sighash());
    assert!(busy.sent.iter().any(|sent| matches!(sent, Sent::PreCommit(CYCLE, _))));
    // So do promises and signatures.
    let sighash = in_cycle(CYCLE, 99).block.sighash();
    busy.node.end_tenure(100, 21);
    busy.mine_burn_block(101);
    assert!(!is_left(&busy));
    for peer in 1..4 {
        busy.pre_commit(peer, sighash);
    }
    assert_eq!(busy.acceptances(), [sighash]);
    busy.announce(&in_cycle(CYCLE, 99).block);
    busy.node.end_tenure(101, 22);
    busy.mine_burn_block(102);
    assert!(is_left(&busy));
}

#[test]
fn a_block_that_nobody_decides_keeps_no_cycle_for_longer_than_ten_minutes() {
    let mut driver = agreed_at(99);
    driver.promise(&in_cycle(CYCLE, 99));
    driver.node.end_tenure(99, 20);
    driver.mine_burn_block(100);
    driver.pass(secs(601));
    assert!(!driver.notes.contains(&Note::CycleEnded { cycle: CYCLE }));
    driver.node.end_tenure(100, 21);
    driver.mine_burn_block(101);
    assert!(driver.notes.contains(&Note::CycleEnded { cycle: CYCLE }));
}

#[test]
fn an_undecided_cycle_is_left_one_cycle_later_at_the_latest() {
    let mut driver = agreed_at(99);
    driver.propose(&in_cycle(CYCLE, 99));
    move_on(&mut driver, 100);
    move_on(&mut driver, 199);
    assert!(!driver.notes.contains(&Note::CycleEnded { cycle: CYCLE }));
    driver.node.end_tenure(199, 20);
    driver.mine_burn_block(200);
    assert!(driver.notes.contains(&Note::CycleEnded { cycle: CYCLE }));
}

#[test]
fn a_key_outside_the_set_of_a_cycle_has_no_vote_in_it() {
    let mut driver = Driver::started(&[20; 5], Saved::default(), |node| {
        at(node, 99);
        // Signer 4 leaves with the end of cycle 1; a newcomer takes its place.
        let facts = node.registrations.get_mut(&NEXT).unwrap();
        let mut members = facts.set.as_ref().unwrap().signers().to_vec();
        members[4].key = PrivateKey::from_bytes([0x66; 32]).unwrap().public_key();
        *facts = crate::support::node::registration(NEXT, &SignerSet::new(members).unwrap());
    });
    agree_everywhere(&mut driver);
    move_on(&mut driver, 100);
    let sighash = in_cycle(NEXT, 100).block.sighash();
    driver.propose(&in_cycle(NEXT, 100));
    driver.verdict(sighash);
    let promise = SignerMessage::BlockPreCommit(sighash);
    for peer in [1, 2, 4] {
        let key = driver.keys[peer].public_key();
        driver.hear_in(NEXT.parity(), key, promise.clone());
    }
    assert_eq!(driver.orders(), []);
    let newcomer = PrivateKey::from_bytes([0x66; 32]).unwrap().public_key();
    driver.hear_in(NEXT.parity(), newcomer, promise);
    assert_eq!(driver.orders().len(), 1);
}

/// A network at the last burn block of cycle 1, with a seat in cycle 2.
fn before_the_boundary() -> Driver {
    let mut driver = agreed_at(99);
    driver.node.end_tenure(99, 20);
    driver
}

#[test]
fn a_cycle_begins_with_the_first_answer_of_a_node_that_was_announced_to_late() {
    let mut driver = before_the_boundary();
    // The callback is faster than the node's own view of the burn chain.
    driver.handle(Event::BurnBlock(burn_block(100)));
    driver.node.move_to(100);
    driver.pass(Millis::new(250));
    driver.sent.clear();
    let first = BlockProposal { reward_cycle: NEXT, ..tenure_start(100, 21) };
    driver.propose(&first);
    let ignored = Note::ProposalIgnored {
        sighash: first.block.sighash(),
        why: countersign_signer::IgnoredProposal::NotOurCycle,
    };
    assert!(!driver.notes.contains(&ignored), "the next poll is seconds away");
}

#[test]
fn the_slots_are_read_again_when_a_cycle_begins() {
    let mut driver = before_the_boundary();
    let first = BlockProposal { reward_cycle: NEXT, ..tenure_start(100, 21) };
    driver.propose(&first);
    assert!(driver.is_silent(), "the cycle has not begun");
    driver.sent.clear();
    driver.mine_burn_block(100);
    assert!(driver.sent.iter().any(|sent| matches!(sent, Sent::ReadSlots)));
}

#[test]
fn a_block_on_record_in_one_cycle_is_not_taken_for_one_of_another() {
    // The envelope names the cycle, and nobody has signed it.
    let mut driver = agreed_at(99);
    driver.propose(&in_cycle(CYCLE, 99));
    move_on(&mut driver, 100);
    let sighash = in_cycle(NEXT, 100).block.sighash();
    driver.propose(&in_cycle(NEXT, 100));
    driver.verdict(sighash);
    let promised = driver.stored(sighash).unwrap().clone();
    assert_eq!(promised.state, BlockState::PreCommitted);
    driver.propose(&in_cycle(CYCLE, 100));
    assert_eq!(driver.stored(sighash), Some(&promised));

    for peer in 1..4 {
        let key = driver.keys[peer].public_key();
        driver.hear_in(NEXT.parity(), key, SignerMessage::BlockPreCommit(sighash));
    }
    let signed = driver.stored(sighash).unwrap().clone();
    assert!(signed.signed_self_at.is_some());
    driver.pass(secs(31));
    driver.propose(&in_cycle(CYCLE, 100));
    assert_eq!(driver.stored(sighash), Some(&signed));
}

#[test]
fn a_cycle_that_the_node_has_gone_back_from_leaves_no_deadline_that_is_always_due() {
    let mut driver = agreed_at(99);
    driver.node.end_tenure(99, 20);
    driver.mine_burn_block(100);
    driver.pass(secs(6));
    driver.node.move_to(99);
    driver.pass(secs(400));
}
