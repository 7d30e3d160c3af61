//! What a step has to say to people: one log line, one metric and one line of an explanation each.

use countersign_wire::message::{RejectReason, StateMachineUpdate};
use countersign_wire::{
    BurnHeight, ConsensusHash, PublicKey, RewardCycle, Sighash, SlotId, StacksHeight, Weight,
};

use crate::grounds::{Conclusion, Grounds};
use crate::time::Millis;
use crate::votes::Vote;

/// One remark. The shell turns it into a log line and metrics; nothing depends on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Note {
    /// The signer has a seat in a cycle.
    Registered {
        /// The cycle.
        cycle: RewardCycle,
        /// Which of our keys has it.
        key: PublicKey,
        /// Our slot.
        slot: SlotId,
        /// Our weight.
        weight: Weight,
        /// Everybody's weight.
        total: Weight,
    },
    /// Another key of ours has a seat in the same cycle. Nobody uses it: its weight is missing to the
    /// network until another process signs with that key.
    SecondSeat {
        /// The cycle.
        cycle: RewardCycle,
        /// The key that stays silent.
        key: PublicKey,
    },
    /// A dry run watches a cycle in which it has no seat.
    Watching {
        /// The cycle.
        cycle: RewardCycle,
        /// The weight of its signers.
        total: Weight,
    },
    /// The signer has no seat in a cycle.
    NotRegistered {
        /// The cycle.
        cycle: RewardCycle,
        /// Why not.
        reason: NotRegisteredReason,
    },
    /// The node cannot tell about a cycle yet; it is asked again.
    RegistrationDelayed {
        /// The cycle.
        cycle: RewardCycle,
        /// Why.
        why: String,
    },
    /// A cycle is over for this signer.
    CycleEnded {
        /// The cycle.
        cycle: RewardCycle,
    },
    /// A burn block arrived.
    BurnBlock {
        /// Its height.
        height: BurnHeight,
        /// Its consensus hash.
        consensus_hash: ConsensusHash,
        /// The reward cycle that it is in, if the cycle lengths are known.
        cycle: Option<RewardCycle>,
    },
    /// The node announced a Stacks block.
    StacksBlock {
        /// Its height.
        height: StacksHeight,
        /// Its sighash, if it is a Nakamoto block.
        sighash: Option<Sighash>,
    },
    /// The node could not answer a question; it is asked again.
    NodeFailed {
        /// What was asked, in words.
        asked: &'static str,
        /// What went wrong.
        text: String,
    },
    /// The node is on another chain than the signer; nothing is signed while that is so.
    WrongNetwork {
        /// The node's chain id.
        node: u32,
        /// The configured one.
        ours: u32,
    },
    /// A proposal arrived for the first time.
    ProposalReceived {
        /// The block.
        sighash: Sighash,
        /// Its height.
        height: StacksHeight,
        /// Its tenure.
        tenure: ConsensusHash,
    },
    /// A proposal arrived again.
    ProposalRepeated {
        /// The block.
        sighash: Sighash,
        /// What is done about it.
        what: RepeatedProposal,
    },
    /// A proposal is dropped without an answer.
    ProposalIgnored {
        /// The block.
        sighash: Sighash,
        /// Why.
        why: IgnoredProposal,
    },
    /// The signers do not agree on the proposal's tenure yet; it is judged again when they do.
    ProposalHeld {
        /// The block.
        sighash: Sighash,
    },
    /// Something was decided about a block: the remark that explains the others.
    Judged {
        /// The block.
        sighash: Sighash,
        /// What was decided.
        conclusion: Conclusion,
        /// By which rule and facts.
        grounds: Box<Grounds>,
    },
    /// A block was handed to the node.
    ValidationRequested {
        /// The block.
        sighash: Sighash,
    },
    /// A block waits for validation.
    ValidationQueued {
        /// The block.
        sighash: Sighash,
        /// Why it cannot be handed over now.
        why: QueuedValidation,
    },
    /// A block could not be handed to the node and stays unanswered.
    ValidationFailed {
        /// The block.
        sighash: Sighash,
        /// What the node said.
        text: String,
    },
    /// The node's verdict.
    Verdict {
        /// The block.
        sighash: Sighash,
        /// Whether it is valid.
        valid: bool,
        /// How long the node took, if it said so.
        took: Option<Millis>,
    },
    /// A verdict that nobody here asked for, or that comes too late, is ignored.
    VerdictIgnored {
        /// The block.
        sighash: Sighash,
    },
    /// No verdict came in time.
    ValidationTimedOut {
        /// The block.
        sighash: Sighash,
        /// How long was waited.
        after: Millis,
    },
    /// We promise to sign.
    PreCommitted {
        /// The block.
        sighash: Sighash,
    },
    /// A signer promises to sign.
    PreCommitReceived {
        /// The block.
        sighash: Sighash,
        /// The signer.
        from: SlotId,
        /// Its weight.
        own: Weight,
        /// The weight that has promised so far.
        weight: Weight,
        /// Everybody's weight.
        total: Weight,
    },
    /// What a signer's lane holds was written by a key that has no seat in it.
    StrangerIgnored {
        /// The key.
        key: PublicKey,
    },
    /// A vote for a block that is not known yet was parked.
    VoteParked {
        /// The block.
        sighash: Sighash,
        /// The signer.
        from: SlotId,
        /// What it said.
        vote: Vote,
    },
    /// Enough have promised, but we do not sign now.
    SigningWithheld {
        /// The block.
        sighash: Sighash,
        /// Why.
        why: WithheldSignature,
    },
    /// Enough have promised, and we ask the vault for our signature.
    Signing {
        /// The block.
        sighash: Sighash,
        /// How many earlier signatures are overridden.
        overriding: usize,
    },
    /// We publish our signature.
    Accepted {
        /// The block.
        sighash: Sighash,
        /// From the block's timestamp until now.
        latency: Millis,
    },
    /// We publish a rejection.
    Rejected {
        /// The block.
        sighash: Sighash,
        /// Why.
        reason: RejectReason,
        /// From the block's timestamp until now.
        latency: Millis,
    },
    /// A signer signed.
    AcceptanceReceived {
        /// The block.
        sighash: Sighash,
        /// The signer.
        from: SlotId,
        /// Its weight.
        own: Weight,
        /// The weight that has signed so far.
        weight: Weight,
        /// Everybody's weight.
        total: Weight,
    },
    /// A signer rejected.
    RejectionReceived {
        /// The block.
        sighash: Sighash,
        /// The signer.
        from: SlotId,
        /// Its weight.
        own: Weight,
        /// Its reason.
        reason: RejectReason,
        /// The weight that has rejected so far.
        weight: Weight,
        /// Everybody's weight.
        total: Weight,
    },
    /// Enough have signed; the block is assembled and uploaded.
    ThresholdReached {
        /// The block.
        sighash: Sighash,
        /// The weight that signed.
        weight: Weight,
    },
    /// So many have rejected that the block cannot be approved.
    GloballyRejected {
        /// The block.
        sighash: Sighash,
        /// The weight that rejected.
        weight: Weight,
    },
    /// The node has the block: it is part of the chain.
    GloballyAccepted {
        /// The block.
        sighash: Sighash,
        /// Its height.
        height: StacksHeight,
    },
    /// The node took the block that we assembled.
    Uploaded {
        /// The block.
        sighash: Sighash,
    },
    /// A miner pushed a signed block; it is passed on to the node.
    Pushed {
        /// The block.
        sighash: Sighash,
    },
    /// A peer's view arrived.
    PeerUpdate {
        /// The cycle.
        cycle: RewardCycle,
        /// The signer.
        from: SlotId,
        /// Its view.
        update: Box<StateMachineUpdate>,
    },
    /// Our own view changed and is published.
    ViewChanged {
        /// The cycle.
        cycle: RewardCycle,
        /// What caused it.
        cause: ViewChange,
        /// The new view.
        update: Box<StateMachineUpdate>,
    },
    /// The node has not echoed our view, which is published again.
    ViewRepeated {
        /// The cycle.
        cycle: RewardCycle,
    },
    /// The node has not reached a burn block that was announced.
    NodeBehind {
        /// The cycle.
        cycle: RewardCycle,
        /// The height that was announced.
        expected: BurnHeight,
        /// The height that the node is at.
        node: BurnHeight,
    },
    /// The active protocol version changed.
    VersionChanged {
        /// The cycle.
        cycle: RewardCycle,
        /// The old version.
        from: u64,
        /// The new version.
        to: u64,
    },
    /// The winner was silent for too long; the miner before it may go on.
    MinerInactive {
        /// The tenure that timed out.
        tenure: ConsensusHash,
        /// The tenure that is followed now; none if nobody else is valid.
        now: Option<ConsensusHash>,
    },
    /// We follow the miner that a majority follows, instead of our own choice.
    Capitulated {
        /// The cycle.
        cycle: RewardCycle,
        /// The tenure that is followed now.
        tenure: ConsensusHash,
        /// The weight that follows it.
        weight: Weight,
        /// How long we had published another view.
        after: Millis,
    },
    /// Our view differs from the others', and there is none that we could follow.
    ViewConflict {
        /// The cycle.
        cycle: RewardCycle,
        /// What is different.
        conflict: ViewConflict,
    },
    /// Neither the latest winner nor the one before is valid.
    NoValidMiner {
        /// The cycle.
        cycle: RewardCycle,
    },
    /// A mock proposal of epoch 2.5 is signed.
    MockSigning {
        /// The cycle.
        cycle: RewardCycle,
        /// The burn block that it is for.
        burn_height: BurnHeight,
    },
    /// What is to be replayed after a Bitcoin fork has changed, or could not be found out.
    ReplayChanged {
        /// The cycle.
        cycle: RewardCycle,
        /// Why.
        change: ReplayChange,
        /// How many transactions are to be replayed from now on.
        transactions: usize,
    },
    /// The vault refused to contradict an earlier signature.
    VaultRefused {
        /// The block that was to be signed.
        sighash: Sighash,
        /// The earlier block.
        rival: Sighash,
    },
}

