//! The way back: marks first, which only ever rise, and the store after them.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use countersign_vault::{
    AdoptError, FLOOR, HostLock, HostLockError, Imported, JournalExport, JournalFile, OpenError,
    SignError, is_there,
};
use countersign_wire::PublicKey;
use serde::Serialize;

use super::contents::{Contents, Heights};
use crate::folder::stamp;

/// Where the marks of a key go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Marks {
    /// Into the journal at this place, whether it is there or not.
    File(PathBuf),
    /// The caller has given them to the vault in another process.
    Given,
}

/// What is to be restored.
#[derive(Debug)]
pub struct RestoreJob<'a> {
    /// From what.
    pub contents: &'a Contents,
    /// The keys of the configuration, and where the marks of each go.
    pub marks: Vec<(PublicKey, Marks)>,
    /// The store's place; none if the store is not to be restored.
    pub store: Option<PathBuf>,
    /// How far the store is that is there; none if there is none.
    pub there: Option<Heights>,
    /// What the operator says about a store that is there.
    pub choice: Option<StoreChoice>,
}

/// What is to become of a store that is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreChoice {
    /// It stays.
    Keep,
    /// It is put aside, and the backup's takes its place, even if that is older.
    Replace,
}

/// What became of the store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum StoreOutcome {
    /// The backup's is there now.
    Placed {
        /// Where the one is that was there before.
        put_aside: Option<PathBuf>,
    },
    /// The one that was there is as far as the backup's, or was to stay.
    Kept,
}

/// What became of one key's marks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Raised {
    /// The key, in hex.
    pub public_key: String,
    /// Whether its journal began with this: then nothing is signed for ten minutes after the next start.
    pub has_begun: bool,
    /// Marks that are new.
    pub added: u64,
    /// Marks that were there.
    pub known: u64,
    /// Marks below the floor that is there.
    pub covered: u64,
}

/// What a restoration came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Restored {
    /// The marks, by key; without those that a vault was given.
    pub raised: Vec<Raised>,
    /// The store.
    pub store: StoreOutcome,
}

/// Why something is not restored.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// The signer runs.
    #[error(transparent)]
    Runs(#[from] HostLockError),
    /// The backup is another signer's.
    #[error("the backup is of the key {theirs}, which is not a key of this configuration")]
    OtherKey {
        /// The key in the backup.
        theirs: PublicKey,
    },
    /// The store that is there knows more.
    #[error(
        "the store here is as far as {here}, and the one in the backup only as far as {backup}; nothing was changed. \
         To raise marks and keep the store, say `--store keep`; to have the older one in its place, `--store replace`"
    )]
    Older {
        /// How far the one here is.
        here: Heights,
        /// How far the one in the backup is.
        backup: Heights,
    },
    /// A journal cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// A journal does not take the marks.
    #[error("the marks in the backup cannot be taken over")]
    Adopt(#[from] AdoptError),
    /// A journal cannot be written.
    #[error(transparent)]
    Sign(#[from] SignError),
    /// The store cannot be written.
    #[error("the store {} cannot be written; the marks were raised, so the command can be repeated", path.display())]
    Store {
        /// The store.
        path: PathBuf,
        /// What the operating system says.
        #[source]
        source: io::Error,
    },
}

impl std::fmt::Display for Heights {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let text =
            |height: Option<u64>| height.map_or_else(|| "none".to_owned(), |it| it.to_string());
        write!(f, "burn block {} and block {}", text(self.burn), text(self.stacks))
    }
}

/// Restores. Every refusal but a failed write comes before anything is changed. Called again after an interruption
/// it comes to the same. `now` is in seconds since 1970.
pub fn restore(job: &RestoreJob<'_>, now: u64) -> Result<Restored, RestoreError> {
    let _locks = job.locks()?;
    let has_to_place = job.judge()?;
    let mut raised = Vec::new();
    for export in &job.contents.journals {
        let marks = job.marks.iter().find(|(key, _)| *key == export.public_key);
        let (_, marks) = marks.expect("every key was looked for");
        if let Marks::File(path) = marks {
            raised.push(raise(export, path)?);
        }
    }
    // After the marks: a store that knows a signature which the journal does not is refused at the next start.
    let store = match &job.store {
        Some(path) if has_to_place => {
            let failed = |source| RestoreError::Store { path: path.clone(), source };
            let put_aside = place_store(&job.contents.store, path, now).map_err(failed)?;
            StoreOutcome::Placed { put_aside }
        }
        _ => StoreOutcome::Kept,
    };
    Ok(Restored { raised, store })
}

impl RestoreJob<'_> {
    /// Keeps a signer of this machine from starting meanwhile. A vault in another process has its own locks.
    fn locks(&self) -> Result<Vec<HostLock>, HostLockError> {
        let in_files = self.marks.iter().filter(|(_, marks)| *marks != Marks::Given);
        in_files.map(|(key, _)| HostLock::take(key)).collect()
    }

    /// Whether the backup's store is to be placed; every refusal that depends on what is in the backup. Whoever gives the
    /// marks to a vault asks this before.
    pub fn judge(&self) -> Result<bool, RestoreError> {
        self.refuse_keys()?;
        self.judge_store()
    }

    fn refuse_keys(&self) -> Result<(), RestoreError> {
        let is_ours = |key: &PublicKey| self.marks.iter().any(|(ours, _)| ours == key);
        let mut theirs = self.contents.journals.iter().map(|journal| journal.public_key);
        match theirs.find(|key| !is_ours(key)) {
            Some(theirs) => Err(RestoreError::OtherKey { theirs }),
            None => Ok(()),
        }
    }

    /// Whether the backup's store is to be placed.
    fn judge_store(&self) -> Result<bool, RestoreError> {
        let backup = self.contents.about.heights;
        match (self.there, self.choice) {
            (None, _) | (Some(_), Some(StoreChoice::Replace)) => Ok(true),
            (Some(_), Some(StoreChoice::Keep)) => Ok(false),
            (Some(here), None) if here > backup => Err(RestoreError::Older { here, backup }),
            (Some(here), None) => Ok(here < backup),
        }
    }
}

/// Raises the marks in a journal. One that is missing begins as `countersign run --init` begins it.
fn raise(export: &JournalExport, path: &Path) -> Result<Raised, RestoreError> {
    let has_begun = !is_there(path);
    let mut journal = if has_begun {
        JournalFile::begin_again(path, &export.public_key, FLOOR)?
    } else {
        JournalFile::open(path)?
    };
    let Imported { added, known, covered } = journal.import(export)?;
    journal.close()?;
    let public_key = export.public_key.to_string();
    Ok(Raised { public_key, has_begun, added, known, covered })
}

/// Puts a store in its place, and the one before it aside, with the log that belongs to it: a store that found the
/// other's log would be damaged by it.
fn place_store(copy: &[u8], path: &Path, now: u64) -> io::Result<Option<PathBuf>> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    let mut draft = tempfile::Builder::new().prefix(".store-").tempfile_in(folder)?;
    draft.write_all(copy)?;
    draft.as_file().sync_all()?;
    let mut put_aside = None;
    for ending in ["-wal", "-shm", ""] {
        let (old, aside) =
            (with(path, ending), with(path, &format!(".before-{}{ending}", stamp(now))));
        if old.symlink_metadata().is_ok() {
            fs::rename(&old, &aside)?;
            put_aside = ending.is_empty().then_some(aside).or(put_aside);
        }
    }
    draft.persist_noclobber(path).map_err(|refused| refused.error)?;
    File::open(folder)?.sync_all()?;
    Ok(put_aside)
}

fn with(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    PathBuf::from(name)
}
