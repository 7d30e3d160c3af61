//! What the chain says about us, and about the others.

use std::collections::BTreeMap;

use countersign_watch::registry::own;
use countersign_wire::{PublicKey, RewardCycle};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

use super::{Count, CounterFamily, GaugeOfLabels, SeatFamily, from_zero, show};
use crate::attendance::Cause;

/// Gauges with one label whose values are not known beforehand.
type NamedFamily = Family<[(&'static str, String); 1], Count>;

/// Numbers about the chain.
#[derive(Debug)]
pub(crate) struct ChainMetrics {
    adopted: Counter,
    missed: CounterFamily,
    signed: SeatFamily,
    registered: GaugeOfLabels,
    total_weight: NamedFamily,
    peers: NamedFamily,
    /// Burn blocks until the next cycle; none before the node has told the lengths.
    blocks_left: Family<[(&'static str, &'static str); 0], Count>,
    behind_peers: Family<[(&'static str, &'static str); 0], Count>,
}

impl ChainMetrics {
    /// Nothing is known yet.
    pub(crate) fn new() -> Self {
        Self {
            adopted: Counter::default(),
            missed: from_zero(&own::BLOCKS_MISSED),
            signed: SeatFamily::default(),
            registered: GaugeOfLabels::default(),
            total_weight: NamedFamily::default(),
            peers: NamedFamily::default(),
            blocks_left: Family::default(),
            behind_peers: Family::default(),
        }
    }

    pub(super) fn register(&self, to: &mut Registry) {
        show(to, &own::BLOCKS_ADOPTED, &self.adopted);
        show(to, &own::BLOCKS_MISSED, &self.missed);
        show(to, &own::TOTAL_WEIGHT, &self.total_weight);
        show(to, &own::PEER_WEIGHT, &self.peers);
        self.register_shared(to);
    }

    /// Those that an exporter beside another signer shows, too.
    pub(crate) fn register_shared(&self, to: &mut Registry) {
        show(to, &own::REGISTERED, &self.registered);
        show(to, &own::CYCLE_BLOCKS_LEFT, &self.blocks_left);
        show(to, &own::BLOCKS_SIGNED, &self.signed);
        show(to, &own::NODE_BEHIND_PEERS, &self.behind_peers);
    }

    /// Goes on with what was counted before a restart: blocks that were missed meanwhile are told before anybody reads
    /// this page again, and would be lost in a count from zero.
    pub(crate) fn resume(&self, adopted: u64, missed: &BTreeMap<String, u64>) {
        self.adopted.inc_by(adopted);
        for cause in own::BLOCKS_MISSED.values("cause") {
            let before = missed.get(*cause).copied().unwrap_or(0);
            self.missed.get_or_create(&vec![("cause", *cause)]).inc_by(before);
        }
    }

    /// A block became part of the chain in a cycle in which we have a seat.
    pub(crate) fn count_adopted(&self) {
        self.adopted.inc();
    }

    /// It has no signature of ours.
    pub(crate) fn count_missed(&self, cause: Cause) {
        self.missed.get_or_create(&vec![("cause", cause.label())]).inc();
    }

    /// The node's count of our blocks in a cycle. Other cycles are history.
    pub(crate) fn show_signed(&self, key: &PublicKey, cycle: RewardCycle, blocks: u64) {
        let labels = [("key", key.to_string()), ("cycle", cycle.to_string())];
        self.signed.get_or_create(&labels).set(blocks);
        if let Some(before) = cycle.get().checked_sub(2) {
            self.signed.remove(&[("key", key.to_string()), ("cycle", before.to_string())]);
        }
    }

    /// Whether we have a seat in this cycle and in the next, as far as that is known.
    pub(crate) fn show_registered(&self, current: Option<bool>, next: Option<bool>) {
        for (cycle, has_seat) in [("current", current), ("next", next)] {
            let labels = vec![("cycle", cycle)];
            match has_seat {
                Some(has_seat) => {
                    self.registered.get_or_create(&labels).set(u64::from(has_seat));
                }
                None => {
                    self.registered.remove(&labels);
                }
            }
        }
    }

    /// Burn blocks until the next cycle begins.
    pub(crate) fn show_blocks_left(&self, blocks: u64) {
        self.blocks_left.get_or_create(&[]).set(blocks);
    }

    /// Stacks blocks that the node is behind its highest peer; none if it does not say.
    pub(crate) fn show_behind_peers(&self, blocks: Option<u64>) {
        match blocks {
            Some(blocks) => {
                self.behind_peers.get_or_create(&[]).set(blocks);
            }
            None => {
                self.behind_peers.remove(&[]);
            }
        }
    }

    /// Everybody's weight in a cycle in which we have a seat; none when it is over.
    pub(crate) fn show_total(&self, cycle: RewardCycle, weight: Option<u64>) {
        let labels = [("cycle", cycle.to_string())];
        match weight {
            Some(weight) => {
                self.total_weight.get_or_create(&labels).set(weight);
            }
            None => {
                self.total_weight.remove(&labels);
            }
        }
    }

    /// The weight of each version; those that are not named any more go.
    pub(crate) fn show_peers(&self, weights: &BTreeMap<&str, u64>) {
        self.peers.clear();
        for (version, weight) in weights {
            self.peers.get_or_create(&[("server_version", (*version).to_owned())]).set(*weight);
        }
    }
}

#[cfg(test)]
impl ChainMetrics {
    /// How many blocks became part of the chain.
    pub(crate) fn adopted(&self) -> u64 {
        self.adopted.get()
    }

    /// How many of them we missed for this cause.
    pub(crate) fn missed(&self, cause: &'static str) -> u64 {
        self.missed.get_or_create(&vec![("cause", cause)]).get()
    }
}
