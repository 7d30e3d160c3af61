//! Stores of earlier versions.

use countersign_signer::{BlockState, Outline, Record, Timestamp};
use countersign_signerd::store::{Store, StoreError};
use countersign_wire::{RewardCycle, Wire as _};
use rusqlite::{Connection, params};
use tempfile::TempDir;

use crate::strategies::proposed;

/// A store as the first version wrote it, with one record whose content is `content`.
fn first_version(record: &Record, content: &[u8]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let db = Connection::open(folder.path().join("store")).unwrap();
    db.execute_batch(include_str!("../../src/store/migrations/0001.sql")).unwrap();
    db.pragma_update(None, "application_id", 0x4353_5331).unwrap();
    db.pragma_update(None, "user_version", 1).unwrap();
    db.execute(
        "INSERT INTO records VALUES (?, 7, ?, 9, 'locally-accepted', 1, 10, 11, 12, NULL, 13, NULL, 0)",
        params![record.sighash.as_bytes(), content],
    )
    .unwrap();
    folder
}

#[test]
fn a_store_of_the_first_version_keeps_its_blocks() {
    let record = proposed(3);
    let content = record.block.as_ref().unwrap().to_bytes();
    let folder = first_version(&record, &content);
    let store = Store::open(&folder.path().join("store")).unwrap();
    let kept = store.load().unwrap().records.remove(0);
    assert_eq!((&kept.block, kept.outline), (&record.block, record.outline));
    assert_eq!(kept.outline, Outline::of(kept.block.as_ref().unwrap()));
    assert_eq!((kept.cycle, kept.state), (RewardCycle::new(7), BlockState::LocallyAccepted));
    assert_eq!(kept.signed_self_at, Some(Timestamp::from_millis(12)));
}

#[test]
fn a_store_of_the_first_version_that_is_spoilt_is_left_as_it_is() {
    let folder = first_version(&proposed(3), b"not a block");
    let path = folder.path().join("store");
    let error = Store::open(&path).unwrap_err();
    assert!(matches!(error, StoreError::Damaged { .. }), "{error:?}");
    let db = Connection::open(&path).unwrap();
    let schema: i64 = db.pragma_query_value(None, "user_version", |row| row.get(0)).unwrap();
    assert_eq!(schema, 1);
}

/// What is added to a store that is in use does not touch what it holds.
#[test]
fn a_store_of_the_third_version_goes_on() {
    let record = proposed(3);
    let folder = first_version(&record, &record.block.as_ref().unwrap().to_bytes());
    let path = folder.path().join("store");
    let kept = Store::open(&path).unwrap().load().unwrap();
    let db = Connection::open(&path).unwrap();
    db.execute_batch("DROP TABLE missed; DROP TABLE attendance; PRAGMA user_version = 3").unwrap();
    drop(db);
    assert_eq!(Store::open(&path).unwrap().load().unwrap(), kept);
    let db = Connection::open(&path).unwrap();
    let schema: i64 = db.pragma_query_value(None, "user_version", |row| row.get(0)).unwrap();
    let rows: i64 = db.query_row("SELECT COUNT(*) FROM missed", [], |row| row.get(0)).unwrap();
    assert_eq!((schema, rows), (4, 0));
}
