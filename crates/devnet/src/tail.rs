//! The end of what a program has printed.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::Path;

/// The last lines that speak of an error, or else the last lines.
pub(crate) fn tail(log: &Path) -> Vec<String> {
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

const TELLING: [&str; 6] = ["ERRO", "FATAL", "panicked", "Error:", "error:", "caused by:"];
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
