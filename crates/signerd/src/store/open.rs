//! Opening a store: lock it, check that it is ours, and bring it to the schema of this version.

use std::path::Path;
use std::time::Duration;

use countersign_signer::MAX_RECORDS;
use rusqlite::{Connection, ErrorCode, OpenFlags, TransactionBehavior};

use super::StoreError;
use super::migrate::{SCHEMA_VERSION, migrate};
use crate::attendance::MAX_TOLD;

/// "CSS1": tells a store from any other SQLite file.
const APPLICATION_ID: i64 = 0x4353_5331;

/// The log is tidied up between decisions; only in a flood does it grow to this many pages, 16 MiB, at
/// which a commit does it.
const MAX_LOG_PAGES: i64 = 4096;

/// Opens the store at `path`, or creates it.
pub(super) fn open(path: &Path) -> Result<Connection, StoreError> {
    let mut db = connect(path).map_err(|error| explain(path, error))?;
    prepare(&mut db, path)?;
    Ok(db)
}

/// A store without a file.
pub(super) fn in_memory() -> Result<Connection, StoreError> {
    let path = Path::new(":memory:");
    let mut db = Connection::open_in_memory().map_err(|error| explain(path, error))?;
    prepare(&mut db, path)?;
    Ok(db)
}

/// A store that lives in memory, with what a copy holds.
pub(super) fn from_copy(copy: &[u8]) -> Result<Connection, StoreError> {
    let path = Path::new("(a copy)");
    let mut db = Connection::open_in_memory().map_err(|error| explain(path, error))?;
    db.deserialize_read_exact("main", copy, copy.len(), false)
        .map_err(|error| explain(path, error))?;
    db.pragma_update(None, "trusted_schema", false).map_err(|error| explain(path, error))?;
    db.pragma_update(None, "cell_size_check", true).map_err(|error| explain(path, error))?;
    prepare(&mut db, path)?;
    Ok(db)
}

/// All pages, those in the log included. The header says that there is no log: a database in memory cannot
/// have one, and a file gets its own when it is opened.
pub(super) fn copy(db: &mut Connection) -> rusqlite::Result<Vec<u8>> {
    let mut bytes = db.serialize("main")?.to_vec();
    if let Some(versions) = bytes.get_mut(FORMAT_VERSIONS) {
        versions.fill(ROLLBACK);
    }
    Ok(bytes)
}

/// The read and write versions in a database's header (SQLite's file format, section 1.3.3).
const FORMAT_VERSIONS: std::ops::Range<usize> = 18..20;
/// Without a write-ahead log.
const ROLLBACK: u8 = 1;

fn connect(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_CREATE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let db = Connection::open_with_flags(path, flags)?;
    // Whoever has the lock keeps it until it exits: waiting would only hide the mistake.
    db.busy_timeout(Duration::ZERO)?;
    // Before the first read, so that the index of the log needs no file of its own.
    db.pragma_update(None, "locking_mode", "EXCLUSIVE")?;
    db.pragma_update(None, "trusted_schema", false)?;
    db.pragma_update(None, "cell_size_check", true)?;
    Ok(db)
}

fn prepare(db: &mut Connection, path: &Path) -> Result<(), StoreError> {
    let found = identify(db, path)?;
    check_integrity(db, path)?;
    let unusable = |source| match explain(path, source) {
        StoreError::Unusable { path, source } => StoreError::Unwritable { path, source },
        other => other,
    };
    db.pragma_update(None, "journal_mode", "WAL").map_err(unusable)?;
    db.pragma_update(None, "synchronous", "NORMAL").map_err(unusable)?;
    db.pragma_update(None, "wal_autocheckpoint", MAX_LOG_PAGES).map_err(unusable)?;
    serve(db, found).map_err(unusable)
}

/// The schema of the file; zero if it is empty.
fn identify(db: &Connection, path: &Path) -> Result<i64, StoreError> {
    let number = |pragma: &str| {
        db.pragma_query_value(None, pragma, |row| row.get::<_, i64>(0))
            .map_err(|error| explain(path, error))
    };
    let (owner, found) = (number("application_id")?, number("user_version")?);
    let tables: i64 = db
        .query_row(include_str!("sql/load_table_count.sql"), [], |row| row.get(0))
        .map_err(|error| explain(path, error))?;
    if owner != APPLICATION_ID {
        let is_empty = owner == 0 && found == 0 && tables == 0;
        return if is_empty { Ok(0) } else { Err(StoreError::NotAStore { path: path.to_owned() }) };
    }
    if found > SCHEMA_VERSION {
        let path = path.to_owned();
        return Err(StoreError::NewerSchema { path, found, supported: SCHEMA_VERSION });
    }
    Ok(found)
}

fn check_integrity(db: &Connection, path: &Path) -> Result<(), StoreError> {
    let finding: String = db
        .pragma_query_value(None, "quick_check", |row| row.get(0))
        .map_err(|error| explain(path, error))?;
    if finding == "ok" {
        return Ok(());
    }
    Err(StoreError::Damaged { path: path.to_owned(), finding })
}

/// Runs the migrations that are missing, and deletes what is beyond the bounds, so that the loading
/// is bounded, whoever has filled the store. Even if there is nothing to do it takes the lock for
/// writing, so that a file that cannot be written is found out now and not at the first block.
fn serve(db: &mut Connection, found: i64) -> rusqlite::Result<()> {
    let txn = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    migrate(&txn, found)?;
    for sql in [
        include_str!("sql/trim_votes.sql"),
        include_str!("sql/trim_contents.sql"),
        include_str!("sql/trim_records.sql"),
    ] {
        txn.execute(sql, [i64::try_from(MAX_RECORDS).unwrap_or(i64::MAX)])?;
    }
    let told = i64::try_from(MAX_TOLD).unwrap_or(i64::MAX);
    txn.execute(include_str!("sql/trim_missed.sql"), [told])?;
    txn.pragma_update(None, "application_id", APPLICATION_ID)?;
    txn.pragma_update(None, "user_version", SCHEMA_VERSION)?;
    txn.commit()
}

/// The error of whoever only reads or opens.
pub(super) fn explain(path: &Path, error: rusqlite::Error) -> StoreError {
    let path = path.to_owned();
    if let rusqlite::Error::FromSqlConversionFailure(..) = error {
        return StoreError::Damaged { path, finding: error.to_string() };
    }
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => StoreError::InUse { path },
        Some(ErrorCode::NotADatabase) => StoreError::NotAStore { path },
        Some(ErrorCode::DatabaseCorrupt) => {
            StoreError::Damaged { path, finding: error.to_string() }
        }
        _ => StoreError::Unusable { path, source: error },
    }
}
