//! Numbers about the nodes, each under its address.

use countersign_wire::{BurnHeight, StacksHeight};
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

use super::{Count, CounterFamily, with_labels};
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
    pub(super) fn new() -> Self {
        Self {
            active: GaugeFamily::default(),
            healthy: GaugeFamily::default(),
            burn_height: GaugeFamily::default(),
            stacks_height: GaugeFamily::default(),
            switches: with_labels("reason", &SwitchReason::ALL.map(SwitchReason::label)),
        }
    }

    pub(super) fn register(&self, to: &mut Registry) {
        to.register("node_active", "Whether this node is asked", self.active.clone());
        to.register("node_healthy", "Whether this node could be asked", self.healthy.clone());
        let burn = self.burn_height.clone();
        to.register("node_burn_height", "Height of this node's burn tip", burn);
        let stacks = self.stacks_height.clone();
        to.register("node_stacks_height", "Height of this node's Stacks tip", stacks);
        let switches = self.switches.clone();
        to.register("node_switches", "Changes of the node that is asked, by reason", switches);
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
