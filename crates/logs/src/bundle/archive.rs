//! The file that is sent.

use std::collections::BTreeMap;
use std::fs::Permissions;
use std::io::{self, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use flate2::{Compression, GzBuilder};
use sha2::{Digest as _, Sha256};
use tar::{Builder, EntryType, Header};

use super::manifest::{Cut, FileEntry, Manifest, Missing};
use super::redact::{Redacted, Redactor};
use crate::time::utc;

/// How large a bundle may become, before it is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Of one file.
    pub file_bytes: usize,
    /// Of all of them.
    pub total_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { file_bytes: 2 * 1024 * 1024, total_bytes: 24 * 1024 * 1024 }
    }
}

/// Why a bundle is not written. Nothing is left behind then.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    /// Something is there already.
    #[error("{0} is there already, and is not written over; name another file with --out")]
    Exists(PathBuf),
    /// It cannot be written.
    #[error("{path} cannot be written")]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}

/// What is to be sent. Nothing gets in but through the redactor.
#[derive(Debug)]
pub struct Bundle {
    redactor: Redactor,
    limits: Limits,
    /// What is left of [`Limits::total_bytes`].
    left: usize,
    files: BTreeMap<String, (FileEntry, String)>,
    missing: BTreeMap<String, String>,
}

impl Bundle {
    /// An empty one.
    pub fn new(redactor: Redactor, limits: Limits) -> Self {
        let (files, missing) = (BTreeMap::new(), BTreeMap::new());
        Self { redactor, limits, left: limits.total_bytes, files, missing }
    }

    /// Takes in a file, without its secrets. Of one that is too long, the end.
    pub fn add(&mut self, name: &str, about: &str, content: &[u8]) {
        let Redacted { text, taken } = self.redactor.redact(content);
        let room = self.limits.file_bytes.min(self.left);
        let (text, cut) = last(text, room);
        self.left -= text.len();
        let entry = FileEntry {
            name: name.to_owned(),
            about: about.to_owned(),
            bytes: text.len() as u64,
            sha256: hex::encode(Sha256::digest(&text)),
            redacted: taken,
            cut,
        };
        self.files.insert(name.to_owned(), (entry, text));
    }

    /// Takes in what was gathered, or says why it could not be.
    pub fn take(&mut self, name: &str, about: &str, gathered: Result<Vec<u8>, String>) {
        match gathered {
            Ok(content) => self.add(name, about, &content),
            Err(why) => {
                let why = self.redactor.redact(why.as_bytes()).text;
                self.missing.insert(name.to_owned(), why);
            }
        }
    }

    /// What it says about itself.
    pub fn manifest(&self, made_by: &str, at: u64) -> Manifest {
        let missing =
            |(name, why): (&String, &String)| Missing { name: name.clone(), why: why.clone() };
        Manifest {
            what: "countersign-support-bundle".to_owned(),
            version: 1,
            made_by: made_by.to_owned(),
            made_at: utc(at),
            files: self.files.values().map(|(entry, _)| entry.clone()).collect(),
            missing: self.missing.iter().map(missing).collect(),
            redaction: Redactor::reasons(),
        }
    }

    /// Writes it as a compressed tape archive that its owner alone can read, whole or not at all. The same content at the
    /// same time gives the same bytes.
    ///
    /// # Errors
    /// If something is there already, or it cannot be written.
    pub fn write(&self, path: &Path, made_by: &str, at: u64) -> Result<(), BundleError> {
        let unwritable = |source| BundleError::Unwritable { path: path.to_owned(), source };
        let archive = self.archive(made_by, at).map_err(unwritable)?;
        let folder = match path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        let mut draft = tempfile::NamedTempFile::new_in(folder).map_err(unwritable)?;
        draft.write_all(&archive).map_err(unwritable)?;
        let owner_only = Permissions::from_mode(0o600);
        draft.as_file().set_permissions(owner_only).map_err(unwritable)?;
        draft.as_file().sync_all().map_err(unwritable)?;
        match draft.persist_noclobber(path) {
            Ok(_) => Ok(()),
            Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => {
                Err(BundleError::Exists(path.to_owned()))
            }
            Err(error) => Err(unwritable(error.error)),
        }
    }

    fn archive(&self, made_by: &str, at: u64) -> io::Result<Vec<u8>> {
        let mut manifest = serde_json::to_vec_pretty(&self.manifest(made_by, at))?;
        manifest.push(b'\n');
        let packed = GzBuilder::new().mtime(0).write(Vec::new(), Compression::default());
        let mut tape = Builder::new(packed);
        append(&mut tape, "manifest.json", &manifest, at)?;
        for (name, (_, text)) in &self.files {
            append(&mut tape, name, text.as_bytes(), at)?;
        }
        tape.into_inner()?.finish()
    }
}

fn append(
    tape: &mut Builder<impl io::Write>,
    name: &str,
    content: &[u8],
    at: u64,
) -> io::Result<()> {
    let mut header = Header::new_gnu();
    header.set_entry_type(EntryType::Regular);
    header.set_mode(0o600);
    header.set_mtime(at / 1000);
    header.set_size(content.len() as u64);
    tape.append_data(&mut header, Path::new(FOLDER).join(name), content)
}

/// The end of a text that is too long, from the beginning of a line on.
fn last(text: String, room: usize) -> (String, Option<Cut>) {
    let Some(over) = text.len().checked_sub(room).filter(|over| *over > 0) else {
        return (text, None);
    };
    let from = text.ceil_char_boundary(over);
    let rest = text.get(from..).unwrap_or_default();
    let rest = rest.split_once('\n').map_or("", |(_, rest)| rest);
    let cut = text.len() - rest.len();
    (rest.to_owned(), Some(Cut::Beginning(cut as u64)))
}

const FOLDER: &str = "countersign-support";
