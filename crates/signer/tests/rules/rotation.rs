//! A change of keys: two are loaded, and each signs in the cycles in which it is registered (1.4).
//!
//! Our old key has its seat in cycle 1, and the new one in cycle 2, which begins with burn block 100.

use countersign_signer::{
    BlockState, Event, NotRegisteredReason, Note, Params, Record, Saved, Vote, WithheldSignature,
};
use countersign_wire::message::{BlockProposal, SignerMessage};
use countersign_wire::{
    PublicKey, RewardCycle, Sighash, Signer as Member, SignerSet, SlotId, Weight,
};

use crate::support::chain::secs;
use crate::support::node::{Node, registration};
use crate::support::{
    CYCLE, Driver, NOW, ch, next_key, ordinary, record, signed, tenure_start, tip,
};

const NEXT: RewardCycle = RewardCycle::new(2);

fn next() -> PublicKey {
    next_key().public_key()
}

/// Our old key: that of signer 0.
fn old(driver: &Driver) -> PublicKey {
    driver.keys[0].public_key()
}

/// These keys, with a weight of 20 each.
fn set(keys: impl IntoIterator<Item = PublicKey>) -> SignerSet {
    let member = |key| Member { key, weight: Weight::new(20) };
    SignerSet::new(keys.into_iter().map(member).collect()).unwrap()
}

fn members(node: &Node, cycle: RewardCycle) -> Vec<PublicKey> {
    let set = node.registrations[&cycle].set.clone().unwrap();
    set.signers().iter().map(|signer| signer.key).collect()
}

/// From cycle 2 on the new key has the seat, and the old one none.
fn change_keys(params: &mut Params, node: &mut Node) {
    params.next_key = Some(next());
    let others = members(node, NEXT).into_iter().filter(|key| *key != params.key);
    let changed = set(others.chain([next()]));
    node.registrations.insert(NEXT, registration(NEXT, &changed));
}

/// The node at burn block `n`, whose winner builds on the block at height 20 of the tenure before.
fn at(node: &mut Node, n: u8) {
    node.move_to(n - 1);
    node.move_to(n);
    node.end_tenure(n - 1, 20);
    node.end_tenure(n - 2, 19);
}

/// A network at burn block `n` in the middle of a change of keys, in which all agree in both cycles.
fn changing_at(n: u8, saved: Saved) -> Driver {
    let mut driver = Driver::configured(&[20; 5], saved, |params, node| {
        at(node, n);
        change_keys(params, node);
    });
    agree(&mut driver);
    driver
}

/// All others see what we see, in both cycles.
fn agree(driver: &mut Driver) {
    use crate::support::Sent;
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
}

fn move_on(driver: &mut Driver, n: u8) {
    driver.node.end_tenure(n - 1, 20);
    driver.mine_burn_block(n);
    agree(driver);
}

fn in_cycle(number: RewardCycle, proposal: BlockProposal) -> BlockProposal {
    BlockProposal { reward_cycle: number, ..proposal }
}

/// The block is proposed, found valid, and promised by all others.
fn bring_to_signature(driver: &mut Driver, proposal: &BlockProposal) -> Sighash {
    let sighash = driver.promise(proposal);
    promise_of_others(driver, proposal.reward_cycle, sighash);
    sighash
}

fn promise_of_others(driver: &mut Driver, cycle: RewardCycle, sighash: Sighash) {
    for peer in 1..4 {
        let key = driver.keys[peer].public_key();
        driver.hear_in(cycle.parity(), key, SignerMessage::BlockPreCommit(sighash));
    }
}

/// With which keys the vault was asked to sign in a cycle, each once.
fn keys_of(driver: &Driver, cycle: RewardCycle) -> Vec<PublicKey> {
    let used = driver.signed_with.iter().filter(|(number, _)| *number == cycle);
    let mut keys: Vec<PublicKey> = used.map(|(_, key)| *key).collect();
    keys.sort_unstable();
    keys.dedup();
    keys
}

