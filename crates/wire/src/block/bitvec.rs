//! The self-describing bit vector of a header's PoX treatment.

use std::fmt;
use std::str::FromStr;

use crate::codec::{DecodeError, Reader, Wire, encode_bytes};
use crate::keys::text_serde;

/// A self-describing bit vector of 1 to 4000 bits, least significant bit first.
///
/// Bits past the end, in the last byte, mean nothing and are carried through unchanged. As text it
/// is the hex of its encoding, length prefixes included.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BitVec {
    bits: u16,
    bytes: Vec<u8>,
}

/// Why text is not a bit vector.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BitVecError {
    /// Not hex.
    #[error("a bit vector is written in hex digits")]
    Hex,
    /// Hex of something else.
    #[error("the hex digits are not the encoding of a bit vector")]
    Decode(#[source] DecodeError),
}

impl BitVec {
    /// The most bits that a header's bit vector may have: one for each reward slot.
    pub const MAX_LEN: u16 = 4000;

    /// `len` bits that are zero, if `len` is from 1 to [`Self::MAX_LEN`].
    pub fn new(len: u16) -> Option<Self> {
        Self::filled(len, 0x00)
    }

    /// `len` bits that are one, if `len` is from 1 to [`Self::MAX_LEN`]: every recipient is paid.
    pub fn all_set(len: u16) -> Option<Self> {
        let mut set = Self::filled(len, 0xff)?;
        let unused = (8 - len % 8) % 8;
        *set.bytes.last_mut()? >>= unused;
        Some(set)
    }

    fn filled(len: u16, byte: u8) -> Option<Self> {
        let has_valid_len = (1..=Self::MAX_LEN).contains(&len);
        has_valid_len.then(|| Self { bits: len, bytes: vec![byte; byte_len(len)] })
    }

    /// How many bits there are.
    #[expect(clippy::len_without_is_empty, reason = "a bit vector is never empty")]
    pub const fn len(&self) -> u16 {
        self.bits
    }

    /// The bit at `index`, or none past the end.
    pub fn get(&self, index: u16) -> Option<bool> {
        if index >= self.bits {
            return None;
        }
        let byte = self.bytes.get(usize::from(index / 8))?;
        Some(byte >> (index % 8) & 1 == 1)
    }

    /// Sets the bit at `index` and says whether there is one.
    pub fn set(&mut self, index: u16, value: bool) -> bool {
        let byte = self.bytes.get_mut(usize::from(index / 8)).filter(|_| index < self.bits);
        let Some(byte) = byte else { return false };
        let mask = 1 << (index % 8);
        *byte = if value { *byte | mask } else { *byte & !mask };
        true
    }

    /// Whether every bit is one. Signers refuse any other treatment.
    pub fn is_all_set(&self) -> bool {
        (0..self.bits).all(|index| self.get(index) == Some(true))
    }
}

impl Wire for BitVec {
    fn encode(&self, out: &mut Vec<u8>) {
        self.bits.encode(out);
        encode_bytes(&self.bytes, out);
    }

    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let bits = reader.u16("length of the bit vector")?;
        if !(1..=Self::MAX_LEN).contains(&bits) {
            return Err(DecodeError::Invalid { what: "length of the bit vector" });
        }
        let bytes = reader.bytes(u32::from(Self::MAX_LEN) / 8, "bytes of the bit vector")?;
        if bytes.len() != byte_len(bits) {
            return Err(DecodeError::Invalid { what: "byte count of the bit vector" });
        }
        Ok(Self { bits, bytes: bytes.to_vec() })
    }
}

impl FromStr for BitVec {
    type Err = BitVecError;

    fn from_str(text: &str) -> Result<Self, BitVecError> {
        let digits = text.strip_prefix("0x").unwrap_or(text);
        let bytes = hex::decode(digits).map_err(|_| BitVecError::Hex)?;
        Self::from_bytes(&bytes).map_err(BitVecError::Decode)
    }
}

impl fmt::Display for BitVec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.to_bytes()))
    }
}

text_serde!(BitVec);

fn byte_len(bits: u16) -> usize {
    usize::from(bits.div_ceil(8))
}
