//! Whether this instance signs.

use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

use super::{Count, CounterFamily, Labels, with_labels};
use crate::instance::{GateState, Outcome};

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
            withheld: with_labels("payload", &PAYLOADS),
            compared: with_labels("outcome", &Outcome::ALL.map(Outcome::label)),
        }
    }

    pub(super) fn register(&self, to: &mut Registry) {
        let allowed = self.signing_allowed.clone();
        to.register("signing_allowed", "1 if this instance signs", allowed);
        let frozen = self.frozen.clone();
        to.register("frozen", "1 if signing stopped because another instance has the key", frozen);
        to.register("instance", "1 for the state of this instance", self.state.clone());
        let withheld = self.withheld.clone();
        to.register("withheld", "Orders that did not reach the vault, by payload", withheld);
        let compared = self.compared.clone();
        to.register(
            "standby_decisions",
            "Blocks on which a standby and the active instance decided, by outcome",
            compared,
        );
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

const PAYLOADS: [&str; 4] = ["acceptance", "rejection", "mock", "chunk"];
