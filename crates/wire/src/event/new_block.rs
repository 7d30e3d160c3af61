//! A block that the node has processed.

use std::fmt;

use serde::de::{SeqAccess, Visitor};
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
            txids: json.transactions,
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
    #[serde(default, deserialize_with = "read_txids")]
    transactions: Vec<Txid>,
}

/// Reads the transactions one by one and keeps only their ids: a list of many small elements would
/// otherwise need many times the memory of its text.
fn read_txids<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Txid>, D::Error> {
    struct Transactions;

    impl<'de> Visitor<'de> for Transactions {
        type Value = Vec<Txid>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a list of transactions")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Vec<Txid>, A::Error> {
            let mut txids = Vec::new();
            while let Some(transaction) = list.next_element::<TransactionJson>()? {
                txids.extend(transaction.txid());
            }
            Ok(txids)
        }
    }

    deserializer.deserialize_seq(Transactions)
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
