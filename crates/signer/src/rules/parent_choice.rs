//! Whether a winner may build where it committed to, although that orphans tenures
//! (`signer-behaviour` 3.3.1).

use countersign_wire::rpc::{TenureForkInfo, Winner};

use crate::burn::Superseded;
use crate::facts::{Known, Reply};
use crate::rules::Situation;

/// The answer to a winner's choice of parent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ParentChoice {
    /// It may build there, and these tenures may be orphaned by it.
    Allowed { orphans: Vec<Superseded> },
    /// It may not.
    Refused,
}

/// A tenure may be orphaned by the next winner only if it has at most one accepted block, and that
/// block was approved shortly before the next burn block arrived here.
pub(crate) fn judge_parent_choice(
    winner: &Winner,
    at: &Situation<'_>,
) -> Known<Reply<ParentChoice>> {
    let previous = match winner.last_sortition {
        Some(previous) if previous != winner.parent_tenure => previous,
        _ => return Ok(Ok(ParentChoice::Allowed { orphans: Vec::new() })),
    };
    let forks = match at.facts.forks(winner.parent_tenure, previous)? {
        Ok(forks) => forks,
        Err(failure) => return Ok(Err(failure)),
    };
    if forks.is_empty() {
        return Ok(Ok(ParentChoice::Refused));
    }
    let orphans: Option<Vec<Superseded>> = forks
        .iter()
        .filter(|fork| fork.consensus_hash != winner.parent_tenure)
        .map(|fork| {
            may_be_orphaned(fork, winner, at).then_some(Superseded {
                tenure: fork.consensus_hash,
                burn_height: fork.burn_block_height,
                by: winner.tenure,
                by_burn_block: winner.burn_block_hash,
                at: at.now,
            })
        })
        .collect();
    Ok(Ok(match orphans {
        Some(orphans) => ParentChoice::Allowed { orphans },
        None => ParentChoice::Refused,
    }))
}

fn may_be_orphaned(fork: &TenureForkInfo, winner: &Winner, at: &Situation<'_>) -> bool {
    let tenure = &fork.consensus_hash;
    if at.ledger.globally_accepted_span(tenure) > 1 {
        return false;
    }
    if fork.first_block_mined.is_none() {
        return true;
    }
    let Some(block) = at.ledger.lowest_approved(tenure) else { return false };
    let Some(arrived) = at.burn.received_at(&winner.burn_block_hash) else { return false };
    let lead =
        block.approved_at.map_or(crate::time::Millis::ZERO, |approved| arrived.since(approved));
    lead < at.params.timeouts.first_proposal_burn_block_timing
}
