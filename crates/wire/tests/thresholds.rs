//! Weights and signer sets: where the thresholds lie and who is in which slot.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use countersign_wire::signer_set::{MAX_SIGNERS, SignerSetError};
use countersign_wire::{PrivateKey, PublicKey, RewardCycle, Signer, SignerSet, SlotId, Weight};

#[test]
fn thresholds_round_as_the_network_rounds() {
    // (total, least that approves, least that blocks, least that agrees, least that disagrees)
    let rows = [
        (1, 1, 1, 0, 1),
        (3, 3, 1, 2, 1),
        (5, 4, 2, 3, 2),
        (7, 5, 3, 4, 3),
        (10, 7, 4, 7, 4),
        (30, 21, 10, 21, 10),
        (99, 70, 30, 69, 30),
        (4000, 2800, 1201, 2800, 1201),
        (u32::MAX, 3_006_477_107, 1_288_490_189, 3_006_477_106, 1_288_490_189),
    ];
    for (total, approves, blocks, agrees, disagrees) in rows {
        let whole = Weight::new(total);
        let is_least = |least: u32, reaches: fn(Weight, Weight) -> bool, what: &str| {
            assert!(reaches(Weight::new(least), whole), "{least} of {total} {what}");
            if let Some(less) = least.checked_sub(1) {
                assert!(!reaches(Weight::new(less), whole), "{less} of {total} does not: {what}");
            }
        };
        is_least(approves, Weight::approves, "approves");
        is_least(blocks, Weight::blocks_approval, "blocks");
        is_least(agrees, Weight::agrees, "agrees");
        is_least(disagrees, Weight::disagrees, "disagrees");
        assert_eq!(Weight::approval_threshold(whole), Weight::new(approves));
    }
}

#[test]
fn weights_and_counters_stop_at_their_largest_value() {
    let sum: Weight = [Weight::new(u32::MAX), Weight::new(1)].into_iter().sum();
    assert_eq!(sum, Weight::new(u32::MAX));
    assert_eq!(RewardCycle::new(u64::MAX).next(), RewardCycle::new(u64::MAX));
    assert_eq!((RewardCycle::new(6).parity(), RewardCycle::new(7).parity()), (0, 1));
}

fn key(byte: u8) -> PublicKey {
    PrivateKey::from_bytes([byte; 32]).unwrap().public_key()
}

fn signer(byte: u8, weight: u32) -> Signer {
    Signer { key: key(byte), weight: Weight::new(weight) }
}

#[test]
fn a_signer_set_knows_slots_and_weights() {
    let set = SignerSet::new(vec![signer(1, 5), signer(2, 7)]).unwrap();
    assert_eq!(set.total(), Weight::new(12));
    assert_eq!(set.count(), 2);
    assert_eq!(set.slot_of(&key(2)), Some(SlotId::new(1)));
    assert_eq!(set.slot_of(&key(3)), None);
    assert_eq!(set.weight_of(SlotId::new(0)), Weight::new(5));
    assert_eq!(set.weight_of(SlotId::new(2)), Weight::ZERO);
}

#[test]
fn a_signer_set_is_not_empty_too_large_or_ambiguous() {
    assert_eq!(SignerSet::new(vec![]), Err(SignerSetError::Empty));
    let twice = vec![signer(1, 5), signer(1, 7)];
    assert_eq!(SignerSet::new(twice), Err(SignerSetError::Duplicate(key(1))));
    let many = vec![signer(1, 1); MAX_SIGNERS + 1];
    assert_eq!(SignerSet::new(many), Err(SignerSetError::TooMany(MAX_SIGNERS + 1)));
}
