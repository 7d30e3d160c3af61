//! A block's header, for the tests of whatever signs, keeps or carries one. Other crates include this file.

use countersign_wire::block::BitVec;
use countersign_wire::fixed::{StateRoot, TxMerkleRoot};
use countersign_wire::{
    ConsensusHash, MessageSignature, NakamotoBlockHeader, StacksBlockId, StacksHeight, UnixSeconds,
};

/// The header of block `number` at `height`. All are of one tenure and on one parent; each number makes
/// another block.
pub(crate) fn header(number: u64, height: u64) -> NakamotoBlockHeader {
    NakamotoBlockHeader {
        version: 0,
        chain_length: StacksHeight::new(height),
        burn_spent: number,
        consensus_hash: ConsensusHash::new([1; 20]),
        parent_block_id: StacksBlockId::new([2; 32]),
        tx_merkle_root: TxMerkleRoot::ZERO,
        state_index_root: StateRoot::ZERO,
        timestamp: UnixSeconds::new(1_700_000_000),
        miner_signature: MessageSignature::EMPTY,
        signer_signature: Vec::new(),
        pox_treatment: BitVec::new(1).expect("one bit is a bit vector"),
        problematic_txs: Vec::new(),
    }
}
