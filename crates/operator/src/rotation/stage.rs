//! How far a change of keys is, and what is wrong with it.

use std::fmt;

use countersign_wire::{PublicKey, RewardCycle};

use super::Rotation;

/// How far a change of keys is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// No second key is configured.
    NotBegun,
    /// A second key is configured, and the running signer has not loaded it.
    ToBeLoaded,
    /// The second key has no seat yet, as far as the node knows.
    ToBeRegistered,
    /// The second key has a seat in the next cycle.
    Waiting,
    /// The second key has taken the first one's place.
    Changed,
}

impl Stage {
    /// A short name for machines.
    pub const fn label(self) -> &'static str {
        match self {
            Self::NotBegun => "not-begun",
            Self::ToBeLoaded => "to-be-loaded",
            Self::ToBeRegistered => "to-be-registered",
            Self::Waiting => "waiting",
            Self::Changed => "changed",
        }
    }
}

/// Something that a human has to mend, or to look at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// No key of ours signs in the running cycle.
    NoSeat(RewardCycle),
    /// No key of ours signs in the next cycle, whose signers are known.
    NoSeatNext(RewardCycle),
    /// Both keys have a seat in one cycle.
    BothSeated(RewardCycle),
    /// The next key signs in the running cycle, and in the next one the first does again.
    TurnsBack(RewardCycle),
    /// Another key in the cycle begins like one of ours.
    LookAlike {
        /// Ours.
        ours: PublicKey,
        /// The other.
        other: PublicKey,
        /// The cycle.
        cycle: RewardCycle,
    },
}

impl Trouble {
    /// Whether something has to be mended, or only looked at.
    pub const fn is_serious(&self) -> bool {
        !matches!(self, Self::LookAlike { .. })
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSeat(cycle) => write!(
                f,
                "no key of this signer is registered for the running cycle {cycle}: it signs nothing"
            ),
            Self::NoSeatNext(cycle) => write!(
                f,
                "the signers of cycle {cycle} are known, and no key of this signer is among them"
            ),
            Self::BothSeated(cycle) => write!(
                f,
                "both keys are registered for cycle {cycle}: this signer signs with the first alone, and \
                 the weight of the other is missing to the network"
            ),
            Self::TurnsBack(cycle) => write!(
                f,
                "the next key signs in the running cycle, and in cycle {cycle} the first one does again"
            ),
            Self::LookAlike { ours, other, cycle } => write!(
                f,
                "a key of cycle {cycle} begins like {ours} and is another: {other}; compare all 66 digits"
            ),
        }
    }
}

impl Rotation {
    /// How far the change is.
    pub fn stage(&self) -> Stage {
        let Some(next) = &self.keys.next else { return Stage::NotBegun };
        if self.keys.are_loaded == Some(false) {
            Stage::ToBeLoaded
        } else if self.current.seat_of(next).is_some() {
            Stage::Changed
        } else if self.next.seat_of(next).is_some() {
            Stage::Waiting
        } else {
            Stage::ToBeRegistered
        }
    }

    /// Everything that is wrong.
    pub fn troubles(&self) -> Vec<Trouble> {
        let first = &self.keys.first;
        let keys: Vec<&PublicKey> = std::iter::once(first).chain(&self.keys.next).collect();
        let mut troubles = Vec::new();
        for (cycle, trouble) in [
            (&self.current, Trouble::NoSeat(self.current.number)),
            (&self.next, Trouble::NoSeatNext(self.next.number)),
        ] {
            let seats = keys.iter().filter(|key| cycle.seat_of(key).is_some()).count();
            match seats {
                0 if cycle.set.is_some() => troubles.push(trouble),
                2 => troubles.push(Trouble::BothSeated(cycle.number)),
                _ => {}
            }
        }
        if let Some(next) = &self.keys.next
            && self.current.seat_of(next).is_some()
            && self.next.set.is_some()
            && self.next.seat_of(next).is_none()
            && self.next.seat_of(first).is_some()
        {
            troubles.push(Trouble::TurnsBack(self.next.number));
        }
        for cycle in [&self.current, &self.next] {
            for ours in &keys {
                let alike = cycle.look_alikes(ours);
                let cycle = cycle.number;
                troubles.extend(alike.map(|other| Trouble::LookAlike {
                    ours: **ours,
                    other,
                    cycle,
                }));
            }
        }
        troubles
    }
}
