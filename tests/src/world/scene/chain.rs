//! What happens to the burn chain.

use std::collections::BTreeSet;

use countersign_devnet::chain::Winner;
use countersign_wire::{BurnHeight, ConsensusHash, RewardCycle, StacksBlockId};

use super::Scene;

impl Scene {
    /// A burn block whose winner builds on the tip, as an honest miner does. Gives its tenure.
    pub fn won_by(&mut self, miner: usize) -> ConsensusHash {
        self.burn_block(Some(miner), None)
    }

    /// A burn block whose winner has committed to build on this tenure.
    pub fn won_by_on(&mut self, miner: usize, parent: ConsensusHash) -> ConsensusHash {
        self.burn_block(Some(miner), Some(parent))
    }

    /// A burn block that nobody has won.
    pub fn nobody_wins(&mut self) -> ConsensusHash {
        self.burn_block(None, None)
    }

    /// A Bitcoin fork takes the newest `depth` burn blocks away. Nodes tell of it with the next
    /// burn block.
    pub fn fork_burn_chain(&mut self, depth: u64) {
        let height = self.world.chain.burn_tip().height;
        self.world.chain.fork_burn_chain(BurnHeight::new(height.get() - depth));
        let chain = &self.world.chain;
        let mut on_chain = BTreeSet::new();
        let mut id = chain.stacks_tip_id();
        while let Some(block) = chain.block(&id) {
            on_chain.insert(block.sighash());
            id = block.header.parent_block_id;
        }
        self.world.checks.reorganised(&on_chain);
    }

    /// So many burn blocks that nobody has won.
    pub fn empty_burn_blocks(&mut self, count: u64) {
        for _ in 0..count {
            self.nobody_wins();
        }
    }

    /// How many burn blocks come before the first one of the next reward cycle.
    pub fn burn_blocks_left(&self) -> u64 {
        let cycles = self.world.chain.config().cycles();
        let next = cycles.first_height(self.cycle().next());
        next.get() - self.world.chain.burn_tip().height.get() - 1
    }

    /// The reward cycle of the burn tip.
    pub fn cycle(&self) -> RewardCycle {
        self.world.chain.current_cycle()
    }

    /// The newest burn block.
    pub fn burn_tip(&self) -> ConsensusHash {
        self.world.chain.burn_tip().consensus_hash
    }

    /// The tenure that the winner of this one has committed to build on.
    pub fn parent_of(&self, tenure: ConsensusHash) -> ConsensusHash {
        let burn = self.world.chain.burn_block(&tenure).expect("the tenure exists");
        burn.winner.expect("the sortition has a winner").parent_tenure
    }

    /// The chain's tip.
    pub fn tip(&self) -> StacksBlockId {
        self.world.chain.stacks_tip_id()
    }

    fn burn_block(&mut self, miner: Option<usize>, parent: Option<ConsensusHash>) -> ConsensusHash {
        let winner = miner.map(|miner| Winner {
            miner: self.world.miners[miner].hash,
            committed_parent_tenure: parent,
        });
        self.world.mine(winner);
        let tenure = self.burn_tip();
        self.moment();
        tenure
    }
}
