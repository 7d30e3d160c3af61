//! The tree of Stacks blocks: processed ones with the state after them, and staged ones.

use std::collections::BTreeMap;
use std::sync::Arc;

use countersign_wire::event::ExecutionCost;
use countersign_wire::fixed::StateRoot;
use countersign_wire::{ConsensusHash, NakamotoBlock, Sighash, StacksBlockId, StacksHeight};

use super::ledger::Ledger;

/// A processed block and the state after it.
#[derive(Clone, Debug)]
pub(super) struct BlockRecord {
    pub(super) block: Arc<NakamotoBlock>,
    pub(super) id: StacksBlockId,
    pub(super) sighash: Sighash,
    /// The burn block that the tenure sees from this block on.
    pub(super) burn_view: ConsensusHash,
    /// How many blocks of the tenure there are up to this one.
    pub(super) tenure_blocks: u32,
    /// How many tenures there are up to this one's.
    pub(super) tenure_height: u64,
    /// Root of the state after this block.
    pub(super) state_root: StateRoot,
    pub(super) ledger: Ledger,
    pub(super) cost: ExecutionCost,
}

impl BlockRecord {
    pub(super) fn tenure(&self) -> &ConsensusHash {
        &self.block.header.consensus_hash
    }

    pub(super) fn height(&self) -> StacksHeight {
        self.block.header.chain_length
    }
}

/// Every block that the chain knows.
#[derive(Clone, Debug, Default)]
pub(super) struct BlockTree {
    processed: BTreeMap<StacksBlockId, Arc<BlockRecord>>,
    /// Signed blocks whose parents are not known yet.
    staged: BTreeMap<StacksBlockId, Arc<NakamotoBlock>>,
    /// Processed blocks in the order of their arrival.
    tenures: BTreeMap<ConsensusHash, Vec<Arc<BlockRecord>>>,
}

impl BlockTree {
    pub(super) fn contains(&self, id: &StacksBlockId) -> bool {
        self.processed.contains_key(id) || self.staged.contains_key(id)
    }

    pub(super) fn record(&self, id: &StacksBlockId) -> Option<&Arc<BlockRecord>> {
        self.processed.get(id)
    }

    pub(super) fn block(&self, id: &StacksBlockId) -> Option<&NakamotoBlock> {
        let processed = self.processed.get(id).map(|record| record.block.as_ref());
        processed.or_else(|| self.staged.get(id).map(Arc::as_ref))
    }

    pub(super) fn records(&self) -> impl Iterator<Item = &Arc<BlockRecord>> {
        self.tenures.values().flatten()
    }

    /// The processed blocks of a tenure in the order of their arrival.
    pub(super) fn tenure(&self, tenure: &ConsensusHash) -> &[Arc<BlockRecord>] {
        self.tenures.get(tenure).map_or(&[], Vec::as_slice)
    }

    /// The signed blocks of a tenure that wait for their parents.
    pub(super) fn staged(&self, tenure: &ConsensusHash) -> impl Iterator<Item = &NakamotoBlock> {
        let staged = self.staged.values().map(Arc::as_ref);
        staged.filter(move |block| block.header.consensus_hash == *tenure)
    }

    pub(super) fn process(&mut self, record: BlockRecord) -> Arc<BlockRecord> {
        let record = Arc::new(record);
        self.processed.insert(record.id, Arc::clone(&record));
        self.tenures.entry(*record.tenure()).or_default().push(Arc::clone(&record));
        record
    }

    pub(super) fn stage(&mut self, id: StacksBlockId, block: NakamotoBlock) {
        self.staged.insert(id, Arc::new(block));
    }

    /// Removes and gives the staged blocks on top of `parent`.
    pub(super) fn unstage_children(&mut self, parent: &StacksBlockId) -> Vec<Arc<NakamotoBlock>> {
        self.staged
            .extract_if(.., |_, block| block.header.parent_block_id == *parent)
            .map(|(_, block)| block)
            .collect()
    }
}
