//! Whether a miner has been silent for too long (`signer-behaviour` 3.4).

use countersign_wire::ConsensusHash;

use crate::rules::Situation;
use crate::rules::sortition_v1::GLOBAL_STATE_VERSION;
use crate::time::Timestamp;

/// Whether the winner of this tenure's sortition never got a block signed and has shown no sign of
/// life for longer than `block_proposal_timeout`.
pub(crate) fn is_timed_out(tenure: &ConsensusHash, at: &Situation<'_>) -> bool {
    silent_since(tenure, at)
        .is_some_and(|since| at.now.since(since) > at.params.timeouts.block_proposal)
}

/// When the tenure will count as timed out if nothing happens; none while its clock has not started
/// or a block of it was signed.
pub(crate) fn times_out_at(tenure: &ConsensusHash, at: &Situation<'_>) -> Option<Timestamp> {
    let since = silent_since(tenure, at)?;
    Some(since.plus(at.params.timeouts.block_proposal).plus(crate::time::Millis::new(1)))
}

/// The tenure's last sign of life, or else the moment at which signers with agreeing weight had
/// reported its burn block. For versions below 2 that is the moment at which it arrived here.
fn silent_since(tenure: &ConsensusHash, at: &Situation<'_>) -> Option<Timestamp> {
    if at.ledger.has_signed_block(tenure) {
        return None;
    }
    let started = if at.version < GLOBAL_STATE_VERSION {
        at.burn.get(tenure)?.received_at
    } else {
        at.reports.agreed_at(tenure, at.set)?
    };
    Some(at.burn.activity(tenure).unwrap_or(started))
}
