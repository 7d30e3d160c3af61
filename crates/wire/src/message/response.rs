//! Block responses (type 1): acceptances and rejections.

use crate::fixed::{ConsensusHash, Sighash, Txid};
use crate::keys::MessageSignature;
use crate::network::ChainId;
use crate::quantity::UnixSeconds;

/// A signer's answer to a proposal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BlockResponse {
    /// Kind 0.
    Accepted(BlockAccepted),
    /// Kind 1.
    Rejected(BlockRejected),
}

/// A signature over a block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlockAccepted {
    /// The block.
    pub sighash: Sighash,
    /// Over the 32 bytes of `sighash` themselves.
    pub signature: MessageSignature,
    /// The signer's software; empty in old messages, which end before it.
    pub server_version: String,
    /// Timestamps and reason.
    pub data: ResponseData,
}

/// A signed refusal of a block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlockRejected {
    /// For people.
    pub reason: String,
    /// The legacy code.
    pub code: RejectCode,
    /// The block.
    pub sighash: Sighash,
    /// The chain id of the SIP-018 domain that the signature is over.
    pub chain_id: ChainId,
    /// Over the SIP-018 hash of `sighash`; it does not cover the reason.
    pub signature: MessageSignature,
    /// The signer's software; empty in old messages.
    pub server_version: String,
    /// Timestamps and reason.
    pub data: ResponseData,
}

/// The versioned tail of a response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResponseData {
    /// Version of this structure; 5 is current; 0 stands for an absent structure.
    pub version: u8,
    /// When this signer would accept a full tenure extend. Since version 2; `u64::MAX` if absent.
    pub full_extend_at: UnixSeconds,
    /// Since version 3; [`RejectReason::NotRejected`] in acceptances.
    pub reason: RejectReason,
    /// When this signer would accept a read-count extend. Since version 4; `u64::MAX` if absent.
    pub read_count_extend_at: UnixSeconds,
    /// The transaction that the node's validation blamed. Since version 5.
    pub failed_txid: Option<Txid>,
    /// Fields of later versions, kept for re-encoding.
    pub rest: Vec<u8>,
}

/// The legacy rejection code: every reason past the sixth collapses into `SortitionViewMismatch`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RejectCode {
    /// 0, with the node's code.
    ValidationFailed(ValidateCode),
    /// 1.
    ConnectivityIssues,
    /// 2.
    RejectedInPriorRound,
    /// 3.
    NoSortitionView,
    /// 4.
    SortitionViewMismatch,
    /// 5.
    TestingDirective,
    /// A value of a later version. The reference fails the whole message; we keep it.
    Unknown(u8),
}

/// Why a signer refuses a block (`signer-behaviour.md` section 2.9).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RejectReason {
    /// 0: the node's validation failed.
    ValidationFailed(ValidateCode),
    /// 1: a check could not be made.
    ConnectivityIssues,
    /// 2: the block was rejected before, for a reason that is final.
    RejectedInPriorRound,
    /// 3: no sortition view could be had (protocol version 1).
    NoSortitionView,
    /// 4: the block does not fit the sortition view.
    SortitionViewMismatch,
    /// 5: only ever sent by test builds.
    TestingDirective,
    /// 6: the block would orphan a tenure that may not be (protocol version 1).
    ReorgNotAllowed,
    /// 7: a PoX recipient was not paid.
    InvalidBitvec,
    /// 8: the miner's key is not the sortition winner's.
    PubkeyHashMismatch,
    /// 9: there is no valid miner.
    InvalidMiner,
    /// 10: the miner is not of the latest sortition (protocol version 1).
    NotLatestSortitionWinner,
    /// 11: the block does not confirm the expected parent.
    InvalidParentBlock,
    /// 12: the tenure has a first block already.
    DuplicateBlockFound,
    /// 13: the tenure may not be extended so, or not yet.
    InvalidTenureExtend,
    /// 14: no key can be recovered from the miner's signature.
    IrrecoverablePubkeyHash,
    /// 15: the signers do not agree on a state.
    NoSignerConsensus,
    /// 16: the block is of another tenure than the agreed one.
    ConsensusHashMismatch {
        /// The agreed tenure.
        expected: ConsensusHash,
        /// The block's tenure.
        actual: ConsensusHash,
    },
    /// 17: the block marks transactions as problematic.
    ProblematicTransactions,
    /// 254, and any value not listed.
    Unknown,
    /// 255: in acceptances.
    NotRejected,
}

/// Why a node's validation refuses a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ValidateCode {
    /// 0.
    BadBlockHash,
    /// 1.
    BadTransaction,
    /// 2.
    InvalidBlock,
    /// 3.
    ChainstateError,
    /// 4.
    UnknownParent,
    /// 5.
    NonCanonicalTenure,
    /// 6.
    NoSuchTenure,
    /// 7.
    InvalidTransactionReplay,
    /// 8.
    InvalidParentBlock,
    /// 9.
    InvalidTimestamp,
    /// 10.
    NetworkChainMismatch,
    /// 11.
    NotFoundError,
    /// 12.
    ProblematicTransaction,
    /// A value of a later version. The reference fails the whole message; we keep it.
    Unknown(u8),
}
