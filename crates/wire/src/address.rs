//! Stacks addresses and their c32check text form (`signer-wire.md` section 1.4, SIP-005).

use std::fmt;
use std::str::FromStr;

use crate::codec::{DecodeError, Reader, Wire};
use crate::fixed::Hash160;
use crate::hash::sha256;
use crate::keys::{PublicKey, text_serde};
use crate::network::Network;

/// A version byte below 32 and the hash of a key or script.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StacksAddress {
    version: u8,
    hash: Hash160,
}

impl StacksAddress {
    /// The address with this version, which must be below 32.
    pub const fn new(version: u8, hash: Hash160) -> Option<Self> {
        if version < 32 { Some(Self { version, hash }) } else { None }
    }

    pub(crate) const fn from_parts_unchecked(version: u8, hash: Hash160) -> Self {
        Self { version, hash }
    }

    /// The single-signature address of a key on `network`.
    pub fn single_sig(network: Network, key: &PublicKey) -> Self {
        Self { version: network.single_sig_version(), hash: key.hash160() }
    }

    /// The version byte.
    pub const fn version(&self) -> u8 {
        self.version
    }

    /// The hash of the key or script.
    pub const fn hash(&self) -> &Hash160 {
        &self.hash
    }

    /// Whether this is the address of the boot contracts on any network.
    pub fn is_boot(&self) -> bool {
        self.hash == Hash160::ZERO
    }
}

/// Why text is not a Stacks address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// Too short or too long to hold a version, 20 bytes and a checksum.
    #[error("an address holds a version, 20 bytes and a checksum, about 41 characters in all")]
    Length,
    /// A character outside the c32 alphabet.
    #[error("`{0}` is not a character of a Stacks address")]
    Character(char),
    /// The last characters do not fit the others: a typing error.
    #[error("the checksum of the address does not match; check for a mistyped character")]
    Checksum,
}

/// Reads c32check as leniently as the network does: in either case, with `O` for zero and `L` or `I`
/// for one, and whatever the first character is.
impl FromStr for StacksAddress {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        if text.len() > MAX_TEXT_LEN {
            return Err(AddressError::Length);
        }
        let mut characters = text.chars().skip(1);
        let version = c32_digit(characters.next().ok_or(AddressError::Length)?)?;
        let digits = characters.map(c32_digit).collect::<Result<Vec<_>, _>>()?;
        let payload = from_c32(&digits);
        let (hash, checksum) = payload.split_first_chunk::<20>().ok_or(AddressError::Length)?;
        if checksum.len() != CHECKSUM_LEN {
            return Err(AddressError::Length);
        }
        let hash = Hash160::new(*hash);
        if checksum != c32_checksum(version, &hash) {
            return Err(AddressError::Checksum);
        }
        Ok(Self { version, hash })
    }
}

impl fmt::Display for StacksAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut payload = self.hash.as_bytes().to_vec();
        payload.extend_from_slice(&c32_checksum(self.version, &self.hash));
        let mut text = String::from("S");
        text.push(c32_character(self.version));
        text.extend(to_c32(&payload).into_iter().map(c32_character));
        f.write_str(&text)
    }
}

impl fmt::Debug for StacksAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StacksAddress({self})")
    }
}

text_serde!(StacksAddress);

impl Wire for StacksAddress {
    fn encode(&self, out: &mut Vec<u8>) {
        out.push(self.version);
        self.hash.encode(out);
    }

    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let version = reader.u8("address version")?;
        let hash = Hash160::decode(reader)?;
        Self::new(version, hash).ok_or(DecodeError::Invalid { what: "address version" })
    }
}

const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const CHECKSUM_LEN: usize = 4;
/// Far above every valid address, so that conversion works on little.
const MAX_TEXT_LEN: usize = 128;

fn c32_checksum(version: u8, hash: &Hash160) -> [u8; CHECKSUM_LEN] {
    let [a, b, c, d, ..] = sha256(&[&sha256(&[&[version], hash.as_bytes()])]);
    [a, b, c, d]
}

/// The digits of `bytes` as one big-endian number: no leading zero digits, but then one zero for
/// each leading zero byte.
fn to_c32(bytes: &[u8]) -> Vec<u8> {
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    regroup::<8, 5>(bytes, zeros)
}

/// The inverse of [`to_c32`].
fn from_c32(digits: &[u8]) -> Vec<u8> {
    let zeros = digits.iter().take_while(|digit| **digit == 0).count();
    regroup::<5, 8>(digits, zeros)
}

/// Cuts the number that groups of `FROM` bits make, most significant first, into groups of `TO` bits
/// without leading zeros, and puts `zeros` zero groups before them.
fn regroup<const FROM: u32, const TO: u32>(groups: &[u8], zeros: usize) -> Vec<u8> {
    let mut out = Vec::with_capacity(groups.len() * 2 + zeros);
    let (mut pending, mut bits) = (0_u32, 0);
    for group in groups.iter().rev() {
        pending |= u32::from(*group) << bits;
        bits += FROM;
        while bits >= TO {
            out.push(low_bits(pending, TO));
            pending >>= TO;
            bits -= TO;
        }
    }
    out.push(low_bits(pending, TO));
    while out.last() == Some(&0) {
        out.pop();
    }
    out.resize(out.len() + zeros, 0);
    out.reverse();
    out
}

fn low_bits(value: u32, bits: u32) -> u8 {
    u8::try_from(value & ((1 << bits) - 1)).expect("a group has at most eight bits")
}

fn c32_character(digit: u8) -> char {
    char::from(*ALPHABET.get(usize::from(digit)).expect("versions and digits are below 32"))
}

fn c32_digit(character: char) -> Result<u8, AddressError> {
    let canonical = match character.to_ascii_uppercase() {
        'O' => '0',
        'L' | 'I' => '1',
        other => other,
    };
    (0..)
        .zip(ALPHABET)
        .find_map(|(digit, known)| (char::from(*known) == canonical).then_some(digit))
        .ok_or(AddressError::Character(character))
}
