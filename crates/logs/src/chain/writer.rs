//! Writing a chain that goes on across files and restarts.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufReader, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use serde::Serialize;

use super::line::Line;
use super::{Files, Frame, Head, LineHash, Lines, MAX_LINE, Piece, VERSION};

/// How much is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How many bytes a file may have before the next one is begun.
    pub file_bytes: u64,
    /// How old the first line of a file may become before the next one is begun.
    pub file_age: Duration,
    /// How many bytes all files together may have; the oldest is dropped first.
    pub total_bytes: u64,
    /// How old the last line of a file may become before the file is dropped.
    pub total_age: Duration,
}

impl Limits {
    /// Files of 32 MiB or a day, `total_bytes` of them, for `days` days.
    pub const fn keeping(total_bytes: u64, days: u64) -> Self {
        Self {
            file_bytes: FILE_BYTES,
            file_age: Duration::from_secs(DAY_SECS),
            total_bytes,
            total_age: Duration::from_secs(days.saturating_mul(DAY_SECS)),
        }
    }
}

/// What was found when a log was opened that somebody should know.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Opened {
    /// So many bytes of a last line that a crash had cut off were removed.
    pub torn: Option<u64>,
    /// So many lines are missing at the end, by the head. The chain goes on after them, so the gap stays visible.
    pub missing: Option<u64>,
    /// The last line is not the one that the head names. The chain goes on after that one.
    pub is_altered: bool,
    /// A file whose last line is none of a chain was put here, and a new one begun.
    pub set_aside: Option<PathBuf>,
}

/// Writes lines, one after the other, each with the hash of the one before.
#[derive(Debug)]
pub struct ChainWriter {
    files: Files,
    limits: Limits,
    file: File,
    len: u64,
    /// Number and time of the file's first line; none while it is empty.
    first: Option<(u64, u64)>,
    /// The last line, wherever it is.
    last: Option<Head>,
    /// The last line that the head on disk names.
    told: Option<Head>,
}

impl ChainWriter {
    /// Goes on with the log at `files`, or begins it. `now` is in milliseconds since 1970.
    ///
    /// # Errors
    /// What the operating system says. A damaged log is none: it is set aside.
    pub fn open(files: Files, limits: Limits, now: u64) -> io::Result<(Self, Opened)> {
        let mut opened = Opened::default();
        let mut tail = Tail::of(&files.current())?;
        if tail.len > 0 && (tail.first.is_none() || tail.last.is_none()) {
            let place = free(&files.unchained(), now);
            fs::rename(files.current(), &place)?;
            opened.set_aside = Some(place);
            tail = Tail::of(&files.current())?;
        } else if tail.torn > 0 {
            tail.file.set_len(tail.len)?;
            opened.torn = Some(tail.torn);
        }
        let mut last = match tail.last {
            None => newest_closed(&files)?,
            last => last,
        };
        let told = Head::read(&files.head()).ok().flatten();
        if let Some(told) = told {
            let next = last.map_or(0, |last| last.seq + 1);
            if told.seq >= next {
                opened.missing = Some(told.seq - next + 1);
                last = Some(told);
            } else if let Some(end) =
                last.filter(|end| end.seq == told.seq && end.hash != told.hash)
            {
                opened.is_altered = true;
                last = Some(Head { hash: told.hash, ..end });
            }
        }
        let Tail { file, len, first, .. } = tail;
        let mut writer = Self { files, limits, file, len, first, last, told };
        writer.prune(now)?;
        Ok((writer, opened))
    }

    /// Appends a line for each of `bodies`, which must be written as JSON objects without keys of the chain's.
    ///
    /// # Errors
    /// What the operating system says. The log must not be used any more then.
    pub fn append<T: Serialize>(&mut self, bodies: &[(u64, T)]) -> io::Result<()> {
        let mut lines = Vec::new();
        for (at, body) in bodies {
            let at = *at;
            let (seq, prev) =
                self.last.map_or((0, LineHash::NONE), |last| (last.seq + 1, last.hash));
            let begin = lines.len();
            serde_json::to_writer(&mut lines, &Line { v: VERSION, seq, prev, at, body })?;
            let hash = LineHash::of(lines.get(begin..).unwrap_or_default());
            lines.push(b'\n');
            if self.is_full(lines.len() as u64, at) {
                let line = lines.split_off(begin);
                self.write(&lines)?;
                self.begin_file(at)?;
                lines = line;
            }
            self.first.get_or_insert((seq, at));
            self.last = Some(Head { v: VERSION, seq, hash, at });
        }
        self.write(&lines)
    }

    fn write(&mut self, lines: &[u8]) -> io::Result<()> {
        self.file.write_all(lines)?;
        self.len += lines.len() as u64;
        Ok(())
    }

