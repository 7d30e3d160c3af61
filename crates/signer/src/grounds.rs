//! Why a decision came out as it did: the rule, and the facts that it was judged by.

use countersign_wire::message::{MinerState, RejectReason};
use countersign_wire::{BurnHeight, ConsensusHash, RewardCycle, Sighash, StacksHeight};

use crate::event::{Answer, Query};
use crate::facts::{Facts, Reply};
use crate::note::{Note, WithheldSignature};
use crate::rules::sortition_v1::GLOBAL_STATE_VERSION;
use crate::signer::Signer;
use crate::step::OverrideReason;
use crate::time::Timestamp;
use crate::turn::Turn;

/// A rule that can be looked up: where it is written in `signer-behaviour.md`, and what it asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Where it is written, such as `3.3 row 8`.
    pub cite: &'static str,
    /// What it asks for, in a few words.
    pub asks: &'static str,
}

/// What was decided about a block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Conclusion {
    /// The node is to validate it.
    Validate,
    /// It is judged again when the signers agree.
    Hold,
    /// It is rejected.
    Reject(RejectReason),
    /// We promise to sign it.
    Promise,
    /// We sign it, and these earlier signatures no longer bind.
    Sign(Vec<(Sighash, OverrideReason)>),
    /// We do not sign it now.
    Withhold(WithheldSignature),
}

/// What a decision was judged by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grounds {
    /// The rule that decided: the one that was broken, or the last one that had to hold.
    pub rule: Rule,
    /// The burn block that the node was at, as far as it was told.
    pub burn_tip: Option<(BurnHeight, ConsensusHash)>,
    /// The highest Stacks block that the node was known to have.
    pub stacks_height: StacksHeight,
    /// The protocol version that the signers agreed on.
    pub version: Option<u64>,
    /// The state that the signers agreed on.
    pub agreed: Option<Agreed>,
    /// What the node had said for this decision.
    pub readings: Vec<Reading>,
}

/// What the signers agreed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Agreed {
    /// The burn block.
    pub burn_block: ConsensusHash,
    /// Its height.
    pub burn_height: BurnHeight,
    /// Who may mine.
    pub miner: MinerState,
}

/// One answer of the node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reading {
    /// What was asked.
    pub query: Query,
    /// What the node said, in words.
    pub said: String,
    /// When it said so.
    pub at: Timestamp,
}

