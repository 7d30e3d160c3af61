//! What others may know of the gate.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::compare::Outcome;
use super::gate::{Gate, GateState};

/// Whether this instance signs, and how it compares with the one that does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct InstanceView {
    gate: Gate,
    since: Instant,
    /// Why the last promotion did not come to pass.
    pub(super) called_off: Option<String>,
    pub(super) comparison: Tally,
}

/// How many decisions of a standby were as the other's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Tally([u64; Outcome::ALL.len()]);

impl Tally {
    pub(super) fn count(&mut self, outcome: Outcome) {
        let place = Outcome::ALL.iter().position(|candidate| *candidate == outcome);
        if let Some(count) = place.and_then(|place| self.0.get_mut(place)) {
            *count += 1;
        }
    }
}

impl InstanceView {
    pub(super) fn of(gate: &Gate) -> Self {
        let since = Instant::now();
        Self { gate: gate.clone(), since, called_off: None, comparison: Tally::default() }
    }

    pub(super) fn turn(&mut self, gate: &Gate) {
        (self.gate, self.since, self.called_off) = (gate.clone(), Instant::now(), None);
    }

    /// The gate's kind.
    pub(crate) const fn state(&self) -> GateState {
        self.gate.state()
    }

    /// What is left of a time that must pass; zero if none must.
    pub(crate) fn left(&self) -> Duration {
        self.gate.left().unwrap_or_default()
    }

    /// The same for people.
    pub(crate) fn text(&self) -> String {
        self.gate.to_string()
    }

    /// For `countersign status` and the commands that change it.
    pub(crate) fn to_json(&self) -> Value {
        let counts: serde_json::Map<String, Value> = Outcome::ALL
            .iter()
            .zip(self.comparison.0)
            .map(|(outcome, count)| (outcome.label().to_owned(), count.into()))
            .collect();
        json!({
            "state": self.state().label(),
            "text": self.text(),
            "for_secs": self.since.elapsed().as_secs(),
            "left_secs": self.gate.left().map(|left| left.as_secs_f64().ceil()),
            "promotion_called_off": self.called_off,
            "compared": counts,
        })
    }
}
