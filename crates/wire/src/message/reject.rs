//! Why blocks are rejected: the reason, its legacy form, and the node's validation code.

use std::fmt;

use crate::codec::{DecodeError, Reader, Wire};
use crate::fixed::ConsensusHash;

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

impl RejectReason {
    /// The number on the wire.
    pub const fn code(self) -> u8 {
        match self {
            Self::ValidationFailed(_) => 0,
            Self::ConnectivityIssues => 1,
            Self::RejectedInPriorRound => 2,
            Self::NoSortitionView => 3,
            Self::SortitionViewMismatch => 4,
            Self::TestingDirective => 5,
            Self::ReorgNotAllowed => 6,
            Self::InvalidBitvec => 7,
            Self::PubkeyHashMismatch => 8,
            Self::InvalidMiner => 9,
            Self::NotLatestSortitionWinner => 10,
            Self::InvalidParentBlock => 11,
            Self::DuplicateBlockFound => 12,
            Self::InvalidTenureExtend => 13,
            Self::IrrecoverablePubkeyHash => 14,
            Self::NoSignerConsensus => 15,
            Self::ConsensusHashMismatch { .. } => 16,
            Self::ProblematicTransactions => 17,
            Self::Unknown => 254,
            Self::NotRejected => 255,
        }
    }

    /// The same reason in the older field: from the seventh reason on all are one.
    pub const fn legacy_code(self) -> RejectCode {
        match self.for_sending() {
            Self::ValidationFailed(code) => RejectCode::ValidationFailed(code),
            Self::ConnectivityIssues => RejectCode::ConnectivityIssues,
            Self::RejectedInPriorRound => RejectCode::RejectedInPriorRound,
            Self::NoSortitionView => RejectCode::NoSortitionView,
            Self::TestingDirective => RejectCode::TestingDirective,
            _ => RejectCode::SortitionViewMismatch,
        }
    }

    /// The reason to write when this one is meant.
    ///
    /// Programs of release 4.0.2 drop a whole message whose validation code they do not know, so such
    /// a code goes out as [`ValidateCode::InvalidBlock`], which blames no transaction.
    #[must_use]
    pub const fn for_sending(self) -> Self {
        match self {
            Self::ValidationFailed(ValidateCode::Unknown(_)) => {
                Self::ValidationFailed(ValidateCode::InvalidBlock)
            }
            other => other,
        }
    }

    /// The reason's name, fit for a metric's label.
    pub const fn label(self) -> &'static str {
        match self {
            Self::ValidationFailed(_) => "validation_failed",
            Self::ConnectivityIssues => "connectivity_issues",
            Self::RejectedInPriorRound => "rejected_in_prior_round",
            Self::NoSortitionView => "no_sortition_view",
            Self::SortitionViewMismatch => "sortition_view_mismatch",
            Self::TestingDirective => "testing_directive",
            Self::ReorgNotAllowed => "reorg_not_allowed",
            Self::InvalidBitvec => "invalid_bitvec",
            Self::PubkeyHashMismatch => "pubkey_hash_mismatch",
            Self::InvalidMiner => "invalid_miner",
            Self::NotLatestSortitionWinner => "not_latest_sortition_winner",
            Self::InvalidParentBlock => "invalid_parent_block",
            Self::DuplicateBlockFound => "duplicate_block_found",
            Self::InvalidTenureExtend => "invalid_tenure_extend",
            Self::IrrecoverablePubkeyHash => "irrecoverable_pubkey_hash",
            Self::NoSignerConsensus => "no_signer_consensus",
            Self::ConsensusHashMismatch { .. } => "consensus_hash_mismatch",
            Self::ProblematicTransactions => "problematic_transactions",
            Self::Unknown => "unknown",
            Self::NotRejected => "not_rejected",
        }
    }
}

impl fmt::Display for RejectReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ValidationFailed(code) => {
                return write!(f, "the node's validation failed: {code}");
            }
            Self::ConsensusHashMismatch { expected, actual } => {
                return write!(f, "the block is of tenure {actual}, the agreed one is {expected}");
            }
            Self::ConnectivityIssues => "a check could not be made",
            Self::RejectedInPriorRound => "the block was rejected before, for a final reason",
            Self::NoSortitionView => "there is no view of the sortitions",
            Self::SortitionViewMismatch => "the block does not fit the view of the sortitions",
            Self::TestingDirective => "rejected on a test's demand",
            Self::ReorgNotAllowed => "the block would orphan a tenure that may not be orphaned",
            Self::InvalidBitvec => "a PoX recipient was not paid",
            Self::PubkeyHashMismatch => "the miner's key is not the sortition winner's",
            Self::InvalidMiner => "there is no valid miner",
            Self::NotLatestSortitionWinner => "the miner did not win the latest sortition",
            // Compared word for word by tests of the network (`signer-behaviour` 11.4).
            Self::InvalidParentBlock => "The block does not confirm the expected parent block.",
            Self::DuplicateBlockFound => "the tenure has a first block already",
            Self::InvalidTenureExtend => "the tenure may not be extended so, or not yet",
            Self::IrrecoverablePubkeyHash => "no key can be recovered from the miner's signature",
            Self::NoSignerConsensus => "the signers do not agree on a state",
            Self::ProblematicTransactions => "the block marks transactions as problematic",
            Self::Unknown => "a reason that is not known here",
            Self::NotRejected => "not rejected",
        })
    }
}

