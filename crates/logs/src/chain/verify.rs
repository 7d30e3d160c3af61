//! Whether a log is whole, with nothing but its files.

use std::fmt;
use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::{Files, Frame, FrameError, Head, LineHash, Lines, MAX_LINE, Piece};

/// What is wrong at a place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "fault", rename_all = "kebab-case")]
pub enum Fault {
    /// It is no line of a log, or longer than any.
    Unreadable,
    /// It is of another version of the format.
    Version {
        /// That version.
        version: u64,
    },
    /// The next line was written after another one than this: this line was changed, or what the next one
    /// says about it.
    Changed,
    /// It is not the line with its number that the head, or a note of it, knows.
    NotAsNoted,
    /// Lines before it are missing.
    Missing {
        /// The first missing one.
        from: u64,
        /// The last missing one.
        to: u64,
    },
    /// It is a later place than its number says: it was moved here, or is here twice.
    OutOfOrder {
        /// The number that belongs here.
        expected: u64,
    },
    /// Lines after it are missing: the head, or a note of it, knows a later one.
    CutOff {
        /// The last one that is known of.
        known: u64,
    },
    /// It is the first one, and a line before it was noted. So the note shows nothing about these files.
    NotedBefore {
        /// The one that was noted.
        known: u64,
    },
}

/// A place at which the chain does not hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Break {
    /// The file.
    pub file: PathBuf,
    /// The line in the file, from 1 on.
    pub line: u64,
    /// The line's number in the log, if it can be read.
    pub seq: Option<u64>,
    /// What is wrong.
    #[serde(flatten)]
    pub fault: Fault,
}

impl fmt::Display for Break {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, line {}", self.file.display(), self.line)?;
        if let Some(seq) = self.seq {
            write!(f, " (number {seq})")?;
        }
        f.write_str(": ")?;
        match &self.fault {
            Fault::Unreadable => f.write_str("changed: it is no line of a decision log"),
            Fault::Version { version } => write!(
                f,
                "it has version {version} of the format, which this program does not know"
            ),
            Fault::Changed => f.write_str(
                "changed: the line after it was written after another one (or its `prev` was changed)",
            ),
            Fault::NotAsNoted => {
                f.write_str("changed: the head knows another line with this number")
            }
            Fault::Missing { from, to } if from == to => {
                write!(f, "before it, line number {from} is missing")
            }
            Fault::Missing { from, to } => {
                write!(f, "before it, the lines number {from} to {to} are missing")
            }
            Fault::OutOfOrder { expected } => {
                write!(f, "moved, or here twice: number {expected} belongs here")
            }
            Fault::CutOff { known } => {
                write!(f, "it is the last one, and number {known} is known to have been written")
            }
            Fault::NotedBefore { known } => write!(
                f,
                "it is the first one, and number {known}, which was noted, is not in these files: nothing shows \
                 that they were not written anew"
            ),
        }
    }
}

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// How many lines were looked at.
    pub lines: u64,
    /// The first line's number. What was before it is not in these files.
    pub first: Option<u64>,
    /// The last line's number.
    pub last: Option<u64>,
    /// The last line's hash. To note it elsewhere is what protects against a chain that was written anew.
    pub hash: Option<String>,
    /// When the first line was written: milliseconds since 1970.
    pub since: Option<u64>,
    /// When the last line was written: milliseconds since 1970.
    pub until: Option<u64>,
    /// So many bytes at the end are the beginning of a line: the log is being written, or the machine stopped.
    pub torn: Option<u64>,
    /// The number up to which a head confirms the lines; none without one.
    pub confirmed: Option<u64>,
    /// Files without a chain, which were passed over.
    pub unchained: Vec<PathBuf>,
    /// Where the chain does not hold, in order; at most the first hundred.
    pub breaks: Vec<Break>,
    /// How many places there are in all.
    pub break_count: u64,
}

impl Report {
    /// Whether nothing was changed, as far as the files can show.
    pub const fn is_whole(&self) -> bool {
        self.break_count == 0
    }

    fn broken(&mut self, found: Break) {
        self.break_count += 1;
        if self.breaks.len() < MAX_BREAKS {
            // A line is told of when the next one is read, which may have been told of by then.
            let is_later = |told: &Break| told.file == found.file && told.line > found.line;
            let place = self.breaks.iter().position(is_later).unwrap_or(self.breaks.len());
            self.breaks.insert(place, found);
        }
    }

    /// A number that was missed comes after all: the line that came in its place was moved ahead.
    fn moved(&mut self, seq: u64) {
        for told in &mut self.breaks {
            if let Fault::Missing { from, to } = told.fault
                && (from..=to).contains(&seq)
            {
                told.fault = Fault::OutOfOrder { expected: from };
            }
        }
    }
}

