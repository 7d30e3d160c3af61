//! What is known about one block.

use std::sync::Arc;

use countersign_wire::block::TenureRole;
use countersign_wire::message::{BlockProposal, RejectReason};
use countersign_wire::{
    BurnHeight, ConsensusHash, NakamotoBlock, RewardCycle, Sighash, StacksBlockId, StacksHeight,
    Wire as _,
};

use crate::time::{Millis, Timestamp};

/// What is known about one block that was proposed to us. Votes are kept beside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Identifies the block for signing purposes.
    pub sighash: Sighash,
    /// The cycle whose signers decide.
    pub cycle: RewardCycle,
    /// What the rules ask about the block, for as long as it is remembered.
    pub outline: Outline,
    /// The block itself, unless its content is forgotten or never was here: it is final, or it was
    /// taken over from another program. A repeated proposal brings it back. Without it a block is
    /// neither validated nor promised nor signed nor uploaded; for other blocks it counts as ever.
    pub block: Option<Arc<NakamotoBlock>>,
    /// Height of the sortition that elected its miner.
    pub burn_height: BurnHeight,
    /// How far the decision has come.
    pub state: BlockState,
    /// The verdict on it: the node's, or ours after the node's.
    pub valid: Option<bool>,
    /// When it was first proposed.
    pub proposed_at: Timestamp,
    /// When we first pre-committed or accepted.
    pub approved_at: Option<Timestamp>,
    /// When we decided to sign. Never erased, except if the vault refuses.
    pub signed_self_at: Option<Timestamp>,
    /// When enough had signed, or the node had the block.
    pub signed_group_at: Option<Timestamp>,
    /// What validation cost the node; zero for a block whose execution costs nothing.
    pub validation_time: Millis,
    /// Why it was rejected, if the reason is one that is remembered.
    pub reject_reason: Option<RejectReason>,
    /// Whether the node has it from us.
    pub uploaded: bool,
}

/// What the rules ask about a block long after its content is forgotten.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outline {
    /// Its height.
    pub height: StacksHeight,
    /// Its tenure.
    pub tenure: ConsensusHash,
    /// Whether it starts or extends its tenure.
    pub role: TenureRole,
}

/// How far the decision on a block has come (`signer-behaviour.md` 6.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum BlockState {
    /// Nothing is decided.
    Unprocessed,
    /// We promised to sign.
    PreCommitted,
    /// We signed, or enough others did.
    LocallyAccepted,
    /// We rejected.
    LocallyRejected,
    /// The node has it: it is part of the chain.
    GloballyAccepted,
    /// So many rejected that it cannot be approved.
    GloballyRejected,
}

impl Outline {
    /// The outline of `block`.
    pub fn of(block: &NakamotoBlock) -> Self {
        Self {
            height: block.header.chain_length,
            tenure: block.header.consensus_hash,
            role: block.tenure_role(),
        }
    }
}

impl BlockState {
    /// Every state, in the order of a decision's life.
    pub const ALL: [Self; 6] = [
        Self::Unprocessed,
        Self::PreCommitted,
        Self::LocallyAccepted,
        Self::LocallyRejected,
        Self::GloballyAccepted,
        Self::GloballyRejected,
    ];

    /// Whether a block in this state may come to be in `next` (the table of 6.2).
    pub const fn may_become(self, next: Self) -> bool {
        use BlockState::{
            GloballyAccepted, GloballyRejected, LocallyAccepted, LocallyRejected, PreCommitted,
            Unprocessed,
        };
        matches!(
            (self, next),
            (Unprocessed, _)
                | (PreCommitted, PreCommitted | LocallyAccepted | LocallyRejected)
                | (LocallyAccepted | LocallyRejected, LocallyAccepted | LocallyRejected)
                | (
                    PreCommitted | LocallyAccepted | LocallyRejected,
                    GloballyAccepted | GloballyRejected
                )
                | (GloballyAccepted, GloballyAccepted)
                | (GloballyRejected, GloballyRejected)
        )
    }

