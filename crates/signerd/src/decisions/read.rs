//! Finding a block in the log. Reading takes no lock and writes nothing.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufRead as _, BufReader};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use countersign_signer::Timestamp;
use countersign_wire::{Sighash, StacksBlockId, StacksHeight};
use serde::Serialize;

use super::story::utc;
use super::{Entry, Files};

/// What is on file about one block.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Explanation {
    /// The block.
    pub block: Sighash,
    /// Its block id, if its proposal is on file.
    pub block_id: Option<StacksBlockId>,
    /// What happened, oldest first.
    pub entries: Vec<Entry>,
    /// Lines that could not be read: cut off, or written by another version.
    pub unreadable_lines: u64,
}

/// A block that is on file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Near {
    /// The block.
    pub block: Sighash,
    /// Its block id, if its proposal is on file.
    pub block_id: Option<StacksBlockId>,
    /// Its height, if it was told.
    pub height: Option<StacksHeight>,
    /// When it was last mentioned.
    pub last: Timestamp,
}

/// Why a block cannot be explained.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// What was asked for is no hash and no beginning of one.
    #[error("`{0}` is not the beginning of a hash: give at least {MIN_PREFIX} hex digits")]
    NotAHash(String),
    /// There is no log.
    #[error(
        "there is no decision log at {0}; is this the signer's `db_path`, and did it ever run?"
    )]
    NoLog(PathBuf),
    /// The log cannot be read.
    #[error("the decision log {path} cannot be read")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Several blocks begin so.
    #[error("several blocks begin with `{asked}`; give more digits{}", listed(blocks))]
    Ambiguous {
        /// What was asked for.
        asked: String,
        /// The blocks.
        blocks: Vec<Near>,
    },
    /// No block begins so.
    #[error(
        "nothing is on file about `{asked}`; the log goes back as far as it has room{}",
        listed(near)
    )]
    Unknown {
        /// What was asked for.
        asked: String,
        /// Blocks that are on file: the most similar, then the latest.
        near: Vec<Near>,
    },
}

/// The blocks that are named in an error, a line each.
fn listed(blocks: &[Near]) -> String {
    let line = |near: &Near| {
        let height = near.height.map(|height| format!(", height {height}")).unwrap_or_default();
        format!("\n  {}{height}, {}", near.block, utc(near.last))
    };
    blocks.iter().map(line).collect()
}

/// The fewest digits that name a block.
const MIN_PREFIX: usize = 4;
/// How many other blocks are named.
const NEAR: usize = 5;
/// The longest line that is read; ours are far shorter.
const MAX_LINE: usize = 1024 * 1024;

/// What is on file about the block whose sighash or block id begins with `asked`, in hex digits.
pub fn explain(files: &Files, asked: &str) -> Result<Explanation, ReadError> {
    let digits = asked.strip_prefix("0x").unwrap_or(asked).to_ascii_lowercase();
    let is_hex = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    if !is_hex || !(MIN_PREFIX..=64).contains(&digits.len()) {
        return Err(ReadError::NotAHash(asked.to_owned()));
    }
    let (index, mut unreadable) = index(files)?;
    let begins = |near: &&Near| {
        near.block.to_string().starts_with(&digits)
            || near.block_id.is_some_and(|id| id.to_string().starts_with(&digits))
    };
    let found: Vec<&Near> = index.values().filter(begins).collect();
    let near = match found[..] {
        [] => {
            let near = nearest(&index, &digits);
            return Err(ReadError::Unknown { asked: asked.to_owned(), near });
        }
        [near] => near,
        _ => {
            let blocks = found.into_iter().cloned().collect();
            return Err(ReadError::Ambiguous { asked: asked.to_owned(), blocks });
        }
    };
    let mut entries = Vec::new();
    let needle = near.block.to_string();
    each_line(files, |line| {
        if !contains(line, needle.as_bytes()) {
            return;
        }
        match serde_json::from_slice::<Entry>(line) {
            Ok(entry) if entry.block == near.block => entries.push(entry),
            Err(_) if names(line, near.block) => unreadable += 1,
            Ok(_) | Err(_) => {}
        }
    })?;
    Ok(Explanation {
        block: near.block,
        block_id: near.block_id,
        entries,
        unreadable_lines: unreadable,
    })
}

