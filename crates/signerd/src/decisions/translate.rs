//! The core's notes as lines of the log.

use countersign_signer::{
    Conclusion, Grounds, IgnoredProposal, Millis, Note, OverrideReason, Query, QueuedValidation,
    RepeatedProposal, Vote, WithheldSignature,
};
use countersign_wire::message::MinerState;
use countersign_wire::{Sighash, StacksBlockId};

use super::{AgreedView, Fact, Judgement, Rival, VoteKind, What};

/// The block that a note is about and what it says of it; none if it explains no block.
///
/// A held proposal and a withheld signature are said by their judgement. A verdict that nobody asked
/// for is left out: anybody who reaches the endpoint can make any number of them.
pub(super) fn translate(note: &Note) -> Option<(Sighash, What)> {
    let what = match note {
        Note::ProposalReceived { .. }
        | Note::ProposalRepeated { .. }
        | Note::ProposalIgnored { .. } => proposal(note)?,
        Note::Judged { conclusion, grounds, .. } => {
            What::Judged(Box::new(judged(conclusion, grounds)))
        }
        Note::ValidationRequested { .. }
        | Note::ValidationQueued { .. }
        | Note::ValidationFailed { .. }
        | Note::Verdict { .. }
        | Note::ValidationTimedOut { .. } => validation(note)?,
        Note::PreCommitted { .. }
        | Note::Signing { .. }
        | Note::VaultRefused { .. }
        | Note::Accepted { .. }
        | Note::Rejected { .. } => own(note)?,
        Note::PreCommitReceived { .. }
        | Note::AcceptanceReceived { .. }
        | Note::RejectionReceived { .. }
        | Note::VoteParked { .. } => vote(note)?,
        Note::ThresholdReached { weight, .. } => What::ThresholdReached { weight: *weight },
        Note::GloballyRejected { weight, .. } => What::GloballyRejected { weight: *weight },
        Note::GloballyAccepted { height, .. } => What::GloballyAccepted { height: *height },
        Note::Uploaded { .. } => What::Uploaded,
        Note::Pushed { .. } => What::Pushed,
        Note::StacksBlock { height, sighash: Some(_) } => What::Announced { height: *height },
        Note::ProposalHeld { .. }
        | Note::SigningWithheld { .. }
        | Note::VerdictIgnored { .. }
        | Note::StacksBlock { sighash: None, .. }
        | Note::Registered { .. }
        | Note::SecondSeat { .. }
        | Note::Watching { .. }
        | Note::NotRegistered { .. }
        | Note::RegistrationDelayed { .. }
        | Note::CycleEnded { .. }
        | Note::BurnBlock { .. }
        | Note::NodeFailed { .. }
        | Note::WrongNetwork { .. }
        | Note::MockSigning { .. }
        | Note::StrangerIgnored { .. }
        | Note::PeerUpdate { .. }
        | Note::ViewChanged { .. }
        | Note::ViewRepeated { .. }
        | Note::NodeBehind { .. }
        | Note::VersionChanged { .. }
        | Note::MinerInactive { .. }
        | Note::Capitulated { .. }
        | Note::ViewConflict { .. }
        | Note::ReplayChanged { .. }
        | Note::NoValidMiner { .. } => return None,
    };
    Some((subject(note)?, what))
}

/// The block that a note is about.
const fn subject(note: &Note) -> Option<Sighash> {
    match note {
        Note::ProposalReceived { sighash, .. }
        | Note::ProposalRepeated { sighash, .. }
        | Note::ProposalIgnored { sighash, .. }
        | Note::Judged { sighash, .. }
        | Note::ValidationRequested { sighash }
        | Note::ValidationQueued { sighash, .. }
        | Note::ValidationFailed { sighash, .. }
        | Note::Verdict { sighash, .. }
        | Note::ValidationTimedOut { sighash, .. }
        | Note::PreCommitted { sighash }
        | Note::Signing { sighash, .. }
        | Note::VaultRefused { sighash, .. }
        | Note::Accepted { sighash, .. }
        | Note::Rejected { sighash, .. }
        | Note::PreCommitReceived { sighash, .. }
        | Note::AcceptanceReceived { sighash, .. }
        | Note::RejectionReceived { sighash, .. }
        | Note::VoteParked { sighash, .. }
        | Note::ThresholdReached { sighash, .. }
        | Note::GloballyRejected { sighash, .. }
        | Note::GloballyAccepted { sighash, .. }
        | Note::Uploaded { sighash }
        | Note::Pushed { sighash } => Some(*sighash),
        Note::StacksBlock { sighash, .. } => *sighash,
        _ => None,
    }
}

