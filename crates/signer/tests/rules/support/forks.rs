//! Bitcoin forks: burn blocks that the node loses, and the branch that takes their place.

use countersign_signer::{Event, Note, Params, ReplayChange, Saved};
use countersign_wire::codec::encode_list;
use countersign_wire::event::{ExecutionCost, NewBurnBlock, ProposalResponse, ValidationOk};
use countersign_wire::fixed::SortitionId;
use countersign_wire::message::BlockProposal;
use countersign_wire::rpc::{Sortition, TenureForkInfo};
use countersign_wire::transaction::StacksTransaction;
use countersign_wire::{BurnBlockHash, ConsensusHash, NakamotoBlock, Sighash};

use super::blocks::{ordinary, sent_by_user, spoilt, tenure_start, with_transactions};
use super::chain::{burn_block, burn_hash, burn_height, ch, miner_key, sortition};
use super::driver::Driver;
use super::node::Node;

/// Marks the burn blocks of the branches that take over, so that each has hashes of its own.
#[derive(Clone, Copy)]
pub(crate) struct Branch(pub(crate) u8);

impl Branch {
    /// The burn block of this branch at the height of burn block `n`.
    pub(crate) fn block(self, n: u8, below: BurnBlockHash) -> NewBurnBlock {
        NewBurnBlock {
            burn_block_hash: BurnBlockHash::new(self.bytes(n)),
            consensus_hash: self.ch(n),
            parent_burn_block_hash: below,
            ..burn_block(n)
        }
    }

    pub(crate) fn ch(self, n: u8) -> ConsensusHash {
        let mut bytes = [self.0; 20];
        bytes[19] = n;
        ConsensusHash::new(bytes)
    }

    pub(crate) fn hash(self, n: u8) -> BurnBlockHash {
        BurnBlockHash::new(self.bytes(n))
    }

    const fn bytes(self, n: u8) -> [u8; 32] {
        let mut bytes = [self.0; 32];
        bytes[31] = n;
        bytes
    }
}

impl Driver {
    /// At burn block 5, with tenures 4 and 5 of two and one block with transactions of users 1 to 3.
    pub(crate) fn before_fork(spoil: impl FnOnce(&mut Params, &mut Node)) -> Self {
        let mut driver = Self::configured(&[20; 5], Saved::default(), spoil);
        driver.node.end_tenure(3, 21);
        driver.mine_burn_block(4);
        driver.node.end_tenure(4, 23);
        driver.mine_burn_block(5);
        let first = [tenure_start(4, 22), with_transactions(4, 23, sent(&[1, 2]))];
        driver.node.lose(4, first.map(|proposal| proposal.block).to_vec());
        driver.node.lose(5, vec![with_transactions(5, 24, sent(&[3])).block]);
        driver.sent.clear();
        driver.notes.clear();
        driver
    }

    /// Bitcoin forks: burn blocks `lost` are gone, and the branch has one block in the place of the
    /// lowest of them.
    pub(crate) fn fork(&mut self, lost: std::ops::RangeInclusive<u8>, branch: Branch) {
        let origin = *lost.start();
        for n in lost {
            self.node.orphan(n);
        }
        self.mine_on(branch, origin, burn_hash(origin - 1), origin - 1);
    }

    /// The branch grows by a block at the height of burn block `n`, whose winner builds on tenure
    /// `parent` of before the fork.
    pub(crate) fn mine_on(&mut self, branch: Branch, n: u8, below: BurnBlockHash, parent: u8) {
        let block = branch.block(n, below);
        self.node.burn_height = burn_height(n);
        self.node.burn_tip = block.consensus_hash;
        self.node.latest = Sortition {
            burn_block_hash: block.burn_block_hash,
            sortition_id: SortitionId::new(*block.burn_block_hash.as_bytes()),
            consensus_hash: block.consensus_hash,
            miner_pk_hash160: Some(miner_key(branch.0).public_key().hash160()),
            last_sortition_ch: Some(ch(parent)),
            ..sortition(n, parent)
        };
        self.node.last = Some(sortition(parent, parent - 1));
        self.handle(Event::BurnBlock(block));
    }

    /// What we want replayed, as peers know it.
    pub(crate) fn own_replay(&self) -> Vec<StacksTransaction> {
        self.updates().last().map(|update| update.content.replay_transactions.clone()).unwrap()
    }

    /// Why what is to be replayed has changed.
    pub(crate) fn replay_changes(&self) -> Vec<ReplayChange> {
        let changes = self.notes.iter().filter_map(|note| match note {
            Note::ReplayChanged { change, .. } => Some(*change),
            _ => None,
        });
        changes.collect()
    }

    /// The node finds a block valid that replays what it was told to, or the last of it.
    pub(crate) fn verdict_on_replay(&mut self, sighash: Sighash, is_exhausted: bool) {
        self.handle(Event::Verdict(ProposalResponse::Ok(ValidationOk {
            sighash,
            cost: ExecutionCost::default(),
            size: 0,
            validation_time_ms: 1,
            replay_tx_hash: Some(7),
            replay_tx_exhausted: is_exhausted,
        })));
    }
}

impl Node {
    /// What the node tells of the blocks of tenure `n`, once a fork has taken it away.
    pub(crate) fn lose(&mut self, n: u8, mut blocks: Vec<NakamotoBlock>) {
        for block in &mut blocks {
            block.header.tx_merkle_root = block.tx_merkle_root();
        }
        let mut bytes = Vec::new();
        encode_list(&blocks, &mut bytes);
        let info = TenureForkInfo {
            burn_block_hash: burn_hash(n),
            burn_block_height: burn_height(n),
            sortition_id: SortitionId::new([n; 32]),
            parent_sortition_id: SortitionId::new([n - 1; 32]),
            consensus_hash: ch(n),
            was_sortition: true,
            first_block_mined: None,
            nakamoto_blocks: Some(format!("0x{}", hex::encode(&bytes))),
        };
        self.lost.insert(ch(n), info);
    }
}

/// The transactions of users with these nonces.
pub(crate) fn sent(nonces: &[u64]) -> Vec<StacksTransaction> {
    nonces.iter().copied().map(sent_by_user).collect()
}

/// A block in the tenure of the branch's burn block at the height of burn block `n`.
pub(crate) fn block_on(branch: Branch, n: u8, height: u64) -> BlockProposal {
    spoilt(ordinary(n, height), |header| header.consensus_hash = branch.ch(n))
}
