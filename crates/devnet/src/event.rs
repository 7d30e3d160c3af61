//! What happens in a devnet, as values: for the terminal, for `--json`, for tests.

use std::path::PathBuf;

use serde::Serialize;

use countersign_wire::{
    BurnHeight, ConsensusHash, RewardCycle, Sighash, StacksBlockId, StacksHeight, Weight,
};

/// Something that happened. As JSON, the key `event` names the kind in snake case and the other keys
/// are the fields; names and meanings do not change, new keys and kinds may come.
///
/// Signers and miners are named by their numbers from 0 on, weights are reward slots, hashes are
/// bare hex.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum DevnetEvent {
    /// The network stands and its signers are being started.
    Started {
        /// Where configurations, databases and logs are.
        folder: PathBuf,
        /// Whether the folder stays after the end.
        folder_is_kept: bool,
        /// Where each signer and its node are.
        signers: Vec<SignerPlace>,
    },
    /// The whole network is shown on a page.
    Page {
        /// Where.
        url: String,
        /// Whether a browser was started with it.
        is_opened: bool,
    },
    /// A signer's process ended although nobody asked it to.
    SignerExited {
        /// The signer.
        signer: usize,
        /// How it ended, in words.
        status: String,
        /// What it printed.
        log: PathBuf,
        /// The lines of it that tell most.
        tail: Vec<String>,
    },
    /// A burn block was mined.
    BurnBlock {
        /// Its height.
        height: BurnHeight,
        /// Its consensus hash, which is the tenure if there is a winner.
        consensus_hash: ConsensusHash,
        /// The miner that won; null if nobody did.
        miner: Option<usize>,
        /// The reward cycle of its height.
        cycle: RewardCycle,
    },
    /// A reward cycle began.
    RewardCycle {
        /// The cycle.
        cycle: RewardCycle,
        /// Its first burn block.
        first_burn_height: BurnHeight,
        /// The weight of all its signers.
        total_weight: Weight,
        /// Its signers, in the order of their slots.
        signers: Vec<CycleSigner>,
    },
    /// A miner proposed a block.
    BlockProposed {
        /// Its height.
        height: StacksHeight,
        /// What the signers are asked to sign.
        sighash: Sighash,
        /// Its tenure.
        tenure: ConsensusHash,
        /// Who proposes it.
        miner: usize,
        /// 1 for the first time, more when the same block is proposed again.
        attempt: u32,
    },
    /// A block has enough signatures and is part of the chain.
    BlockAdopted {
        /// Its height.
        height: StacksHeight,
        /// Its id.
        block_id: StacksBlockId,
        /// What its signers signed.
        sighash: Sighash,
        /// Its tenure.
        tenure: ConsensusHash,
        /// Who made it.
        miner: usize,
        /// How many transactions are in it.
        transactions: usize,
        /// The weight that had pre-committed by now.
        pre_committed_weight: Weight,
        /// The weight that had signed by now.
        signed_weight: Weight,
        /// The weight of all signers.
        total_weight: Weight,
        /// From the first proposal until enough weight had signed, in milliseconds.
        threshold_ms: u64,
    },
    /// So much weight rejected a block that it cannot be adopted; the miner makes another.
    BlockRejected {
        /// Its height.
        height: StacksHeight,
        /// The block.
        sighash: Sighash,
        /// The weight that rejected it.
        rejected_weight: Weight,
        /// The weight of all signers.
        total_weight: Weight,
        /// Why, in the order of the slots, each reason once.
        reasons: Vec<String>,
    },
    /// No block was adopted for a while.
    Waiting {
        /// For how long, in seconds.
        seconds: u64,
        /// What is missing, in words.
        missing: Vec<String>,
    },
    /// A real network is on its way to epoch 3.
    Booting {
        /// Bitcoin's height.
        burn_height: BurnHeight,
        /// The epoch of the next burn block.
        epoch: &'static str,
        /// What comes next, in words.
        next: String,
        /// What is waited for, in words.
        waiting_for: String,
    },
    /// A signer that had ended was started again.
    SignerRestarted {
        /// The signer.
        signer: usize,
    },
    /// A real network cannot go on.
    Failed {
        /// Why, in words.
        reason: String,
        /// What the program that is to blame printed; null if none is.
        log: Option<PathBuf>,
        /// The lines of it that tell most.
        tail: Vec<String>,
    },
    /// The network has stopped.
    Stopped(Summary),
}

/// Where one signer and its node are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SignerPlace {
    /// The signer.
    pub signer: usize,
    /// What runs as the signer.
    pub program: PathBuf,
    /// Its public key.
    pub public_key: String,
    /// The RPC address of its node.
    pub node: String,
    /// Where it listens for callbacks.
    pub endpoint: String,
    /// Where it serves metrics.
    pub metrics: String,
    /// Where its status page is; null for a program that has none.
    pub page: Option<String>,
    /// Its configuration file.
    pub config: PathBuf,
    /// What it prints.
    pub log: PathBuf,
}

/// One signer of a reward cycle.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct CycleSigner {
    /// The signer.
    pub signer: usize,
    /// Its weight in the cycle.
    pub weight: Weight,
}

/// A whole run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// Blocks that were adopted.
    pub blocks: u64,
    /// Burn blocks that were mined.
    pub burn_blocks: u64,
    /// Reward cycles that were seen, the first one included.
    pub reward_cycles: u64,
    /// For each signer, how many blocks it signed.
    pub signatures: Vec<u64>,
    /// Median of the time from proposal to threshold in milliseconds; null without blocks.
    pub median_threshold_ms: Option<u64>,
    /// 99th percentile of the same.
    pub p99_threshold_ms: Option<u64>,
    /// How long it ran, in seconds.
    pub seconds: u64,
    /// Where the logs are; null if they are gone.
    pub folder: Option<PathBuf>,
    /// What each signer did; only of a real network.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub signers: Vec<SignerRecord>,
}

/// What one signer of a real network did since epoch 3 began.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct SignerRecord {
    /// The signer.
    pub signer: usize,
    /// Blocks that were adopted in cycles of its own.
    pub blocks: u64,
    /// Of these, those whose header has its signature. The miner stops waiting when enough have
    /// signed.
    pub in_header: u64,
    /// Of these, those that it signed, in time for the header or not.
    pub signed: u64,
    /// The heights of those that it did not sign.
    pub missed: Vec<StacksHeight>,
    /// Blocks that it rejected and did not sign afterwards, adopted or not.
    pub rejections: u64,
    /// How often its process ended although nobody asked it to.
    pub exits: u64,
}
