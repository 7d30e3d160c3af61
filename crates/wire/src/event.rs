//! The JSON that a node posts to its observers (`signer-wire.md` section 7).
//!
//! Reading requires only what a signer uses; writing gives what a real node gives.

use serde::{Deserialize, Serialize};

use crate::address::StacksAddress;
use crate::fixed::{BurnBlockHash, ConsensusHash, Sighash, StacksBlockId, Txid, prefixed};
use crate::message::ValidateCode;
use crate::quantity::{BurnHeight, StacksHeight};
use crate::stackerdb::Chunk;

/// `POST /stackerdb_chunks`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StackerDbChunks {
    /// Which StackerDB changed.
    pub contract_id: ContractId,
    /// The slots that changed.
    pub modified_slots: Vec<Chunk>,
}

/// A contract as events name it: `{"issuer":[26,[0,…]],"name":"signers-0-1"}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContractId {
    /// The contract's address.
    pub issuer: StacksAddress,
    /// The contract's name.
    pub name: String,
}

/// `POST /proposal_response`: the node's verdict on a block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProposalResponse {
    /// The block is valid.
    Ok(ValidationOk),
    /// The block is not valid.
    Reject(ValidationReject),
}

/// A verdict: valid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ValidationOk {
    /// The block.
    pub sighash: Sighash,
    /// What executing it costs.
    pub cost: ExecutionCost,
    /// Its size in bytes.
    pub size: u64,
    /// How long validation took.
    pub validation_time_ms: u64,
    /// Identifies the replay set that it was validated with; opaque.
    pub replay_tx_hash: Option<u64>,
    /// Whether that set is exhausted.
    pub replay_tx_exhausted: bool,
}

/// A verdict: not valid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ValidationReject {
    /// The block.
    pub sighash: Sighash,
    /// For people.
    pub reason: String,
    /// For machines.
    pub code: ValidateCode,
    /// The transaction to blame.
    pub failed_txid: Option<Txid>,
}

/// What executing a block costs, in SIP-006's five dimensions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExecutionCost {
    /// Bytes written.
    pub write_length: u64,
    /// Writes.
    pub write_count: u64,
    /// Bytes read.
    pub read_length: u64,
    /// Reads.
    pub read_count: u64,
    /// Run time units.
    pub runtime: u64,
}

/// `POST /new_burn_block`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewBurnBlock {
    /// The burn block.
    #[serde(with = "prefixed")]
    pub burn_block_hash: BurnBlockHash,
    /// Its height.
    pub burn_block_height: BurnHeight,
    /// Its consensus hash.
    #[serde(with = "prefixed")]
    pub consensus_hash: ConsensusHash,
    /// The burn block below.
    #[serde(with = "prefixed")]
    pub parent_burn_block_hash: BurnBlockHash,
}

/// `POST /new_block`, as far as it is read. Events of epoch 2 have no signer signature hash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewBlock {
    /// The block.
    pub block_id: StacksBlockId,
    /// What its signers signed; absent before Nakamoto.
    pub sighash: Option<Sighash>,
    /// Its tenure.
    pub consensus_hash: ConsensusHash,
    /// Its height.
    pub height: StacksHeight,
    /// Ids of its transactions; those that do not decode, and burn chain operations, are left out.
    pub txids: Vec<Txid>,
}
