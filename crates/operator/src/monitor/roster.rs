//! Who is watched.

use countersign_wire::{Network, RewardCycle, Signer, SignerSet, StacksAddress};

/// The signers of one cycle in the order of their slots.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Roster {
    pub(super) cycle: RewardCycle,
    pub(super) seats: Vec<Seat>,
}

/// One signer, and the owner of its slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Seat {
    pub(super) signer: Signer,
    pub(super) address: StacksAddress,
}

impl Roster {
    /// The signers of a reward set, if they are the owners of these slots. While a cycle begins the two
    /// may be of different cycles.
    pub(super) fn new(
        cycle: RewardCycle,
        network: Network,
        set: &SignerSet,
        slots: &[StacksAddress],
    ) -> Option<Self> {
        let seated = |signer: &Signer| Seat {
            signer: *signer,
            address: StacksAddress::single_sig(network, &signer.key),
        };
        let seats: Vec<Seat> = set.signers().iter().map(seated).collect();
        let are_same = seats.iter().map(|seat| &seat.address).eq(slots);
        are_same.then_some(Self { cycle, seats })
    }
}
