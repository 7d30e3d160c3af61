//! Walking through folders, without leaving them and without waiting for anything.

use std::collections::HashSet;
use std::fs::{self, DirEntry, File, Metadata, OpenOptions};
use std::io;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;

use super::git::{Repository, Tracer, Worktree, is_repository};
use super::report::Inside;
use super::scanner::Scanner;
use super::source::Source;

/// A walk through what was asked for.
pub(super) struct Walk<'w, 's> {
    scanner: &'w mut Scanner<'s>,
    /// What was asked for, without links.
    roots: Vec<PathBuf>,
    /// Files that are left out.
    except: HashSet<Inode>,
    /// The repositories that were searched.
    repositories: HashSet<Inode>,
    /// Repositories of the worktrees that were met.
    left: Vec<PathBuf>,
}

/// What is one file, whatever it is called.
type Inode = (u64, u64);

impl<'w, 's> Walk<'w, 's> {
    pub(super) fn new(scanner: &'w mut Scanner<'s>, except: &[PathBuf]) -> Self {
        let except =
            except.iter().filter_map(|path| Some(inode(&fs::metadata(path).ok()?))).collect();
        Self { scanner, roots: Vec::new(), except, repositories: HashSet::new(), left: Vec::new() }
    }

    /// Searches these files and folders. A link is followed only if it is one of `paths`.
    pub(super) fn all(&mut self, paths: &[PathBuf]) {
        let mut roots = Vec::new();
        for path in paths {
            match path.canonicalize() {
                Ok(root) => roots.push(root),
                Err(error) => self.unread(path, &error),
            }
        }
        self.roots.clone_from(&roots);
        while let Some(root) = roots.pop() {
            match fs::symlink_metadata(&root) {
                Ok(metadata) => self.entry(&root, &metadata),
                Err(error) => self.unread(&root, &error),
            }
            roots.append(&mut self.left);
        }
    }

    fn entry(&mut self, path: &Path, metadata: &Metadata) {
        if metadata.is_dir() {
            self.folder(path, metadata);
        } else if metadata.is_file() && !self.except.contains(&inode(metadata)) {
            match source(path) {
                Ok(source) => self.scanner.source(path, &source),
                Err(error) => self.unread(path, &error),
            }
            if path.file_name().is_some_and(|name| name == ".git") {
                self.worktree(path);
            }
        }
    }

    fn folder(&mut self, path: &Path, metadata: &Metadata) {
        let is_repository = is_repository(path) && self.scanner.repository.is_none();
        if is_repository && !self.repositories.insert(inode(metadata)) {
            return;
        }
        if is_repository {
            self.repository(path);
        }
        let mut entries = match fs::read_dir(path).and_then(Iterator::collect::<io::Result<Vec<_>>>)
        {
            Ok(entries) => entries,
            Err(error) => return self.unread(path, &error),
        };
        entries.sort_by_key(DirEntry::file_name);
        for entry in entries {
            if !(is_repository && entry.file_name() == "objects") {
                self.child(metadata, &entry);
            }
        }
    }

    fn child(&mut self, parent: &Metadata, entry: &DirEntry) {
        let path = entry.path();
        self.scanner.path_name(&path);
        match entry.metadata() {
            Ok(metadata) if metadata.is_dir() && is_made_up(&path, parent, &metadata) => {}
            Ok(metadata) => self.entry(&path, &metadata),
            Err(error) => self.unread(&path, &error),
        }
    }

    /// Searches the objects of a repository, and follows its history if there are keys in it.
    fn repository(&mut self, folder: &Path) {
        let repository = Repository::open(folder, self.scanner.without_secrets(folder));
        for alternate in repository.alternates() {
            if !self.is_inside(&alternate) {
                self.elsewhere(folder, "more of its objects are in", &alternate);
            }
        }
        let first = self.scanner.report.findings.len();
        self.scanner.repository = Some(repository);
        let objects = folder.join("objects");
        match fs::symlink_metadata(&objects) {
            Ok(metadata) if metadata.is_dir() => self.folder(&objects, &metadata),
            Ok(_) => self.elsewhere(folder, "its objects are in", &objects),
            Err(error) => self.unread(&objects, &error),
        }
        let Some(repository) = self.scanner.repository.take() else { return };
        if repository.found.is_empty() {
            return;
        }
        let mut histories = Tracer::new(&repository).histories();
        for history in histories.values_mut() {
            for text in history.path.iter_mut().chain(&mut history.refs) {
                *text =
                    self.scanner.without_secrets(Path::new(text)).to_string_lossy().into_owned();
            }
        }
        for finding in self.scanner.report.findings.iter_mut().skip(first) {
            if let Some(Inside::Object(object)) = finding.inside.first_mut() {
                object.history = histories.get(&object.id).cloned();
            }
        }
    }

