//! Packs: many objects in one file, some as differences from others (gitformat-pack, versions 2 and 3).
//!
//! A pack is read from front to back, so that it needs no index: one that was never finished, or that is
//! alone in the layer of an image, is searched all the same.

use std::io::{self, BufRead as _, BufReader, Read};

use flate2::bufread::ZlibDecoder;

use super::delta::{self, LARGEST};
use super::oid::{HashKind, ObjectKind, Oid};
use crate::scan::source::{Source, SourceReader};

/// A pack.
#[derive(Debug)]
pub(in crate::scan) struct Pack<'s> {
    source: &'s Source,
    hash: HashKind,
    /// Where the pack begins in the source: a bundle has a text before it.
    start: u64,
    /// How many entries it says it has.
    pub(in crate::scan) count: u32,
}

/// One entry of a pack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::scan) struct Entry {
    /// Where it begins.
    pub(in crate::scan) offset: u64,
    /// What it holds.
    pub(in crate::scan) content: Content,
    /// How many bytes the object, or the difference, has.
    pub(in crate::scan) size: u64,
    /// Where the compressed bytes begin.
    data: u64,
}

/// What an entry holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::scan) enum Content {
    /// A whole object.
    Whole(ObjectKind),
    /// A difference from the entry at this place.
    FromOffset(u64),
    /// A difference from the object with this id.
    FromId(Oid),
}

/// The uncompressed bytes of an entry.
pub(in crate::scan) type EntryReader<'s> = ZlibDecoder<BufReader<SourceReader<'s>>>;

impl<'s> Pack<'s> {
    /// The pack that begins at `start`.
    pub(in crate::scan) fn open(
        source: &'s Source,
        start: u64,
        hash: HashKind,
    ) -> io::Result<Self> {
        let [b'P', b'A', b'C', b'K', 0, 0, 0, 2 | 3, a, b, c, d] = source.array_at(start)? else {
            return Err(damaged("not a pack of version 2 or 3"));
        };
        Ok(Self { source, hash, start, count: u32::from_be_bytes([a, b, c, d]) })
    }

    /// Where the first entry begins.
    pub(in crate::scan) const fn first(&self) -> u64 {
        self.start + 12
    }

    /// The entry at this place.
    pub(in crate::scan) fn entry(&self, offset: u64) -> io::Result<Entry> {
        let mut reader = Bytes { source: self.source, offset };
        let first = reader.byte()?;
        let mut size = u64::from(first & 0x0f);
        let (mut byte, mut shift) = (first, 4_u32);
        while byte & 0x80 != 0 {
            byte = reader.byte()?;
            let bits = u64::from(byte & 0x7f).checked_shl(shift);
            size |= bits.ok_or_else(|| damaged("an entry has an impossible size"))?;
            shift += 7;
        }
        let content = match first >> 4 & 7 {
            1 => Content::Whole(ObjectKind::Commit),
            2 => Content::Whole(ObjectKind::Tree),
            3 => Content::Whole(ObjectKind::Blob),
            4 => Content::Whole(ObjectKind::Tag),
            6 => {
                let base = reader.distance()?.filter(|distance| *distance > 0);
                let base = base.and_then(|distance| offset.checked_sub(distance));
                let base = base.filter(|base| *base >= self.first());
                Content::FromOffset(base.ok_or_else(|| damaged("an entry has an impossible base"))?)
            }
            7 => Content::FromId(reader.id(self.hash)?),
            _ => return Err(damaged("an entry has an unknown type")),
        };
        Ok(Entry { offset, content, size, data: reader.offset })
    }

