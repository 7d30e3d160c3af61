//! The JSON of the node's RPC, as far as a signer and a simulated node use it
//! (`signer-wire.md` section 6).
//!
//! Reading is lenient: unknown keys are ignored, hashes may have `0x` or not, and only what is used
//! is required. Writing gives what a real node gives.

use serde::{Deserialize, Serialize};

use crate::block::NakamotoBlockHeader;
use crate::fixed::{
    BurnBlockHash, ConsensusHash, Hash160, SortitionId, StacksBlockId, prefixed, prefixed_option,
};
use crate::keys::PublicKey;
use crate::network::ChainId;
use crate::quantity::{BurnHeight, StacksHeight, Weight};

/// `GET /v2/info`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeInfo {
    /// Height of the burn tip.
    pub burn_block_height: BurnHeight,
    /// Consensus hash of the burn tip.
    pub pox_consensus: ConsensusHash,
    /// Block hash of the Stacks tip.
    pub stacks_tip: crate::fixed::Sighash,
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

/// `GET /v2/pox`: the lengths of a reward cycle and where the chain is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PoxInfo {
    /// Burn height of the first reward cycle's first block.
    pub first_burnchain_block_height: BurnHeight,
    /// Height of the burn tip.
    pub current_burnchain_block_height: BurnHeight,
    /// Burn blocks of a cycle's reward phase.
    pub reward_phase_block_length: u64,
    /// Burn blocks of a cycle's prepare phase.
    pub prepare_phase_block_length: u64,
    /// The cycle at the burn tip.
    pub reward_cycle_id: u64,
    /// Name of the epoch at the burn tip, such as `Epoch33`.
    #[serde(default)]
    pub current_epoch: String,
}

/// `GET /v3/stacker_set/{cycle}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StackerSetResponse {
    /// The set.
    pub stacker_set: StackerSet,
}

/// A reward set. Only its signers are read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StackerSet {
    /// In the order of their slots; absent or empty for a set without Nakamoto signers.
    #[serde(default)]
    pub signers: Option<Vec<StackerSetSigner>>,
}

/// One signer of a reward set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StackerSetSigner {
    /// Its key.
    pub signing_key: PublicKey,
    /// µSTX behind it; may exceed 2⁵³, so it is kept as the JSON number that it is.
    pub stacked_amt: serde_json::Number,
    /// Its weight.
    pub weight: Weight,
}

/// One element of `GET /v3/sortitions/…`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sortition {
    /// The burn block.
    #[serde(with = "prefixed")]
    pub burn_block_hash: BurnBlockHash,
    /// Its height.
    pub burn_block_height: BurnHeight,
    /// Its header's timestamp.
    pub burn_header_timestamp: u64,
    /// Identifies the sortition across forks.
    #[serde(with = "prefixed")]
    pub sortition_id: SortitionId,
    /// The sortition below.
    #[serde(with = "prefixed")]
    pub parent_sortition_id: SortitionId,
    /// The burn block's consensus hash; the tenure, if there is a winner.
    #[serde(with = "prefixed")]
    pub consensus_hash: ConsensusHash,
    /// Whether a miner won.
    pub was_sortition: bool,
    /// Hash of the winner's key.
    #[serde(default, with = "prefixed_option")]
    pub miner_pk_hash160: Option<Hash160>,
    /// The tenure that the winner committed to build on.
    #[serde(default, with = "prefixed_option")]
    pub stacks_parent_ch: Option<ConsensusHash>,
    /// The sortition with a winner before this one.
    #[serde(default, with = "prefixed_option")]
    pub last_sortition_ch: Option<ConsensusHash>,
    /// The block that the winner committed to.
    #[serde(default, with = "prefixed_option")]
    pub committed_block_hash: Option<crate::fixed::Sighash>,
    /// Seed of the winner's VRF.
    #[serde(default, with = "prefixed_option")]
    pub vrf_seed: Option<crate::fixed::SortitionId>,
}

/// `GET /v3/tenures/tip_metadata/{consensus hash}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TenureTipResponse {
    /// Header of the highest known block of the tenure.
    pub anchored_header: AnchoredHeader,
    /// The burn block that the tenure sees at that block.
    #[serde(default)]
    pub burn_view: Option<ConsensusHash>,
}

/// A header of either epoch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum AnchoredHeader {
    /// From epoch 3 on.
    Nakamoto(NakamotoBlockHeader),
    /// Before.
    Epoch2(crate::block::Epoch2Header),
}

/// One element of `GET /v3/tenures/fork_info/{start}/{stop}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TenureForkInfo {
    /// The burn block.
    #[serde(with = "prefixed")]
    pub burn_block_hash: BurnBlockHash,
    /// Its height.
    pub burn_block_height: BurnHeight,
    /// Identifies the sortition.
    #[serde(with = "prefixed")]
    pub sortition_id: SortitionId,
    /// The sortition below.
    #[serde(with = "prefixed")]
    pub parent_sortition_id: SortitionId,
    /// The tenure.
    #[serde(with = "prefixed")]
    pub consensus_hash: ConsensusHash,
    /// Whether a miner won.
    pub was_sortition: bool,
    /// The tenure's first block, if it has one.
    #[serde(default, with = "prefixed_option")]
    pub first_block_mined: Option<StacksBlockId>,
    /// `0x` and the hex of the tenure's blocks; read only by transaction replay.
    #[serde(default)]
    pub nakamoto_blocks: Option<String>,
}

/// Body of `POST /v3/block_proposal`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlockValidationRequest {
    /// Hex of the block's encoding.
    #[serde(with = "hex::serde")]
    pub block: Vec<u8>,
    /// The chain.
    pub chain_id: ChainId,
    /// Always null.
    pub replay_txs: Option<serde_json::Value>,
}

/// Answer to `POST /v3/blocks/upload/`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlockUploadResponse {
    /// The block.
    pub stacks_block_id: StacksBlockId,
    /// False if the node had it already or did not store it.
    pub accepted: bool,
}

/// Body of `POST /v2/contracts/call-read/…`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallReadRequest {
    /// Who calls.
    pub sender: String,
    /// Hex of Clarity values.
    pub arguments: Vec<String>,
}

/// Answer to `POST /v2/contracts/call-read/…`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallReadResponse {
    /// Whether the call succeeded.
    pub okay: bool,
    /// Hex of the resulting value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<String>,
    /// Why it did not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
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
