//! Opening a journal: create it whole or not at all, lock it, and believe nothing unchecked.

use std::fs::File;
use std::io::{self, ErrorKind};
use std::path::Path;
use std::time::Duration;

use countersign_wire::PublicKey;
use rusqlite::{Connection, ErrorCode, OpenFlags, Transaction, params};

use super::log::{lengthen, log_of};
use crate::error::{JournalError, OpenError};

/// "CSJ1": tells a journal from any other SQLite file.
const APPLICATION_ID: i64 = 0x4353_4a31;
/// The schema that this version writes.
const SCHEMA_VERSION: i64 = 2;

/// Opens the journal at `path`; creates it if there is none.
pub(super) fn open(path: &Path, owner: &PublicKey) -> Result<Connection, OpenError> {
    match path.metadata() {
        Ok(found) if !found.is_file() => {
            return Err(OpenError::NotAJournal { path: path.to_owned() });
        }
        // A journal comes into being whole, so an empty one has lost what it had.
        Ok(found) if found.len() == 0 => {
            return Err(OpenError::Damaged {
                path: path.to_owned(),
                finding: "the file is empty".to_owned(),
            });
        }
        Ok(_) => {}
        Err(error) if error.kind() == ErrorKind::NotFound && log_of(path).exists() => {
            return Err(OpenError::Damaged {
                path: path.to_owned(),
                finding: "the file is missing, and its log is still beside it".to_owned(),
            });
        }
        Err(error) if error.kind() == ErrorKind::NotFound => create(path, owner)?,
        Err(error) => return Err(unwritable(path, JournalError::Io(error))),
    }
    let db = connect(path).map_err(|error| explain(path, error))?;
    let found = check_identity(&db, path, owner)?;
    check_integrity(&db, path)?;
    begin_service(&db, path, found)?;
    Ok(db)
}

/// The key whose signatures the journal at `path` remembers; none if there is no file.
pub(super) fn owner(path: &Path) -> Result<Option<PublicKey>, OpenError> {
    if !path.exists() {
        return Ok(None);
    }
    let db = connect(path).map_err(|error| explain(path, error))?;
    identify(&db, path).map(|(_, owner)| Some(owner))
}

/// A journal that lives as long as its connection.
pub(super) fn in_memory(owner: &PublicKey) -> Result<Connection, OpenError> {
    let path = Path::new(":memory:");
    let db = Connection::open_in_memory().map_err(|error| explain(path, error))?;
    initialise(&db, owner).map_err(|error| explain(path, error))?;
    Ok(db)
}

/// Writes a complete, synced journal under another name and gives it its own only then: a crash
/// leaves either no journal or a whole one, and of two processes that create it one wins.
fn create(path: &Path, owner: &PublicKey) -> Result<(), OpenError> {
    let fail = |error| unwritable(path, JournalError::Io(error));
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    // The temporary file has mode 0600, and so has SQLite's write-ahead log after it.
    let draft = tempfile::Builder::new()
        .prefix(".signing-journal-")
        .tempfile_in(folder)
        .map_err(fail)?
        .into_temp_path();
    write_draft(&draft, owner).map_err(|error| explain(path, error))?;
    File::open(&draft).and_then(|file| file.sync_all()).map_err(fail)?;
    match draft.persist_noclobber(path) {
        Ok(()) => {}
        Err(lost) if lost.error.kind() == ErrorKind::AlreadyExists => return Ok(()),
        Err(lost) => return Err(fail(lost.error)),
    }
    sync_folder(folder).map_err(fail)
}

fn write_draft(draft: &Path, owner: &PublicKey) -> rusqlite::Result<()> {
    let db = connect(draft)?;
    // Still without a write-ahead log: what closing copies out of one may fail unseen on a disk that
    // is nearly full.
    initialise(&db, owner)?;
    // The file remembers this mode, and a reader of such a file locks it at once.
    db.pragma_update(None, "journal_mode", "WAL")?;
    db.close().map_err(|(_, error)| error)
}

fn initialise(db: &Connection, owner: &PublicKey) -> rusqlite::Result<()> {
    let txn = db.unchecked_transaction()?;
    migrate(&txn, 0)?;
    txn.execute(include_str!("insert_owner.sql"), params![owner.as_bytes()])?;
    txn.pragma_update(None, "application_id", APPLICATION_ID)?;
    txn.pragma_update(None, "user_version", SCHEMA_VERSION)?;
    txn.commit()
}

/// Brings a journal of schema `found`, or an empty file, to this version's.
fn migrate(txn: &Transaction<'_>, found: i64) -> rusqlite::Result<()> {
    if found < 1 {
        txn.execute_batch(include_str!("migrations/0001.sql"))?;
    }
    if found < 2 {
        txn.execute_batch(include_str!("migrations/0002.sql"))?;
    }
    Ok(())
}

