//! What is known about one repository while its objects are searched.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use super::object::Commit;
use super::oid::{HashKind, Oid};

/// A repository, and what its objects say about its history.
#[derive(Debug)]
pub(in crate::scan) struct Repository {
    /// The folder of Git: `.git`, or a bare repository.
    pub(in crate::scan) folder: PathBuf,
    /// The same, as it may be printed.
    pub(in crate::scan) shown: PathBuf,
    /// How its objects are named.
    pub(in crate::scan) hash: HashKind,
    /// Every commit, whether a ref reaches it or not.
    pub(super) commits: HashMap<Oid, Commit>,
    /// Every tag, and what it names.
    pub(super) tags: HashMap<Oid, Oid>,
    /// The objects that hold a key.
    pub(in crate::scan) found: HashSet<Oid>,
}

impl Repository {
    /// The repository in this folder.
    pub(in crate::scan) fn open(folder: &Path, shown: PathBuf) -> Self {
        let config = read_text(&folder.join("config")).unwrap_or_default().to_ascii_lowercase();
        let is_sha256 = config.lines().any(|line| {
            let mut words = line.split('=').map(str::trim);
            words.next() == Some("objectformat") && words.next() == Some("sha256")
        });
        Self {
            folder: folder.to_owned(),
            shown,
            hash: if is_sha256 { HashKind::Sha256 } else { HashKind::Sha1 },
            commits: HashMap::new(),
            tags: HashMap::new(),
            found: HashSet::new(),
        }
    }

    /// The folders with further objects that this repository uses (`objects/info/alternates`).
    pub(in crate::scan) fn alternates(&self) -> Vec<PathBuf> {
        let objects = self.folder.join("objects");
        let listed = read_text(&objects.join("info/alternates")).unwrap_or_default();
        let lines = listed.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
        lines.map(|line| objects.join(line)).collect()
    }
}

/// Whether a folder has what Git keeps a repository in.
pub(in crate::scan) fn is_repository(folder: &Path) -> bool {
    folder.join("HEAD").symlink_metadata().is_ok()
        && folder.join("refs").is_dir()
        && folder.join("objects").is_dir()
}

/// A folder of files whose repository is elsewhere: its `.git` is a file that names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::scan) struct Worktree {
    /// What belongs to this folder only, such as its index.
    pub(in crate::scan) own: PathBuf,
    /// The repository with the history.
    pub(in crate::scan) common: PathBuf,
}

impl Worktree {
    /// What the file `.git` at this path names, if it is such a file.
    pub(in crate::scan) fn read(dot_git: &Path) -> Option<Self> {
        let folder = dot_git.parent()?;
        let text = read_text(dot_git).ok()?;
        let own = folder.join(text.strip_prefix("gitdir:")?.trim()).canonicalize().ok()?;
        let common = match read_text(&own.join("commondir")) {
            Ok(text) => own.join(text.trim()).canonicalize().ok()?,
            Err(_) => own.clone(),
        };
        Some(Self { own, common })
    }

    /// Whether the repository says that this folder belongs to it: a file alone could name any repository.
    pub(in crate::scan) fn is_mutual(&self, dot_git: &Path) -> bool {
        let Ok(dot_git) = dot_git.canonicalize() else { return false };
        let named = read_text(&self.own.join("gitdir"));
        named
            .is_ok_and(|text| self.own.join(text.trim()).canonicalize().is_ok_and(|p| p == dot_git))
    }
}

/// A small text of a repository; anything but a regular file, and all that is too long, is refused.
pub(super) fn read_text(path: &Path) -> io::Result<String> {
    let bytes = read_file(path, LONGEST_TEXT)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// The bytes of a regular file of at most `longest` bytes.
pub(super) fn read_file(path: &Path, longest: u64) -> io::Result<Vec<u8>> {
    let file = crate::scan::walk::open(path)?;
    let mut bytes = Vec::new();
    file.take(longest + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > longest {
        return Err(io::Error::other("the file is too long"));
    }
    Ok(bytes)
}

/// The names in a folder, which may not exist.
pub(super) fn names(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut paths: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    paths.sort();
    paths
}

const LONGEST_TEXT: u64 = 16 << 20;
