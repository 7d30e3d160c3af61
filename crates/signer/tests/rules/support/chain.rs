//! The chain of the tests: burn block `n` has the height 100 + `n`, and its winner the key `n`.
//!
//! The tip is burn block 3, whose winner builds on tenure 2, which ends at Stacks height 20. All is
//! in reward cycle 1, which has the burn heights 100 to 199; its last 20 are the prepare phase.

use countersign_signer::{BurnBlockSeen, Millis, Timestamp};
use countersign_wire::event::NewBurnBlock;
use countersign_wire::fixed::SortitionId;
use countersign_wire::rpc::{Sortition, TenureForkInfo, TenureTip};
use countersign_wire::{
    BurnBlockHash, BurnHeight, ConsensusHash, MessageSignature, PrivateKey, RewardCycle, Sighash,
    StacksBlockId, StacksHeight,
};

pub(crate) const NOW: Timestamp = Timestamp::from_secs(1_700_000_000);
pub(crate) const CYCLE: RewardCycle = RewardCycle::new(1);

/// The consensus hash of burn block `n`, which names its tenure.
pub(crate) const fn ch(n: u8) -> ConsensusHash {
    ConsensusHash::new([n; 20])
}

pub(crate) const fn burn_hash(n: u8) -> BurnBlockHash {
    BurnBlockHash::new([n; 32])
}

pub(crate) const fn burn_height(n: u8) -> BurnHeight {
    BurnHeight::new(100 + n as u64)
}

/// The callback for burn block `n`.
pub(crate) fn burn_block(n: u8) -> NewBurnBlock {
    NewBurnBlock {
        burn_block_hash: burn_hash(n),
        burn_block_height: burn_height(n),
        consensus_hash: ch(n),
        parent_burn_block_hash: burn_hash(n - 1),
    }
}

/// Burn block `n` as one that arrived at `received_at`.
pub(crate) fn seen(n: u8, received_at: Timestamp) -> BurnBlockSeen {
    BurnBlockSeen {
        hash: burn_hash(n),
        height: burn_height(n),
        consensus_hash: ch(n),
        parent: burn_hash(n - 1),
        received_at,
    }
}

pub(crate) fn miner_key(n: u8) -> PrivateKey {
    let mut secret = [0x40; 32];
    secret[31] = n;
    PrivateKey::from_bytes(secret).unwrap()
}

/// The sortition of burn block `n`, whose winner builds on tenure `parent`.
pub(crate) fn sortition(n: u8, parent: u8) -> Sortition {
    Sortition {
        burn_block_hash: burn_hash(n),
        burn_block_height: burn_height(n),
        burn_header_timestamp: 0,
        sortition_id: SortitionId::new([n; 32]),
        parent_sortition_id: SortitionId::new([n - 1; 32]),
        consensus_hash: ch(n),
        was_sortition: true,
        miner_pk_hash160: Some(miner_key(n).public_key().hash160()),
        stacks_parent_ch: Some(ch(parent)),
        last_sortition_ch: Some(ch(n - 1)),
        committed_block_hash: None,
        vrf_seed: None,
    }
}

/// A tenure's tip of this height that no test proposes.
pub(crate) fn tip(n: u8, height: u64) -> TenureTip {
    TenureTip {
        block_id: tip_id(n, height),
        sighash: Some(Sighash::new([n; 32])),
        height: StacksHeight::new(height),
        burn_view: Some(ch(n)),
    }
}

pub(crate) fn tip_id(n: u8, height: u64) -> StacksBlockId {
    let mut bytes = [n; 32];
    bytes[..8].copy_from_slice(&height.to_be_bytes());
    StacksBlockId::new(bytes)
}

/// `key`'s signature over a block.
pub(crate) fn signed(key: &PrivateKey, sighash: &Sighash) -> MessageSignature {
    key.sign(sighash.as_bytes())
}

/// This many seconds before [`NOW`].
pub(crate) fn secs_ago(seconds: u64) -> Timestamp {
    ms_ago(seconds * 1000)
}

/// This many milliseconds before [`NOW`].
pub(crate) fn ms_ago(millis: u64) -> Timestamp {
    Timestamp::from_millis(NOW.as_millis() - millis)
}

pub(crate) const fn secs(seconds: u64) -> Millis {
    Millis::from_secs(seconds)
}

/// Tenure `n` in the list of those that a winner skips.
pub(crate) fn fork(n: u8, first_block: Option<StacksBlockId>) -> TenureForkInfo {
    let sortition = sortition(n, n - 1);
    TenureForkInfo {
        burn_block_hash: burn_hash(n),
        burn_block_height: burn_height(n),
        sortition_id: sortition.sortition_id,
        parent_sortition_id: sortition.parent_sortition_id,
        consensus_hash: ch(n),
        was_sortition: true,
        first_block_mined: first_block,
        nakamoto_blocks: None,
    }
}
