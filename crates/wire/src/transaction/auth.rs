//! How accounts authorise a transaction.

use crate::codec::{DecodeError, MAX_MESSAGE_LEN, Reader, Wire, encode_list};
use crate::fixed::Hash160;
use crate::keys::{MessageSignature, PublicKey};

/// Who pays and who signs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TransactionAuth {
    /// 04.
    Standard(SpendingCondition),
    /// 05.
    Sponsored {
        /// The account that acts.
        origin: SpendingCondition,
        /// The account that pays.
        sponsor: SpendingCondition,
    },
}

/// How an account authorises a transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpendingCondition {
    /// The account's hash.
    pub signer: Hash160,
    /// The account's nonce.
    pub nonce: u64,
    /// The fee in µSTX.
    pub fee: u64,
    /// The kind of account and its signatures.
    pub kind: SpendingKind,
}

/// The kind of account and its signatures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SpendingKind {
    /// Hash modes 00 and 02.
    SingleSig {
        /// Mode 02, whose keys are always compressed.
        is_segwit: bool,
        /// How the key was hashed.
        key_encoding: KeyEncoding,
        /// The signature.
        signature: MessageSignature,
    },
    /// Hash modes 01, 03, 05 and 07.
    MultiSig {
        /// Modes 03 and 07.
        is_segwit: bool,
        /// Modes 05 and 07.
        is_order_independent: bool,
        /// Keys and signatures.
        fields: Vec<AuthField>,
        /// How many signatures are needed: exactly this many if their order counts, at least this
        /// many if it does not.
        signatures_required: u16,
    },
}

/// How a public key was hashed into its address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyEncoding {
    /// 0.
    Compressed,
    /// 1.
    Uncompressed,
}

/// One key or signature of a multi-signature account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuthField {
    /// 00 and 01: a key that did not sign; on the wire always in its compressed form.
    PublicKey(KeyEncoding, PublicKey),
    /// 02 and 03.
    Signature(KeyEncoding, MessageSignature),
}

impl TransactionAuth {
    /// The account that acts.
    pub const fn origin(&self) -> &SpendingCondition {
        match self {
            Self::Standard(origin) | Self::Sponsored { origin, .. } => origin,
        }
    }

    pub(super) const fn origin_mut(&mut self) -> &mut SpendingCondition {
        match self {
            Self::Standard(origin) | Self::Sponsored { origin, .. } => origin,
        }
    }
}

impl SpendingCondition {
    /// The unsigned condition of the ordinary account of `key`.
    pub fn p2pkh(key: &PublicKey, nonce: u64, fee: u64) -> Self {
        Self { signer: key.hash160(), nonce, fee, kind: SpendingKind::UNSIGNED_P2PKH }
    }

    const fn hash_mode(&self) -> u8 {
        match self.kind {
            SpendingKind::SingleSig { is_segwit: false, .. } => P2PKH,
            SpendingKind::SingleSig { is_segwit: true, .. } => P2WPKH,
            SpendingKind::MultiSig { is_segwit: false, is_order_independent: false, .. } => P2SH,
            SpendingKind::MultiSig { is_segwit: true, is_order_independent: false, .. } => P2WSH,
            SpendingKind::MultiSig { is_segwit: false, is_order_independent: true, .. } => {
                P2SH_ANY_ORDER
            }
            SpendingKind::MultiSig { is_segwit: true, is_order_independent: true, .. } => {
                P2WSH_ANY_ORDER
            }
        }
    }
}

impl SpendingKind {
    pub(super) const UNSIGNED_P2PKH: Self = Self::SingleSig {
        is_segwit: false,
        key_encoding: KeyEncoding::Compressed,
        signature: MessageSignature::EMPTY,
    };

    fn decode_single(reader: &mut Reader<'_>, is_segwit: bool) -> Result<Self, DecodeError> {
        let key_encoding = KeyEncoding::decode(reader)?;
        if is_segwit && key_encoding == KeyEncoding::Uncompressed {
            return Err(DecodeError::Invalid { what: "key encoding of a segwit account" });
        }
        Ok(Self::SingleSig { is_segwit, key_encoding, signature: Wire::decode(reader)? })
    }

    fn decode_multi(
        reader: &mut Reader<'_>,
        is_segwit: bool,
        is_order_independent: bool,
    ) -> Result<Self, DecodeError> {
        let fields: Vec<AuthField> = reader.list(MAX_MESSAGE_LEN, 34, "authorisation fields")?;
        let signatures_required = reader.u16("number of required signatures")?;
        if is_segwit && fields.iter().any(|field| field.encoding() == KeyEncoding::Uncompressed) {
            return Err(DecodeError::Invalid { what: "key encoding of a segwit account" });
        }
        let signatures =
            fields.iter().filter(|field| matches!(field, AuthField::Signature(..))).count();
        let required = usize::from(signatures_required);
        let is_enough = signatures == required || (is_order_independent && signatures > required);
        if !is_enough {
            return Err(DecodeError::Invalid { what: "number of required signatures" });
        }
        Ok(Self::MultiSig { is_segwit, is_order_independent, fields, signatures_required })
    }
}

