//! What is staged: the blobs that the next commit adds (gitformat-index, versions 2 to 4).

use std::collections::HashSet;
use std::io;
use std::path::{Path, PathBuf};

use super::object::{Commit, tree_entries};
use super::oid::{HashKind, ObjectKind, Oid};
use super::refs;
use super::repository::{Repository, Worktree, is_repository, read_file};
use super::store::Store;
use crate::scan::report::{Inside, Object};
use crate::scan::scanner::Scanner;

/// Why the index of a repository was not searched.
#[derive(Debug, thiserror::Error)]
pub enum StagedError {
    /// There is no repository here, nor around here.
    #[error("{} is not in a Git work tree", .0.display())]
    NoRepository(PathBuf),
    /// The index cannot be read.
    #[error("the index {} cannot be read", path.display())]
    Index {
        /// The index.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}

impl Scanner<'_> {
    /// Searches what is staged in the work tree around `folder`, as far as the last commit does not have it.
    /// `index` is the index to read, if it is not the usual one: Git names one to hooks.
    pub(in crate::scan) fn staged(
        &mut self,
        folder: &Path,
        index: Option<&Path>,
    ) -> Result<(), StagedError> {
        let worktree =
            around(folder).ok_or_else(|| StagedError::NoRepository(folder.to_owned()))?;
        let path = index.map_or_else(|| worktree.own.join("index"), Path::to_owned);
        let repository = Repository::open(&worktree.common, worktree.common.clone());
        let hash = repository.hash;
        let read = read_file(&path, LONGEST_INDEX).and_then(|bytes| entries(&bytes, hash));
        let mut staged = match read {
            Ok(staged) => staged,
            // Nothing was ever staged.
            Err(error) if error.kind() == io::ErrorKind::NotFound && index.is_none() => Vec::new(),
            Err(source) => return Err(StagedError::Index { path, source }),
        };
        // The owner of the work tree asks, so that the other folders that it uses are its own, too.
        let mut objects = vec![worktree.common.join("objects")];
        objects.extend(repository.alternates());
        let store = Store::open(objects, hash);
        let committed = refs::head(&worktree.own, &worktree.common);
        let committed = committed.map(|commit| blobs_of(&commit, &store, hash)).unwrap_or_default();
        staged.retain(|entry| !committed.contains(&entry.id));
        self.begin(&path, u64::MAX);
        for Entry { id, name } in staged {
            let name = self.name(name);
            self.inside.push(Inside::Member(name));
            self.inside.push(Inside::Object(Object {
                id: id.to_string(),
                kind: ObjectKind::Blob.name(),
                history: None,
            }));
            match store.object(&id) {
                Some((_, content)) => self.here(&content),
                None => self.unread("this object cannot be read".to_owned()),
            }
            self.inside.clear();
        }
        Ok(())
    }
}

/// One line of an index.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Entry {
    id: Oid,
    name: String,
}

/// The work tree around `folder`.
fn around(folder: &Path) -> Option<Worktree> {
    folder.canonicalize().ok()?.ancestors().find_map(|folder| {
        let dot_git = folder.join(".git");
        if is_repository(&dot_git) {
            return Some(Worktree { own: dot_git.clone(), common: dot_git });
        }
        Worktree::read(&dot_git)
    })
}

/// The blobs of a commit.
fn blobs_of(commit: &Oid, store: &Store, hash: HashKind) -> HashSet<Oid> {
    let mut blobs = HashSet::new();
    let commit = store.object(commit).and_then(|(_, content)| Commit::parse(&content));
    let mut trees: Vec<Oid> = commit.map(|commit| commit.tree).into_iter().collect();
    let mut seen: HashSet<Oid> = trees.iter().copied().collect();
    while let Some(tree) = trees.pop() {
        let Some((ObjectKind::Tree, content)) = store.object(&tree) else { continue };
        for entry in tree_entries(&content, hash) {
            if !entry.is_tree {
                blobs.insert(entry.id);
            } else if seen.insert(entry.id) {
                trees.push(entry.id);
            }
        }
    }
    blobs
}

