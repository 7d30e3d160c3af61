//! A journal without its key: to look at, to set a hold, to take over another one.

use std::path::Path;
use std::time::Duration;

use countersign_wire::{BurnHeight, PublicKey, StacksHeight, UnixSeconds};

use crate::error::{AdoptError, OpenError, SignError};
use crate::interchange::JournalExport;
use crate::journal::Journal;
use crate::request::Imported;
use crate::standing::Standing;

/// A journal that no vault has open. What is done with it needs no key, and signs nothing.
pub struct JournalFile {
    journal: Journal,
}

/// What a journal comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JournalStatus {
    /// Whose signatures it remembers.
    pub public_key: PublicKey,
    /// Whether the key signs.
    pub standing: Standing,
    /// The burn height at and above which nothing is signed.
    pub hold: Option<BurnHeight>,
    /// How long nothing is signed after the next start; zero if nothing is waited for.
    pub wait: Duration,
    /// The height at and below which nothing new is signed.
    pub floor: Option<StacksHeight>,
    /// How many acceptances it was ever given.
    pub records: u64,
    /// How many of them it remembers one by one.
    pub remembered: u64,
    /// How many rejections it remembers.
    pub rejections: u64,
    /// How often it was opened.
    pub openings: u64,
    /// The height of the highest block that was signed.
    pub highest: Option<StacksHeight>,
    /// When the latest block was signed, as the signer's clock said.
    pub last_signed_at: Option<UnixSeconds>,
    /// Whether the signer stopped in an orderly way and has not started since.
    pub is_clean: bool,
}

impl JournalFile {
    /// Begins the journal of a key that was made just now and has signed nothing. There must be none: a key
    /// that could have signed elsewhere has no empty history.
    pub fn begin(path: &Path, newborn: &PublicKey) -> Result<(), OpenError> {
        Journal::begin(path, newborn)
    }

    /// Begins the journal of a key whose history is lost, and signs nothing before `wait` has passed: the
    /// same as a start with `--init`, without the key. There must be none.
    pub fn begin_again(path: &Path, key: &PublicKey, wait: Duration) -> Result<Self, OpenError> {
        Journal::create(path, key, wait).map(|journal| Self { journal })
    }

    /// Looks at a journal, checks all of it and writes nothing.
    pub fn inspect(path: &Path) -> Result<JournalStatus, OpenError> {
        Journal::inspect(path).map(|(status, _)| status)
    }

    /// What a journal would export, without a proof. Nothing is written.
    pub fn read(path: &Path, at: UnixSeconds) -> Result<JournalExport, OpenError> {
        let (_, mut export) = Journal::inspect(path)?;
        export.created_at = at;
        Ok(export)
    }

    /// Opens a journal for a change.
    pub fn open(path: &Path) -> Result<Self, OpenError> {
        let (status, _) = Journal::inspect(path)?;
        Journal::open(path, &status.public_key).map(|journal| Self { journal })
    }

    /// Takes a journal as the latest one, whatever its witness says, and has its key wait before it signs
    /// again.
    pub fn accept(path: &Path, wait: Duration) -> Result<Self, OpenError> {
        let owner = Journal::owner_of(path)?;
        Journal::accept(path, &owner, wait).map(|journal| Self { journal })
    }

    /// What it comes to.
    pub fn status(&mut self) -> Result<JournalStatus, SignError> {
        self.journal.status()
    }

    /// Signs nothing at or above a burn height from the next start on. Of two holds the lower one stays.
    pub fn hold_from(&mut self, height: BurnHeight) -> Result<(), SignError> {
        self.journal.hold_from(height)
    }

    /// Takes the hold away.
    pub fn release_hold(&mut self) -> Result<(), SignError> {
        self.journal.release_hold()
    }

    /// Takes over what another journal of the same key has: all of it or nothing. Nothing that was refused
    /// is signed because of it.
    pub fn import(&mut self, other: &JournalExport) -> Result<Imported, AdoptError> {
        self.check_owner(other)?;
        Ok(self.journal.adopt(other)?)
    }

    /// What [`JournalFile::import`] would come to. Nothing is written.
    pub fn rehearse_import(&mut self, other: &JournalExport) -> Result<Imported, AdoptError> {
        self.check_owner(other)?;
        Ok(self.journal.rehearse_adopting(other)?)
    }

    /// Closes it. A mark of a clean stop that was there is there again.
    pub fn close(self) -> Result<(), SignError> {
        if self.journal.was_stopped_cleanly() { self.journal.close_cleanly() } else { Ok(()) }
    }

    fn check_owner(&self, other: &JournalExport) -> Result<(), AdoptError> {
        check_owner(self.journal.owner(), other)
    }
}

/// Refuses the journal of another key.
pub(crate) fn check_owner(ours: &PublicKey, other: &JournalExport) -> Result<(), AdoptError> {
    if *ours == other.public_key {
        return Ok(());
    }
    Err(AdoptError::ForeignKey { theirs: other.public_key, ours: *ours })
}
