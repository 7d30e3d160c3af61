//! Reading an encrypted dump into PostgreSQL. What is plain passes through a pipe and is never on the disk.

use std::fs::File;
use std::io::{self, BufReader, Read, Write as _};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

use age::stream::StreamReader;
use sha2::{Digest as _, Sha256};

use super::connection::Connection;
use super::programs::Programs;
use crate::child::{ChildError, Finished, MAX_OUTPUT, Other, Running, command};
use crate::sealed::{Identities, Unopened, Watched};
use crate::{Care, Progress};

/// Why an encrypted dump cannot be read.
#[derive(Debug)]
pub(crate) enum ArchiveError {
    /// The file cannot be read.
    Unreadable(io::Error),
    /// It does not open.
    Unopened(Unopened),
    /// It ends too early.
    Truncated,
    /// A part of it is not what was written.
    Altered,
    /// A program gave no result.
    Child(ChildError),
    /// pg_restore refuses.
    Refused(Finished),
}

/// What reading a file to its end told.
pub(crate) struct Listed {
    pub(crate) bytes: u64,
    pub(crate) sha256: String,
    /// The table of contents, or why there is none.
    pub(crate) contents: Result<String, ArchiveError>,
}

/// Reads a dump to its end: its checksum, whether all of it decrypts, and its table of contents.
pub(crate) fn list(
    path: &Path,
    identities: &Identities,
    programs: &Programs,
    care: &mut Care<'_>,
) -> Result<Listed, ArchiveError> {
    let file = File::open(path).map_err(ArchiveError::Unreadable)?;
    let of = file.metadata().ok().map(|metadata| metadata.len());
    let (mut digest, mut bytes) = (Sha256::new(), 0);
    let on_bytes = |passed: &[u8]| {
        digest.update(passed);
        bytes += passed.len() as u64;
    };
    let mut file = Watched { inner: file, on_bytes };
    let contents = match identities.open(BufReader::with_capacity(BUFFER, &mut file)) {
        Ok(plain) => contents(plain, programs, of, care),
        Err(unopened) => Err(ArchiveError::Unopened(unopened)),
    };
    if let Err(ArchiveError::Child(ChildError::Stopped)) = contents {
        return Err(ArchiveError::Child(ChildError::Stopped));
    }
    // The checksum is of the whole file, wherever it stopped to make sense.
    let mut buffer = vec![0; BUFFER];
    while file.read(&mut buffer).map_err(ArchiveError::Unreadable)? > 0 {
        if care.stop.is_cancelled() {
            return Err(ArchiveError::Child(ChildError::Stopped));
        }
    }
    Ok(Listed { bytes, sha256: hex::encode(digest.finalize()), contents })
}

fn contents<R: Read>(
    plain: StreamReader<R>,
    programs: &Programs,
    of: Option<u64>,
    care: &mut Care<'_>,
) -> Result<String, ArchiveError> {
    let mut command = command(&programs.path("pg_restore"), None);
    command.arg("--list").stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut running = Running::start(command, LONGEST, &care.stop).map_err(ArchiveError::Child)?;
    let stdout = running.stdout();
    let reader = thread::spawn(move || {
        let mut text = String::new();
        // Text that is none is a table of contents that is none.
        let _ = stdout.take(MAX_OUTPUT).read_to_string(&mut text);
        text
    });
    // It reads the table of contents only; the rest is decrypted all the same.
    feed(plain, &mut running, ("read", of), care)?;
    let finished = running.finish(&care.stop).map_err(ArchiveError::Child)?;
    let text = reader.join().unwrap_or_default();
    if finished.status.success() { Ok(text) } else { Err(ArchiveError::Refused(finished)) }
}

