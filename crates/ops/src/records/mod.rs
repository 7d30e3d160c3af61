//! What a job did last: one small JSON file per job, in one folder, which the metrics page and the checks read.
//!
//! A job that runs once a day and ends cannot be scraped. It leaves a record instead: that it ran, when, how it
//! ended, and the few facts that others need. The last record of a job replaces the one before.
//!
//! The name of a job is `kind` or `kind.subject`, and its file is `<job>.json`:
//!
//! | kind | written when | `detail` |
//! | --- | --- | --- |
//! | `backup` | a backup was taken; the subject is what of | `bytes`, `seconds` |
//! | `backup-verify` | a backup was verified | `level`: 0 to 4; `taken_at`: of the backup, unix seconds |
//! | `backup-checksum` | a backup was compared with its manifest, without opening it | `bytes` |
//! | `key-backup` | a backup of a signing key was proven: the key was restored and signed; the subject is its public half | `kind`: `age` or `shares` |
//! | `logs` | the retention of a log was measured; the subject is the service | `oldest`: of its entries, unix seconds |
//! | `drill` | something was carried out that must go well on the worst day: `failover`, `restore.key`, `restore.signer`, `restore.database`, `alerts` | – |
//! | `certificate` | a certificate was looked at; the subject is which | `not_after`: unix seconds |
//!
//! Records hold no secrets and are readable by every user of the machine (mode 0644), because those who read them
//! run as other users than those who write.

mod read;

use std::fs::{File, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub use read::{Fault, FaultReason, Reading, read_all};

/// What a job did last.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// Its name, see [`is_job`].
    pub job: String,
    /// When it ended, in seconds since 1970.
    pub at: u64,
    /// How it ended.
    pub outcome: Outcome,
    /// What others need to know of it, by name. Whoever reads ignores names that it does not know.
    #[serde(default)]
    pub detail: Map<String, Value>,
}

/// How a job ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It did what it is for.
    Ok,
    /// It did not.
    Failed,
}

impl Record {
    /// A record without details.
    pub fn new(job: impl Into<String>, at: u64, outcome: Outcome) -> Self {
        Self { job: job.into(), at, outcome, detail: Map::new() }
    }

    /// The same record with one more detail.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.detail.insert(name.to_owned(), value.into());
        self
    }

    /// The part of the job's name before the first dot: what sort of job it is.
    pub fn kind(&self) -> &str {
        self.job.split_once('.').map_or(self.job.as_str(), |(kind, _)| kind)
    }

    /// The part after the first dot: what the job is about; empty if there is only one of its kind.
    pub fn subject(&self) -> &str {
        self.job.split_once('.').map_or("", |(_, subject)| subject)
    }

    /// A detail that is a whole number of at least zero; none if it is absent or anything else.
    pub fn number(&self, name: &str) -> Option<u64> {
        self.detail.get(name)?.as_u64()
    }
}

/// Whether `name` can be a job's: 1 to 100 of `a-z`, `0-9`, `-`, `_` and `.`, of which the first is no dot.
///
/// So it is a file's name in one folder, and never hidden, a path or `..`.
pub fn is_job(name: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    (1..=MAX_NAME).contains(&name.len())
        && !name.starts_with('.')
        && name.bytes().all(|byte| is_plain(byte) || matches!(byte, b'-' | b'_' | b'.'))
}

/// The file of `job` in `folder`.
fn path_of(folder: &Path, job: &str) -> PathBuf {
    folder.join(format!("{job}.{EXTENSION}"))
}

/// Why a record is not written. What was there before is still there.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The name would not be a file in this folder.
    #[error(
        "{0:?} is no name for a job: use up to 100 of a-z, 0-9, '-', '_' and '.', not beginning with a dot"
    )]
    Name(String),
    /// Nobody would read it.
    #[error("the record of {job} has {bytes} bytes; it may have {MAX_BYTES}: shorten its details")]
    TooLarge {
        /// The job.
        job: String,
        /// The size of its record.
        bytes: usize,
    },
    /// The folder or the file cannot be written.
    #[error("the record {path} cannot be written; make room, or let this user write to its folder")]
    File {
        /// The record's final name.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

/// Replaces the record of `record.job` in `folder`, which is made if only it is missing.
///
/// Whoever reads sees the old record or the new one. When this returns, the new one survives a power cut.
pub fn write(folder: &Path, record: &Record) -> Result<(), WriteError> {
    if !is_job(&record.job) {
        return Err(WriteError::Name(record.job.clone()));
    }
    let mut text = serde_json::to_vec_pretty(record).expect("a record has text for keys");
    text.push(b'\n');
    if text.len() > MAX_BYTES {
        return Err(WriteError::TooLarge { job: record.job.clone(), bytes: text.len() });
    }
    let path = path_of(folder, &record.job);
    replace(folder, &path, &text).map_err(|source| WriteError::File { path, source })
}

fn replace(folder: &Path, path: &Path, text: &[u8]) -> io::Result<()> {
    match std::fs::create_dir(folder) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    // A reader ignores what begins with a dot.
    let mut draft = tempfile::Builder::new().prefix(".draft-").tempfile_in(folder)?;
    draft.write_all(text)?;
    draft.as_file().set_permissions(Permissions::from_mode(0o644))?;
    draft.as_file().sync_all()?;
    draft.persist(path)?;
    File::open(folder)?.sync_all()
}

const EXTENSION: &str = "json";
/// The name and its ending are one file name, which may have 255 bytes.
const MAX_NAME: usize = 100;
/// How large a record may be.
const MAX_BYTES: usize = 64 * 1024;

#[cfg(test)]
mod tests;
