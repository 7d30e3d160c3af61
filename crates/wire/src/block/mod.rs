//! Blocks: Nakamoto headers of both versions with their hashes, the block with its transactions, and
//! what is left of epoch 2 (`signer-wire.md` sections 3.1, 3.2 and 3.5, SIP-021).

mod bitvec;
mod epoch2;
mod header;
mod tenure;

use std::collections::BTreeSet;

pub use bitvec::{BitVec, BitVecError};
pub use epoch2::{Epoch2Header, TotalWork};
pub use header::{NakamotoBlockHeader, ProblematicTransaction};
pub use tenure::TenureRole;

use crate::codec::{DecodeError, MAX_MESSAGE_LEN, Reader, Wire, encode_list};
use crate::fixed::{ConsensusHash, Sighash, StacksBlockId, TxMerkleRoot, Txid};
use crate::hash::sha512_256;
use crate::merkle::tx_merkle_root;
use crate::transaction::{MIN_TRANSACTION_LEN, StacksTransaction};

/// A header and its transactions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NakamotoBlock {
    /// The header.
    pub header: NakamotoBlockHeader,
    /// The transactions, whose ids are distinct and hash to the header's Merkle root.
    pub transactions: Vec<StacksTransaction>,
}

impl NakamotoBlock {
    /// What the signers sign; the block hash.
    pub fn sighash(&self) -> Sighash {
        self.header.sighash()
    }

    /// The index block hash.
    pub fn block_id(&self) -> StacksBlockId {
        self.header.block_id()
    }

    /// The ids of the transactions, in their order.
    pub fn txids(&self) -> Vec<Txid> {
        self.transactions.iter().map(StacksTransaction::txid).collect()
    }

    /// The root over the transactions that are there, whatever the header says.
    pub fn tx_merkle_root(&self) -> TxMerkleRoot {
        tx_merkle_root(&self.txids())
    }
}

impl Wire for NakamotoBlock {
    fn encode(&self, out: &mut Vec<u8>) {
        self.header.encode(out);
        encode_list(&self.transactions, out);
    }

    /// Refuses a block over [`MAX_MESSAGE_LEN`], a transaction that stands twice, and a header whose
    /// Merkle root is another.
    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let block = reader.bounded(MAX_MESSAGE_LEN, "block", |reader| {
            let header = NakamotoBlockHeader::decode(reader)?;
            let transactions =
                reader.list(MAX_MESSAGE_LEN, MIN_TRANSACTION_LEN, "transactions of the block")?;
            Ok(Self { header, transactions })
        })?;
        let txids = block.txids();
        if txids.iter().collect::<BTreeSet<_>>().len() != txids.len() {
            return Err(DecodeError::Invalid { what: "list of distinct transactions" });
        }
        if tx_merkle_root(&txids) != block.header.tx_merkle_root {
            return Err(DecodeError::Invalid { what: "Merkle root over the transactions" });
        }
        Ok(block)
    }
}

impl StacksBlockId {
    /// The id of the block with this hash in this tenure: the block hash comes first.
    pub fn for_block(block_hash: &[u8; 32], consensus_hash: &ConsensusHash) -> Self {
        Self::new(sha512_256(&[block_hash, consensus_hash.as_bytes()]))
    }
}
