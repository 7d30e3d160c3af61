//! A Stacks chain as pure data: burn blocks, reward cycles, StackerDBs, Nakamoto blocks.
//!
//! [`Chain`] judges blocks and chunks as a node does and answers what a node's RPC would. Time,
//! winners, keys and transactions are arguments, hashes follow from the configuration's seed, and
//! the same calls give the same chain. It holds no private key and has no clock, no I/O and no
//! randomness.
//!
//! It does not execute contracts (see [`TransactionError`] for what it does check), does not check
//! what a VRF proof proves, and pays no rewards to miners or stackers. A reward set is known at a
//! burn height, whether or not a Stacks block has been mined in its prepare phase.

mod blocks;
mod build;
mod burn;
mod config;
mod cycles;
mod faucet;
mod history;
mod ledger;
mod signatures;
mod stackerdb;
mod stackers;
mod submit;
mod tenure_rules;
mod transactions;
mod validate;
mod views;

use std::collections::BTreeMap;
use std::sync::Arc;

use countersign_wire::event::NewBurnBlock;
use countersign_wire::stackerdb::{Chunk, ChunkAck, Lane, SignersContract, SlotMetadata};
use countersign_wire::{
    BurnHeight, ConsensusHash, Hash160, NakamotoBlock, RewardCycle, Sighash, SignerSet, SlotId,
    StacksBlockId, UnixSeconds,
};

pub use build::{BlockKind, BlockTemplate, BuildError};
pub use burn::{BurnBlock, Commitment, Winner};
pub use config::{ChainConfig, ConfigError, Epoch, FundedAccount};
pub use cycles::RewardCycles;
pub use faucet::Faucet;
pub use ledger::{Account, TransactionError};
pub use signatures::SignatureError;
pub use stackerdb::StackerDb;
pub use stackers::{Stacker, StackerPlan, WeightSchedule};
pub use submit::{NewBlockFacts, SubmitError, SubmitOutcome, TransactionFacts};
pub use transactions::{Spending, TransactionDomain};
pub use views::ForkInfoError;

use blocks::{BlockRecord, BlockTree};
use burn::BurnChain;
use ledger::Ledger;
use stackerdb::StackerDbs;

/// A chain and everything that nodes know about it. Cloning shares the blocks.
#[derive(Clone, Debug)]
pub struct Chain {
    config: Arc<ChainConfig>,
    burn: BurnChain,
    blocks: BlockTree,
    /// The highest block on the canonical burn fork.
    tip: Arc<BlockRecord>,
    dbs: StackerDbs,
    /// Every signer set that has become known.
    sets: BTreeMap<RewardCycle, Arc<SignerSet>>,
    last_set_cycle: RewardCycle,
}

/// The burn chain.
impl Chain {
    /// What the chain was made of.
    pub fn config(&self) -> &ChainConfig {
        &self.config
    }

    /// Adds a burn block to the canonical fork. Reward sets that become known with it take their
    /// StackerDB slots, and a winner takes its slots of `.miners`.
    pub fn mine_burn_block(&mut self, winner: Option<Winner>, at: UnixSeconds) -> NewBurnBlock {
        let commitment = winner.map(|winner| self.commitment_of(&winner));
        let announcement = self.burn.extend(commitment, at).announcement();
        self.learn_signer_sets();
        self.configure_miners();
        announcement
    }

    /// Drops the burn blocks above a height from the canonical fork, as a Bitcoin fork does, and
    /// gives their consensus hashes, lowest first. Blocks of their tenures stay known but are not
    /// canonical any more. The oldest burn block always stays.
    pub fn fork_burn_chain(&mut self, height: BurnHeight) -> Vec<ConsensusHash> {
        let dropped = self.burn.fork(height);
        self.choose_tip_again();
        self.configure_miners();
        dropped.iter().map(|block| block.consensus_hash).collect()
    }

    /// The newest burn block.
    pub fn burn_tip(&self) -> &BurnBlock {
        self.burn.tip()
    }

    /// The burn block with this consensus hash, on any fork.
    pub fn burn_block(&self, consensus_hash: &ConsensusHash) -> Option<&BurnBlock> {
        self.burn.any(consensus_hash)
    }

