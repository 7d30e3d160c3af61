//! The JSON of the node's RPC, as far as a signer and a simulated node use it
//! (`signer-wire.md` section 6).
//!
//! Reading is lenient: unknown keys are ignored, hashes may have `0x` or not, and only what is used
//! is required. Writing gives the same fields in a real node's form; the fields that a real node
//! writes beside them are the simulated node's affair.

mod call_read;
mod pox;
mod sortition;
mod stacker_set;
mod tenure;

use serde::{Deserialize, Serialize};

pub use call_read::{
    AGGREGATE_KEY_FUNCTION, CallReadError, CallReadRequest, CallReadResponse,
    LAST_SET_CYCLE_FUNCTION, SIGNER_INFO_FUNCTION, SIGNER_SLOTS_FUNCTION,
};
pub use pox::PoxInfo;
pub use sortition::{LatestAndLast, Sortition, SortitionViewError, Winner};
pub use stacker_set::{StackerSet, StackerSetRefusal, StackerSetResponse, StackerSetSigner};
pub use tenure::{AnchoredHeader, TenureBlocksError, TenureForkInfo, TenureTip, TenureTipResponse};

use crate::fixed::{ConsensusHash, Sighash, StacksBlockId};
use crate::hex_bytes;
use crate::network::ChainId;
use crate::quantity::{BurnHeight, StacksHeight};

/// `GET /v2/info`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeInfo {
    /// Height of the burn tip.
    pub burn_block_height: BurnHeight,
    /// Consensus hash of the burn tip.
    pub pox_consensus: ConsensusHash,
    /// Block hash of the Stacks tip.
    pub stacks_tip: Sighash,
    /// Tenure of the Stacks tip.
    pub stacks_tip_consensus_hash: ConsensusHash,
    /// Height of the Stacks tip.
    pub stacks_tip_height: StacksHeight,
    /// The node's software.
    pub server_version: String,
    /// The chain id.
    pub network_id: ChainId,
    /// Whether the node has caught up, if it says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub is_fully_synced: Option<bool>,
    /// Which StackerDBs the node replicates, if it says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stackerdbs: Option<Vec<String>>,
}

/// Body of `POST /v3/block_proposal`. `R` is the form of the replay set: a signer writes
/// [`TransactionsJson`](crate::transaction::TransactionsJson), and what is read stays JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlockValidationRequest<R = serde_json::Value> {
    /// Hex of the block's encoding.
    #[serde(with = "hex_bytes")]
    pub block: Vec<u8>,
    /// The chain.
    pub chain_id: ChainId,
    /// What the block must replay after a Bitcoin fork; null in the ordinary case.
    pub replay_txs: Option<R>,
}

/// Answer to `POST /v3/blocks/upload/`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlockUploadResponse {
    /// The block.
    pub stacks_block_id: StacksBlockId,
    /// False if the node had it already or did not store it.
    pub accepted: bool,
}

/// `GET /v2/accounts/{address}?proof=0`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountResponse {
    /// Hex of the balance in µSTX.
    pub balance: String,
    /// Hex of the locked balance in µSTX.
    pub locked: String,
    /// When it unlocks.
    pub unlock_height: u64,
    /// The next nonce.
    pub nonce: u64,
}

/// `GET /v3/signer/{key}/{cycle}`: how often a signer is on the chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignerBlocks {
    /// The cycle's blocks whose headers have a signature of this key.
    pub blocks_signed: u64,
}

/// `GET /v3/health`: how far the node is behind those that it is connected to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeHealth {
    /// Stacks blocks that the highest peer is ahead; 0 if none is.
    pub difference_from_max_peer: u64,
}