/// The keys that finding needs; the rest of a line is passed over.
#[derive(serde::Deserialize)]
struct Key {
    at: Timestamp,
    block: Sighash,
    #[serde(default)]
    block_id: Option<StacksBlockId>,
    #[serde(default)]
    height: Option<StacksHeight>,
}

/// Whether a line that cannot be read is about `block` all the same. Those about nothing were counted.
fn names(line: &[u8], block: Sighash) -> bool {
    serde_json::from_slice::<Key>(line).is_ok_and(|key| key.block == block)
}

/// Every block on file, and how many lines name none.
fn index(files: &Files) -> Result<(BTreeMap<Sighash, Near>, u64), ReadError> {
    let mut index = BTreeMap::new();
    let mut nameless = 0;
    each_line(files, |line| match serde_json::from_slice::<Key>(line) {
        Ok(Key { at, block, block_id, height }) => {
            let near = index.entry(block).or_insert(Near { block, block_id, height, last: at });
            near.last = near.last.max(at);
            near.block_id = near.block_id.or(block_id);
            near.height = near.height.or(height);
        }
        Err(_) => nameless += 1,
    })?;
    Ok((index, nameless))
}

/// Those that share most digits with `digits`, if they share enough to be meant, then the latest.
fn nearest(index: &BTreeMap<Sighash, Near>, digits: &str) -> Vec<Near> {
    let shared = |text: String| {
        text.bytes().zip(digits.bytes()).take_while(|(one, other)| one == other).count()
    };
    let mut near: Vec<(usize, &Near)> = index
        .values()
        .map(|near| {
            let by_id = near.block_id.map_or(0, |id| shared(id.to_string()));
            let likeness = shared(near.block.to_string()).max(by_id);
            (if likeness >= MIN_PREFIX { likeness } else { 0 }, near)
        })
        .collect();
    near.sort_by_key(|(likeness, near)| std::cmp::Reverse((*likeness, near.last)));
    near.into_iter().take(NEAR).map(|(_, near)| near.clone()).collect()
}

/// Shows `see` every line of the log, oldest first.
///
/// The signer may begin a new file in between. The current one is opened first, so that nothing is passed over;
/// if it is among the full ones by now, it is read once.
pub(super) fn each_line(files: &Files, mut see: impl FnMut(&[u8])) -> Result<(), ReadError> {
    let current_path = files.current();
    let current = open(&current_path)?;
    let inode = |file: &File| file.metadata().ok().map(|about| about.ino());
    let closed = files
        .closed()
        .map_err(|source| ReadError::Unreadable { path: files.folder().to_owned(), source })?;
    if current.is_none() && closed.is_empty() {
        return Err(ReadError::NoLog(current_path));
    }
    for path in closed {
        // It was the oldest one, and is gone.
        let Some(file) = open(&path)? else { continue };
        if current.as_ref().is_some_and(|current| inode(current) == inode(&file)) {
            continue;
        }
        lines_of(file, &mut see).map_err(|source| ReadError::Unreadable { path, source })?;
    }
    let Some(file) = current else { return Ok(()) };
    lines_of(file, &mut see).map_err(|source| ReadError::Unreadable { path: current_path, source })
}

fn open(path: &Path) -> Result<Option<File>, ReadError> {
    match File::open(path) {
        Ok(file) => Ok(Some(file)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(ReadError::Unreadable { path: path.to_owned(), source }),
    }
}

fn lines_of(file: File, see: &mut impl FnMut(&[u8])) -> io::Result<()> {
    let mut reader = BufReader::with_capacity(MAX_LINE, file);
    let mut line = Vec::new();
    loop {
        line.clear();
        let read = io::Read::take(&mut reader, MAX_LINE as u64).read_until(b'\n', &mut line)?;
        if read == 0 {
            return Ok(());
        }
        let content = line.strip_suffix(b"\n").unwrap_or(&line);
        if !content.is_empty() {
            see(content);
        }
    }
}

fn contains(line: &[u8], needle: &[u8]) -> bool {
    line.windows(needle.len()).any(|window| window == needle)
}