    /// Reads what an entry holds.
    pub(in crate::scan) fn reader(&self, entry: &Entry) -> EntryReader<'s> {
        ZlibDecoder::new(BufReader::with_capacity(16 * 1024, self.source.from(entry.data)))
    }

    /// Where the next entry begins, after all of this one was read by `reader`.
    pub(in crate::scan) fn end(entry: &Entry, reader: &EntryReader<'_>) -> u64 {
        entry.data + reader.total_in()
    }

    /// All that an entry holds, if it is not too large and as long as it says.
    pub(in crate::scan) fn content(&self, entry: &Entry) -> io::Result<Vec<u8>> {
        Self::read(entry, &mut self.reader(entry))
    }

    /// The same, with a reader of the entry.
    pub(in crate::scan) fn read(
        entry: &Entry,
        reader: &mut EntryReader<'_>,
    ) -> io::Result<Vec<u8>> {
        if entry.size > LARGEST as u64 {
            return Err(damaged("an entry is too large to be held in memory"));
        }
        let mut content = Vec::new();
        // One byte more shows what is too long, and makes the decoder read to its end.
        reader.take(entry.size + 1).read_to_end(&mut content)?;
        if content.len() as u64 == entry.size {
            Ok(content)
        } else {
            Err(damaged("an entry is not as long as it says"))
        }
    }

    /// Kind and content of the object at `offset`, put together from as many differences as it takes.
    /// `find` says where an object of the pack begins.
    pub(in crate::scan) fn resolve(
        &self,
        offset: u64,
        find: &dyn Fn(&Oid) -> Option<u64>,
    ) -> io::Result<(ObjectKind, Vec<u8>)> {
        let mut differences = Vec::new();
        let mut entry = self.entry(offset)?;
        let kind = loop {
            let base = match &entry.content {
                Content::Whole(kind) => break *kind,
                Content::FromOffset(base) => *base,
                Content::FromId(id) => find(id).ok_or_else(|| damaged(NO_BASE))?,
            };
            differences.push(entry);
            if differences.len() > LONGEST_CHAIN {
                return Err(damaged(
                    "an object is a difference from itself, or of too many others",
                ));
            }
            entry = self.entry(base)?;
        };
        let mut content = self.content(&entry)?;
        for difference in differences.iter().rev() {
            content = delta::apply(&content, &self.content(difference)?).map_err(invalid)?;
        }
        Ok((kind, content))
    }
}

/// Reads the header of an entry byte by byte.
struct Bytes<'s> {
    source: &'s Source,
    offset: u64,
}

impl Bytes<'_> {
    fn byte(&mut self) -> io::Result<u8> {
        let [byte] = self.source.array_at(self.offset)?;
        self.offset += 1;
        Ok(byte)
    }

    /// How far before an entry its base begins: seven bits a byte, the highest first, and one more for each
    /// byte that follows.
    fn distance(&mut self) -> io::Result<Option<u64>> {
        let mut byte = self.byte()?;
        let mut distance = u64::from(byte & 0x7f);
        while byte & 0x80 != 0 {
            byte = self.byte()?;
            let next = distance.checked_add(1).and_then(|distance| distance.checked_mul(128));
            let Some(next) = next else { return Ok(None) };
            distance = next | u64::from(byte & 0x7f);
        }
        Ok(Some(distance))
    }

    fn id(&mut self, hash: HashKind) -> io::Result<Oid> {
        let mut bytes = vec![0; hash.len()];
        self.source.from(self.offset).read_exact(&mut bytes)?;
        self.offset += hash.len() as u64;
        Ok(Oid::new(&bytes).expect("an id has the length of its hash"))
    }
}

/// Where the pack of a bundle begins: after an empty line.
pub(in crate::scan) fn start_in_bundle(source: &Source) -> io::Result<u64> {
    let mut reader = BufReader::new(source.from(0)).take(LONGEST_BUNDLE_HEAD);
    let (mut start, mut line) = (0, Vec::new());
    loop {
        line.clear();
        let read = reader.read_until(b'\n', &mut line)?;
        start += read as u64;
        match line.as_slice() {
            b"\n" => return Ok(start),
            [.., b'\n'] => {}
            _ => return Err(damaged("a bundle without a pack")),
        }
    }
}

pub(super) fn damaged(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

pub(super) fn invalid(error: delta::DeltaError) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}

/// What is said of a difference whose base is not there.
pub(super) const NO_BASE: &str = "an object is a difference from one that is not in this pack";
/// Git itself makes no longer ones.
pub(super) const LONGEST_CHAIN: usize = 4096;
/// A million refs.
const LONGEST_BUNDLE_HEAD: u64 = 128 << 20;
