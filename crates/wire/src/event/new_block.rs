//! A block that the node has processed.

use serde::{Deserialize, Deserializer};

use crate::codec::Wire as _;
use crate::fixed::{ConsensusHash, Sighash, StacksBlockId, Txid};
use crate::hex_bytes;
use crate::quantity::StacksHeight;
use crate::transaction::StacksTransaction;

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

/// Transactions matter only for the replay set, so one that does not decode does not cost the event.
/// Their signatures may be absent: the node adds transactions of its own.
impl<'de> Deserialize<'de> for NewBlock {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let json = NewBlockJson::deserialize(deserializer)?;
        Ok(Self {
            block_id: json.index_block_hash,
            sighash: json.signer_signature_hash,
            consensus_hash: json.consensus_hash,
            height: json.block_height,
            txids: json.transactions.iter().filter_map(TransactionJson::txid).collect(),
        })
    }
}

#[derive(Deserialize)]
struct NewBlockJson {
    index_block_hash: StacksBlockId,
    #[serde(default)]
    signer_signature_hash: Option<Sighash>,
    consensus_hash: ConsensusHash,
    block_height: StacksHeight,
    #[serde(default)]
    transactions: Vec<TransactionJson>,
}

#[derive(Deserialize)]
struct TransactionJson {
    /// `0x` and hex; `0x00` for a burn chain operation, which is no transaction.
    #[serde(default)]
    raw_tx: String,
}

impl TransactionJson {
    fn txid(&self) -> Option<Txid> {
        let bytes = hex_bytes::parse(&self.raw_tx).ok()?;
        StacksTransaction::from_bytes(&bytes).ok().map(|transaction| transaction.txid())
    }
}
