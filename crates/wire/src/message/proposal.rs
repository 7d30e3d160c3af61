//! Block proposals (type 0).

use crate::block::NakamotoBlock;
use crate::fixed::{BurnBlockHash, ConsensusHash};
use crate::quantity::{BurnHeight, RewardCycle, UnixSeconds};

/// A block that a miner wants signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlockProposal {
    /// The block; its signer signatures are empty.
    pub block: NakamotoBlock,
    /// Height of the sortition that elected the miner.
    pub burn_height: BurnHeight,
    /// The cycle of that height.
    pub reward_cycle: RewardCycle,
    /// What the miner says about itself. Never used for a decision.
    pub data: BlockProposalData,
}

/// The versioned tail of a proposal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlockProposalData {
    /// Version of this structure; 3 is current.
    pub version: u8,
    /// The miner's software.
    pub server_version: String,
    /// Since version 3. None if absent, short or with an unknown reason: it is for logs only, so a
    /// malformed one does not cost the proposal; its bytes are then kept in `rest`.
    pub diagnostics: Option<MinerDiagnostics>,
    /// Fields of later versions, kept for re-encoding.
    pub rest: Vec<u8>,
}

/// What the miner saw when it made the proposal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MinerDiagnostics {
    /// Its burn tip.
    pub burn_height: BurnHeight,
    /// Its burn tip's consensus hash.
    pub consensus_hash: ConsensusHash,
    /// Its burn tip's header hash.
    pub burn_block_hash: BurnBlockHash,
    /// When it expects to be allowed a full tenure extend.
    pub full_extend_at: UnixSeconds,
    /// When it expects to be allowed a read-count extend.
    pub read_count_extend_at: UnixSeconds,
    /// Why it mines.
    pub reason: MiningReason,
}

/// Why a miner mines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MiningReason {
    /// 0: it won a sortition.
    BlockFound,
    /// 1: it extends its tenure.
    Extended,
    /// 2: it extends its tenure's read count.
    ReadCountExtend,
}
