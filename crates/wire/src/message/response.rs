//! Block responses (type 1): acceptances and rejections.

use super::reject::{RejectCode, RejectReason};
use super::{MAX_INNER_LEN, decode_server_version, decode_text};
use crate::codec::{DecodeError, Reader, Wire, encode_bytes};
use crate::fixed::{Sighash, Txid};
use crate::keys::{MessageSignature, PublicKey};
use crate::network::ChainId;
use crate::quantity::UnixSeconds;
use crate::sip018;

/// A signer's answer to a proposal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BlockResponse {
    /// Kind 0.
    Accepted(BlockAccepted),
    /// Kind 1.
    Rejected(BlockRejected),
}

/// A signature over a block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlockAccepted {
    /// The block.
    pub sighash: Sighash,
    /// Over the 32 bytes of `sighash` themselves.
    pub signature: MessageSignature,
    /// The signer's software; empty in old messages, which end before it.
    pub server_version: String,
    /// Timestamps and reason.
    pub data: ResponseData,
}

/// A signed refusal of a block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlockRejected {
    /// For people.
    pub reason: String,
    /// The legacy code.
    pub code: RejectCode,
    /// The block.
    pub sighash: Sighash,
    /// The chain id of the SIP-018 domain that the signature is over.
    pub chain_id: ChainId,
    /// Over the SIP-018 hash of `sighash`; it does not cover the reason.
    pub signature: MessageSignature,
    /// The signer's software; empty in old messages.
    pub server_version: String,
    /// Timestamps and reason.
    pub data: ResponseData,
}

/// The versioned tail of a response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResponseData {
    /// Version of this structure; 5 is current; 0 stands for an absent structure.
    pub version: u8,
    /// When this signer would accept a full tenure extend. Since version 2; `u64::MAX` if absent.
    pub full_extend_at: UnixSeconds,
    /// Since version 3; [`RejectReason::NotRejected`] in acceptances.
    pub reason: RejectReason,
    /// When this signer would accept a read-count extend. Since version 4; `u64::MAX` if absent.
    pub read_count_extend_at: UnixSeconds,
    /// The transaction that the node's validation blamed. Since version 5.
    pub failed_txid: Option<Txid>,
    /// Fields of later versions, kept for re-encoding.
    pub rest: Vec<u8>,
}

impl BlockResponse {
    /// The block that is answered.
    pub const fn sighash(&self) -> &Sighash {
        match self {
            Self::Accepted(accepted) => &accepted.sighash,
            Self::Rejected(rejected) => &rejected.sighash,
        }
    }

    /// The versioned tail.
    pub const fn data(&self) -> &ResponseData {
        match self {
            Self::Accepted(accepted) => &accepted.data,
            Self::Rejected(rejected) => &rejected.data,
        }
    }

    /// The key that signed the answer, or none if the signature recovers no key. This key is the
    /// voter, whoever wrote the chunk.
    pub fn recover(&self) -> Option<PublicKey> {
        match self {
            Self::Accepted(accepted) => accepted.recover(),
            Self::Rejected(rejected) => rejected.recover(),
        }
    }
}

impl BlockAccepted {
    /// The signer's key, or none if the signature recovers no key. High S is accepted, as by other
    /// signers; miners refuse it.
    pub fn recover(&self) -> Option<PublicKey> {
        self.signature.recover(self.sighash.as_bytes())
    }
}

impl BlockRejected {
    /// What the signer signs: the SIP-018 hash of the block's hash in the domain `block-rejection` of
    /// this message's chain id. Reason, codes and tail are not covered.
    pub fn digest(&self) -> [u8; 32] {
        sip018::block_rejection(&self.sighash, self.chain_id)
    }

    /// The signer's key, or none if the signature recovers no key.
    pub fn recover(&self) -> Option<PublicKey> {
        self.signature.recover(&self.digest())
    }
}

impl ResponseData {
    /// The version that is written today.
    pub const CURRENT_VERSION: u8 = 5;

    /// What the oldest signers send: nothing, which promises no extend.
    pub const fn absent() -> Self {
        Self {
            version: 0,
            full_extend_at: NEVER,
            reason: RejectReason::NotRejected,
            read_count_extend_at: NEVER,
            failed_txid: None,
            rest: Vec::new(),
        }
    }

    /// The tail as signers write it today. A validation code that peers of release 4.0.2 could not
    /// read is replaced ([`RejectReason::for_sending`]).
    ///
    /// Miners keep the latest time that a signer ever named, so neither may be too late.
    pub const fn current(
        full_extend_at: UnixSeconds,
        reason: RejectReason,
        read_count_extend_at: UnixSeconds,
        failed_txid: Option<Txid>,
    ) -> Self {
        Self {
            version: Self::CURRENT_VERSION,
            full_extend_at,
            reason: reason.for_sending(),
            read_count_extend_at,
            failed_txid,
            rest: Vec::new(),
        }
    }
}

