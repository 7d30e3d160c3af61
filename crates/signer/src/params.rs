//! What the operator configures, as far as decisions depend on it.

use countersign_wire::{ChainId, Network, PublicKey};

use crate::time::Millis;

/// The highest protocol version that this signer supports (`signer-behaviour.md` 5.3).
pub const SUPPORTED_VERSION: u64 = 2;

/// The default of [`Params::reset_replay_set_after_fork_blocks`].
pub const DEFAULT_REPLAY_BLOCKS: u64 = 2;

/// Who this signer is and how patient it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Params {
    /// The key that signs; the vault holds its private half.
    pub key: PublicKey,
    /// The key that is to take its place, if one is loaded: it signs in the cycles in which it is
    /// registered and `key` is not. So a change of keys needs no restart at the cycle's boundary.
    pub next_key: Option<PublicKey>,
    /// The network, which selects the chain id that rejections are signed with.
    pub network: Network,
    /// The chain, which the node must be on.
    pub chain_id: ChainId,
    /// What this signer calls itself in its responses.
    pub server_version: String,
    /// The configured time-outs.
    pub timeouts: Timeouts,
    /// `validate_with_replay_tx`: whether the node is told the agreed replay set with each block that it
    /// is to validate. Experimental in the reference, where it is off.
    pub validate_with_replay_tx: bool,
    /// `reset_replay_set_after_fork_blocks`: how many burn blocks above the lost branch a replay is
    /// given up, if it has not ended before.
    pub reset_replay_set_after_fork_blocks: u64,
    /// `dry_run`: only watch. No key of ours may have a seat in the cycles that are followed.
    pub is_dry_run: bool,
}

impl Params {
    /// Our keys in the order in which a seat is looked for.
    pub fn keys(&self) -> impl Iterator<Item = PublicKey> {
        std::iter::once(self.key).chain(self.next_key)
    }
}

/// The time-outs of `signer-behaviour.md` section 7, with its defaults.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// `block_proposal_timeout_ms`: a sortition winner that is silent for longer is inactive.
    pub block_proposal: Millis,
    /// `block_proposal_validation_timeout_ms`: no verdict for longer than this is a rejection.
    pub validation: Millis,
    /// `block_proposal_max_age_secs`: older proposals are dropped unanswered.
    pub proposal_max_age: Millis,
    /// `first_proposal_burn_block_timing_secs`: a tenure whose first block was approved less than
    /// this before the next burn block may be orphaned by the next winner.
    pub first_proposal_burn_block_timing: Millis,
    /// `tenure_last_block_proposal_timeout_secs`: how long a signature counts as fresh.
    pub tenure_last_block: Millis,
    /// `reorg_attempts_activity_timeout_ms`: how long a refused reorg still counts as activity.
    pub reorg_attempts_activity: Millis,
    /// `proposal_wait_for_parent_time_secs`: how long to wait for the node to process the parent.
    pub wait_for_parent: Millis,
    /// `tenure_idle_timeout_secs`: idle time before a full tenure extend.
    pub tenure_idle: Millis,
    /// `read_count_idle_timeout_secs`: idle time before a read-count extend.
    pub read_count_idle: Millis,
    /// `tenure_idle_timeout_buffer_secs`: added to both in what is told to miners.
    pub tenure_idle_buffer: Millis,
    /// `capitulate_miner_view_timeout_secs`: between a change of view and adopting the majority's.
    pub capitulate: Millis,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            block_proposal: Millis::from_secs(120),
            validation: Millis::from_secs(120),
            proposal_max_age: Millis::from_secs(600),
            first_proposal_burn_block_timing: Millis::from_secs(60),
            tenure_last_block: Millis::from_secs(30),
            reorg_attempts_activity: Millis::from_secs(200),
            wait_for_parent: Millis::from_secs(15),
            tenure_idle: Millis::from_secs(30),
            read_count_idle: Millis::from_secs(15),
            tenure_idle_buffer: Millis::from_secs(2),
            capitulate: Millis::from_secs(20),
        }
    }
}
