//! The journal of systemd, by its files.
//!
//! The beginning of each file says when its first and last entries were written, and how much of it is used
//! (<https://systemd.io/JOURNAL_FILE_FORMAT>, which promises not to change it). So what the journal holds is known without asking
//! anybody; only which entry is whose is asked of `journalctl`.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;

use super::report::Measured;
use crate::bundle::Command;

/// What a journal file's beginning says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileHeader {
    /// When its first entry was written: milliseconds since 1970; none without entries.
    pub head: Option<u64>,
    /// When its last entry was written.
    pub tail: Option<u64>,
    /// How many bytes are used. The file itself is made larger ahead of time.
    pub used: u64,
    /// The number of its first entry in the journal. The first one of all has 1.
    pub head_number: u64,
}

impl FileHeader {
    /// Reads the beginning of a journal file; none if it is of another kind.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        if !bytes.starts_with(SIGNATURE) {
            return None;
        }
        let number = |at: usize| -> Option<u64> {
            Some(u64::from_le_bytes(bytes.get(at..at + 8)?.try_into().ok()?))
        };
        let millis = |micros: u64| (micros > 0).then_some(micros / 1000);
        Some(Self {
            head: millis(number(HEAD_REALTIME)?),
            tail: millis(number(TAIL_REALTIME)?),
            used: number(TAIL_OBJECT)?,
            head_number: number(HEAD_SEQNUM)?,
        })
    }

    /// Reads it from a file.
    fn read(path: &Path) -> io::Result<Option<Self>> {
        let mut bytes = Vec::new();
        File::open(path)?.take(HEADER_LEN).read_to_end(&mut bytes)?;
        Ok(Self::parse(&bytes))
    }
}

/// The files of the system's journal.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Journal {
    /// Where they are, if they are not where journalctl looks.
    pub folder: Option<PathBuf>,
    /// What all of them hold.
    pub measured: Measured,
    /// Whether they are in memory only.
    pub is_volatile: bool,
    /// Those that cannot be read.
    pub unreadable: u64,
}

impl Journal {
    /// The journal of this machine: on the disk, or else in memory.
    ///
    /// # Errors
    /// If its folder cannot be listed.
    pub fn of_host() -> io::Result<Self> {
        let on_disk = Self::in_folder(Path::new("/var/log/journal"))?;
        if on_disk.measured.oldest.is_some() || on_disk.unreadable > 0 {
            return Ok(Self { folder: None, ..on_disk });
        }
        let in_memory = Self::in_folder(Path::new("/run/log/journal"))?;
        let is_volatile = in_memory.measured.oldest.is_some();
        Ok(Self { folder: None, is_volatile, ..in_memory })
    }

    /// The journal in a folder and the folders in it; an empty one if there is none.
    ///
    /// # Errors
    /// If it cannot be listed.
    pub fn in_folder(folder: &Path) -> io::Result<Self> {
        let mut journal = Self { folder: Some(folder.to_owned()), ..Self::default() };
        let mut first_number: Option<(u64, u64)> = None;
        for path in files_in(folder, 1)? {
            let Ok(Some(header)) = FileHeader::read(&path) else {
                journal.unreadable += 1;
                continue;
            };
            let (Some(head), Some(tail)) = (header.head, header.tail) else { continue };
            let measured = &mut journal.measured;
            measured.bytes += header.used;
            measured.oldest = Some(measured.oldest.map_or(head, |oldest| oldest.min(head)));
            measured.newest = Some(measured.newest.map_or(tail, |newest| newest.max(tail)));
            if first_number.is_none_or(|(at, _)| head < at) {
                first_number = Some((head, header.head_number));
            }
        }
        journal.measured.has_lost = first_number.map(|(_, number)| number > 1);
        Ok(journal)
    }

    /// The entries of a unit.
    ///
    /// # Errors
    /// Why journalctl does not say, in words.
    pub fn unit(&self, unit: &str) -> Result<UnitEntries, String> {
        let oldest = self.ask(unit, &[], FIRST_BYTES)?;
        let oldest = oldest.lines().next().and_then(entry);
        let sample: Vec<(u64, usize)> =
            self.ask(unit, &["--lines=2000"], SAMPLE_BYTES)?.lines().filter_map(entry).collect();
        let newest = sample.last().map(|(at, _)| *at);
        let text_bytes: u64 = sample.iter().skip(1).map(|(_, len)| *len as u64).sum();
        let begin = sample.first().map(|(at, _)| *at);
        let sampled = Measured { oldest: begin, newest, bytes: text_bytes, has_lost: None };
        Ok(UnitEntries {
            oldest: oldest.map(|(at, _)| at),
            newest,
            text_per_day: sampled.bytes_per_day(),
        })
    }

    fn ask(&self, unit: &str, more: &[&str], max_bytes: usize) -> Result<String, String> {
        let unit = format!("--unit={unit}");
        let folder = self.folder.as_ref().map(|folder| format!("--directory={}", folder.display()));
        let mut args =
            vec!["--no-pager", "--quiet", "--output=json", "--output-fields=MESSAGE", &unit];
        args.extend(folder.as_deref());
        args.extend(more);
        let said =
            Command { program: "journalctl", args: &args, limit: PATIENCE, max_bytes }.output()?;
        Ok(String::from_utf8_lossy(&said).into_owned())
    }
}

/// What the journal holds of a unit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UnitEntries {
    /// When the oldest was written: milliseconds since 1970.
    pub oldest: Option<u64>,
    /// When the newest was written.
    pub newest: Option<u64>,
    /// How many bytes of text come in a day, by the latest entries.
    pub text_per_day: Option<u64>,
}

/// Time and length of an entry as JSON.
fn entry(line: &str) -> Option<(u64, usize)> {
    let value: Value = serde_json::from_str(line).ok()?;
    let micros: u64 = value.get("__REALTIME_TIMESTAMP")?.as_str()?.parse().ok()?;
    let len = match value.get("MESSAGE") {
        Some(Value::String(text)) => text.len(),
        Some(Value::Array(bytes)) => bytes.len(),
        _ => 0,
    };
    Some((micros / 1000, len))
}

/// The journal files of a folder, and of the folders in it down to `depth`.
fn files_in(folder: &Path, depth: u8) -> io::Result<Vec<PathBuf>> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut found = Vec::new();
    for entry in entries {
        let path = entry?.path();
        let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
        if matches!(ending, "journal" | "journal~") {
            found.push(path);
        } else if depth > 0 && path.is_dir() {
            found.extend(files_in(&path, depth - 1)?);
        }
    }
    Ok(found)
}

const SIGNATURE: &[u8] = b"LPKSHHRH";
const TAIL_OBJECT: usize = 136;
const HEAD_SEQNUM: usize = 168;
const HEAD_REALTIME: usize = 184;
const TAIL_REALTIME: usize = 192;
const HEADER_LEN: u64 = 208;

/// Enough for the first entry.
const FIRST_BYTES: usize = 64 * 1024;
const SAMPLE_BYTES: usize = 8 * 1024 * 1024;
const PATIENCE: Duration = Duration::from_secs(20);
