//! The next block of the miner whose turn it is.

use countersign_wire::UnixSeconds;
use countersign_wire::message::{MinerDiagnostics, MiningReason};

use super::Actors;
use super::asking::{Asking, Terms};
use crate::chain::Chain;
use crate::shared::now;

/// Builds on what the chain has now: the first block of the newest winner's tenure if that has none,
/// else the next one. None while nobody can build: the newest winner is not one of `actors`, or the
/// chain's timestamps are so far ahead of the clock that nodes would refuse the block.
///
/// `amount` µSTX in each of `transfers` transfers make the block differ from one built before on the
/// same parent in the same second.
pub(super) fn next(
    chain: &Chain,
    actors: &Actors,
    transfers: usize,
    amount: u64,
) -> Option<Asking> {
    let sortition = chain.latest_winner()?;
    let (tenure, winner) = (sortition.consensus_hash, sortition.winner?);
    let miner = actors.miner_with(&winner.miner)?;
    let key = actors.miners.get(miner)?;
    let own_tip = chain.tenure_tip(&tenure);
    let parent = own_tip.or_else(|| chain.tenure_tip(&winner.parent_tenure))?;
    let at = now();
    if parent.header.timestamp.get() > at.get().saturating_add(MAX_AHEAD_SECS) {
        return None;
    }
    let transfers = actors.faucet.transfers(chain, &parent.block_id(), transfers, amount);
    let built = if own_tip.is_some() {
        chain.build_next(key, &tenure, at, transfers)
    } else {
        chain.build_tenure_start(key, &tenure, at, transfers)
    };
    let reward_cycle = chain.signing_cycle(&tenure)?;
    let tip = chain.burn_tip();
    let terms = Terms {
        miner,
        burn_height: sortition.height,
        reward_cycle,
        signers: chain.stacker_set(reward_cycle)?.as_ref().clone(),
        server_version: chain.config().server_version.clone(),
        diagnostics: MinerDiagnostics {
            burn_height: tip.height,
            consensus_hash: tip.consensus_hash,
            burn_block_hash: tip.hash,
            full_extend_at: UnixSeconds::new(u64::MAX),
            read_count_extend_at: UnixSeconds::new(u64::MAX),
            reason: MiningReason::BlockFound,
        },
    };
    // A parent that waits for its own parent cannot be built on yet.
    Some(Asking::new(built.ok()?, terms))
}

/// Nodes refuse blocks that are more than 15 seconds ahead of their clocks.
const MAX_AHEAD_SECS: u64 = 8;
