//! What is on a disk, what is only in its cache, and what a power cut leaves of that.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};

use crate::world::Rng;

/// An operation that changes something, or makes a change durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Deed {
    /// A new name and file.
    Create,
    /// Bytes into a file.
    Write,
    /// Another length of a file.
    Truncate,
    /// A file's content becomes durable.
    Sync,
    /// The folder's names become durable.
    SyncFolder,
    /// A name leads to another file.
    Rename,
    /// A name is gone.
    Unlink,
}

/// What a cut leaves of changes that were not synced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loss {
    /// Everything stays: the process died, and the machine did not.
    None,
    /// Nothing stays.
    Everything,
    /// By chance: some of the writes, torn at sectors, and the first of the changes of names.
    Some(u64),
}

/// One folder.
#[derive(Clone, Debug, Default)]
pub struct Disk {
    files: BTreeMap<u64, File>,
    names: BTreeMap<OsString, u64>,
    durable_names: BTreeMap<OsString, u64>,
    /// The states of `names` since the last sync of the folder, the oldest first.
    unsynced_names: Vec<BTreeMap<OsString, u64>>,
    next: u64,
    counts: BTreeMap<Deed, u64>,
}

#[derive(Clone, Debug, Default)]
struct File {
    content: Vec<u8>,
    durable: Vec<u8>,
    unsynced: Vec<Change>,
}

#[derive(Clone, Debug)]
enum Change {
    Write { offset: usize, data: Vec<u8> },
    Length(usize),
}

impl Change {
    fn apply(&self, content: &mut Vec<u8>) {
        match self {
            Self::Length(length) => content.resize(*length, 0),
            Self::Write { offset, data } => {
                let end = offset + data.len();
                if content.len() < end {
                    content.resize(end, 0);
                }
                content[*offset..end].copy_from_slice(data);
            }
        }
    }

    /// The sectors of this change that reach the disk.
    fn survivors(&self, rng: &mut Rng) -> Vec<Self> {
        match self {
            Self::Length(_) if rng.percent(50) => vec![self.clone()],
            Self::Length(_) => Vec::new(),
            Self::Write { offset, data } => {
                let mut kept = Vec::new();
                let mut at = 0;
                let (all, none) = (rng.percent(40), rng.percent(40));
                while at < data.len() {
                    let to_boundary = SECTOR - (offset + at) % SECTOR;
                    let end = data.len().min(at + to_boundary);
                    if all || (!none && rng.percent(50)) {
                        let data = data[at..end].to_vec();
                        kept.push(Self::Write { offset: offset + at, data });
                    }
                    at = end;
                }
                kept
            }
        }
    }
}

impl Disk {
    /// An empty folder.
    pub fn new() -> Self {
        Self { next: 2, ..Self::default() }
    }

    /// What a restart finds. Whatever it finds is on the disk.
    #[must_use]
    pub fn after_cut(&self, loss: Loss) -> Self {
        let mut rng = Rng::new(if let Loss::Some(seed) = loss { seed } else { 0 });
        let names = match loss {
            Loss::None => self.names.clone(),
            Loss::Everything => self.durable_names.clone(),
            // A journaling file system keeps the order of its names.
            Loss::Some(_) => {
                let kept = rng.index(self.unsynced_names.len() + 1);
                kept.checked_sub(1)
                    .map_or(&self.durable_names, |last| &self.unsynced_names[last])
                    .clone()
            }
        };
        let mut left = Self { next: self.next, ..Self::default() };
        for (name, inode) in names {
            let content = self.files[&inode].after_cut(loss, &mut rng);
            left.files
                .insert(inode, File { durable: content.clone(), content, unsynced: Vec::new() });
            left.durable_names.insert(name, inode);
        }
        left.names.clone_from(&left.durable_names);
        left
    }

    /// Every file and its content.
    pub fn content(&self) -> impl Iterator<Item = (&OsStr, &[u8])> {
        self.names
            .iter()
            .map(|(name, inode)| (name.as_os_str(), self.files[inode].content.as_slice()))
    }

    /// How often each deed was done.
    pub const fn counts(&self) -> &BTreeMap<Deed, u64> {
        &self.counts
    }

    /// How many deeds were done.
    pub fn deeds(&self) -> u64 {
        self.counts.values().sum()
    }

    pub(super) fn count(&mut self, deed: Deed) {
        *self.counts.entry(deed).or_default() += 1;
    }

    pub(super) fn find(&self, name: &OsStr) -> Option<u64> {
        self.names.get(name).copied()
    }

    pub(super) fn bytes(&self, inode: u64) -> Option<&[u8]> {
        self.files.get(&inode).map(|file| file.content.as_slice())
    }

