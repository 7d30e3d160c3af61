//! A journal that is missing, not the latest, somebody else's, or not where a journal can be.

use std::fs;
use std::path::{Path, PathBuf};

use countersign_vault::{Birth, FLOOR, JournalFile, OpenError, SignError, Vault};

use crate::support::{Place, acceptance, block, key, other_key};

fn open_error(place: &Place) -> OpenError {
    Vault::open(key(), &place.journal).unwrap_err()
}

fn witness(place: &Place) -> PathBuf {
    place.folder.path().join("journal.witness")
}

/// Copies the journal and its log aside, as a backup of a running signer would.
fn back_up(place: &Place) -> Vec<(PathBuf, Vec<u8>)> {
    ["journal.sqlite", "journal.sqlite-wal"]
        .map(|name| place.folder.path().join(name))
        .into_iter()
        .filter_map(|path| fs::read(&path).ok().map(|content| (path, content)))
        .collect()
}

fn put_back(files: &[(PathBuf, Vec<u8>)]) {
    for (path, content) in files {
        fs::write(path, content).unwrap();
    }
}

fn sign(vault: &mut Vault, heights: std::ops::Range<u64>) {
    for height in heights {
        vault.sign_acceptance(&acceptance(1, height)).unwrap();
    }
}

#[test]
fn a_missing_journal_is_refused_with_the_way_out_and_nothing_is_created() {
    let place = Place::new();
    let error = open_error(&place);
    assert!(matches!(&error, OpenError::Missing { path } if *path == place.journal));
    let text = error.to_string();
    for needle in ["`--init`", "ten minutes", "put its journal there"] {
        assert!(text.contains(needle), "{text}");
    }
    assert_eq!(fs::read_dir(place.folder.path()).unwrap().count(), 0);
}

#[test]
fn a_journal_that_is_there_is_not_begun_again() {
    let place = Place::new();
    sign(&mut place.open(), 1..2);
    for birth in [Birth::WithKey, Birth::Init { wait: FLOOR }] {
        let refused = Vault::create(key(), &place.journal, birth).unwrap_err();
        assert!(matches!(refused, OpenError::Exists { .. }), "{refused}");
    }
    let refused = place.open().sign_acceptance(&acceptance(2, 1)).unwrap_err();
    assert!(matches!(refused, SignError::Conflict { .. }), "{refused}");
}

#[test]
fn a_journal_that_begins_without_a_history_waits_also_after_a_restart() {
    let place = Place::new();
    let birth = Birth::Init { wait: FLOOR };
    let mut vault = Vault::create(key(), &place.journal, birth).unwrap();
    for _ in 0..2 {
        let error = vault.sign_acceptance(&acceptance(1, 10)).unwrap_err();
        assert!(matches!(error, SignError::Waiting { left } if left.as_secs() > 580));
        assert!(error.to_string().contains("seconds"), "{error}");
        assert!(!vault.was_stopped_cleanly());
        drop(vault);
        vault = place.open();
    }
    vault.end_wait().unwrap();
    vault.sign_acceptance(&acceptance(1, 10)).unwrap();
}

#[test]
fn the_journal_of_a_newborn_key_lets_its_first_start_sign_at_once() {
    let place = Place::new();
    JournalFile::begin(&place.journal, &key().public_key()).unwrap();
    let found = JournalFile::inspect(&place.journal).unwrap();
    assert!(found.is_clean && found.wait.is_zero() && found.records == 0, "{found:?}");
    assert!(place.journal.with_extension("witness").exists());
    let mut vault = Vault::open(key(), &place.journal).unwrap();
    assert!(vault.was_stopped_cleanly());
    vault.sign_acceptance(&acceptance(1, 10)).unwrap();
    drop(vault);
    let refused = JournalFile::begin(&place.journal, &key().public_key()).unwrap_err();
    assert!(matches!(refused, OpenError::Exists { .. }), "{refused}");
    let refused = Vault::open(other_key(), &place.journal).unwrap_err();
    assert!(matches!(refused, OpenError::ForeignKey { .. }), "{refused}");
}

#[test]
fn a_copy_from_before_the_last_start_is_refused() {
    let place = Place::new();
    sign(&mut place.open(), 1..5);
    let yesterday = back_up(&place);
    sign(&mut place.open(), 5..6);
    put_back(&yesterday);
    for _ in 0..3 {
        let error = open_error(&place);
        assert!(matches!(error, OpenError::RolledBack { found: 4, .. }), "{error}");
        assert!(error.to_string().contains("`countersign journal accept`"), "{error}");
    }
}

#[test]
fn a_copy_from_the_same_start_is_refused_once_the_witness_has_seen_more() {
    let place = Place::new();
    let mut vault = place.open();
    sign(&mut vault, 1..5);
    let an_hour_ago = back_up(&place);
    sign(&mut vault, 5..300);
    vault.tidy().unwrap();
    drop(vault);
    put_back(&an_hour_ago);
    assert!(matches!(open_error(&place), OpenError::RolledBack { found: 4, seen: 299, .. }));
}

