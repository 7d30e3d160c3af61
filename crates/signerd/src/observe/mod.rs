//! The core's notes as log lines and numbers. Nothing depends on them.
//!
//! The phrases are those that operators of the reference grep for (`signer-behaviour.md` section
//! 10); `docs/logs.md` lists them.

mod blocks;
mod count;
mod replay;
mod votes;
mod world;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use countersign_signer::Note;
use countersign_wire::{PublicKey, RewardCycle, SlotId};

use crate::metrics::Metrics;

/// Tells people what the core has to say.
#[derive(Debug)]
pub(crate) struct Observer {
    metrics: Arc<Metrics>,
    /// Our slot in each cycle and the key that has it; none in a dry run.
    seats: BTreeMap<RewardCycle, Option<(SlotId, PublicKey)>>,
    current: Option<RewardCycle>,
}

impl Observer {
    /// An observer that counts in `metrics`.
    pub(crate) const fn new(metrics: Arc<Metrics>) -> Self {
        Self { metrics, seats: BTreeMap::new(), current: None }
    }

    /// One line and one count per note, in their order.
    pub(crate) fn report(&mut self, notes: &[Note]) {
        for note in notes {
            self.remember(note);
            count::count(&self.metrics, note);
            self.say(note);
        }
    }

    fn remember(&mut self, note: &Note) {
        match note {
            Note::Registered { cycle, key, slot, weight, total } => {
                self.seats.insert(*cycle, Some((*slot, *key)));
                let gauge = self.metrics.seats.get_or_create(&labels(*cycle, key));
                gauge.set(weight.get().into());
                drop(gauge);
                self.metrics.chain.show_total(*cycle, Some(total.get().into()));
            }
            Note::Watching { cycle, .. } => {
                self.seats.insert(*cycle, None);
            }
            Note::CycleEnded { cycle } => {
                if let Some(Some((_, key))) = self.seats.remove(cycle) {
                    self.metrics.seats.remove(&labels(*cycle, &key));
                    self.metrics.chain.show_total(*cycle, None);
                }
            }
            Note::BurnBlock { cycle: Some(cycle), .. } => self.current = Some(*cycle),
            _ => {}
        }
    }

    fn say(&self, note: &Note) {
        match note {
            Note::Registered { .. }
            | Note::SecondSeat { .. }
            | Note::Watching { .. }
            | Note::NotRegistered { .. }
            | Note::RegistrationDelayed { .. }
            | Note::CycleEnded { .. } => world::say_seat(note),
            Note::MockSigning { .. }
            | Note::BurnBlock { .. }
            | Note::StacksBlock { .. }
            | Note::NodeFailed { .. }
            | Note::WrongNetwork { .. } => world::say_chain(note, self.prefix(None)),
            Note::PeerUpdate { cycle, .. }
            | Note::ViewChanged { cycle, .. }
            | Note::ViewRepeated { cycle }
            | Note::NodeBehind { cycle, .. }
            | Note::VersionChanged { cycle, .. }
            | Note::Capitulated { cycle, .. }
            | Note::ViewConflict { cycle, .. }
            | Note::NoValidMiner { cycle } => world::say_view(note, self.prefix(Some(*cycle))),
            Note::ReplayChanged { cycle, change, transactions } => {
                replay::say_replay(*change, *transactions, self.prefix(Some(*cycle)));
            }
            Note::MinerInactive { .. } => world::say_view(note, self.prefix(None)),
            Note::ProposalReceived { .. }
            | Note::ProposalRepeated { .. }
            | Note::ProposalIgnored { .. }
            | Note::ProposalHeld { .. }
            | Note::Judged { .. } => blocks::say_proposal(note, self.prefix(None)),
            Note::ValidationRequested { .. }
            | Note::ValidationQueued { .. }
            | Note::ValidationFailed { .. }
            | Note::Verdict { .. }
            | Note::VerdictIgnored { .. }
            | Note::ValidationTimedOut { .. } => blocks::say_validation(note, self.prefix(None)),
            Note::GloballyAccepted { .. } | Note::Uploaded { .. } | Note::Pushed { .. } => {
                blocks::say_outcome(note, self.prefix(None));
            }
            Note::PreCommitReceived { .. }
            | Note::VoteParked { .. }
            | Note::StrangerIgnored { .. }
            | Note::AcceptanceReceived { .. }
            | Note::RejectionReceived { .. }
            | Note::ThresholdReached { .. }
            | Note::GloballyRejected { .. } => votes::say_vote(note, self.prefix(None)),
            Note::PreCommitted { .. }
            | Note::SigningWithheld { .. }
            | Note::Signing { .. }
            | Note::Accepted { .. }
            | Note::Rejected { .. }
            | Note::VaultRefused { .. } => votes::say_own(note, self.prefix(None)),
        }
    }

    /// The beginning of a line about `cycle`, or about the cycle that runs.
    fn prefix(&self, cycle: Option<RewardCycle>) -> Prefix {
        let seat = match cycle.or(self.current) {
            Some(cycle) => self.seats.get_key_value(&cycle),
            None => self.seats.last_key_value(),
        };
        Prefix { seat: seat.map(|(cycle, seat)| (*cycle, seat.map(|(slot, _)| slot))) }
    }
}

fn labels(cycle: RewardCycle, key: &PublicKey) -> [(&'static str, String); 2] {
    [("key", key.to_string()), ("cycle", cycle.to_string())]
}

/// `Cycle #<n> Signer #<id>: ` or `Cycle #<n> Dry-Run signer: ` as the reference begins its lines.
#[derive(Clone, Copy, Debug)]
struct Prefix {
    seat: Option<(RewardCycle, Option<SlotId>)>,
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.seat {
            Some((cycle, Some(slot))) => write!(f, "Cycle #{cycle} Signer #{slot}: "),
            Some((cycle, None)) => write!(f, "Cycle #{cycle} Dry-Run signer: "),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests;
