//! Whether we have a seat in a reward cycle, or watch it without one (`signer-behaviour` 1.4 rows 5 to
//! 7, and 5' to 7' for a dry run).

use countersign_wire::{RewardCycle, SignerSet, SlotId, StacksAddress};

use crate::cycle::Cycle;
use crate::event::RegistrationFacts;
use crate::note::NotRegisteredReason;
use crate::params::Params;
use crate::time::Timestamp;

/// Our seat, or why we have none. A dry run must not have one: it would not use it.
pub(crate) fn find_seat(
    params: &Params,
    number: RewardCycle,
    facts: &RegistrationFacts,
    now: Timestamp,
) -> Result<Cycle, NotRegisteredReason> {
    let Some(set) = &facts.set else { return Err(NotRegisteredReason::NoSigners) };
    let own = params.key.hash160();
    let is_ours = |address: &StacksAddress| *address.hash() == own;
    let slot = facts
        .slots
        .iter()
        .position(is_ours)
        .and_then(|index| u32::try_from(index).ok())
        .map(SlotId::new);
    let place = match (params.is_dry_run, slot, set.slot_of(&params.key)) {
        (false, Some(slot), Some(index)) => (slot, index),
        (false, None, _) => return Err(NotRegisteredReason::NoSlot),
        (false, Some(_), None) => return Err(NotRegisteredReason::NotInRewardSet),
        (true, None, None) => (beyond(set), beyond(set)),
        (true, Some(_), _) => return Err(NotRegisteredReason::DryRunOwnsSlot),
        (true, None, Some(_)) => return Err(NotRegisteredReason::DryRunInRewardSet),
    };
    Ok(Cycle::new(number, set.clone(), place, now))
}

/// The place after the last: what is counted there has no weight, and belongs to nobody.
fn beyond(set: &SignerSet) -> SlotId {
    SlotId::new(u32::try_from(set.count()).unwrap_or(u32::MAX))
}
