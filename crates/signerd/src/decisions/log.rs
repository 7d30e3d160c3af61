//! Writing the log.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use countersign_signer::{Note, Timestamp};

use super::Entry;
use super::translate::translate;

/// How long one of the two files may become. Together they hold the last day or so of a busy network.
pub const MAX_FILE_LEN: u64 = 32 * 1024 * 1024;

/// Where a log is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Paths {
    /// The file that is written.
    pub current: PathBuf,
    /// The file before it.
    pub older: PathBuf,
}

impl Paths {
    /// The log of the store at `store`: `x.countersign.sqlite` has `x.countersign-decisions.jsonl`. The
    /// signer's other files, `db_path` and the log itself lead to the same log.
    pub fn of_store(store: &Path) -> Self {
        let stem = store.with_extension("");
        let name = stem.file_name().unwrap_or_default().to_string_lossy();
        let name = name.split(".countersign").next().unwrap_or_default();
        let named = |ending| store.with_file_name(format!("{name}.countersign-decisions{ending}"));
        Self { current: named(".jsonl"), older: named(".1.jsonl") }
    }
}

/// The log of a running signer.
#[derive(Debug)]
pub struct DecisionLog(State);

#[derive(Debug)]
enum State {
    Writing(Writing),
    /// There is none, or it failed.
    Off,
}

#[derive(Debug)]
struct Writing {
    paths: Paths,
    file: File,
    len: u64,
    max_len: u64,
}

impl DecisionLog {
    /// A log that keeps nothing, for a signer that keeps its store in memory.
    pub const fn off() -> Self {
        Self(State::Off)
    }

    /// Goes on with the log at `paths`, or begins it. If that fails, nothing is logged.
    pub fn open(paths: Paths) -> Self {
        Self::with_limit(paths, MAX_FILE_LEN)
    }

    /// The same with files of at most `max_len` bytes.
    pub fn with_limit(paths: Paths, max_len: u64) -> Self {
        match open(&paths.current) {
            Ok((file, len)) => Self(State::Writing(Writing { paths, file, len, max_len })),
            Err(error) => {
                complain(&paths.current, &error);
                Self::off()
            }
        }
    }

    /// Keeps what `notes` say about blocks. If that fails, it is told, and nothing more is kept until
    /// the signer is started anew.
    pub fn record(&mut self, at: Timestamp, notes: &[Note]) {
        let State::Writing(writing) = &mut self.0 else { return };
        let lines = lines(at, notes);
        if lines.is_empty() {
            return;
        }
        if let Err(error) = writing.append(&lines) {
            complain(&writing.paths.current, &error);
            self.0 = State::Off;
        }
    }
}

impl Writing {
    fn append(&mut self, lines: &[u8]) -> io::Result<()> {
        let added = u64::try_from(lines.len()).unwrap_or(u64::MAX);
        if self.len.saturating_add(added) > self.max_len && self.len > 0 {
            fs::rename(&self.paths.current, &self.paths.older)?;
            (self.file, self.len) = open(&self.paths.current)?;
        }
        self.file.write_all(lines)?;
        self.len = self.len.saturating_add(added);
        Ok(())
    }
}

fn lines(at: Timestamp, notes: &[Note]) -> Vec<u8> {
    let mut lines = Vec::new();
    for (block, what) in notes.iter().filter_map(translate) {
        serde_json::to_writer(&mut lines, &Entry { at, block, what })
            .expect("an entry has only text and numbers, and a vector takes every byte");
        lines.push(b'\n');
    }
    lines
}

/// Opens a log at its end, and how long it is. A line that a crash has cut off is ended.
fn open(path: &Path) -> io::Result<(File, u64)> {
    let mut file =
        OpenOptions::new().read(true).append(true).create(true).mode(0o600).open(path)?;
    let mut len = file.metadata()?.len();
    if len > 0 {
        let mut last = [0];
        file.seek(SeekFrom::Start(len - 1))?;
        file.read_exact(&mut last)?;
        if last != *b"\n" {
            file.write_all(b"\n")?;
            len += 1;
        }
    }
    Ok((file, len))
}

fn complain(path: &Path, error: &io::Error) {
    tracing::error!(
        path = %path.display(),
        %error,
        "the decision log cannot be written; the signer goes on, and what it decides from now on \
         cannot be explained afterwards"
    );
}
