//! Nakamoto block headers and the two hashes that miners and signers sign.

use serde::{Deserialize, Serialize};

use super::bitvec::BitVec;
use crate::codec::{DecodeError, Reader, Wire, encode_list};
use crate::fixed::{ConsensusHash, Sighash, StacksBlockId, StateRoot, TxMerkleRoot};
use crate::hash::sha512_256;
use crate::keys::{MessageSignature, PublicKey};
use crate::quantity::{StacksHeight, UnixSeconds};
use crate::signer_set::MAX_SIGNERS;

/// A Nakamoto block header of any version (SIP-021; version 1 adds the problematic transactions).
///
/// Its JSON form is the node's: the fields by name, everything but numbers in hex.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
    /// Nodes before 4.0 do not send the field.
    #[serde(default)]
    pub problematic_txs: Vec<ProblematicTransaction>,
}

/// One entry of a header's list of problematic transactions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProblematicTransaction {
    /// Index in the block.
    pub tx_index: u32,
    /// What is wrong with it.
    pub category: u8,
}

impl NakamotoBlockHeader {
    /// The version without the flag of shadow blocks: 0 up to epoch 3.4, 1 from epoch 4.0.
    pub const fn header_version(&self) -> u8 {
        self.version & !SHADOW_FLAG
    }

    /// Whether the block was made to repair the chain, by no miner. Never proposed to signers.
    pub const fn is_shadow(&self) -> bool {
        self.version & SHADOW_FLAG != 0
    }

    /// What the miner signs: the header without any signature.
    pub fn miner_signature_hash(&self) -> [u8; 32] {
        let mut preimage = Vec::new();
        self.encode_before_signatures(&mut preimage);
        self.encode_after_signatures(&mut preimage);
        sha512_256(&[&preimage])
    }

    /// What the signers sign, which is also the block hash: the header without their signatures.
    pub fn sighash(&self) -> Sighash {
        let mut preimage = Vec::new();
        self.encode_before_signatures(&mut preimage);
        self.miner_signature.encode(&mut preimage);
        self.encode_after_signatures(&mut preimage);
        Sighash::new(sha512_256(&[&preimage]))
    }

    /// The header as it is before any signer has signed, with the same [`Self::sighash`].
    #[must_use]
    pub fn without_signers(&self) -> Self {
        Self { signer_signature: Vec::new(), ..self.clone() }
    }

    /// The index block hash: block hash, then tenure.
    pub fn block_id(&self) -> StacksBlockId {
        StacksBlockId::for_block(self.sighash().as_bytes(), &self.consensus_hash)
    }

    /// The key that signed as the miner, or none if the signature recovers no key.
    pub fn recover_miner(&self) -> Option<PublicKey> {
        self.miner_signature.recover(&self.miner_signature_hash())
    }

    fn encode_before_signatures(&self, out: &mut Vec<u8>) {
        self.version.encode(out);
        self.chain_length.encode(out);
        self.burn_spent.encode(out);
        self.consensus_hash.encode(out);
        self.parent_block_id.encode(out);
        self.tx_merkle_root.encode(out);
        self.state_index_root.encode(out);
        self.timestamp.encode(out);
    }

    fn encode_after_signatures(&self, out: &mut Vec<u8>) {
        self.pox_treatment.encode(out);
        if has_problematic_list(self.version) {
            encode_list(&self.problematic_txs, out);
        }
    }
}

impl Wire for NakamotoBlockHeader {
    fn encode(&self, out: &mut Vec<u8>) {
        self.encode_before_signatures(out);
        self.miner_signature.encode(out);
        encode_list(&self.signer_signature, out);
        self.encode_after_signatures(out);
    }

    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let version = reader.u8("header version")?;
        Ok(Self {
            version,
            chain_length: Wire::decode(reader)?,
            burn_spent: Wire::decode(reader)?,
            consensus_hash: Wire::decode(reader)?,
            parent_block_id: Wire::decode(reader)?,
            tx_merkle_root: Wire::decode(reader)?,
            state_index_root: Wire::decode(reader)?,
            timestamp: Wire::decode(reader)?,
            miner_signature: Wire::decode(reader)?,
            signer_signature: reader.list(MAX_SIGNATURES, 65, "signer signatures")?,
            pox_treatment: Wire::decode(reader)?,
            problematic_txs: if has_problematic_list(version) {
                reader.list(MAX_PROBLEMATIC, 5, "problematic transactions")?
            } else {
                Vec::new()
            },
        })
    }
}

impl Wire for ProblematicTransaction {
    fn encode(&self, out: &mut Vec<u8>) {
        self.tx_index.encode(out);
        self.category.encode(out);
    }

    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            tx_index: reader.u32("index of a problematic transaction")?,
            category: reader.u8("category of a problematic transaction")?,
        })
    }
}

/// Bit 7 of the version.
const SHADOW_FLAG: u8 = 0x80;
/// More entries than the smallest transactions of 180 bytes fit into 2 MiB are refused.
const MAX_PROBLEMATIC: u32 = 11_650;
/// A signer signs once, and a reward cycle has at most this many.
const MAX_SIGNATURES: u32 = 4000;
const _: () = assert!(MAX_SIGNATURES as usize == MAX_SIGNERS);

const fn has_problematic_list(version: u8) -> bool {
    version & !SHADOW_FLAG >= 1
}