impl Wire for BlockResponse {
    fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Accepted(accepted) => {
                out.push(ACCEPTED);
                accepted.encode(out);
            }
            Self::Rejected(rejected) => {
                out.push(REJECTED);
                rejected.encode(out);
            }
        }
    }

    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        match reader.u8("response kind")? {
            ACCEPTED => BlockAccepted::decode(reader).map(Self::Accepted),
            REJECTED => BlockRejected::decode(reader).map(Self::Rejected),
            tag => Err(DecodeError::UnknownTag { what: "response kind", tag: tag.into() }),
        }
    }
}

/// Tolerant: old messages end before the server version or before the tail.
impl Wire for BlockAccepted {
    fn encode(&self, out: &mut Vec<u8>) {
        self.sighash.encode(out);
        self.signature.encode(out);
        encode_tail(&self.server_version, &self.data, out);
    }

    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            sighash: Sighash::decode(reader)?,
            signature: MessageSignature::decode(reader)?,
            server_version: decode_server_version(reader),
            data: ResponseData::decode(reader)?,
        })
    }
}

/// Tolerant: old messages end before the server version or before the tail.
impl Wire for BlockRejected {
    fn encode(&self, out: &mut Vec<u8>) {
        encode_bytes(self.reason.as_bytes(), out);
        self.code.encode(out);
        self.sighash.encode(out);
        self.chain_id.encode(out);
        self.signature.encode(out);
        encode_tail(&self.server_version, &self.data, out);
    }

    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            reason: decode_text(reader, "reason of a rejection")?,
            code: RejectCode::decode(reader)?,
            sighash: Sighash::decode(reader)?,
            chain_id: ChainId::decode(reader)?,
            signature: MessageSignature::decode(reader)?,
            server_version: decode_server_version(reader),
            data: ResponseData::decode(reader)?,
        })
    }
}

/// A message that ended before its server version is written as it was read.
fn encode_tail(server_version: &str, data: &ResponseData, out: &mut Vec<u8>) {
    if server_version.is_empty() && data.is_absent() {
        return;
    }
    encode_bytes(server_version.as_bytes(), out);
    data.encode(out);
}

/// Tolerant: may be missing altogether; a flag other than 0 before the failed transaction reads as
/// 1, a reason that is not known as [`RejectReason::Unknown`].
impl Wire for ResponseData {
    fn encode(&self, out: &mut Vec<u8>) {
        if self.is_absent() {
            return;
        }
        let mut inner = Vec::new();
        if self.version >= FULL_EXTEND_SINCE {
            self.full_extend_at.encode(&mut inner);
        }
        if self.version >= REASON_SINCE {
            self.reason.encode(&mut inner);
        }
        if self.version >= READ_COUNT_EXTEND_SINCE {
            self.read_count_extend_at.encode(&mut inner);
        }
        if self.version >= FAILED_TXID_SINCE {
            inner.push(self.failed_txid.is_some().into());
            if let Some(txid) = &self.failed_txid {
                txid.encode(&mut inner);
            }
        }
        inner.extend_from_slice(&self.rest);
        self.version.encode(out);
        encode_bytes(&inner, out);
    }

    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        if reader.is_empty() {
            return Ok(Self::absent());
        }
        let version = reader.u8("response data version")?;
        let mut inner = Reader::new(reader.bytes(MAX_INNER_LEN, "response data")?);
        let mut data = Self { version, reason: RejectReason::Unknown, ..Self::absent() };
        if version >= FULL_EXTEND_SINCE {
            data.full_extend_at = UnixSeconds::decode(&mut inner)?;
        }
        if version >= REASON_SINCE {
            data.reason = RejectReason::decode(&mut inner)?;
        }
        if version >= READ_COUNT_EXTEND_SINCE {
            data.read_count_extend_at = UnixSeconds::decode(&mut inner)?;
        }
        if version >= FAILED_TXID_SINCE && inner.u8("flag of the failed transaction")? != 0 {
            data.failed_txid = Some(Txid::decode(&mut inner)?);
        }
        data.rest = inner.take_rest().to_vec();
        Ok(if data.is_absent() { Self::absent() } else { data })
    }
}

impl ResponseData {
    /// Whether there is nothing to write.
    fn is_absent(&self) -> bool {
        self.version == 0 && self.rest.is_empty()
    }
}

const ACCEPTED: u8 = 0;
const REJECTED: u8 = 1;

/// The extend times of a signer that names none.
const NEVER: UnixSeconds = UnixSeconds::new(u64::MAX);

/// The versions of [`ResponseData`] that brought its fields.
const FULL_EXTEND_SINCE: u8 = 2;
const REASON_SINCE: u8 = 3;
const READ_COUNT_EXTEND_SINCE: u8 = 4;
const FAILED_TXID_SINCE: u8 = 5;
