//! Lines about a block on its way: proposed, validated, adopted.

use countersign_signer::{IgnoredProposal, Millis, Note, QueuedValidation, RepeatedProposal};

use super::Prefix;

/// Lines about proposals.
pub(super) fn say_proposal(note: &Note, prefix: Prefix) {
    match note {
        Note::ProposalReceived { sighash, height, tenure } => tracing::info!(
            %sighash,
            height = height.get(),
            %tenure,
            "{prefix}received a block proposal for a new block."
        ),
        Note::ProposalRepeated { sighash, what } => {
            let what = match what {
                RepeatedProposal::AlreadyDecided => {
                    "a globally accepted block to which we have already responded. Ignoring."
                }
                RepeatedProposal::InProgress => "this block before, and it is being validated",
                RepeatedProposal::JudgedAgain => {
                    "this block before, but our rejection reason allows us to reconsider"
                }
                RepeatedProposal::PreCommitRepeated => {
                    "a block we have pre-committed to but not signed. Re-evaluating the pre-commit."
                }
                RepeatedProposal::SignatureRepeated => "a block we have signed. Responding again.",
                RepeatedProposal::RejectionRepeated => {
                    "a block we have rejected. Responding again."
                }
            };
            tracing::info!(%sighash, "{prefix}received a block proposal for {what}");
        }
        Note::ProposalIgnored { sighash, why } => match why {
            IgnoredProposal::TooOld => tracing::warn!(
                %sighash,
                "{prefix}Received a block proposal that is more than block_proposal_max_age_secs secs \
                 old. Ignoring..."
            ),
            IgnoredProposal::NotOurCycle => tracing::debug!(
                %sighash,
                "{prefix}received a block proposal for a cycle that is not ours. Ignoring."
            ),
            IgnoredProposal::TooMany => tracing::warn!(
                %sighash,
                "{prefix}too many block proposals are being judged. Ignoring."
            ),
        },
        Note::ProposalHeld { sighash } => tracing::info!(
            %sighash,
            "{prefix}the signers do not agree on the proposal's tenure yet; it is judged when they do"
        ),
        Note::Judged { sighash, conclusion, grounds } => tracing::debug!(
            %sighash,
            rule = grounds.rule.cite,
            "{prefix}judged: {conclusion:?}"
        ),
        _ => {}
    }
}

/// Lines about the node's validation.
pub(super) fn say_validation(note: &Note, prefix: Prefix) {
    match note {
        Note::ValidationRequested { sighash } => {
            tracing::info!(%sighash, "{prefix}submitting block proposal for validation");
        }
        Note::ValidationQueued { sighash, why } => match why {
            QueuedValidation::Occupied => tracing::warn!(
                %sighash,
                "{prefix}cannot submit block proposal for validation as we are already waiting"
            ),
            QueuedValidation::NodeBusy => tracing::info!(
                %sighash,
                "{prefix}Received 429 from stacks node; the block is validated later"
            ),
            QueuedValidation::ParentUnknown => {
                tracing::info!(%sighash, "{prefix}Have not processed parent of block proposal yet");
            }
            QueuedValidation::NodeUnreachable => tracing::warn!(
                %sighash,
                "{prefix}Failed to submit block for validation; it is submitted again"
            ),
            QueuedValidation::NodeRefuses => {}
        },
        Note::ValidationFailed { sighash, text } => tracing::warn!(
            %sighash,
            error = text,
            "{prefix}Received non-429 status from stacks node; the block is submitted again every 5 s"
        ),
        Note::Verdict { sighash, valid, took } => tracing::info!(
            %sighash,
            valid,
            took_ms = took.map(Millis::get),
            "{prefix}Received a block validate response"
        ),
        Note::VerdictIgnored { sighash } => tracing::debug!(
            %sighash,
            "{prefix}ignored a block validate response that nobody here waits for"
        ),
        Note::ValidationTimedOut { sighash, after } => tracing::warn!(
            %sighash,
            "{prefix}Failed to receive block validation response within {} ms. Rejecting block.",
            after.get()
        ),
        _ => {}
    }
}

/// Lines about what became of a block.
pub(super) fn say_outcome(note: &Note, prefix: Prefix) {
    match note {
        Note::GloballyAccepted { sighash, height } => {
            tracing::info!(%sighash, height = height.get(), "{prefix}the block is part of the chain");
        }
        Note::Uploaded { sighash } => {
            tracing::debug!(%sighash, "{prefix}the node took the block from us");
        }
        Note::Pushed { sighash } => tracing::info!(%sighash, "{prefix}Got block pushed message"),
        _ => {}
    }
}
