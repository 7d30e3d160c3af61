//! Every number that the daemon shows: the reference's names first, then our own.
//!
//! `docs/metrics.md` lists them; a test compares it with this page.

mod instance;
mod nodes;
mod readiness;

use std::fmt;
use std::sync::atomic::AtomicU64;

use countersign_node::{CallbackQueue, DropReason};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric as _};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::{ConstCounter, Counter};
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::{ConstGauge, Gauge};
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use crate::intake::Skipped;
use instance::InstanceMetrics;
use nodes::NodeMetrics;
use readiness::ReadinessMetrics;

/// One label: its name and its value.
pub(crate) type Labels = Vec<(&'static str, &'static str)>;
type Count = Gauge<u64, AtomicU64>;
pub(crate) type SeatFamily = Family<[(&'static str, String); 2], Count>;
pub(crate) type CounterFamily = Family<Labels, Counter>;
/// A gauge per label.
type GaugeOfLabels = Family<Labels, Count>;
type HistogramFamily = Family<Labels, Histogram, fn() -> Histogram>;

/// All metrics. Counting never waits and cannot fail.
#[derive(Debug)]
pub(crate) struct Metrics {
    /// The node's Stacks tip height.
    pub(crate) node_height: Count,
    /// The reward cycle that the node is in.
    pub(crate) reward_cycle: Count,
    /// The balance of the signer's account, in µSTX.
    pub(crate) stx_balance: Count,
    /// The nonce of the signer's account.
    pub(crate) nonce: Count,
    /// Proposals that were judged.
    pub(crate) proposals_received: Counter,
    /// Verdicts of the node.
    pub(crate) validation_responses: CounterFamily,
    /// Responses that were given to the publisher.
    pub(crate) responses_sent: CounterFamily,
    /// Promises that were given to the publisher.
    pub(crate) pre_commits_sent: Counter,
    /// Changes of the own view.
    pub(crate) state_changes: CounterFamily,
    /// Differences between the own view and the majority's.
    pub(crate) state_conflicts: CounterFamily,
    /// How long the node takes to answer, in seconds.
    pub(crate) rpc_latencies: HistogramFamily,
    /// How long the node takes to validate a block, in seconds.
    pub(crate) validation_latencies: Histogram,
    /// From a block's timestamp to our response, in seconds.
    pub(crate) response_latencies: Histogram,
    /// How long it takes to adopt the majority's view, in seconds.
    pub(crate) capitulation_latencies: Histogram,
    /// Events that the core has handled.
    pub(crate) events: CounterFamily,
    /// Chunks that were skipped.
    pub(crate) chunks_skipped: CounterFamily,
    /// Our rejections by reason.
    pub(crate) rejections: CounterFamily,
    /// Proposals that wait for the signers to agree.
    pub(crate) proposals_held: Counter,
    /// How long the vault takes to record and sign, in seconds.
    pub(crate) vault_seconds: HistogramFamily,
    /// How often the vault's process was away when it was asked.
    pub(crate) vault_outages: Counter,
    /// How long the core and the store take for one event, in seconds.
    pub(crate) step_seconds: Histogram,
    /// Chunks that were written once more.
    pub(crate) publish_retries: CounterFamily,
    /// Messages that were never delivered.
    pub(crate) publish_dropped: CounterFamily,
    /// Our weight in each cycle in which we have a seat, by the key that has it.
    pub(crate) seats: SeatFamily,
    /// The nodes.
    pub(crate) nodes: NodeMetrics,
    /// Whether this instance signs.
    pub(crate) instance: InstanceMetrics,
    /// The ladder of readiness.
    pub(crate) readiness: ReadinessMetrics,
}

impl Metrics {
    /// All metrics at zero, and the registry that shows them together with `queue`'s.
    pub(crate) fn new(queue: CallbackQueue) -> (Self, Registry) {
        let metrics = Self {
            node_height: Count::default(),
            reward_cycle: Count::default(),
            stx_balance: Count::default(),
            nonce: Count::default(),
            proposals_received: Counter::default(),
            validation_responses: with_labels("response_type", &RESPONSE_TYPES),
            responses_sent: with_labels("response_type", &RESPONSE_TYPES),
            pre_commits_sent: Counter::default(),
            state_changes: with_labels("reason", &CHANGE_REASONS),
            state_conflicts: with_labels("conflict", &CONFLICTS),
            rpc_latencies: HistogramFamily::new_with_constructor(|| Histogram::new(RPC_BUCKETS)),
            validation_latencies: Histogram::new(VALIDATION_BUCKETS),
            response_latencies: Histogram::new(RESPONSE_BUCKETS),
            capitulation_latencies: Histogram::new(CAPITULATION_BUCKETS),
            events: CounterFamily::default(),
            chunks_skipped: with_labels("reason", &Skipped::ALL.map(Skipped::label)),
            rejections: CounterFamily::default(),
            proposals_held: Counter::default(),
            vault_seconds: HistogramFamily::new_with_constructor(|| Histogram::new(STEP_BUCKETS)),
            vault_outages: Counter::default(),
            step_seconds: Histogram::new(STEP_BUCKETS),
            publish_retries: with_labels("lane", &LANES),
            publish_dropped: with_labels("lane", &LANES),
            seats: SeatFamily::default(),
            nodes: NodeMetrics::new(),
            instance: InstanceMetrics::new(),
            readiness: ReadinessMetrics::new(),
        };
        let mut registry = Registry::default();
        metrics.register_reference(&mut registry);
        metrics.register_own(&mut registry);
        registry.register_collector(Box::new(QueueCollector(queue)));
        (metrics, registry)
    }

    /// The names, types and labels of `signer-wire.md` section 10.
    fn register_reference(&self, to: &mut Registry) {
        let to = to.sub_registry_with_prefix("stacks_signer");
        to.register("stacks_node_height", "The node's Stacks tip height", self.node_height.clone());
        to.register("current_reward_cycle", "The reward cycle", self.reward_cycle.clone());
        to.register("stx_balance", "The signer's balance in uSTX", self.stx_balance.clone());
        to.register("nonce", "The nonce of the signer's account", self.nonce.clone());
        let proposals = self.proposals_received.clone();
        to.register("block_proposals_received", "Block proposals received", proposals);
        let verdicts = self.validation_responses.clone();
        to.register("block_validation_responses", "Verdicts of the node", verdicts);
        let responses = self.responses_sent.clone();
        to.register("block_responses_sent", "Block responses sent", responses);
        let promises = self.pre_commits_sent.clone();
        to.register("block_pre_commits_sent", "Block pre-commits sent", promises);
        let changes = self.state_changes.clone();
        to.register("agreement_state_change_reasons", "Changes of the signer's view", changes);
        let conflicts = self.state_conflicts.clone();
        to.register("agreement_state_conflicts", "Differences to the majority's view", conflicts);
        let rpc = self.rpc_latencies.clone();
        to.register("node_rpc_call_latencies_histogram", "Seconds to answer of the node", rpc);
        let validation = self.validation_latencies.clone();
        to.register(
            "block_validation_latencies_histogram",
            "Seconds to validate a block",
            validation,
        );
        let response = self.response_latencies.clone();
        to.register(
            "block_response_latencies_histogram",
            "Seconds from a block's timestamp to the response",
            response,
        );
        let capitulation = self.capitulation_latencies.clone();
        to.register(
            "agreement_capitulation_latencies_histogram",
            "Seconds to adopt the majority's view",
            capitulation,
        );
    }

    fn register_own(&self, to: &mut Registry) {
        let to = to.sub_registry_with_prefix("countersign");
        to.register("events", "Events that were handled, by kind", self.events.clone());
        let skipped = self.chunks_skipped.clone();
        to.register("chunks_skipped", "StackerDB chunks that were skipped, by reason", skipped);
        let rejections = self.rejections.clone();
        to.register("rejections_sent", "Rejections sent, by reason", rejections);
        let held = self.proposals_held.clone();
        to.register("proposals_held", "Proposals that waited for the signers to agree", held);
        let vault = self.vault_seconds.clone();
        to.register("vault_seconds", "Seconds to record and sign, by payload", vault);
        let outages = self.vault_outages.clone();
        to.register("vault_outages", "Times that the vault's process was away when asked", outages);
        let step = self.step_seconds.clone();
        to.register("step_seconds", "Seconds to decide on an event and to store the step", step);
        let retries = self.publish_retries.clone();
        to.register("publish_retries", "Chunks that were written once more, by lane", retries);
        let dropped = self.publish_dropped.clone();
        to.register("publish_dropped", "Messages that were never delivered, by lane", dropped);
        let seats = self.seats.clone();
        to.register("seat_weight", "Our weight in a reward cycle, by key and cycle", seats);
        self.nodes.register(to);
        self.instance.register(to);
        self.readiness.register(to);
    }
}

/// The counters that the listener keeps itself.
struct QueueCollector(CallbackQueue);

impl fmt::Debug for QueueCollector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("QueueCollector")
    }
}

