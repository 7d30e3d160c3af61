//! How a key comes into a place: made there, or sealed at birth.

use std::io;
use std::path::PathBuf;

use countersign_vault::{TokenError, TokenKey, TokenPin, TokenPlace};
use countersign_wire::{PrivateKey, PublicKey};
use zeroize::Zeroizing;

use crate::companion::Companion;
use crate::draft::write_new;
use crate::guard::{self, Unsafe};
use crate::sealed::{Seal, SealError, seal};

/// Where a key is to go.
pub enum Destination {
    /// A new age file.
    Age {
        /// The file, which must not be there.
        file: PathBuf,
        /// What it is sealed with.
        with: Seal,
        /// Whether the folder may be one that others can write into.
        is_private_network: bool,
    },
    /// A token, under a label that is not taken.
    Token {
        /// The token and the label.
        place: TokenPlace,
        /// Its PIN.
        pin: TokenPin,
    },
}

/// Why a key does not come into its place. Nothing was written, unless it says so.
#[derive(Debug, thiserror::Error)]
pub enum BirthError {
    /// Something is there already.
    #[error("{} is there already, and a key is never overwritten; name another file", path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// The file cannot be written.
    #[error("{} cannot be written", path.display())]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        #[source]
        source: io::Error,
    },
    /// Others can write into the folder.
    #[error(transparent)]
    Unsafe(#[from] Unsafe),
    /// It cannot be sealed.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// The token.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// The operating system has no randomness.
    #[error("the operating system gives no random numbers")]
    Random(#[source] getrandom::Error),
}

/// Draws a key from the operating system's generator.
pub fn new_key() -> Result<PrivateKey, BirthError> {
    loop {
        let mut bytes = Zeroizing::new([0; 32]);
        getrandom::fill(bytes.as_mut()).map_err(BirthError::Random)?;
        // A number beyond the order of the curve comes once in 2^127 draws.
        if let Ok(key) = PrivateKey::from_bytes(*bytes) {
            return Ok(key);
        }
    }
}

/// Puts a key into a place. Given none, a new one is made: by the token itself, if that is where it
/// goes, so that it never was anywhere else.
///
/// `born_at` is written down for a new key, in seconds since 1970.
pub fn store(
    key: Option<&PrivateKey>,
    to: &Destination,
    born_at: u64,
) -> Result<PublicKey, BirthError> {
    match to {
        Destination::Token { place, pin } => Ok(match key {
            Some(key) => TokenKey::take_in(place, pin, key)?,
            None => TokenKey::generate(place, pin)?,
        }),
        Destination::Age { file, with, is_private_network } => {
            let made;
            let (key, born_at) = if let Some(key) = key {
                (key, None)
            } else {
                made = new_key()?;
                (&made, Some(born_at))
            };
            let sealed = seal(key, with)?;
            let folder = match file.parent() {
                Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
                _ => PathBuf::from("."),
            };
            if !is_private_network {
                guard::folder_refuse(&folder)?;
            }
            let companion = Companion { public_key: key.public_key(), born_at };
            if let Some(path) =
                [file.clone(), Companion::path(file)].into_iter().find(|path| path.exists())
            {
                return Err(BirthError::Exists { path });
            }
            write_new(file, &sealed).map_err(|source| unwritten(file.clone(), source))?;
            companion.write(file).map_err(|source| unwritten(Companion::path(file), source))?;
            Ok(companion.public_key)
        }
    }
}

fn unwritten(path: PathBuf, source: io::Error) -> BirthError {
    if source.kind() == io::ErrorKind::AlreadyExists {
        BirthError::Exists { path }
    } else {
        BirthError::Unwritable { path, source }
    }
}
