//! A block that the node has processed.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::codec::Wire as _;
use crate::fixed::{ConsensusHash, Sighash, StacksBlockId, Txid};
use crate::hex_bytes;
use crate::keys::MessageSignature;
use crate::quantity::{StacksHeight, UnixSeconds};
use crate::signer_set::MAX_SIGNERS;
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
    /// The signatures in its header, over `sighash`, as far as the node says them and they decode. No decision
    /// depends on them: they show who has signed.
    pub signatures: Vec<MessageSignature>,
    /// The timestamp in its header, if the node says it.
    pub time: Option<UnixSeconds>,
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
            signatures: json.signer_signature,
            time: match json.block_time {
                Scalar::Number(time) => Some(UnixSeconds::new(time)),
                Scalar::Text(_) | Scalar::Other => None,
            },
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
    #[serde(default, deserialize_with = "read_signatures")]
    signer_signature: Vec<MessageSignature>,
    #[serde(default)]
    block_time: Scalar,
}

/// Reads the transactions one by one and keeps only their ids: a list of many small elements would
/// otherwise need many times the memory of its text.
fn read_txids<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Txid>, D::Error> {
    let pick = |transaction: TransactionJson| transaction.txid();
    deserializer.deserialize_seq(Picking { pick, element: PhantomData })
}

/// Reads the signatures, but no more than a block can have. One that does not decode is nobody's.
fn read_signatures<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Vec<MessageSignature>, D::Error> {
    let mut room = MAX_SIGNERS;
    let pick = move |element: Scalar| {
        room = room.checked_sub(1)?;
        let Scalar::Text(text) = &element else { return None };
        text.strip_prefix("0x").unwrap_or(text).parse().ok()
    };
    deserializer.deserialize_any(Picking { pick, element: PhantomData })
}

/// Reads a list one by one and keeps what `pick` makes of each element.
struct Picking<E, F> {
    pick: F,
    element: PhantomData<E>,
}

impl<'de, E, T, F> Visitor<'de> for Picking<E, F>
where
    E: Deserialize<'de>,
    F: FnMut(E) -> Option<T>,
{
    type Value = Vec<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    /// `null`, for want of a list.
    fn visit_unit<X>(self) -> Result<Self::Value, X> {
        Ok(Vec::new())
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut list: A) -> Result<Vec<T>, A::Error> {
        let mut picked = Vec::new();
        while let Some(element) = list.next_element::<E>()? {
            picked.extend((self.pick)(element));
        }
        Ok(picked)
    }
}

/// A text or a number. Whatever else stands in its place is passed over: kept, a list of many small elements
/// would need many times the memory of its text.
#[derive(Default)]
enum Scalar {
    Text(String),
    Number(u64),
    #[default]
    Other,
}

impl<'de> Deserialize<'de> for Scalar {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyScalar)
    }
}

struct AnyScalar;

impl<'de> Visitor<'de> for AnyScalar {
    type Value = Scalar;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("anything")
    }

    fn visit_str<E>(self, text: &str) -> Result<Scalar, E> {
        Ok(Scalar::Text(text.to_owned()))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Scalar, E> {
        Ok(Scalar::Number(number))
    }

    fn visit_i64<E>(self, _: i64) -> Result<Scalar, E> {
        Ok(Scalar::Other)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Scalar, E> {
        Ok(Scalar::Other)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Scalar, E> {
        Ok(Scalar::Other)
    }

    fn visit_unit<E>(self) -> Result<Scalar, E> {
        Ok(Scalar::Other)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Scalar, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Scalar::Other)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Scalar, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Scalar::Other)
    }
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
