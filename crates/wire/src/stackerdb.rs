//! StackerDB: slots that their owners write, signed and versioned (`signer-wire.md` section 5).

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::codec::{DecodeError, Reader, Wire, encode_bytes};
use crate::hash::sha512_256;
use crate::hex_bytes;
use crate::keys::{MessageSignature, PrivateKey, PublicKey};
use crate::quantity::{RewardCycle, SlotId, SlotVersion};

/// The most bytes that a chunk of a signers' lane may hold.
pub const MAX_SIGNER_CHUNK_LEN: u32 = 2 * 1024 * 1024;

/// The most bytes that a chunk of `.miners` may hold.
pub const MAX_MINER_CHUNK_LEN: u32 = 16 * 1024 * 1024;

/// Name of the boot contract whose slots the miners write: two for each of the last two winners,
/// the even one for proposals and the odd one for signed blocks.
pub const MINERS_CONTRACT: &str = "miners";

/// SHA-512/256 of a chunk's content.
pub fn data_hash(data: &[u8]) -> [u8; 32] {
    sha512_256(&[data])
}

/// What a slot's owner signs to write `data` as `version` of `slot`.
///
/// Neither the contract nor the network is covered: the same chunk is valid in every lane where the
/// key owns the slot, so a reader must check that the message belongs in the lane that it came from
/// ([`Lane::for_message_type`]).
pub fn chunk_digest(slot: SlotId, version: SlotVersion, data: &[u8]) -> [u8; 32] {
    signed_digest(slot, version, &data_hash(data))
}

fn signed_digest(slot: SlotId, version: SlotVersion, data_hash: &[u8; 32]) -> [u8; 32] {
    sha512_256(&[&slot.get().to_be_bytes(), &version.get().to_be_bytes(), data_hash])
}

/// Which of a signer's three slots a message goes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Lane {
    /// Message id 1: block responses (and mock signatures).
    Responses,
    /// Message id 2: state machine updates.
    StateUpdates,
    /// Message id 3: pre-commits.
    PreCommits,
}

impl Lane {
    /// Every lane, in the order of the message ids.
    pub const ALL: [Self; 3] = [Self::Responses, Self::StateUpdates, Self::PreCommits];

    /// The number in the contract's name.
    pub const fn message_id(self) -> u8 {
        match self {
            Self::Responses => 1,
            Self::StateUpdates => 2,
            Self::PreCommits => 3,
        }
    }

    /// The lane with this number in its contract's name. Numbers 0 and 4 to 12 have contracts too,
    /// but nobody writes to them.
    pub const fn from_message_id(id: u8) -> Option<Self> {
        match id {
            1 => Some(Self::Responses),
            2 => Some(Self::StateUpdates),
            3 => Some(Self::PreCommits),
            _ => None,
        }
    }

    /// The lane that messages of this type travel in; none for the miners' types and unknown ones.
    ///
    /// The type is the first byte of a chunk's data, so a chunk in a wrong lane can be dropped
    /// before it is decoded.
    pub const fn for_message_type(message_type: u8) -> Option<Self> {
        match message_type {
            1 | 4 => Some(Self::Responses),
            6 => Some(Self::StateUpdates),
            7 => Some(Self::PreCommits),
            _ => None,
        }
    }
}

/// The contract of one lane of one of the two alternating signer sets: `signers-{parity}-{lane}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SignersContract {
    /// Reward cycle modulo 2.
    pub parity: u8,
    /// The lane.
    pub lane: Lane,
}

impl SignersContract {
    /// The contract that signers of `cycle` write `lane` messages to.
    pub const fn new(cycle: RewardCycle, lane: Lane) -> Self {
        Self { parity: cycle.parity(), lane }
    }

    /// The contract's name at the boot address.
    pub fn name(self) -> String {
        self.to_string()
    }

    /// The lane that a contract's name stands for, if it is one that signers write to.
    pub fn parse(name: &str) -> Option<Self> {
        let (parity, id) = name.strip_prefix("signers-")?.split_once('-')?;
        let parity = match parity {
            "0" => 0,
            "1" => 1,
            _ => return None,
        };
        let lane = match id {
            "1" => Lane::Responses,
            "2" => Lane::StateUpdates,
            "3" => Lane::PreCommits,
            _ => return None,
        };
        Some(Self { parity, lane })
    }
}

impl fmt::Display for SignersContract {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "signers-{}-{}", self.parity, self.lane.message_id())
    }
}

/// The text is not the name of a contract that signers write to.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a signers' contract; expected `signers-0-1` to `signers-1-3`")]
pub struct NotASignersContract(pub String);

impl FromStr for SignersContract {
    type Err = NotASignersContract;

    fn from_str(name: &str) -> Result<Self, NotASignersContract> {
        Self::parse(name).ok_or_else(|| NotASignersContract(name.to_owned()))
    }
}

/// A slot's content with its signature, as it is written, replicated and announced.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chunk {
    /// The slot.
    pub slot_id: SlotId,
    /// Larger than the version stored before.
    pub slot_version: SlotVersion,
    /// By the slot's owner, over [`chunk_digest`].
    #[serde(rename = "sig")]
    pub signature: MessageSignature,
    /// The content: for signers and miners a [`crate::message::SignerMessage`].
    #[serde(with = "hex_bytes")]
    pub data: Vec<u8>,
}

impl Chunk {
    /// Signs `data` as `version` of `slot`.
    pub fn sign(key: &PrivateKey, slot: SlotId, version: SlotVersion, data: Vec<u8>) -> Self {
        let signature = key.sign(&chunk_digest(slot, version, &data));
        Self { slot_id: slot, slot_version: version, signature, data }
    }

