//! Snapshots of chainstate and seeding from archives, with a node that holds files and ports and a server that
//! misbehaves.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::missing_panics_doc,
    reason = "a test fails by panicking"
)]

mod as_root;
mod hostile;
mod node;
mod seeding;
mod server;
mod snapshots;

use std::fs;
use std::path::Path;
use std::time::Duration;

use countersign_backup::{Care, HttpClient, Progress};
use tokio_util::sync::CancellationToken;

/// Work that nobody watches or stops.
fn with_care<T>(work: impl FnOnce(&mut Care<'_>) -> T) -> T {
    let mut progress = |_: Progress| {};
    work(&mut Care { progress: &mut progress, stop: CancellationToken::new() })
}

/// A client that does not wait long.
fn client() -> HttpClient {
    let authorities = Path::new("/etc/ssl/certs/ca-certificates.crt");
    HttpClient::new(authorities, Duration::from_millis(400), CancellationToken::new()).unwrap()
}

/// Every file below a folder with its content, in order; whoever compares it compares the folders.
fn contents(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(inner) = folders.pop() {
        for entry in fs::read_dir(&inner).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(folder).unwrap().display().to_string();
                found.push((name, fs::read(&path).unwrap()));
            }
        }
    }
    found.sort();
    found
}

/// The names in a folder that are not hidden.
fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| !name.starts_with('.'))
        .collect();
    names.sort();
    names
}
