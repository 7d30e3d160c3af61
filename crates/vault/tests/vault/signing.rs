//! What is signed, what is refused, and what is remembered.

use countersign_vault::{
    AcceptanceRequest, Mark, Override, OverrideRule, RejectionRequest, SignError,
};
use countersign_wire::{ChainId, ConsensusHash, StacksHeight, UnixSeconds, sip018};
use rusqlite::Connection;

use crate::support::{Place, acceptance, block, key, overriding, rejection, vault};

#[test]
fn an_acceptance_is_a_signature_over_the_bare_hash() {
    let signature = vault().sign_acceptance(&acceptance(1, 10)).unwrap();
    assert_eq!(signature, key().sign(block(1, 10).as_bytes()));
    assert_eq!(signature.recover(block(1, 10).as_bytes()), Some(key().public_key()));
}

#[test]
fn a_rejection_is_a_signature_over_the_structured_hash() {
    let signature = vault().sign_rejection(&rejection(1)).unwrap();
    let digest = sip018::block_rejection(&block(1, 10), ChainId::TESTNET);
    assert_eq!(signature.recover(&digest), Some(key().public_key()));
}

#[test]
fn a_rejection_has_the_bytes_of_the_worked_example() {
    // Section 12.3 of the wire specification, with the key of its section 12.1.
    let example = "b791c6d39263a2469fbb7378da40e84e89d319e4b5e74f69836ff75b3cd30092";
    let key = countersign_wire::PrivateKey::from_hex(example).unwrap();
    let mut vault = countersign_vault::Vault::in_memory(key).unwrap();
    let sighash = "a75a106d6bfed0e636a476c5fe6c14bc0f3f8d5a1e5e388acc6274393b33e991";
    let request = RejectionRequest { sighash: sighash.parse().unwrap(), ..rejection(1) };
    assert_eq!(
        vault.sign_rejection(&request).unwrap().to_string(),
        "01bd50f4a0cf8c49dd9066c6b7ecbaa49e49f3f13388aab8f30eadecf4e64b21a11b8cd1dffcb2f51b4ebe3763\
         0d3f13aa83be1d9cb22feb43bd6ed02b2df5eded"
    );
}

/// What a request about block 2 at height 10 meets, block 1 having been signed before.
struct Case {
    why: &'static str,
    signed_before: AcceptanceRequest,
    request: AcceptanceRequest,
    is_signed: bool,
}

fn conflict_matrix() -> Vec<Case> {
    let elsewhere = {
        let mut request = acceptance(1, 10);
        request.header.consensus_hash = ConsensusHash::new([9; 20]);
        request
    };
    vec![
        Case {
            why: "a block below is its ancestor or does not matter",
            signed_before: acceptance(1, 9),
            request: acceptance(2, 10),
            is_signed: true,
        },
        Case {
            why: "a sibling is a rival",
            signed_before: acceptance(1, 10),
            request: acceptance(2, 10),
            is_signed: false,
        },
        Case {
            why: "a block above builds on another block at this height",
            signed_before: acceptance(1, 11),
            request: acceptance(2, 10),
            is_signed: false,
        },
        Case {
            why: "a sibling in another tenure is a rival",
            signed_before: elsewhere,
            request: acceptance(2, 10),
            is_signed: false,
        },
        Case {
            why: "a rival that is named is let go",
            signed_before: acceptance(1, 10),
            request: overriding(acceptance(2, 10), &[block(1, 10)]),
            is_signed: true,
        },
        Case {
            why: "a rival above that is named is let go",
            signed_before: acceptance(1, 12),
            request: overriding(acceptance(2, 10), &[block(1, 12)]),
            is_signed: true,
        },
        Case {
            why: "naming another block does not let this one go",
            signed_before: acceptance(1, 10),
            request: overriding(acceptance(2, 10), &[block(3, 10)]),
            is_signed: false,
        },
        Case {
            why: "naming oneself does not help",
            signed_before: acceptance(1, 10),
            request: overriding(acceptance(2, 10), &[block(2, 10)]),
            is_signed: false,
        },
    ]
}

#[test]
fn rivals_at_or_above_the_height_bind_unless_they_are_named() {
    for case in conflict_matrix() {
        let mut vault = vault();
        vault.sign_acceptance(&case.signed_before).unwrap();
        match vault.sign_acceptance(&case.request) {
            Ok(_) => assert!(case.is_signed, "{}", case.why),
            Err(SignError::Conflict { rival, height }) => {
                assert!(!case.is_signed, "{}", case.why);
                assert_eq!(
                    (rival, height),
                    (case.signed_before.sighash(), case.signed_before.height()),
                    "{}",
                    case.why
                );
            }
            Err(other) => panic!("{}: {other}", case.why),
        }
    }
}

#[test]
fn each_of_several_rivals_must_be_named() {
    let mut vault = vault();
    vault.sign_acceptance(&acceptance(1, 10)).unwrap();
    vault.sign_acceptance(&acceptance(2, 11)).unwrap();
    let one_named = vault.sign_acceptance(&overriding(acceptance(3, 10), &[block(2, 11)]));
    assert!(matches!(one_named, Err(SignError::Conflict { rival, .. }) if rival == block(1, 10)));
    vault.sign_acceptance(&overriding(acceptance(3, 10), &[block(1, 10), block(2, 11)])).unwrap();
}

#[test]
fn a_refusal_leaves_no_record() {
    let mut vault = vault();
    vault.sign_acceptance(&acceptance(1, 10)).unwrap();
    vault.sign_acceptance(&acceptance(2, 10)).unwrap_err();
    // Had block 2 been recorded, it would be a rival here.
    vault.sign_acceptance(&overriding(acceptance(3, 10), &[block(1, 10)])).unwrap();
}

