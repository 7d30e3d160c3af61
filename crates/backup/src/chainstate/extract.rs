//! Unpacking an archive of which nothing is believed: files and folders below one folder, and nothing else.

use std::collections::BTreeSet;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, BufRead as _, BufReader, Read, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, fchown};
use std::path::{Component, Path, PathBuf};
use std::time::Instant;

use flate2::read::MultiGzDecoder;
use tar::{Archive, EntryType};

use crate::{Care, Progress};

/// What is in an archive that must not be in one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Hostile {
    /// A path that leads out of the folder.
    #[error("the path {0:?} leads out of the folder")]
    Outside(PathBuf),
    /// A link; a chainstate has none.
    #[error("{0:?} is a link, of which a chainstate has none")]
    Link(PathBuf),
    /// A device, a pipe or something unknown.
    #[error("{0:?} is neither a file nor a folder")]
    Special(PathBuf),
    /// One name for two things.
    #[error("{0:?} is there twice, or is a file and a folder")]
    Twice(PathBuf),
    /// A second folder at the top.
    #[error("it has {found:?} at its top, and is to have the folder {expected:?} alone")]
    Top {
        /// What is there.
        found: PathBuf,
        /// What is to be there.
        expected: String,
    },
    /// It holds more than there may be.
    #[error("it unpacks to more than {0} bytes, for which there is no room")]
    TooLarge(u64),
    /// It holds more files than there may be.
    #[error("it has more than {MAX_ENTRIES} files")]
    TooMany,
}

/// Why an archive is not unpacked.
#[derive(Debug, thiserror::Error)]
pub enum ExtractError {
    /// It cannot be read, or is no archive.
    #[error("the archive cannot be read, or is no tar in zstd, gzip or plain")]
    Archive(#[source] io::Error),
    /// It has no file.
    #[error("the archive is empty")]
    Empty,
    /// It is not what an archive of chainstate is.
    #[error("the archive is refused; nothing was unpacked")]
    Hostile(#[source] Hostile),
    /// A file cannot be written.
    #[error("{} cannot be written", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        #[source]
        source: io::Error,
    },
    /// Somebody stopped the work.
    #[error("stopped before it was done")]
    Stopped,
}

/// What may come of an archive.
#[derive(Clone, Debug)]
pub struct Limits {
    /// The one folder that is to be at its top.
    pub top: String,
    /// How many bytes its files may have.
    pub max_bytes: u64,
    /// Who is to own everything, as user and group; none for whoever unpacks.
    pub owner: Option<(u32, u32)>,
}

/// Unpacks an archive into a folder that is there and empty, and says how many bytes its files have. On failure the
/// folder holds a part of it, for the caller to remove.
pub fn extract(
    archive: &Path,
    into: &Path,
    limits: &Limits,
    care: &mut Care<'_>,
) -> Result<u64, ExtractError> {
    let file = File::open(archive).map_err(ExtractError::Archive)?;
    let reader = decode(BufReader::with_capacity(BUFFER, file)).map_err(ExtractError::Archive)?;
    unpack(reader, into, limits, care)
}

/// The tar in a file, by its first bytes.
fn decode(mut file: BufReader<File>) -> io::Result<Box<dyn Read>> {
    let start = file.fill_buf()?;
    if start.starts_with(&ZSTD) {
        return Ok(Box::new(zstd::Decoder::with_buffer(file)?));
    }
    if start.starts_with(&GZIP) {
        return Ok(Box::new(MultiGzDecoder::new(file)));
    }
    Ok(Box::new(file))
}

/// Unpacks a tar, as [`extract`] does.
pub fn unpack(
    reader: impl Read,
    into: &Path,
    limits: &Limits,
    care: &mut Care<'_>,
) -> Result<u64, ExtractError> {
    let mut archive = Archive::new(reader);
    let mut unpacking = Unpacking { into, limits, seen: BTreeSet::new(), bytes: 0, files: 0 };
    let begun = Instant::now();
    for entry in archive.entries().map_err(ExtractError::Archive)? {
        let mut entry = entry.map_err(ExtractError::Archive)?;
        let path = entry.path().map_err(ExtractError::Archive)?.into_owned();
        let kind = entry.header().entry_type();
        // It holds settings of tar for all that follows, such as the commit that git archived.
        if kind == EntryType::XGlobalHeader {
            continue;
        }
        let Some(place) = unpacking.place(&path, kind)? else { continue };
        if kind.is_dir() {
            unpacking.make_folders(&place)?;
            continue;
        }
        let file = unpacking.make_file(&place)?;
        unpacking.fill((&mut entry, file), &place, &mut |bytes| {
            let elapsed = begun.elapsed();
            care.tell(Progress { phase: "unpack", bytes, of: None, elapsed });
            !care.stop.is_cancelled()
        })?;
    }
    if unpacking.files == 0 { Err(ExtractError::Empty) } else { Ok(unpacking.bytes) }
}

/// A folder that fills up.
struct Unpacking<'a> {
    into: &'a Path,
    limits: &'a Limits,
    /// Every folder that was made, and every file.
    seen: BTreeSet<PathBuf>,
    bytes: u64,
    files: u64,
}

