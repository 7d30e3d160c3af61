//! The chain on real files: what is written is whole, and whatever is spoilt is named.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod property;
mod spoilt;
mod writer;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use countersign_logs::chain::{ChainWriter, Files, Head, Limits, Report, Sources, verify};
use serde_json::{Value, json};
use tempfile::TempDir;

const START: u64 = 1_700_000_000_000;

fn place() -> (TempDir, Files) {
    let folder = tempfile::tempdir().unwrap();
    let files = Files::of_store(&folder.path().join("signer.countersign.sqlite"));
    (folder, files)
}

fn limits(file_bytes: u64) -> Limits {
    Limits { file_bytes, ..Limits::keeping(u64::MAX, 10_000) }
}

fn body(n: u64) -> Value {
    json!({ "block": format!("{n:064x}"), "what": "verdict", "valid": n.is_multiple_of(2) })
}

fn open(files: &Files, limits: Limits) -> ChainWriter {
    ChainWriter::open(files.clone(), limits, START).unwrap().0
}

/// Lines from `from` to `to`, one a second, and the head of the last one on disk.
fn write(writer: &mut ChainWriter, numbers: std::ops::Range<u64>) {
    for n in numbers {
        writer.append(&[(START + n * 1000, body(n))]).unwrap();
    }
    writer.sync().unwrap();
}

/// A log of `count` lines in one file.
fn log_of(count: u64) -> (TempDir, Files) {
    let (folder, files) = place();
    write(&mut open(&files, limits(u64::MAX)), 0..count);
    (folder, files)
}

fn all(files: &Files) -> Vec<PathBuf> {
    let mut all = files.closed().unwrap();
    all.push(files.current());
    all
}

fn verified(files: &Files) -> Report {
    let heads = Head::read(&files.head()).unwrap().into_iter().collect();
    verify(&Sources { files: all(files), heads }).unwrap()
}

fn lines(path: &Path) -> Vec<String> {
    fs::read_to_string(path).unwrap().lines().map(str::to_owned).collect()
}

fn put(path: &Path, lines: &[String]) {
    let text: String = lines.iter().flat_map(|line| [line.as_str(), "\n"]).collect();
    fs::write(path, text).unwrap();
}

const DAY: Duration = Duration::from_hours(24);
