//! Where an archive comes from, and what it must be.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

/// Where an archive is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// On a server: `http://` or `https://`.
    Web(String),
    /// On this host: a path, or `file://` and a path.
    File(PathBuf),
}

/// SHA-256 of an archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Digest([u8; 32]);

/// Why a text names no archive or no hash.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SourceError {
    /// It is no address.
    #[error("{0:?} is no archive: give http://…, https://…, file:///… or a path")]
    Address(String),
    /// It is no hash.
    #[error("{0:?} is no SHA-256: 64 hex digits are expected")]
    Digest(String),
}

impl Digest {
    /// The hash of what was hashed.
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl FromStr for Digest {
    type Err = SourceError;

    fn from_str(text: &str) -> Result<Self, SourceError> {
        let bytes = hex::decode(text.trim()).ok().and_then(|bytes| bytes.try_into().ok());
        bytes.map(Self).ok_or_else(|| SourceError::Digest(text.to_owned()))
    }
}

impl FromStr for Source {
    type Err = SourceError;

    fn from_str(text: &str) -> Result<Self, SourceError> {
        let wrong = || SourceError::Address(text.to_owned());
        match text.split_once("://") {
            Some(("http" | "https", rest)) if !rest.is_empty() => Ok(Self::Web(text.to_owned())),
            Some(("file", path)) if path.starts_with('/') => Ok(Self::File(PathBuf::from(path))),
            Some(_) => Err(wrong()),
            None if text.is_empty() => Err(wrong()),
            None => Ok(Self::File(PathBuf::from(text))),
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Web(url) => f.write_str(url),
            Self::File(path) => path.display().fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[test]
    fn addresses_and_paths_are_told_apart() {
        let file = |path: &str| Ok(Source::File(PathBuf::from(path)));
        assert_eq!("file:///srv/a.tar.zst".parse(), file("/srv/a.tar.zst"));
        assert_eq!("a.tar.gz".parse(), file("a.tar.gz"));
        assert_eq!("https://x/a".parse(), Ok(Source::Web("https://x/a".to_owned())));
        for wrong in ["", "ftp://x/a", "file://host/a", "https://"] {
            assert!(wrong.parse::<Source>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_hash_has_64_digits() {
        let digits = "aB".repeat(32);
        assert_eq!(digits.parse::<Digest>().unwrap().to_string(), digits.to_lowercase());
        for wrong in ["", "latest", &digits[1..], &format!("{digits}00")] {
            assert!(wrong.parse::<Digest>().is_err(), "{wrong}");
        }
    }
}
