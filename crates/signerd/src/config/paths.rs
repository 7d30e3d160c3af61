//! Where our files are.

use std::ffi::OsStr;
use std::fmt;
use std::path::{Path, PathBuf};

use countersign_wire::PublicKey;

use super::Problem;
use crate::decisions::Files;

/// The value of `db_path`, and the files that follow from it.
///
/// The file of that name belongs to the reference signer and is never touched, so that an operator
/// can switch back. For `signer.db` the store is `signer.countersign.sqlite` and the signing journal
/// `signer.countersign-journal.sqlite`, both in the same folder. `:memory:` keeps both in memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DbPath {
    /// Nothing is kept.
    Memory,
    /// The reference's file.
    File(PathBuf),
}

impl DbPath {
    pub(crate) fn parse(text: String) -> Result<Self, Problem> {
        if text == MEMORY {
            return Ok(Self::Memory);
        }
        let path = PathBuf::from(&text);
        if path.file_name().is_none() {
            return Err(Problem::DbPath(text));
        }
        Ok(Self::File(path))
    }

    /// The store's file; none if it is in memory.
    pub fn store(&self) -> Option<PathBuf> {
        self.beside("countersign.sqlite")
    }

    /// The signing journal's file with the usual name; none if it is in memory. Which journal a key has is
    /// for [`Journals`](crate::Journals) to say.
    pub fn journal(&self) -> Option<PathBuf> {
        self.beside("countersign-journal.sqlite")
    }

    /// The signing journal's file that is named after a key; none if it is in memory.
    pub fn journal_of(&self, key: &PublicKey) -> Option<PathBuf> {
        self.beside(&format!("countersign-journal-{key}.sqlite"))
    }

    /// Whether there is a signing journal that is named after a key.
    pub fn has_named_journals(&self) -> bool {
        let Some(usual) = self.journal() else { return false };
        let stem = usual.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let folder = usual.parent().filter(|folder| !folder.as_os_str().is_empty());
        let entries = std::fs::read_dir(folder.unwrap_or(Path::new(".")));
        entries.into_iter().flatten().flatten().any(|entry| {
            let name = entry.file_name().to_string_lossy().into_owned();
            name.starts_with(&format!("{stem}-")) && name.ends_with(".sqlite")
        })
    }

    /// The decision log's files; none if nothing is kept.
    pub fn decisions(&self) -> Option<Files> {
        self.store().map(|store| Files::of_store(&store))
    }

    /// The folder of what jobs leave behind; none if nothing is kept.
    pub fn records(&self) -> Option<PathBuf> {
        let store = self.store()?;
        Some(store.parent().unwrap_or(Path::new(".")).join("records"))
    }

    /// The book of what was written into our slots; none if nothing is kept.
    pub fn book(&self) -> Option<PathBuf> {
        self.beside("countersign-slots.book")
    }

    /// The control socket; none if nothing is kept.
    pub fn control_socket(&self) -> Option<PathBuf> {
        self.beside("countersign-control.sock")
    }

    /// With the ending that the reference's file has, another one is put beside it.
    fn beside(&self, ending: &str) -> Option<PathBuf> {
        match self {
            Self::Memory => None,
            Self::File(path) => Some(path.with_extension(OsStr::new(ending))),
        }
    }
}

impl fmt::Display for DbPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Memory => f.write_str(MEMORY),
            Self::File(path) => Path::display(path).fmt(f),
        }
    }
}

const MEMORY: &str = ":memory:";
