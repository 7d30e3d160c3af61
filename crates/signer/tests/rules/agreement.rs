//! What the signers agree on: version, burn view, miner (5.2 and 5.3).

use countersign_signer::{Note, Saved, Support};
use countersign_wire::message::{MinerState, SignerMessage, StateMachineUpdate};
use countersign_wire::{BurnHeight, PrivateKey, SlotVersion, StacksBlockId, StacksHeight, Weight};

use crate::support::{CYCLE, Driver, ch, tenure_start};

/// A network in which nobody but us has spoken.
fn alone(weights: &[u32]) -> (Driver, StateMachineUpdate) {
    let driver = Driver::started(weights, Saved::default(), |_| {});
    let own = driver.updates().pop().unwrap();
    (driver, own)
}

fn tell(driver: &mut Driver, peer: usize, update: &StateMachineUpdate) {
    driver.hear(peer, SignerMessage::StateMachineUpdate(update.clone()));
}

/// Whether the signers agree on our view: then a good block goes to the node.
fn is_agreed(driver: &mut Driver) -> bool {
    driver.propose(&tenure_start(3, 21));
    !driver.validations().is_empty()
}

#[test]
fn agreement_takes_seven_tenths_rounded_down() {
    let rows: [(&[u32], usize, bool); 5] = [
        (&[20; 5], 2, false),
        (&[20; 5], 3, true),
        // 7 of 11 agree, although 8 are needed to approve a block.
        (&[1, 6, 4], 1, true),
        (&[1, 5, 5], 1, false),
        (&[u32::MAX / 10, u32::MAX / 10 * 6, u32::MAX / 10 * 3], 1, true),
    ];
    for (weights, peers, expected) in rows {
        let (mut driver, own) = alone(weights);
        for peer in 1..=peers {
            tell(&mut driver, peer, &own);
        }
        assert_eq!(is_agreed(&mut driver), expected, "{peers} of {weights:?}");
    }
}

#[test]
fn the_weights_behind_the_signers_views_are_told_to_whoever_looks_on() {
    let weights = [1, 6, 4].map(Weight::new);
    let (mut driver, own) = alone(&[1, 6, 4]);
    let expect = |driver: &Driver, known, greatest, is_agreed| {
        let (known, greatest) = (Weight::new(known), Weight::new(greatest));
        let total = weights.into_iter().sum();
        let support = Support { total, known, greatest, is_agreed };
        assert_eq!(driver.signer.support(), Some(support));
    };
    expect(&driver, 1, 1, false);
    let mut other = own.clone();
    other.content.miner = MinerState::NoValidMiner;
    tell(&mut driver, 2, &other);
    expect(&driver, 5, 4, false);
    tell(&mut driver, 1, &own);
    expect(&driver, 11, 7, true);
}

#[test]
fn every_part_of_a_view_must_be_the_same() {
    type Spoil = fn(&mut StateMachineUpdate);
    fn miner(update: &mut StateMachineUpdate) -> &mut countersign_wire::message::ActiveMiner {
        match &mut update.content.miner {
            MinerState::Active(miner) => miner,
            MinerState::NoValidMiner => panic!(),
        }
    }
    let rows: [(&str, Spoil); 8] = [
        ("burn block", |update| update.content.burn_block = ch(9)),
        ("burn height", |update| update.content.burn_height = BurnHeight::new(9)),
        ("no miner", |update| update.content.miner = MinerState::NoValidMiner),
        ("key", |update| miner(update).key_hash = countersign_wire::Hash160::ZERO),
        ("tenure", |update| miner(update).tenure = ch(9)),
        ("parent tenure", |update| miner(update).parent_tenure = ch(9)),
        ("parent's end", |update| miner(update).parent_last_block = StacksBlockId::ZERO),
        ("parent's height", |update| miner(update).parent_last_height = StacksHeight::new(9)),
    ];
    for (why, spoil) in rows {
        let (mut driver, own) = alone(&[20; 5]);
        let mut other = own.clone();
        spoil(&mut other);
        tell(&mut driver, 1, &own);
        tell(&mut driver, 2, &own);
        tell(&mut driver, 3, &other);
        tell(&mut driver, 4, &other);
        assert!(!is_agreed(&mut driver), "{why}");
    }
}

#[test]
fn the_version_that_each_acts_by_does_not_matter() {
    let (mut driver, own) = alone(&[20; 5]);
    for peer in 1..4 {
        let update = StateMachineUpdate { active_version: 1, ..own.clone() };
        tell(&mut driver, peer, &update);
    }
    assert!(is_agreed(&mut driver));
}

#[test]
fn strangers_echoes_and_old_slot_versions_do_not_count() {
    let (mut driver, own) = alone(&[20; 5]);
    let message = SignerMessage::StateMachineUpdate(own.clone());
    let stranger = PrivateKey::from_bytes([0x99; 32]).unwrap().public_key();
    driver.hear_in(CYCLE.parity(), stranger, message.clone());
    driver.hear_in(1 - CYCLE.parity(), driver.keys[1].public_key(), message.clone());
    driver.hear(0, message.clone());
    tell(&mut driver, 1, &own);
    tell(&mut driver, 2, &own);
    // The third's view was newer when it said something else.
    let mut other = own.clone();
    other.content.burn_block = ch(9);
    let from = driver.keys[3].public_key();
    for (version, update) in [(100, &other), (99, &own), (100, &own)] {
        driver.handle(countersign_signer::Event::Peer {
            parity: CYCLE.parity(),
            from,
            version: SlotVersion::new(version),
            message: SignerMessage::StateMachineUpdate(update.clone()),
        });
    }
    assert!(!is_agreed(&mut driver));
}

#[test]
fn our_own_view_counts_as_it_is_and_not_as_its_echo() {
    let (mut driver, own) = alone(&[70, 30]);
    let mut other = own.clone();
    other.content.miner = MinerState::NoValidMiner;
    tell(&mut driver, 0, &other);
    assert!(is_agreed(&mut driver));
}

#[test]
fn the_highest_version_that_enough_support_becomes_ours() {
    // (what the peers support, what we act by then)
    let rows: [([u64; 4], u64); 6] = [
        ([2, 2, 2, 2], 2),
        ([1, 1, 1, 1], 1),
        ([2, 2, 1, 1], 1),
        ([2, 2, 2, 0], 2),
        ([3, 3, 3, 3], 3),
        ([3, 3, 1, 0], 1),
    ];
    for (supported, expected) in rows {
        let (mut driver, own) = alone(&[20; 5]);
        for (peer, version) in (1..).zip(supported) {
            let update = StateMachineUpdate {
                active_version: version.min(own.active_version),
                supported_version: version,
                content: own.content.clone(),
            };
            tell(&mut driver, peer, &update);
        }
        let latest = driver.updates().pop().unwrap();
        assert_eq!(latest.active_version, expected, "{supported:?}");
        assert_eq!(latest.supported_version, 2);
        let has_changed =
            driver.notes.iter().any(|note| matches!(note, Note::VersionChanged { .. }));
        assert_eq!(has_changed, expected != 2);
    }
}

#[test]
fn without_an_agreed_version_the_active_one_stays() {
    let (mut driver, own) = alone(&[20; 5]);
    let old = StateMachineUpdate { active_version: 1, supported_version: 1, ..own };
    tell(&mut driver, 1, &old);
    tell(&mut driver, 2, &old);
    assert_eq!(driver.updates().last().unwrap().active_version, 2);
}
