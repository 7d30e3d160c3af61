//! State machine updates (type 6).

use super::MAX_INNER_LEN;
use crate::codec::{DecodeError, Reader, Wire, encode_bytes, encode_list};
use crate::fixed::{ConsensusHash, Hash160, StacksBlockId};
use crate::quantity::{BurnHeight, StacksHeight};
use crate::transaction::StacksTransaction;

/// How one signer sees the burn chain and who may mine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateMachineUpdate {
    /// The protocol version that the signer acts by.
    pub active_version: u64,
    /// The highest protocol version that the signer supports.
    pub supported_version: u64,
    /// The view, in the layout of the lower of the two versions.
    pub content: UpdateContent,
}

/// The highest layout of [`UpdateContent`] that is known. A signer that supports a later one writes
/// this one for as long as it acts by a version up to this one.
pub const MAX_CONTENT_VERSION: u64 = 2;

impl StateMachineUpdate {
    /// The layout of the content: the lower of the two versions.
    pub const fn content_version(&self) -> u64 {
        if self.active_version < self.supported_version {
            self.active_version
        } else {
            self.supported_version
        }
    }
}

/// The view that an update carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpdateContent {
    /// Consensus hash of the burn tip.
    pub burn_block: ConsensusHash,
    /// Height of the burn tip.
    pub burn_height: BurnHeight,
    /// Who may mine.
    pub miner: MinerState,
    /// Transactions to replay after a Bitcoin fork; since content version 1, empty otherwise.
    pub replay_transactions: Vec<StacksTransaction>,
}

/// Who may mine, as a signer sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MinerState {
    /// 0: nobody.
    NoValidMiner,
    /// 1: this miner.
    Active(ActiveMiner),
}

/// The miner that may mine, and where its tenure starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ActiveMiner {
    /// Hash of the miner's key.
    pub key_hash: Hash160,
    /// Its tenure.
    pub tenure: ConsensusHash,
    /// The tenure that it builds on.
    pub parent_tenure: ConsensusHash,
    /// The last block of the parent tenure.
    pub parent_last_block: StacksBlockId,
    /// Height of that block.
    pub parent_last_height: StacksHeight,
}

/// Tolerant: what follows the known fields inside the content is ignored. A layout over
/// [`MAX_CONTENT_VERSION`] is an error.
impl Wire for StateMachineUpdate {
    fn encode(&self, out: &mut Vec<u8>) {
        let mut content = Vec::new();
        self.content.encode(self.content_version(), &mut content);
        self.active_version.encode(out);
        self.supported_version.encode(out);
        encode_bytes(&content, out);
    }

    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let active_version = reader.u64("active version")?;
        let supported_version = reader.u64("supported version")?;
        let version = active_version.min(supported_version);
        if version > MAX_CONTENT_VERSION {
            return Err(DecodeError::UnknownTag { what: "state machine update", tag: version });
        }
        let mut content = Reader::new(reader.bytes(MAX_INNER_LEN, "state machine update")?);
        let content = UpdateContent::decode(version, &mut content)?;
        Ok(Self { active_version, supported_version, content })
    }
}

/// Not [`Wire`]: the layout depends on the version outside.
impl UpdateContent {
    fn encode(&self, version: u64, out: &mut Vec<u8>) {
        self.burn_block.encode(out);
        self.burn_height.encode(out);
        self.miner.encode(out);
        if version >= REPLAY_SINCE {
            encode_list(&self.replay_transactions, out);
        }
    }

    fn decode(version: u64, reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            burn_block: ConsensusHash::decode(reader)?,
            burn_height: BurnHeight::decode(reader)?,
            miner: MinerState::decode(reader)?,
            replay_transactions: if version >= REPLAY_SINCE {
                reader.list(MAX_INNER_LEN, MIN_TRANSACTION_LEN, "replay transactions")?
            } else {
                Vec::new()
            },
        })
    }
}

impl Wire for MinerState {
    fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::NoValidMiner => out.push(0),
            Self::Active(miner) => {
                out.push(1);
                miner.encode(out);
            }
        }
    }

    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        match reader.u8("miner state")? {
            0 => Ok(Self::NoValidMiner),
            1 => ActiveMiner::decode(reader).map(Self::Active),
            tag => Err(DecodeError::UnknownTag { what: "miner state", tag: tag.into() }),
        }
    }
}

impl Wire for ActiveMiner {
    fn encode(&self, out: &mut Vec<u8>) {
        self.key_hash.encode(out);
        self.tenure.encode(out);
        self.parent_tenure.encode(out);
        self.parent_last_block.encode(out);
        self.parent_last_height.encode(out);
    }

    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            key_hash: Hash160::decode(reader)?,
            tenure: ConsensusHash::decode(reader)?,
            parent_tenure: ConsensusHash::decode(reader)?,
            parent_last_block: StacksBlockId::decode(reader)?,
            parent_last_height: StacksHeight::decode(reader)?,
        })
    }
}

/// The content version that brought the replay transactions.
const REPLAY_SINCE: u64 = 1;

/// Below the length of every transaction: version, chain id, the shortest spending condition, modes.
const MIN_TRANSACTION_LEN: usize = 50;