impl AuthField {
    /// How the key of this field was hashed.
    pub const fn encoding(&self) -> KeyEncoding {
        match self {
            Self::PublicKey(encoding, _) | Self::Signature(encoding, _) => *encoding,
        }
    }
}

impl Wire for TransactionAuth {
    fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Standard(origin) => {
                out.push(STANDARD);
                origin.encode(out);
            }
            Self::Sponsored { origin, sponsor } => {
                out.push(SPONSORED);
                origin.encode(out);
                sponsor.encode(out);
            }
        }
    }

    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        match reader.u8("authorisation")? {
            STANDARD => SpendingCondition::decode(reader).map(Self::Standard),
            SPONSORED => Ok(Self::Sponsored {
                origin: Wire::decode(reader)?,
                sponsor: Wire::decode(reader)?,
            }),
            tag => Err(DecodeError::UnknownTag { what: "authorisation", tag: tag.into() }),
        }
    }
}

impl Wire for SpendingCondition {
    fn encode(&self, out: &mut Vec<u8>) {
        out.push(self.hash_mode());
        self.signer.encode(out);
        self.nonce.encode(out);
        self.fee.encode(out);
        match &self.kind {
            SpendingKind::SingleSig { key_encoding, signature, .. } => {
                key_encoding.encode(out);
                signature.encode(out);
            }
            SpendingKind::MultiSig { fields, signatures_required, .. } => {
                encode_list(fields, out);
                signatures_required.encode(out);
            }
        }
    }

    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let mode = reader.u8("hash mode")?;
        Ok(Self {
            signer: Wire::decode(reader)?,
            nonce: Wire::decode(reader)?,
            fee: Wire::decode(reader)?,
            kind: match mode {
                P2PKH => SpendingKind::decode_single(reader, false)?,
                P2WPKH => SpendingKind::decode_single(reader, true)?,
                P2SH => SpendingKind::decode_multi(reader, false, false)?,
                P2WSH => SpendingKind::decode_multi(reader, true, false)?,
                P2SH_ANY_ORDER => SpendingKind::decode_multi(reader, false, true)?,
                P2WSH_ANY_ORDER => SpendingKind::decode_multi(reader, true, true)?,
                tag => return Err(DecodeError::UnknownTag { what: "hash mode", tag: tag.into() }),
            },
        })
    }
}

impl Wire for KeyEncoding {
    fn encode(&self, out: &mut Vec<u8>) {
        out.push(match self {
            Self::Compressed => 0,
            Self::Uncompressed => 1,
        });
    }

    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        match reader.u8("key encoding")? {
            0 => Ok(Self::Compressed),
            1 => Ok(Self::Uncompressed),
            tag => Err(DecodeError::UnknownTag { what: "key encoding", tag: tag.into() }),
        }
    }
}

impl Wire for AuthField {
    fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::PublicKey(encoding, key) => {
                out.push(match encoding {
                    KeyEncoding::Compressed => 0,
                    KeyEncoding::Uncompressed => 1,
                });
                key.encode(out);
            }
            Self::Signature(encoding, signature) => {
                out.push(match encoding {
                    KeyEncoding::Compressed => 2,
                    KeyEncoding::Uncompressed => 3,
                });
                signature.encode(out);
            }
        }
    }

    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(match reader.u8("authorisation field")? {
            0 => Self::PublicKey(KeyEncoding::Compressed, Wire::decode(reader)?),
            1 => Self::PublicKey(KeyEncoding::Uncompressed, Wire::decode(reader)?),
            2 => Self::Signature(KeyEncoding::Compressed, Wire::decode(reader)?),
            3 => Self::Signature(KeyEncoding::Uncompressed, Wire::decode(reader)?),
            tag => {
                return Err(DecodeError::UnknownTag {
                    what: "authorisation field",
                    tag: tag.into(),
                });
            }
        })
    }
}

const STANDARD: u8 = 0x04;
const SPONSORED: u8 = 0x05;

const P2PKH: u8 = 0x00;
const P2SH: u8 = 0x01;
const P2WPKH: u8 = 0x02;
const P2WSH: u8 = 0x03;
const P2SH_ANY_ORDER: u8 = 0x05;
const P2WSH_ANY_ORDER: u8 = 0x07;