impl Unpacking<'_> {
    /// Where an entry goes, as a path of plain names; none for the folder that everything goes into.
    fn place(&mut self, path: &Path, kind: EntryType) -> Result<Option<PathBuf>, ExtractError> {
        let refuse = |hostile| Err(ExtractError::Hostile(hostile));
        let mut place = PathBuf::new();
        for part in path.components() {
            match part {
                Component::Normal(name) => place.push(name),
                Component::CurDir => {}
                Component::RootDir | Component::ParentDir | Component::Prefix(_) => {
                    return refuse(Hostile::Outside(path.to_owned()));
                }
            }
        }
        match kind {
            EntryType::Regular
            | EntryType::Continuous
            | EntryType::GNUSparse
            | EntryType::Directory => {}
            EntryType::Link | EntryType::Symlink => return refuse(Hostile::Link(path.to_owned())),
            _ => return refuse(Hostile::Special(path.to_owned())),
        }
        let Some(top) = place.components().next() else {
            return if kind.is_dir() {
                Ok(None)
            } else {
                refuse(Hostile::Outside(path.to_owned()))
            };
        };
        if top.as_os_str() != self.limits.top.as_str() {
            let (found, expected) = (PathBuf::from(top.as_os_str()), self.limits.top.clone());
            return refuse(Hostile::Top { found, expected });
        }
        self.files += u64::from(!kind.is_dir());
        if self.files > MAX_ENTRIES || self.seen.len() as u64 > 2 * MAX_ENTRIES {
            return refuse(Hostile::TooMany);
        }
        Ok(Some(place))
    }

    /// Makes a folder and those above it. A name that a file has is refused by the operating system.
    fn make_folders(&mut self, place: &Path) -> Result<(), ExtractError> {
        let mut folder = PathBuf::new();
        for name in place {
            folder.push(name);
            if !self.seen.insert(folder.clone()) {
                continue;
            }
            let path = self.into.join(&folder);
            DirBuilder::new()
                .mode(FOLDER_MODE)
                .create(&path)
                .map_err(|error| refused(&folder, &path, error))?;
            let opened = File::open(&path);
            opened
                .and_then(|folder| self.give(&folder))
                .map_err(|source| unwritten(&path, source))?;
        }
        Ok(())
    }

    fn make_file(&mut self, place: &Path) -> Result<File, ExtractError> {
        if let Some(above) = place.parent() {
            self.make_folders(above)?;
        }
        let path = self.into.join(place);
        if !self.seen.insert(place.to_owned()) {
            return Err(ExtractError::Hostile(Hostile::Twice(place.to_owned())));
        }
        let made = OpenOptions::new().write(true).create_new(true).mode(FILE_MODE).open(&path);
        let file = made.map_err(|error| refused(place, &path, error))?;
        self.give(&file).map_err(|source| unwritten(&path, source))?;
        Ok(file)
    }

    fn give(&self, file: &File) -> io::Result<()> {
        self.limits.owner.map_or(Ok(()), |(user, group)| fchown(file, Some(user), Some(group)))
    }

    fn fill(
        &mut self,
        (data, mut file): (&mut dyn Read, File),
        place: &Path,
        tell: &mut dyn FnMut(u64) -> bool,
    ) -> Result<(), ExtractError> {
        let path = self.into.join(place);
        let mut buffer = vec![0; BUFFER];
        loop {
            let read = data.read(&mut buffer).map_err(ExtractError::Archive)?;
            if read == 0 {
                break;
            }
            self.bytes = self.bytes.saturating_add(read as u64);
            if self.bytes > self.limits.max_bytes {
                return Err(ExtractError::Hostile(Hostile::TooLarge(self.limits.max_bytes)));
            }
            let block = buffer.get(..read).unwrap_or_default();
            file.write_all(block).map_err(|source| unwritten(&path, source))?;
            if !tell(self.bytes) {
                return Err(ExtractError::Stopped);
            }
        }
        file.sync_data().map_err(|source| unwritten(&path, source))
    }
}

/// In a folder that was empty, only an archive can have taken a name.
fn refused(place: &Path, path: &Path, error: io::Error) -> ExtractError {
    match error.kind() {
        io::ErrorKind::AlreadyExists | io::ErrorKind::NotADirectory => {
            ExtractError::Hostile(Hostile::Twice(place.to_owned()))
        }
        _ => unwritten(path, error),
    }
}

fn unwritten(path: &Path, source: io::Error) -> ExtractError {
    ExtractError::Write { path: path.to_owned(), source }
}

/// The first bytes of a zstd frame (RFC 8878 section 3.1.1) and of gzip (RFC 1952 section 2.3.1).
const ZSTD: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
const GZIP: [u8; 2] = [0x1f, 0x8b];
const BUFFER: usize = 1 << 18;
/// Whatever an archive says: a node writes its files itself, and nobody else has to.
const FILE_MODE: u32 = 0o640;
const FOLDER_MODE: u32 = 0o750;
/// A chainstate has some thousand files.
const MAX_ENTRIES: u64 = 1_000_000;