/// Why nothing was verified.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// A file cannot be read.
    #[error("{path} cannot be read")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// There is no line in any of the files.
    #[error("there is no line in the files, so nothing can be verified")]
    Empty,
    /// A file was named twice.
    #[error("{0} is named twice")]
    Twice(PathBuf),
    /// The lines have no chain: they are of a version before it.
    #[error("{0} has no chain of hashes: it is no decision log, or of a version that had none")]
    Unchained(PathBuf),
}

/// What is verified, and against what.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// The log's files, in any order.
    pub files: Vec<PathBuf>,
    /// Heads: the one beside the log, and those that were noted elsewhere.
    pub heads: Vec<Head>,
}

/// Verifies the chain of a log from its files.
///
/// # Errors
/// If nothing could be verified. A chain that does not hold is no error but the report's content.
pub fn verify(sources: &Sources) -> Result<Report, VerifyError> {
    let Order { files, unchained } = in_order(&sources.files)?;
    let mut walk = Walk { heads: sources.heads.clone(), ..Walk::default() };
    let count = files.len();
    for (index, path) in files.iter().enumerate() {
        let file = BufReader::with_capacity(BUFFER, open(path)?);
        walk.file(path, file, index + 1 == count)
            .map_err(|source| VerifyError::Unreadable { path: path.clone(), source })?;
    }
    if walk.report.lines == 0
        && let Some(path) = unchained.first()
    {
        return Err(VerifyError::Unchained(path.clone()));
    }
    let mut report = walk.end().ok_or(VerifyError::Empty)?;
    report.unchained = unchained;
    Ok(report)
}

/// The same for the log at `files`, which may be written meanwhile, with those of its files that were `kept` elsewhere,
/// and for `heads` that were read before.
///
/// # Errors
/// As [`verify`], and if its folder cannot be listed.
pub fn verify_log(files: &Files, kept: &[PathBuf], heads: &[Head]) -> Result<Report, VerifyError> {
    let closed = || {
        let unreadable =
            |source| VerifyError::Unreadable { path: files.folder().to_owned(), source };
        files.closed().map_err(unreadable)
    };
    let mut listed = closed()?;
    loop {
        // There is none for the moment in which the next one is begun.
        let current = Some(files.current()).filter(|path| listed.is_empty() || path.exists());
        let all = kept.iter().chain(&listed).cloned().chain(current).collect();
        let found = verify(&Sources { files: all, heads: heads.to_vec() });
        if found.as_ref().is_ok_and(Report::is_whole) {
            return found;
        }
        // If a file was begun or dropped in between, its lines were in none of those that were read.
        let again = closed()?;
        if again == listed {
            return found;
        }
        listed = again;
    }
}

/// The same for a log that is one stream, which `name` stands for; none if there is no line in it.
///
/// # Errors
/// If it cannot be read to its end.
pub fn verify_stream(
    name: &Path,
    stream: impl BufRead,
    heads: &[Head],
) -> io::Result<Option<Report>> {
    let mut walk = Walk { heads: heads.to_vec(), ..Walk::default() };
    walk.file(name, stream, true)?;
    Ok(walk.end())
}

/// The files as they follow each other.
struct Order {
    files: Vec<PathBuf>,
    /// Those without any line of a chain.
    unchained: Vec<PathBuf>,
}

/// Puts the files into the order of their first lines' numbers. One whose first line cannot be read keeps its
/// place behind the one before it.
fn in_order(given: &[PathBuf]) -> Result<Order, VerifyError> {
    let mut placed: Vec<(u64, usize, &PathBuf)> = Vec::new();
    let mut unchained = Vec::new();
    let mut place = 0;
    for (index, path) in given.iter().enumerate() {
        if given.iter().take(index).any(|known| known == path) {
            return Err(VerifyError::Twice(path.clone()));
        }
        let mut lines = Lines::new(BufReader::new(open(path)?));
        let first = lines.next().transpose();
        match first.map_err(|source| VerifyError::Unreadable { path: path.clone(), source })? {
            Some(Piece::Whole(line)) => match Frame::parse(&line) {
                Ok(frame) => place = frame.seq,
                Err(FrameError::Version(_)) => {}
                Err(FrameError::Unreadable) if lines.any(is_line) => {}
                Err(FrameError::Unreadable) => {
                    unchained.push(path.clone());
                    continue;
                }
            },
            Some(Piece::TooLong { .. }) => {}
            // It was begun a moment ago.
            Some(Piece::Torn { .. }) | None => place = u64::MAX,
        }
        placed.push((place, index, path));
    }
    placed.sort_unstable();
    let files = placed.into_iter().map(|(_, _, path)| path.clone()).collect();
    Ok(Order { files, unchained })
}

fn is_line(piece: io::Result<Piece>) -> bool {
    matches!(piece, Ok(Piece::Whole(line)) if Frame::parse(&line).is_ok())
}

fn open(path: &Path) -> Result<File, VerifyError> {
    File::open(path).map_err(|source| VerifyError::Unreadable { path: path.to_owned(), source })
}

