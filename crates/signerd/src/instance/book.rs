//! What this signer wrote into its slots: by it a chunk that somebody else signed with our key is told
//! from an echo, a repetition or a replay of our own.
//!
//! A chunk's signature covers slot, version and content, and no contract (`signer-wire.md` section 5.3): so
//! does the book. Versions come from one counter for all lanes and only rise, as in the reference, and are
//! noted before the chunk leaves the vault's thread. So a chunk of our key that is not in the book, and whose
//! version is above the *base* of its slot, was signed by somebody else: nothing else can explain it. At or
//! below the base are chunks that the book does not remember one by one: those of the time before it, and
//! the oldest of its own. They prove nothing and are ignored; once we have written to a slot, its node takes
//! no such version there any more.

use std::collections::{BTreeMap, HashSet, VecDeque};
use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use countersign_wire::hash::sha256;
use countersign_wire::stackerdb::SlotMetadata;
use countersign_wire::{SlotId, SlotVersion};

/// A chunk, as far as its signature covers it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Entry {
    pub(crate) slot: SlotId,
    pub(crate) version: SlotVersion,
    /// The first bytes of the content's hash. Nobody without the key can make another chunk of ours.
    pub(crate) print: [u8; PRINT_LEN],
}

/// Whose chunk it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Author {
    /// We wrote it.
    Ours,
    /// It is older than the book.
    Elder,
    /// Somebody else signed it with our key.
    Foreign,
}

/// Why the book cannot be kept.
#[derive(Debug, thiserror::Error)]
#[error("the book of written chunks, {}, cannot be {what}", path.display())]
pub struct BookError {
    path: PathBuf,
    what: &'static str,
    #[source]
    source: io::Error,
}

/// The book. One is kept on disk unless nothing is.
#[derive(Debug)]
pub(crate) struct Book {
    written: HashSet<Entry>,
    order: VecDeque<Entry>,
    bases: BTreeMap<SlotId, SlotVersion>,
    /// Of everything that was ever signed or seen.
    highest: SlotVersion,
    file: Option<BookFile>,
    /// Whether the run before ended with [`Book::close`].
    was_closed: bool,
    /// Whether another instance wrote after our last chunk, so that what stands in our slots is its.
    is_behind: bool,
    /// Which start of the machine this is.
    boot: [u8; PRINT_LEN],
    capacity: usize,
}

/// Where the book is kept: records of equal length, one after the other.
#[derive(Debug)]
struct BookFile {
    path: PathBuf,
    file: File,
    records: usize,
    /// How many of them may be lost in a power cut.
    unsynced: u64,
    /// The highest version that no power cut takes.
    safe: SlotVersion,
}

impl Entry {
    /// Of a chunk's metadata.
    pub(crate) fn of(chunk: &SlotMetadata) -> Self {
        let mut print = [0; PRINT_LEN];
        print.iter_mut().zip(chunk.data_hash).for_each(|(to, from)| *to = from);
        Self { slot: chunk.slot_id, version: chunk.slot_version, print }
    }
}

impl Book {
    /// A book that ends with the process.
    pub(crate) fn in_memory() -> Self {
        Self::with_capacity(CAPACITY)
    }

    fn with_capacity(capacity: usize) -> Self {
        Self {
            written: HashSet::new(),
            order: VecDeque::new(),
            bases: BTreeMap::new(),
            highest: SlotVersion::new(0),
            file: None,
            was_closed: false,
            is_behind: false,
            boot: [0; PRINT_LEN],
            capacity,
        }
    }

    /// Opens the book at `path`, or begins one.
    ///
    /// After a power cut the last few chunks may be missing in it, so as many versions count as ours.
    pub(crate) fn open(path: &Path) -> Result<Self, BookError> {
        Self::open_after(path, boot())
    }

