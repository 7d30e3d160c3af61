//! How a chain starts: three burn blocks of one miner that is never seen again, each with a tenure
//! of one block, so that the first real winner has a parent and the sortitions have predecessors.
//!
//! The first of these blocks has no transactions and no signature. None has signer signatures:
//! whoever starts a chain holds no signer's key.

use std::collections::BTreeMap;
use std::sync::Arc;

use countersign_wire::block::{BitVec, NakamotoBlockHeader};
use countersign_wire::event::ExecutionCost;
use countersign_wire::fixed::{StateRoot, TxMerkleRoot};
use countersign_wire::{
    BurnHeight, MessageSignature, NakamotoBlock, PrivateKey, RewardCycle, StacksAddress,
    StacksBlockId, StacksHeight, UnixSeconds,
};

use super::blocks::{BlockRecord, BlockTree};
use super::burn::{BurnBlock, BurnChain, Winner};
use super::config::{ChainConfig, ConfigError, HISTORY_LEN};
use super::faucet::derive_key;
use super::ledger::Ledger;
use super::stackerdb::StackerDbs;
use super::{Chain, POX_BITS};

impl Chain {
    /// The chain with its history.
    pub fn new(config: ChainConfig) -> Result<Self, ConfigError> {
        config.check()?;
        let miner = derive_key(&config.seed, u32::MAX);
        let first_height =
            BurnHeight::new(config.genesis_burn_height.get().saturating_sub(HISTORY_LEN - 1));
        let first_time = time_of(&config, HISTORY_LEN - 1);
        let hash = miner.public_key().hash160();
        let burn = BurnChain::new(&config.seed, first_height, first_time, hash);
        let boot = boot_record(&config, burn.tip());
        let mut blocks = BlockTree::default();
        let tip = blocks.process(boot);
        let first_cycle = config.cycles().cycle_of(first_height);
        let mut chain = Self {
            config: Arc::new(config),
            burn,
            blocks,
            tip,
            dbs: StackerDbs::default(),
            sets: BTreeMap::new(),
            last_set_cycle: RewardCycle::new(first_cycle.get().saturating_sub(1)),
        };
        // Both contract families have had owners before: the cycle at the start and the one below.
        chain.configure_signers(chain.last_set_cycle);
        chain.configure_signers(first_cycle);
        chain.last_set_cycle = first_cycle;
        chain.learn_signer_sets();
        chain.configure_miners();
        for age in (0..HISTORY_LEN - 1).rev() {
            let at = time_of(&chain.config, age);
            chain.mine_burn_block(Some(Winner::honest(hash)), at);
            chain.add_unsigned_tenure(&miner, at);
        }
        Ok(chain)
    }

    fn add_unsigned_tenure(&mut self, miner: &PrivateKey, at: UnixSeconds) {
        let tenure = self.burn_tip().consensus_hash;
        let block = self
            .build_tenure_start(miner, &tenure, at, Vec::new())
            .expect("the winner builds on the tip that it has committed to");
        let record = self
            .judge_signed(&block)
            .expect("a block that was built without transactions of others is valid");
        self.process(record);
    }
}

/// Seconds between the burn blocks of the history.
const HISTORY_SPACING: u64 = 60;

fn time_of(config: &ChainConfig, age: u64) -> UnixSeconds {
    UnixSeconds::new(config.genesis_time.get().saturating_sub(age * HISTORY_SPACING))
}

fn boot_record(config: &ChainConfig, burn: &BurnBlock) -> BlockRecord {
    let header = NakamotoBlockHeader {
        version: config.epoch_at(burn.height).header_version(),
        chain_length: StacksHeight::new(0),
        burn_spent: burn.burn_spent,
        consensus_hash: burn.consensus_hash,
        parent_block_id: StacksBlockId::ZERO,
        tx_merkle_root: TxMerkleRoot::ZERO,
        state_index_root: StateRoot::new(config.seed),
        timestamp: burn.timestamp,
        miner_signature: MessageSignature::EMPTY,
        signer_signature: Vec::new(),
        pox_treatment: BitVec::all_set(POX_BITS).expect("one bit is a valid length"),
        problematic_txs: Vec::new(),
    };
    let block = NakamotoBlock { header, transactions: Vec::new() };
    BlockRecord {
        id: block.block_id(),
        sighash: block.sighash(),
        burn_view: burn.consensus_hash,
        tenure_blocks: 1,
        tenure_height: 1,
        state_root: block.header.state_index_root,
        ledger: first_ledger(config),
        cost: ExecutionCost::default(),
        block: Arc::new(block),
    }
}

fn first_ledger(config: &ChainConfig) -> Ledger {
    let mut ledger = Ledger::default();
    for account in &config.accounts {
        ledger.fund(account.address, account.balance);
    }
    for miner in &config.miners {
        let address = StacksAddress::new(config.network.single_sig_version(), *miner)
            .expect("versions of addresses are below 32");
        ledger.fund(address, 0);
    }
    ledger
}
