//! Opening a journal: create it whole or not at all, lock it, and believe nothing unchecked.

use std::fs::File;
use std::io::{self, ErrorKind};
use std::path::Path;
use std::time::Duration;

use countersign_wire::PublicKey;
use rusqlite::{Connection, ErrorCode, OpenFlags, Transaction, params};

use super::fold;
use super::log::{lengthen, log_of};
use super::seal::{Sum, seal};
use super::service::Service;
use crate::error::{JournalError, OpenError};

/// "CSJ1": tells a journal from any other SQLite file.
const APPLICATION_ID: i64 = 0x4353_4a31;
/// The schema that this version writes.
const SCHEMA_VERSION: i64 = 3;

/// An open journal.
pub(super) struct Opened {
    pub(super) db: Connection,
    pub(super) service: Service,
    /// Whether the opening before ended by a clean stop.
    pub(super) was_clean: bool,
}

/// Opens the journal at `path`; creates it if there is none.
pub(super) fn open(path: &Path, owner: &PublicKey) -> Result<Opened, OpenError> {
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
    if found == SCHEMA_VERSION {
        check_seal(&db, path, owner)?;
    }
    let (service, was_clean) = begin_service(&db, path, owner, found)?;
    Ok(Opened { db, service, was_clean })
}

/// A journal that lives as long as its connection.
pub(super) fn in_memory(owner: &PublicKey) -> Result<Opened, OpenError> {
    let begin = || {
        let db = Connection::open_in_memory()?;
        let service = initialise(&db, owner)?;
        Ok(Opened { db, was_clean: service.is_clean, service })
    };
    begin().map_err(|error| explain(Path::new(":memory:"), error))
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

/// Makes an empty database a journal. A key that has signed nothing was left as cleanly as can be.
fn initialise(db: &Connection, owner: &PublicKey) -> rusqlite::Result<Service> {
    let txn = db.unchecked_transaction()?;
    migrate(&txn, 0)?;
    txn.execute(include_str!("insert_owner.sql"), params![owner.as_bytes()])?;
    let (service, _) = Service::load(&txn)?;
    let service = Service { is_clean: true, ..service };
    service.save(&txn, owner)?;
    txn.pragma_update(None, "application_id", APPLICATION_ID)?;
    txn.pragma_update(None, "user_version", SCHEMA_VERSION)?;
    txn.commit()?;
    Ok(service)
}

/// Brings a journal of schema `found`, or an empty file, to this version's.
fn migrate(txn: &Transaction<'_>, found: i64) -> rusqlite::Result<()> {
    if found < 1 {
        txn.execute_batch(include_str!("migrations/0001.sql"))?;
    }
    if found < 2 {
        txn.execute_batch(include_str!("migrations/0002.sql"))?;
    }
    if found < 3 {
        txn.execute_batch(include_str!("migrations/0003.sql"))?;
        txn.execute(include_str!("insert_service.sql"), [])?;
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
    if &recorded == owner.as_bytes() {
        return Ok(found);
    }
    match PublicKey::from_bytes(recorded) {
        Some(recorded) => {
            Err(OpenError::ForeignKey { path: path.to_owned(), recorded, ours: *owner })
        }
        None => Err(OpenError::Damaged {
            path: path.to_owned(),
            finding: "its owner is not a public key".to_owned(),
        }),
    }
}

/// Checks the structure of the file, and that each index has what its table has.
fn check_integrity(db: &Connection, path: &Path) -> Result<(), OpenError> {
    let finding: String = db
        .pragma_query_value(None, "integrity_check", |row| row.get(0))
        .map_err(|error| explain(path, error))?;
    if finding == "ok" { Ok(()) } else { Err(damaged(path, finding)) }
}

/// Checks that everything that binds the key is as it was written.
fn check_seal(db: &Connection, path: &Path, owner: &PublicKey) -> Result<(), OpenError> {
    let look = || {
        let (service, found) = Service::load(db)?;
        let is_whole = service.sum == Sum::of(db)?;
        Ok(is_whole && found == seal(owner, fold::floor_row(db)?, &service))
    };
    if look().map_err(|error| explain(path, error))? {
        Ok(())
    } else {
        Err(damaged(path, "its content is not what was written".to_owned()))
    }
}

fn damaged(path: &Path, finding: String) -> OpenError {
    OpenError::Damaged { path: path.to_owned(), finding }
}

/// Proves that the journal can be written, and makes durable what a crashed process left.
///
/// A process that was killed between writing a record and syncing it leaves a record that we can
/// read and a power cut can still erase. Copying all of the log into the database, synced, before the
/// first answer means that every record we go by is on the disk.
///
/// A journal of an older schema becomes one of this version's in the same transaction.
fn begin_service(
    db: &Connection,
    path: &Path,
    owner: &PublicKey,
    found: i64,
) -> Result<(Service, bool), OpenError> {
    let prove = || {
        db.pragma_update(None, "journal_mode", "WAL")?;
        let txn = db.unchecked_transaction()?;
        migrate(&txn, found)?;
        txn.pragma_update(None, "user_version", SCHEMA_VERSION)?;
        txn.execute(include_str!("count_opening.sql"), [])?;
        let (mut service, _) = Service::load(&txn)?;
        let was_clean = service.is_clean;
        service.begin_opening(&txn)?;
        if found < 3 {
            service.sum = Sum::of(&txn)?;
        }
        service.save(&txn, owner)?;
        txn.commit()?;
        let is_busy = db.query_row(include_str!("checkpoint.sql"), [], |row| row.get(0))?;
        Ok((service, was_clean, is_busy))
    };
    match prove() {
        Ok((service, was_clean, false)) => lengthen(path)
            .map(|()| (service, was_clean))
            .map_err(|error| unwritable(path, JournalError::Io(error))),
        Ok((_, _, true)) => Err(OpenError::InUse { path: path.to_owned() }),
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
