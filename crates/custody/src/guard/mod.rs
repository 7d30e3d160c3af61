//! Who else can read or change a file.
//!
//! A file is followed through every symbolic link; each folder on the way counts, because whoever can
//! write into a folder can put another file in the place of ours. A folder that everybody may write
//! into is safe if it is sticky, like `/tmp`: there nobody can remove or rename the entries of others.
//! "We" are the user that this process runs as, and root, from whom nothing is hidden.

mod acl;
mod finding;
mod walk;

use std::fs::Metadata;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

pub use self::finding::{Finding, Rule, Unsafe};
use self::walk::Walk;

/// How secret the content of a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Secrecy {
    /// A configuration with the bare key: nobody else reads it, it is in no git work tree, and a
    /// process that reads it is not root's.
    Config,
    /// A passphrase, a PIN or an identity: nobody else reads it, it is in no git work tree.
    Secret,
    /// Sealed: others may read it, but not change it.
    Sealed,
}

/// Everything that is wrong with where a file is, the worst first.
pub fn findings(path: &Path, secrecy: Secrecy) -> io::Result<Vec<Finding>> {
    findings_for(rustix::process::geteuid().as_raw(), path, secrecy)
}

/// The same for another user than the one that this process runs as.
pub fn findings_for(us: u32, path: &Path, secrecy: Secrecy) -> io::Result<Vec<Finding>> {
    let walk = Walk::to(path)?;
    let mut found = Vec::new();
    file(&walk, secrecy, us, &mut found)?;
    for (folder, metadata) in &walk.folders {
        folder_findings(folder, metadata, us, &mut found)?;
    }
    for (link, metadata) in &walk.links {
        if !is_ours(metadata.uid(), us) {
            let owner = metadata.uid();
            found.push(Finding::new(Rule::Link { owner }, link, path));
        }
    }
    if secrecy != Secrecy::Sealed
        && let Some(tree) = walk.folders.iter().find(|(folder, _)| folder.join(".git").exists())
    {
        found.push(Finding::new(Rule::Git { tree: tree.0.clone() }, &walk.file.0, path));
    }
    if secrecy == Secrecy::Config && us == 0 {
        found.push(Finding::new(Rule::Root, &walk.file.0, path));
    }
    Ok(found)
}

/// Refuses a file that others can read or change.
pub fn refuse(path: &Path, secrecy: Secrecy) -> Result<(), Unsafe> {
    let findings = findings(path, secrecy)
        .map_err(|source| Unsafe::Unknown { path: path.to_owned(), source })?;
    match findings.into_iter().next() {
        Some(first) => Err(Unsafe::Found(first)),
        None => Ok(()),
    }
}

/// What is wrong with a folder into which a secret or sealed file is to be written.
pub fn folder_refuse(folder: &Path) -> Result<(), Unsafe> {
    let unknown = |source| Unsafe::Unknown { path: folder.to_owned(), source };
    let us = rustix::process::geteuid().as_raw();
    let walk = Walk::to(folder).map_err(unknown)?;
    let mut found = Vec::new();
    for (folder, metadata) in walk.folders.iter().chain([&walk.file]) {
        folder_findings(folder, metadata, us, &mut found).map_err(unknown)?;
    }
    found.into_iter().next().map_or(Ok(()), |first| Err(Unsafe::Found(first)))
}

fn file(walk: &Walk, secrecy: Secrecy, us: u32, found: &mut Vec<Finding>) -> io::Result<()> {
    let (path, metadata) = &walk.file;
    let mut find = |rule| found.push(Finding::new(rule, path, path));
    if !is_ours(metadata.uid(), us) {
        find(Rule::Owner { owner: metadata.uid(), us });
    }
    let forbidden = if secrecy == Secrecy::Sealed { WRITE_OTHERS } else { ALL_OTHERS };
    let readers = acl::others(path, us)?;
    let wanted = if secrecy == Secrecy::Sealed { acl::WRITE } else { acl::READ | acl::WRITE };
    if let Some(entry) = readers.into_iter().find(|entry| entry.grants & wanted != 0) {
        find(Rule::Acl { who: entry.who });
    }
    let mode = metadata.mode() & 0o7777;
    if mode & forbidden != 0 {
        let others_may = if mode & WRITE_OTHERS != 0 { "change" } else { "read" };
        let mend = if secrecy == Secrecy::Sealed { "go-w" } else { "600" };
        find(Rule::Mode { mode, others_may, mend });
    }
    Ok(())
}

fn folder_findings(
    folder: &Path,
    metadata: &Metadata,
    us: u32,
    found: &mut Vec<Finding>,
) -> io::Result<()> {
    let mode = metadata.mode() & 0o7777;
    let mut find = |rule| found.push(Finding::new(rule, folder, folder));
    if !is_ours(metadata.uid(), us) {
        find(Rule::FolderOwner { owner: metadata.uid() });
    }
    let is_sticky = mode & STICKY != 0;
    if is_sticky {
        return Ok(());
    }
    let writers = acl::others(folder, us)?;
    if let Some(entry) = writers.into_iter().find(|entry| entry.grants & acl::WRITE != 0) {
        find(Rule::FolderAcl { who: entry.who });
    } else if mode & WRITE_OTHERS != 0 {
        find(Rule::FolderMode { mode });
    }
    Ok(())
}

/// Root is one of us: nothing is hidden from it.
const fn is_ours(owner: u32, us: u32) -> bool {
    owner == us || owner == 0
}

/// Read, write and execute of group and others.
const ALL_OTHERS: u32 = 0o077;
/// Write of group and others.
const WRITE_OTHERS: u32 = 0o022;
/// In a sticky folder only the owner of an entry removes or renames it.
const STICKY: u32 = 0o1000;

/// The absolute path, with the working folder in front if it is relative.
fn absolute(path: &Path) -> io::Result<PathBuf> {
    std::path::absolute(path)
}
