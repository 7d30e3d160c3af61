//! The burn chain: blocks, their sortitions, and its forks.

use std::collections::BTreeMap;
use std::sync::Arc;

use countersign_wire::event::NewBurnBlock;
use countersign_wire::fixed::SortitionId;
use countersign_wire::hash::sha512_256;
use countersign_wire::{BurnBlockHash, BurnHeight, ConsensusHash, Hash160, Sighash, UnixSeconds};

/// Who wins a sortition, and which tenure the winner has committed to build on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Winner {
    /// Hash of the miner's key.
    pub miner: Hash160,
    /// The tenure that the winner builds on; the Stacks tip's tenure if none is named, as an honest
    /// miner would have it.
    pub committed_parent_tenure: Option<ConsensusHash>,
}

impl Winner {
    /// A miner that commits to the Stacks tip.
    pub const fn honest(miner: Hash160) -> Self {
        Self { miner, committed_parent_tenure: None }
    }
}

/// A burn block and its sortition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BurnBlock {
    /// Its height.
    pub height: BurnHeight,
    /// Its hash.
    pub hash: BurnBlockHash,
    /// The hash of the block below.
    pub parent_hash: BurnBlockHash,
    /// Its header's timestamp.
    pub timestamp: UnixSeconds,
    /// Its consensus hash: the id of the winner's tenure, if there is a winner.
    pub consensus_hash: ConsensusHash,
    /// The consensus hash of the block below.
    pub parent_consensus_hash: ConsensusHash,
    /// Identifies the sortition across forks.
    pub sortition_id: SortitionId,
    /// The sortition below.
    pub parent_sortition_id: SortitionId,
    /// Who won; none for an empty sortition.
    pub winner: Option<Commitment>,
    /// The consensus hash of the sortition with a winner before this one.
    pub last_winner: Option<ConsensusHash>,
    /// How many sortitions had a winner, up to and including this one.
    pub winners: u64,
    /// Satoshis spent by all winners, up to and including this one.
    pub burn_spent: u64,
}

/// What the winner of a sortition has committed to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Commitment {
    /// Hash of the miner's key.
    pub miner: Hash160,
    /// The tenure that the winner builds on.
    pub parent_tenure: ConsensusHash,
    /// The id of that tenure's first block, as a real commitment has it; zeros if it has no block.
    pub committed_block: Sighash,
    /// Seed of the winner's VRF.
    pub vrf_seed: SortitionId,
}

impl BurnBlock {
    /// The event that announces this block.
    pub fn announcement(&self) -> NewBurnBlock {
        NewBurnBlock {
            burn_block_hash: self.hash,
            burn_block_height: self.height,
            consensus_hash: self.consensus_hash,
            parent_burn_block_hash: self.parent_hash,
        }
    }
}

/// All burn blocks ever mined, and which of them are canonical.
#[derive(Clone, Debug)]
pub(super) struct BurnChain {
    blocks: BTreeMap<ConsensusHash, Arc<BurnBlock>>,
    canonical: BTreeMap<BurnHeight, Arc<BurnBlock>>,
    tip: Arc<BurnBlock>,
    /// Counts reorganisations, so that a block mined again at a height gets another hash.
    forks: u32,
}

impl BurnChain {
    /// The chain whose lowest known block has this height and winner.
    pub(super) fn new(
        seed: &[u8; 32],
        height: BurnHeight,
        at: UnixSeconds,
        winner: Hash160,
    ) -> Self {
        let below = BurnBlock {
            height: BurnHeight::new(height.get().saturating_sub(1)),
            hash: BurnBlockHash::new(sha512_256(&[b"burn block", seed])),
            parent_hash: BurnBlockHash::ZERO,
            timestamp: at,
            consensus_hash: ConsensusHash::ZERO,
            parent_consensus_hash: ConsensusHash::ZERO,
            sortition_id: SortitionId::new(sha512_256(&[b"sortition", seed])),
            parent_sortition_id: SortitionId::ZERO,
            winner: None,
            last_winner: None,
            winners: 0,
            burn_spent: 0,
        };
        let commitment = Commitment {
            miner: winner,
            parent_tenure: ConsensusHash::ZERO,
            committed_block: Sighash::ZERO,
            vrf_seed: SortitionId::ZERO,
        };
        let first = Arc::new(on_top_of(&below, height, at, Some(commitment), 0));
        Self {
            blocks: BTreeMap::from([(first.consensus_hash, Arc::clone(&first))]),
            canonical: BTreeMap::from([(height, Arc::clone(&first))]),
            tip: first,
            forks: 0,
        }
    }

