//! The lines of the log.

use countersign_signer::Timestamp;
use countersign_wire::{
    BurnHeight, ConsensusHash, Sighash, SlotId, StacksBlockId, StacksHeight, Weight,
};
use serde::{Deserialize, Serialize};

/// One line: something happened to a block.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// When, by the signer's clock: milliseconds since 1970.
    pub at: Timestamp,
    /// The block.
    pub block: Sighash,
    /// What.
    #[serde(flatten)]
    pub what: What,
}

/// A line without what the chain has of it.
#[derive(Debug, Serialize)]
pub(super) struct Body {
    pub(super) block: Sighash,
    #[serde(flatten)]
    pub(super) what: What,
}

/// What happened to a block.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "kebab-case")]
pub enum What {
    /// It was proposed for the first time.
    Received {
        /// Its height.
        height: StacksHeight,
        /// Its tenure.
        tenure: ConsensusHash,
        /// Its block id.
        block_id: StacksBlockId,
    },
    /// It was proposed again.
    Repeated {
        /// What was done about it.
        then: String,
    },
    /// A proposal of it was dropped without an answer.
    Ignored {
        /// Why.
        why: String,
    },
    /// A rule was applied to it.
    Judged(Box<Judgement>),
    /// It was handed to the node.
    ValidationRequested,
    /// It waits for the node.
    ValidationQueued {
        /// Why.
        why: String,
    },
    /// The node would not validate it.
    ValidationFailed {
        /// What the node said.
        said: String,
    },
    /// The node's verdict came.
    Verdict {
        /// Whether it is valid.
        valid: bool,
        /// How long the node took, in milliseconds, if it said so.
        took_ms: Option<u64>,
    },
    /// The node's verdict did not come.
    ValidationTimedOut {
        /// How long was waited, in milliseconds.
        after_ms: u64,
    },
    /// We published our promise to sign.
    PromiseSent,
    /// The vault was asked for our signature.
    SignatureOrdered {
        /// How many earlier signatures it overrides.
        overriding: usize,
    },
    /// The vault refused to contradict an earlier signature.
    VaultRefused {
        /// The block of that signature.
        rival: Sighash,
    },
    /// We published our signature.
    AcceptanceSent {
        /// Since the block's timestamp, in milliseconds.
        latency_ms: u64,
    },
    /// We published our rejection.
    RejectionSent {
        /// The reason's name.
        reason: String,
        /// The reason in words.
        text: String,
        /// Since the block's timestamp, in milliseconds.
        latency_ms: u64,
    },
    /// A signer's vote was counted; our own, too.
    Vote {
        /// The signer's index in its reward set.
        by: SlotId,
        /// What it said.
        vote: VoteKind,
        /// The reason's name, of a rejection.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
        /// Its weight.
        own: Weight,
        /// The weight of all who have said the same.
        sum: Weight,
        /// Everybody's weight.
        of: Weight,
    },
    /// A vote came before the block, and was kept.
    EarlyVote {
        /// The signer's index in its reward set.
        by: SlotId,
        /// What it said.
        vote: VoteKind,
        /// The reason's name, of a rejection.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
    /// Enough have signed.
    ThresholdReached {
        /// Their weight.
        weight: Weight,
    },
    /// So many have rejected that it cannot be approved.
    GloballyRejected {
        /// Their weight.
        weight: Weight,
    },
    /// It is part of the chain.
    GloballyAccepted {
        /// Its height.
        height: StacksHeight,
    },
    /// The node took it from us.
    Uploaded,
    /// A miner pushed it with its signatures.
    Pushed,
    /// The node announced that it has processed it.
    Announced {
        /// Its height.
        height: StacksHeight,
    },
}

/// What a signer said about a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum VoteKind {
    /// It promises to sign.
    PreCommit,
    /// It signed.
    Acceptance,
    /// It refused.
    Rejection,
}

/// A rule, its answer, and what it was applied to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Judgement {
    /// `validate`, `hold`, `reject`, `promise`, `sign` or `withhold`.
    pub conclusion: String,
    /// Why, of a rejection or a withheld signature.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Blocks whose earlier signatures matter.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rivals: Vec<Rival>,
    /// Where the rule is written in `signer-behaviour.md`: the one that was broken, or the last that had
    /// to hold.
    pub rule: String,
    /// What that rule asks for.
    pub asks: String,
    /// The node's burn height.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub burn_height: Option<BurnHeight>,
    /// The node's burn block, by its consensus hash.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub burn_block: Option<ConsensusHash>,
    /// The node's Stacks height.
    pub stacks_height: StacksHeight,
    /// The protocol version that the signers agreed on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<u64>,
    /// The state that they agreed on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agreed: Option<AgreedView>,
    /// What the node had said for this decision.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub facts: Vec<Fact>,
}

/// A block whose earlier signature matters.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rival {
    /// The block.
    pub block: Sighash,
    /// Why its signature binds, or binds no more.
    pub why: String,
}

/// What the signers agreed on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgreedView {
    /// Height of the burn block.
    pub burn_height: BurnHeight,
    /// The burn block, by its consensus hash.
    pub burn_block: ConsensusHash,
    /// Whose blocks are expected; none if no miner is valid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenure: Option<ConsensusHash>,
    /// The tenure that it builds on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent_tenure: Option<ConsensusHash>,
}

/// One answer of the node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fact {
    /// What was asked.
    pub asked: String,
    /// What the node said.
    pub said: String,
    /// When.
    pub at: Timestamp,
}
