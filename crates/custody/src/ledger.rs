//! When each key's backup was last proven to work.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use countersign_wire::PublicKey;
use serde::{Deserialize, Serialize};

use crate::draft::replace;

/// A small JSON file beside the store. It holds no secret.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Ledger {
    /// The latest proof of each key.
    pub proofs: BTreeMap<PublicKey, Proof>,
}

/// A backup from which a key was restored and signed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Proof {
    /// When, in seconds since 1970.
    pub proven_at: u64,
    /// `age` or `shares`.
    pub kind: String,
}

/// Why the ledger cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// It cannot be read or written.
    #[error("the list of proven backups {} cannot be used", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        #[source]
        source: io::Error,
    },
    /// It is something else.
    #[error(
        "the list of proven backups {} is not one; delete it and prove the backups again", path.display()
    )]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        source: serde_json::Error,
    },
}

impl Ledger {
    /// Reads the file; none is an empty one.
    pub fn load(path: &Path) -> Result<Self, LedgerError> {
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(source) => return Err(LedgerError::Io { path: path.to_owned(), source }),
        };
        serde_json::from_str(&text)
            .map_err(|source| LedgerError::Malformed { path: path.to_owned(), source })
    }

    /// Adds a proof to the file.
    pub fn record(path: &Path, key: PublicKey, proof: Proof) -> Result<(), LedgerError> {
        let mut ledger = Self::load(path)?;
        ledger.proofs.insert(key, proof);
        let json = serde_json::to_string_pretty(&ledger).expect("hex, text and numbers are JSON");
        replace(path, format!("{json}\n").as_bytes())
            .map_err(|source| LedgerError::Io { path: path.to_owned(), source })
    }
}