/// A line that could be read.
#[derive(Clone, Debug)]
struct Seen {
    file: PathBuf,
    line: u64,
    seq: u64,
    hash: LineHash,
    /// Whether it was told already that something is wrong with it.
    is_told: bool,
    /// How many lines after it could not be read.
    unread: u64,
}

impl Seen {
    fn broken(&self, fault: Fault) -> Break {
        Break { file: self.file.clone(), line: self.line, seq: Some(self.seq), fault }
    }
}

/// Goes from line to line.
#[derive(Default)]
struct Walk {
    report: Report,
    heads: Vec<Head>,
    /// The line that the next one should follow.
    last: Option<Seen>,
    /// The last place, readable or not.
    place: Option<(PathBuf, u64)>,
}

impl Walk {
    fn file(&mut self, path: &Path, reader: impl BufRead, is_last: bool) -> io::Result<()> {
        for (number, piece) in (1..).zip(Lines::new(reader)) {
            match piece? {
                Piece::Torn { len } if is_last => self.report.torn = Some(len),
                Piece::Whole(line) => match Frame::parse(&line) {
                    Ok(frame) => self.line((path, number), &frame, LineHash::of(&line)),
                    Err(error) => self.unreadable(path, number, error),
                },
                Piece::TooLong { .. } | Piece::Torn { .. } => {
                    self.unreadable(path, number, FrameError::Unreadable);
                }
            }
        }
        Ok(())
    }

    fn line(&mut self, (path, line): (&Path, u64), frame: &Frame, hash: LineHash) {
        self.report.lines += 1;
        self.place = Some((path.to_owned(), line));
        let file = path.to_owned();
        let mut seen = Seen { file, line, seq: frame.seq, hash, is_told: false, unread: 0 };
        self.compare_with_heads(&mut seen);
        let Some(last) = &self.last else {
            self.report.first = Some(frame.seq);
            self.report.since = Some(frame.at);
            if frame.seq == 0 && frame.prev != LineHash::NONE {
                self.report.broken(seen.broken(Fault::Changed));
            }
            self.compare_with_older_heads(&seen, frame);
            return self.go_on(seen, frame);
        };
        let expected = last.seq + 1;
        if frame.seq < expected {
            let moved = seen.broken(Fault::OutOfOrder { expected });
            self.report.moved(frame.seq);
            return self.report.broken(moved);
        }
        if frame.seq == expected {
            if frame.prev != last.hash && !last.is_told {
                let changed = last.broken(Fault::Changed);
                self.report.broken(changed);
            }
        } else {
            let from = expected + last.unread;
            if frame.seq > from {
                let missing = Fault::Missing { from, to: frame.seq - 1 };
                self.report.broken(seen.broken(missing));
            }
        }
        self.go_on(seen, frame);
    }

    fn go_on(&mut self, seen: Seen, frame: &Frame) {
        self.report.last = Some(seen.seq);
        self.report.hash = Some(seen.hash.to_string());
        self.report.until = Some(frame.at);
        self.last = Some(seen);
    }

    fn compare_with_heads(&mut self, seen: &mut Seen) {
        let mut heads = self.heads.iter().filter(|head| head.seq == seen.seq).peekable();
        if heads.peek().is_none() {
            return;
        }
        if heads.all(|head| head.hash == seen.hash) {
            self.report.confirmed = self.report.confirmed.max(Some(seen.seq));
        } else {
            self.report.broken(seen.broken(Fault::NotAsNoted));
            seen.is_told = true;
        }
    }

    /// Heads of lines before the first one: it tells the hash of the last of them, and of others nothing is known.
    fn compare_with_older_heads(&mut self, first: &Seen, frame: &Frame) {
        for head in self.heads.iter().filter(|head| head.seq < frame.seq) {
            if head.seq + 1 < frame.seq {
                self.report.broken(first.broken(Fault::NotedBefore { known: head.seq }));
            } else if head.hash == frame.prev {
                self.report.confirmed = Some(head.seq);
            } else {
                self.report.broken(first.broken(Fault::Changed));
            }
        }
    }

    fn unreadable(&mut self, path: &Path, line: u64, error: FrameError) {
        self.report.lines += 1;
        self.place = Some((path.to_owned(), line));
        let fault = match error {
            FrameError::Unreadable => Fault::Unreadable,
            FrameError::Version(version) => Fault::Version { version },
        };
        self.report.broken(Break { file: path.to_owned(), line, seq: None, fault });
        if let Some(last) = &mut self.last {
            last.unread += 1;
        }
    }

    fn end(mut self) -> Option<Report> {
        let known = self.heads.iter().map(|head| head.seq).max();
        let (file, line) = self.place.take()?;
        let last = self.report.last;
        if let Some(known) = known.filter(|known| last.is_none_or(|last| *known > last)) {
            self.report.broken(Break { file, line, seq: last, fault: Fault::CutOff { known } });
        }
        Some(self.report)
    }
}

/// How many places are told one by one.
const MAX_BREAKS: usize = 100;
const BUFFER: usize = 256 * 1024;
const _: () = assert!(BUFFER < MAX_LINE);
