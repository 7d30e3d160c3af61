//! A block's header, for tests that need one.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use countersign_wire::block::BitVec;
use countersign_wire::fixed::{StateRoot, TxMerkleRoot};
use countersign_wire::{
    ConsensusHash, MessageSignature, NakamotoBlockHeader, StacksBlockId, StacksHeight, UnixSeconds,
};

/// The header of block `number` at `height`.
pub(crate) fn header(number: u64, height: u64) -> NakamotoBlockHeader {
    NakamotoBlockHeader {
        version: 0,
        chain_length: StacksHeight::new(height),
        burn_spent: number,
        consensus_hash: ConsensusHash::new([9; 20]),
        parent_block_id: StacksBlockId::new([2; 32]),
        tx_merkle_root: TxMerkleRoot::ZERO,
        state_index_root: StateRoot::ZERO,
        timestamp: UnixSeconds::new(1),
        miner_signature: MessageSignature::EMPTY,
        signer_signature: Vec::new(),
        pox_treatment: BitVec::new(1).unwrap(),
        problematic_txs: Vec::new(),
    }
}