/// The entries of an index, without those of submodules and those that are only intended.
fn entries(bytes: &[u8], hash: HashKind) -> io::Result<Vec<Entry>> {
    let mut reader = Reader { rest: bytes, name: Vec::new() };
    let magic = reader.take(4)?;
    let version = reader.u32()?;
    if magic != b"DIRC" || !(2..=4).contains(&version) {
        return Err(damaged("not an index of version 2, 3 or 4"));
    }
    let count = reader.u32()?;
    let mut entries = Vec::new();
    for _ in 0..count {
        let before = reader.rest.len();
        reader.take(24)?;
        let mode = reader.u32()?;
        reader.take(12)?;
        let id = Oid::new(reader.take(hash.len())?).ok_or_else(|| damaged("an id is damaged"))?;
        let flags = reader.u16()?;
        let is_intended = flags & EXTENDED != 0 && reader.u16()? & INTENT_TO_ADD != 0;
        reader.name(version, before)?;
        if mode & TYPE != SUBMODULE && !is_intended {
            entries.push(Entry { id, name: String::from_utf8_lossy(&reader.name).into_owned() });
        }
    }
    if has_link(&reader, hash) {
        return Err(damaged("a split index is not read (git update-index --no-split-index)"));
    }
    Ok(entries)
}

/// Whether the entries of another file belong to this index.
fn has_link(after_entries: &Reader<'_>, hash: HashKind) -> bool {
    let mut extensions = Reader { rest: after_entries.rest, name: Vec::new() };
    while extensions.rest.len() > hash.len() {
        let Ok(name) = extensions.take(4) else { return false };
        if name == b"link" {
            return true;
        }
        let skipped = extensions.u32().and_then(|len| extensions.take(len as usize).map(|_| ()));
        if skipped.is_err() {
            return false;
        }
    }
    false
}

struct Reader<'b> {
    rest: &'b [u8],
    /// The name of the entry, and before that of the one before it.
    name: Vec<u8>,
}

impl<'b> Reader<'b> {
    fn take(&mut self, len: usize) -> io::Result<&'b [u8]> {
        let (part, rest) =
            self.rest.split_at_checked(len).ok_or_else(|| damaged("the index ends too early"))?;
        self.rest = rest;
        Ok(part)
    }

    fn u32(&mut self) -> io::Result<u32> {
        let bytes = self.take(4)?.first_chunk().copied().unwrap_or_default();
        Ok(u32::from_be_bytes(bytes))
    }

    fn u16(&mut self) -> io::Result<u16> {
        let bytes = self.take(2)?.first_chunk().copied().unwrap_or_default();
        Ok(u16::from_be_bytes(bytes))
    }

    /// Reads the name of an entry that began when `before` bytes were left, and what pads the entry.
    fn name(&mut self, version: u32, before: usize) -> io::Result<()> {
        if version == 4 {
            // What is kept of the name before, as a number of bytes to drop from its end.
            let dropped = self.number()?;
            let kept = self.name.len().checked_sub(dropped);
            self.name.truncate(kept.ok_or_else(|| damaged("a name of the index is damaged"))?);
        } else {
            self.name.clear();
        }
        let end = self.rest.iter().position(|byte| *byte == 0);
        let part = self.take(end.ok_or_else(|| damaged("the index ends too early"))?)?;
        self.name.extend_from_slice(part);
        let padding = if version == 4 { 1 } else { 8 - (before - self.rest.len()) % 8 };
        self.take(padding).map(|_| ())
    }

    /// A number as the distances in packs are written.
    fn number(&mut self) -> io::Result<usize> {
        let mut number = 0_usize;
        loop {
            let byte = self.take(1)?.first().copied().unwrap_or_default();
            number = number << 7 | usize::from(byte & 0x7f);
            if byte & 0x80 == 0 {
                return Ok(number);
            }
            number = number
                .checked_add(1)
                .filter(|number| *number < LONGEST_NAME)
                .ok_or_else(|| damaged("a name of the index is damaged"))?;
        }
    }
}

fn damaged(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

const EXTENDED: u16 = 0x4000;
const INTENT_TO_ADD: u16 = 0x2000;
const TYPE: u32 = 0o170_000;
const SUBMODULE: u32 = 0o160_000;
const LONGEST_NAME: usize = 1 << 20;
/// Ten million files.
const LONGEST_INDEX: u64 = 1 << 30;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(
            version in 2..5_u8,
            count in 0..3_u8,
            rest in prop::collection::vec(any::<u8>(), 0..400),
        ) {
            let head = [b"DIRC", [0, 0, 0, version].as_slice(), &[0, 0, 0, count]].concat();
            let _ = entries(&[head, rest.clone()].concat(), HashKind::Sha1);
            let _ = entries(&rest, HashKind::Sha256);
        }
    }
}
