//! Whether this instance signs.

use countersign_watch::registry::own;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

use super::{Count, CounterFamily, Labels, from_zero, show};
use crate::instance::GateState;

/// The numbers about the gate.
#[derive(Debug)]
pub(crate) struct InstanceMetrics {
    signing_allowed: Count,
    frozen: Count,
    state: Family<Labels, Count>,
    /// Orders that did not reach the vault.
    pub(crate) withheld: CounterFamily,
    /// Blocks for which a standby's decision was compared with that of the instance that signs.
    pub(crate) compared: CounterFamily,
}

impl InstanceMetrics {
    pub(super) fn new() -> Self {
        Self {
            signing_allowed: Count::default(),
            frozen: Count::default(),
            state: Family::default(),
            withheld: from_zero(&own::WITHHELD),
            compared: from_zero(&own::STANDBY_DECISIONS),
        }
    }

    pub(super) fn register(&self, to: &mut Registry) {
        show(to, &own::SIGNING_ALLOWED, &self.signing_allowed);
        show(to, &own::FROZEN, &self.frozen);
        show(to, &own::INSTANCE, &self.state);
        show(to, &own::WITHHELD, &self.withheld);
        show(to, &own::STANDBY_DECISIONS, &self.compared);
    }

    /// Shows a state.
    pub(crate) fn show(&self, state: GateState) {
        self.signing_allowed.set(u64::from(state == GateState::Open));
        self.frozen.set(u64::from(state == GateState::Frozen));
        for other in GateState::ALL {
            let gauge = self.state.get_or_create(&vec![("state", other.label())]);
            gauge.set(u64::from(other == state));
        }
    }
}