fn proposal(note: &Note) -> Option<What> {
    Some(match note {
        Note::ProposalReceived { sighash, height, tenure } => What::Received {
            height: *height,
            tenure: *tenure,
            block_id: StacksBlockId::for_block(sighash.as_bytes(), tenure),
        },
        Note::ProposalRepeated { what, .. } => {
            let then = match what {
                RepeatedProposal::AlreadyDecided => "it is part of the chain and was answered",
                RepeatedProposal::InProgress => "it is being judged",
                RepeatedProposal::JudgedAgain => "it is judged again",
                RepeatedProposal::PreCommitRepeated => "the promise is sent again",
                RepeatedProposal::SignatureRepeated => "the signature is sent again",
                RepeatedProposal::RejectionRepeated => "it is rejected again",
            };
            What::Repeated { then: then.to_owned() }
        }
        Note::ProposalIgnored { why, .. } => {
            let why = match why {
                IgnoredProposal::NotOurCycle => {
                    "we have no seat in its cycle, or it has not started"
                }
                IgnoredProposal::TooOld => {
                    "its timestamp is older than block_proposal_max_age_secs"
                }
                IgnoredProposal::TooMany => "too many proposals were being judged",
            };
            What::Ignored { why: why.to_owned() }
        }
        _ => return None,
    })
}

fn validation(note: &Note) -> Option<What> {
    Some(match note {
        Note::ValidationRequested { .. } => What::ValidationRequested,
        Note::ValidationQueued { why, .. } => {
            let why = match why {
                QueuedValidation::Occupied => "the node validates another block for us",
                QueuedValidation::NodeBusy => "the node validates a block for somebody else",
                QueuedValidation::ParentUnknown => "the node has not processed the parent",
                QueuedValidation::NodeUnreachable => "the node cannot be reached",
                QueuedValidation::NodeRefuses => "the node refuses to validate",
            };
            What::ValidationQueued { why: why.to_owned() }
        }
        Note::ValidationFailed { text, .. } => What::ValidationFailed { said: text.clone() },
        Note::Verdict { valid, took, .. } => {
            What::Verdict { valid: *valid, took_ms: took.map(Millis::get) }
        }
        Note::ValidationTimedOut { after, .. } => {
            What::ValidationTimedOut { after_ms: after.get() }
        }
        _ => return None,
    })
}

fn own(note: &Note) -> Option<What> {
    Some(match note {
        Note::PreCommitted { .. } => What::PromiseSent,
        Note::Signing { overriding, .. } => What::SignatureOrdered { overriding: *overriding },
        Note::VaultRefused { rival, .. } => What::VaultRefused { rival: *rival },
        Note::Accepted { latency, .. } => What::AcceptanceSent { latency_ms: latency.get() },
        Note::Rejected { reason, latency, .. } => What::RejectionSent {
            reason: reason.label().to_owned(),
            text: reason.to_string(),
            latency_ms: latency.get(),
        },
        _ => return None,
    })
}

