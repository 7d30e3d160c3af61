//! Which journals are opened, and what is said about the others.

use std::fs;
use std::io::{Seek as _, SeekFrom, Write as _};
use std::path::Path;
use std::time::Duration;

use countersign_vault::{Birth, JournalFile, OpenError, RejectionRequest, SignError, Vault};
use rusqlite::Connection;

use crate::support::{Place, acceptance, block, key, other_key, overriding, rejection};

fn open_error(place: &Place) -> OpenError {
    Vault::open(key(), &place.journal).unwrap_err()
}

#[test]
fn a_reopened_journal_remembers() {
    let place = Place::new();
    let mut vault = place.open();
    let first = vault.sign_acceptance(&acceptance(1, 10)).unwrap();
    vault.sign_rejection(&rejection(5)).unwrap();
    drop(vault);

    let mut vault = place.open();
    assert_eq!(vault.sign_acceptance(&acceptance(1, 10)).unwrap(), first);
    let refused = vault.sign_acceptance(&acceptance(2, 10));
    assert!(matches!(refused, Err(SignError::Conflict { rival, .. }) if rival == block(1, 10)));
    vault.sign_acceptance(&overriding(acceptance(2, 10), &[block(1, 10)])).unwrap();
}

#[test]
fn a_second_vault_of_the_same_journal_is_refused_at_once() {
    let place = Place::new();
    let mut first = place.open();
    let error = open_error(&place);
    assert!(matches!(&error, OpenError::InUse { path } if path == &place.journal));
    assert!(error.to_string().contains("in use by another process"));
    // The attempt did not break the first one's lock: a third is refused as well.
    assert!(matches!(open_error(&place), OpenError::InUse { .. }));
    first.sign_acceptance(&acceptance(1, 10)).unwrap();
    drop(first);
    place.open();
}

#[test]
fn nobody_else_can_read_or_write_an_open_journal() {
    let place = Place::new();
    let _vault = place.open();
    let other = Connection::open(&place.journal).unwrap();
    other.busy_timeout(std::time::Duration::ZERO).unwrap();
    other.query_row("SELECT count(*) FROM acceptance", [], |row| row.get::<_, i64>(0)).unwrap_err();
    other.execute("DELETE FROM acceptance", []).unwrap_err();
}

#[test]
fn the_journal_of_another_key_is_refused_by_name() {
    let place = Place::new();
    drop(place.open());
    let error = Vault::open(other_key(), &place.journal).unwrap_err();
    let text = error.to_string();
    assert!(matches!(error, OpenError::ForeignKey { .. }));
    for needle in [key().public_key().to_string(), other_key().public_key().to_string()] {
        assert!(text.contains(&needle), "{text}");
    }
    assert!(text.contains(place.journal.to_str().unwrap()));
    place.open();
}

