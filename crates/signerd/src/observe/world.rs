//! Lines about the chains, our seat, and the views of the signers.

use countersign_signer::{NotRegisteredReason, Note, ViewChange};
use countersign_wire::RewardCycle;
use countersign_wire::message::MinerState;

use super::Prefix;

/// Lines about our seats.
pub(super) fn say_seat(note: &Note) {
    match note {
        Note::Registered { cycle, key, slot, weight, total } => {
            let (weight, total) = (weight.get(), total.get());
            tracing::info!(
                cycle = cycle.get(),
                %key,
                weight,
                total,
                "Signer is registered for reward cycle {cycle} as signer #{slot}. Initialized signer \
                 state."
            );
        }
        Note::SecondSeat { cycle, key } => tracing::error!(
            cycle = cycle.get(),
            %key,
            "both keys of this signer are registered for reward cycle {cycle}: the first one signs, and \
             nobody signs with the weight of the other. Register one key for a cycle, or run another \
             signer with the other"
        ),
        Note::NotRegistered { cycle, reason } => say_no_seat(*cycle, *reason),
        Note::Watching { cycle, total } => tracing::info!(
            cycle = cycle.get(),
            total = total.get(),
            "Dry-run signer watches reward cycle {cycle}. Initialized signer state."
        ),
        Note::RegistrationDelayed { cycle, why } => {
            tracing::warn!(
                cycle = cycle.get(),
                reason = why,
                "Failed to get the reward set info: {why}. Will try again later."
            );
        }
        Note::CycleEnded { cycle } => {
            tracing::info!(cycle = cycle.get(), "Reward cycle {cycle} is over for this signer");
        }
        _ => {}
    }
}

/// Lines about the chains and the node.
pub(super) fn say_chain(note: &Note, prefix: Prefix) {
    match note {
        Note::BurnBlock { height, consensus_hash, cycle } => {
            tracing::info!(
                burn_height = height.get(),
                %consensus_hash,
                cycle = cycle.map(RewardCycle::get),
                "{prefix}Received a new burn block event for block height {height}"
            );
        }
        Note::StacksBlock { height, sighash } => {
            let sighash = sighash.map(|sighash| sighash.to_string());
            tracing::info!(height = height.get(), sighash, "{prefix}Received a new block event.");
        }
        // The change from answering to failing is told where the answer arrives.
        Note::NodeFailed { asked, text } => tracing::debug!(asked, error = text, "the node failed"),
        Note::MockSigning { cycle, burn_height } => tracing::info!(
            cycle = cycle.get(),
            burn_height = burn_height.get(),
            "{prefix}Mock signing mock proposal"
        ),
        Note::WrongNetwork { node, ours } => tracing::error!(
            "the node is on chain 0x{node:x} and the signer is configured for 0x{ours:x}; nothing is \
             signed until `network`, `chain_id` or `node_host` is corrected"
        ),
        _ => {}
    }
}

fn say_no_seat(cycle: RewardCycle, reason: NotRegisteredReason) {
    let why = match reason {
        NotRegisteredReason::DryRunOwnsSlot => {
            tracing::error!(
                cycle = cycle.get(),
                "Signer is configured for dry-run, but the signer address is registered for reward \
                 cycle {cycle}: nobody signs with its weight. Set `dry_run = false`, or use another key"
            );
            return;
        }
        NotRegisteredReason::DryRunInRewardSet => {
            "the key of a dry run was found in the reward set, but not in stacker db"
        }
        NotRegisteredReason::NoSigners => "No reward set signers found",
        NotRegisteredReason::NoSlot => {
            "was not found in stacker db. Must not be registered for this reward cycle"
        }
        NotRegisteredReason::NotInRewardSet => "was found in stacker db but not the reward set",
    };
    tracing::warn!(
        cycle = cycle.get(),
        reason = why,
        "Signer is not registered for reward cycle {cycle}"
    );
}

/// Lines about our view of the network and the other signers'.
pub(super) fn say_view(note: &Note, prefix: Prefix) {
    match note {
        Note::PeerUpdate { from, update, .. } => tracing::info!(
            peer = from.get(),
            burn_height = update.content.burn_height.get(),
            miner = miner(&update.content.miner),
            "{prefix}Received state machine update from signer"
        ),
        Note::ViewChanged { cause, update, .. } => {
            tracing::info!(
                cause = cause_of(*cause),
                burn_height = update.content.burn_height.get(),
                miner = miner(&update.content.miner),
                "{prefix}Signer State: updated the local state machine"
            );
        }
        Note::NodeBehind { expected, node, .. } => tracing::warn!(
            expected = expected.get(),
            burn_height = node.get(),
            "{prefix}failed to update local state machine for latest bitcoin block arrival: the node \
             has not reached it yet"
        ),
        Note::ViewRepeated { .. } => tracing::info!(
            "{prefix}the node has not shown our state machine update; sending it again"
        ),
        Note::VersionChanged { from, to, .. } => tracing::info!(
            "{prefix}Signer State: Updating active signer protocol version from {from} to {to}"
        ),
        Note::MinerInactive { tenure, now } => {
            let now = now.map(|tenure| tenure.to_string());
            tracing::info!(
                %tenure,
                now,
                "{prefix}Signer State: Current tenure timed out, setting the active miner to the prior \
                 tenure"
            );
        }
        Note::Capitulated { tenure, weight, after, .. } => tracing::info!(
            %tenure,
            weight = weight.get(),
            after_ms = after.get(),
            "{prefix}Signer State: Capitulating local state machine's current miner viewpoint"
        ),
        Note::ViewConflict { conflict, .. } => tracing::debug!(
            conflict = conflict.label(),
            "{prefix}Signer State: our view differs from the others' and there is none to follow"
        ),
        Note::NoValidMiner { .. } => tracing::warn!(
            "{prefix}Signer State: Neither the current nor the prior sortition winner is considered a \
             valid tenure"
        ),
        _ => {}
    }
}

const fn cause_of(cause: ViewChange) -> &'static str {
    match cause {
        ViewChange::BurnBlock => "burn block",
        ViewChange::StacksBlock => "stacks block",
        ViewChange::InactiveMiner => "inactive miner",
        ViewChange::ProtocolUpgrade => "protocol upgrade",
        ViewChange::Majority => "majority",
        ViewChange::ParentTenure => "parent tenure",
    }
}

fn miner(miner: &MinerState) -> String {
    match miner {
        MinerState::NoValidMiner => "none".to_owned(),
        MinerState::Active(miner) => miner.tenure.to_string(),
    }
}