    /// The canonical burn block at a height.
    pub fn burn_block_at(&self, height: BurnHeight) -> Option<&BurnBlock> {
        self.burn.at(height)
    }

    /// The newest canonical burn block with a winner.
    pub fn latest_winner(&self) -> Option<&BurnBlock> {
        self.burn.latest_winner()
    }

    /// The reward cycle at the burn tip.
    pub fn current_cycle(&self) -> RewardCycle {
        self.config.cycles().cycle_of(self.burn_tip().height)
    }

    /// The signers of a cycle, sorted by key; none before they are known and for a cycle without
    /// signers.
    pub fn stacker_set(&self, cycle: RewardCycle) -> Option<Arc<SignerSet>> {
        self.sets.get(&cycle).map(Arc::clone)
    }

    /// The newest cycle whose signers are known and have their slots.
    pub fn last_set_cycle(&self) -> RewardCycle {
        self.last_set_cycle
    }

    fn commitment_of(&self, winner: &Winner) -> Commitment {
        let parent_tenure = winner.committed_parent_tenure.unwrap_or(*self.tip.tenure());
        let first = self.first_block_of(&parent_tenure);
        Commitment {
            miner: winner.miner,
            parent_tenure,
            // A commitment names the tenure by the id of its first block, in a field for hashes.
            committed_block: first.map_or(Sighash::ZERO, |id| Sighash::new(*id.as_bytes())),
            // The burn chain derives the seed together with the block's hashes.
            vrf_seed: countersign_wire::fixed::SortitionId::ZERO,
        }
    }

    fn learn_signer_sets(&mut self) {
        let cycles = self.config.cycles();
        let height = self.burn_tip().height.get();
        loop {
            let next = self.last_set_cycle.next();
            let known_at = cycles.prepare_start(next).get() + self.config.reward_set_delay;
            if known_at > height {
                return;
            }
            self.last_set_cycle = next;
            self.configure_signers(next);
        }
    }

    fn configure_signers(&mut self, cycle: RewardCycle) {
        let set = self.config.stackers.signer_set(cycle);
        let signers = set.as_ref().map_or(&[][..], SignerSet::signers);
        let owners: Vec<_> = signers.iter().map(|signer| signer.key.hash160()).collect();
        for lane in Lane::ALL {
            self.dbs.configure(StackerDb::Signers(SignersContract::new(cycle, lane)), &owners);
        }
        if let Some(set) = set {
            self.sets.insert(cycle, Arc::new(set));
        }
    }

    /// The last two winners own two slots each. Which pair is whose follows from how many winners
    /// there have been, so that a winner keeps its slots while it is the one before.
    fn configure_miners(&mut self) {
        let Some(latest) = self.burn.latest_winner() else { return };
        let last = latest.last_winner.as_ref().and_then(|last| self.burn.any(last));
        let owner = |block: &BurnBlock| block.winner.map(|winner| winner.miner);
        let (Some(ours), theirs) = (owner(latest), last.and_then(owner)) else { return };
        let theirs = theirs.unwrap_or(Hash160::ZERO);
        let owners = if latest.winners % 2 == 0 {
            [ours, ours, theirs, theirs]
        } else {
            [theirs, theirs, ours, ours]
        };
        self.dbs.configure(StackerDb::Miners, &owners);
    }
}

/// StackerDBs.
impl Chain {
    /// Judges a chunk and stores it if it is accepted. The content changed exactly if the answer
    /// says that it was accepted.
    pub fn put_chunk(&mut self, db: StackerDb, chunk: &Chunk) -> ChunkAck {
        self.dbs.put(db, chunk)
    }

    /// What a slot holds; none if it was never written or does not exist.
    pub fn chunk(&self, db: StackerDb, slot: SlotId) -> Option<&Chunk> {
        self.dbs.chunk(db, slot)
    }

    /// Every slot in order, written or not; none if the StackerDB has never had slots.
    pub fn metadata(&self, db: StackerDb) -> Option<Vec<SlotMetadata>> {
        self.dbs.metadata(db)
    }

