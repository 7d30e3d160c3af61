//! Names of contracts, functions, variables and tuple fields.

use std::fmt;
use std::str::FromStr;

use crate::codec::{DecodeError, Reader, Wire};

/// A name of a function, variable, token or tuple field: at most 128 bytes of Clarity's grammar.
///
/// A letter, then letters, digits and `-_!?+<>=/*`; or one of the operators `+ - * / = < > <= >=`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClarityName(String);

/// A contract's name: a letter, then letters, digits, `-` and `_`; or `__transient`.
///
/// At most 40 bytes in transactions and 128 inside Clarity values. [`Wire`] reads the transaction's
/// form; [`Principal`](super::Principal) reads the value's.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ContractName(String);

/// Why text is not a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Empty, or over 128 bytes.
    #[error("a name has 1 to {MAX_NAME_LEN} characters")]
    Length,
    /// A character that may not stand where it does.
    #[error("a name starts with a letter and has only the letters, digits and signs of Clarity")]
    Grammar,
}

impl ClarityName {
    /// Checks length and grammar.
    pub fn new(name: &str) -> Result<Self, NameError> {
        check_len(name)?;
        let is_operator = matches!(name, "+" | "-" | "*" | "/" | "=" | "<" | ">" | "<=" | ">=");
        if is_operator || is_identifier(name, b"-_!?+<>=/*") {
            Ok(Self(name.to_owned()))
        } else {
            Err(NameError::Grammar)
        }
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl ContractName {
    /// Checks length (the 128 bytes of values) and grammar.
    pub fn new(name: &str) -> Result<Self, NameError> {
        check_len(name)?;
        if name == TRANSIENT || is_identifier(name, b"-_") {
            Ok(Self(name.to_owned()))
        } else {
            Err(NameError::Grammar)
        }
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Reads a name inside a Clarity value, where more than 40 bytes are allowed.
    pub(super) fn decode_in_value(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Self::decode_up_to(reader, MAX_NAME_LEN)
    }

    fn decode_up_to(reader: &mut Reader<'_>, max: u8) -> Result<Self, DecodeError> {
        Self::new(short_text(reader, max, "contract name")?)
            .map_err(|_| DecodeError::Invalid { what: "contract name" })
    }
}

impl Wire for ClarityName {
    fn encode(&self, out: &mut Vec<u8>) {
        encode_short(&self.0, out);
    }

    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Self::new(short_text(reader, MAX_NAME_LEN, "Clarity name")?)
            .map_err(|_| DecodeError::Invalid { what: "Clarity name" })
    }
}

impl Wire for ContractName {
    fn encode(&self, out: &mut Vec<u8>) {
        encode_short(&self.0, out);
    }

    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Self::decode_up_to(reader, MAX_CONTRACT_NAME_LEN)
    }
}

macro_rules! name_text {
    ($($name:ident),*) => {$(
        impl FromStr for $name {
            type Err = NameError;
            fn from_str(text: &str) -> Result<Self, NameError> {
                Self::new(text)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    )*};
}

name_text!(ClarityName, ContractName);

/// The longest name, in bytes.
const MAX_NAME_LEN: u8 = 128;
/// The longest contract name in a transaction, in bytes.
const MAX_CONTRACT_NAME_LEN: u8 = 40;
/// The name of the contract that evaluates one-off expressions; it breaks the grammar on purpose.
const TRANSIENT: &str = "__transient";

fn check_len(name: &str) -> Result<(), NameError> {
    if (1..=usize::from(MAX_NAME_LEN)).contains(&name.len()) {
        Ok(())
    } else {
        Err(NameError::Length)
    }
}

fn is_identifier(name: &str, signs: &[u8]) -> bool {
    name.starts_with(|first: char| first.is_ascii_alphabetic())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || signs.contains(&byte))
}

fn short_text<'a>(
    reader: &mut Reader<'a>,
    max: u8,
    what: &'static str,
) -> Result<&'a str, DecodeError> {
    let len = reader.u8(what)?;
    if len > max {
        return Err(DecodeError::TooLong { what, len: len.into(), max: max.into() });
    }
    std::str::from_utf8(reader.take(len.into(), what)?).map_err(|_| DecodeError::Invalid { what })
}

fn encode_short(text: &str, out: &mut Vec<u8>) {
    out.push(u8::try_from(text.len()).expect("a name has at most 128 bytes"));
    out.extend_from_slice(text.as_bytes());
}
