//! Opening a journal: lock it, and believe nothing unchecked. Creating one: whole, or not at all.

use std::fs::File;
use std::io::{self, ErrorKind};
use std::path::Path;
use std::time::Duration;

use countersign_wire::PublicKey;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags, Transaction, params};

use super::log::{lengthen, log_of};
use super::seal::{Sum, seal};
use super::service::{Service, whole_seconds};
use super::witness::{Testimony, Witness};
use super::{fold, place, tail, witness};
use crate::error::{JournalError, OpenError, SignError};

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
    pub(super) witness: Witness,
}

/// What a missing or an old history means for an opening.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trust {
    /// The journal is refused unless its witness says that it is the latest.
    Witnessed,
    /// It is taken as it is.
    Anyway,
}

/// Opens the journal at `path`, which must exist.
pub(super) fn open(path: &Path, owner: &PublicKey, trust: Trust) -> Result<Opened, OpenError> {
    if !place::is_taken(path)? {
        return Err(OpenError::Missing { path: path.to_owned() });
    }
    let (db, found) = connect_checked(path)?;
    check_owner(&db, path, owner)?;
    let testimony = if found == SCHEMA_VERSION {
        let service = check_seal(&db, path, owner)?;
        match trust {
            Trust::Witnessed => witness::hear(path, owner, &service)?,
            Trust::Anyway => Testimony::Current,
        }
    } else {
        // There were no witnesses yet.
        let unopened = unopened(&db, found).map_err(|error| explain(path, error))?;
        witness::precede(path, owner, &unopened, trust)?;
        Testimony::Nothing
    };
    let (service, was_clean) = begin_service(&db, path, owner, (found, testimony))?;
    let witness = Witness::begin(path, owner, &service)?;
    Ok(Opened { db, service, was_clean, witness })
}

/// Looks at a journal without an opening: nothing is written. Also says whose it is.
pub(super) fn inspect(path: &Path) -> Result<(Connection, PublicKey, Service), OpenError> {
    if !place::is_taken(path)? {
        return Err(OpenError::Missing { path: path.to_owned() });
    }
    let (db, found) = connect_checked(path)?;
    let quiet = DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE;
    db.set_db_config(quiet, true).map_err(|error| explain(path, error))?;
    if found != SCHEMA_VERSION {
        return Err(OpenError::OlderSchema {
            path: path.to_owned(),
            found,
            needed: SCHEMA_VERSION,
        });
    }
    let owner = owner_of(&db, path)?;
    let service = check_seal(&db, path, &owner)?;
    witness::hear(path, &owner, &service)?;
    Ok((db, owner, service))
}

/// Whose journal is at `path`.
pub(super) fn find_owner(path: &Path) -> Result<PublicKey, OpenError> {
    if !place::is_taken(path)? {
        return Err(OpenError::Missing { path: path.to_owned() });
    }
    let (db, _) = connect_checked(path)?;
    owner_of(&db, path)
}

/// The connection to a file that is a whole journal of somebody, and its schema.
fn connect_checked(path: &Path) -> Result<(Connection, i64), OpenError> {
    check_log(path)?;
    let db = connect(path).map_err(|error| explain(path, error))?;
    let found = check_identity(&db, path)?;
    check_integrity(&db, path)?;
    Ok((db, found))
}

/// Checks that the log ends as one may.
fn check_log(path: &Path) -> Result<(), OpenError> {
    let look =
        || tail::damage(&log_of(path)).map_err(|error| unwritable(path, JournalError::Io(error)));
    if look()?.is_none() {
        return Ok(());
    }
    // Whoever has the journal open writes while it is read. It is judged when nobody has.
    refuse_if_in_use(path)?;
    look()?.map_or(Ok(()), |finding| Err(damaged(path, finding.to_owned())))
}

/// Asks for the lock that a journal's process has for as long as it lives. Nothing is written.
fn refuse_if_in_use(path: &Path) -> Result<(), OpenError> {
    let ask = || {
        let db = connect(path)?;
        db.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
        db.pragma_query_value(None, "schema_version", |row| row.get::<_, i64>(0))
    };
    match ask().map_err(|error| explain(path, error)) {
        Err(error @ OpenError::InUse { .. }) => Err(error),
        // What else is wrong is found out by whoever opens it.
        _ => Ok(()),
    }
}

/// A journal that lives as long as its connection.
pub(super) fn in_memory(owner: &PublicKey) -> Result<Opened, OpenError> {
    let begin = || {
        let db = Connection::open_in_memory()?;
        let service = initialise(&db, owner, Duration::ZERO)?;
        Ok(Opened { db, was_clean: service.is_clean, service, witness: Witness::none() })
    };
    begin().map_err(|error| explain(Path::new(":memory:"), error))
}

