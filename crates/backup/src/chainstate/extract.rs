//! Unpacking an archive of which nothing is believed: files and folders below one folder, and nothing else.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, BufReader, Read, Write as _};
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
pub(super) struct Limits {
    /// The folder that is to be at its top.
    pub(super) top: String,
    /// How many bytes its files may have.
    pub(super) max_bytes: u64,
    /// Who is to own everything, if it is not we.
    pub(super) owner: Option<(u32, u32)>,
}

/// Unpacks an archive into a folder that is there and empty, and says how many bytes its files have. On failure the
/// folder holds a part of it, for the caller to remove.
pub fn extract(
    archive: &Path,
    into: &Path,
    (top, max_bytes, owner): (&str, u64, Option<(u32, u32)>),
    care: &mut Care<'_>,
) -> Result<u64, ExtractError> {
    let limits = Limits { top: top.to_owned(), max_bytes, owner };
    let file = File::open(archive).map_err(ExtractError::Archive)?;
    let reader = decode(BufReader::with_capacity(BUFFER, file)).map_err(ExtractError::Archive)?;
    unpack(reader, into, &limits, care)
}

/// The tar in a file, by its first bytes.
fn decode(mut file: BufReader<File>) -> io::Result<Box<dyn Read>> {
    use std::io::BufRead as _;

    let start = file.fill_buf()?;
    if start.starts_with(&ZSTD) {
        return Ok(Box::new(zstd::Decoder::with_buffer(file)?));
    }
    if start.starts_with(&GZIP) {
        return Ok(Box::new(MultiGzDecoder::new(file)));
    }
    Ok(Box::new(file))
}

/// Unpacks a tar.
pub(super) fn unpack(
    reader: impl Read,
    into: &Path,
    limits: &Limits,
    care: &mut Care<'_>,
) -> Result<u64, ExtractError> {
    let mut archive = Archive::new(reader);
    let mut unpacking = Unpacking { into, limits, made: BTreeSet::new(), bytes: 0, files: 0 };
    let begun = Instant::now();
    for entry in archive.entries().map_err(ExtractError::Archive)? {
        let mut entry = entry.map_err(ExtractError::Archive)?;
        let path = entry.path().map_err(ExtractError::Archive)?.into_owned();
        let kind = entry.header().entry_type();
        if matches!(kind, EntryType::XGlobalHeader) {
            continue;
        }
        let Some(place) = unpacking.place(&path, kind)? else { continue };
        if kind.is_dir() {
            unpacking.make_folder(&place)?;
            continue;
        }
        unpacking.claim(entry.size())?;
        let file = unpacking.make_file(&place)?;
        copy(&mut entry, file, &into.join(&place), &mut |bytes| {
            let bytes = unpacking.bytes - entry_left(bytes);
            care.tell(Progress { phase: "unpack", bytes, of: None, elapsed: begun.elapsed() });
            !care.stop.is_cancelled()
        })?;
    }
    if unpacking.files == 0 { Err(ExtractError::Empty) } else { Ok(unpacking.bytes) }
}