    /// The key hashes of the slots' owners, in the order of the slots.
    pub fn slot_owners(&self, db: StackerDb) -> Vec<Hash160> {
        self.dbs.owners(db).collect()
    }

    /// The slot of `.miners` that the winner of a tenure proposes blocks in; the one after it is
    /// for signed blocks. None if the tenure is neither of the last two winners'.
    pub fn miner_slot(&self, tenure: &ConsensusHash) -> Option<SlotId> {
        let latest = self.burn.latest_winner()?;
        let is_recent = latest.consensus_hash == *tenure || latest.last_winner == Some(*tenure);
        let block = self.burn.any(tenure).filter(|_| is_recent)?;
        Some(SlotId::new(if block.winners % 2 == 0 { 0 } else { 2 }))
    }
}

/// Stacks blocks.
impl Chain {
    /// A known block, processed or waiting for its parent, on any fork.
    pub fn block(&self, id: &StacksBlockId) -> Option<&NakamotoBlock> {
        self.blocks.block(id)
    }

    /// The canonical tip: the highest processed block on the canonical burn fork. Of several, the
    /// one of the newest tenure, and of these the one that came first.
    pub fn stacks_tip(&self) -> &NakamotoBlock {
        &self.tip.block
    }

    /// The id of the canonical tip.
    pub fn stacks_tip_id(&self) -> StacksBlockId {
        self.tip.id
    }

    /// The highest known block of a tenure, processed or waiting for its parent.
    pub fn tenure_tip(&self, tenure: &ConsensusHash) -> Option<&NakamotoBlock> {
        let processed = self.processed_tip(tenure).map(|record| record.block.as_ref());
        self.blocks.staged(tenure).chain(processed).max_by_key(|block| block.header.chain_length)
    }

    /// The cycle whose signers sign the blocks of a tenure: that of its sortition's burn height.
    pub fn signing_cycle(&self, tenure: &ConsensusHash) -> Option<RewardCycle> {
        self.burn.any(tenure).map(|block| self.config.cycles().cycle_of(block.height))
    }

    /// The highest processed block of a tenure; of several, the one that came first. A tenure that
    /// was extended to a burn block that a fork took away ends before the extension.
    fn processed_tip(&self, tenure: &ConsensusHash) -> Option<&Arc<BlockRecord>> {
        let is_orphaned = self.burn.canonical(tenure).is_none();
        let is_visible = |record: &&Arc<BlockRecord>| {
            is_orphaned || self.burn.canonical(&record.burn_view).is_some()
        };
        let records = self.blocks.tenure(tenure).iter().rev();
        records.filter(is_visible).max_by_key(|record| record.height())
    }

    fn first_block_of(&self, tenure: &ConsensusHash) -> Option<StacksBlockId> {
        let first = self.blocks.tenure(tenure).iter().find(|record| record.tenure_blocks == 1);
        first.map(|record| record.id)
    }

    fn ledger_after(&self, id: &StacksBlockId) -> Option<&Ledger> {
        self.blocks.record(id).map(|record| &record.ledger)
    }

    fn process(&mut self, record: BlockRecord) -> Arc<BlockRecord> {
        let record = self.blocks.process(record);
        if self.rank(&record) > self.rank(&self.tip) {
            self.tip = Arc::clone(&record);
        }
        record
    }

    fn choose_tip_again(&mut self) {
        // Records come in the order of their arrival within a tenure; `max_by_key` keeps the last
        // of equals, so going backwards keeps the first.
        let records: Vec<_> = self.blocks.records().collect();
        let best = records.into_iter().rev().max_by_key(|record| self.rank(record));
        if let Some(best) = best {
            self.tip = Arc::clone(best);
        }
    }

    /// Orders blocks by how fit they are to be the tip; none for those on another burn fork.
    fn rank(&self, record: &BlockRecord) -> Option<(u64, BurnHeight)> {
        let tenure = self.burn.canonical(record.tenure())?;
        self.burn.canonical(&record.burn_view)?;
        Some((record.height().get(), tenure.height))
    }
}

/// Bits of a block's PoX treatment: one, as in the reward sets of epoch 4.0. Nobody reads which
/// recipient a bit stands for.
const POX_BITS: u16 = 1;