/// Writes a complete, synced journal under another name and gives it its own only then: a crash
/// leaves either no journal or a whole one, and of two processes that create it one wins.
///
/// With a wait, nothing is signed before it has passed.
pub(super) fn create(path: &Path, owner: &PublicKey, wait: Duration) -> Result<(), OpenError> {
    let fail = |error| unwritable(path, JournalError::Io(error));
    let exists = || OpenError::Exists { path: path.to_owned() };
    if place::is_taken(path)? {
        return Err(exists());
    }
    let folder = place::folder_of(path);
    place::check_file_system(path, &folder)?;
    // The temporary file has mode 0600, and so has SQLite's write-ahead log after it.
    let draft = tempfile::Builder::new()
        .prefix(".signing-journal-")
        .tempfile_in(&folder)
        .map_err(fail)?
        .into_temp_path();
    write_draft(&draft, owner, wait).map_err(|error| explain(path, error))?;
    File::open(&draft).and_then(|file| file.sync_all()).map_err(fail)?;
    match draft.persist_noclobber(path) {
        Ok(()) => {}
        Err(lost) if lost.error.kind() == ErrorKind::AlreadyExists => return Err(exists()),
        Err(lost) => return Err(fail(lost.error)),
    }
    sync_folder(&folder).map_err(fail)
}

fn write_draft(draft: &Path, owner: &PublicKey, wait: Duration) -> rusqlite::Result<()> {
    let db = connect(draft)?;
    // Still without a write-ahead log: what closing copies out of one may fail unseen on a disk that
    // is nearly full.
    initialise(&db, owner, wait)?;
    // The file remembers this mode, and a reader of such a file locks it at once.
    db.pragma_update(None, "journal_mode", "WAL")?;
    db.close().map_err(|(_, error)| error)
}

/// Makes an empty database a journal. A key that has signed nothing was left as cleanly as can be; one of
/// which that is not known was not.
fn initialise(db: &Connection, owner: &PublicKey, wait: Duration) -> rusqlite::Result<Service> {
    let txn = db.unchecked_transaction()?;
    migrate(&txn, 0)?;
    txn.execute(include_str!("insert_owner.sql"), params![owner.as_bytes()])?;
    let (service, _) = Service::load(&txn)?;
    let service = Service { is_clean: wait.is_zero(), wait: whole_seconds(wait), ..service };
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

/// What a journal of an older schema is to become, before its first opening. Nothing is written.
fn unopened(db: &Connection, found: i64) -> rusqlite::Result<Service> {
    // Dropped without a commit.
    let txn = db.unchecked_transaction()?;
    migrate(&txn, found)?;
    Ok(Service::load(&txn)?.0)
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
    // The vault's process can open no file outside of the journal's folder, not even a temporary one.
    db.pragma_update(None, "temp_store", "MEMORY")?;
    db.pragma_update(None, "foreign_keys", true)?;
    db.pragma_update(None, "trusted_schema", false)?;
    db.pragma_update(None, "cell_size_check", true)?;
    Ok(db)
}

/// Checks that the file is a journal, of a schema that we know. Returns the schema.
fn check_identity(db: &Connection, path: &Path) -> Result<i64, OpenError> {
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
    Ok(found)
}

fn owner_of(db: &Connection, path: &Path) -> Result<PublicKey, OpenError> {
    let recorded = db
        .query_row(include_str!("find_owner.sql"), [], |row| row.get(0))
        .map_err(|error| explain(path, error))?;
    PublicKey::from_bytes(recorded)
        .ok_or_else(|| damaged(path, "its owner is not a public key".to_owned()))
}

fn check_owner(db: &Connection, path: &Path, ours: &PublicKey) -> Result<(), OpenError> {
    let recorded = owner_of(db, path)?;
    if recorded == *ours {
        return Ok(());
    }
    Err(OpenError::ForeignKey { path: path.to_owned(), recorded, ours: *ours })
}

/// Checks the structure of the file, and that each index has what its table has.
fn check_integrity(db: &Connection, path: &Path) -> Result<(), OpenError> {
    let finding: String = db
        .pragma_query_value(None, "integrity_check", |row| row.get(0))
        .map_err(|error| explain(path, error))?;
    if finding == "ok" { Ok(()) } else { Err(damaged(path, finding)) }
}

/// Checks that everything that binds the key is as it was written.
fn check_seal(db: &Connection, path: &Path, owner: &PublicKey) -> Result<Service, OpenError> {
    let look = || {
        let (service, found) = Service::load(db)?;
        let is_whole =
            service.sum == Sum::of(db)? && found == seal(owner, fold::floor_row(db)?, &service);
        Ok(is_whole.then_some(service))
    };
    look()
        .map_err(|error| explain(path, error))?
        .ok_or_else(|| damaged(path, "its content is not what was written".to_owned()))
}

/// Why a journal that has opened could not be changed at once.
pub(super) fn unchanged(path: &Path, error: SignError) -> OpenError {
    match error {
        SignError::Journal(source) => unwritable(path, source),
        other => damaged(path, other.to_string()),
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
    (found, testimony): (i64, Testimony),
) -> Result<(Service, bool), OpenError> {
    let prove = || {
        db.pragma_update(None, "journal_mode", "WAL")?;
        let txn = db.unchecked_transaction()?;
        migrate(&txn, found)?;
        txn.pragma_update(None, "user_version", SCHEMA_VERSION)?;
        txn.execute(include_str!("count_opening.sql"), [])?;
        let (mut service, _) = Service::load(&txn)?;
        let was_clean = service.is_clean;
        service.begin_opening(&txn, testimony)?;
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
        None if !matches!(error, rusqlite::Error::SqliteFailure(..)) => {
            OpenError::Damaged { path, finding: format!("a row cannot be read: {error}") }
        }
        _ => unwritable(&path, JournalError::Sqlite(error)),
    }
}

fn unwritable(path: &Path, source: JournalError) -> OpenError {
    OpenError::Unwritable { path: path.to_owned(), source }
}
