//! Serde form of octets of any length: lower-case hex.
//!
//! The node writes some octets with `0x` and some without (`signer-wire.md` pitfall 19), so both
//! forms are read. The bare form is written.

use std::fmt;

use serde::{Deserializer, Serializer};

/// Writes bare hex.
pub(crate) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&hex::encode(bytes))
}

/// Reads hex with or without `0x`.
pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
    struct Text;
    impl serde::de::Visitor<'_> for Text {
        type Value = Vec<u8>;
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an even number of hex digits")
        }
        fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Vec<u8>, E> {
            parse(text).map_err(E::custom)
        }
    }
    deserializer.deserialize_str(Text)
}

/// The octets that `text` spells, with or without `0x`.
pub(crate) fn parse(text: &str) -> Result<Vec<u8>, hex::FromHexError> {
    hex::decode(text.strip_prefix("0x").unwrap_or(text))
}
