//! Whether we have a seat in a reward cycle, and with which of our keys, or watch it without one
//! (`signer-behaviour` 1.4 rows 5 to 7, and 5' to 7' for a dry run).
//!
//! A key is changed between two cycles: the old one has the seat up to the one, the new one from the
//! other on. Each cycle is signed with the key that has the seat in it, to its end. Two keys with a seat
//! in one cycle are two signers, with two weights; one process speaks for one of them, the first, and
//! says that the other is silent.

use countersign_wire::{PublicKey, RewardCycle, SignerSet, SlotId, StacksAddress};

use crate::cycle::{Cycle, Place};
use crate::event::RegistrationFacts;
use crate::note::NotRegisteredReason;
use crate::params::Params;
use crate::time::Timestamp;

/// A cycle in which we have a seat.
#[derive(Debug)]
pub(crate) struct Seated {
    pub(crate) cycle: Cycle,
    /// Another key of ours that has a seat in it, too, which nobody uses.
    pub(crate) unused: Option<PublicKey>,
}

/// Our seat, or why we have none. A dry run must not have one: it would not use it.
pub(crate) fn find_seat(
    params: &Params,
    number: RewardCycle,
    facts: &RegistrationFacts,
    now: Timestamp,
) -> Result<Seated, NotRegisteredReason> {
    let Some(set) = &facts.set else { return Err(NotRegisteredReason::NoSigners) };
    let traces: Vec<Trace> = params.keys().map(|key| Trace::of(key, set, &facts.slots)).collect();
    let owns_slot = traces.iter().any(|trace| trace.slot.is_some());
    let is_in_set = traces.iter().any(|trace| trace.index.is_some());
    let mut places = traces.iter().filter_map(Trace::place);
    let (place, unused) = match (params.is_dry_run, places.next()) {
        (false, Some(place)) => (place, places.next().map(|other| other.key)),
        (false, None) if owns_slot => return Err(NotRegisteredReason::NotInRewardSet),
        (false, None) => return Err(NotRegisteredReason::NoSlot),
        (true, _) if owns_slot => return Err(NotRegisteredReason::DryRunOwnsSlot),
        (true, _) if is_in_set => return Err(NotRegisteredReason::DryRunInRewardSet),
        (true, _) => (Place { key: params.key, slot: beyond(set), index: beyond(set) }, None),
    };
    Ok(Seated { cycle: Cycle::new(number, set.clone(), place, now), unused })
}

/// What a cycle has of a key. Only both make a seat.
#[derive(Clone, Copy, Debug)]
struct Trace {
    key: PublicKey,
    slot: Option<SlotId>,
    index: Option<SlotId>,
}

impl Trace {
    fn of(key: PublicKey, set: &SignerSet, slots: &[StacksAddress]) -> Self {
        let own = key.hash160();
        let slot = slots
            .iter()
            .position(|owner| *owner.hash() == own)
            .and_then(|index| u32::try_from(index).ok())
            .map(SlotId::new);
        Self { key, slot, index: set.slot_of(&key) }
    }

    fn place(&self) -> Option<Place> {
        Some(Place { key: self.key, slot: self.slot?, index: self.index? })
    }
}

/// The place after the last: what is counted there has no weight, and belongs to nobody.
fn beyond(set: &SignerSet) -> SlotId {
    SlotId::new(u32::try_from(set.count()).unwrap_or(u32::MAX))
}
