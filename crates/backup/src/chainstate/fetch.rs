//! A download that goes on where it was broken off, and is believed only by its hash.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

use countersign_ops::secret::write_private;
use hyper::StatusCode;
use hyper::header::{
    CONTENT_LENGTH, CONTENT_RANGE, ETAG, HeaderMap, HeaderName, HeaderValue, IF_RANGE,
    LAST_MODIFIED, RANGE,
};
use rustix::fs::OFlags;

use super::source::{Digest, Source};
use crate::digest::{Halt, sha256};
use crate::http::{Answer, HttpClient, HttpError};
use crate::{Care, Progress};

/// An archive on this host's disk, with the hash that it was to have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetched {
    /// Where it is.
    pub path: PathBuf,
    /// Whether it was downloaded for this, and may be removed.
    pub is_ours: bool,
    /// How many bytes arrived from the server this time.
    pub downloaded: u64,
    /// How long it is.
    pub bytes: u64,
}

/// Why there is no archive.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The server gave none.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// The server does not say how long it is, so it cannot be told whether there is room.
    #[error(
        "{0} does not say how long the archive is; download it by other means and name the file"
    )]
    NoLength(String),
    /// There is no room.
    #[error(
        "there is no room in {}: {needed} bytes are needed, for the archive and twice as much for what is in it, and \
         {free} are free", folder.display()
    )]
    Full {
        /// The folder.
        folder: PathBuf,
        /// How many bytes are needed.
        needed: u64,
        /// How many are free.
        free: u64,
    },
    /// It is another archive than the one that was meant.
    #[error(
        "the archive is another one than was meant: its SHA-256 is {found}, and was to be {expected}; what was \
         downloaded was removed"
    )]
    Other {
        /// The hash that it was to have.
        expected: Digest,
        /// The hash that it has.
        found: Digest,
    },
    /// A file cannot be read or written.
    #[error("{} cannot be read or written", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        #[source]
        source: io::Error,
    },
    /// Somebody stopped the work.
    #[error("stopped before it was done; the same command goes on from here")]
    Stopped,
}

/// Brings the archive with this hash into `folder`, or finds it where it is. What an earlier call has downloaded is
/// not downloaded again.
pub fn fetch(
    client: &HttpClient,
    source: &Source,
    digest: Digest,
    folder: &Path,
    care: &mut Care<'_>,
) -> Result<Fetched, FetchError> {
    let (path, downloaded) = match source {
        Source::File(path) => (path.clone(), 0),
        Source::Web(url) => {
            let download = Download::new(folder, digest);
            let downloaded = download.run(client, url, care)?;
            (download.part, downloaded)
        }
    };
    let bytes = path.metadata().map_err(|source| failed(&path, source))?.len();
    room(folder, bytes, 2)?;
    let found = hash(&path, care)?;
    let is_ours = matches!(source, Source::Web(_));
    if found != digest {
        if is_ours {
            Download::new(folder, digest).forget()?;
        }
        return Err(FetchError::Other { expected: digest, found });
    }
    Ok(Fetched { path, is_ours, downloaded, bytes })
}

/// Refuses if there is not this much room, so many times.
fn room(folder: &Path, bytes: u64, times: u64) -> Result<(), FetchError> {
    let free = free(folder).map_err(|source| failed(folder, source))?;
    let needed = bytes.saturating_mul(times);
    if needed > free {
        return Err(FetchError::Full { folder: folder.to_owned(), needed, free });
    }
    Ok(())
}

/// The free bytes of the file system that a folder is on.
pub(super) fn free(folder: &Path) -> io::Result<u64> {
    let space = rustix::fs::statvfs(folder)?;
    Ok(space.f_bavail.saturating_mul(space.f_frsize))
}

fn hash(path: &Path, care: &mut Care<'_>) -> Result<Digest, FetchError> {
    match sha256(path, "check", care) {
        Ok((_, hash)) => Ok(Digest::new(hash)),
        Err(Halt::Stopped) => Err(FetchError::Stopped),
        Err(Halt::Io(source)) => Err(failed(path, source)),
    }
}

fn failed(path: &Path, source: io::Error) -> FetchError {
    FetchError::Io { path: path.to_owned(), source }
}

/// A file that is on its way.
struct Download {
    part: PathBuf,
    /// What the server called the version that is on its way.
    tag: PathBuf,
}

impl Download {
    /// Its name holds its hash, so the next call finds it, and a call for another archive does not.
    fn new(folder: &Path, digest: Digest) -> Self {
        let name = format!(".chainstate-{digest}");
        Self { part: folder.join(format!("{name}.part")), tag: folder.join(format!("{name}.tag")) }
    }