#[test]
fn a_clean_stop_and_a_demotion_are_seen_by_the_witness() {
    for stop in [(|vault| vault.close_cleanly().unwrap()) as fn(Vault), |mut vault| {
        vault.demote(acceptance(1, 1).at).unwrap();
    }] {
        let place = Place::new();
        let mut vault = place.open();
        sign(&mut vault, 1..3);
        let a_minute_ago = back_up(&place);
        sign(&mut vault, 3..4);
        stop(vault);
        // The log that is left belongs to the later one.
        let _ = fs::remove_file(place.folder.path().join("journal.sqlite-wal"));
        put_back(&a_minute_ago);
        assert!(matches!(open_error(&place), OpenError::RolledBack { found: 2, seen: 3, .. }));
    }
}

#[test]
fn a_fork_of_the_journal_that_has_more_signatures_is_refused() {
    let place = Place::new();
    sign(&mut place.open(), 1..5);
    let elsewhere = Place::new();
    fs::copy(&place.journal, &elsewhere.journal).unwrap();
    fs::copy(witness(&place), witness(&elsewhere)).unwrap();
    sign(&mut elsewhere.open(), 5..50);
    sign(&mut place.open(), 5..6);
    fs::copy(&elsewhere.journal, &place.journal).unwrap();
    assert!(matches!(open_error(&place), OpenError::RolledBack { found: 49, seen: 4, .. }));
}

#[test]
fn a_witness_that_is_missing_or_spoilt_or_another_keys_is_named() {
    type Spoil = fn(&Place);
    let rows: [(Spoil, &str); 4] = [
        (|place| fs::remove_file(witness(place)).unwrap(), "is missing"),
        (|place| fs::write(witness(place), "no JSON").unwrap(), "cannot be used"),
        (
            |place| {
                let text = fs::read_to_string(witness(place)).unwrap();
                fs::write(witness(place), text.replace("\"records\":4", "\"records\":3")).unwrap();
            },
            "its content was changed",
        ),
        (
            |place| {
                let other = Place::new();
                drop(Vault::create(other_key(), &other.journal, Birth::WithKey).unwrap());
                fs::copy(witness(&other), witness(place)).unwrap();
            },
            "is of another key",
        ),
    ];
    for (spoil, says) in rows {
        let place = Place::new();
        sign(&mut place.open(), 1..5);
        sign(&mut place.open(), 4..5);
        spoil(&place);
        let error = open_error(&place);
        assert!(matches!(error, OpenError::Unwitnessed { .. }), "{error}");
        assert!(error.to_string().contains(says), "{error}");
        assert!(error.to_string().contains("journal accept"), "{error}");
    }
}

#[test]
fn openings_that_end_before_the_witness_is_written_make_no_journal_an_old_one() {
    let place = Place::new();
    sign(&mut place.open(), 1..5);
    let seen = fs::read(witness(&place)).unwrap();
    for _ in 0..3 {
        drop(place.open());
        // As if the process had been killed between the two files.
        fs::write(witness(&place), &seen).unwrap();
    }
    sign(&mut place.open(), 5..6);
}

#[test]
fn a_journal_without_signatures_needs_no_witness() {
    let place = Place::new();
    drop(place.open());
    fs::remove_file(witness(&place)).unwrap();
    sign(&mut place.open(), 1..2);
}

#[test]
fn a_link_to_a_journal_is_refused() {
    let place = Place::new();
    drop(place.open());
    let link = place.folder.path().join("link.sqlite");
    std::os::unix::fs::symlink(&place.journal, &link).unwrap();
    let error = Vault::open(key(), &link).unwrap_err();
    assert!(matches!(error, OpenError::Symlink { .. }), "{error}");
    let error = Vault::create(key(), &link, Birth::WithKey).unwrap_err();
    assert!(matches!(error, OpenError::Symlink { .. }), "{error}");
}

#[test]
fn what_is_no_file_is_no_journal() {
    let error = Vault::open(key(), Path::new("/dev/null")).unwrap_err();
    assert!(matches!(error, OpenError::NotAJournal { .. }), "{error}");
}

#[test]
fn a_truncated_journal_is_refused_wherever_it_is_cut() {
    let whole = Place::new();
    sign(&mut whole.open(), 0..200);
    let content = fs::read(&whole.journal).unwrap();
    for length in [0, 1, 99, 100, 4095, 4096, 4097, content.len() / 2, content.len() - 4096] {
        fs::write(&whole.journal, &content[..length]).unwrap();
        let error = Vault::open(key(), &whole.journal).err();
        let error = error.unwrap_or_else(|| panic!("cut at {length} of {}", content.len()));
        assert!(
            matches!(error, OpenError::Damaged { .. } | OpenError::NotAJournal { .. }),
            "cut at {length}: {error}"
        );
    }
    fs::write(&whole.journal, &content).unwrap();
    let refused = whole.open().sign_acceptance(&acceptance(9, 199)).unwrap_err();
    assert!(matches!(refused, SignError::Conflict { rival, .. } if rival == block(1, 199)));
}
