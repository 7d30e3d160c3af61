//! Nakamoto blocks: headers of both versions, their hashes, and the block with its transactions.

use crate::fixed::{ConsensusHash, StacksBlockId, StateRoot, TxMerkleRoot};
use crate::keys::MessageSignature;
use crate::quantity::{StacksHeight, UnixSeconds};
use crate::transaction::StacksTransaction;

/// A Nakamoto block header of any version (SIP-021; version 1 adds the problematic transactions).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NakamotoBlockHeader {
    /// Bit 7 marks a shadow block; the low seven bits are the header version.
    pub version: u8,
    /// Height of this block.
    pub chain_length: StacksHeight,
    /// Satoshis spent on this block's tenure and all before it.
    pub burn_spent: u64,
    /// The tenure.
    pub consensus_hash: ConsensusHash,
    /// The block below this one.
    pub parent_block_id: StacksBlockId,
    /// Root over the transaction ids.
    pub tx_merkle_root: TxMerkleRoot,
    /// Root of the chain state after this block.
    pub state_index_root: StateRoot,
    /// When the miner made the block.
    pub timestamp: UnixSeconds,
    /// By the tenure's miner, over the miner signature hash.
    pub miner_signature: MessageSignature,
    /// By the signers, over the signer signature hash, in the order of the reward set.
    pub signer_signature: Vec<MessageSignature>,
    /// Which PoX recipients were paid.
    pub pox_treatment: BitVec,
    /// Transactions that the miner marks as problematic; only in headers of version 1 and later.
    pub problematic_txs: Vec<ProblematicTransaction>,
}

/// One entry of a header's list of problematic transactions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProblematicTransaction {
    /// Index in the block.
    pub tx_index: u32,
    /// What is wrong with it.
    pub category: u8,
}

/// A self-describing bit vector of 1 to 4000 bits, least significant bit first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BitVec {
    pub(crate) bits: u16,
    pub(crate) bytes: Vec<u8>,
}

/// A header and its transactions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NakamotoBlock {
    /// The header.
    pub header: NakamotoBlockHeader,
    /// The transactions, whose ids are distinct and hash to the header's Merkle root.
    pub transactions: Vec<StacksTransaction>,
}