/// Gives a program what is plain.
fn feed<R: Read>(
    mut plain: StreamReader<R>,
    running: &mut Running,
    (phase, of): (&'static str, Option<u64>),
    care: &mut Care<'_>,
) -> Result<(), ArchiveError> {
    let (mut stdin, started) = (Some(running.stdin()), Instant::now());
    let (mut buffer, mut bytes) = (vec![0; BUFFER], 0);
    loop {
        let read = plain.read(&mut buffer).map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => ArchiveError::Truncated,
            io::ErrorKind::InvalidData => ArchiveError::Altered,
            _ => ArchiveError::Unreadable(error),
        })?;
        if care.stop.is_cancelled() {
            return Err(ArchiveError::Child(ChildError::Stopped));
        }
        if read == 0 {
            return Ok(());
        }
        bytes += read as u64;
        let passed = buffer.get(..read).unwrap_or_default();
        // A program that wants no more says at its end whether that is an error.
        if stdin.as_mut().is_some_and(|stdin| stdin.write_all(passed).is_err()) {
            stdin = None;
        }
        care.tell(Progress { phase, bytes, of, elapsed: started.elapsed() });
    }
}

/// Where a dump is restored.
pub(crate) struct Into<'a> {
    pub(crate) programs: &'a Programs,
    pub(crate) connection: &'a Connection,
    pub(crate) other: Option<Other>,
    /// The role that is to own everything, if it is not the one that connects.
    pub(crate) owner: Option<&'a str>,
    /// A file with the entries of the table of contents that are wanted.
    pub(crate) entries: PathBuf,
}

/// Restores a dump, in one transaction: everything or nothing.
pub(crate) fn restore_into(
    path: &Path,
    identities: &Identities,
    into: &Into<'_>,
    care: &mut Care<'_>,
) -> Result<(), ArchiveError> {
    let file = File::open(path).map_err(ArchiveError::Unreadable)?;
    let of = file.metadata().ok().map(|metadata| metadata.len());
    let file = BufReader::with_capacity(BUFFER, file);
    let plain = identities.open(file).map_err(ArchiveError::Unopened)?;
    let mut command = command(&into.programs.path("pg_restore"), into.other);
    command
        .args(["--single-transaction", "--exit-on-error", "--no-owner", "--no-privileges"])
        .args(["--no-publications", "--no-subscriptions", "--no-tablespaces"])
        .arg(format!("--use-list={}", into.entries.display()))
        .args(into.owner.map(|owner| format!("--role={owner}")))
        .stdin(Stdio::piped())
        .current_dir("/");
    into.connection.apply(&mut command);
    let mut running = Running::start(command, LONGEST, &care.stop).map_err(ArchiveError::Child)?;
    feed(plain, &mut running, ("restore", of), care)?;
    let finished = running.finish(&care.stop).map_err(ArchiveError::Child)?;
    if finished.status.success() { Ok(()) } else { Err(ArchiveError::Refused(finished)) }
}

/// The table of contents without what only a superuser may restore and a signer does not need.
pub(crate) fn wanted(contents: &str) -> String {
    let is_unwanted = |line: &&str| {
        // `3; 2615 16385 SCHEMA - sbtc_signer owner`
        let entry = line.split_once("; ").map_or("", |(_, entry)| entry);
        let kind = entry.trim_start_matches(|c: char| c.is_ascii_digit() || c == ' ');
        UNWANTED.iter().any(|unwanted| kind.starts_with(unwanted))
    };
    let lines = contents.lines().filter(|line| !is_unwanted(line));
    lines.flat_map(|line| [line, "\n"]).collect()
}

const UNWANTED: [&str; 6] = [
    "EXTENSION ",
    "COMMENT - EXTENSION ",
    "EVENT TRIGGER ",
    "SERVER ",
    "USER MAPPING ",
    "PROCEDURAL LANGUAGE ",
];
const BUFFER: usize = 256 << 10;
/// How long pg_restore may take, with what it computes at its end.
const LONGEST: Duration = Duration::from_hours(12);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_only_a_superuser_restores_is_left_out() {
        let contents = "\
;
; Archive created at 2026-11-27
2; 3079 16384 EXTENSION - pg_stat_statements 
3500; 0 0 COMMENT - EXTENSION pg_stat_statements 
6; 2615 16385 SCHEMA - sbtc_signer owner
3501; 0 0 COMMENT sbtc_signer TABLE extension owner
";
        let kept = wanted(contents);
        assert!(!kept.contains("pg_stat_statements"), "{kept}");
        assert_eq!(kept.lines().count(), 4);
    }
}
