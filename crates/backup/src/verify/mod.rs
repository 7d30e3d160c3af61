//! What a backup is good for, by levels: 0 the file is intact, 1 it restores, 2 schema and rows are complete and
//! fresh, 3 its newest verified key is the chain's, 4 the private shares open and belong to that key.
//!
//! Each level needs those below it. What keeps a backup from the next level is a [`Fault`], and each has a
//! name of its own.

mod chain;
mod fault;
mod levels;
mod untouched;

use std::path::Path;
use std::time::{Duration, Instant};

use countersign_wire::PrivateKey;
use serde::Deserialize;

pub use chain::{ChainAnswer, ask_chain, ask_chain_at};
pub use fault::{Class, Fault};
pub use levels::{Expected, KNOWN_MIGRATION};
pub(crate) use levels::{file, rows};
pub use untouched::{Untouched, untouched};

use crate::dkg::{self, Misfit};
use crate::manifest::{GOOD, Manifest, ManifestError, Verified};
use crate::postgres::{
    ArchiveError, Into, PgError, ScratchError, Workshop, list, restore_into, source, wanted,
};
use crate::sealed::Identities;
use crate::{Care, Progress};

/// A verification that is to be done.
pub struct Request<'a> {
    /// The backup's file.
    pub backup: &'a Path,
    /// What opens it.
    pub identities: &'a Identities,
    /// Where it is restored.
    pub workshop: &'a Workshop,
    /// The highest level that is asked for.
    pub level: u8,
    /// What is complete and fresh.
    pub expected: Expected,
    /// What the sources say the chain's key is.
    pub chain: &'a [ChainAnswer],
    /// The signer's private key.
    pub key: Option<&'a PrivateKey>,
    /// The time, in seconds since 1970.
    pub now: u64,
}

/// What a verification came to.
#[derive(Clone, Debug)]
pub struct Report {
    /// The highest level that was reached.
    pub level: Option<u8>,
    /// What keeps it from the next one; none if all that was asked for is good.
    pub fault: Option<Fault>,
    /// Verified keys whose shares fit.
    pub keys_that_fit: Vec<String>,
    /// Older verified keys whose shares do not, and why. They no longer sign for the chain's key.
    pub older_faults: Vec<Fault>,
    /// Bytes of the file.
    pub bytes: u64,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
}

