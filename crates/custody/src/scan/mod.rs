//! Finding our private keys where they should not be: in folders, in the history of Git repositories, in
//! images of containers and other archives.
//!
//! What looks like a key is tried: its public key is derived and compared with the ones that are searched
//! for. A finding is therefore never a mistake, and no rule has to guess what a secret looks like. What is
//! encrypted is opaque, and fine.
//!
//! Nothing that is read is run or obeyed, no link is followed, nothing is written, and whatever the files
//! hold, memory is bounded. `docs/operator/keys-scan.md` says which forms are found and which are not.

mod bip32;
mod budget;
mod container;
mod extract;
mod form;
mod git;
mod mnemonic;
mod report;
mod scanner;
mod source;
mod target;
mod walk;

use std::path::{Path, PathBuf};

pub use form::Form;
pub use git::StagedError;
pub use mnemonic::mnemonic_words;
pub use report::{Finding, History, Inside, Object, Remedy, Report, Totals, Unread};
pub use target::{Target, TargetError};

use scanner::Scanner;
use source::Source;
use walk::Walk;

/// Searches files and folders for the keys of `targets`.
///
/// Files of `except` are left out: the one that is meant to hold the key. `progress` is called every few MiB.
/// What cannot be read is in the report and ends nothing.
pub fn scan(
    paths: &[PathBuf],
    except: &[PathBuf],
    targets: &[Target],
    progress: &mut dyn FnMut(&Totals),
) -> Report {
    let mut scanner = Scanner::new(targets, progress);
    Walk::new(&mut scanner, except).all(paths);
    scanner.into_report()
}

/// Searches what the next commit of the work tree around `folder` would add.
///
/// `index` is the index of the commit, if it is not the usual one: Git names it to its hooks in
/// `GIT_INDEX_FILE`.
pub fn scan_staged(
    folder: &Path,
    index: Option<&Path>,
    targets: &[Target],
) -> Result<Report, StagedError> {
    let mut ignore = |_: &Totals| {};
    let mut scanner = Scanner::new(targets, &mut ignore);
    scanner.staged(folder, index)?;
    Ok(scanner.into_report())
}

/// Searches bytes as if they were the content of a file called `name`.
pub fn scan_bytes(name: &Path, bytes: Vec<u8>, targets: &[Target]) -> Report {
    let mut ignore = |_: &Totals| {};
    let mut scanner = Scanner::new(targets, &mut ignore);
    scanner.source(name, &Source::Memory(bytes));
    scanner.into_report()
}
