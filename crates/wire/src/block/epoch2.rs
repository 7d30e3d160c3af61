//! Block headers of epoch 2, which the node still reports for tenures before Nakamoto.

use serde::{Deserialize, Serialize};

use crate::fixed::{
    BlockHeaderHash, ConsensusHash, Hash160, StacksBlockId, StateRoot, TxMerkleRoot, VrfProofBytes,
};
use crate::hash::sha512_256;

/// A block header of epoch 2, in the JSON form of `/v3/tenures/tip_metadata`.
///
/// Only its hash is of interest: it names the parent of the first Nakamoto tenure.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Epoch2Header {
    /// The header's version.
    pub version: u8,
    /// What this block and all before it cost, and how many they are.
    pub total_work: TotalWork,
    /// The miner's VRF proof.
    pub proof: VrfProofBytes,
    /// The block below.
    pub parent_block: BlockHeaderHash,
    /// The last microblock that this block confirms.
    pub parent_microblock: BlockHeaderHash,
    /// Its position in its stream.
    pub parent_microblock_sequence: u16,
    /// Root over the transaction ids.
    pub tx_merkle_root: TxMerkleRoot,
    /// Root of the chain state after this block.
    pub state_index_root: StateRoot,
    /// Hash of the key that signs this block's microblocks.
    pub microblock_pubkey_hash: Hash160,
}

/// What a chain of epoch-2 blocks cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TotalWork {
    /// Satoshis burnt or paid.
    pub burn: u64,
    /// The height: one unit of work per block.
    pub work: u64,
}

impl Epoch2Header {
    /// The block hash: over every field in its order.
    pub fn block_hash(&self) -> BlockHeaderHash {
        BlockHeaderHash::new(sha512_256(&[
            &[self.version],
            &self.total_work.burn.to_be_bytes(),
            &self.total_work.work.to_be_bytes(),
            self.proof.as_bytes(),
            self.parent_block.as_bytes(),
            self.parent_microblock.as_bytes(),
            &self.parent_microblock_sequence.to_be_bytes(),
            self.tx_merkle_root.as_bytes(),
            self.state_index_root.as_bytes(),
            self.microblock_pubkey_hash.as_bytes(),
        ]))
    }

    /// The id of this block, which won the sortition `consensus_hash`.
    pub fn block_id(&self, consensus_hash: &ConsensusHash) -> StacksBlockId {
        StacksBlockId::for_block(self.block_hash().as_bytes(), consensus_hash)
    }
}
