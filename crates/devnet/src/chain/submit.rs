//! Adding signed blocks to the chain.

use std::sync::Arc;

use countersign_wire::event::ExecutionCost;
use countersign_wire::{NakamotoBlock, Sighash, StacksBlockId, Txid, Wire as _};

use super::Chain;
use super::blocks::BlockRecord;
use super::burn::BurnBlock;
use super::signatures::{self, SignatureError};
use super::validate::{Refusal, TRANSACTION_COST};

/// What became of a signed block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubmitOutcome {
    /// Whether the block is new to the chain. It may still wait for its parent.
    pub accepted: bool,
    /// The blocks that were processed, in their order: the block itself, if its parent was there,
    /// and the blocks that had waited for it.
    pub processed: Vec<NewBlockFacts>,
}

/// Everything that `/new_block` tells about a processed block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewBlockFacts {
    /// The block.
    pub block: Arc<NakamotoBlock>,
    /// Its id.
    pub block_id: StacksBlockId,
    /// Its block hash, which is what its signers signed.
    pub sighash: Sighash,
    /// The block hash of its parent.
    pub parent_sighash: Sighash,
    /// The burn block of its tenure's sortition.
    pub tenure: BurnBlock,
    /// The burn block that the tenure sees from this block on.
    pub burn_view: BurnBlock,
    /// The burn block that its parent sees.
    pub parent_burn_view: BurnBlock,
    /// How many tenures there are up to this one.
    pub tenure_height: u64,
    /// What executing it costs.
    pub cost: ExecutionCost,
    /// Its transactions in their order.
    pub transactions: Vec<TransactionFacts>,
}

/// A transaction in a processed block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TransactionFacts {
    /// Its id.
    pub txid: Txid,
    /// Its encoding.
    pub raw: Vec<u8>,
    /// What executing it costs.
    pub cost: ExecutionCost,
}

/// Why a node refuses a signed block.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SubmitError {
    /// No burn block of the canonical fork has the block's consensus hash.
    #[error("the block's tenure is not on the canonical burn chain")]
    NonCanonicalTenure,
    /// Too few or wrong signatures.
    #[error("the block is not signed by its reward cycle's signers: {0}")]
    Signatures(#[from] SignatureError),
    /// Signed, and yet against the rules.
    #[error("the block is not valid: {reason}")]
    Invalid {
        /// Which rule, in words.
        reason: String,
    },
}

impl Chain {
    /// Adds a block that the signers of its tenure's reward cycle have signed. If its parent is not
    /// processed yet it waits for it.
    pub fn submit(&mut self, block: &NakamotoBlock) -> Result<SubmitOutcome, SubmitError> {
        let id = block.block_id();
        if self.blocks.contains(&id) {
            return Ok(SubmitOutcome { accepted: false, processed: Vec::new() });
        }
        let tenure =
            self.canonical_tenure_of(block).map_err(|_| SubmitError::NonCanonicalTenure)?;
        let cycle = self.config.cycles().cycle_of(tenure.height);
        let set = self.sets.get(&cycle).ok_or(SignatureError::NoSigners(cycle))?;
        signatures::check(block, set)?;
        if self.blocks.record(&block.header.parent_block_id).is_none() {
            self.blocks.stage(id, block.clone());
            return Ok(SubmitOutcome { accepted: true, processed: Vec::new() });
        }
        let record = self
            .judge_signed(block)
            .map_err(|Refusal { reason, .. }| SubmitError::Invalid { reason })?;
        let mut processed = vec![self.process(record)];
        self.process_waiting(id, &mut processed);
        let processed = processed.iter().filter_map(|record| self.facts_of(record)).collect();
        Ok(SubmitOutcome { accepted: true, processed })
    }

    /// Processes the blocks that wait for `parent`, and those that wait for them. What turns out to
    /// be invalid is forgotten, and what waits for it waits for ever.
    fn process_waiting(&mut self, parent: StacksBlockId, processed: &mut Vec<Arc<BlockRecord>>) {
        let mut parents = vec![parent];
        while let Some(parent) = parents.pop() {
            for block in self.blocks.unstage_children(&parent) {
                if let Ok(record) = self.judge_signed(&block) {
                    parents.push(record.id);
                    processed.push(self.process(record));
                }
            }
        }
    }

    fn facts_of(&self, record: &BlockRecord) -> Option<NewBlockFacts> {
        let parent = self.blocks.record(&record.block.header.parent_block_id)?;
        let transactions = record.block.transactions.iter().map(|transaction| TransactionFacts {
            txid: transaction.txid(),
            raw: transaction.to_bytes(),
            cost: TRANSACTION_COST,
        });
        Some(NewBlockFacts {
            block: Arc::clone(&record.block),
            block_id: record.id,
            sighash: record.sighash,
            parent_sighash: parent.sighash,
            tenure: self.burn.any(record.tenure())?.clone(),
            burn_view: self.burn.any(&record.burn_view)?.clone(),
            parent_burn_view: self.burn.any(&parent.burn_view)?.clone(),
            tenure_height: record.tenure_height,
            cost: record.cost,
            transactions: transactions.collect(),
        })
    }
}
