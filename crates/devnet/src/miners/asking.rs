//! One block that a miner asks signatures for.

use std::time::Duration;

use countersign_wire::message::{BlockProposal, BlockProposalData, MinerDiagnostics};
use countersign_wire::{
    BurnHeight, ConsensusHash, NakamotoBlock, RewardCycle, Sighash, SignerSet, StacksHeight,
};
use tokio::time::Instant;

use super::tally::Tally;
use crate::event::DevnetEvent;

/// What a block needs besides itself to be proposed.
#[derive(Clone, Debug)]
pub(super) struct Terms {
    /// Who made it.
    pub(super) miner: usize,
    /// Height of the sortition that elected the miner.
    pub(super) burn_height: BurnHeight,
    /// The cycle of that height.
    pub(super) reward_cycle: RewardCycle,
    /// The signers of that cycle.
    pub(super) signers: SignerSet,
    /// What the miner's software calls itself.
    pub(super) server_version: String,
    /// What the miner saw.
    pub(super) diagnostics: MinerDiagnostics,
}

/// A block, the answers to it and the times.
#[derive(Debug)]
pub(super) struct Asking {
    pub(super) tally: Tally,
    block: NakamotoBlock,
    sighash: Sighash,
    terms: Terms,
    attempt: u32,
    first_asked_at: Instant,
    asked_at: Instant,
    threshold_at: Option<Instant>,
}

impl Asking {
    pub(super) fn new(block: NakamotoBlock, terms: Terms) -> Self {
        let sighash = block.sighash();
        let now = Instant::now();
        Self {
            tally: Tally::new(sighash, terms.signers.clone()),
            block,
            sighash,
            terms,
            attempt: 0,
            first_asked_at: now,
            asked_at: now,
            threshold_at: None,
        }
    }

    pub(super) fn is_for(&self, sighash: &Sighash) -> bool {
        self.sighash == *sighash
    }

    /// Who made the block, in which tenure.
    pub(super) fn author(&self) -> (usize, ConsensusHash) {
        (self.terms.miner, self.block.header.consensus_hash)
    }

    pub(super) fn height(&self) -> StacksHeight {
        self.block.header.chain_length
    }

    pub(super) fn first_asked_at(&self) -> Instant {
        self.first_asked_at
    }

    /// When the block is to be proposed once more.
    pub(super) fn repeat_at(&self) -> Instant {
        self.asked_at + REPEAT
    }

    /// Whether it was proposed before.
    pub(super) fn is_repeated(&self) -> bool {
        self.attempt > 0
    }

    /// The block is proposed, for the first time or again.
    pub(super) fn begin_attempt(&mut self) {
        self.attempt += 1;
        self.asked_at = Instant::now();
        if self.attempt == 1 {
            self.first_asked_at = self.asked_at;
        }
        self.tally.reconsider();
    }

    /// Enough weight has signed, now or earlier.
    pub(super) fn note_threshold(&mut self) {
        self.threshold_at.get_or_insert_with(Instant::now);
    }

    pub(super) fn proposal(&self) -> BlockProposal {
        BlockProposal {
            block: self.block.clone(),
            burn_height: self.terms.burn_height,
            reward_cycle: self.terms.reward_cycle,
            data: BlockProposalData::current(
                self.terms.server_version.clone(),
                self.terms.diagnostics.clone(),
            ),
        }
    }

    /// The block with the signatures that there are.
    pub(super) fn signed(&self) -> NakamotoBlock {
        let mut block = self.block.clone();
        block.header.signer_signature = self.tally.signatures();
        block
    }

    pub(super) fn proposed(&self) -> DevnetEvent {
        DevnetEvent::BlockProposed {
            height: self.height(),
            sighash: self.sighash,
            tenure: self.block.header.consensus_hash,
            miner: self.terms.miner,
            attempt: self.attempt,
        }
    }

    pub(super) fn adopted(&self) -> DevnetEvent {
        let threshold_at = self.threshold_at.unwrap_or_else(Instant::now);
        let took = threshold_at.saturating_duration_since(self.first_asked_at);
        DevnetEvent::BlockAdopted {
            height: self.height(),
            block_id: self.block.block_id(),
            sighash: self.sighash,
            tenure: self.block.header.consensus_hash,
            miner: self.terms.miner,
            transactions: self.block.transactions.len(),
            pre_committed_weight: self.tally.pre_committed_weight(),
            signed_weight: self.tally.signed_weight(),
            total_weight: self.tally.total_weight(),
            threshold_ms: u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
        }
    }

    pub(super) fn rejected(&self) -> DevnetEvent {
        DevnetEvent::BlockRejected {
            height: self.height(),
            sighash: self.sighash,
            rejected_weight: self.tally.rejected_weight(),
            total_weight: self.tally.total_weight(),
            reasons: self.tally.reasons(),
        }
    }
}

/// How long a proposal may stay undecided before it is made again.
const REPEAT: Duration = Duration::from_secs(2);
