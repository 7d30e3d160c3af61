//! secp256k1 keys and recoverable signatures, through libsecp256k1.

use std::fmt;
use std::str::FromStr;

use secp256k1::ecdsa::{RecoverableSignature, RecoveryId, Signature};
use secp256k1::{Message, SecretKey};
use zeroize::{Zeroize as _, Zeroizing};

use crate::codec::{DecodeError, Reader, Wire};
use crate::fixed::{Hash160, HexError, parse_hex};
use crate::hash::hash160;

/// A secret scalar. It is not `Copy`, prints as `PrivateKey(..)` and is erased when dropped.
///
/// Production code outside the vault must not hold one; a simulated network holds its actors'.
pub struct PrivateKey(SecretKey);

/// Why text is not a private key. It never repeats the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PrivateKeyError {
    /// Neither 64 nor 66 digits.
    #[error("a private key has 64 hex digits, or 66 that end in 01")]
    Length,
    /// A character that is not a hex digit.
    #[error("a private key has only hex digits")]
    NotHex,
    /// 66 digits with an ending other than 01.
    #[error("a private key of 66 hex digits ends in 01")]
    Marker,
    /// Zero, or not below the order of the curve.
    #[error("the number is not a valid secp256k1 private key")]
    OutOfRange,
}

impl PrivateKey {
    /// The key with these 32 bytes.
    pub fn from_bytes(mut bytes: [u8; 32]) -> Result<Self, PrivateKeyError> {
        let key = SecretKey::from_secret_bytes(bytes).map_err(|_| PrivateKeyError::OutOfRange);
        bytes.zeroize();
        key.map(Self)
    }

    /// Reads 64 hex digits, or 66 that end in `01`. Both name the same key: compressed, always.
    pub fn from_hex(text: &str) -> Result<Self, PrivateKeyError> {
        let digits = match text.len() {
            64 => text,
            66 => text.strip_suffix("01").ok_or(PrivateKeyError::Marker)?,
            _ => return Err(PrivateKeyError::Length),
        };
        let mut bytes = Zeroizing::new([0; 32]);
        hex::decode_to_slice(digits, bytes.as_mut()).map_err(|_| PrivateKeyError::NotHex)?;
        Self::from_bytes(*bytes)
    }

    /// The public key.
    pub fn public_key(&self) -> PublicKey {
        PublicKey(self.0.public_key().serialize())
    }

    /// Signs a 32-byte digest: RFC 6979 nonce, low S, so the same digest gives the same bytes.
    pub fn sign(&self, digest: &[u8; 32]) -> MessageSignature {
        let signature =
            RecoverableSignature::sign_ecdsa_recoverable(Message::from_digest(*digest), &self.0);
        let (recovery_id, compact) = signature.serialize_compact();
        let mut bytes = [0; 65];
        let [first, rest @ ..] = &mut bytes;
        *first = recovery_id.to_u8();
        rest.copy_from_slice(&compact);
        MessageSignature(bytes)
    }

    /// The bytes of the scalar, for sealing them: into an encrypted file, shares or a token.
    pub fn to_bytes(&self) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(self.0.to_secret_bytes())
    }

    /// The digits of the scalar, for writing a configuration file of a simulated signer.
    pub fn to_hex(&self) -> Zeroizing<String> {
        Zeroizing::new(hex::encode(self.0.as_secret_bytes()))
    }
}

impl Drop for PrivateKey {
    fn drop(&mut self) {
        self.0.non_secure_erase();
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PrivateKey(..)")
    }
}

/// A compressed public key that is a point on the curve.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PublicKey([u8; 33]);

impl PublicKey {
    /// The key with this compressed form, if that is a point on the curve.
    pub fn from_bytes(bytes: [u8; 33]) -> Option<Self> {
        secp256k1::PublicKey::from_byte_array_compressed(bytes).ok().map(|_| Self(bytes))
    }

    /// The key with this form of 65 bytes, if that is a point on the curve.
    pub fn from_uncompressed(bytes: [u8; 65]) -> Option<Self> {
        let key = secp256k1::PublicKey::from_byte_array_uncompressed(bytes).ok()?;
        Some(Self(key.serialize()))
    }

    /// The compressed form.
    pub const fn as_bytes(&self) -> &[u8; 33] {
        &self.0
    }

