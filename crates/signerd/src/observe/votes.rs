//! Lines about votes: the others' and our own.

use countersign_signer::{Note, WithheldSignature};
use countersign_wire::Weight;

use super::Prefix;

/// Lines about what the signers say, and what it adds up to.
pub(super) fn say_vote(note: &Note, prefix: Prefix) {
    match note {
        Note::PreCommitReceived { sighash, from, weight, total, .. } => tracing::info!(
            %sighash,
            peer = from.get(),
            weight = weight.get(),
            total = total.get(),
            "{prefix}Received block pre-commit"
        ),
        // Anybody can write such chunks if the node lets them.
        Note::StrangerIgnored { key } => tracing::debug!(
            peer = %key,
            "{prefix}Skipping signer chunk: its writer is not in the signer set"
        ),
        Note::VoteParked { sighash, from, .. } => tracing::info!(
            %sighash,
            peer = from.get(),
            "{prefix}Received a vote for an unknown block, storing as pending"
        ),
        Note::AcceptanceReceived { sighash, from, weight, total, .. } => {
            let short = if weight.approves(*total) {
                ""
            } else {
                ", but have not yet reached the acceptance threshold"
            };
            tracing::info!(
                %sighash,
                peer = from.get(),
                weight = weight.get(),
                needed = Weight::approval_threshold(*total).get(),
                total = total.get(),
                "{prefix}Received block acceptance{short}"
            );
        }
        Note::RejectionReceived { sighash, from, reason, weight, total, .. } => {
            let short = if weight.blocks_approval(*total) {
                ""
            } else {
                ". Have not yet received enough block rejections"
            };
            tracing::info!(
                %sighash,
                peer = from.get(),
                reason = reason.label(),
                weight = weight.get(),
                total = total.get(),
                "{prefix}Received block rejection{short}"
            );
        }
        _ => say_threshold(note, prefix),
    }
}

fn say_threshold(note: &Note, prefix: Prefix) {
    match note {
        Note::ThresholdReached { sighash, weight } => tracing::info!(
            %sighash,
            weight = weight.get(),
            "{prefix}have reached the block acceptance threshold"
        ),
        Note::GloballyRejected { sighash, weight } => tracing::info!(
            %sighash,
            weight = weight.get(),
            "{prefix}have reached the block rejection threshold"
        ),
        _ => {}
    }
}

/// Lines about what we say.
pub(super) fn say_own(note: &Note, prefix: Prefix) {
    match note {
        Note::PreCommitted { sighash } => tracing::info!(
            %sighash,
            "{prefix}Broadcasting block pre-commit to stacks node for {sighash}"
        ),
        Note::SigningWithheld { sighash, why } => {
            let (why, rival) = match why {
                WithheldSignature::FreshRival(rival) => {
                    ("we recently signed a different block", Some(rival))
                }
                WithheldSignature::ConfirmedRival(rival) => {
                    ("the node's tip is already at or above its height", Some(rival))
                }
                WithheldSignature::BlockedByRejections => ("it no longer passes", None),
                WithheldSignature::ContentUnknown => {
                    ("its content is not here; waiting for its next proposal", None)
                }
            };
            let rival = rival.map(ToString::to_string);
            tracing::warn!(
                %sighash,
                rival,
                "{prefix}Reached the pre-commit threshold for a block, but {why}"
            );
        }
        Note::Signing { sighash, overriding: 0 } => tracing::info!(
            %sighash,
            "{prefix}Reached the pre-commit threshold for a block. Signing it."
        ),
        Note::Signing { sighash, overriding } => tracing::info!(
            %sighash,
            overriding,
            "{prefix}Reached the pre-commit threshold for a block. Signing the replacement."
        ),
        Note::Accepted { sighash, latency } => tracing::info!(
            %sighash,
            latency_ms = latency.get(),
            "{prefix}Broadcasting block response to stacks node: accepted"
        ),
        Note::Rejected { sighash, reason, latency } => tracing::info!(
            %sighash,
            reason = reason.label(),
            latency_ms = latency.get(),
            "{prefix}Broadcasting block response to stacks node: rejected, {reason}"
        ),
        // The gate, or the vault itself, says why nothing is signed at the moment.
        Note::VaultRefused { sighash, rival } if sighash == rival => {
            tracing::debug!(%sighash, "{prefix}the block is not signed");
        }
        Note::VaultRefused { sighash, rival } => tracing::error!(
            %sighash,
            %rival,
            "{prefix}the vault refuses to contradict its signature on another block"
        ),
        _ => {}
    }
}