    fn open_after(path: &Path, print: [u8; PRINT_LEN]) -> Result<Self, BookError> {
        let fail = |what, source| BookError { path: path.to_owned(), what, source };
        let mut options = OpenOptions::new();
        let mut file = options
            .read(true)
            .append(true)
            .create(true)
            .mode(0o600)
            .open(path)
            .map_err(|error| fail("opened", error))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(|error| fail("read", error))?;
        let mut book = Self::with_capacity(CAPACITY);
        let mut last_print = None;
        for record in bytes.as_chunks::<RECORD_LEN>().0 {
            book.was_closed = false;
            match Record::read(record) {
                Some(Record::Written(entry)) => {
                    book.is_behind = false;
                    book.remember(entry);
                }
                Some(Record::Base(slot, version)) => book.raise(slot, version),
                Some(Record::Boot(print)) => last_print = Some(print),
                Some(Record::Closed) => book.was_closed = true,
                Some(Record::Behind) => book.is_behind = true,
                None => {}
            }
        }
        if last_print.is_some_and(|last| last != print) {
            book.allow_for_losses();
        }
        let safe = book.highest;
        let file = BookFile { path: path.to_owned(), file, records: 0, unsynced: 0, safe };
        book.file = Some(file);
        book.boot = print;
        book.write_anew()?;
        Ok(book)
    }

    /// Whether nothing was ever written, as far as the book knows.
    pub(crate) fn is_blank(&self) -> bool {
        self.order.is_empty() && self.bases.is_empty()
    }

    /// Whether another instance wrote last, and was not heard.
    pub(crate) const fn is_behind(&self) -> bool {
        self.is_behind
    }

    /// This instance takes over from another one that it has not heard, because it did not run. So it is until
    /// it writes something.
    pub(crate) fn fall_behind(&mut self) -> Result<(), BookError> {
        self.is_behind = true;
        self.append(&Record::Behind)?;
        self.sync_all()
    }

    /// The version for the next chunk, which is above every other and at least `wish`.
    pub(crate) fn next_version(&self, wish: SlotVersion) -> SlotVersion {
        wish.max(self.highest.next())
    }

    /// Notes a chunk that was signed and has not left yet.
    pub(crate) fn write(&mut self, entry: Entry) -> Result<(), BookError> {
        if self.written.contains(&entry) {
            return Ok(());
        }
        self.append(&Record::Written(entry))?;
        self.is_behind = false;
        self.remember(entry);
        self.sync_if_due()
    }

    /// Whose chunk this is.
    pub(crate) fn judge(&self, entry: &Entry) -> Author {
        if self.written.contains(entry) {
            return Author::Ours;
        }
        if entry.version <= self.base(entry.slot) { Author::Elder } else { Author::Foreign }
    }

    /// Lets everything at or below this version of the slot be of the time before.
    pub(crate) fn raise_base(
        &mut self,
        slot: SlotId,
        version: SlotVersion,
    ) -> Result<(), BookError> {
        if version <= self.base(slot) && self.bases.contains_key(&slot) {
            return Ok(());
        }
        self.append(&Record::Base(slot, version))?;
        self.raise(slot, version);
        self.sync_if_due()
    }

    /// The bases of all slots that are known.
    pub(crate) fn bases(&self) -> Vec<(SlotId, SlotVersion)> {
        self.bases.iter().map(|(slot, version)| (*slot, *version)).collect()
    }

    /// Makes what was noted safe from a power cut, if it is worth it while nobody waits.
    pub(crate) fn sync(&mut self) -> Result<(), BookError> {
        if self.unsynced() >= MAX_LOST / 2 { self.sync_all() } else { Ok(()) }
    }

    /// Whether the last run ended in an orderly way, so that nothing of ours is missing here.
    pub(crate) const fn was_closed(&self) -> bool {
        self.was_closed
    }

    /// Ends a run in an orderly way.
    pub(crate) fn close(&mut self) -> Result<(), BookError> {
        self.append(&Record::Closed)?;
        self.sync_all()
    }