    pub(super) fn tip(&self) -> &BurnBlock {
        &self.tip
    }

    /// A block on any fork.
    pub(super) fn any(&self, consensus_hash: &ConsensusHash) -> Option<&BurnBlock> {
        self.blocks.get(consensus_hash).map(Arc::as_ref)
    }

    /// A block on the canonical fork.
    pub(super) fn canonical(&self, consensus_hash: &ConsensusHash) -> Option<&BurnBlock> {
        self.any(consensus_hash).filter(|block| {
            self.at(block.height).is_some_and(|here| here.consensus_hash == *consensus_hash)
        })
    }

    /// The canonical block at a height.
    pub(super) fn at(&self, height: BurnHeight) -> Option<&BurnBlock> {
        self.canonical.get(&height).map(Arc::as_ref)
    }

    /// The canonical block with this hash.
    pub(super) fn by_hash(&self, hash: &BurnBlockHash) -> Option<&BurnBlock> {
        self.canonical.values().map(Arc::as_ref).rev().find(|block| block.hash == *hash)
    }

    /// The newest canonical block with a winner.
    pub(super) fn latest_winner(&self) -> Option<&BurnBlock> {
        match self.tip.winner {
            Some(_) => Some(&self.tip),
            None => self.tip.last_winner.as_ref().and_then(|last| self.any(last)),
        }
    }

    /// Adds a block to the tip.
    pub(super) fn extend(&mut self, winner: Option<Commitment>, at: UnixSeconds) -> &BurnBlock {
        let block = Arc::new(on_top_of(&self.tip, self.tip.height.next(), at, winner, self.forks));
        self.blocks.insert(block.consensus_hash, Arc::clone(&block));
        self.canonical.insert(block.height, Arc::clone(&block));
        self.tip = block;
        &self.tip
    }

    /// Drops the blocks above a height from the canonical fork, and gives them, lowest first. The
    /// lowest block of the chain always stays.
    pub(super) fn fork(&mut self, height: BurnHeight) -> Vec<Arc<BurnBlock>> {
        let lowest = self.canonical.first_key_value().map_or(height, |(lowest, _)| *lowest);
        let dropped = self.canonical.split_off(&height.max(lowest).next());
        if let Some((_, tip)) = self.canonical.last_key_value() {
            self.tip = Arc::clone(tip);
        }
        if !dropped.is_empty() {
            self.forks = self.forks.saturating_add(1);
        }
        dropped.into_values().collect()
    }
}

/// What a winner spends on its tenure, in satoshis.
const COMMIT_SATS: u64 = 20_000;

fn on_top_of(
    parent: &BurnBlock,
    height: BurnHeight,
    at: UnixSeconds,
    winner: Option<Commitment>,
    forks: u32,
) -> BurnBlock {
    let mut preimage = Vec::new();
    preimage.extend_from_slice(&height.get().to_be_bytes());
    preimage.extend_from_slice(&at.get().to_be_bytes());
    preimage.extend_from_slice(&forks.to_be_bytes());
    if let Some(commitment) = &winner {
        preimage.extend_from_slice(commitment.miner.as_bytes());
        preimage.extend_from_slice(commitment.parent_tenure.as_bytes());
        preimage.extend_from_slice(commitment.committed_block.as_bytes());
    }
    let derive = |what: &[u8]| sha512_256(&[what, parent.hash.as_bytes(), &preimage]);
    let spent = winner.map_or(0, |_| COMMIT_SATS);
    BurnBlock {
        height,
        hash: BurnBlockHash::new(derive(b"burn block")),
        parent_hash: parent.hash,
        timestamp: at,
        consensus_hash: consensus_hash(&derive(b"consensus")),
        parent_consensus_hash: parent.consensus_hash,
        sortition_id: SortitionId::new(derive(b"sortition")),
        parent_sortition_id: parent.sortition_id,
        winner: winner.map(|commitment| Commitment {
            vrf_seed: SortitionId::new(derive(b"vrf seed")),
            ..commitment
        }),
        last_winner: match parent.winner {
            Some(_) => Some(parent.consensus_hash),
            None => parent.last_winner,
        },
        winners: parent.winners.saturating_add(u64::from(winner.is_some())),
        burn_spent: parent.burn_spent.saturating_add(spent),
    }
}

fn consensus_hash(digest: &[u8; 32]) -> ConsensusHash {
    let (head, _) = digest.split_first_chunk::<20>().expect("20 is less than 32");
    ConsensusHash::new(*head)
}