#[test]
fn a_new_journal_is_private_and_leaves_no_draft_beside_it() {
    use std::os::unix::fs::PermissionsExt as _;

    let place = Place::new();
    let mut vault = place.open();
    vault.sign_acceptance(&acceptance(1, 10)).unwrap();
    let mut names = Vec::new();
    for entry in fs::read_dir(place.folder.path()).unwrap() {
        let entry = entry.unwrap();
        assert_eq!(entry.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        names.push(entry.file_name().into_string().unwrap());
    }
    names.sort();
    assert_eq!(names, ["journal.sqlite", "journal.sqlite-wal", "journal.witness"]);
    drop(vault);
    assert_eq!(fs::read_dir(place.folder.path()).unwrap().count(), 2);
}

#[test]
fn the_log_has_its_length_before_the_first_record_and_keeps_it() {
    let place = Place::new();
    let log = place.folder.path().join("journal.sqlite-wal");
    let mut vault = place.open();
    let length = fs::metadata(&log).unwrap().len();
    assert!(length >= 1 << 20, "{length} bytes");
    for number in 0..=255 {
        vault.sign_acceptance(&acceptance(number, 10 + number)).unwrap();
        vault.tidy().unwrap();
        assert_eq!(fs::metadata(&log).unwrap().len(), length);
    }
    drop(vault);
    let mut vault = place.open();
    for number in 0..=255 {
        let contradiction =
            RejectionRequest { sighash: block(number, 10 + number), ..rejection(number) };
        let refused = vault.sign_rejection(&contradiction);
        assert!(matches!(refused, Err(SignError::ContradictsAcceptance { .. })), "{number}");
    }
}

#[test]
fn an_empty_file_is_a_journal_that_lost_its_memory() {
    let place = Place::new();
    fs::write(&place.journal, b"").unwrap();
    assert!(matches!(open_error(&place), OpenError::Damaged { .. }));
}

#[test]
fn a_log_without_its_journal_is_one_that_lost_its_memory() {
    let place = Place::new();
    let (log, copy) = ("journal.sqlite-wal", "copy");
    let [log, copy] = [log, copy].map(|name| place.folder.path().join(name));
    let mut vault = place.open();
    vault.sign_acceptance(&acceptance(1, 10)).unwrap();
    fs::copy(&log, &copy).unwrap();
    drop(vault);
    fs::remove_file(&place.journal).unwrap();
    fs::rename(&copy, &log).unwrap();
    assert!(matches!(open_error(&place), OpenError::Damaged { .. }));
    assert!(!place.journal.exists() && log.exists());
}

#[test]
fn other_files_are_refused_and_left_alone() {
    let text = Place::new();
    let content = "these are not the signatures that you are looking for\n".repeat(100);
    fs::write(&text.journal, &content).unwrap();
    assert!(matches!(open_error(&text), OpenError::NotAJournal { .. }));
    assert_eq!(fs::read(&text.journal).unwrap(), content.as_bytes());

    let database = Place::new();
    let db = Connection::open(&database.journal).unwrap();
    db.execute_batch("CREATE TABLE blocks (height INTEGER)").unwrap();
    drop(db);
    let before = fs::read(&database.journal).unwrap();
    assert!(matches!(open_error(&database), OpenError::NotAJournal { .. }));
    assert_eq!(fs::read(&database.journal).unwrap(), before);

    let folder = Place::new();
    fs::create_dir(&folder.journal).unwrap();
    assert!(matches!(open_error(&folder), OpenError::NotAJournal { .. }));
}

#[test]
fn a_journal_of_a_later_version_is_refused() {
    let place = Place::new();
    drop(place.open());
    Connection::open(&place.journal).unwrap().pragma_update(None, "user_version", 4).unwrap();
    let error = open_error(&place);
    assert!(matches!(error, OpenError::NewerSchema { found: 4, supported: 3, .. }));
}

#[test]
fn a_damaged_journal_is_refused() {
    let place = Place::new();
    let mut vault = place.open();
    for number in 0..200 {
        vault.sign_acceptance(&acceptance(number, number)).unwrap();
    }
    drop(vault);
    // Spoil one page in the middle; the first one, with the identity, stays whole.
    let mut file = fs::File::options().write(true).open(&place.journal).unwrap();
    let middle = file.metadata().unwrap().len() / 4096 / 2 * 4096;
    file.seek(SeekFrom::Start(middle)).unwrap();
    file.write_all(&[0xa5; 4096]).unwrap();
    drop(file);
    assert!(matches!(open_error(&place), OpenError::Damaged { .. }));
}

#[test]
fn a_journal_without_an_owner_is_damaged() {
    let place = Place::new();
    drop(place.open());
    Connection::open(&place.journal).unwrap().execute("DELETE FROM owner", []).unwrap();
    assert!(matches!(open_error(&place), OpenError::Damaged { .. }));
}

#[test]
fn a_place_where_nothing_can_be_created_is_named() {
    let place = Place::new();
    for path in [
        place.folder.path().join("missing/journal.sqlite"),
        Path::new("/proc/journal.sqlite").into(),
    ] {
        let error = Vault::create(key(), &path, Birth::WithKey).unwrap_err();
        assert!(error.is_unwritable(), "{error}");
        assert!(error.to_string().contains(path.to_str().unwrap()));
    }
}

#[test]
fn a_read_only_journal_is_refused() {
    use std::os::unix::fs::PermissionsExt as _;

    let place = Place::new();
    drop(place.open());
    fs::set_permissions(&place.journal, fs::Permissions::from_mode(0o400)).unwrap();
    let is_unwritable = as_ordinary_user(|| open_error(&place).is_unwritable());
    assert!(is_unwritable);
}

/// Runs `body` on a thread that permissions bind, even if the superuser runs the tests.
fn as_ordinary_user<T: Send>(body: impl FnOnce() -> T + Send) -> T {
    let bound = || {
        #[cfg(target_os = "linux")]
        {
            use rustix::thread::{CapabilitySet, capabilities, set_capabilities};
            let mut sets = capabilities(None).unwrap();
            sets.effective -= CapabilitySet::DAC_OVERRIDE | CapabilitySet::DAC_READ_SEARCH;
            set_capabilities(None, sets).unwrap();
        }
        body()
    };
    std::thread::scope(|scope| scope.spawn(bound).join().unwrap())
}

/// A journal as the first version wrote it, with a signature, an override and a rejection.
fn first_version(place: &Place) {
    let db = Connection::open(&place.journal).unwrap();
    db.execute_batch(include_str!("../../src/journal/migrations/0001.sql")).unwrap();
    db.execute("INSERT INTO owner VALUES (1, ?, 3)", [key().public_key().as_bytes()]).unwrap();
    for (number, height) in [(1, 10), (2, 10)] {
        let request = acceptance(number, height);
        let (sighash, tenure) = (request.sighash(), request.tenure());
        let row = (sighash.as_bytes(), height.cast_signed(), tenure.as_bytes());
        db.execute("INSERT INTO acceptance VALUES (?, ?, ?, 5)", row).unwrap();
    }
    let names = [block(2, 10), block(1, 10)].map(|sighash| sighash.as_bytes().to_vec());
    db.execute("INSERT INTO overridden VALUES (?, ?, 'stale')", names).unwrap();
    let rejected = rejection(5);
    let row = (rejected.sighash.as_bytes(), rejected.chain_id.get());
    db.execute("INSERT INTO rejection VALUES (?, ?, 5)", row).unwrap();
    db.pragma_update(None, "application_id", 0x4353_4a31).unwrap();
    db.pragma_update(None, "user_version", 1).unwrap();
    db.pragma_update(None, "journal_mode", "WAL").unwrap();
}

#[test]
fn a_journal_of_the_first_version_remembers_everything() {
    let place = Place::new();
    first_version(&place);
    for _ in 0..2 {
        let mut vault = place.open();
        let refused = vault.sign_acceptance(&overriding(acceptance(3, 9), &[block(1, 10)]));
        assert!(matches!(refused, Err(SignError::Conflict { rival, .. }) if rival == block(2, 10)));
        vault.sign_acceptance(&acceptance(1, 10)).unwrap();
        vault.sign_rejection(&rejection(5)).unwrap();
    }
    let db = Connection::open(&place.journal).unwrap();
    let count = |sql| db.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap();
    assert_eq!(count("SELECT count(*) FROM rejection"), 1);
    assert_eq!(count("SELECT count(*) FROM overridden"), 1);
}

#[test]
fn a_journal_of_the_first_version_in_the_place_of_a_later_one_is_refused() {
    let place = Place::new();
    first_version(&place);
    let yesterday = fs::read(&place.journal).unwrap();
    place.open().sign_acceptance(&acceptance(4, 11)).unwrap();
    for path in [&place.journal, &place.journal.with_extension("sqlite-wal")] {
        let _ = fs::remove_file(path);
    }
    fs::write(&place.journal, yesterday).unwrap();
    for _ in 0..2 {
        let refused = Vault::open(key(), &place.journal).unwrap_err();
        assert!(matches!(refused, OpenError::RolledBack { found: 2, .. }), "{refused}");
    }
    // Unless its operator says that it is all there is.
    JournalFile::accept(&place.journal, Duration::from_mins(10)).unwrap().close().unwrap();
    assert!(place.open().waits_for().is_some());
}
