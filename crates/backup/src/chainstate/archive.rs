//! A folder as an archive: tar, zstd, and its SHA-256.

use std::fs::{self, File};
use std::io::{self, BufWriter, Read, Write};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::Instant;

use sha2::{Digest as _, Sha256};
use tar::{Builder, EntryType, Header};

use super::source::Digest;
use crate::sealed::Watched;
use crate::{Care, Progress};

/// Why a folder is not archived.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// Something in it cannot be read.
    #[error("{} cannot be read", path.display())]
    Read {
        /// What it is.
        path: PathBuf,
        /// What the operating system says.
        #[source]
        source: io::Error,
    },
    /// It is neither a file nor a folder.
    #[error("{} is neither a file nor a folder; a chainstate has nothing else, and a link would be lost", .0.display())]
    Special(PathBuf),
    /// It changed while it was read.
    #[error("{} changed while it was read, so the node runs", .0.display())]
    Changed(PathBuf),
    /// The archive cannot be written.
    #[error("the archive cannot be written; nothing was kept of it")]
    Write(#[source] io::Error),
    /// Somebody stopped the work.
    #[error("stopped before it was done; nothing is left of it")]
    Stopped,
}

/// What a folder holds.
#[derive(Debug, Default)]
pub(super) struct Listing {
    /// Every file and folder below it, each after the folder that it is in.
    entries: Vec<(PathBuf, fs::Metadata)>,
    /// The bytes of its files.
    pub(super) bytes: u64,
}

impl Listing {
    /// Lists a folder.
    pub(super) fn of(folder: &Path) -> Result<Self, ArchiveError> {
        let mut listing = Self::default();
        let mut folders = vec![folder.to_owned()];
        while let Some(folder) = folders.pop() {
            let unread = |source| ArchiveError::Read { path: folder.clone(), source };
            let mut paths = fs::read_dir(&folder)
                .and_then(|entries| {
                    entries.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>()
                })
                .map_err(unread)?;
            paths.sort_unstable();
            for path in paths {
                let metadata = path.symlink_metadata().map_err(unread)?;
                if metadata.is_dir() {
                    folders.push(path.clone());
                } else if metadata.is_file() {
                    listing.bytes += metadata.len();
                } else {
                    return Err(ArchiveError::Special(path));
                }
                listing.entries.push((path, metadata));
            }
        }
        Ok(listing)
    }
}

/// Writes everything in `listing`, which is of `folder`, into an archive in which the folder is called `name`. Who
/// owns the files is not in it: whoever unpacks it says so.
pub(super) fn write(
    (folder, name): (&Path, &str),
    listing: &Listing,
    out: &mut File,
    care: &mut Care<'_>,
) -> Result<(Digest, u64), ArchiveError> {
    let (mut digest, mut length) = (Sha256::new(), 0);
    let on_bytes = |passed: &[u8]| {
        digest.update(passed);
        length += passed.len() as u64;
    };
    let file = Watched { inner: BufWriter::with_capacity(BUFFER, out), on_bytes };
    let packed = pack((folder, name), listing, file, care)?;
    packed.inner.into_inner().map_err(|error| ArchiveError::Write(error.into_error()))?;
    Ok((Digest::new(digest.finalize().into()), length))
}

fn pack<W: Write>(
    (folder, name): (&Path, &str),
    listing: &Listing,
    out: W,
    care: &mut Care<'_>,
) -> Result<W, ArchiveError> {
    let mut encoder = zstd::Encoder::new(out, LEVEL).map_err(ArchiveError::Write)?;
    encoder.include_checksum(true).map_err(ArchiveError::Write)?;
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    encoder.multithread(u32::try_from(cores).unwrap_or(1)).map_err(ArchiveError::Write)?;
    let mut archive = Builder::new(encoder);
    let (begun, mut done) = (Instant::now(), 0);
    let root = fs::symlink_metadata(folder)
        .map_err(|source| ArchiveError::Read { path: folder.to_owned(), source })?;
    append(&mut archive, Path::new(name), &root, io::empty()).map_err(ArchiveError::Write)?;
    for (path, metadata) in &listing.entries {
        let below = path.strip_prefix(folder).expect("it was listed in this folder");
        let within = Path::new(name).join(below);
        if metadata.is_dir() {
            append(&mut archive, &within, metadata, io::empty()).map_err(ArchiveError::Write)?;
            continue;
        }
        let file =
            File::open(path).map_err(|source| ArchiveError::Read { path: path.clone(), source })?;
        let mut told = Told { file, failed: None, done, of: listing.bytes, begun, care };
        let appended = append(&mut archive, &within, metadata, &mut told);
        done = told.done;
        let (left, failed) = (told.file.read(&mut [0]).unwrap_or(0), told.failed.take());
        match (appended, failed) {
            (_, Some(Failed::Read(source))) => {
                return Err(ArchiveError::Read { path: path.clone(), source });
            }
            (_, Some(Failed::Stopped)) => return Err(ArchiveError::Stopped),
            (_, Some(Failed::Short)) => return Err(ArchiveError::Changed(path.clone())),
            (Err(source), None) => return Err(ArchiveError::Write(source)),
            (Ok(()), None) if left > 0 => return Err(ArchiveError::Changed(path.clone())),
            (Ok(()), None) => {}
        }
    }
    let encoder = archive.into_inner().map_err(ArchiveError::Write)?;
    encoder.finish().map_err(ArchiveError::Write)
}

fn append<W: Write>(
    archive: &mut Builder<W>,
    path: &Path,
    metadata: &fs::Metadata,
    data: impl Read,
) -> io::Result<()> {
    let mut header = Header::new_gnu();
    header.set_mode(metadata.mode() & 0o777);
    header.set_mtime(metadata.mtime().try_into().unwrap_or(0));
    if metadata.is_dir() {
        header.set_entry_type(EntryType::Directory);
        header.set_size(0);
        archive.append_data(&mut header, path, io::empty())
    } else {
        header.set_entry_type(EntryType::Regular);
        header.set_size(metadata.len());
        archive.append_data(&mut header, path, data.take(metadata.len()))
    }
}

/// A file that is read into an archive, and who is told of it.
struct Told<'a, 'b> {
    file: File,
    failed: Option<Failed>,
    done: u64,
    of: u64,
    begun: Instant,
    care: &'a mut Care<'b>,
}

/// Why the reading, and not the writing, failed.
enum Failed {
    Read(io::Error),
    Short,
    Stopped,
}

impl Read for Told<'_, '_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.care.stop.is_cancelled() {
            self.failed = Some(Failed::Stopped);
            return Err(io::ErrorKind::Other.into());
        }
        match self.file.read(buffer) {
            Ok(0) if !buffer.is_empty() => {
                // Only as much is asked for as the file had.
                self.failed = Some(Failed::Short);
                Err(io::ErrorKind::UnexpectedEof.into())
            }
            Ok(read) => {
                self.done += read as u64;
                let (bytes, of) = (self.done, Some(self.of));
                let elapsed = self.begun.elapsed();
                self.care.tell(Progress { phase: "archive", bytes, of, elapsed });
                Ok(read)
            }
            Err(error) => {
                self.failed = Some(Failed::Read(error));
                Err(io::ErrorKind::Other.into())
            }
        }
    }
}

const BUFFER: usize = 1 << 20;
/// zstd's own default: chainstate shrinks to a third, and the disk is the bottleneck.
const LEVEL: i32 = 3;