    /// Removes what there is of it.
    fn forget(&self) -> Result<(), FetchError> {
        for path in [&self.part, &self.tag] {
            match fs::remove_file(path) {
                Err(source) if source.kind() != io::ErrorKind::NotFound => {
                    return Err(failed(path, source));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Downloads what is missing, and says how many bytes that was.
    fn run(&self, client: &HttpClient, url: &str, care: &mut Care<'_>) -> Result<u64, FetchError> {
        let (mut total, mut furthest, mut failures) = (0, 0, 0);
        loop {
            let (arrived, done) = self.attempt(client, url, care)?;
            total += arrived;
            let reached = self.part.metadata().map_or(0, |part| part.len());
            match done {
                Ok(()) => return Ok(total),
                Err(error) if !error.is_transient() => return Err(error.into()),
                // Whatever comes further than ever before is no failure.
                Err(_) if reached > furthest => (furthest, failures) = (reached, 0),
                Err(error) if failures >= MAX_FAILURES => return Err(error.into()),
                Err(_) => failures += 1,
            }
            if care.stop.is_cancelled() {
                return Err(FetchError::Stopped);
            }
            sleep(PAUSE * failures);
        }
    }

    /// Asks for the rest once. Gives how many bytes arrived, and what broke it off if anything did.
    fn attempt(
        &self,
        client: &HttpClient,
        url: &str,
        care: &mut Care<'_>,
    ) -> Result<(u64, Result<(), HttpError>), FetchError> {
        let mut file = self.open()?;
        let io = |source| failed(&self.part, source);
        let have = file.seek(SeekFrom::End(0)).map_err(io)?;
        let answer = match client.open(url, &self.resumption(have)) {
            Err(HttpError::Stopped) => return Err(FetchError::Stopped),
            Err(error) if error.is_transient() => return Ok((0, Err(error))),
            answer => answer?,
        };
        let (begins, length) = match Start::of(&answer, url, have)? {
            Start::At { begins, length } => {
                let needed = length.saturating_mul(3).saturating_sub(begins);
                room(self.folder(), needed, 1)?;
                (begins, length)
            }
            Start::Complete => return Ok((0, Ok(()))),
            Start::Later(error) => return Ok((0, Err(error))),
        };
        file.set_len(begins).and_then(|()| file.seek(SeekFrom::Start(begins))).map_err(io)?;
        self.remember(&answer.headers)?;
        let (mut body, mut arrived, clock) = (answer.body, 0, Instant::now());
        let end = loop {
            match body.next() {
                // There is room for what it said, and not for whatever it sends.
                Ok(Some(block)) if begins + arrived + block.len() as u64 > length => {
                    let limit = usize::try_from(length).unwrap_or(usize::MAX);
                    break Err(HttpError::TooLarge { url: url.to_owned(), limit });
                }
                Ok(Some(block)) => {
                    file.write_all(&block).map_err(io)?;
                    arrived += block.len() as u64;
                    let (bytes, elapsed) = (begins + arrived, clock.elapsed());
                    care.tell(Progress { phase: "download", bytes, of: Some(length), elapsed });
                }
                Ok(None) => break Ok(()),
                Err(error) => break Err(error),
            }
        };
        file.sync_data().map_err(io)?;
        match end {
            Err(HttpError::Stopped) => Err(FetchError::Stopped),
            end => Ok((arrived, end)),
        }
    }

    fn open(&self) -> Result<File, FetchError> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false).mode(0o600);
        // The folder is the node's, and we may be root.
        options.custom_flags(OFlags::NOFOLLOW.bits().cast_signed());
        options.open(&self.part).map_err(|source| failed(&self.part, source))
    }

    fn folder(&self) -> &Path {
        self.part.parent().unwrap_or(Path::new("."))
    }

    /// Asks for the rest of the very version that the beginning is of.
    fn resumption(&self, have: u64) -> Vec<(HeaderName, HeaderValue)> {
        let tag = fs::read(&self.tag).ok().and_then(|tag| HeaderValue::from_bytes(&tag).ok());
        let range = HeaderValue::from_str(&format!("bytes={have}-")).ok();
        match (tag, range) {
            (Some(tag), Some(range)) if have > 0 => vec![(RANGE, range), (IF_RANGE, tag)],
            _ => Vec::new(),
        }
    }

    /// Keeps what the server calls this version; without that, the next attempt begins anew.
    fn remember(&self, headers: &HeaderMap) -> Result<(), FetchError> {
        let tag = headers.get(ETAG).filter(|tag| !tag.as_bytes().starts_with(b"W/"));
        let tag = tag.or(headers.get(LAST_MODIFIED)).map_or(&b""[..], HeaderValue::as_bytes);
        write_private(&self.tag, tag).map_err(|source| failed(&self.tag, source))
    }
}

/// What a server gives.
enum Start {
    /// The archive from this byte on, of so many.
    At { begins: u64, length: u64 },
    /// Nothing, because we have it all.
    Complete,
    /// Nothing now.
    Later(HttpError),
}

impl Start {
    fn of(answer: &Answer<'_>, url: &str, have: u64) -> Result<Self, FetchError> {
        let refused = || HttpError::Refused { url: url.to_owned(), status: answer.status.as_u16() };
        match answer.status {
            StatusCode::OK => {
                let length = length_of(answer);
                let length = length.ok_or_else(|| FetchError::NoLength(url.to_owned()))?;
                Ok(Self::At { begins: 0, length })
            }
            StatusCode::PARTIAL_CONTENT => match range_of(&answer.headers) {
                Some((begins, Some(length))) if begins == have => Ok(Self::At { begins, length }),
                _ => Err(refused().into()),
            },
            // There is nothing behind what we have. Whether it is the archive, its hash will say.
            StatusCode::RANGE_NOT_SATISFIABLE if have > 0 => Ok(Self::Complete),
            _ if refused().is_transient() => Ok(Self::Later(refused())),
            _ => Err(refused().into()),
        }
    }
}

/// How long the whole archive is, if the answer says so.
fn length_of(answer: &Answer<'_>) -> Option<u64> {
    if let Some((_, length)) = range_of(&answer.headers) {
        return length;
    }
    answer.headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// `Content-Range: bytes 5-9/10`: where it begins, and how long the whole is.
fn range_of(headers: &HeaderMap) -> Option<(u64, Option<u64>)> {
    let text = headers.get(CONTENT_RANGE)?.to_str().ok()?.strip_prefix("bytes ")?;
    let (range, length) = text.split_once('/')?;
    let (begins, _) = range.split_once('-')?;
    Some((begins.parse().ok()?, length.parse().ok()))
}

/// How often in a row a server may bring nothing.
const MAX_FAILURES: u32 = 4;
const PAUSE: Duration = Duration::from_millis(500);
