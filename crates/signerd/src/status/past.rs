//! Everything that was heard and may be shown.

use std::collections::BTreeMap;

use countersign_node::CallbackQueue;
use countersign_signer::{Millis, Note, Timestamp};
use countersign_status::{Alert, Seat};
use countersign_wire::{Network, PublicKey, RewardCycle, StacksHeight};

use super::blocks::Blocks;
use super::calendar::Calendar;
use super::latency::Latencies;
use super::peers::Peers;
use super::word::Word;

/// What the thread remembers.
#[derive(Clone, Debug)]
pub(super) struct Past {
    pub(super) network: Network,
    pub(super) own: Vec<PublicKey>,
    pub(super) blocks: Blocks,
    pub(super) latencies: Latencies,
    pub(super) peers: Peers,
    pub(super) calendar: Calendar,
    pub(super) stacks: Option<StacksHeight>,
    /// When the node last said where it is.
    pub(super) answered_at: Option<Timestamp>,
    /// How many callbacks had come when that was last looked at.
    received: u64,
    /// When the node last told us something unasked.
    pub(super) called_at: Option<Timestamp>,
    seats: BTreeMap<RewardCycle, Seat>,
    /// Since when our view has the tenure that it has.
    pub(super) tenure_since: Option<(String, Timestamp)>,
    /// When something happened that is remarkable for an hour.
    pub(super) incidents: Incidents,
    /// Since when each alert is up.
    alerts: BTreeMap<String, u64>,
    /// How many callbacks had been dropped, when that was last looked at, and when it last rose.
    pub(super) dropped: (u64, Option<Timestamp>),
}

/// When things happened last that are no state of anything.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Incidents {
    pub(super) vault_refused: Option<Timestamp>,
    pub(super) second_seat: Option<(RewardCycle, Timestamp)>,
    pub(super) view_conflict: Option<Timestamp>,
}

impl Past {
    /// Of a signer that has heard nothing yet.
    pub(super) fn new(network: Network, own: Vec<PublicKey>) -> Self {
        Self {
            network,
            own,
            blocks: Blocks::default(),
            latencies: Latencies::default(),
            peers: Peers::default(),
            calendar: Calendar::default(),
            stacks: None,
            answered_at: None,
            received: 0,
            called_at: None,
            seats: BTreeMap::new(),
            tenure_since: None,
            incidents: Incidents::default(),
            alerts: BTreeMap::new(),
            dropped: (0, None),
        }
    }

    /// Takes in a word.
    pub(super) fn take(&mut self, word: Word, at: Timestamp) {
        match word {
            Word::Note(note) => self.note(&note, at),
            Word::View { cycle, from, view } => {
                self.peers.see(cycle, from, view);
                if from.is_none() {
                    self.follow(cycle, at);
                    self.incidents.view_conflict = None;
                }
            }
            Word::Heard { key, program } => self.peers.hear(&key, program.as_ref(), at),
            Word::Calendar(pox) => self.calendar.learn(*pox),
            Word::Tip { burn, stacks } => {
                self.calendar.reach(burn, at);
                // The answer may be older than the last block.
                let is_near = self.stacks.is_some_and(|known| known.get() <= stacks.get() + NEAR);
                self.stacks = if is_near { self.stacks.max(Some(stacks)) } else { Some(stacks) };
                self.answered_at = Some(at);
            }
            Word::Roster { cycle, signers } => self.peers.seat(cycle, signers),
            Word::NodeSwitched => {
                self.stacks = None;
                self.answered_at = None;
            }
        }
    }

    /// Our view may be of another tenure now.
    fn follow(&mut self, cycle: RewardCycle, at: Timestamp) {
        let Some(sight) = self.peers.ours(cycle) else { return };
        let tenure = super::compose::tenure_of(&sight.miner).unwrap_or_default();
        if self.tenure_since.as_ref().is_none_or(|(known, _)| *known != tenure) {
            self.tenure_since = Some((tenure, at));
        }
    }

