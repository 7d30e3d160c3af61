//! Which numbers a note changes.

use std::time::Duration;

use countersign_signer::{Millis, Note, RepeatedProposal};

use crate::clock::now;
use crate::intake::Skipped;
use crate::metrics::Metrics;

/// Counts a note.
pub(super) fn count(metrics: &Metrics, note: &Note) {
    match note {
        Note::ProposalReceived { .. }
        | Note::ProposalRepeated { what: RepeatedProposal::JudgedAgain, .. } => {
            metrics.proposals_received.inc();
        }
        Note::ProposalHeld { .. } => {
            metrics.proposals_held.inc();
        }
        Note::Verdict { valid, took, .. } => {
            let kind = response_type(*valid);
            metrics.validation_responses.get_or_create(&vec![("response_type", kind)]).inc();
            if let Some(took) = took {
                metrics.validation_latencies.observe(seconds(*took));
            }
        }
        Note::StrangerIgnored { .. } => {
            let reason = vec![("reason", Skipped::NotInSet.label())];
            metrics.chunks_skipped.get_or_create(&reason).inc();
        }
        Note::PreCommitted { .. } => {
            metrics.pre_commits_sent.inc();
        }
        Note::Accepted { latency, .. } => count_response(metrics, true, *latency),
        Note::Rejected { reason, latency, .. } => {
            count_response(metrics, false, *latency);
            metrics.rejections.get_or_create(&vec![("reason", reason.label())]).inc();
        }
        Note::ViewChanged { cause, update, .. } => {
            metrics.proposed.show_view(update.content.burn_height, now());
            metrics.state_changes.get_or_create(&vec![("reason", cause.label())]).inc();
        }
        Note::ViewConflict { conflict, .. } => {
            metrics.state_conflicts.get_or_create(&vec![("conflict", conflict.label())]).inc();
        }
        Note::Capitulated { after, .. } => {
            metrics.capitulation_latencies.observe(seconds(*after));
        }
        _ => {}
    }
}

fn count_response(metrics: &Metrics, is_acceptance: bool, latency: Millis) {
    let kind = response_type(is_acceptance);
    metrics.responses_sent.get_or_create(&vec![("response_type", kind)]).inc();
    metrics.response_latencies.observe(seconds(latency));
}

const fn response_type(is_acceptance: bool) -> &'static str {
    if is_acceptance { "accepted" } else { "rejected" }
}

fn seconds(span: Millis) -> f64 {
    Duration::from_millis(span.get()).as_secs_f64()
}