    /// Goes on in the repository of a worktree, if that knows it; a file could name any folder.
    fn worktree(&mut self, dot_git: &Path) {
        let Some(worktree) = Worktree::read(dot_git) else { return };
        if self.is_inside(&worktree.common) {
            return;
        }
        if worktree.is_mutual(dot_git) {
            self.left.push(worktree.common);
        } else {
            self.elsewhere(dot_git, "the history of this folder is in", &worktree.common);
        }
    }

    fn is_inside(&self, path: &Path) -> bool {
        let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
        self.roots.iter().any(|root| path.starts_with(root))
    }

    fn elsewhere(&mut self, path: &Path, what: &str, other: &Path) {
        self.scanner.begin(path, 0);
        let other = self.scanner.without_secrets(other);
        self.scanner.unread(format!("{what} {}, which was not asked for", other.display()));
    }

    fn unread(&mut self, path: &Path, error: &io::Error) {
        self.scanner.begin(path, 0);
        self.scanner.unread(error.to_string());
    }
}

/// Opens a regular file for reading: no link is followed, and nothing is waited for.
pub(super) fn open(path: &Path) -> io::Result<File> {
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let flags = i32::try_from(flags.bits()).map_err(io::Error::other)?;
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path)?;
    if file.metadata()?.is_file() { Ok(file) } else { Err(io::Error::other("not a regular file")) }
}

/// The content of a regular file.
pub(super) fn source(path: &Path) -> io::Result<Source> {
    let file = open(path)?;
    let len = file.metadata()?.len();
    Ok(Source::File(file, len))
}

fn inode(metadata: &Metadata) -> Inode {
    (metadata.dev(), metadata.ino())
}

/// Whether a folder is the top of a file system that the kernel makes up, such as `/proc`: its files have no
/// end, and reading some of them does something.
#[cfg(target_os = "linux")]
fn is_made_up(path: &Path, parent: &Metadata, folder: &Metadata) -> bool {
    // From linux/magic.h: proc, sysfs, cgroup and cgroup2, debugfs, tracefs, securityfs, bpf, pstore,
    // configfs, selinuxfs, binfmt_misc.
    const MADE_UP: [u64; 12] = [
        0x9fa0,
        0x6265_6572,
        0x0027_e0eb,
        0x6367_7270,
        0x6462_6720,
        0x7472_6163,
        0x7363_6673,
        0xcafe_4a11,
        0x6165_676c,
        0x6265_6570,
        0xf97c_ff8c,
        0x4249_4e4d,
    ];
    let kind =
        |path: &Path| rustix::fs::statfs(path).ok().and_then(|fs| u64::try_from(fs.f_type).ok());
    parent.dev() != folder.dev() && kind(path).is_some_and(|kind| MADE_UP.contains(&kind))
}

#[cfg(not(target_os = "linux"))]
const fn is_made_up(_: &Path, _: &Metadata, _: &Metadata) -> bool {
    false
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[test]
    fn what_became_a_link_or_a_pipe_since_it_was_looked_at_is_not_opened() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name| folder.path().join(name);
        fs::write(path("file"), "x").unwrap();
        std::os::unix::fs::symlink("file", path("link")).unwrap();
        let pipe = path("pipe");
        let mode = rustix::fs::Mode::from(0o600);
        rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, mode, 0).unwrap();
        open(&path("file")).unwrap();
        for name in ["link", "pipe", "."] {
            open(&path(name)).unwrap_err();
        }
    }
}