    /// Whether the network has decided.
    pub const fn is_global(self) -> bool {
        matches!(self, Self::GloballyAccepted | Self::GloballyRejected)
    }

    /// Whether somebody's signature stands behind this state.
    pub const fn is_accepted(self) -> bool {
        matches!(self, Self::LocallyAccepted | Self::GloballyAccepted)
    }

    /// The name on disk and in explanations.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unprocessed => "unprocessed",
            Self::PreCommitted => "pre-committed",
            Self::LocallyAccepted => "locally-accepted",
            Self::LocallyRejected => "locally-rejected",
            Self::GloballyAccepted => "globally-accepted",
            Self::GloballyRejected => "globally-rejected",
        }
    }

    /// The state of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }
}

impl Record {
    /// A block that was just proposed.
    pub fn new(proposal: BlockProposal, now: Timestamp) -> Self {
        Self {
            sighash: proposal.block.sighash(),
            cycle: proposal.reward_cycle,
            burn_height: proposal.burn_height,
            outline: Outline::of(&proposal.block),
            block: Some(Arc::new(proposal.block)),
            state: BlockState::Unprocessed,
            valid: None,
            proposed_at: now,
            approved_at: None,
            signed_self_at: None,
            signed_group_at: None,
            validation_time: Millis::ZERO,
            reject_reason: None,
            uploaded: false,
        }
    }

    /// Its height.
    pub const fn height(&self) -> StacksHeight {
        self.outline.height
    }

    /// Its tenure.
    pub const fn tenure(&self) -> ConsensusHash {
        self.outline.tenure
    }

    /// Its block id.
    pub fn block_id(&self) -> StacksBlockId {
        StacksBlockId::for_block(self.sighash.as_bytes(), &self.outline.tenure)
    }

    /// Whether it starts or extends its tenure.
    pub const fn role(&self) -> TenureRole {
        self.outline.role
    }

    /// When its miner made it; when it was proposed, if that is all that is known.
    pub fn made_at(&self) -> Timestamp {
        self.block
            .as_ref()
            .map_or(self.proposed_at, |block| Timestamp::from_secs(block.header.timestamp.get()))
    }

    /// The room that the content takes, as encoded.
    pub(crate) fn content_bytes(&self) -> usize {
        self.block.as_ref().map_or(0, |block| block.to_bytes().len())
    }

    /// The later of our own decision to sign and the group's: what makes it a rival of others.
    pub fn endorsed_at(&self) -> Option<Timestamp> {
        self.signed_self_at.max(self.signed_group_at)
    }

    /// Moves to `next` if that is permitted; says whether it is there now.
    pub fn move_to(&mut self, next: BlockState) -> bool {
        if self.state.may_become(next) {
            self.state = next;
        }
        self.state == next
    }

    /// Whether a rejection on file may have passed, so that a new proposal of the same block is
    /// judged again (the list in `signer-behaviour.md` 2.4).
    pub fn is_reconsiderable(&self) -> bool {
        use countersign_wire::message::ValidateCode::{NotFoundError, UnknownParent};
        matches!(
            self.reject_reason,
            Some(
                RejectReason::ValidationFailed(UnknownParent | NotFoundError)
                    | RejectReason::NoSortitionView
                    | RejectReason::ConnectivityIssues
                    | RejectReason::TestingDirective
                    | RejectReason::InvalidTenureExtend
                    | RejectReason::ConsensusHashMismatch { .. }
                    | RejectReason::NoSignerConsensus
                    | RejectReason::NotRejected
                    | RejectReason::Unknown
            )
        )
    }

    /// Starts the block's life anew for another judgement. What was signed stays on record, and a
    /// block that is part of the chain stays so.
    pub fn begin_again(&mut self, now: Timestamp) {
        if self.state != BlockState::GloballyAccepted {
            self.state = BlockState::Unprocessed;
        }
        self.valid = None;
        self.reject_reason = None;
        self.proposed_at = now;
    }
}
