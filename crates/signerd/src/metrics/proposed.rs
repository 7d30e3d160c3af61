//! Numbers under names that a later reference may have, too.

use countersign_signer::{Support, Timestamp};
use countersign_watch::registry::proposed;
use countersign_wire::{BurnHeight, Weight};
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

use super::{Count, show};

/// A gauge without labels that is absent while nobody can tell its value.
#[derive(Clone, Debug, Default)]
struct Known(Family<[(&'static str, &'static str); 0], Count>);

impl Known {
    fn set(&self, value: Option<u64>) {
        match value {
            Some(value) => {
                self.0.get_or_create(&[]).set(value);
            }
            None => {
                self.0.remove(&[]);
            }
        }
    }
}

/// Numbers that are proposed for stacks-signer (`countersign_watch::registry::proposed`).
#[derive(Debug, Default)]
pub(crate) struct ProposedMetrics {
    ready: Count,
    registered_now: Known,
    registered_next: Known,
    view_height: Known,
    view_changed: Known,
    node_height: Known,
    validations_pending: Count,
    state: StateMetrics,
}

/// How far the signers of the cycle are from agreeing on a state.
#[derive(Debug, Default)]
struct StateMetrics {
    available: Known,
    total: Known,
    known: Known,
    maximum: Known,
    agrees: Known,
    approves: Known,
}

impl StateMetrics {
    fn show(&self, support: Option<Support>) {
        let weight = |of: fn(&Support) -> Weight| support.as_ref().map(|it| of(it).get().into());
        self.available.set(support.map(|support| support.is_agreed.into()));
        self.total.set(weight(|support| support.total));
        self.known.set(weight(|support| support.known));
        self.maximum.set(weight(|support| support.greatest));
        self.agrees.set(weight(|support| Weight::agreement_threshold(support.total)));
        self.approves.set(weight(|support| Weight::approval_threshold(support.total)));
    }
}

impl ProposedMetrics {
    pub(super) fn register(&self, to: &mut Registry) {
        show(to, &proposed::RUNLOOP_READY, &self.ready);
        show(to, &proposed::PENDING_VALIDATIONS, &self.validations_pending);
        let known = [
            (&proposed::REGISTERED_NOW, &self.registered_now),
            (&proposed::REGISTERED_NEXT, &self.registered_next),
            (&proposed::STATE_BURN_HEIGHT, &self.view_height),
            (&proposed::STATE_CHANGED, &self.view_changed),
            (&proposed::COMPANION_BURN_HEIGHT, &self.node_height),
            (&proposed::STATE_AVAILABLE, &self.state.available),
            (&proposed::STATE_TOTAL, &self.state.total),
            (&proposed::STATE_KNOWN, &self.state.known),
            (&proposed::STATE_MAXIMUM, &self.state.maximum),
            (&proposed::STATE_AGREES, &self.state.agrees),
            (&proposed::STATE_APPROVES, &self.state.approves),
        ];
        for (entry, gauge) in known {
            show(to, entry, &gauge.0);
        }
    }

    /// The loop has begun.
    pub(crate) fn begin(&self) {
        self.ready.set(1);
    }

    /// Whether we have a seat in this cycle and in the next, as far as that is known.
    pub(crate) fn show_registered(&self, current: Option<bool>, next: Option<bool>) {
        self.registered_now.set(current.map(u64::from));
        self.registered_next.set(next.map(u64::from));
    }

    /// Our view is of this burn block now.
    pub(crate) fn show_view(&self, height: BurnHeight, at: Timestamp) {
        self.view_height.set(Some(height.get()));
        self.view_changed.set(Some(at.as_millis() / 1000));
    }

    /// What waits for the node, and what the signers of the cycle see.
    pub(crate) fn show_core(&self, pending: usize, support: Option<Support>) {
        self.validations_pending.set(u64::try_from(pending).unwrap_or(u64::MAX));
        self.state.show(support);
    }

    /// The node has said where it is.
    pub(crate) fn show_node(&self, height: BurnHeight) {
        self.node_height.set(Some(height.get()));
    }
}
