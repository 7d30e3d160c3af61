//! What an import says.

use std::fmt;
use std::path::{Path, PathBuf};

use countersign_vault::Imported;
use serde::Serialize;

use super::read::Found;

/// What was found and what was taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Report {
    /// The database that was read.
    pub from: PathBuf,
    /// Its schema.
    pub schema: i64,
    /// Blocks in it that the key signed.
    pub signed: usize,
    /// The height of the highest of them.
    pub highest_signed: Option<u64>,
    /// When the last of them was signed, in seconds since 1970.
    pub last_signed_at: Option<u64>,
    /// Blocks in it about which something is decided, of the highest ones.
    pub blocks: usize,
    /// Burn blocks in it that are young enough to matter.
    pub burn_blocks: usize,
    /// Tenures whose miners showed signs of life, and tenures that may be orphaned.
    pub other: usize,
    /// The highest version that the key wrote to a slot.
    pub slot_version: Option<u32>,
    /// The signing journal.
    pub journal: PathBuf,
    /// The store.
    pub store: PathBuf,
    /// Whether nothing was to be written.
    pub is_rehearsal: bool,
    /// What was not here before and is now.
    pub taken: Taken,
}

/// What was not here before and is now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Taken {
    /// Signed blocks, in the journal.
    #[serde(serialize_with = "added")]
    pub signed: Imported,
    /// Decisions about blocks.
    pub blocks: usize,
    /// Burn blocks.
    pub burn_blocks: usize,
    /// Signs of life and permissions.
    pub other: usize,
    /// Slots whose version was raised.
    pub slots: usize,
}

impl Report {
    pub(super) fn new(
        from: &Path,
        (journal, store): &(PathBuf, PathBuf),
        schema: i64,
        found: &Found,
        is_rehearsal: bool,
    ) -> Self {
        Self {
            from: from.to_owned(),
            schema,
            signed: found.marks.len(),
            highest_signed: found.marks.iter().map(|mark| mark.height.get()).max(),
            last_signed_at: found.marks.iter().map(|mark| mark.at.get()).max(),
            blocks: found.records.len(),
            burn_blocks: found.burn_blocks.len(),
            other: found.activity.len() + found.superseded.len(),
            slot_version: found.slot_versions.iter().map(|(_, version)| version.get()).max(),
            journal: journal.clone(),
            store: store.clone(),
            is_rehearsal,
            taken: Taken::default(),
        }
    }
}

fn added<S: serde::Serializer>(imported: &Imported, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(imported.added)
}

/// A few lines for people.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { signed, blocks, burn_blocks, other, taken, .. } = self;
        writeln!(f, "Read {}: schema {}", self.from.display(), self.schema)?;
        match (self.highest_signed, self.slot_version) {
            (None, _) => writeln!(f, "The key has signed nothing in it")?,
            (Some(height), None) => writeln!(f, "Signed up to height {height}")?,
            (Some(height), Some(version)) => {
                writeln!(f, "Signed up to height {height}, slots written up to version {version}")?;
            }
        }
        if self.is_rehearsal {
            return write!(
                f,
                "There are to be taken {signed} signed blocks, {blocks} decisions, {burn_blocks} burn \
                 blocks, {other} other facts; nothing was written"
            );
        }
        writeln!(
            f,
            "Journal {}: {} signed blocks taken, {} were there",
            self.journal.display(),
            taken.signed.added,
            taken.signed.known + taken.signed.covered
        )?;
        write!(
            f,
            "Store {}: {} of {blocks} decisions taken, {} of {burn_blocks} burn blocks, {} of {other} \
             other facts; the others were there",
            self.store.display(),
            taken.blocks,
            taken.burn_blocks,
            taken.other
        )
    }
}