    /// Makes what was noted safe from a power cut.
    fn sync_all(&mut self) -> Result<(), BookError> {
        let Some(file) = &mut self.file else { return Ok(()) };
        file.file.sync_data().map_err(|source| file.fail("synced", source))?;
        (file.unsynced, file.safe) = (0, self.highest);
        Ok(())
    }

    fn unsynced(&self) -> u64 {
        self.file.as_ref().map_or(0, |file| file.unsynced)
    }

    /// A slot that we know nothing of may hold what another instance wrote in an earlier cycle.
    fn base(&self, slot: SlotId) -> SlotVersion {
        let known = self.bases.get(&slot).or_else(|| self.bases.values().max());
        known.copied().unwrap_or(SlotVersion::new(0))
    }

    fn remember(&mut self, entry: Entry) {
        self.highest = self.highest.max(entry.version);
        if self.written.insert(entry) {
            self.order.push_back(entry);
        }
        while self.order.len() > self.capacity
            && let Some(oldest) = self.order.pop_front()
        {
            self.written.remove(&oldest);
            self.raise(oldest.slot, oldest.version);
        }
    }

    fn raise(&mut self, slot: SlotId, version: SlotVersion) {
        self.highest = self.highest.max(version);
        let base = self.bases.entry(slot).or_insert(version);
        *base = version.max(*base);
    }

    /// What was signed last, and lost from the book, was above what is in it.
    fn allow_for_losses(&mut self) {
        let last = SlotVersion::new(self.highest.get().saturating_add(LOST_VERSIONS));
        let slots: Vec<SlotId> =
            self.order.iter().map(|entry| entry.slot).chain(self.bases.keys().copied()).collect();
        for slot in slots {
            self.raise(slot, last);
        }
    }

    fn append(&mut self, record: &Record) -> Result<(), BookError> {
        if self.file.as_ref().is_some_and(|file| file.records > MAX_RECORDS) {
            self.write_anew()?;
        }
        let Some(file) = &mut self.file else { return Ok(()) };
        file.file.write_all(&record.to_bytes()).map_err(|source| file.fail("written", source))?;
        (file.records, file.unsynced) = (file.records + 1, file.unsynced + 1);
        Ok(())
    }

    /// Leaves a power cut no more than [`Self::allow_for_losses`] allows for: a few records, and versions that are
    /// not far above what is safe. Versions jump where a slot is far ahead of us.
    fn sync_if_due(&mut self) -> Result<(), BookError> {
        let highest = self.highest.get();
        let is_due = self.file.as_ref().is_some_and(|file| {
            file.unsynced >= MAX_LOST || highest - file.safe.get() >= LOST_VERSIONS
        });
        if is_due { self.sync_all() } else { Ok(()) }
    }

    /// Writes a new file with what counts, and puts it into the old one's place.
    fn write_anew(&mut self) -> Result<(), BookError> {
        let Some(old) = &self.file else { return Ok(()) };
        let bases = self.bases.iter().map(|(slot, version)| Record::Base(*slot, *version));
        let written = self.order.iter().map(|entry| Record::Written(*entry));
        let behind = self.is_behind.then_some(Record::Behind);
        let boot = std::iter::once(Record::Boot(self.boot));
        let records: Vec<_> = boot.chain(bases).chain(written).chain(behind).collect();
        let bytes: Vec<u8> = records.iter().flat_map(Record::to_bytes).collect();
        let file = replace(&old.path, &bytes).map_err(|source| old.fail("written", source))?;
        let path = old.path.clone();
        let safe = self.highest;
        self.file = Some(BookFile { path, file, records: records.len(), unsynced: 0, safe });
        Ok(())
    }
}

impl BookFile {
    fn fail(&self, what: &'static str, source: io::Error) -> BookError {
        BookError { path: self.path.clone(), what, source }
    }
}

