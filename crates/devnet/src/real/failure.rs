//! What a program that failed has to say about it.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use super::course::CourseError;
use crate::event::DevnetEvent;
use crate::signers::{ProcessStatus, SignerProcess};

/// Waits until a program ends by itself; gives how.
pub(super) async fn ended(process: &SignerProcess) -> String {
    let mut status = process.status();
    let ended = status.wait_for(|status| matches!(status, ProcessStatus::Failed(_))).await;
    match ended.as_deref() {
        Ok(ProcessStatus::Failed(status)) => status.clone(),
        _ => "unknown".to_owned(),
    }
}

/// The event for a program that has ended.
pub(super) fn of_program(name: &str, status: &str, log: &Path) -> DevnetEvent {
    let reason = format!("{name} has ended: {status}");
    DevnetEvent::Failed { reason, tail: tail(log), log: Some(log.to_owned()) }
}

/// The event for a network that does not get on: mostly its node can tell why.
pub(super) fn of_course(error: &CourseError, bitcoind: &Path, node: &Path) -> DevnetEvent {
    let log: PathBuf = match error {
        CourseError::Bitcoin(_) => bitcoind.to_owned(),
        _ if node.exists() => node.to_owned(),
        _ => bitcoind.to_owned(),
    };
    DevnetEvent::Failed { reason: error.to_string(), tail: tail(&log), log: Some(log) }
}

/// The last lines that speak of an error, or else the last lines.
fn tail(log: &Path) -> Vec<String> {
    let Ok(end) = read_end(log) else { return Vec::new() };
    let lines: Vec<&str> = end.lines().filter(|line| !line.trim().is_empty()).collect();
    let telling: Vec<&str> = lines
        .iter()
        .copied()
        .filter(|line| TELLING.iter().any(|word| line.contains(word)))
        .collect();
    let chosen = if telling.is_empty() { lines } else { telling };
    let skipped = chosen.len().saturating_sub(TAIL_LINES);
    let short = |line: &&str| line.chars().take(TAIL_WIDTH).collect();
    chosen.iter().skip(skipped).map(short).collect()
}

fn read_end(log: &Path) -> std::io::Result<String> {
    let mut file = File::open(log)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(END_BYTES)))?;
    let mut bytes = Vec::new();
    file.take(END_BYTES).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

const TELLING: [&str; 5] = ["ERRO", "FATAL", "panicked", "Error:", "error:"];
const TAIL_LINES: usize = 6;
const TAIL_WIDTH: usize = 300;
const END_BYTES: u64 = 32 * 1024;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    fn tail_of(text: &str) -> Vec<String> {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("log");
        std::fs::write(&log, text).unwrap();
        tail(&log)
    }

    fn noise() -> String {
        let lines: Vec<_> = (0..30).map(|line| format!("INFO {line}\n")).collect();
        lines.concat()
    }

    #[test]
    fn the_lines_that_speak_of_an_error_are_shown() {
        let noise = noise();
        let text = format!("ERRO [1] first\n{noise}FATAL: second\n{noise}");
        assert_eq!(tail_of(&text), ["ERRO [1] first", "FATAL: second"]);
    }

    #[test]
    fn a_log_without_errors_shows_its_last_lines() {
        assert_eq!(tail_of(&noise()).first().map(String::as_str), Some("INFO 24"));
        assert_eq!(tail_of(""), Vec::<String>::new());
    }

    #[test]
    fn a_long_line_is_cut() {
        assert_eq!(tail_of(&"x".repeat(5000)), ["x".repeat(TAIL_WIDTH)]);
    }
}