    /// Brings what was appended to the disk and notes the head; gives it, if it is another one.
    ///
    /// # Errors
    /// What the operating system says. The log must not be used any more then.
    pub fn sync(&mut self) -> io::Result<Option<Head>> {
        let Some(last) = self.last.filter(|last| self.told != Some(*last)) else { return Ok(None) };
        self.file.sync_data()?;
        last.write(&self.files)?;
        self.told = Some(last);
        Ok(Some(last))
    }

    /// The last line.
    pub const fn head(&self) -> Option<Head> {
        self.last
    }

    fn is_full(&self, added: u64, at: u64) -> bool {
        let Some((_, since)) = self.first else { return false };
        let age = Duration::from_millis(at.saturating_sub(since));
        self.len.saturating_add(added) > self.limits.file_bytes || age > self.limits.file_age
    }

    fn begin_file(&mut self, now: u64) -> io::Result<()> {
        self.sync()?;
        let first = self.first.map_or(0, |(seq, _)| seq);
        fs::rename(self.files.current(), free(&self.files.segment(first), now))?;
        self.file = open(&self.files.current())?;
        File::open(self.files.folder())?.sync_all()?;
        (self.len, self.first) = (0, None);
        self.prune(now)
    }

    /// Drops what is too old or too much.
    fn prune(&mut self, now: u64) -> io::Result<()> {
        let closed: Vec<(PathBuf, u64, u64)> = self
            .files
            .closed()?
            .into_iter()
            .map(|path| {
                let about = fs::metadata(&path)?;
                let written = about.modified()?.duration_since(UNIX_EPOCH).unwrap_or_default();
                let written = u64::try_from(written.as_millis()).unwrap_or(u64::MAX);
                Ok((path, about.len(), written))
            })
            .collect::<io::Result<_>>()?;
        let mut total = closed.iter().fold(self.len, |sum, (_, len, _)| sum.saturating_add(*len));
        for (path, len, written) in closed {
            let age = Duration::from_millis(now.saturating_sub(written));
            if total <= self.limits.total_bytes && age <= self.limits.total_age {
                break;
            }
            fs::remove_file(path)?;
            total = total.saturating_sub(len);
        }
        Ok(())
    }
}

/// What is at both ends of a file.
struct Tail {
    file: File,
    /// Without the line that was cut off.
    len: u64,
    torn: u64,
    /// Number and time of the first line, if it is one of a chain.
    first: Option<(u64, u64)>,
    last: Option<Head>,
}

impl Tail {
    fn of(path: &Path) -> io::Result<Self> {
        let mut file = open(path)?;
        let whole = file.metadata()?.len();
        // Two lines, so that the last one is whole even behind one that was cut off.
        let back = whole.min(2 * MAX_LINE as u64);
        file.seek(SeekFrom::Start(whole - back))?;
        let mut end = Vec::new();
        (&mut file).take(back).read_to_end(&mut end)?;
        let after_last = end.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let torn = (end.len() - after_last) as u64;
        let lines = end.get(..after_last.saturating_sub(1)).unwrap_or_default();
        let line = lines.rsplit(|byte| *byte == b'\n').next().unwrap_or_default();
        let last = Frame::parse(line).ok().map(|frame| Head {
            v: VERSION,
            seq: frame.seq,
            hash: LineHash::of(line),
            at: frame.at,
        });
        file.seek(SeekFrom::Start(0))?;
        let first = match Lines::new(BufReader::new(&file)).next().transpose()? {
            Some(Piece::Whole(line)) => Frame::parse(&line).ok().map(|frame| (frame.seq, frame.at)),
            _ => None,
        };
        Ok(Self { file, len: whole - torn, torn, first, last })
    }
}

/// The last line of the newest full file that has one.
fn newest_closed(files: &Files) -> io::Result<Option<Head>> {
    for path in files.closed()?.iter().rev() {
        if let Some(last) = Tail::of(path)?.last {
            return Ok(Some(last));
        }
    }
    Ok(None)
}

fn open(path: &Path) -> io::Result<File> {
    let file = OpenOptions::new()
        .read(true)
        .append(true)
        .create(true)
        .mode(0o600)
        .custom_flags(rustix::fs::OFlags::NONBLOCK.bits().cast_signed())
        .open(path)?;
    if file.metadata()?.is_file() {
        Ok(file)
    } else {
        Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a file"))
    }
}

/// The path, or another one if something is there that must not be written over.
fn free(path: &Path, now: u64) -> PathBuf {
    if path.exists() {
        let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        path.with_file_name(format!("{stem}-{now}.jsonl"))
    } else {
        path.to_owned()
    }
}

const FILE_BYTES: u64 = 32 * 1024 * 1024;
const DAY_SECS: u64 = 86_400;
