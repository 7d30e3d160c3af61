//! The last line's number and hash, kept beside the log.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::line::MAX_SEQ;
use super::{Files, LineHash, VERSION};

/// Which line is the last one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// The version of the format.
    pub v: u64,
    /// The line's number.
    pub seq: u64,
    /// Its hash.
    pub hash: LineHash,
    /// When it was written: milliseconds since 1970.
    pub at: u64,
}

/// Why a head cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum HeadError {
    /// The file cannot be read.
    #[error("the head {path} cannot be read")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// It does not say a number and a hash.
    #[error("{0} is no head of a decision log of version {VERSION}")]
    NoHead(PathBuf),
    /// What was noted is not `NUMBER:HASH`.
    #[error(
        "`{0}` is not NUMBER:HASH, a line's number and its 64 hex digits, as the signer's log has them"
    )]
    NotNoted(String),
}

impl Head {
    /// Reads the head of a log; none if there is no such file.
    pub fn read(path: &Path) -> Result<Option<Self>, HeadError> {
        let unreadable = |source| HeadError::Unreadable { path: path.to_owned(), source };
        let file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(unreadable(error)),
        };
        let mut text = Vec::new();
        file.take(MAX_LEN).read_to_end(&mut text).map_err(unreadable)?;
        match serde_json::from_slice::<Self>(&text) {
            Ok(head) if head.v == VERSION && head.seq <= MAX_SEQ => Ok(Some(head)),
            _ => Err(HeadError::NoHead(path.to_owned())),
        }
    }

    /// Reads `NUMBER:HASH`, as somebody has noted it elsewhere.
    pub fn noted(text: &str) -> Result<Self, HeadError> {
        let error = || HeadError::NotNoted(text.to_owned());
        let (seq, hash) = text.split_once(':').ok_or_else(error)?;
        let seq = seq.parse().ok().filter(|seq| *seq <= MAX_SEQ).ok_or_else(error)?;
        let hash = LineHash::parse(hash).ok_or_else(error)?;
        Ok(Self { v: VERSION, seq, hash, at: 0 })
    }

    /// Writes the head of a log whole or not at all.
    pub(super) fn write(&self, files: &Files) -> io::Result<()> {
        let draft = files.head().with_extension("new");
        let mut options = OpenOptions::new();
        let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(&draft)?;
        let mut text = serde_json::to_vec(self)?;
        text.push(b'\n');
        file.write_all(&text)?;
        file.sync_data()?;
        fs::rename(&draft, files.head())
    }
}

/// A head is far shorter.
const MAX_LEN: u64 = 4096;
