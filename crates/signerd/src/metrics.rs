//! Every number that the daemon shows: the reference's names first, then our own.
//!
//! Their names, labels and meanings stand in `countersign_watch::registry`; a test compares this page with it.

mod chain;
mod housekeeping;
mod instance;
mod nodes;
mod proposed;
mod readiness;

use std::fmt;
use std::sync::atomic::AtomicU64;
use std::time::Instant;

use countersign_node::{CallbackQueue, DropReason};
use countersign_watch::registry::{Kind, Metric as Entry, own, reference};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric as _, MetricEncoder};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::{ConstCounter, Counter};
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::{ConstGauge, Gauge};
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Metric, Registry};

pub(crate) use chain::ChainMetrics;
pub(crate) use housekeeping::Housekeeping;
use instance::InstanceMetrics;
pub(crate) use nodes::NodeMetrics;
use proposed::ProposedMetrics;
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
    /// How long the journal takes to be on the disk, in seconds.
    pub(crate) journal_seconds: Histogram,
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
    /// What a later reference may show, too.
    pub(crate) proposed: ProposedMetrics,
    /// The chain, and the others.
    pub(crate) chain: ChainMetrics,
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
            validation_responses: from_zero(&reference::VALIDATION_RESPONSES),
            responses_sent: from_zero(&reference::RESPONSES_SENT),
            pre_commits_sent: Counter::default(),
            state_changes: from_zero(&reference::STATE_CHANGE_REASONS),
            state_conflicts: from_zero(&reference::STATE_CONFLICTS),
            rpc_latencies: HistogramFamily::new_with_constructor(|| Histogram::new(RPC_BUCKETS)),
            validation_latencies: Histogram::new(VALIDATION_BUCKETS),
            response_latencies: Histogram::new(RESPONSE_BUCKETS),
            capitulation_latencies: Histogram::new(CAPITULATION_BUCKETS),
            events: from_zero(&own::EVENTS),
            chunks_skipped: from_zero(&own::CHUNKS_SKIPPED),
            rejections: from_zero(&own::REJECTIONS_SENT),
            proposals_held: Counter::default(),
            vault_seconds: HistogramFamily::new_with_constructor(|| Histogram::new(STEP_BUCKETS)),
            journal_seconds: Histogram::new(STEP_BUCKETS),
            vault_outages: Counter::default(),
            step_seconds: Histogram::new(STEP_BUCKETS),
            publish_retries: from_zero(&own::PUBLISH_RETRIES),
            publish_dropped: from_zero(&own::PUBLISH_DROPPED),
            seats: SeatFamily::default(),
            proposed: ProposedMetrics::default(),
            chain: ChainMetrics::new(),
            nodes: NodeMetrics::new(),
            instance: InstanceMetrics::new(),
            readiness: ReadinessMetrics::new(),
        };
        let mut registry = Registry::default();
        metrics.register_reference(&mut registry);
        metrics.proposed.register(&mut registry);
        metrics.register_own(&mut registry);
        let started = Instant::now();
        registry.register_collector(Box::new(QueueCollector { queue, started }));
        (metrics, registry)
    }

    /// The names, types and labels of `signer-wire.md` section 10.
    fn register_reference(&self, to: &mut Registry) {
        show(to, &reference::STACKS_NODE_HEIGHT, &self.node_height);
        show(to, &reference::CURRENT_REWARD_CYCLE, &self.reward_cycle);
        show(to, &reference::STX_BALANCE, &self.stx_balance);
        show(to, &reference::NONCE, &self.nonce);
        show(to, &reference::PROPOSALS_RECEIVED, &self.proposals_received);
        show(to, &reference::VALIDATION_RESPONSES, &self.validation_responses);
        show(to, &reference::RESPONSES_SENT, &self.responses_sent);
        show(to, &reference::PRE_COMMITS_SENT, &self.pre_commits_sent);
        show(to, &reference::STATE_CHANGE_REASONS, &self.state_changes);
        show(to, &reference::STATE_CONFLICTS, &self.state_conflicts);
        show(to, &reference::RPC_LATENCIES, &self.rpc_latencies);
        show(to, &reference::VALIDATION_LATENCIES, &self.validation_latencies);
        show(to, &reference::RESPONSE_LATENCIES, &self.response_latencies);
        show(to, &reference::CAPITULATION_LATENCIES, &self.capitulation_latencies);
    }

    fn register_own(&self, to: &mut Registry) {
        show(to, &own::EVENTS, &self.events);
        show(to, &own::CHUNKS_SKIPPED, &self.chunks_skipped);
        show(to, &own::REJECTIONS_SENT, &self.rejections);
        show(to, &own::PROPOSALS_HELD, &self.proposals_held);
        show(to, &own::VAULT_SECONDS, &self.vault_seconds);
        show(to, &own::JOURNAL_SECONDS, &self.journal_seconds);
        show(to, &own::VAULT_OUTAGES, &self.vault_outages);
        show(to, &own::STEP_SECONDS, &self.step_seconds);
        show(to, &own::PUBLISH_RETRIES, &self.publish_retries);
        show(to, &own::PUBLISH_DROPPED, &self.publish_dropped);
        show(to, &own::SEAT_WEIGHT, &self.seats);
        self.chain.register(to);
        self.nodes.register(to);
        self.instance.register(to);
        self.readiness.register(to);
    }
}

