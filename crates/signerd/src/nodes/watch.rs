//! Looks at every node from time to time, keeps the score, and says which one should be asked.

use std::sync::Arc;
use std::time::Duration;

use countersign_node::NodeClient;
use countersign_wire::ChainId;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use super::score::{Condition, Reason, Scores, Switch};
use super::sight::{Look, Sight, Tip};
use super::{Node, Nodes};
use crate::metrics::Metrics;

/// The task that watches.
pub(crate) struct NodeWatch {
    nodes: Nodes,
    chain_id: ChainId,
    pause: Duration,
    metrics: Arc<Metrics>,
    /// What was last said about each node.
    told: Vec<Condition>,
}

impl NodeWatch {
    /// A watch over `nodes`, which must be on `chain_id`, with a look at each every `pause`.
    pub(crate) fn new(
        nodes: Nodes,
        chain_id: ChainId,
        pause: Duration,
        metrics: Arc<Metrics>,
    ) -> Self {
        let told = vec![Condition::Well; nodes.all().len()];
        let watch = Self { nodes, chain_id, pause, metrics, told };
        watch.show_active(watch.nodes.active_index());
        watch
    }

    /// Runs until `stop` is cancelled. Where there is nothing to choose, nobody is looked at.
    pub(crate) async fn run(mut self, stop: CancellationToken) {
        if self.nodes.all().len() < 2 {
            return stop.cancelled().await;
        }
        let mut scores = Scores::of(self.nodes.all().len());
        let mut ticks = interval(self.pause.max(MIN_PAUSE));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let watch = async {
            loop {
                ticks.tick().await;
                let looks = self.look(&scores).await;
                if let Some(switch) = scores.round(&looks) {
                    self.switch(switch);
                }
                self.tell(&scores, &looks);
            }
        };
        tokio::select! {
            () = watch => {}
            () = stop.cancelled() => {}
        }
    }

    /// Two questions to each node at most: where it is, and whether it has the active node's tip.
    async fn look(&self, scores: &Scores) -> Vec<Look> {
        let chain_id = self.chain_id;
        let all: Vec<usize> = (0..self.nodes.all().len()).collect();
        let seen = self.ask(&all, |client| async move { sight(&client, chain_id).await }).await;
        let mut sights = vec![Sight::Silent; all.len()];
        for (index, sight) in seen {
            if let Some(place) = sights.get_mut(index) {
                *place = sight;
            }
        }
        let mut looks: Vec<Look> =
            sights.iter().map(|sight| Look { sight: *sight, has_active_tip: None }).collect();
        let Some(reference) = scores.reference(&sights) else { return looks };
        let is_asked = |index: &usize| match sights.get(*index) {
            Some(Sight::At(tip)) => tip.must_be_compared(&reference),
            _ => false,
        };
        let asked: Vec<usize> = all.into_iter().filter(is_asked).collect();
        for (index, has_tip) in self.ask(&asked, move |client| has_tip(client, reference)).await {
            if let Some(look) = looks.get_mut(index) {
                look.has_active_tip = has_tip;
            }
        }
        looks
    }

    /// Asks these nodes the same at the same time.
    async fn ask<T: Send + 'static, F: Future<Output = T> + Send + 'static>(
        &self,
        nodes: &[usize],
        ask: impl Fn(NodeClient) -> F,
    ) -> Vec<(usize, T)> {
        let mut asking = JoinSet::new();
        for index in nodes {
            if let Some(node) = self.nodes.all().get(*index) {
                let (index, answer) = (*index, ask(node.glance.clone()));
                asking.spawn(async move { (index, answer.await) });
            }
        }
        asking.join_all().await
    }

    fn switch(&self, switch: Switch) {
        let (from, to) = (self.host(switch.from), self.host(switch.to));
        let reason = switch.why.label();
        match switch.why {
            Reason::Silent => {
                tracing::warn!(reason, "switching from {from} to {to} because {from} is silent");
            }
            Reason::WrongNetwork => tracing::warn!(
                reason,
                "switching from {from} to {to} because {from} is on another network"
            ),
            Reason::Late => {
                tracing::warn!(reason, "switching from {from} to {to} because {from} stays behind");
            }
            Reason::Preferred => {
                tracing::info!(reason, "switching from {from} to {to} because {to} is well again");
            }
        }
        self.metrics.nodes.count_switch(switch.why);
        self.show_active(switch.to);
        self.nodes.want(switch.to);
    }

    /// One line for each change of a node's condition.
    fn tell(&mut self, scores: &Scores, looks: &[Look]) {
        for ((index, node), told) in self.nodes.all().iter().enumerate().zip(&mut self.told) {
            let condition = scores.condition(index);
            self.metrics.nodes.show_health(&node.host, condition == Condition::Well);
            if let Some(Look { sight: Sight::At(tip), .. }) = looks.get(index) {
                self.metrics.nodes.show_tip(&node.host, tip.burn_height, tip.stacks_height);
            }
            if *told != condition {
                *told = condition;
                say(&node.host, condition);
            }
        }
    }

    fn show_active(&self, active: usize) {
        for (index, node) in self.nodes.all().iter().enumerate() {
            self.metrics.nodes.show_active(&node.host, index == active);
        }
    }

    fn host(&self, index: usize) -> &str {
        self.nodes.all().get(index).map_or("", |node: &Node| &node.host)
    }
}

fn say(node: &str, condition: Condition) {
    match condition {
        Condition::Well => tracing::info!(node, "a node is well again"),
        Condition::Silent => tracing::warn!(node, "a node is silent"),
        Condition::WrongNetwork => tracing::error!(
            node,
            "a node is on another network and is not used; correct `node_host` or `fallback_nodes`"
        ),
        Condition::Late => tracing::warn!(node, "a node stays behind the others"),
        Condition::Apart => {
            tracing::warn!(node, "a node is on another fork than the one that is asked");
        }
    }
}

async fn sight(client: &NodeClient, chain_id: ChainId) -> Sight {
    match client.info().await {
        Ok(info) if info.network_id != chain_id => Sight::Elsewhere,
        Ok(info) => Sight::At(Tip {
            burn_height: info.burn_block_height,
            consensus_hash: info.pox_consensus,
            stacks_height: info.stacks_tip_height,
        }),
        Err(error) => {
            tracing::debug!(%error, "a node does not say where it is");
            Sight::Silent
        }
    }
}

async fn has_tip(client: NodeClient, reference: Tip) -> Option<bool> {
    let sortition = client.sortition_by_consensus(reference.consensus_hash).await.ok()?;
    Some(sortition.is_some_and(|found| found.consensus_hash == reference.consensus_hash))
}

/// A pause of zero would spin.
const MIN_PAUSE: Duration = Duration::from_millis(50);

#[cfg(test)]
mod tests;