/// Why nothing can be said.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// There is nowhere to restore to.
    #[error(transparent)]
    Scratch(#[from] ScratchError),
    /// The manifest cannot be used.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// The work was stopped, or a program failed.
    #[error(transparent)]
    Child(#[from] crate::child::ChildError),
}

/// Verifies a backup up to the level that is asked for, or as far as it comes.
pub fn verify(request: &Request<'_>, care: &mut Care<'_>) -> Result<Report, VerifyError> {
    let started = Instant::now();
    let manifest = Manifest::beside(request.backup)?;
    let mut report = Report {
        level: None,
        fault: None,
        keys_that_fit: Vec::new(),
        older_faults: Vec::new(),
        bytes: 0,
        took_ms: 0,
    };
    match climb(request, manifest.as_ref(), &mut report, care) {
        Ok(()) => {}
        Err(Halt::Fault(fault)) => report.fault = Some(fault),
        Err(Halt::Error(error)) => return Err(error),
    }
    report.took_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    Ok(report)
}

/// Why a verification goes no further.
enum Halt {
    Fault(Fault),
    Error(VerifyError),
}

impl From<Fault> for Halt {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl From<ScratchError> for Halt {
    fn from(error: ScratchError) -> Self {
        Self::Error(error.into())
    }
}

impl From<PgError> for Halt {
    fn from(error: PgError) -> Self {
        Self::Error(ScratchError::from(error).into())
    }
}

impl From<ArchiveError> for Halt {
    fn from(error: ArchiveError) -> Self {
        match error {
            ArchiveError::Child(error) => Self::Error(error.into()),
            error => Self::Fault(Fault::of_archive(error, None)),
        }
    }
}

fn climb(
    request: &Request<'_>,
    manifest: Option<&Manifest>,
    report: &mut Report,
    care: &mut Care<'_>,
) -> Result<(), Halt> {
    let Request { backup, identities, workshop, .. } = *request;
    let is_done = |report: &mut Report, level| {
        report.level = Some(level);
        level >= request.level
    };
    let listed = list(backup, identities, &workshop.programs, care)?;
    report.bytes = listed.bytes;
    let contents = levels::file(manifest, listed, workshop.programs.release())?;
    if is_done(report, 0) {
        return Ok(());
    }
    let stop = care.stop.clone();
    let tell = |care: &mut Care<'_>, phase: &'static str| {
        care.tell(Progress { phase, bytes: 0, of: None, elapsed: Duration::ZERO });
    };
    tell(care, "start");
    let scratch = workshop.open(&wanted(&contents), &stop)?;
    let connection = scratch.connection();
    let into = Into {
        programs: &workshop.programs,
        connection: &connection,
        other: scratch.other(),
        owner: None,
        entries: scratch.entries(),
    };
    restore_into(backup, identities, &into, care)?;
    if is_done(report, 1) {
        return Ok(());
    }
    let asker = scratch.asker(&connection, &stop);
    tell(care, "count");
    let (found, session) = source::contents(asker.session()?)?;
    drop(session);
    levels::complete(manifest, &found, request.expected, request.now)?;
    if is_done(report, 2) {
        return Ok(());
    }
    let newest = levels::chain(&found, request.chain)?;
    if is_done(report, 3) {
        return Ok(());
    }
    let key = request.key.ok_or(Fault::NoKey)?;
    let rows: Vec<RowText> = asker.ask(source::ROWS_SQL, ROWS)?;
    shares(&rows, newest, key, report)?;
    is_done(report, 4);
    Ok(())
}

/// Level 4: the newest key must fit; of older ones it is told. What a database answers is what is in the backup, which
/// may be hostile: that the first row is the chain's key is not believed, and nothing passes because it is absent.
fn shares(
    rows: &[RowText],
    newest: &str,
    key: &PrivateKey,
    report: &mut Report,
) -> Result<(), Fault> {
    if rows.first().and_then(|row| row.aggregate_key.as_deref()) != Some(newest) {
        let misfit = Misfit::OtherState { what: "there is no row of the newest key" };
        return Err(Fault::Shares { aggregate_key: newest.to_owned(), misfit });
    }
    for (place, row) in rows.iter().enumerate() {
        let aggregate_key = row.aggregate_key.clone().unwrap_or_default();
        match dkg::check(&row.parse(), key) {
            Ok(()) => report.keys_that_fit.push(aggregate_key),
            Err(misfit) if place == 0 => return Err(Fault::Shares { aggregate_key, misfit }),
            Err(misfit) => report.older_faults.push(Fault::Shares { aggregate_key, misfit }),
        }
    }
    Ok(())
}

/// A row of `dkg_shares` in hex. A column that is null is empty, and then does not fit.
#[derive(Deserialize)]
struct RowText {
    aggregate_key: Option<String>,
    tweaked_aggregate_key: Option<String>,
    encrypted_private_shares: Option<String>,
    public_shares: Option<String>,
    script_pubkey: Option<String>,
    signer_set: Option<Vec<String>>,
    threshold: Option<i64>,
}

impl RowText {
    fn parse(&self) -> dkg::Row {
        let bytes = |text: &Option<String>| {
            text.as_deref().and_then(|text| hex::decode(text).ok()).unwrap_or_default()
        };
        let set = self.signer_set.iter().flatten();
        dkg::Row {
            aggregate_key: bytes(&self.aggregate_key),
            tweaked_aggregate_key: bytes(&self.tweaked_aggregate_key),
            encrypted_private_shares: bytes(&self.encrypted_private_shares),
            public_shares: bytes(&self.public_shares),
            script_pubkey: bytes(&self.script_pubkey),
            signer_set: set.map(|key| hex::decode(key).unwrap_or_default()).collect(),
            threshold: self.threshold.and_then(|it| u32::try_from(it).ok()).unwrap_or(0),
        }
    }
}

impl Report {
    /// The name of the verdict: that of the fault, or `good`.
    pub fn verdict(&self) -> &'static str {
        self.fault.as_ref().map_or(GOOD, Fault::name)
    }

    /// Seconds for each gigabyte (10^9 bytes) of the file.
    pub fn seconds_per_gb(&self) -> Option<f64> {
        #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
        let (ms, bytes) = (self.took_ms as f64, self.bytes as f64);
        (self.bytes > 0).then(|| ms / 1e3 / (bytes / 1e9))
    }

    /// What is written down beside the backup, where `before` stands. One that was good and has the same bytes is not
    /// worse because it has grown old, or because less was asked or known this time: it may be the last good one.
    pub fn verified(&self, at: u64, before: Option<Verified>) -> Verified {
        match before {
            Some(before) if before.is_good() && !self.outweighs(before.level) => before,
            _ => Verified { at, level: self.level, verdict: self.verdict().to_owned() },
        }
    }

    /// Whether this says more than that the backup was good up to a level.
    fn outweighs(&self, good: Option<u8>) -> bool {
        match &self.fault {
            None => self.level >= good,
            Some(Fault::Unreadable(_)) => true,
            Some(fault) if fault.class() == Class::Unknown => false,
            Some(_) => self.level.is_none() || self.level >= good,
        }
    }
}

/// How long the keys may take to be read.
const ROWS: Duration = Duration::from_mins(1);

#[cfg(test)]
mod tests {
    use super::*;

    fn report(level: Option<u8>, fault: Option<Fault>) -> Report {
        let (keys_that_fit, older_faults) = (Vec::new(), Vec::new());
        Report { level, fault, keys_that_fit, older_faults, bytes: 1, took_ms: 1 }
    }

    #[test]
    fn a_good_backup_stays_good_until_something_speaks_against_its_bytes() {
        let good = |level| Some(Verified { at: 1, level: Some(level), verdict: GOOD.to_owned() });
        let old = || Some(Fault::Old { age: Some(9), most: 1 });
        for (before, level, fault, is_kept) in [
            (4, Some(1), old(), true),
            (4, Some(2), Some(Fault::ChainUnknown(String::new())), true),
            (4, None, Some(Fault::NotARecipient), true),
            (4, Some(0), None, true),
            (4, Some(4), None, false),
            (2, Some(4), None, false),
            (2, Some(3), Some(Fault::SchemaOnly), false),
            (4, None, Some(Fault::Altered), false),
            (4, None, Some(Fault::Unreadable(String::new())), false),
            // Of a backup that was not restored before, the word of the moment is all that there is.
            (0, Some(1), old(), false),
        ] {
            let report = report(level, fault);
            let written = report.verified(2, good(before));
            assert_eq!(written.at == 1, is_kept, "{before}: {report:?}");
        }
        assert_eq!(report(Some(1), old()).verified(2, None).verdict, "old");
    }
}