    pub(super) fn create(&mut self, name: &OsStr) -> u64 {
        let inode = self.next;
        self.next += 1;
        self.files.insert(inode, File::default());
        self.names.insert(name.to_owned(), inode);
        self.names_changed();
        inode
    }

    pub(super) fn rename(&mut self, from: &OsStr, to: &OsStr) -> bool {
        let Some(inode) = self.names.remove(from) else { return false };
        self.names.insert(to.to_owned(), inode);
        self.names_changed();
        true
    }

    pub(super) fn unlink(&mut self, name: &OsStr) -> bool {
        let is_there = self.names.remove(name).is_some();
        self.names_changed();
        is_there
    }

    pub(super) fn write(&mut self, inode: u64, offset: usize, data: &[u8]) {
        self.change(inode, Change::Write { offset, data: data.to_vec() });
    }

    pub(super) fn truncate(&mut self, inode: u64, length: usize) {
        self.change(inode, Change::Length(length));
    }

    pub(super) fn sync(&mut self, inode: u64) {
        if let Some(file) = self.files.get_mut(&inode) {
            file.durable.clone_from(&file.content);
            file.unsynced.clear();
        }
    }

    pub(super) fn sync_folder(&mut self) {
        self.durable_names.clone_from(&self.names);
        self.unsynced_names.clear();
    }

    fn change(&mut self, inode: u64, change: Change) {
        if let Some(file) = self.files.get_mut(&inode) {
            change.apply(&mut file.content);
            file.unsynced.push(change);
        }
    }

    fn names_changed(&mut self) {
        self.unsynced_names.push(self.names.clone());
    }
}

impl File {
    fn after_cut(&self, loss: Loss, rng: &mut Rng) -> Vec<u8> {
        match loss {
            Loss::None => self.content.clone(),
            Loss::Everything => self.durable.clone(),
            Loss::Some(_) => {
                let mut content = self.durable.clone();
                for change in &self.unsynced {
                    for survivor in change.survivors(rng) {
                        survivor.apply(&mut content);
                    }
                }
                content
            }
        }
    }
}

/// What a disk writes whole.
const SECTOR: usize = 512;

#[cfg(test)]
mod tests {
    use super::*;

    /// The content of the only file after a cut; none if there is no file.
    fn left(disk: &Disk, loss: Loss) -> Option<Vec<u8>> {
        disk.after_cut(loss).content().next().map(|(_, content)| content.to_vec())
    }

    #[test]
    fn what_was_not_synced_is_forgotten_and_what_was_is_not() {
        let mut disk = Disk::new();
        let file = disk.create("a".as_ref());
        disk.write(file, 0, b"one");
        assert_eq!(left(&disk, Loss::None).unwrap(), b"one");
        assert_eq!(left(&disk, Loss::Everything), None, "its name was not synced");
        disk.sync_folder();
        assert_eq!(left(&disk, Loss::Everything).unwrap(), b"");
        disk.sync(file);
        disk.write(file, 3, b"two");
        assert_eq!(left(&disk, Loss::Everything).unwrap(), b"one");
        disk.truncate(file, 1);
        assert_eq!(left(&disk, Loss::None).unwrap(), b"o");
        assert_eq!(left(&disk, Loss::Everything).unwrap(), b"one");
        disk.sync(file);
        assert_eq!(left(&disk, Loss::Everything).unwrap(), b"o");
    }

    #[test]
    fn a_file_that_was_renamed_has_its_old_name_until_the_folder_is_synced() {
        let mut disk = Disk::new();
        let file = disk.create("a".as_ref());
        disk.sync(file);
        disk.sync_folder();
        disk.rename("a".as_ref(), "b".as_ref());
        let name = |loss| disk.after_cut(loss).content().next().unwrap().0.to_owned();
        assert_eq!((name(Loss::None), name(Loss::Everything)), ("b".into(), "a".into()));
    }

    #[test]
    fn by_chance_a_write_stays_whole_or_in_part_or_not_at_all() {
        let mut disk = Disk::new();
        let file = disk.create("a".as_ref());
        disk.write(file, 0, &[1; 4 * SECTOR]);
        disk.sync(file);
        disk.sync_folder();
        disk.write(file, 0, &[2; 4 * SECTOR]);
        let new = |seed| {
            let content = left(&disk, Loss::Some(seed)).unwrap();
            content.iter().step_by(SECTOR).filter(|byte| **byte == 2).count()
        };
        let found: std::collections::BTreeSet<usize> = (0..200).map(new).collect();
        assert_eq!(found, (0..=4).collect());
    }
}