macro_rules! rules {
    ($($(#[$doc:meta])* $name:ident: $cite:literal, $asks:literal;)*) => {
        impl Rule {
            $($(#[$doc])* pub const $name: Self = Self { cite: $cite, asks: $asks };)*

            /// Every rule that a decision can rest on.
            pub const ALL: &[Self] = &[$(Self::$name),*];
        }
    };
}

rules! {
    /// The signers must agree on a protocol version.
    AGREED_VERSION: "2.3 row a", "the signers agree on a protocol version";
    /// Heights and cycle must fit the reference's store.
    MAGNITUDES: "2.3 row b", "height, burn height and cycle are below 2^63 - 1";
    /// The miner may not name problematic transactions.
    PROBLEMATIC: "2.3 row c", "the header names no problematic transactions";
    /// Before version 2 the sortition rules decide.
    SORTITION_V1: "3.2", "below version 2, the node tells the latest winners";
    /// Who mined the block, and how.
    V1_SIGNED: "3.2 rules 3, 4 and 6", "the tenure's winner signed, with a bit vector of ones";
    /// The block must be of a tenure that may go on.
    V1_TENURE: "3.2 rule 5", "the block is of one of the latest two winners' tenures";
    /// Which of the two may mine.
    V1_MINER: "3.2 rules 1 and 7", "the latest winner mines, or if it was given up the one before";
    /// What a winner may leave behind.
    V1_REORG: "3.2 rules 1 and 8", "the winner may orphan the tenures that it does not build on";
    /// Where a block may be.
    V1_PLACE: "3.2 rule 8", "the block exceeds its tenure's tip; a tenure starts once, where its winner committed to";
    /// A tenure may be extended when it has been idle.
    V1_EXTEND: "3.2 rule 9", "below version 2, too, tenure extends come when 3.6 allows them";
    /// There must be an agreed state.
    AGREED_STATE: "3.3 row 1", "the signers agree on a state";
    /// The agreed state must have a miner.
    ACTIVE_MINER: "3.3 row 2", "the agreed state has an active miner";
    /// The block must be of the agreed tenure.
    AGREED_TENURE: "3.3 row 3", "the block is of the agreed miner's tenure";
    /// The miner's signature must be one.
    MINER_SIGNATURE: "3.3 row 4", "the miner's key can be recovered";
    /// It must be the agreed miner's.
    MINER_KEY: "3.3 row 5", "the key is the agreed miner's";
    /// No reward recipient may be punished.
    BITVEC: "3.3 row 6", "the bit vector is all ones";
    /// A tenure must build on the agreed one.
    PARENT_TENURE: "3.3 row 7", "a tenure starts on the agreed parent tenure";
    /// The block must be higher than its tenure's tip.
    EXCEEDS_TIP: "3.3 row 8", "the block exceeds the tip of its (parent) tenure as 3.5 has it";
    /// A tenure starts once.
    STARTS_ONCE: "3.3 row 9", "a tenure that has an accepted block does not start again";
    /// A tenure may be extended when it has been idle.
    EXTEND: "3.3 row 10", "tenure extends come when 3.6 allows them";
    /// A final rejection is repeated.
    PRIOR_ROUND: "2.4", "a block that was rejected for good stays rejected";
    /// The node must answer in time.
    VALIDATION_TIME: "2.6", "the node's verdict comes in time";
    /// The block must still exceed the tip after validation.
    STILL_EXCEEDS: "2.7", "the validated block still exceeds the tip of its tenure as 3.5 has it";
    /// The node must find the block valid.
    NODE_VALID: "2.8", "the node finds the block valid";
    /// The last look before signing.
    EXCEEDS_AT_SIGNING: "4.3 step 7", "seven tenths have promised, and the block still exceeds the tip";
    /// Enough have promised and nobody stands in the way.
    CLEAR_TO_SIGN: "4.3 step 9", "seven tenths have promised, and 4.4 finds no conflict that binds";
    /// A fresh signature on a live rival binds.
    FRESH_RIVAL: "4.4 step A", "no fresh signature is on another block that may still be in the chain";
    /// A rival in the same tenure whose height the node has reached binds.
    CONFIRMED_RIVAL: "4.4 step B", "the node's tip is below the block if its tenure has a signed rival";
    /// Too many reject.
    APPROVAL_POSSIBLE: "4.6", "so few have rejected that the block can be approved";
    /// The content must be at hand.
    CONTENT: "4.3", "the block's content is at hand to be compared";
}

impl Rule {
    /// The rule that a rejected proposal broke. `version` is what the signers agreed on, and
    /// `compared` says whether the comparison with the tenure's tip was reached.
    pub(crate) const fn broken(reason: RejectReason, version: Option<u64>, compared: bool) -> Self {
        match (reason, version) {
            (_, None) => Self::AGREED_VERSION,
            (RejectReason::ValidationFailed(_), _) => Self::MAGNITUDES,
            (RejectReason::ProblematicTransactions, _) => Self::PROBLEMATIC,
            (_, Some(0..GLOBAL_STATE_VERSION)) => Self::broken_v1(reason),
            (RejectReason::NoSignerConsensus, _) => Self::AGREED_STATE,
            (RejectReason::InvalidMiner, _) => Self::ACTIVE_MINER,
            (RejectReason::ConsensusHashMismatch { .. }, _) => Self::AGREED_TENURE,
            (RejectReason::IrrecoverablePubkeyHash, _) => Self::MINER_SIGNATURE,
            (RejectReason::PubkeyHashMismatch, _) => Self::MINER_KEY,
            (RejectReason::InvalidBitvec, _) => Self::BITVEC,
            (RejectReason::DuplicateBlockFound, _) => Self::STARTS_ONCE,
            (RejectReason::InvalidTenureExtend, _) => Self::EXTEND,
            _ if compared => Self::EXCEEDS_TIP,
            _ => Self::PARENT_TENURE,
        }
    }

    /// The same by the rules of versions below 2.
    const fn broken_v1(reason: RejectReason) -> Self {
        match reason {
            RejectReason::IrrecoverablePubkeyHash
            | RejectReason::InvalidBitvec
            | RejectReason::PubkeyHashMismatch => Self::V1_SIGNED,
            RejectReason::SortitionViewMismatch => Self::V1_TENURE,
            RejectReason::InvalidMiner | RejectReason::NotLatestSortitionWinner => Self::V1_MINER,
            RejectReason::ReorgNotAllowed | RejectReason::ConnectivityIssues => Self::V1_REORG,
            RejectReason::InvalidParentBlock | RejectReason::DuplicateBlockFound => Self::V1_PLACE,
            RejectReason::InvalidTenureExtend => Self::V1_EXTEND,
            _ => Self::SORTITION_V1,
        }
    }

    /// The last rule that a proposal has to obey to be validated.
    pub(crate) const fn last_of(version: Option<u64>) -> Self {
        match version {
            Some(0..GLOBAL_STATE_VERSION) => Self::V1_EXTEND,
            _ => Self::EXTEND,
        }
    }

    /// The rule that keeps us from signing.
    pub(crate) const fn withholding(why: WithheldSignature) -> Self {
        match why {
            WithheldSignature::FreshRival(_) => Self::FRESH_RIVAL,
            WithheldSignature::ConfirmedRival(_) => Self::CONFIRMED_RIVAL,
            WithheldSignature::BlockedByRejections => Self::APPROVAL_POSSIBLE,
            WithheldSignature::ContentUnknown => Self::CONTENT,
        }
    }
}

impl Signer {
    /// Notes what was decided about a block, by which rule and facts.
    pub(crate) fn explain(
        &self,
        (number, sighash): (RewardCycle, Sighash),
        (conclusion, rule): (Conclusion, Rule),
        facts: &Facts,
        turn: &mut Turn,
    ) {
        let cycle = self.cycle(number);
        let agreed = cycle.and_then(|cycle| cycle.views.state(&cycle.set)).map(|state| Agreed {
            burn_block: state.burn_block,
            burn_height: state.burn_height,
            miner: state.miner,
        });
        let grounds = Box::new(Grounds {
            rule,
            burn_tip: self.burn_tip.map(|tip| (tip.height, tip.consensus_hash)),
            stacks_height: self.stacks_height,
            version: cycle.and_then(|cycle| cycle.views.version(&cycle.set)),
            agreed,
            readings: facts.readings(),
        });
        turn.note(Note::Judged { sighash, conclusion, grounds });
    }
}

/// What the node said, in words.
pub(crate) fn in_words(reply: &Reply<Answer>) -> String {
    let answer = match reply {
        Ok(answer) => answer,
        Err(failure) => return format!("no answer: {}", failure.text),
    };
    match answer {
        Answer::Pox(pox) => {
            format!(
                "cycle {} at burn height {}",
                pox.reward_cycle_id, pox.current_burnchain_block_height
            )
        }
        Answer::Info(info) => {
            format!(
                "burn height {}, Stacks height {}",
                info.burn_block_height, info.stacks_tip_height
            )
        }
        Answer::BurnView(view) => format!(
            "burn height {}, the latest winner is {}",
            view.info.burn_block_height, view.latest.consensus_hash
        ),
        Answer::Registration(facts) => format!("{} slots", facts.slots.len()),
        Answer::TenureTip(None) => "the tenure has no block".to_owned(),
        Answer::TenureTip(Some(tip)) => format!("height {}, block {}", tip.height, tip.block_id),
        Answer::SortitionOf(true) => "on the canonical fork".to_owned(),
        Answer::SortitionOf(false) => "not on the canonical fork".to_owned(),
        Answer::Forks(forks) => format!("{} tenures", forks.len()),
    }
}