fn vote(note: &Note) -> Option<What> {
    let (by, vote, reason, own, sum, of) = match note {
        Note::PreCommitReceived { from, own, weight, total, .. } => {
            (from, VoteKind::PreCommit, None, own, weight, total)
        }
        Note::AcceptanceReceived { from, own, weight, total, .. } => {
            (from, VoteKind::Acceptance, None, own, weight, total)
        }
        Note::RejectionReceived { from, own, reason, weight, total, .. } => {
            (from, VoteKind::Rejection, Some(reason.label().to_owned()), own, weight, total)
        }
        Note::VoteParked { from, vote, .. } => {
            let (vote, reason) = match vote {
                Vote::PreCommit => (VoteKind::PreCommit, None),
                Vote::Acceptance(_) => (VoteKind::Acceptance, None),
                Vote::Rejection(rejection) => {
                    (VoteKind::Rejection, Some(rejection.reason.label().to_owned()))
                }
            };
            return Some(What::EarlyVote { by: *from, vote, reason });
        }
        _ => return None,
    };
    Some(What::Vote { by: *by, vote, reason, own: *own, sum: *sum, of: *of })
}

fn judged(conclusion: &Conclusion, grounds: &Grounds) -> Judgement {
    let (name, reason, rivals) = concluded(conclusion);
    Judgement {
        conclusion: name.to_owned(),
        reason,
        rivals,
        rule: grounds.rule.cite.to_owned(),
        asks: grounds.rule.asks.to_owned(),
        burn_height: grounds.burn_tip.map(|(height, _)| height),
        burn_block: grounds.burn_tip.map(|(_, block)| block),
        stacks_height: grounds.stacks_height,
        version: grounds.version,
        agreed: grounds.agreed.map(|agreed| {
            let miner = match agreed.miner {
                MinerState::Active(miner) => Some(miner),
                MinerState::NoValidMiner => None,
            };
            AgreedView {
                burn_height: agreed.burn_height,
                burn_block: agreed.burn_block,
                tenure: miner.map(|miner| miner.tenure),
                parent_tenure: miner.map(|miner| miner.parent_tenure),
            }
        }),
        facts: grounds
            .readings
            .iter()
            .map(|reading| Fact {
                asked: asked(&reading.query),
                said: reading.said.clone(),
                at: reading.at,
            })
            .collect(),
    }
}

fn concluded(conclusion: &Conclusion) -> (&'static str, Option<String>, Vec<Rival>) {
    let rival = |block: &Sighash, why: &str| Rival { block: *block, why: why.to_owned() };
    match conclusion {
        Conclusion::Validate => ("validate", None, Vec::new()),
        Conclusion::Hold => ("hold", None, Vec::new()),
        Conclusion::Promise => ("promise", None, Vec::new()),
        Conclusion::Reject(reason) => ("reject", Some(reason.to_string()), Vec::new()),
        Conclusion::Sign(overridden) => {
            let rivals = overridden.iter().map(|(block, reason)| {
                let why = match reason {
                    OverrideReason::Stale => "its signature is stale",
                    OverrideReason::NotLive => "it cannot be in the chain any more",
                    OverrideReason::Permitted => "its tenure may be orphaned",
                };
                rival(block, why)
            });
            ("sign", None, rivals.collect())
        }
        Conclusion::Withhold(why) => {
            let (reason, rivals) = match why {
                WithheldSignature::FreshRival(block) => {
                    ("another block was signed a moment ago", vec![rival(block, "fresh and live")])
                }
                WithheldSignature::ConfirmedRival(block) => (
                    "the node's tip is at or above its height",
                    vec![rival(block, "signed in the same tenure")],
                ),
                WithheldSignature::BlockedByRejections => ("too many reject it", Vec::new()),
                WithheldSignature::ContentUnknown => {
                    ("its content is not here until it is proposed again", Vec::new())
                }
            };
            ("withhold", Some(reason.to_owned()), rivals)
        }
    }
}

fn asked(query: &Query) -> String {
    match query {
        Query::Pox => "the reward cycles".to_owned(),
        Query::Info => "the tips".to_owned(),
        Query::BurnView => "the latest sortitions".to_owned(),
        Query::Registration(cycle) => format!("the signers of cycle {cycle}"),
        Query::TenureTip(tenure) => format!("the tip of tenure {tenure}"),
        Query::SortitionOf(block) => format!("the sortition of burn block {block}"),
        Query::Forks { from, to } => format!("the tenures from {from} to {to}"),
    }
}