#[test]
fn each_cycle_is_signed_with_the_key_that_has_the_seat_in_it() {
    let mut driver = changing_at(99, Saved::default());
    let last = bring_to_signature(&mut driver, &in_cycle(CYCLE, tenure_start(99, 21)));
    assert_eq!(driver.acceptances(), [last]);
    driver.announce(&in_cycle(CYCLE, tenure_start(99, 21)).block);
    driver.node.end_tenure(99, 21);
    driver.mine_burn_block(100);
    agree(&mut driver);
    let first = bring_to_signature(&mut driver, &in_cycle(NEXT, tenure_start(100, 22)));
    assert_eq!(driver.acceptances(), [first]);
    assert_eq!(keys_of(&driver, CYCLE), [old(&driver)]);
    assert_eq!(keys_of(&driver, NEXT), [next()]);
}

#[test]
fn the_remark_on_a_seat_names_the_key_that_has_it() {
    let driver = changing_at(99, Saved::default());
    let seats = driver.notes.iter().filter_map(|note| match note {
        Note::Registered { cycle, key, .. } => Some((*cycle, *key)),
        _ => None,
    });
    assert_eq!(seats.collect::<Vec<_>>(), [(CYCLE, old(&driver)), (NEXT, next())]);
}

#[test]
fn a_rejection_is_signed_with_the_key_of_its_cycle() {
    let mut driver = changing_at(99, Saved::default());
    move_on(&mut driver, 100);
    driver.signed_with.clear();
    driver.propose(&in_cycle(NEXT, tenure_start(98, 21)));
    driver.pass(secs(2));
    assert_eq!(driver.rejections().len(), 1);
    assert_eq!(driver.signed_with, [(NEXT, next())]);
}

#[test]
fn the_last_block_of_the_old_cycle_is_signed_with_the_old_key_after_the_new_one_has_begun() {
    let mut driver = changing_at(99, Saved::default());
    let last = driver.promise(&in_cycle(CYCLE, tenure_start(99, 21)));
    move_on(&mut driver, 100);
    driver.signed_with.clear();
    promise_of_others(&mut driver, CYCLE, last);
    assert_eq!(driver.acceptances(), [last]);
    let orders: Vec<PublicKey> = driver.orders().iter().map(|order| order.key).collect();
    assert_eq!(orders, [old(&driver)]);
    assert_eq!(keys_of(&driver, CYCLE), [old(&driver)]);
}

#[test]
fn a_restart_in_the_middle_finds_the_key_of_each_cycle_again() {
    let mut driver = changing_at(99, Saved::default());
    driver.is_vault_silent = true;
    let last = bring_to_signature(&mut driver, &in_cycle(CYCLE, tenure_start(99, 21)));
    driver.signed_with.clear();
    driver.is_vault_silent = false;
    driver.restart();
    assert_eq!(driver.acceptances(), [last], "the order that was lost is given again");
    assert_eq!(keys_of(&driver, CYCLE), [old(&driver)]);
    agree(&mut driver);
    driver.announce(&in_cycle(CYCLE, tenure_start(99, 21)).block);
    driver.node.end_tenure(99, 21);
    driver.mine_burn_block(100);
    driver.restart();
    agree(&mut driver);
    let first = bring_to_signature(&mut driver, &in_cycle(NEXT, tenure_start(100, 22)));
    assert_eq!(driver.acceptances(), [first]);
    assert_eq!(keys_of(&driver, NEXT), [next()]);
}

