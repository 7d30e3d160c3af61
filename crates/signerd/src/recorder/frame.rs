//! The layout of a file: magic and format version, then frames.
//!
//! A frame is its length (four bytes, big-endian, of the payload), its kind (one byte), a checksum
//! of these five, the payload, and a checksum of the payload. A checksum is the first four bytes of
//! SHA-512/256. So a spoilt length is told from a file that was cut.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};

use countersign_signer::Recorded as _;
use countersign_wire::hash::sha512_256;
use countersign_wire::{DecodeError, Network, PublicKey};

/// How a recording begins.
pub(super) const MAGIC: [u8; 8] = *b"csignrec";
/// The version of the layout that is written, and the only one that is read.
pub const FORMAT: u16 = 2;

/// What a frame holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// [`Header`].
    Header,
    /// What the core started from, and what came of it.
    Start,
    /// An event, and what came of it.
    Event,
    /// Why the recording ends.
    End,
}

impl Kind {
    const fn tag(self) -> u8 {
        match self {
            Self::Header => 1,
            Self::Start => 2,
            Self::Event => 3,
            Self::End => 4,
        }
    }

    const fn of(tag: u8) -> Option<Self> {
        match tag {
            1 => Some(Self::Header),
            2 => Some(Self::Start),
            3 => Some(Self::Event),
            4 => Some(Self::End),
            _ => None,
        }
    }
}

/// Who recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// The program and its version.
    pub program: String,
    /// The signer.
    pub key: PublicKey,
    /// Its network.
    pub network: Network,
}

impl Header {
    /// The beginning of a file.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        bytes.extend_from_slice(&FORMAT.to_be_bytes());
        let payload = (self.program.clone(), self.key, self.network).to_recording();
        bytes.extend(frame(Kind::Header, &payload).expect("a header is short"));
        bytes
    }

    fn from_payload(payload: &[u8]) -> Result<Self, DecodeError> {
        let (program, key, network) = <_>::from_recording(payload)?;
        Ok(Self { program, key, network })
    }
}

/// The bytes of a frame; none if the payload is too long for one.
pub(super) fn frame(kind: Kind, payload: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = u32::try_from(payload.len()).ok()?.to_be_bytes().to_vec();
    bytes.push(kind.tag());
    bytes.extend(checksum(&bytes));
    bytes.extend_from_slice(payload);
    bytes.extend(checksum(payload));
    Some(bytes)
}

fn checksum(bytes: &[u8]) -> [u8; 4] {
    let [a, b, c, d, ..] = sha512_256(&[bytes]);
    [a, b, c, d]
}

/// Why a recording cannot be played, or not on.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The file cannot be read.
    #[error("the recording {path} cannot be read")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// It is something else.
    #[error(
        "{0} is no recording of a signer; name a file of the folder that `countersign.record` names"
    )]
    NotARecording(PathBuf),
    /// Another version of this program wrote it.
    #[error(
        "the recording {path} has the format {format}, and this program reads format {FORMAT}; \
         replay it with the version of this program that wrote it"
    )]
    OtherFormat {
        /// The file.
        path: PathBuf,
        /// Its format.
        format: u16,
    },
    /// Its start is not complete.
    #[error("the recording {0} ends before the signer's start is told; nothing can be replayed")]
    NoStart(PathBuf),
    /// A checksum does not match.
    #[error(
        "the recording {path} is damaged in the frame at byte {offset}: its checksum does not match; \
         take another copy of it, or replay what is before: head -c {offset} {path}"
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Where the frame begins.
        offset: u64,
    },
    /// What a good checksum covers makes no sense here.
    #[error(
        "the frame at byte {offset} of the recording {path} cannot be understood; replay it with the \
         program that wrote it: {program}"
    )]
    NotUnderstood {
        /// The file.
        path: PathBuf,
        /// Where the frame begins.
        offset: u64,
        /// The program that wrote it.
        program: String,
        /// What is wrong.
        #[source]
        source: DecodeError,
    },
}

