//! The gate before the vault: whether this instance is the one that signs. It stands on the vault's thread,
//! so no order is on the way past it when it closes.
//!
//! It is closed until something opens it: a start listens first, a standby waits for its promotion. What is
//! durable of it, demoted and frozen, is in the vault's journal; the vault refuses by itself what the gate
//! would let through.

use std::fmt;
use std::time::{Duration, Instant};

use crate::readiness::Permission;

/// Whether orders reach the vault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Gate {
    /// They do.
    Open,
    /// Not before our slots were read at or after this time, and nobody else was heard in them.
    Listening {
        /// When.
        until: Instant,
        /// Why.
        why: Why,
    },
    /// Not until somebody promotes this instance.
    Standby,
    /// It was told to stop.
    Demoted,
    /// Somebody else signed with our key.
    Frozen {
        /// What was seen, and when it was.
        reason: String,
    },
}

/// What is listened for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Why {
    /// A clean stop came before, or the process stood still for a while: one look at the slots is enough.
    CleanStart,
    /// Nobody knows how the last run ended, or whether this is the only instance.
    Start,
    /// The floor: the other instance is lost, and what it signed last is not known.
    Floor,
}

/// The kind of a gate, for metrics and status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GateState {
    /// This instance signs.
    Open,
    /// It listens for its own key first.
    Listening,
    /// It waits out the floor.
    Waiting,
    /// It follows and signs nothing.
    Standby,
    /// It was told to stop.
    Demoted,
    /// It stopped because somebody else signed with its key.
    Frozen,
}

impl Gate {
    /// Listens for `time` from now on.
    pub(crate) fn listening(time: Duration, why: Why) -> Self {
        let now = Instant::now();
        Self::Listening { until: now.checked_add(time).unwrap_or(now), why }
    }

    /// Whether orders reach the vault.
    pub(crate) const fn is_open(&self) -> bool {
        matches!(self, Self::Open)
    }

    /// Whether another instance is expected to sign at the moment.
    pub(crate) const fn follows_another(&self) -> bool {
        matches!(self, Self::Standby | Self::Demoted)
    }

    /// Whether it has listened for long enough, if our slots were read, beginning at this time, and hold
    /// nothing that we do not know.
    pub(crate) fn has_listened(&self, looked_at: Instant) -> bool {
        matches!(self, Self::Listening { until, .. } if looked_at >= *until)
    }

    /// What is left of a time that must pass.
    pub(crate) fn left(&self) -> Option<Duration> {
        match self {
            Self::Listening { until, .. } => Some(until.saturating_duration_since(Instant::now())),
            _ => None,
        }
    }

    /// The kind.
    pub(crate) const fn state(&self) -> GateState {
        match self {
            Self::Open => GateState::Open,
            Self::Listening { why: Why::Floor, .. } => GateState::Waiting,
            Self::Listening { .. } => GateState::Listening,
            Self::Standby => GateState::Standby,
            Self::Demoted => GateState::Demoted,
            Self::Frozen { .. } => GateState::Frozen,
        }
    }
}

impl GateState {
    /// Every kind.
    pub const ALL: [Self; 6] =
        [Self::Open, Self::Listening, Self::Waiting, Self::Standby, Self::Demoted, Self::Frozen];

    /// Its name for programs.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Open => "active",
            Self::Listening => "listening",
            Self::Waiting => "waiting",
            Self::Standby => "standby",
            Self::Demoted => "demoted",
            Self::Frozen => "frozen",
        }
    }

    /// The same on the ladder of readiness.
    pub(crate) const fn permission(self) -> Permission {
        match self {
            Self::Open => Permission::Active,
            Self::Listening => Permission::Listening,
            Self::Waiting => Permission::Waiting,
            Self::Standby => Permission::Standby,
            Self::Demoted => Permission::Demoted,
            Self::Frozen => Permission::Frozen,
        }
    }
}

impl fmt::Display for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Open => f.write_str("this instance signs"),
            Self::Listening { why: Why::Floor, .. } => {
                f.write_str("this instance waits until what the lost one signed is history")
            }
            Self::Listening { .. } => {
                f.write_str("this instance listens for its own key before it signs")
            }
            Self::Standby => f.write_str("this instance is a standby and signs nothing"),
            Self::Demoted => f.write_str("this instance was told to stop signing"),
            Self::Frozen { reason } => write!(f, "this instance stopped signing: {reason}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_look_that_begins_after_the_time_opens_a_gate_that_listens() {
        let gate = Gate::listening(Duration::from_secs(30), Why::Start);
        assert_eq!(gate.state(), GateState::Listening);
        let now = Instant::now();
        assert!(!gate.has_listened(now));
        assert!(gate.has_listened(now + Duration::from_secs(31)));
    }

    #[test]
    fn no_silence_opens_a_gate_that_waits_for_a_human() {
        let late = Instant::now() + Duration::from_hours(1);
        let frozen = Gate::Frozen { reason: String::new() };
        for gate in [Gate::Standby, Gate::Demoted, frozen] {
            assert!(!gate.has_listened(late) && !gate.is_open());
        }
    }

    #[test]
    fn each_kind_has_a_name_of_its_own() {
        let names: std::collections::BTreeSet<_> =
            GateState::ALL.iter().map(|state| state.label()).collect();
        assert_eq!(names.len(), GateState::ALL.len());
    }
}