#[test]
fn the_new_key_alone_takes_the_seat_once_the_old_one_is_gone_from_the_configuration() {
    let mut driver = changing_at(99, Saved::default());
    move_on(&mut driver, 100);
    driver.signed_with.clear();
    driver.reconfigure(|params| {
        params.key = next();
        params.next_key = None;
    });
    agree(&mut driver);
    let first = bring_to_signature(&mut driver, &in_cycle(NEXT, tenure_start(100, 21)));
    assert_eq!(driver.acceptances(), [first]);
    assert_eq!(keys_of(&driver, NEXT), [next()]);
    let reasons = driver.notes.iter().filter_map(|note| match note {
        Note::NotRegistered { cycle, reason } => Some((*cycle, *reason)),
        _ => None,
    });
    assert_eq!(reasons.collect::<Vec<_>>(), [], "cycle 1 is over");
}

#[test]
fn of_two_keys_with_a_seat_in_one_cycle_the_first_signs_and_the_other_is_named() {
    let mut driver = Driver::configured(&[20; 5], Saved::default(), |params, node| {
        params.next_key = Some(next());
        let both = set(members(node, CYCLE).into_iter().chain([next()]));
        node.registrations.insert(CYCLE, registration(CYCLE, &both));
    });
    let named = Note::SecondSeat { cycle: CYCLE, key: next() };
    assert_eq!(driver.notes.iter().filter(|note| **note == named).count(), 1);
    assert_eq!(keys_of(&driver, CYCLE), [old(&driver)]);
    driver.node.end_tenure(3, 20);
    driver.mine_burn_block(4);
    assert_eq!(driver.notes.iter().filter(|note| **note == named).count(), 1, "said once");
}

#[test]
fn a_key_that_owns_a_slot_and_is_not_in_the_set_does_not_keep_the_other_from_its_seat() {
    let driver = Driver::configured(&[20; 5], Saved::default(), |params, node| {
        let owners = node.registrations[&CYCLE].slots.clone();
        change_keys(params, node);
        let mut facts = node.registrations[&NEXT].clone();
        facts.slots.push(owners[0]);
        facts.last_set_cycle = CYCLE;
        node.registrations.insert(CYCLE, facts);
    });
    assert_eq!(keys_of(&driver, CYCLE), [next()]);
}

fn reasons(driver: &Driver) -> Vec<NotRegisteredReason> {
    let reasons = driver.notes.iter().filter_map(|note| match note {
        Note::NotRegistered { reason, .. } => Some(*reason),
        _ => None,
    });
    reasons.collect()
}

#[test]
fn without_a_seat_for_either_key_nothing_is_said() {
    let neither = |params: &mut Params, node: &mut Node| {
        params.next_key = Some(next());
        let others = members(node, CYCLE).into_iter().filter(|key| *key != params.key);
        let without_us = registration(CYCLE, &set(others));
        node.registrations.insert(CYCLE, without_us);
    };
    let driver = Driver::configured(&[20; 5], Saved::default(), neither);
    assert_eq!(reasons(&driver), [NotRegisteredReason::NoSlot]);
    assert_eq!(driver.signed_with, []);
}

#[test]
fn a_dry_run_watches_only_if_neither_of_its_keys_has_a_seat() {
    let dry_run = |keys: fn(&mut Params)| {
        Driver::configured(&[20; 5], Saved::default(), |params, _| {
            params.is_dry_run = true;
            keys(params);
        })
    };
    let registered = dry_run(|params| {
        params.next_key = Some(params.key);
        params.key = next();
    });
    assert_eq!(reasons(&registered), [NotRegisteredReason::DryRunOwnsSlot]);
    let unknown = dry_run(|params| {
        params.key = next();
        params.next_key = Some(crate::support::miner_key(9).public_key());
    });
    assert_eq!(reasons(&unknown), []);
    assert!(unknown.notes.iter().any(|note| matches!(note, Note::Watching { .. })));
}