/// A line of the file.
enum Record {
    Written(Entry),
    Base(SlotId, SlotVersion),
    /// When the machine was started, so to speak.
    Boot([u8; PRINT_LEN]),
    /// A run ended in an orderly way.
    Closed,
    /// Another instance wrote after all of this.
    Behind,
}

impl Record {
    fn to_bytes(&self) -> [u8; RECORD_LEN] {
        let (kind, slot, version, print) = match self {
            Self::Written(entry) => (1, entry.slot.get(), entry.version.get(), entry.print),
            Self::Base(slot, version) => (2, slot.get(), version.get(), [0; PRINT_LEN]),
            Self::Boot(print) => (3, 0, 0, *print),
            Self::Closed => (4, 0, 0, [0; PRINT_LEN]),
            Self::Behind => (5, 0, 0, [0; PRINT_LEN]),
        };
        let fields = [&[kind][..], &slot.to_be_bytes(), &version.to_be_bytes(), &print].concat();
        let check = check(&fields);
        let mut bytes = [0; RECORD_LEN];
        bytes.iter_mut().zip(fields.into_iter().chain(check)).for_each(|(to, from)| *to = from);
        bytes
    }

    /// Nothing for what a power cut left half written. A wrong version would spoil all that follow.
    fn read(bytes: &[u8; RECORD_LEN]) -> Option<Self> {
        let (fields, found) = bytes.split_last_chunk()?;
        if *found != check(fields) {
            return None;
        }
        let (kind, rest) = fields.split_first()?;
        let (slot, rest) = rest.split_first_chunk()?;
        let (version, rest) = rest.split_first_chunk()?;
        let slot = SlotId::new(u32::from_be_bytes(*slot));
        let version = SlotVersion::new(u32::from_be_bytes(*version));
        let print = *rest.first_chunk()?;
        match kind {
            1 => Some(Self::Written(Entry { slot, version, print })),
            2 => Some(Self::Base(slot, version)),
            3 => Some(Self::Boot(print)),
            4 => Some(Self::Closed),
            5 => Some(Self::Behind),
            _ => None,
        }
    }
}

fn check(fields: &[u8]) -> [u8; CHECK_LEN] {
    let mut check = [0; CHECK_LEN];
    check.iter_mut().zip(sha256(&[fields])).for_each(|(to, from)| *to = from);
    check
}

/// A file with this content, whole and synced, in the place of another one.
fn replace(path: &Path, bytes: &[u8]) -> io::Result<File> {
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let mut draft = tempfile::Builder::new().prefix(".written-").tempfile_in(folder)?;
    draft.write_all(bytes)?;
    draft.as_file().sync_all()?;
    draft.persist(path)?;
    File::open(folder)?.sync_all()?;
    OpenOptions::new().append(true).open(path)
}

/// What the kernel calls the time since it was started; the same after a crash of this process, another
/// after a power cut. Where it does not say, each start counts as one after a power cut.
fn boot() -> [u8; PRINT_LEN] {
    let mut print = [0; PRINT_LEN];
    let id = std::fs::read_to_string(BOOT_ID)
        .unwrap_or_else(|_| format!("{} {:?}", std::process::id(), std::time::SystemTime::now()));
    let hash = sha256(&[id.as_bytes()]);
    print.iter_mut().zip(hash).for_each(|(to, from)| *to = from);
    print
}

const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";
const PRINT_LEN: usize = 8;
const CHECK_LEN: usize = 4;
/// Kind, slot, version, print, check.
const RECORD_LEN: usize = 1 + 4 + 4 + PRINT_LEN + CHECK_LEN;
/// The work of half a day. Older chunks are told apart from foreign ones by the base alone.
const CAPACITY: usize = 32_768;
/// After so many the file is written anew.
const MAX_RECORDS: usize = 4 * CAPACITY;
/// How many records a power cut may take.
const MAX_LOST: u64 = 16;
/// How many versions above the safe ones count as ours after a power cut.
const LOST_VERSIONS: u32 = 64;

#[cfg(test)]
#[path = "book_tests.rs"]
mod tests;
