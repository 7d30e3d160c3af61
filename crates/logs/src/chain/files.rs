//! Where the files of a log are.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// The files of one log, all in one folder: the one that is written, those that are full, and the head.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Files {
    stem: PathBuf,
}

impl Files {
    /// The decision log of the store at `store`: `x.countersign.sqlite` has `x.countersign-decisions.jsonl`. The
    /// signer's other files, `db_path` and the log's own files lead to the same log.
    pub fn of_store(store: &Path) -> Self {
        let stem = store.with_extension("");
        let name = stem.file_name().unwrap_or_default().to_string_lossy();
        let name = name.split(".countersign").next().unwrap_or_default();
        Self { stem: store.with_file_name(format!("{name}.countersign-decisions")) }
    }

    /// The file that is written.
    pub fn current(&self) -> PathBuf {
        self.ending(".jsonl")
    }

    /// The number and the hash of the last line.
    pub fn head(&self) -> PathBuf {
        self.ending(".head.json")
    }

    /// A full file, by the number of its first line.
    pub fn segment(&self, first: u64) -> PathBuf {
        self.ending(&format!(".{first:0DIGITS$}.jsonl"))
    }

    /// Lines without a chain, of a version that had none or of a file that was damaged.
    pub fn unchained(&self) -> PathBuf {
        self.ending(".unchained.jsonl")
    }

    /// The folder that they are in.
    pub fn folder(&self) -> &Path {
        match self.stem.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        }
    }

    /// The files that are written no more, oldest first; those without a chain before all others.
    pub fn closed(&self) -> io::Result<Vec<PathBuf>> {
        let entries = match fs::read_dir(self.folder()) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let mut found = Vec::new();
        for entry in entries {
            let name = entry?.file_name();
            if let Some(age) = self.age(&name) {
                found.push((age, self.stem.with_file_name(name)));
            }
        }
        found.sort_unstable();
        Ok(found.into_iter().map(|(_, path)| path).collect())
    }

    /// Where a name belongs in the order of the closed files; none for other files.
    fn age(&self, name: &OsStr) -> Option<(Option<u64>, OsString)> {
        let stem = self.stem.file_name()?.to_string_lossy().into_owned();
        let text = name.to_str()?;
        let middle = text.strip_prefix(&stem)?.strip_prefix('.')?.strip_suffix(".jsonl")?;
        let digits = middle.get(..DIGITS).filter(|text| text.bytes().all(|c| c.is_ascii_digit()));
        Some((digits.and_then(|digits| digits.parse().ok()), name.to_owned()))
    }

    fn ending(&self, ending: &str) -> PathBuf {
        let mut name = self.stem.file_name().unwrap_or_default().to_owned();
        name.push(ending);
        self.stem.with_file_name(name)
    }
}

/// So many that names sort as numbers do.
const DIGITS: usize = 12;
