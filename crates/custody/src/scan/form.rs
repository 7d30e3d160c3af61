//! The forms in which a key was written.

use std::fmt;

use serde::{Serialize, Serializer};

/// A form that a key, or a text with a key, was written in.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Form {
    /// Hex digits, with or without the `01` that marks a compressed key.
    Hex,
    /// Base64, of either alphabet.
    Base64,
    /// Base58 with version and checksum, as Bitcoin wallets export keys.
    Wif,
    /// A mnemonic, and the path from it to the key.
    Mnemonic {
        /// The derivation path, as in BIP-32.
        path: String,
    },
    /// Bytes as they are, such as in DER.
    Raw,
    /// A list of numbers below 256, or of pairs of hex digits with something between them.
    List,
    /// UTF-16 text.
    Utf16,
}

impl fmt::Display for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Hex => f.write_str("hex"),
            Self::Base64 => f.write_str("base64"),
            Self::Wif => f.write_str("WIF"),
            Self::Mnemonic { path } => write!(f, "mnemonic ({path})"),
            Self::Raw => f.write_str("raw bytes"),
            Self::List => f.write_str("list of bytes"),
            Self::Utf16 => f.write_str("UTF-16"),
        }
    }
}

impl Serialize for Form {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
