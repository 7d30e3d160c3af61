//! What every line begins with.

use std::fmt;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest as _, Sha256};

/// The version of the format. Readers refuse others, since nothing is known about their chain.
pub const VERSION: u64 = 1;

/// The highest number of a line: every reader of JSON knows it exactly, and adding to it cannot overflow.
pub(super) const MAX_SEQ: u64 = (1 << 53) - 1;

/// The SHA-256 of a line without its end.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct LineHash([u8; 32]);

impl LineHash {
    /// What the very first line of a log names as the one before.
    pub const NONE: Self = Self([0; 32]);

    /// The hash of a line's bytes, without the line's end.
    pub fn of(line: &[u8]) -> Self {
        Self(Sha256::digest(line).into())
    }

    /// Reads 64 hex digits.
    pub fn parse(text: &str) -> Option<Self> {
        let mut bytes = [0; 32];
        hex::decode_to_slice(text, &mut bytes).ok()?;
        Some(Self(bytes))
    }
}

impl fmt::Display for LineHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for LineHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for LineHash {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for LineHash {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        Self::parse(&text).ok_or_else(|| D::Error::custom("not 64 hex digits"))
    }
}

/// The part of a line that the chain is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub struct Frame {
    /// The version of the format.
    pub v: u64,
    /// The line's number. The first line of a log has 0; numbers go on across files and restarts.
    pub seq: u64,
    /// The hash of the line before.
    pub prev: LineHash,
    /// When the line was written: milliseconds since 1970.
    pub at: u64,
}

/// Why a line is none of a chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// It is no JSON object with `v`, `seq`, `prev` and `at`.
    #[error("it is no line of a chained log")]
    Unreadable,
    /// Its version is not ours.
    #[error("it has version {0} of the format, and this program knows {VERSION}")]
    Version(u64),
}

impl Frame {
    /// Reads a line without its end.
    pub fn parse(line: &[u8]) -> Result<Self, FrameError> {
        let frame: Self = serde_json::from_slice(line).map_err(|_| FrameError::Unreadable)?;
        match frame.v {
            VERSION if frame.seq > MAX_SEQ => Err(FrameError::Unreadable),
            VERSION => Ok(frame),
            other => Err(FrameError::Version(other)),
        }
    }
}

/// A line as it is written.
#[derive(Serialize)]
pub(super) struct Line<'a, T> {
    pub(super) v: u64,
    pub(super) seq: u64,
    pub(super) prev: LineHash,
    pub(super) at: u64,
    #[serde(flatten)]
    pub(super) body: &'a T,
}
