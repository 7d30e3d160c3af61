//! The witness: a small file beside the journal that remembers how far it was.
//!
//! Whoever puts an older copy of the journal in its place finds the witness still there, which knows a
//! later opening or more signatures. Its name does not begin like the journal's files, so that a copy of
//! these by a pattern does not carry it along.
//!
//! A journal whose latest signatures are lost may be some records behind its witness or ahead of it: the
//! witness is written at each opening and each stop, and in between every [`EVERY_RECORDS`] signatures or
//! [`EVERY`], so what it says is never more than the journal had.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use countersign_wire::PublicKey;
use countersign_wire::hash::sha256;
use serde::{Deserialize, Serialize};

use super::open::Trust;
use super::place::folder_of;
use super::service::Service;
use crate::error::{JournalError, OpenError};

/// What the witness has seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Seen {
    format: String,
    public_key: String,
    /// The random name of the opening.
    opening: String,
    /// How many acceptances the journal had ever recorded.
    records: u64,
    /// SHA-256 over the other fields, so that a flipped bit is found.
    check: String,
}

impl Seen {
    fn new(owner: &PublicKey, opening: &[u8; 16], records: u64) -> Self {
        let mut seen = Self {
            format: FORMAT.to_owned(),
            public_key: owner.to_string(),
            opening: hex::encode(opening),
            records,
            check: String::new(),
        };
        seen.check = seen.expected_check();
        seen
    }

    fn expected_check(&self) -> String {
        let Self { format, public_key, opening, records, .. } = self;
        let lines = format!("{format}\n{public_key}\n{opening}\n{records}\n");
        hex::encode(sha256(&[lines.as_bytes()]))
    }

    /// Writes it whole or not at all, and durably.
    fn write(&self, path: &Path) -> io::Result<()> {
        let folder = folder_of(path);
        let mut draft = tempfile::Builder::new().prefix(".witness-").tempfile_in(&folder)?;
        serde_json::to_writer(&mut draft, self)?;
        draft.write_all(b"\n")?;
        draft.as_file().sync_all()?;
        draft.persist(path).map_err(|lost| lost.error)?;
        File::open(folder)?.sync_all()
    }

    /// What is in a file; none if there is no file.
    fn read(path: &Path) -> io::Result<Option<Self>> {
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let seen: Self = serde_json::from_str(&text)?;
        let is_whole = seen.format == FORMAT && seen.check == seen.expected_check();
        is_whole.then_some(Some(seen)).ok_or_else(|| io::Error::other("its content was changed"))
    }
}

/// What the witness says of a journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Testimony {
    /// It saw this opening.
    Current,
    /// It saw the opening before this one, which ended before the witness was written.
    Previous,
    /// There is no witness, and nothing to be witnessed.
    Nothing,
}

/// Compares the journal at `path` with its witness.
pub(super) fn hear(
    path: &Path,
    owner: &PublicKey,
    service: &Service,
) -> Result<Testimony, OpenError> {
    let fail = |finding: String| OpenError::Unwitnessed { path: path.to_owned(), finding };
    let witness = witness_of(path);
    let seen = Seen::read(&witness)
        .map_err(|error| fail(format!("{} cannot be used: {error}", witness.display())))?;
    let Some(seen) = seen else {
        return match service.records {
            0 => Ok(Testimony::Nothing),
            _ => Err(fail(format!("{} is missing", witness.display()))),
        };
    };
    if seen.public_key != owner.to_string() {
        return Err(fail(format!("{} is of another key", witness.display())));
    }
    let testimony = match () {
        () if seen.opening == hex::encode(service.opening) => Some(Testimony::Current),
        () if seen.opening == hex::encode(service.previous) => Some(Testimony::Previous),
        () => None,
    };
    testimony.filter(|_| seen.records <= service.records).ok_or_else(|| OpenError::RolledBack {
        path: path.to_owned(),
        found: service.records,
        seen: seen.records,
    })
}

/// Has a witness see a journal of a schema that knows of none, before it is brought to one that needs it. What
/// the witness names is the opening that such a journal has before its first, so a crash in between leaves a
/// journal that is believed. A witness of any other opening has seen this journal with a later schema: then it
/// is not the latest one.
pub(super) fn precede(
    path: &Path,
    owner: &PublicKey,
    unopened: &Service,
    trust: Trust,
) -> Result<(), OpenError> {
    let witness = witness_of(path);
    if trust == Trust::Witnessed && !matches!(witness.try_exists(), Ok(false)) {
        hear(path, owner, unopened)?;
    }
    let seen = Seen::new(owner, &unopened.opening, 0);
    seen.write(&witness)
        .map_err(|error| OpenError::Unwritable { path: witness, source: JournalError::Io(error) })
}

/// The witness of the journal at `path`.
pub(super) fn witness_of(path: &Path) -> PathBuf {
    path.with_extension("witness")
}

/// Writes the witness of one open journal.
#[derive(Debug)]
pub(super) struct Witness {
    /// None for a journal without a file.
    path: Option<PathBuf>,
    records: u64,
    at: Instant,
}

impl Witness {
    /// Has a witness see this opening.
    pub(super) fn begin(
        path: &Path,
        owner: &PublicKey,
        service: &Service,
    ) -> Result<Self, OpenError> {
        let path = witness_of(path);
        let mut witness = Self { path: Some(path.clone()), records: 0, at: Instant::now() };
        witness
            .write(owner, service)
            .map_err(|error| OpenError::Unwritable { path, source: JournalError::Io(error) })?;
        Ok(witness)
    }

    /// Of a journal without a file.
    pub(super) fn none() -> Self {
        Self { path: None, records: 0, at: Instant::now() }
    }

    /// Whether enough has happened since it last saw the journal.
    pub(super) fn is_due(&self, service: &Service) -> bool {
        let new = service.records.saturating_sub(self.records);
        new >= EVERY_RECORDS || (new > 0 && self.at.elapsed() >= EVERY)
    }

    /// Has it see the journal as it is on the disk now: whole or not at all, and durably.
    pub(super) fn write(&mut self, owner: &PublicKey, service: &Service) -> io::Result<()> {
        let Some(path) = &self.path else { return Ok(()) };
        Seen::new(owner, &service.opening, service.records).write(path)?;
        (self.records, self.at) = (service.records, Instant::now());
        Ok(())
    }
}

const FORMAT: &str = "countersign-journal-witness-1";
/// How many signatures there may be between two looks.
const EVERY_RECORDS: u64 = 256;
/// How long it may take between two looks if something is signed at all.
const EVERY: Duration = Duration::from_mins(1);
