//! Stacks transactions, decoded whole (`signer-wire.md` section 3.3, SIP-005).
//!
//! The codec accepts what any epoch allows; which epoch allows what is the node's business.

mod auth;
mod json;
mod payload;
mod post_condition;
mod signing;
mod tenure_change;
mod vrf;

pub use auth::{AuthField, KeyEncoding, SpendingCondition, SpendingKind, TransactionAuth};
pub use json::TransactionsJson;
pub use payload::{MicroblockHeader, TransactionPayload};
pub use post_condition::{
    AssetInfo, FungibleCode, NonFungibleCode, PostCondition, PostConditionMode,
    PostConditionPrincipal, PoxCode,
};
pub use signing::{AuthFlag, SignError, VerifyError, next_sighash, presign};
pub use tenure_change::{TenureChange, TenureChangeCause};
pub use vrf::VrfProof;

use crate::codec::{DecodeError, MAX_MESSAGE_LEN, Reader, Wire, encode_list};
use crate::fixed::Txid;
use crate::hash::sha512_256;
use crate::network::ChainId;

/// A transaction.
///
/// The decoder ignores the low seven bits of the version, takes tuple fields in any order, and reads
/// an odd coinbase recipient as none. The encoder writes the canonical form, and the id is of that.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StacksTransaction {
    /// Bit 7 clear: mainnet. The encoder writes exactly `00` or `80`.
    pub is_mainnet: bool,
    /// The chain.
    pub chain_id: ChainId,
    /// Who pays and who signs.
    pub auth: TransactionAuth,
    /// Where it may be mined.
    pub anchor_mode: AnchorMode,
    /// What happens to transfers that no post-condition covers.
    pub post_condition_mode: PostConditionMode,
    /// What must hold afterwards.
    pub post_conditions: Vec<PostCondition>,
    /// What it does.
    pub payload: TransactionPayload,
}

/// Where a transaction may be mined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AnchorMode {
    /// 1.
    OnChainOnly,
    /// 2.
    OffChainOnly,
    /// 3.
    Any,
}

/// The longest transaction: 2 MiB.
pub const MAX_TRANSACTION_LEN: u32 = 2 << 20;

/// No transaction is shorter: a coinbase of an account that needs no signatures.
pub(crate) const MIN_TRANSACTION_LEN: usize = 88;

impl StacksTransaction {
    /// The id: the hash of the whole canonical encoding, signatures included.
    pub fn txid(&self) -> Txid {
        Txid::new(sha512_256(&[&self.to_bytes()]))
    }
}

impl Wire for StacksTransaction {
    fn encode(&self, out: &mut Vec<u8>) {
        out.push(if self.is_mainnet { 0x00 } else { TESTNET_FLAG });
        self.chain_id.encode(out);
        self.auth.encode(out);
        self.anchor_mode.encode(out);
        self.post_condition_mode.encode(out);
        encode_list(&self.post_conditions, out);
        self.payload.encode(out);
    }

    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        reader.bounded(MAX_TRANSACTION_LEN, "transaction", |reader| {
            let transaction = Self {
                is_mainnet: reader.u8("transaction version")? & TESTNET_FLAG == 0,
                chain_id: Wire::decode(reader)?,
                auth: Wire::decode(reader)?,
                anchor_mode: Wire::decode(reader)?,
                post_condition_mode: Wire::decode(reader)?,
                post_conditions: reader.list(MAX_MESSAGE_LEN, 3, "post-conditions")?,
                payload: Wire::decode(reader)?,
            };
            if transaction.payload.is_on_chain_only()
                && transaction.anchor_mode != AnchorMode::OnChainOnly
            {
                return Err(DecodeError::Invalid { what: "anchor mode of an on-chain payload" });
            }
            Ok(transaction)
        })
    }
}

impl Wire for AnchorMode {
    fn encode(&self, out: &mut Vec<u8>) {
        out.push(match self {
            Self::OnChainOnly => 1,
            Self::OffChainOnly => 2,
            Self::Any => 3,
        });
    }

    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        match reader.u8("anchor mode")? {
            1 => Ok(Self::OnChainOnly),
            2 => Ok(Self::OffChainOnly),
            3 => Ok(Self::Any),
            tag => Err(DecodeError::UnknownTag { what: "anchor mode", tag: tag.into() }),
        }
    }
}

const TESTNET_FLAG: u8 = 0x80;
