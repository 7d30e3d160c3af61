#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use countersign_wire::{PrivateKey, Signer};
use serde_json::Value;

use super::*;

fn key(byte: u8) -> PublicKey {
    PrivateKey::from_bytes([byte; 32]).unwrap().public_key()
}

/// Mainnet's calendar. Cycle 141 has the burn blocks 962,150 to 964,249; its prepare phase begins with
/// block 2,000 of it.
fn at(position: u64) -> PoxInfo {
    PoxInfo {
        first_burnchain_block_height: BurnHeight::new(666_050),
        current_burnchain_block_height: BurnHeight::new(962_150 + position),
        reward_phase_block_length: 2000,
        prepare_phase_block_length: 100,
        reward_cycle_id: 141,
        current_epoch: "Epoch40".to_owned(),
    }
}

fn keys() -> Keys {
    Keys { first: key(1), next: Some(key(2)), are_loaded: Some(true) }
}

fn set(members: &[u8]) -> SignerSet {
    let member = |byte: &u8| Signer { key: key(*byte), weight: Weight::new(10) };
    SignerSet::new(members.iter().map(member).collect()).unwrap()
}

/// At this position of cycle 141, with these signers in it and in the next.
fn rotation(position: u64, current: &[u8], next: Option<&[u8]>) -> Rotation {
    Rotation::new(keys(), &at(position), (Some(set(current)), next.map(set)))
}

#[test]
fn the_stage_follows_from_where_the_next_key_has_a_seat() {
    let none = Rotation::new(Keys { next: None, ..keys() }, &at(5), (Some(set(&[1, 9])), None));
    assert_eq!(none.stage(), Stage::NotBegun);
    let unloaded = Keys { are_loaded: Some(false), ..keys() };
    let unloaded = Rotation::new(unloaded, &at(5), (Some(set(&[1, 9])), None));
    assert_eq!(unloaded.stage(), Stage::ToBeLoaded);
    assert_eq!(rotation(5, &[1, 9], None).stage(), Stage::ToBeRegistered);
    assert_eq!(rotation(2050, &[1, 9], Some(&[1, 9])).stage(), Stage::ToBeRegistered);
    assert_eq!(rotation(2050, &[1, 9], Some(&[2, 9])).stage(), Stage::Waiting);
    assert_eq!(rotation(5, &[2, 9], None).stage(), Stage::Changed);
    for stage in [unloaded, rotation(5, &[1, 9], None), rotation(5, &[2, 9], None)] {
        assert_eq!(stage.troubles(), [], "{:?}", stage.stage());
    }
}

#[test]
fn a_registration_counts_up_to_block_2000_of_a_cycle() {
    let deadline = |position| rotation(position, &[1], None).deadline;
    let this = Deadline { height: BurnHeight::new(964_150), cycle: RewardCycle::new(142) };
    assert_eq!([deadline(0), deadline(1999)], [this; 2]);
    let next = Deadline { height: BurnHeight::new(966_250), cycle: RewardCycle::new(143) };
    assert_eq!(
        [deadline(2000), deadline(2099)],
        [next; 2],
        "no block is left before it is too late"
    );
}

#[test]
fn what_is_wrong_is_named() {
    let cycle = RewardCycle::new;
    let rows: [(Rotation, &[Trouble]); 5] = [
        (rotation(5, &[9], None), &[Trouble::NoSeat(cycle(141))]),
        (rotation(2050, &[1], Some(&[9])), &[Trouble::NoSeatNext(cycle(142))]),
        (rotation(5, &[1, 2], None), &[Trouble::BothSeated(cycle(141))]),
        (rotation(2050, &[1], Some(&[1, 2])), &[Trouble::BothSeated(cycle(142))]),
        (rotation(2050, &[2], Some(&[1])), &[Trouble::TurnsBack(cycle(142))]),
    ];
    for (rotation, expected) in rows {
        assert_eq!(rotation.troubles(), expected);
        assert!(rotation.troubles().iter().all(Trouble::is_serious));
        assert_eq!(rotation.to_json("f")["in_order"], false);
    }
}

/// Two keys whose first six digits are the same.
fn alike() -> (PublicKey, PublicKey) {
    let mut seen = std::collections::BTreeMap::new();
    for number in 1_u32.. {
        let mut secret = [0; 32];
        secret[28..].copy_from_slice(&number.to_be_bytes());
        let key = PrivateKey::from_bytes(secret).unwrap().public_key();
        if let Some(other) = seen.insert(key.to_string()[..6].to_owned(), key) {
            return (other, key);
        }
    }
    unreachable!("there are more keys than beginnings of keys")
}

#[test]
fn a_key_that_begins_like_ours_is_not_ours() {
    let (ours, other) = alike();
    let member = |key| Signer { key, weight: Weight::new(10) };
    let set = SignerSet::new(vec![member(other), member(key(1))]).unwrap();
    let keys = Keys { next: Some(ours), ..keys() };
    let rotation = Rotation::new(keys, &at(5), (Some(set), None));
    assert_eq!(rotation.stage(), Stage::ToBeRegistered, "all 66 digits are compared");
    let cycle = RewardCycle::new(141);
    assert_eq!(rotation.troubles(), [Trouble::LookAlike { ours, other, cycle }]);
    assert_eq!(rotation.to_json("f")["in_order"], true);
    assert!(rotation.to_text("f").contains(&other.to_string()));
}

#[test]
fn the_grant_is_asked_for_with_the_next_key_and_the_last_block_that_counts() {
    let text = rotation(1000, &[1, 9], None).to_text("signer.toml");
    let command = "countersign generate-staking-signature --config signer.toml --next";
    assert!(text.contains(command), "{text}");
    assert!(text.contains("by burn block 964150 to count for cycle 142; 1000 blocks from now"));
    assert!(text.contains("Never revoke a grant first"), "{text}");
    assert!(text.contains(&format!("next key  {}", key(2))), "{text}");
}

#[test]
fn the_old_key_goes_when_its_last_block_is_decided_and_it_has_no_other_cycle() {
    let steps = |rotation: Rotation| rotation.steps("f").join("\n");
    let early = steps(rotation(1, &[2], None));
    assert!(early.contains("wait for burn block 962152"), "{early}");
    let late = steps(rotation(2, &[2], None));
    assert!(!late.contains("wait for") && late.contains("remove `next_key`"), "{late}");
    assert!(late.ends_with("from the key's own account)"), "the grant is revoked last: {late}");
    let back = steps(rotation(2050, &[2], Some(&[1])));
    assert!(back.contains("keep both keys loaded") && !back.contains("revoke"), "{back}");
}

#[test]
fn what_machines_read() {
    let json = rotation(2050, &[1, 9], Some(&[2, 9])).to_json("f");
    assert_eq!(json["stage"], "waiting");
    assert_eq!(json["next_key"]["current"], false);
    assert_eq!(json["next_key"]["next"], serde_json::json!({ "weight": 10, "total": 20 }));
    assert_eq!(json["cycle"]["number"], 141);
    assert_eq!(json["next_cycle"]["begins"], 964_250);
    assert_eq!(json["register_by"]["for_cycle"], 143);
    let unknown = rotation(5, &[1], None).to_json("f");
    assert_eq!(unknown["key"]["next"], Value::Null);
}