/// Why a signer has no seat in a cycle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotRegisteredReason {
    /// The cycle has no signers at all.
    NoSigners,
    /// Our address owns no slot.
    NoSlot,
    /// Our address owns a slot, but our key is not in the reward set.
    NotInRewardSet,
    /// Our address owns a slot, which a dry run would leave empty: a key that is registered must sign.
    DryRunOwnsSlot,
    /// Our key is in the reward set, without a slot; a dry run does not watch with it.
    DryRunInRewardSet,
}

impl NotRegisteredReason {
    /// A short name for logs and metrics.
    pub const fn label(self) -> &'static str {
        match self {
            Self::NoSigners => "no-signers",
            Self::NoSlot => "no-slot",
            Self::NotInRewardSet => "not-in-reward-set",
            Self::DryRunOwnsSlot => "dry-run-owns-slot",
            Self::DryRunInRewardSet => "dry-run-in-reward-set",
        }
    }
}

/// What is done about a proposal that was seen before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RepeatedProposal {
    /// Nothing: it was answered and is part of the chain.
    AlreadyDecided,
    /// Nothing: its validation is under way.
    InProgress,
    /// It is judged again: the reason of the earlier rejection may have passed.
    JudgedAgain,
    /// The pre-commit is sent again, and the votes are counted again.
    PreCommitRepeated,
    /// The signature is sent again.
    SignatureRepeated,
    /// It is rejected again, finally.
    RejectionRepeated,
}

