//! When a key signs nothing at all: demoted, frozen, held, waiting; and how the last stop was.

use std::time::Duration;

use countersign_vault::{JournalExport, SignError, Standing, Vault};
use countersign_wire::{BurnHeight, UnixSeconds};

use crate::chunks;
use crate::support::{Place, acceptance, rejection, vault};

const AT: UnixSeconds = UnixSeconds::new(1_700_000_123);

/// What the vault answers to one request of each kind. They were all good before.
fn answers(vault: &mut Vault) -> Vec<Result<(), SignError>> {
    vec![
        vault.sign_acceptance(&acceptance(1, 10)).map(drop),
        vault.sign_acceptance(&acceptance(7, 70)).map(drop),
        vault.sign_rejection(&rejection(2)).map(drop),
        vault.sign_chunk(&chunks::request(chunks::update())).map(drop),
        vault.sign_mock(chunks::mock_request()).map(drop),
    ]
}

fn assert_all(vault: &mut Vault, is_expected: impl Fn(&SignError) -> bool) {
    for answer in answers(vault) {
        let error = answer.unwrap_err();
        assert!(is_expected(&error) && !error.is_fatal(), "{error}");
    }
}

#[test]
fn a_demoted_key_signs_nothing_until_it_is_promoted_whatever_restarts_there_are() {
    let place = Place::new();
    let mut vault = place.open();
    chunks::good(&mut vault);
    vault.demote(AT).unwrap();
    vault.demote(UnixSeconds::new(9)).unwrap();
    for _ in 0..2 {
        assert_eq!(*vault.standing(), Standing::Demoted { at: AT });
        assert_all(&mut vault, |error| matches!(error, SignError::NotActive { .. }));
        drop(vault);
        vault = place.open();
    }
    vault.promote().unwrap();
    for answer in answers(&mut vault) {
        answer.unwrap();
    }
    drop(vault);
    assert_eq!(*place.open().standing(), Standing::Active);
}

#[test]
fn a_frozen_key_keeps_its_first_reason_and_is_not_demoted() {
    let place = Place::new();
    let mut vault = place.open();
    vault.freeze("a chunk that is not ours", AT).unwrap();
    vault.freeze("another one", UnixSeconds::new(9)).unwrap();
    vault.demote(UnixSeconds::new(9)).unwrap();
    drop(vault);
    let mut vault = place.open();
    let reason = "a chunk that is not ours".to_owned();
    assert_eq!(*vault.standing(), Standing::Frozen { at: AT, reason });
    let error = vault.sign_acceptance(&acceptance(1, 10)).unwrap_err().to_string();
    assert!(error.contains("frozen since 1700000123 (a chunk that is not ours)"), "{error}");
    vault.promote().unwrap();
    vault.sign_acceptance(&acceptance(1, 10)).unwrap();
}

#[test]
fn a_demoted_key_can_be_frozen_and_a_long_reason_is_cut() {
    let mut vault = vault();
    vault.demote(AT).unwrap();
    vault.freeze(&"ä".repeat(1000), AT).unwrap();
    let Standing::Frozen { reason, .. } = vault.standing() else { panic!() };
    assert_eq!(reason.chars().count(), 400);
}

#[test]
fn no_time_and_no_reason_spoils_the_journal_that_it_is_written_into() {
    let at = UnixSeconds::new(u64::MAX);
    for (is_freeze, reason) in
        [(false, ""), (true, "\0\n\u{1b}[2J\u{1f512}'; DROP TABLE service; --")]
    {
        let place = Place::new();
        let mut vault = place.open();
        chunks::good(&mut vault);
        let stopped = if is_freeze { vault.freeze(reason, at) } else { vault.demote(at) };
        stopped.unwrap();
        let told = vault.standing().clone();
        assert!(!told.to_string().contains(char::is_control), "{told}");
        let export = vault.export_journal(AT).unwrap();
        JournalExport::from_json(export.to_json().as_bytes()).unwrap();
        drop(vault);
        assert_eq!(*place.open().standing(), told);
    }
}

#[test]
fn from_the_height_of_a_hold_on_nothing_is_signed() {
    let place = Place::new();
    let mut vault = place.open();
    vault.hold_from(BurnHeight::new(501)).unwrap();
    // Of two holds the lower one stays.
    vault.hold_from(BurnHeight::new(600)).unwrap();
    for answer in answers(&mut vault) {
        answer.unwrap();
    }
    drop(vault);
    let mut vault = place.open();
    assert_eq!(vault.hold(), Some(BurnHeight::new(501)));
    let mut late = acceptance(8, 80);
    late.burn_height = BurnHeight::new(501);
    let refused = vault.sign_acceptance(&late).unwrap_err();
    assert!(matches!(refused, SignError::Held { from } if from.get() == 501), "{refused}");
    // From the first request at the height on, those without a height are refused, too.
    assert_all(&mut vault, |error| matches!(error, SignError::Held { .. }));
    vault.promote().unwrap();
    assert!(matches!(vault.sign_acceptance(&late), Err(SignError::Held { .. })));
    vault.release_hold().unwrap();
    vault.sign_acceptance(&late).unwrap();
    drop(vault);
    assert_eq!(place.open().hold(), None);
}

#[test]
fn a_state_update_at_the_height_of_a_hold_is_refused() {
    let mut vault = vault();
    vault.hold_from(BurnHeight::new(1)).unwrap();
    let refused = vault.sign_chunk(&chunks::request(chunks::update()));
    assert!(matches!(refused, Err(SignError::Held { .. })));
}

#[test]
fn a_wait_refuses_everything_and_a_restart_begins_it_anew() {
    let place = Place::new();
    let mut vault = place.open();
    chunks::good(&mut vault);
    vault.wait(Duration::from_mins(10)).unwrap();
    // A shorter one does not end a longer one.
    vault.wait(Duration::from_secs(1)).unwrap();
    for _ in 0..2 {
        let left = vault.waits_for().unwrap();
        assert!(left > Duration::from_secs(590) && left <= Duration::from_mins(10), "{left:?}");
        assert_all(&mut vault, |error| matches!(error, SignError::Waiting { .. }));
        vault.promote().unwrap();
        drop(vault);
        vault = place.open();
    }
}

#[test]
fn after_a_wait_everything_is_signed_and_no_restart_brings_it_back() {
    let place = Place::new();
    let mut vault = place.open();
    vault.wait(Duration::from_millis(1)).unwrap();
    while vault.waits_for().is_some() {
        assert!(matches!(
            vault.sign_acceptance(&acceptance(1, 10)),
            Ok(_) | Err(SignError::Waiting { .. })
        ));
    }
    vault.sign_acceptance(&acceptance(1, 10)).unwrap();
    drop(vault);
    assert_eq!(place.open().waits_for(), None);
}

#[test]
fn only_a_clean_stop_leaves_a_mark_and_the_next_opening_takes_it_away() {
    let place = Place::new();
    let vault = place.open();
    assert!(vault.was_stopped_cleanly(), "a key that was born here was never stopped otherwise");
    drop(vault);
    let mut vault = place.open();
    assert!(!vault.was_stopped_cleanly());
    vault.sign_acceptance(&acceptance(1, 10)).unwrap();
    vault.close_cleanly().unwrap();
    let vault = place.open();
    assert!(vault.was_stopped_cleanly());
    drop(vault);
    assert!(!place.open().was_stopped_cleanly());
}