/// What comes next in a file.
#[derive(Debug)]
pub(super) enum Next {
    /// A whole frame, and where it begins.
    Frame { kind: Kind, payload: Vec<u8>, offset: u64 },
    /// Nothing.
    End,
    /// The beginning of a frame, and where it is.
    Cut { offset: u64 },
}

/// Reads a file from its beginning to its end.
#[derive(Debug)]
pub(super) struct Frames {
    path: PathBuf,
    input: BufReader<File>,
    offset: u64,
    len: u64,
}

impl Frames {
    /// Opens a recording and reads its header.
    pub(super) fn open(path: &Path) -> Result<(Header, Self), ReadError> {
        let unreadable = |source| ReadError::Unreadable { path: path.to_owned(), source };
        let file = File::open(path).map_err(unreadable)?;
        let len = file.metadata().map_err(unreadable)?.len();
        let mut frames =
            Self { path: path.to_owned(), input: BufReader::new(file), offset: 0, len };
        let mut magic = [0; MAGIC.len()];
        let mut format = [0; 2];
        let is_ours = len >= FIRST_FRAME
            && frames.read(&mut magic).is_ok()
            && magic == MAGIC
            && frames.read(&mut format).is_ok();
        if !is_ours {
            return Err(ReadError::NotARecording(path.to_owned()));
        }
        let format = u16::from_be_bytes(format);
        if format != FORMAT {
            return Err(ReadError::OtherFormat { path: path.to_owned(), format });
        }
        let Next::Frame { kind: Kind::Header, payload, offset } = frames.next()? else {
            return Err(ReadError::NoStart(path.to_owned()));
        };
        let header = Header::from_payload(&payload)
            .map_err(|source| frames.not_understood(offset, "unknown", source))?;
        Ok((header, frames))
    }

    /// The next frame.
    pub(super) fn next(&mut self) -> Result<Next, ReadError> {
        let offset = self.offset;
        match self.len.saturating_sub(offset) {
            0 => return Ok(Next::End),
            left if left < HEAD_LEN => return Ok(Next::Cut { offset }),
            _ => {}
        }
        let mut head = [0; 5];
        let mut check = [0; 4];
        self.read(&mut head)?;
        self.read(&mut check)?;
        let [len @ .., tag] = head;
        let len = u64::from(u32::from_be_bytes(len));
        let damaged = || ReadError::Damaged { path: self.path.clone(), offset };
        if check != checksum(&head) {
            return Err(damaged());
        }
        let kind = Kind::of(tag).ok_or_else(damaged)?;
        if len + CHECK_LEN > self.len - self.offset {
            return Ok(Next::Cut { offset });
        }
        let mut payload = vec![0; usize::try_from(len).map_err(|_| damaged())?];
        self.read(&mut payload)?;
        self.read(&mut check)?;
        if check != checksum(&payload) {
            return Err(ReadError::Damaged { path: self.path.clone(), offset });
        }
        Ok(Next::Frame { kind, payload, offset })
    }

    /// The error about a frame that makes no sense.
    pub(super) fn not_understood(
        &self,
        offset: u64,
        program: &str,
        source: DecodeError,
    ) -> ReadError {
        let (path, program) = (self.path.clone(), program.to_owned());
        ReadError::NotUnderstood { path, offset, program, source }
    }

    fn read(&mut self, bytes: &mut [u8]) -> Result<(), ReadError> {
        let read = self.input.read_exact(bytes);
        read.map_err(|source| ReadError::Unreadable { path: self.path.clone(), source })?;
        self.offset += bytes.len() as u64;
        Ok(())
    }
}

/// Where the first frame begins.
const FIRST_FRAME: u64 = 10;
/// Length, kind and their checksum.
const HEAD_LEN: u64 = 9;
/// The checksum after a payload.
const CHECK_LEN: u64 = 4;
