//! The ladder as numbers.

use countersign_watch::registry::own;
use prometheus_client::registry::Registry;

use super::{Count, GaugeOfLabels, show};
use crate::readiness::{Ladder, Rung};

/// The ladder as numbers.
#[derive(Debug)]
pub(crate) struct ReadinessMetrics {
    /// 1 if every rung holds.
    ready: Count,
    /// 1 for each rung that holds.
    rungs: GaugeOfLabels,
}

impl ReadinessMetrics {
    pub(super) fn new() -> Self {
        let rungs = GaugeOfLabels::default();
        for rung in Rung::ALL {
            drop(rungs.get_or_create(&vec![("rung", rung.label())]));
        }
        Self { ready: Count::default(), rungs }
    }

    pub(super) fn register(&self, to: &mut Registry) {
        show(to, &own::READY, &self.ready);
        show(to, &own::READINESS, &self.rungs);
    }

    /// The ladder as it is now.
    pub(crate) fn show(&self, ladder: &Ladder) {
        self.ready.set(u64::from(ladder.is_ready()));
        for step in &ladder.rungs {
            let rung = vec![("rung", step.rung.label())];
            self.rungs.get_or_create(&rung).set(u64::from(step.holds));
        }
    }
}