/// Shows `metric` under the name of its entry; the names stand in [`countersign_watch::registry`] only.
fn show(to: &mut Registry, entry: &Entry, metric: &(impl Metric + Clone)) {
    to.register(entry.name, entry.help, metric.clone());
}

/// The counters that the listener keeps itself.
struct QueueCollector {
    queue: CallbackQueue,
    started: Instant,
}

impl fmt::Debug for QueueCollector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("QueueCollector")
    }
}

impl Collector for QueueCollector {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let stats = self.queue.stats();
        let waiting = [
            (&own::CALLBACKS_WAITING, stats.waiting),
            (&own::CALLBACK_BYTES_WAITING, stats.waiting_bytes),
        ];
        for (entry, value) in waiting {
            let metric = describe(&mut encoder, entry)?;
            ConstGauge::new(i64::try_from(value).unwrap_or(i64::MAX)).encode(metric)?;
        }
        let oldest = ConstGauge::new(stats.oldest_waits.as_secs_f64());
        oldest.encode(describe(&mut encoder, &own::CALLBACK_WAIT)?)?;
        let mut gaps = describe(&mut encoder, &own::CALLBACK_GAP)?;
        for path in own::CALLBACK_GAP.values("path") {
            let since = stats.last_arrival.get(path).unwrap_or(&self.started);
            let gap = ConstGauge::new(since.elapsed().as_secs_f64());
            gap.encode(gaps.encode_family(&[("path", *path)])?)?;
        }
        ConstCounter::new(stats.received)
            .encode(describe(&mut encoder, &own::CALLBACKS_RECEIVED)?)?;
        let mut metric = describe(&mut encoder, &own::CALLBACKS_DROPPED)?;
        for reason in DropReason::ALL {
            let labels = [("reason", reason.label())];
            let counter = ConstCounter::new(stats.dropped(reason));
            counter.encode(metric.encode_family(&labels)?)?;
        }
        Ok(())
    }
}

/// The head of a metric whose value is made when it is asked for.
fn describe<'a>(
    encoder: &'a mut DescriptorEncoder<'_>,
    entry: &Entry,
) -> Result<MetricEncoder<'a>, fmt::Error> {
    let kind = match entry.kind {
        Kind::Counter => MetricType::Counter,
        Kind::Gauge => MetricType::Gauge,
        Kind::Histogram => MetricType::Histogram,
    };
    // A registry adds the full stop itself, a collector does not.
    encoder.encode_descriptor(entry.name, &format!("{}.", entry.help), None, kind)
}

/// A family that shows every value of `entry`'s label from the start, so that a dashboard has a zero to
/// begin with.
fn from_zero(entry: &Entry) -> CounterFamily {
    let family = CounterFamily::default();
    for label in entry.labels {
        for value in entry.values(label.name) {
            drop(family.get_or_create(&vec![(label.name, *value)]));
        }
    }
    family
}

const RPC_BUCKETS: [f64; 11] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];
const VALIDATION_BUCKETS: [f64; 9] = [0.005, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0];
const RESPONSE_BUCKETS: [f64; 12] =
    [0.005, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0];
const CAPITULATION_BUCKETS: [f64; 9] = [0.0, 1.0, 3.0, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0];
const STEP_BUCKETS: [f64; 9] = [0.0001, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.25, 1.0];

#[cfg(test)]
mod tests;