#[test]
fn the_same_request_gives_the_same_bytes_and_no_new_record() {
    let place = Place::new();
    let mut vault = place.open();
    let first = vault.sign_acceptance(&acceptance(1, 10)).unwrap();
    let again = AcceptanceRequest { at: UnixSeconds::new(1_800_000_000), ..acceptance(1, 10) };
    assert_eq!(vault.sign_acceptance(&again).unwrap(), first);
    let rejected = vault.sign_rejection(&rejection(2)).unwrap();
    assert_eq!(vault.sign_rejection(&rejection(2)).unwrap(), rejected);
    drop(vault);
    assert_eq!(rows(&place, "SELECT count(*), min(at) FROM acceptance"), (1, 1_700_000_000));
    assert_eq!(rows(&place, "SELECT count(*), 0 FROM rejection"), (1, 0));
}

#[test]
fn the_same_block_may_be_signed_again_under_a_later_rival() {
    let mut vault = vault();
    let first = vault.sign_acceptance(&acceptance(1, 10)).unwrap();
    vault.sign_acceptance(&overriding(acceptance(2, 10), &[block(1, 10)])).unwrap();
    assert_eq!(vault.sign_acceptance(&acceptance(1, 10)).unwrap(), first);
}

#[test]
fn one_hash_has_one_height_and_one_tenure() {
    let (height, tenure) = (StacksHeight::new(10), ConsensusHash::new([1; 20]));
    let at = UnixSeconds::new(1_700_000_000);
    let good = Mark { sighash: block(1, 10), height, tenure, at };
    let spoiled = [
        Mark { height: StacksHeight::new(11), ..good },
        Mark { tenure: ConsensusHash::new([2; 20]), ..good },
    ];
    for mark in spoiled {
        let mut vault = vault();
        vault.import(&[mark]).unwrap();
        let refused = vault.sign_acceptance(&acceptance(1, 10));
        assert!(matches!(refused, Err(SignError::Inconsistent { height, .. })
            if height == mark.height));
    }
}

#[test]
fn an_accepted_block_is_never_rejected() {
    let mut vault = vault();
    vault.sign_acceptance(&acceptance(1, 10)).unwrap();
    let refused = vault.sign_rejection(&rejection(1)).unwrap_err();
    assert!(
        matches!(refused, SignError::ContradictsAcceptance { sighash } if sighash == block(1, 10))
    );
    assert!(!refused.is_fatal());
}

#[test]
fn a_rejected_block_may_be_accepted_and_is_bound_from_then_on() {
    let mut vault = vault();
    vault.sign_rejection(&rejection(1)).unwrap();
    vault.sign_acceptance(&acceptance(1, 10)).unwrap();
    vault.sign_rejection(&rejection(1)).unwrap_err();
}

#[test]
fn a_rejected_block_is_no_rival() {
    let mut vault = vault();
    vault.sign_rejection(&rejection(1)).unwrap();
    vault.sign_acceptance(&acceptance(2, 10)).unwrap();
}

#[test]
fn numbers_beyond_the_journal_are_refused_and_harm_nothing() {
    let mut vault = vault();
    for spoiled in [
        acceptance(1, u64::MAX),
        acceptance(1, 1 << 63),
        AcceptanceRequest { at: UnixSeconds::new(u64::MAX), ..acceptance(1, 10) },
    ] {
        let refused = vault.sign_acceptance(&spoiled).unwrap_err();
        assert!(matches!(refused, SignError::OutOfRange { .. }) && !refused.is_fatal());
    }
    vault.sign_acceptance(&acceptance(1, (1 << 63) - 1)).unwrap();
}

#[test]
fn overrides_are_recorded_with_their_rule_and_only_if_they_were_needed() {
    let place = Place::new();
    let mut vault = place.open();
    vault.sign_acceptance(&acceptance(1, 10)).unwrap();
    vault.sign_acceptance(&acceptance(2, 11)).unwrap();
    let mut request = acceptance(3, 11);
    request.overriding = vec![
        Override { sighash: block(1, 10), rule: OverrideRule::Stale },
        Override { sighash: block(2, 11), rule: OverrideRule::NotLive },
        Override { sighash: block(9, 10), rule: OverrideRule::Permitted },
    ];
    vault.sign_acceptance(&request).unwrap();
    drop(vault);
    let db = Connection::open(&place.journal).unwrap();
    let recorded: Vec<([u8; 32], [u8; 32], String)> = db
        .prepare("SELECT sighash, rival, rule FROM overridden")
        .unwrap()
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap();
    assert_eq!(
        recorded,
        [(
            *block(3, 11).as_bytes(),
            *block(2, 11).as_bytes(),
            OverrideRule::NotLive.name().to_owned()
        )]
    );
}

#[test]
fn every_rule_has_a_name_that_the_journal_takes() {
    for rule in [OverrideRule::Stale, OverrideRule::NotLive, OverrideRule::Permitted] {
        let mut vault = vault();
        vault.sign_acceptance(&acceptance(1, 10)).unwrap();
        let mut request = acceptance(2, 10);
        request.overriding = vec![Override { sighash: block(1, 10), rule }];
        vault.sign_acceptance(&request).unwrap();
    }
}

#[test]
fn debug_output_shows_no_secret() {
    let text = format!("{:?}", vault());
    assert!(text.contains(&key().public_key().to_string()));
    assert!(!text.contains(key().to_hex().as_str()));
}

fn rows(place: &Place, sql: &str) -> (i64, i64) {
    Connection::open(&place.journal)
        .unwrap()
        .query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?)))
        .unwrap()
}
