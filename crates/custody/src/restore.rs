//! A key out of its backup, and the proof that it is the right one.

use std::path::{Path, PathBuf};

use countersign_vault::{KeyError, SigningKey};
use countersign_wire::{PrivateKey, PublicKey};

use crate::error::OpenError;
use crate::open::{Opening, read};
use crate::place::Unlock;
use crate::sealed::is_age;
use crate::shares::{self, Share, ShareError, TextError};

/// The kind of a backup.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BackupKind {
    /// An age file.
    Age,
    /// Shares.
    Shares,
}

impl BackupKind {
    /// A word for machines.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Age => "age",
            Self::Shares => "shares",
        }
    }
}

/// Why a backup gives no key, or not the right one.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// It cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// More than one backup.
    #[error("name one age file, or the files of enough shares, and not both")]
    Mixed,
    /// A share cannot be read.
    #[error("line {line} of {}: {source}", path.display())]
    Text {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What is wrong with it.
        source: TextError,
    },
    /// The shares do not give a key.
    #[error(transparent)]
    Shares(#[from] ShareError),
    /// It is the backup of another key.
    #[error("this is the backup of the key {found}, and not of {expected}; look for the other one")]
    OtherKey {
        /// The key that is meant.
        expected: PublicKey,
        /// The key that came out.
        found: PublicKey,
    },
    /// The restored key does not sign.
    #[error("the restored key does not sign")]
    Key(#[from] KeyError),
    /// The operating system has no randomness.
    #[error("the operating system gives no random numbers")]
    Random(#[source] getrandom::Error),
}

/// Restores a key into memory: from one age file, or from files that hold shares, one a line; empty
/// lines and those that begin with `#` say nothing.
pub fn read_backup(
    files: &[PathBuf],
    unlock: &Unlock,
    opening: &mut Opening<'_>,
) -> Result<(PrivateKey, BackupKind), RestoreError> {
    let mut found = Vec::new();
    for path in files {
        let bytes = read("the backup", path)?;
        if is_age(&bytes) {
            return match files {
                [file] => Ok((opening.unseal(file, unlock)?, BackupKind::Age)),
                _ => Err(RestoreError::Mixed),
            };
        }
        found.extend(read_shares(path, &bytes)?);
    }
    Ok((shares::combine(&found)?, BackupKind::Shares))
}

fn read_shares(path: &Path, bytes: &[u8]) -> Result<Vec<Share>, RestoreError> {
    let text = str::from_utf8(bytes).unwrap_or_default();
    let lines = text.lines().enumerate().filter(|(_, line)| {
        let line = line.trim();
        !line.is_empty() && !line.starts_with('#')
    });
    lines
        .map(|(at, line)| {
            line.parse().map_err(|source| RestoreError::Text {
                path: path.to_owned(),
                line: at + 1,
                source,
            })
        })
        .collect()
}

/// Signs a challenge that nobody could foresee, and compares the key with the expected one.
pub fn prove(key: &SigningKey, expected: &PublicKey) -> Result<(), RestoreError> {
    let mut challenge = [0; 32];
    getrandom::fill(&mut challenge).map_err(RestoreError::Random)?;
    let found = key.sign(&challenge)?.recover(&challenge).unwrap_or_else(|| key.public_key());
    if found == *expected {
        Ok(())
    } else {
        Err(RestoreError::OtherKey { expected: *expected, found })
    }
}