/// Tolerant: a reason that is not listed reads as [`RejectReason::Unknown`] and is written as 254.
impl Wire for RejectReason {
    fn encode(&self, out: &mut Vec<u8>) {
        out.push(self.code());
        match self {
            Self::ValidationFailed(code) => code.encode(out),
            Self::ConsensusHashMismatch { expected, actual } => {
                expected.encode(out);
                actual.encode(out);
            }
            _ => {}
        }
    }

    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(match reader.u8("reason of a rejection")? {
            0 => Self::ValidationFailed(ValidateCode::decode(reader)?),
            1 => Self::ConnectivityIssues,
            2 => Self::RejectedInPriorRound,
            3 => Self::NoSortitionView,
            4 => Self::SortitionViewMismatch,
            5 => Self::TestingDirective,
            6 => Self::ReorgNotAllowed,
            7 => Self::InvalidBitvec,
            8 => Self::PubkeyHashMismatch,
            9 => Self::InvalidMiner,
            10 => Self::NotLatestSortitionWinner,
            11 => Self::InvalidParentBlock,
            12 => Self::DuplicateBlockFound,
            13 => Self::InvalidTenureExtend,
            14 => Self::IrrecoverablePubkeyHash,
            15 => Self::NoSignerConsensus,
            16 => Self::ConsensusHashMismatch {
                expected: ConsensusHash::decode(reader)?,
                actual: ConsensusHash::decode(reader)?,
            },
            17 => Self::ProblematicTransactions,
            255 => Self::NotRejected,
            _ => Self::Unknown,
        })
    }
}

impl Wire for RejectCode {
    fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::ValidationFailed(code) => {
                out.push(0);
                code.encode(out);
            }
            Self::ConnectivityIssues => out.push(1),
            Self::RejectedInPriorRound => out.push(2),
            Self::NoSortitionView => out.push(3),
            Self::SortitionViewMismatch => out.push(4),
            Self::TestingDirective => out.push(5),
            Self::Unknown(code) => out.push(*code),
        }
    }

    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(match reader.u8("legacy code of a rejection")? {
            0 => Self::ValidationFailed(ValidateCode::decode(reader)?),
            1 => Self::ConnectivityIssues,
            2 => Self::RejectedInPriorRound,
            3 => Self::NoSortitionView,
            4 => Self::SortitionViewMismatch,
            5 => Self::TestingDirective,
            other => Self::Unknown(other),
        })
    }
}

impl ValidateCode {
    /// Every code of release 4.0.2, in the order of the numbers.
    pub const ALL: [Self; 13] = [
        Self::BadBlockHash,
        Self::BadTransaction,
        Self::InvalidBlock,
        Self::ChainstateError,
        Self::UnknownParent,
        Self::NonCanonicalTenure,
        Self::NoSuchTenure,
        Self::InvalidTransactionReplay,
        Self::InvalidParentBlock,
        Self::InvalidTimestamp,
        Self::NetworkChainMismatch,
        Self::NotFoundError,
        Self::ProblematicTransaction,
    ];

    /// The code with this number.
    pub const fn from_u8(code: u8) -> Self {
        match code {
            0 => Self::BadBlockHash,
            1 => Self::BadTransaction,
            2 => Self::InvalidBlock,
            3 => Self::ChainstateError,
            4 => Self::UnknownParent,
            5 => Self::NonCanonicalTenure,
            6 => Self::NoSuchTenure,
            7 => Self::InvalidTransactionReplay,
            8 => Self::InvalidParentBlock,
            9 => Self::InvalidTimestamp,
            10 => Self::NetworkChainMismatch,
            11 => Self::NotFoundError,
            12 => Self::ProblematicTransaction,
            other => Self::Unknown(other),
        }
    }

    /// The number on the wire.
    pub const fn as_u8(self) -> u8 {
        match self {
            Self::BadBlockHash => 0,
            Self::BadTransaction => 1,
            Self::InvalidBlock => 2,
            Self::ChainstateError => 3,
            Self::UnknownParent => 4,
            Self::NonCanonicalTenure => 5,
            Self::NoSuchTenure => 6,
            Self::InvalidTransactionReplay => 7,
            Self::InvalidParentBlock => 8,
            Self::InvalidTimestamp => 9,
            Self::NetworkChainMismatch => 10,
            Self::NotFoundError => 11,
            Self::ProblematicTransaction => 12,
            Self::Unknown(other) => other,
        }
    }

    /// The name in JSON; `Unknown` has none of its own there.
    pub const fn name(self) -> &'static str {
        match self {
            Self::BadBlockHash => "BadBlockHash",
            Self::BadTransaction => "BadTransaction",
            Self::InvalidBlock => "InvalidBlock",
            Self::ChainstateError => "ChainstateError",
            Self::UnknownParent => "UnknownParent",
            Self::NonCanonicalTenure => "NonCanonicalTenure",
            Self::NoSuchTenure => "NoSuchTenure",
            Self::InvalidTransactionReplay => "InvalidTransactionReplay",
            Self::InvalidParentBlock => "InvalidParentBlock",
            Self::InvalidTimestamp => "InvalidTimestamp",
            Self::NetworkChainMismatch => "NetworkChainMismatch",
            Self::NotFoundError => "NotFoundError",
            Self::ProblematicTransaction => "ProblematicTransaction",
            Self::Unknown(_) => "Unknown",
        }
    }

    /// The code with this name in JSON.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|code| code.name() == name)
    }
}

impl fmt::Display for ValidateCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown(code) => write!(f, "unknown code {code}"),
            known => f.write_str(known.name()),
        }
    }
}

impl Wire for ValidateCode {
    fn encode(&self, out: &mut Vec<u8>) {
        out.push(self.as_u8());
    }

    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        reader.u8("validation code").map(Self::from_u8)
    }
}
