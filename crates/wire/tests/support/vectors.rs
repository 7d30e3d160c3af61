//! Reads golden vectors: `vectors/FAMILY/NAME.toml`, each with its origin, cases, tolerated inputs
//! and inputs that must be refused.

#![allow(clippy::disallowed_methods, reason = "a test reads its vectors from files")]

use std::path::Path;

use countersign_wire::{DecodeError, Wire};
use serde::Deserialize;
use serde::de::DeserializeOwned;

/// One file of vectors, whose cases have the form `C`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, bound = "C: DeserializeOwned")]
pub struct Vectors<C> {
    /// Where the vectors come from.
    pub origin: String,
    /// What must come out.
    #[serde(rename = "case")]
    pub cases: Vec<C>,
    /// Bytes that read as something that is written otherwise.
    #[serde(default)]
    pub tolerated: Vec<Tolerated>,
    /// What must not be read.
    #[serde(default)]
    pub refused: Vec<Refused>,
}

/// Bytes that decode, and what they encode to.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tolerated {
    pub name: String,
    /// Hex.
    #[serde(default, with = "hex::serde")]
    pub bytes: Vec<u8>,
    /// Hex.
    #[serde(default, with = "hex::serde")]
    pub encodes_to: Vec<u8>,
    #[serde(default)]
    pub text: String,
    #[serde(default)]
    pub reads_as: String,
}

/// What must not be read, and the variant of the error.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Refused {
    pub name: String,
    /// Hex.
    #[serde(default, with = "hex::serde")]
    pub bytes: Vec<u8>,
    #[serde(default)]
    pub text: String,
    pub error: String,
}

/// Reads `vectors/{path}`.
pub fn load<C: DeserializeOwned>(path: &str) -> Vectors<C> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../vectors").join(path);
    let text = std::fs::read_to_string(&file).unwrap();
    let vectors: Vectors<C> = toml::from_str(&text).unwrap();
    assert!(!vectors.origin.is_empty(), "{path} says where it is from");
    assert!(!vectors.cases.is_empty(), "{path} has cases");
    vectors
}

/// Checks every tolerated and refused input of a file of encodings.
pub fn check_tolerated_and_refused<T: Wire + std::fmt::Debug, C>(vectors: &Vectors<C>) {
    for tolerated in &vectors.tolerated {
        let value = T::from_bytes(&tolerated.bytes).expect(&tolerated.name);
        assert_eq!(value.to_bytes(), tolerated.encodes_to, "{}", tolerated.name);
        assert_ne!(tolerated.bytes, tolerated.encodes_to, "{}", tolerated.name);
    }
    for refused in &vectors.refused {
        let error = T::from_bytes(&refused.bytes).expect_err(&refused.name);
        assert_eq!(variant(&error), refused.error, "{}: {error}", refused.name);
    }
}

fn variant(error: &DecodeError) -> &'static str {
    match error {
        DecodeError::Truncated { .. } => "Truncated",
        DecodeError::TooLong { .. } => "TooLong",
        DecodeError::Invalid { .. } => "Invalid",
        DecodeError::UnknownTag { .. } => "UnknownTag",
        DecodeError::Trailing(_) => "Trailing",
    }
}