impl Collector for QueueCollector {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let stats = self.0.stats();
        let waiting = [
            ("countersign_callbacks_waiting", "Callbacks that wait.", stats.waiting),
            (
                "countersign_callback_bytes_waiting",
                "Bytes of waiting callbacks.",
                stats.waiting_bytes,
            ),
        ];
        for (name, help, value) in waiting {
            let metric = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
            ConstGauge::new(i64::try_from(value).unwrap_or(i64::MAX)).encode(metric)?;
        }
        let (name, help) = ("countersign_callbacks_received", "Callbacks that were taken.");
        let metric = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
        ConstCounter::new(stats.received).encode(metric)?;
        let (name, help) =
            ("countersign_callbacks_dropped", "Callbacks that were dropped, by reason.");
        let mut metric = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
        for reason in DropReason::ALL {
            let labels = [("reason", reason.label())];
            let counter = ConstCounter::new(stats.dropped(reason));
            counter.encode(metric.encode_family(&labels)?)?;
        }
        Ok(())
    }
}

/// A family that shows these values from the start, so that a dashboard has a zero to begin with.
fn with_labels(name: &'static str, values: &[&'static str]) -> CounterFamily {
    let family = CounterFamily::default();
    for value in values {
        drop(family.get_or_create(&vec![(name, *value)]));
    }
    family
}

const RESPONSE_TYPES: [&str; 2] = ["accepted", "rejected"];
const LANES: [&str; 3] = ["responses", "state_updates", "pre_commits"];
const CHANGE_REASONS: [&str; 6] = [
    "burn_block_arrival",
    "stacks_block_arrival",
    "inactive_miner",
    "protocol_upgrade",
    "miner_view_update",
    "miner_parent_tenure_update",
];
const CONFLICTS: [&str; 3] = ["burn_block_delay", "stacks_block_delay", "miner_view"];

const RPC_BUCKETS: [f64; 11] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];
const VALIDATION_BUCKETS: [f64; 9] = [0.005, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0];
const RESPONSE_BUCKETS: [f64; 12] =
    [0.005, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0];
const CAPITULATION_BUCKETS: [f64; 9] = [0.0, 1.0, 3.0, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0];
const STEP_BUCKETS: [f64; 9] = [0.0001, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.25, 1.0];

#[cfg(test)]
mod tests;
