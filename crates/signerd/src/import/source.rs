//! A private copy of the other program's database, known to be what it should be.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Read as _};
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags};
use rustix::process::{Flock, FlockOffsetType, FlockType, fcntl_getlk};
use tempfile::TempDir;

use super::error::{ImportError, Refusal};

/// An open copy. It is deleted when it is dropped.
pub(super) struct Source {
    pub(super) db: Connection,
    pub(super) schema: i64,
    path: PathBuf,
    _copy: TempDir,
}

impl Source {
    /// Copies the database at `path`, and what a killed process left beside it, and checks the copy.
    pub(super) fn open(path: &Path) -> Result<Self, ImportError> {
        let refuse = |why| ImportError::Refused { path: path.to_owned(), why };
        let copy = copy(path).map_err(refuse)?;
        let (db, schema) = check(&copy.path().join(NAME)).map_err(refuse)?;
        Ok(Self { db, schema, path: path.to_owned(), _copy: copy })
    }

    /// The refusal of this database.
    pub(super) fn refuse(&self, why: impl Into<Refusal>) -> ImportError {
        ImportError::Refused { path: self.path.clone(), why: why.into() }
    }
}

/// The log is part of the database: it has what was committed last. A signal kills stacks-signer in
/// the middle of whatever it does, so it usually leaves one.
fn copy(path: &Path) -> Result<TempDir, Refusal> {
    let mut file = File::open(path).map_err(Refusal::Unreadable)?;
    let mut magic = [0; MAGIC.len()];
    match file.read_exact(&mut magic) {
        Ok(()) if &magic == MAGIC => {}
        Ok(()) => return Err(Refusal::Foreign),
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Err(Refusal::Foreign),
        Err(error) => return Err(Refusal::Unreadable(error)),
    }
    refuse_if_open(&file)?;
    let copy = tempfile::tempdir().map_err(Refusal::NoRoom)?;
    for ending in ["", "-wal", "-journal"] {
        let mut part = path.as_os_str().to_owned();
        part.push(ending);
        match fs::copy(PathBuf::from(part), copy.path().join(format!("{NAME}{ending}"))) {
            Err(error) if error.kind() == ErrorKind::NotFound && !ending.is_empty() => {}
            Err(error) if error.kind() == ErrorKind::PermissionDenied => {
                return Err(Refusal::Unreadable(error));
            }
            Err(error) => return Err(Refusal::NoRoom(error)),
            Ok(_) => {}
        }
    }
    // Whoever came in between may have changed what was copied.
    refuse_if_open(&file)?;
    Ok(copy)
}

/// Refuses if a program has the file at `path` open as a database; a file that is not there is free.
pub(super) fn refuse_if_in_use(path: &Path) -> Result<(), ImportError> {
    let refuse = |why| ImportError::Refused { path: path.to_owned(), why };
    match File::open(path) {
        Ok(file) => refuse_if_open(&file).map_err(refuse),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) => Err(refuse(Refusal::Unreadable(error))),
    }
}

/// Whoever has a database open in WAL mode has a lock on these bytes of its file, as long as it is
/// open. To ask who it is changes nothing.
fn refuse_if_open(file: &File) -> Result<(), Refusal> {
    let everything = Flock {
        start: 0x4000_0000,
        length: 512,
        pid: None,
        typ: FlockType::WriteLock,
        offset_type: FlockOffsetType::Set,
    };
    match fcntl_getlk(file, &everything) {
        Ok(None) => Ok(()),
        Ok(Some(lock)) => Err(Refusal::InUse(lock.pid.map_or(0, |pid| pid.as_raw_nonzero().get()))),
        Err(error) => Err(Refusal::Unreadable(io::Error::from(error))),
    }
}

fn check(path: &Path) -> Result<(Connection, i64), Refusal> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let db = Connection::open_with_flags(path, flags)?;
    db.pragma_update(None, "trusted_schema", false)?;
    db.pragma_update(None, "cell_size_check", true)?;
    let owner: i64 = db.pragma_query_value(None, "application_id", |row| row.get(0))?;
    let tables: i64 = db.query_row(include_str!("sql/tables.sql"), [], |row| row.get(0))?;
    if owner != 0 || tables != 4 {
        return Err(Refusal::Foreign);
    }
    let schema: Option<i64> = db.query_row(include_str!("sql/schema.sql"), [], |row| row.get(0))?;
    match schema {
        None => return Err(Refusal::Foreign),
        Some(schema) if schema > NEWEST => return Err(Refusal::Newer(schema)),
        Some(schema) if schema < OLDEST => return Err(Refusal::Older(schema)),
        Some(_) => {}
    }
    let finding: String = db.pragma_query_value(None, "quick_check", |row| row.get(0))?;
    if finding != "ok" {
        return Err(Refusal::Damaged(finding));
    }
    Ok((db, schema.unwrap_or_default()))
}

const NAME: &str = "signer.sqlite";
const MAGIC: &[u8; 16] = b"SQLite format 3\0";
const OLDEST: i64 = 17;
const NEWEST: i64 = 20;