/// The first block of cycle 2, which all have promised but one, and a block of cycle 1 that this signer
/// has signed with its old key at the same height.
fn beside_a_block_of_the_old_cycle(signed_before: u64) -> (Driver, Sighash, Sighash) {
    let mut rival = record(in_cycle(CYCLE, ordinary(98, 21)), BlockState::LocallyAccepted);
    rival.signed_self_at = Some(NOW);
    let block = record(in_cycle(NEXT, tenure_start(100, 21)), BlockState::PreCommitted);
    let (block_hash, rival_hash) = (block.sighash, rival.sighash);
    let mut votes: Vec<_> =
        (1..4).map(|slot| (block_hash, SlotId::new(slot), Vote::PreCommit)).collect();
    let old_key = Driver::good().keys.remove(0);
    let acceptance = Vote::Acceptance(signed(&old_key, &rival_hash));
    votes.push((rival_hash, SlotId::new(0), acceptance));
    let records: Vec<Record> = vec![rival, block];
    let mut driver = changing_at(100, Saved { records, votes, ..Saved::default() });
    // The rival is in the chain as far as its tenure tells, and no other block is above it.
    driver.node.tips.insert(ch(98), tip(98, 21));
    driver.pass(secs(signed_before));
    (driver, block_hash, rival_hash)
}

#[test]
fn what_the_old_key_has_signed_keeps_the_new_one_from_a_rival() {
    let (mut driver, block, rival) = beside_a_block_of_the_old_cycle(0);
    driver.hear_in(NEXT.parity(), next(), SignerMessage::BlockPreCommit(block));
    let why = WithheldSignature::FreshRival(rival);
    assert!(driver.notes.contains(&Note::SigningWithheld { sighash: block, why }));
    assert!(driver.orders().iter().all(|order| order.sighash != block), "{:?}", driver.orders());
}

#[test]
fn a_stale_signature_of_the_old_key_is_overridden_by_name_in_the_order_to_the_new_one() {
    let (mut driver, block, rival) = beside_a_block_of_the_old_cycle(31);
    driver.hear_in(NEXT.parity(), next(), SignerMessage::BlockPreCommit(block));
    let order = driver.orders().into_iter().find(|order| order.sighash == block).unwrap();
    assert_eq!(order.key, next());
    assert!(order.overriding.iter().any(|(named, _)| *named == rival), "{order:?}");
}

#[test]
fn no_order_goes_to_the_new_key_while_the_old_one_is_about_to_sign_a_rival() {
    let rival = record(in_cycle(CYCLE, ordinary(98, 21)), BlockState::PreCommitted);
    let block = record(in_cycle(NEXT, tenure_start(100, 21)), BlockState::PreCommitted);
    let (rival_hash, block_hash) = (rival.sighash, block.sighash);
    let promised = |sighash| (1..4).map(move |slot| (sighash, SlotId::new(slot), Vote::PreCommit));
    // In the set of cycle 2 our new key comes last, and signer 1 first.
    let votes = promised(rival_hash).chain(
        promised(block_hash)
            .map(|(sighash, slot, vote)| (sighash, SlotId::new(slot.get() - 1), vote)),
    );
    let saved = Saved { records: vec![rival, block], votes: votes.collect(), ..Saved::default() };
    let mut driver = changing_at(99, saved);
    driver.is_vault_silent = true;
    driver.hear(0, SignerMessage::BlockPreCommit(rival_hash));
    assert_eq!(ordered(&driver), [(rival_hash, old(&driver))]);
    move_on(&mut driver, 100);
    driver.hear_in(NEXT.parity(), next(), SignerMessage::BlockPreCommit(block_hash));
    let why = WithheldSignature::FreshRival(rival_hash);
    assert!(driver.notes.contains(&Note::SigningWithheld { sighash: block_hash, why }));
    assert_eq!(ordered(&driver), []);
    driver.is_vault_silent = false;
    let signature = signed(&driver.keys[0], &rival_hash);
    driver.handle(Event::Signed { sighash: rival_hash, signature });
    driver.pass(secs(45));
    assert_eq!(ordered(&driver), [(block_hash, next())], "once it is stale");
}

fn ordered(driver: &Driver) -> Vec<(Sighash, PublicKey)> {
    driver.orders().iter().map(|order| (order.sighash, order.key)).collect()
}
