//! Whether the burn chain has forked, and what that makes of the replay set (`signer-behaviour` 5.8 a
//! to d).
//!
//! The reference compares the announced burn blocks with each other. An announcement is not
//! authenticated and may be missing, so here the node is asked whether it still has the burn block that
//! we came from; if not, the way down from there is our own memory, and it ends at the first burn block
//! that the node has. When every burn block of a fork is announced in its order, both find the same.

use countersign_wire::Wire as _;
use countersign_wire::rpc::TenureForkInfo;
use countersign_wire::transaction::{StacksTransaction, TransactionPayload};
use countersign_wire::{BurnHeight, NakamotoBlock};

use crate::burn::BurnBlockSeen;
use crate::facts::{Known, Reply};
use crate::machine::BurnTip;
use crate::note::ReplayChange;
use crate::replay::{Replay, ReplaySet, Scope};
use crate::rules::Situation;

/// The replay after a move of the burn tip, and why it is another, if it is.
pub(crate) type Followed = (Replay, Option<ReplayChange>);

/// What the move of the node's burn tip from one block to another makes of the replay set.
pub(crate) fn follow_burn_chain(
    before: &Replay,
    from: BurnTip,
    to: BurnTip,
    at: &Situation<'_>,
) -> Known<Reply<Followed>> {
    let Some(left) = at.burn.get(&from.consensus_hash).filter(|_| from != to) else {
        return Ok(Ok((before.clone(), None)));
    };
    Ok(match at.facts.is_canonical(left.hash)? {
        Ok(true) => Ok(expire(before, to.height, at.params.reset_replay_set_after_fork_blocks)),
        Ok(false) => return after_fork(before, from, at),
        Err(failure) => Err(failure),
    })
}

/// A replay that goes on for too long is given up: the chain is worth more than its past.
fn expire(before: &Replay, tip: BurnHeight, patience: u64) -> Followed {
    let is_over = before
        .scope()
        .is_some_and(|scope| tip.get() > scope.past_tip.height.get().saturating_add(patience));
    if is_over { (Replay::Idle, Some(ReplayChange::TimedOut)) } else { (before.clone(), None) }
}

fn after_fork(before: &Replay, from: BurnTip, at: &Situation<'_>) -> Known<Reply<Followed>> {
    let past_tip = before.scope().map_or(from, |scope| scope.past_tip);
    let lost = match lost_branch(past_tip, at)? {
        Ok(Lost::Branch(lost)) => lost,
        Ok(Lost::ReachesIntoAnotherCycle) => {
            return Ok(Ok((Replay::Idle, Some(ReplayChange::CrossesCycle))));
        }
        Ok(Lost::Unknown) => return Ok(Ok(without_set(before))),
        Err(failure) => return Ok(Err(failure)),
    };
    let origin = lost.last().map_or(past_tip.height, |lowest| lowest.height);
    if before.scope().is_some_and(|scope| origin >= scope.origin) {
        // The second fork is no deeper than the first.
        return Ok(Ok((before.clone(), None)));
    }
    let mut tenures = Vec::new();
    for block in &lost {
        match at.facts.forks(block.consensus_hash, block.consensus_hash)? {
            Ok(forks) => tenures.extend(forks),
            Err(failure) => return Ok(Err(failure)),
        }
    }
    Ok(Ok(match replay_set(&tenures) {
        None => without_set(before),
        Some(set) if set.is_empty() => (Replay::Idle, Some(ReplayChange::NothingToReplay)),
        Some(set) => {
            let lost = lost.iter().map(|block| block.consensus_hash).collect();
            let replay = Replay::Active { set, scope: Scope { origin, past_tip, lost } };
            (replay, Some(ReplayChange::Forked))
        }
    }))
}

/// A fork of which we cannot tell what it lost: a set that is there already stays.
fn without_set(before: &Replay) -> Followed {
    (before.clone(), Some(ReplayChange::UnknownBranch))
}

/// What a fork has taken away.
enum Lost {
    /// These burn blocks, from the tip down.
    Branch(Vec<BurnBlockSeen>),
    /// More than the tip's reward cycle: other signers have signed it, and nothing is replayed.
    ReachesIntoAnotherCycle,
    /// We do not know how the burn blocks hang together.
    Unknown,
}

fn lost_branch(tip: BurnTip, at: &Situation<'_>) -> Known<Reply<Lost>> {
    let Some(calendar) = at.calendar else { return Ok(Ok(Lost::Unknown)) };
    let cycle = calendar.cycle_of(tip.height);
    let mut lost = Vec::new();
    let mut here = at.burn.get(&tip.consensus_hash);
    while let Some(block) = here {
        match at.facts.is_canonical(block.hash)? {
            Ok(true) => return Ok(Ok(Lost::Branch(lost))),
            Ok(false) if calendar.cycle_of(block.height) != cycle => {
                return Ok(Ok(Lost::ReachesIntoAnotherCycle));
            }
            Ok(false) => lost.push(*block),
            Err(failure) => return Ok(Err(failure)),
        }
        here = at.burn.below(block);
    }
    Ok(Ok(Lost::Unknown))
}

/// What the blocks of these tenures did for users, in the order of the blocks; none if the node's
/// account of them cannot be read.
fn replay_set(tenures: &[&TenureForkInfo]) -> Option<ReplaySet> {
    let mut blocks: Vec<NakamotoBlock> = Vec::new();
    for tenure in tenures {
        blocks.extend(tenure.blocks().ok()?.into_iter().flatten());
    }
    blocks.sort_by_key(|block| block.header.chain_length);
    let mut room = MAX_SET_LEN;
    let transactions = blocks
        .into_iter()
        .flat_map(|block| block.transactions)
        .filter(is_replayable)
        .take_while(|transaction| {
            let fits = room.checked_sub(transaction.to_bytes().len());
            room = fits.unwrap_or_default();
            fits.is_some()
        })
        .collect();
    Some(ReplaySet::new(transactions))
}

/// Whether a user sent it. What starts, extends and pays a tenure belongs to its miner.
const fn is_replayable(transaction: &StacksTransaction) -> bool {
    !transaction.payload.is_coinbase()
        && !matches!(
            transaction.payload,
            TransactionPayload::TenureChange(_) | TransactionPayload::PoisonMicroblock(_)
        )
}

/// How long a set may be, in bytes, so that the update that names it fits into a StackerDB chunk. What
/// does not fit is left out at the end: signers agree on the longest common prefix.
const MAX_SET_LEN: usize = 2 * 1024 * 1024 - 4096;
