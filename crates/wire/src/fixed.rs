//! Fixed-length identifiers: hashes, ids and roots. Raw on the wire, lower-case hex in JSON.
//!
//! The node writes some hashes with `0x` and some without (`signer-wire.md` pitfall 19), so every
//! type here reads both forms. It writes the bare form; [`prefixed`] writes `0x`.

use std::fmt;

use crate::codec::{DecodeError, Reader, Wire};

/// Why text is not a fixed-length identifier.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected {expected} hex digits")]
pub struct HexError {
    /// How many hex digits the identifier has, without `0x`.
    pub expected: usize,
}

/// Reads exactly `N` bytes of hex, with or without `0x`, in either case.
pub fn parse_hex<const N: usize>(text: &str) -> Result<[u8; N], HexError> {
    let mut bytes = [0; N];
    let digits = text.strip_prefix("0x").unwrap_or(text);
    hex::decode_to_slice(digits, &mut bytes).map_err(|_| HexError { expected: N * 2 })?;
    Ok(bytes)
}

macro_rules! fixed_bytes {
    ($($(#[$doc:meta])* $name:ident[$len:literal];)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name([u8; $len]);

        impl $name {
            /// How many bytes the identifier has.
            pub const LEN: usize = $len;
            /// All bytes zero.
            pub const ZERO: Self = Self([0; $len]);

            /// The identifier with these bytes.
            pub const fn new(bytes: [u8; $len]) -> Self {
                Self(bytes)
            }

            /// The raw bytes.
            pub const fn as_bytes(&self) -> &[u8; $len] {
                &self.0
            }
        }

        impl Wire for $name {
            fn encode(&self, out: &mut Vec<u8>) {
                out.extend_from_slice(&self.0);
            }
            fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
                reader.array(stringify!($name)).map(Self)
            }
        }

        impl std::str::FromStr for $name {
            type Err = HexError;
            fn from_str(text: &str) -> Result<Self, HexError> {
                parse_hex(text).map(Self)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&hex::encode(self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({self})", stringify!($name))
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Text;
                impl serde::de::Visitor<'_> for Text {
                    type Value = $name;
                    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                        write!(f, "{} hex digits", $len * 2)
                    }
                    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<$name, E> {
                        text.parse().map_err(E::custom)
                    }
                }
                deserializer.deserialize_str(Text)
            }
        }
    )*};
}

fixed_bytes! {
    /// Identifies a burn block's sortition, and so the tenure of its winner.
    ConsensusHash[20];
    /// RIPEMD-160 of SHA-256: what addresses and miner key commitments hold.
    Hash160[20];
    /// Hash of a Bitcoin block header, in the byte order that the node prints.
    BurnBlockHash[32];
    /// The signer signature hash of a Nakamoto block: what its signers sign, and the same 32 bytes
    /// as its block hash.
    Sighash[32];
    /// The index block hash: SHA-512/256 of block hash and consensus hash.
    StacksBlockId[32];
    /// Identifies a transaction: SHA-512/256 of its encoding.
    Txid[32];
    /// Hash of a block or microblock header of epoch 2.
    BlockHeaderHash[32];
    /// A VRF proof of an epoch-2 header; nobody checks it any more.
    VrfProofBytes[80];
    /// Identifies a sortition across burn chain forks.
    SortitionId[32];
    /// Root of the Merkle tree over a block's transaction ids.
    TxMerkleRoot[32];
    /// Root of the chain state after a block.
    StateRoot[32];
}

/// Serde form with a `0x` prefix, for the endpoints that write one.
///
/// Use as `#[serde(with = "crate::fixed::prefixed")]` on a field of a fixed-length type.
pub mod prefixed {
    use std::fmt::Display;

    use serde::{Deserialize, Deserializer, Serializer};

    /// Writes `0x` and lower-case hex.
    pub fn serialize<T: Display, S: Serializer>(
        value: &T,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("0x{value}"))
    }

    /// Reads hex with or without `0x`.
    pub fn deserialize<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<T, D::Error> {
        T::deserialize(deserializer)
    }
}

/// [`prefixed`] for optional fields: absent values are `null`.
pub mod prefixed_option {
    use std::fmt::Display;

    use serde::{Deserialize, Deserializer, Serializer};

    /// Writes `0x` and lower-case hex, or `null`.
    pub fn serialize<T: Display, S: Serializer>(
        value: &Option<T>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        match value {
            Some(value) => serializer.collect_str(&format_args!("0x{value}")),
            None => serializer.serialize_none(),
        }
    }

    /// Reads hex with or without `0x`, or `null`.
    pub fn deserialize<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<T>, D::Error> {
        Option::deserialize(deserializer)
    }
}