    /// The form of 65 bytes, which old addresses are hashes of.
    pub fn to_uncompressed(&self) -> [u8; 65] {
        secp256k1::PublicKey::from_byte_array_compressed(self.0)
            .expect("the constructor checked that this is a point on the curve")
            .serialize_uncompressed()
    }

    /// The hash that addresses and miner key commitments hold.
    pub fn hash160(&self) -> Hash160 {
        hash160(&self.0)
    }
}

impl Wire for PublicKey {
    fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.0);
    }
    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Self::from_bytes(reader.array("public key")?)
            .ok_or(DecodeError::Invalid { what: "public key" })
    }
}

impl FromStr for PublicKey {
    type Err = HexError;

    fn from_str(text: &str) -> Result<Self, HexError> {
        Self::from_bytes(parse_hex(text)?).ok_or(HexError { expected: 66 })
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({self})")
    }
}

/// A recoverable signature in the order of the wire: recovery id, r, s ("VRS").
///
/// 65 zero bytes mean "absent": they recover no key.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MessageSignature([u8; 65]);

impl MessageSignature {
    /// The absent signature.
    pub const EMPTY: Self = Self([0; 65]);

    /// The signature with these bytes, if the recovery id is one of 0 to 3.
    pub const fn from_bytes(bytes: [u8; 65]) -> Option<Self> {
        if bytes[0] <= 3 { Some(Self(bytes)) } else { None }
    }

    /// The signature with this r and s over `digest` by `key`, or none if it is not by that key.
    ///
    /// For signatures of devices that know no recovery id and promise no low S: s is brought into the
    /// lower half of the order (BIP 146), and the id is the one that recovers the key.
    pub fn from_compact(compact: &[u8; 64], digest: &[u8; 32], key: &PublicKey) -> Option<Self> {
        let mut signature = Signature::from_compact(compact).ok()?;
        signature.normalize_s();
        let compact = signature.serialize_compact();
        (0..=3)
            .map(|id| {
                let mut bytes = [id; 65];
                let [_, rest @ ..] = &mut bytes;
                rest.copy_from_slice(&compact);
                Self(bytes)
            })
            .find(|signature| signature.recover(digest) == Some(*key))
    }

    /// Recovery id, r, s.
    pub const fn as_bytes(&self) -> &[u8; 65] {
        &self.0
    }

    /// r, s, recovery id: the order that Clarity contracts want.
    pub fn to_rsv(&self) -> [u8; 65] {
        let mut rsv = self.0;
        rsv.rotate_left(1);
        rsv
    }

    /// The key that made this signature over `digest`, or none if it recovers no key. High S is
    /// accepted: consensus does not refuse it here (`signer-wire.md` section 1.2).
    pub fn recover(&self, digest: &[u8; 32]) -> Option<PublicKey> {
        let key = self.parse()?.recover(Message::from_digest(*digest)).ok()?;
        Some(PublicKey(key.serialize()))
    }

    /// Whether r and s are below the order of the curve, as every signature's are.
    pub fn is_well_formed(&self) -> bool {
        self.parse().is_some()
    }

    /// Whether s is in the lower half of the order, as every signature of ours is.
    pub fn is_low_s(&self) -> bool {
        self.parse().is_some_and(|signature| {
            let standard = signature.to_standard();
            let mut normalized = standard;
            normalized.normalize_s();
            normalized == standard
        })
    }

    fn parse(&self) -> Option<RecoverableSignature> {
        let [id, compact @ ..] = &self.0;
        let id = RecoveryId::try_from(i32::from(*id)).ok()?;
        RecoverableSignature::from_compact(compact, id).ok()
    }
}

impl Wire for MessageSignature {
    fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.0);
    }
    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Self::from_bytes(reader.array("signature")?)
            .ok_or(DecodeError::Invalid { what: "signature" })
    }
}

impl FromStr for MessageSignature {
    type Err = HexError;

    fn from_str(text: &str) -> Result<Self, HexError> {
        Self::from_bytes(parse_hex(text)?).ok_or(HexError { expected: 130 })
    }
}

impl fmt::Display for MessageSignature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for MessageSignature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MessageSignature({self})")
    }
}

macro_rules! text_serde {
    ($($name:ident),*) => {$(
        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    )*};
}

pub(crate) use text_serde;

text_serde!(PublicKey, MessageSignature);
