//! Numbers about the nodes, each under its address.

use countersign_watch::registry::own;
use countersign_wire::{BurnHeight, StacksHeight};
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

use super::{Count, CounterFamily, from_zero, show};
use crate::nodes::SwitchReason;

type GaugeFamily = Family<Vec<(&'static str, String)>, Count>;

/// Numbers about the nodes.
#[derive(Debug)]
pub(crate) struct NodeMetrics {
    /// 1 for the node that is asked, 0 for the others.
    active: GaugeFamily,
    /// 1 for a node that could be asked.
    healthy: GaugeFamily,
    burn_height: GaugeFamily,
    stacks_height: GaugeFamily,
    switches: CounterFamily,
}

impl NodeMetrics {
    /// Nothing is known yet.
    pub(crate) fn new() -> Self {
        Self {
            active: GaugeFamily::default(),
            healthy: GaugeFamily::default(),
            burn_height: GaugeFamily::default(),
            stacks_height: GaugeFamily::default(),
            switches: from_zero(&own::NODE_SWITCHES),
        }
    }

    pub(super) fn register(&self, to: &mut Registry) {
        show(to, &own::NODE_ACTIVE, &self.active);
        show(to, &own::NODE_SWITCHES, &self.switches);
        self.register_shared(to);
    }

    /// Those that an exporter beside another signer shows, too.
    pub(crate) fn register_shared(&self, to: &mut Registry) {
        show(to, &own::NODE_HEALTHY, &self.healthy);
        show(to, &own::NODE_BURN_HEIGHT, &self.burn_height);
        show(to, &own::NODE_STACKS_HEIGHT, &self.stacks_height);
    }

    /// Whether the node at `host` is the one that is asked.
    pub(crate) fn show_active(&self, host: &str, is_active: bool) {
        self.active.get_or_create(&label(host)).set(u64::from(is_active));
    }

    /// Whether the node at `host` could be asked.
    pub(crate) fn show_health(&self, host: &str, is_healthy: bool) {
        self.healthy.get_or_create(&label(host)).set(u64::from(is_healthy));
    }

    /// Where the chains of the node at `host` end.
    pub(crate) fn show_tip(&self, host: &str, burn: BurnHeight, stacks: StacksHeight) {
        self.burn_height.get_or_create(&label(host)).set(burn.get());
        self.stacks_height.get_or_create(&label(host)).set(stacks.get());
    }

    /// Another node is asked from now on.
    pub(crate) fn count_switch(&self, why: SwitchReason) {
        self.switches.get_or_create(&vec![("reason", why.label())]).inc();
    }
}

fn label(host: &str) -> Vec<(&'static str, String)> {
    vec![("host", host.to_owned())]
}