    fn note(&mut self, note: &Note, at: Timestamp) {
        match note {
            Note::Registered { cycle, slot, weight, total, .. } => {
                let seat = Seat {
                    cycle: cycle.get(),
                    registered: true,
                    slot: Some(slot.get()),
                    weight: Some(weight.get().into()),
                    total: Some(total.get().into()),
                    reason: None,
                };
                self.seat(*cycle, seat);
            }
            Note::Watching { cycle, total } => {
                let total = Some(total.get().into());
                self.seat(*cycle, Seat { total, ..none(*cycle, "dry_run") });
            }
            Note::NotRegistered { cycle, reason } => {
                self.seat(*cycle, none(*cycle, &reason.label().replace('-', "_")));
            }
            Note::RegistrationDelayed { cycle, .. } => {
                self.seat(*cycle, none(*cycle, "registration_delayed"));
            }
            Note::CycleEnded { cycle } => {
                self.seats.remove(cycle);
                self.peers.leave(*cycle);
            }
            Note::SecondSeat { cycle, .. } => self.incidents.second_seat = Some((*cycle, at)),
            Note::VaultRefused { sighash, rival } => {
                // A block is its own rival while this instance signs nothing: then nothing was contradicted.
                if sighash != rival {
                    self.incidents.vault_refused = Some(at);
                }
                self.blocks.note(note, at, &mut self.latencies);
            }
            Note::ViewConflict { .. } => {
                self.incidents.view_conflict.get_or_insert(at);
            }
            Note::StacksBlock { height, .. } | Note::GloballyAccepted { height, .. } => {
                self.stacks = self.stacks.max(Some(*height));
                let seat = self.calendar.number().and_then(|cycle| self.seats.get(&cycle));
                self.blocks.is_elsewhere = seat.is_some_and(|seat| !seat.registered);
                self.blocks.note(note, at, &mut self.latencies);
            }
            Note::Capitulated { .. } => self.incidents.view_conflict = None,
            other => self.blocks.note(other, at, &mut self.latencies),
        }
    }

    fn seat(&mut self, cycle: RewardCycle, seat: Seat) {
        self.seats.insert(cycle, seat);
        while self.seats.len() > MAX_SEATS {
            self.seats.pop_first();
        }
    }

    /// Our seats, from the running cycle on.
    pub(super) fn seats(&self) -> impl Iterator<Item = &Seat> {
        let from = self.calendar.number().unwrap_or(RewardCycle::new(0));
        self.seats.range(from..).map(|(_, seat)| seat)
    }

    /// Looks how many callbacks have come and how many were dropped.
    pub(super) fn look_at(&mut self, callbacks: &CallbackQueue, now: Timestamp) {
        let stats = callbacks.stats();
        if stats.received > self.received {
            (self.received, self.called_at) = (stats.received, Some(now));
        }
        let dropped: u64 = stats.dropped.values().sum();
        if dropped > self.dropped.0 {
            self.dropped = (dropped, Some(now));
        }
    }

    /// Since when an alert is up that is up now.
    pub(super) fn up_since(&self, name: &str, now: Timestamp) -> u64 {
        self.alerts.get(name).copied().unwrap_or(now.as_millis())
    }

    /// Which alerts are up.
    pub(super) fn remember_alerts(&mut self, alerts: &[Alert]) {
        self.alerts = alerts.iter().map(|alert| (alert.name.clone(), alert.since)).collect();
    }

    /// Whether something happened within the last hour.
    pub(super) fn is_recent(at: Option<Timestamp>, now: Timestamp) -> bool {
        at.is_some_and(|at| now.since(at) <= HOUR)
    }
}

fn none(cycle: RewardCycle, reason: &str) -> Seat {
    Seat {
        cycle: cycle.get(),
        registered: false,
        slot: None,
        weight: None,
        total: None,
        reason: Some(reason.to_owned()),
    }
}

/// A node that is further back than this is, and has not only answered before it had the last block.
const NEAR: u64 = 5;
const HOUR: Millis = Millis::from_secs(3600);
/// The core knows of two cycles at a time.
const MAX_SEATS: usize = 4;