    /// The key that signed this chunk, or none if the signature recovers no key. Whether the key
    /// owns the slot is for the caller to say.
    pub fn recover(&self) -> Option<PublicKey> {
        self.signature.recover(&chunk_digest(self.slot_id, self.slot_version, &self.data))
    }

    /// What a node says about the slot once it has stored this chunk.
    pub fn metadata(&self) -> SlotMetadata {
        SlotMetadata {
            slot_id: self.slot_id,
            slot_version: self.slot_version,
            data_hash: data_hash(&self.data),
            signature: self.signature,
        }
    }
}

/// The binary form is used between nodes only; signers write and read the JSON form.
impl Wire for Chunk {
    fn encode(&self, out: &mut Vec<u8>) {
        self.slot_id.encode(out);
        self.slot_version.encode(out);
        self.signature.encode(out);
        encode_bytes(&self.data, out);
    }

    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            slot_id: SlotId::decode(reader)?,
            slot_version: SlotVersion::decode(reader)?,
            signature: MessageSignature::decode(reader)?,
            data: reader.bytes(MAX_MINER_CHUNK_LEN, "chunk data")?.to_vec(),
        })
    }
}

/// What a node knows about a slot without its content.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SlotMetadata {
    /// The slot.
    pub slot_id: SlotId,
    /// Version of the stored content; 0 if it was never written.
    pub slot_version: SlotVersion,
    /// [`data_hash`] of the content; zeros if it was never written.
    #[serde(with = "hex::serde")]
    pub data_hash: [u8; 32],
    /// The owner's signature; [`MessageSignature::EMPTY`] if it was never written.
    pub signature: MessageSignature,
}

impl SlotMetadata {
    /// A slot that was never written.
    pub const fn unwritten(slot: SlotId) -> Self {
        Self {
            slot_id: slot,
            slot_version: SlotVersion::new(0),
            data_hash: [0; 32],
            signature: MessageSignature::EMPTY,
        }
    }

    /// The key that signed the content, or none if the signature recovers no key.
    pub fn recover(&self) -> Option<PublicKey> {
        self.signature.recover(&signed_digest(self.slot_id, self.slot_version, &self.data_hash))
    }
}

/// A node's answer to a write. It comes with HTTP status 200 whether or not the write succeeded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChunkAck {
    /// Whether the chunk is stored.
    pub accepted: bool,
    /// Why it is not; JSON inside a string, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What the slot holds now: the chunk if it was accepted, its predecessor otherwise. Absent for
    /// a slot that does not exist.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<SlotMetadata>,
    /// Why it is not stored, for machines.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<ChunkRefusal>,
}

impl ChunkAck {
    /// The answer to a chunk that is stored.
    pub fn accepted(chunk: &Chunk) -> Self {
        Self { accepted: true, reason: None, metadata: Some(chunk.metadata()), code: None }
    }

    /// The answer to a chunk that is refused while the slot holds `stored`.
    pub fn refused(code: ChunkRefusal, stored: Option<SlotMetadata>) -> Self {
        let reason = serde_json::json!({
            "code": u32::from(code),
            "message": code.name(),
            "reason": code.to_string(),
        });
        Self {
            accepted: false,
            reason: Some(reason.to_string()),
            metadata: stored,
            code: Some(code),
        }
    }
}

/// Why a node does not store a chunk. A node checks in the order: size, slot, signer, version, writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(from = "u32", into = "u32")]
pub enum ChunkRefusal {
    /// 0: the version is not above the stored one. The only refusal that a writer can overcome: by
    /// going past the version in the answer's metadata.
    DataAlreadyExists,
    /// 1: the contract has no such slot.
    NoSuchSlot,
    /// 2: the signature is not by the slot's owner.
    BadSigner,
    /// 3: the content is over the contract's limit.
    ChunkTooBig,
    /// 4: the version is over the contract's limit.
    TooManySlotWrites,
    /// A code of a later version.
    Unknown(u32),
}

impl ChunkRefusal {
    /// The name that a node gives it; also fit for a metric's label.
    pub const fn name(self) -> &'static str {
        match self {
            Self::DataAlreadyExists => "DataAlreadyExists",
            Self::NoSuchSlot => "NoSuchSlot",
            Self::BadSigner => "BadSigner",
            Self::ChunkTooBig => "ChunkTooBig",
            Self::TooManySlotWrites => "TooManySlotWrites",
            Self::Unknown(_) => "Unknown",
        }
    }
}

impl fmt::Display for ChunkRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::DataAlreadyExists => "the slot holds this version or a later one",
            Self::NoSuchSlot => "there is no such slot",
            Self::BadSigner => "the signature is not by the slot's owner",
            Self::ChunkTooBig => "the chunk is too big for this contract",
            Self::TooManySlotWrites => "the slot has been written too often",
            Self::Unknown(code) => return write!(f, "refused with the unknown code {code}"),
        })
    }
}

impl From<u32> for ChunkRefusal {
    fn from(code: u32) -> Self {
        match code {
            0 => Self::DataAlreadyExists,
            1 => Self::NoSuchSlot,
            2 => Self::BadSigner,
            3 => Self::ChunkTooBig,
            4 => Self::TooManySlotWrites,
            other => Self::Unknown(other),
        }
    }
}

impl From<ChunkRefusal> for u32 {
    fn from(refusal: ChunkRefusal) -> Self {
        match refusal {
            ChunkRefusal::DataAlreadyExists => 0,
            ChunkRefusal::NoSuchSlot => 1,
            ChunkRefusal::BadSigner => 2,
            ChunkRefusal::ChunkTooBig => 3,
            ChunkRefusal::TooManySlotWrites => 4,
            ChunkRefusal::Unknown(code) => code,
        }
    }
}