/// A new name is durable only when its folder is.
fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

fn connect(path: &Path) -> rusqlite::Result<Connection> {
    let db = Connection::open_with_flags(
        path,
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )?;
    // Whoever has the lock keeps it until it exits: waiting would only hide the mistake.
    db.busy_timeout(Duration::ZERO)?;
    // Set before the first read, so that the write-ahead index stays in our memory and the first
    // read takes the lock for good.
    db.pragma_update(None, "locking_mode", "EXCLUSIVE")?;
    db.pragma_update(None, "synchronous", "FULL")?;
    // On macOS a plain fsync does not reach the disk.
    db.pragma_update(None, "fullfsync", true)?;
    db.pragma_update(None, "checkpoint_fullfsync", true)?;
    db.pragma_update(None, "foreign_keys", true)?;
    db.pragma_update(None, "trusted_schema", false)?;
    db.pragma_update(None, "cell_size_check", true)?;
    Ok(db)
}

/// Checks that the file is a journal, of a schema that we know, of our key. Returns the schema.
fn check_identity(db: &Connection, path: &Path, owner: &PublicKey) -> Result<i64, OpenError> {
    let (found, recorded) = identify(db, path)?;
    if recorded == *owner {
        return Ok(found);
    }
    Err(OpenError::ForeignKey { path: path.to_owned(), recorded, ours: *owner })
}

/// Checks that the file is a journal of a schema that we know. Returns the schema and the owner.
fn identify(db: &Connection, path: &Path) -> Result<(i64, PublicKey), OpenError> {
    let number = |pragma| {
        db.pragma_query_value(None, pragma, |row| row.get::<_, i64>(0))
            .map_err(|error| explain(path, error))
    };
    if number("application_id")? != APPLICATION_ID {
        return Err(OpenError::NotAJournal { path: path.to_owned() });
    }
    let found = number("user_version")?;
    if found > SCHEMA_VERSION {
        return Err(OpenError::NewerSchema {
            path: path.to_owned(),
            found,
            supported: SCHEMA_VERSION,
        });
    }
    let recorded: [u8; 33] = db
        .query_row(include_str!("find_owner.sql"), [], |row| row.get(0))
        .map_err(|error| explain(path, error))?;
    let owner = PublicKey::from_bytes(recorded).ok_or_else(|| OpenError::Damaged {
        path: path.to_owned(),
        finding: "its owner is not a public key".to_owned(),
    })?;
    Ok((found, owner))
}

fn check_integrity(db: &Connection, path: &Path) -> Result<(), OpenError> {
    let finding: String = db
        .pragma_query_value(None, "quick_check", |row| row.get(0))
        .map_err(|error| explain(path, error))?;
    if finding == "ok" {
        Ok(())
    } else {
        Err(OpenError::Damaged { path: path.to_owned(), finding })
    }
}

/// Proves that the journal can be written, and makes durable what a crashed process left.
///
/// A process that was killed between writing a record and syncing it leaves a record that we can
/// read and a power cut can still erase. Copying all of the log into the database, synced, before the
/// first answer means that every record we go by is on the disk.
///
/// A journal of an older schema becomes one of this version's in the same transaction.
fn begin_service(db: &Connection, path: &Path, found: i64) -> Result<(), OpenError> {
    let prove = || {
        db.pragma_update(None, "journal_mode", "WAL")?;
        let txn = db.unchecked_transaction()?;
        migrate(&txn, found)?;
        txn.pragma_update(None, "user_version", SCHEMA_VERSION)?;
        txn.execute(include_str!("count_opening.sql"), [])?;
        txn.commit()?;
        db.query_row(include_str!("checkpoint.sql"), [], |row| row.get(0))
    };
    match prove() {
        Ok(false) => lengthen(path).map_err(|error| unwritable(path, JournalError::Io(error))),
        Ok(true) => Err(OpenError::InUse { path: path.to_owned() }),
        Err(error) => Err(explain(path, error)),
    }
}

/// Says what a failure of SQLite means for whoever wants to open this journal.
pub(super) fn explain(path: &Path, error: rusqlite::Error) -> OpenError {
    let path = path.to_owned();
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => OpenError::InUse { path },
        Some(ErrorCode::NotADatabase) => OpenError::NotAJournal { path },
        Some(ErrorCode::DatabaseCorrupt) => OpenError::Damaged { path, finding: error.to_string() },
        Some(ErrorCode::ReadOnly) => unwritable(&path, JournalError::ReadOnly),
        _ if matches!(error, rusqlite::Error::QueryReturnedNoRows) => {
            OpenError::Damaged { path, finding: "it names no owner".to_owned() }
        }
        _ => unwritable(&path, JournalError::Sqlite(error)),
    }
}

fn unwritable(path: &Path, source: JournalError) -> OpenError {
    OpenError::Unwritable { path: path.to_owned(), source }
}
