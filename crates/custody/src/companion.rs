//! `PATH.pub`: what may be known of a sealed key without opening it.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use countersign_wire::PublicKey;
use serde::{Deserialize, Serialize};

use crate::draft::write_new;

/// What stands beside a sealed key file, as JSON. It holds no secret and guards nothing: it lets
/// `check-config` name the key, and it tells a file that was swapped by mistake.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Companion {
    /// The public key.
    pub public_key: PublicKey,
    /// When the key was born, in seconds since 1970, if this program made it: before that moment it
    /// has signed nothing, so its journal may begin empty.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub born_at: Option<u64>,
}

/// Why the companion cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CompanionError {
    /// It cannot be read.
    #[error("{} cannot be read", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        #[source]
        source: io::Error,
    },
    /// It is something else.
    #[error("{} is not what `countersign keys` writes; delete it to do without", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        source: serde_json::Error,
    },
}

impl Companion {
    /// The companion's path.
    pub fn path(sealed: &Path) -> PathBuf {
        let mut path = OsString::from(sealed);
        path.push(".pub");
        path.into()
    }

    /// Reads the companion of a sealed file; none is no error.
    pub fn beside(sealed: &Path) -> Result<Option<Self>, CompanionError> {
        let path = Self::path(sealed);
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(CompanionError::Unreadable { path, source }),
        };
        let read = serde_json::from_str(&text);
        read.map(Some).map_err(|source| CompanionError::Malformed { path, source })
    }

    /// Writes the companion of a sealed file, which must not have one.
    pub(crate) fn write(&self, sealed: &Path) -> io::Result<()> {
        let json = serde_json::to_string(self).expect("hex and numbers are JSON");
        write_new(&Self::path(sealed), format!("{json}\n").as_bytes())
    }
}
