//! Objects by their ids, for following a history: loose ones, and those of packs with an index.

use std::cell::RefCell;
use std::collections::HashMap;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use flate2::read::ZlibDecoder;

use super::delta::{self, LARGEST};
use super::object::loose_header;
use super::oid::{HashKind, ObjectKind, Oid};
use super::pack::{Content, Pack, damaged, invalid};
use super::repository::names;
use crate::scan::source::Source;
use crate::scan::walk;

/// The objects of a repository.
pub(in crate::scan) struct Store {
    folders: Vec<PathBuf>,
    hash: HashKind,
    packs: Vec<Indexed>,
}

struct Indexed {
    index: Index,
    pack: Source,
    /// Objects that were put together lately: the trees of a history differ from one another.
    recent: RefCell<HashMap<u64, (ObjectKind, Vec<u8>)>>,
}

impl Store {
    /// The objects in these folders, which Git calls `objects`.
    pub(in crate::scan) fn open(folders: Vec<PathBuf>, hash: HashKind) -> Self {
        let indexes: Vec<PathBuf> =
            folders.iter().flat_map(|objects| names(&objects.join("pack"))).collect();
        let indexes = indexes.iter().filter(|path| path.extension().is_some_and(|e| e == "idx"));
        let packs = indexes.filter_map(|path| {
            let index = Index::open(walk::source(path).ok()?, hash).ok()?;
            let pack = walk::source(&path.with_extension("pack")).ok()?;
            Some(Indexed { index, pack, recent: RefCell::default() })
        });
        Self { packs: packs.collect(), folders, hash }
    }

    /// Kind and content of an object; none if it is not here or cannot be read.
    pub(in crate::scan) fn object(&self, id: &Oid) -> Option<(ObjectKind, Vec<u8>)> {
        let packed = self.packs.iter().find_map(|indexed| {
            let offset = indexed.index.find(id).ok()??;
            indexed.object(offset, self.hash).ok()
        });
        packed.or_else(|| self.folders.iter().find_map(|objects| loose(objects, id).ok()?))
    }
}

/// The loose object with this id.
fn loose(objects: &Path, id: &Oid) -> io::Result<Option<(ObjectKind, Vec<u8>)>> {
    let name = id.to_string();
    let (folder, file) = name.split_at(2);
    let file = walk::open(&objects.join(folder).join(file))?;
    let mut content = Vec::new();
    ZlibDecoder::new(file).take(LARGEST as u64).read_to_end(&mut content)?;
    Ok(loose_header(&content).map(|(kind, _, start)| (kind, content.split_off(start))))
}

impl Indexed {
    /// The object at `offset`.
    fn object(&self, offset: u64, hash: HashKind) -> io::Result<(ObjectKind, Vec<u8>)> {
        let pack = Pack::open(&self.pack, 0, hash)?;
        let mut differences = Vec::new();
        let mut entry = pack.entry(offset)?;
        let (kind, mut content) = loop {
            if let Some((kind, content)) = self.recent.borrow().get(&entry.offset) {
                break (*kind, content.clone());
            }
            let base = match &entry.content {
                Content::Whole(kind) => break (*kind, pack.content(&entry)?),
                Content::FromOffset(base) => *base,
                Content::FromId(id) => {
                    self.index.find(id)?.ok_or_else(|| damaged(super::pack::NO_BASE))?
                }
            };
            differences.push(entry);
            if differences.len() > super::pack::LONGEST_CHAIN {
                return Err(damaged("an object is a difference from too many others"));
            }
            entry = pack.entry(base)?;
        };
        for difference in differences.iter().rev() {
            content = delta::apply(&content, &pack.content(difference)?).map_err(invalid)?;
        }
        self.remember(offset, kind, &content);
        Ok((kind, content))
    }

    fn remember(&self, offset: u64, kind: ObjectKind, content: &[u8]) {
        if content.len() <= LARGEST_RECENT {
            let mut recent = self.recent.borrow_mut();
            if recent.len() >= MOST_RECENT {
                recent.clear();
            }
            recent.insert(offset, (kind, content.to_vec()));
        }
    }
}

/// The index of a pack (version 2): where each object begins, by its id.
struct Index {
    source: Source,
    hash: HashKind,
    count: u32,
}

impl Index {
    fn open(source: Source, hash: HashKind) -> io::Result<Self> {
        if source.array_at(0)? != *b"\xfftOc\0\0\0\x02" {
            return Err(damaged("not an index of version 2"));
        }
        let count = u32::from_be_bytes(source.array_at(FANOUT + 255 * 4)?);
        Ok(Self { source, hash, count })
    }

    /// Where the object with this id begins, if it is in the pack.
    fn find(&self, id: &Oid) -> io::Result<Option<u64>> {
        let Some(first) = id.as_bytes().first() else { return Ok(None) };
        let fan = |byte: u8| -> io::Result<u32> {
            Ok(u32::from_be_bytes(self.source.array_at(FANOUT + u64::from(byte) * 4)?))
        };
        let mut low = first.checked_sub(1).map_or(Ok(0), fan)?;
        let mut high = fan(*first)?.min(self.count);
        while low < high {
            let middle = low + (high - low) / 2;
            match self.id(middle)?.as_bytes().cmp(id.as_bytes()) {
                std::cmp::Ordering::Equal => return self.offset(middle).map(Some),
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Greater => high = middle,
            }
        }
        Ok(None)
    }

    fn id(&self, number: u32) -> io::Result<Oid> {
        let mut bytes = vec![0; self.hash.len()];
        let place = IDS + u64::from(number) * self.hash.len() as u64;
        self.source.from(place).read_exact(&mut bytes)?;
        Ok(Oid::new(&bytes).expect("an id has the length of its hash"))
    }

    fn offset(&self, number: u32) -> io::Result<u64> {
        // After the ids there is a checksum of four bytes for each.
        let count = u64::from(self.count);
        let offsets = IDS + count * (self.hash.len() as u64 + 4);
        let short = u32::from_be_bytes(self.source.array_at(offsets + u64::from(number) * 4)?);
        if short & LONG == 0 {
            return Ok(u64::from(short));
        }
        let long = offsets + count * 4 + u64::from(short & !LONG) * 8;
        Ok(u64::from_be_bytes(self.source.array_at(long)?))
    }
}

/// Where the table begins that says how many ids begin with a byte or a lower one.
const FANOUT: u64 = 8;
/// Where the ids begin.
const IDS: u64 = FANOUT + 256 * 4;
/// Marks an offset that is in the table of long ones.
const LONG: u32 = 1 << 31;
const MOST_RECENT: usize = 1024;
const LARGEST_RECENT: usize = 64 << 10;
