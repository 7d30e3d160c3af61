//! Why a block has no signature of ours.

use std::fmt;

use countersign_signer::{Note, Record};
use countersign_wire::Sighash;
use countersign_wire::message::RejectReason;

/// Why a block of the chain has no signature of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cause {
    /// It was made before this process started.
    Down,
    /// This instance was not the one that signs.
    NotAllowed,
    /// No proposal of it has reached us.
    NotProposed,
    /// Its proposal was dropped without an answer.
    Ignored,
    /// The signers did not agree on its tenure for so long.
    Held,
    /// The node had not judged it for us in time.
    ValidatedLate,
    /// We rejected it.
    Rejected(RejectReason),
    /// We had promised to sign it, and did not.
    Withheld,
    /// We were for it, but others were faster.
    SignedLate,
}

impl Cause {
    /// The cause of this name. A rejection has a reason, and nothing else has.
    pub(crate) fn named(name: &str, reason: Option<RejectReason>) -> Option<Self> {
        let causes = [
            Self::Down,
            Self::NotAllowed,
            Self::NotProposed,
            Self::Ignored,
            Self::Held,
            Self::ValidatedLate,
            Self::Withheld,
            Self::SignedLate,
        ];
        let named = |cause: &Self| cause.label() == name;
        match reason {
            Some(reason) => Some(Self::Rejected(reason)).filter(named),
            None => causes.into_iter().find(named),
        }
    }

    /// Why we rejected the block, if we did.
    pub(crate) const fn reason(self) -> Option<RejectReason> {
        match self {
            Self::Rejected(reason) => Some(reason),
            _ => None,
        }
    }

    /// Why a block has no signature of ours that was answered before the process that wrote `record` ended.
    pub(super) const fn answered(record: &Record) -> Option<Self> {
        match (record.reject_reason, record.signed_self_at) {
            (Some(reason), _) => Some(Self::Rejected(reason)),
            (None, Some(_)) => Some(Self::SignedLate),
            (None, None) => None,
        }
    }

    /// Its name in the metric.
    pub(crate) const fn label(self) -> &'static str {
        match self {
            Self::Down => "down",
            Self::NotAllowed => "not_allowed",
            Self::NotProposed => "not_proposed",
            Self::Ignored => "ignored",
            Self::Held => "held",
            Self::ValidatedLate => "validated_late",
            Self::Rejected(_) => "rejected",
            Self::Withheld => "withheld",
            Self::SignedLate => "signed_late",
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Down => "it was made before this process started",
            Self::NotAllowed => "this instance was not the one that signs",
            Self::NotProposed => "no proposal of it has reached us",
            Self::Ignored => "its proposal was dropped without an answer",
            Self::Held => "the signers did not agree on its tenure in time",
            Self::ValidatedLate => "the node had not validated it for us in time",
            Self::Rejected(reason) => return write!(f, "we rejected it: {reason}"),
            Self::Withheld => {
                "an earlier signature, or the others' rejections, kept us from signing"
            }
            Self::SignedLate => "we were for it, but enough others were faster",
        })
    }
}

/// How far we came with a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Progress {
    Proposed,
    Ignored,
    Held,
    Validating,
    Valid,
    Withheld,
    Rejected(RejectReason),
    Signed,
}

impl Progress {
    /// The block that a note is about, and how far we are with it.
    pub(super) const fn told_by(note: &Note) -> Option<(Sighash, Self)> {
        Some(match note {
            Note::ProposalReceived { sighash, .. } | Note::ProposalRepeated { sighash, .. } => {
                (*sighash, Self::Proposed)
            }
            Note::ProposalIgnored { sighash, .. } => (*sighash, Self::Ignored),
            Note::ProposalHeld { sighash } => (*sighash, Self::Held),
            Note::ValidationRequested { sighash } | Note::ValidationQueued { sighash, .. } => {
                (*sighash, Self::Validating)
            }
            Note::Verdict { sighash, valid: true, .. } => (*sighash, Self::Valid),
            Note::SigningWithheld { sighash, .. } | Note::VaultRefused { sighash, .. } => {
                (*sighash, Self::Withheld)
            }
            Note::Rejected { sighash, reason, .. } => (*sighash, Self::Rejected(*reason)),
            Note::Accepted { sighash, .. } => (*sighash, Self::Signed),
            _ => return None,
        })
    }

    /// After what came `later`. A proposal that arrives again tells nothing new, unless it was ignored before.
    pub(super) const fn then(self, later: Self) -> Self {
        match (self, later) {
            (Self::Ignored, Self::Proposed) => later,
            (_, Self::Proposed | Self::Ignored) => self,
            _ => later,
        }
    }

    /// Why a block with which we came no further than this has no signature of ours.
    pub(super) const fn cause(self) -> Cause {
        match self {
            Self::Proposed | Self::Validating => Cause::ValidatedLate,
            Self::Ignored => Cause::Ignored,
            Self::Held => Cause::Held,
            Self::Valid | Self::Signed => Cause::SignedLate,
            Self::Withheld => Cause::Withheld,
            Self::Rejected(reason) => Cause::Rejected(reason),
        }
    }
}
