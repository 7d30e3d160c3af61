use std::fs;
use std::path::PathBuf;

use countersign_signer::{Saved, Timestamp, Write};
use countersign_signerd::store::{Store, StoreError};
use countersign_wire::ConsensusHash;
use rusqlite::Connection;
use tempfile::TempDir;

fn place() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("signer.countersign.sqlite");
    (folder, path)
}

fn activity() -> Write {
    Write::Activity { tenure: ConsensusHash::new([1; 20]), at: Timestamp::from_secs(9) }
}

#[test]
fn what_was_committed_is_there_after_opening_anew() {
    let (folder, path) = place();
    Store::open(&path).unwrap().commit(&[activity()]).unwrap();
    let saved = Store::open(&path).unwrap().load().unwrap();
    assert_eq!(saved.activity, [(ConsensusHash::new([1; 20]), Timestamp::from_secs(9))]);
    // What is left after a stop is one file.
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn a_new_store_is_empty() {
    let (_folder, path) = place();
    assert_eq!(Store::open(&path).unwrap().load().unwrap(), Saved::default());
    assert_eq!(Store::in_memory().unwrap().load().unwrap(), Saved::default());
}

#[test]
fn a_second_process_is_told_that_the_store_is_in_use() {
    let (_folder, path) = place();
    let _first = Store::open(&path).unwrap();
    let error = Store::open(&path).unwrap_err();
    assert!(matches!(error, StoreError::InUse { .. }), "{error:?}");
    assert!(error.to_string().contains("stop the other signer"), "{error}");
}

#[test]
fn a_database_of_another_program_is_left_alone() {
    let (_folder, path) = place();
    Connection::open(&path).unwrap().execute_batch("CREATE TABLE blocks (id INTEGER)").unwrap();
    let before = fs::read(&path).unwrap();
    assert!(matches!(Store::open(&path), Err(StoreError::NotAStore { .. })));
    assert_eq!(fs::read(&path).unwrap(), before);
}

#[test]
fn a_file_that_is_no_database_is_left_alone() {
    let (_folder, path) = place();
    let text = "not a database, but long enough to have a header ".repeat(40);
    fs::write(&path, &text).unwrap();
    assert!(matches!(Store::open(&path), Err(StoreError::NotAStore { .. })));
    assert_eq!(fs::read_to_string(&path).unwrap(), text);
}

#[test]
fn a_store_of_a_later_version_is_refused() {
    let (_folder, path) = place();
    drop(Store::open(&path).unwrap());
    Connection::open(&path).unwrap().pragma_update(None, "user_version", 5).unwrap();
    let error = Store::open(&path).unwrap_err();
    assert!(matches!(error, StoreError::NewerSchema { found: 5, supported: 4, .. }), "{error:?}");
}

#[test]
fn a_damaged_store_is_refused() {
    let (_folder, path) = place();
    drop(Store::open(&path).unwrap());
    let mut bytes = fs::read(&path).unwrap();
    // The second page on: the header still says that this is a store of ours.
    bytes[4096..].fill(0x5a);
    fs::write(&path, bytes).unwrap();
    assert!(matches!(Store::open(&path), Err(StoreError::Damaged { .. })));
}

#[test]
fn content_that_no_version_writes_is_damage() {
    let (_folder, path) = place();
    drop(Store::open(&path).unwrap());
    let spoil = "INSERT INTO votes VALUES (zeroblob(32), 0, 9, x'')";
    Connection::open(&path).unwrap().execute_batch(spoil).unwrap();
    let error = Store::open(&path).unwrap().load().unwrap_err();
    assert!(matches!(error, StoreError::Damaged { .. }), "{error:?}");
    assert!(error.to_string().contains("kind of vote 9"), "{error}");
}

#[test]
fn a_place_that_cannot_hold_a_file_is_named() {
    let (folder, path) = place();
    let missing = folder.path().join("missing/store.sqlite");
    for path in [missing, folder.path().to_owned(), path.join("below/a/file")] {
        let error = Store::open(&path).unwrap_err();
        assert!(matches!(error, StoreError::Unusable { .. }), "{error:?}");
        assert!(error.to_string().contains(&path.display().to_string()), "{error}");
    }
}

#[test]
fn of_too_many_blocks_the_lowest_are_deleted_at_the_start() {
    let (_folder, path) = place();
    drop(Store::open(&path).unwrap());
    let db = Connection::open(&path).unwrap();
    db.execute_batch(
        "WITH RECURSIVE heights (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM heights WHERE n < 5000)
         INSERT INTO records SELECT randomblob(32), 7, n, zeroblob(20), NULL, 9, 'unprocessed',
             NULL, 10, NULL, NULL, NULL, 0, NULL, 0 FROM heights;
         INSERT INTO votes SELECT sighash, 0, 0, x'' FROM records;",
    )
    .unwrap();
    drop(db);
    let saved = Store::open(&path).unwrap().load().unwrap();
    let lowest = saved.records.iter().map(|record| record.height().get()).min();
    assert_eq!((saved.records.len(), saved.votes.len(), lowest), (4096, 4096, Some(905)));
}
