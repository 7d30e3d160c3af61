//! After an import the key is as bound as it was in the other program.

use countersign_vault::{AcceptanceRequest, Override, OverrideRule, SignError};
use countersign_wire::{BurnHeight, UnixSeconds};

use crate::header::header;
use crate::support::{Place, sighash};

fn request(number: u8, height: u64, overriding: &[u8]) -> AcceptanceRequest {
    let named = |number: &u8| Override { sighash: sighash(*number), rule: OverrideRule::Stale };
    AcceptanceRequest {
        header: Box::new(header(number.into(), height)),
        burn_height: BurnHeight::new(500),
        overriding: overriding.iter().map(named).collect(),
        at: UnixSeconds::new(2000),
    }
}

#[test]
fn a_rival_of_a_block_that_the_other_program_signed_is_refused_unless_it_is_named() {
    let place = Place::with_schema(20);
    place.import().unwrap();
    let mut vault = place.vault();
    let refused = vault.sign_acceptance(&request(100, 23, &[]));
    assert!(matches!(refused, Err(SignError::Conflict { rival, .. }) if rival == sighash(23)));
    let refused = vault.sign_acceptance(&request(100, 22, &[23]));
    assert!(matches!(refused, Err(SignError::Conflict { rival, .. }) if rival == sighash(22)));
    vault.sign_acceptance(&request(100, 23, &[23])).unwrap();
    vault.sign_acceptance(&request(101, 24, &[])).unwrap();
}

#[test]
fn every_mark_has_a_record_whose_rules_can_let_it_go() {
    let place = Place::with_schema(20);
    place.insert_own_signature(26);
    place.import().unwrap();
    let records = place.saved().records;
    for number in (10..=23).chain([26]) {
        let record = records.iter().find(|record| record.sighash == sighash(number)).unwrap();
        assert!(record.endorsed_at().is_some(), "{number}");
    }
}
