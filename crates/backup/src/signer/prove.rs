//! The proof that a backup restores: done once, in a folder that is thrown away.

use std::io;
use std::time::Duration;

use countersign_vault::{AdoptError, FLOOR, JournalExport, JournalFile, OpenError, SignError};
use countersign_wire::{Sighash, UnixSeconds};

use super::contents::{Contents, Heights};

/// Why a backup is no good.
#[derive(Debug, thiserror::Error)]
pub enum ProveError {
    /// There is no place for the proof.
    #[error("no temporary folder can be made")]
    Scratch(#[source] io::Error),
    /// A journal cannot begin there.
    #[error("a journal cannot begin in a temporary folder")]
    Open(#[from] OpenError),
    /// A journal does not take the marks.
    #[error("the marks in the backup cannot be taken over")]
    Adopt(#[from] AdoptError),
    /// A journal cannot be closed.
    #[error("a journal in a temporary folder cannot be written")]
    Sign(#[from] SignError),
    /// A mark is lost.
    #[error("the block {0} was signed, and a journal that took over the backup does not know it")]
    Lost(Sighash),
    /// A floor is lower, or a span narrower.
    #[error("a journal that took over the backup would sign where the backed up one would not")]
    Lowered,
    /// The store cannot be used.
    #[error("the store in the backup cannot be used: {0}")]
    Store(String),
    /// The store is another one than the backup says.
    #[error("the store in the backup is not as far as the backup says")]
    OtherStore,
}

/// Restores a backup where nobody uses it, and compares. `look` opens a copy of a store and says how far it is.
pub fn prove(
    contents: &Contents,
    look: &dyn Fn(&[u8]) -> Result<Heights, String>,
) -> Result<(), ProveError> {
    let scratch = tempfile::tempdir().map_err(ProveError::Scratch)?;
    for (number, export) in contents.journals.iter().enumerate() {
        let path = scratch.path().join(format!("{number}.sqlite"));
        let mut journal = JournalFile::begin_again(&path, &export.public_key, FLOOR)?;
        journal.import(export)?;
        let waits = journal.status()?.wait >= FLOOR.saturating_sub(Duration::from_secs(1));
        journal.close()?;
        let restored = JournalFile::read(&path, UnixSeconds::new(0))?;
        if let Some(lost) = uncovered(export, &restored) {
            return Err(ProveError::Lost(lost));
        }
        if !waits || restored.floor < export.floor || !is_span_covered(export, &restored) {
            return Err(ProveError::Lowered);
        }
    }
    prove_store(contents, look)
}

/// Whether the store in a backup opens, and is as far as the backup says: by that it is judged against another one.
pub fn prove_store(
    contents: &Contents,
    look: &dyn Fn(&[u8]) -> Result<Heights, String>,
) -> Result<(), ProveError> {
    let heights = look(&contents.store).map_err(ProveError::Store)?;
    if heights == contents.about.heights { Ok(()) } else { Err(ProveError::OtherStore) }
}

/// A block that `marks` binds to and `by` does not: neither one by one, nor by its floor.
pub fn uncovered(marks: &JournalExport, by: &JournalExport) -> Option<Sighash> {
    let known: std::collections::BTreeSet<Sighash> =
        by.acceptances.iter().map(|mark| mark.sighash).collect();
    let lost = marks
        .acceptances
        .iter()
        .find(|mark| !known.contains(&mark.sighash) && Some(mark.height) > by.floor);
    lost.map(|mark| mark.sighash)
}

fn is_span_covered(marks: &JournalExport, by: &JournalExport) -> bool {
    marks.spans.iter().all(|span| {
        by.spans.iter().any(|other| {
            other.tenure == span.tenure
                && other.lowest <= span.lowest
                && other.highest >= span.highest
                && other.blocks >= span.blocks
        })
    })
}