/// Why a proposal is dropped without an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IgnoredProposal {
    /// We have no seat in its cycle, or the cycle has not started, or the block is on record for another.
    NotOurCycle,
    /// Its timestamp is too old.
    TooOld,
    /// Too many proposals are being judged.
    TooMany,
}

/// Why a block cannot be handed to the node now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QueuedValidation {
    /// Another block of ours is being validated.
    Occupied,
    /// The node validates a block for somebody else.
    NodeBusy,
    /// The node has not processed the block's parent.
    ParentUnknown,
    /// The node could not be reached.
    NodeUnreachable,
    /// The node refused the request itself, as for a wrong password; that may be mended.
    NodeRefuses,
}

/// Why we do not sign although enough have promised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WithheldSignature {
    /// An earlier signature of ours, or of the group, is fresh and its block still live.
    FreshRival(Sighash),
    /// An earlier signature in the same tenure is confirmed by the node's tip.
    ConfirmedRival(Sighash),
    /// So many have rejected that the block cannot be approved.
    BlockedByRejections,
    /// The block is on record without its content; its next proposal brings it.
    ContentUnknown,
}

/// Why another set of transactions is to be replayed, or none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReplayChange {
    /// Bitcoin has forked: what the lost branch had is to be replayed.
    Forked,
    /// Bitcoin has forked, and the lost branch had no transactions of users.
    NothingToReplay,
    /// Bitcoin has forked into an earlier reward cycle: nothing is replayed.
    CrossesCycle,
    /// Bitcoin has forked, and what the lost branch had is not known.
    UnknownBranch,
    /// A block has replayed all that can be replayed.
    Exhausted,
    /// The chain has a block that was not validated with the set.
    Bypassed,
    /// The replay took too many burn blocks.
    TimedOut,
}

impl ReplayChange {
    /// A short name for logs and metrics.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Forked => "forked",
            Self::NothingToReplay => "nothing-to-replay",
            Self::CrossesCycle => "crosses-cycle",
            Self::UnknownBranch => "unknown-branch",
            Self::Exhausted => "exhausted",
            Self::Bypassed => "bypassed",
            Self::TimedOut => "timed-out",
        }
    }
}

/// What changed our own view.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ViewChange {
    /// A burn block.
    BurnBlock,
    /// A Stacks block that extends the parent tenure.
    StacksBlock,
    /// A silent miner.
    InactiveMiner,
    /// Protocol version negotiation.
    ProtocolUpgrade,
    /// The view of a majority of the signers.
    Majority,
    /// Another end of the parent tenure than before.
    ParentTenure,
}

impl ViewChange {
    /// Its name in the metrics, as the reference has it.
    pub const fn label(self) -> &'static str {
        match self {
            Self::BurnBlock => "burn_block_arrival",
            Self::StacksBlock => "stacks_block_arrival",
            Self::InactiveMiner => "inactive_miner",
            Self::ProtocolUpgrade => "protocol_upgrade",
            Self::Majority => "miner_view_update",
            Self::ParentTenure => "miner_parent_tenure_update",
        }
    }
}

/// Why our view cannot become that of the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ViewConflict {
    /// The signers agree on no burn block, or on another one than ours.
    BurnBlockDelay,
    /// Enough follow a miner that builds on a Stacks block which our node does not have.
    StacksBlockDelay,
    /// No miner that we know has enough weight.
    MinerView,
}

impl ViewConflict {
    /// Its name in the metrics, as the reference has it.
    pub const fn label(self) -> &'static str {
        match self {
            Self::BurnBlockDelay => "burn_block_delay",
            Self::StacksBlockDelay => "stacks_block_delay",
            Self::MinerView => "miner_view",
        }
    }
}
