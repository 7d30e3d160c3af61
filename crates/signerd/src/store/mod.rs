//! What the signer remembers across restarts: one SQLite file, one transaction per step.
//!
//! What it holds is bounded: the core says which blocks are final and need neither their content nor
//! the votes on them, and of all blocks the [`MAX_RECORDS`](countersign_signer::MAX_RECORDS) highest
//! stay. The file of a signer that has decided a million blocks is as large as that of one that has
//! decided ten thousand.
//!
//! The store holds no rule: a [`Write`] says what to keep, [`Store::load`] gives everything back.
//!
//! `synchronous = NORMAL` is enough here. A power cut may take the last commits, and the signer reads
//! them again from its node's slots; it never damages the file. What must survive every power cut,
//! what was signed, is in the vault's journal, and the vault refuses to contradict that whatever the
//! store has forgotten.

mod attendance;
mod column;
mod error;
mod load;
mod migrate;
mod open;
mod write;

use std::path::{Path, PathBuf};

use countersign_signer::{Saved, Write};
use countersign_wire::{SlotId, SlotVersion};
use rusqlite::Connection;

use crate::attendance::{Account, Counted};
pub use error::StoreError;

/// An open store. Its file is locked for the life of this value.
#[derive(Debug)]
pub struct Store {
    db: Connection,
    path: PathBuf,
}

impl Store {
    /// Opens the store at `path`, or creates it, and takes its exclusive lock.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        open::open(path).map(|db| Self { db, path: path.to_owned() })
    }

    /// A store that is forgotten when it is dropped.
    pub fn in_memory() -> Result<Self, StoreError> {
        open::in_memory().map(|db| Self { db, path: PathBuf::from(":memory:") })
    }

    /// A copy of a store, in memory, brought to the schema of this version. The copy itself is not changed.
    pub fn from_copy(copy: &[u8]) -> Result<Self, StoreError> {
        open::from_copy(copy).map(|db| Self { db, path: PathBuf::from("(a copy)") })
    }

    /// The whole store as one file that needs no log beside it. It is read into memory, so no disk is waited
    /// for.
    pub fn copy(&mut self) -> Result<Vec<u8>, StoreError> {
        open::copy(&mut self.db).map_err(|error| open::explain(&self.path, error))
    }

    /// Everything that the writes so far have left.
    pub fn load(&self) -> Result<Saved, StoreError> {
        load::load(&self.db).map_err(|error| open::explain(&self.path, error))
    }

    /// The versions that our slots had in another program. They are no part of what the core knows:
    /// it does not know of versions.
    pub fn slot_versions(&self) -> Result<Vec<(SlotId, SlotVersion)>, StoreError> {
        load::slot_versions(&self.db).map_err(|error| open::explain(&self.path, error))
    }

    /// Whether this signer has run with it, dry or not, and heard others. An import brings nothing of that kind.
    pub(crate) fn has_heard(&self) -> Result<bool, StoreError> {
        load::has_heard(&self.db).map_err(|error| open::explain(&self.path, error))
    }

    /// Remembers versions of slots where they are above the known ones. Returns how many were.
    pub fn raise_slot_versions(
        &mut self,
        versions: &[(SlotId, SlotVersion)],
    ) -> Result<usize, StoreError> {
        write::raise_slot_versions(&mut self.db, versions)
            .map_err(|source| StoreError::Unwritable { path: self.path.clone(), source })
    }

    /// Which blocks were missed before, and how many there were.
    pub(crate) fn attendance(&self) -> Result<Account, StoreError> {
        attendance::load(&self.db).map_err(|error| open::explain(&self.path, error))
    }

    /// Adds blocks to that account.
    pub(crate) fn count(&mut self, counted: &[Counted]) -> Result<(), StoreError> {
        if counted.is_empty() {
            return Ok(());
        }
        attendance::count(&mut self.db, counted)
            .map_err(|source| StoreError::Unwritable { path: self.path.clone(), source })
    }

    /// Keeps all of `writes` or, if it fails, none.
    pub fn commit(&mut self, writes: &[Write]) -> Result<(), StoreError> {
        if writes.is_empty() {
            return Ok(());
        }
        write::commit(&mut self.db, writes)
            .map_err(|source| StoreError::Unwritable { path: self.path.clone(), source })
    }

    /// Brings what is in the log into the database, so that the log can begin anew. It syncs two
    /// files, which takes longer than many commits; left to itself SQLite would do it inside one.
    pub fn tidy(&mut self) -> Result<(), StoreError> {
        self.db
            .query_row(include_str!("sql/tidy.sql"), [], |_| Ok(()))
            .map_err(|source| StoreError::Unwritable { path: self.path.clone(), source })
    }
}
