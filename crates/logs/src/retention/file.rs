//! Logs that are files, with those that were rotated beside them.

use std::fs::{self, File};
use std::io::{self, Read, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use flate2::read::GzDecoder;
use serde_json::Value;

use super::report::Measured;
use crate::time::parse;

/// What a log file and its older parts hold: `name`, `name.1`, `name.2.gz`, `name-20261127`, `name-20261127.gz`.
///
/// # Errors
/// If they cannot be listed or read.
pub fn measure_file(path: &Path) -> io::Result<Measured> {
    let mut measured = Measured::default();
    for part in parts(path)? {
        let (begin, end) = match ends(&part) {
            Ok(ends) => ends,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(error),
        };
        let about = fs::metadata(&part)?;
        measured.bytes += about.len();
        for at in [begin, end].into_iter().flatten() {
            measured.oldest = Some(measured.oldest.map_or(at, |oldest| oldest.min(at)));
            measured.newest = Some(measured.newest.map_or(at, |newest| newest.max(at)));
        }
    }
    Ok(measured)
}

/// The log and its older parts.
fn parts(path: &Path) -> io::Result<Vec<PathBuf>> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let is_part = |other: &str| {
        let Some(rest) = other.strip_prefix(&name) else { return false };
        let rest = rest.strip_suffix(".gz").unwrap_or(rest);
        let digits = rest.strip_prefix(['.', '-']).unwrap_or("x");
        rest.is_empty()
            || (!digits.is_empty()
                && digits.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-'))
    };
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_name().to_str().is_some_and(is_part) && entry.file_type()?.is_file() {
            found.push(entry.path());
        }
    }
    found.sort();
    Ok(found)
}

/// The times of the first and the last line that have one.
fn ends(path: &Path) -> io::Result<(Option<u64>, Option<u64>)> {
    let mut file = File::open(path)?;
    if path.extension().is_some_and(|ending| ending == "gz") {
        // The end of it is known by the beginning of the next part.
        return Ok((first_time(&begin_of(GzDecoder::new(file))?), None));
    }
    let begin = first_time(&begin_of(&mut file)?);
    let len = file.metadata()?.len();
    file.seek(SeekFrom::Start(len.saturating_sub(LOOKED_AT)))?;
    let last = begin_of(&mut file)?;
    let end = last.split(|byte| *byte == b'\n').rev().find_map(time_of);
    Ok((begin, end))
}

fn begin_of(from: impl Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    from.take(LOOKED_AT).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn first_time(bytes: &[u8]) -> Option<u64> {
    bytes.split(|byte| *byte == b'\n').find_map(time_of)
}

/// The time that a line begins with, in the forms of bitcoind, stacks-node and tracing, or that it has as JSON.
fn time_of(line: &[u8]) -> Option<u64> {
    let line = String::from_utf8_lossy(line.get(..MOST).unwrap_or(line));
    if let Some(at) = parse(&line) {
        return Some(at);
    }
    // `INFO [1764266400.123456] [src/…] message`
    if let Some((level, rest)) = line.split_once(" [")
        && level.len() <= 5
        && let Some((seconds, _)) = rest.split_once(']')
        && let Some((whole, fraction)) = seconds.split_once('.')
    {
        let millis: u64 = fraction.get(..3)?.parse().ok()?;
        return whole.parse::<u64>().ok()?.checked_mul(1000)?.checked_add(millis);
    }
    let value: Value = serde_json::from_str(&line).ok()?;
    match value.get("at").and_then(Value::as_u64) {
        Some(at) => Some(at),
        None => parse(value.get("timestamp")?.as_str()?),
    }
}

/// How much of a file is looked at, at either end.
const LOOKED_AT: u64 = 256 * 1024;
const MOST: usize = 64 * 1024;
