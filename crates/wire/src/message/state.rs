//! State machine updates (type 6).

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
