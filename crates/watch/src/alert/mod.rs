//! Alerts: what is wrong, how it is told, and what to do about it.
//!
//! Each has a page of its own, made from the same entry as the rule, and a story that fires it: a test runs all
//! of them through `promtool test rules`, and a healthy story in which none may fire.

mod cap;
mod chain;
mod commands;
mod countersign;
mod foreign;
mod page;
mod plumbing;
mod rules;
mod signer;
mod tests_for_promtool;
mod upkeep;

use crate::promql::Expr;
use crate::registry::Metric;

pub use cap::WeightCap;
pub use page::{page, page_path, table};
pub use rules::{rules, rules_with};
pub use tests_for_promtool::promtool_tests;

/// The jobs of Prometheus, by which rules tell programs apart. Whoever renders `prometheus.yml` names them so.
pub mod jobs {
    /// `countersign run`.
    pub const SIGNER: &str = "countersign";
    /// `countersign exporter`.
    pub const EXPORTER: &str = "countersign-exporter";
    /// The reference's stacks-signer.
    pub const REFERENCE: &str = "stacks-signer";
    /// stacks-node.
    pub const NODE: &str = "stacks-node";
    /// sbtc-signer.
    pub const SBTC: &str = "sbtc-signer";
    /// node_exporter.
    pub const HOST: &str = "host";

    /// Every job.
    pub const ALL: [&str; 6] = [SIGNER, EXPORTER, REFERENCE, NODE, SBTC, HOST];
}

/// How urgent an alert is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Wake somebody: signatures are missing, or will be within hours.
    Page,
    /// Within the working day.
    Ticket,
    /// To know.
    Info,
    /// Fires always; its silence is the alarm.
    Heartbeat,
}

impl Severity {
    /// The value of the label `severity`.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Page => "page",
            Self::Ticket => "ticket",
            Self::Info => "info",
            Self::Heartbeat => "heartbeat",
        }
    }
}

/// Which programs an alert is about. Each is a group of rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Group {
    /// Any Stacks signer: only what stacks-signer 4.0.2 shows, too.
    Signer,
    /// `countersign run`.
    Countersign,
    /// What `countersign run` and `countersign exporter` know of the chain and of jobs.
    Upkeep,
    /// stacks-node.
    Node,
    /// sbtc-signer 1.3.3.
    Sbtc,
    /// The machine.
    Host,
    /// The watching itself.
    Watching,
}

impl Group {
    /// Every group, in the order of the rules.
    pub const ALL: [Self; 7] = [
        Self::Signer,
        Self::Countersign,
        Self::Upkeep,
        Self::Node,
        Self::Sbtc,
        Self::Host,
        Self::Watching,
    ];

    /// Its name, which is also the value of the label `group`.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Signer => "signer",
            Self::Countersign => "countersign",
            Self::Upkeep => "upkeep",
            Self::Node => "node",
            Self::Sbtc => "sbtc",
            Self::Host => "host",
            Self::Watching => "watching",
        }
    }
}

/// One alert.
#[derive(Clone, Copy, Debug)]
pub struct Alert {
    /// Its name, in one word.
    pub name: &'static str,
    /// How urgent it is.
    pub severity: Severity,
    /// Whom it is about.
    pub group: Group,
    /// Alerts about the same thing: of these only the most urgent is told.
    pub topic: &'static str,
    /// What must hold.
    pub when: fn() -> Expr,
    /// For how many minutes.
    pub minutes: u32,
    /// The threshold in words.
    pub threshold: &'static str,
    /// Where the threshold comes from.
    pub source: &'static str,
    /// What is wrong, in one line; may name labels as `{{ $labels.host }}`.
    pub summary: &'static str,
    /// What to do about it.
    pub runbook: Runbook,
    /// What makes it fire.
    pub story: &'static [Sample],
    /// The minute of the story at which it must fire.
    pub fires_at: u32,
}

/// The page of an alert.
#[derive(Clone, Copy, Debug)]
pub struct Runbook {
    /// What it means for the network and for the operator.
    pub meaning: &'static str,
    /// What to look at, in this order.
    pub look: &'static [&'static str],
    /// Commands that show what is wrong, for root on the host that the alert names. They change nothing. A test
    /// carries out each of them on a host that was rendered.
    pub commands: &'static [&'static str],
    /// Commands that mend it, for after the look, in this order; none if that depends on what was seen.
    pub mend: &'static [&'static str],
    /// When to call somebody else, and whom.
    pub escalate: &'static str,
}

/// A series of a story, in `promtool`'s notation of one value a minute.
#[derive(Clone, Copy, Debug)]
pub struct Sample {
    /// The metric.
    pub metric: &'static Metric,
    /// What its name ends in: `_bucket` or `_count` of a histogram, otherwise nothing.
    pub ending: &'static str,
    /// Its labels, `job` and `instance` among them.
    pub labels: &'static [(&'static str, &'static str)],
    /// Its values.
    pub values: &'static str,
}

/// Every alert, by group.
pub fn all() -> impl Iterator<Item = &'static Alert> {
    let tables = [
        signer::ALERTS,
        countersign::ALERTS,
        plumbing::ALERTS,
        chain::ALERTS,
        upkeep::ALERTS,
        foreign::ALERTS,
    ];
    Group::ALL.into_iter().flat_map(move |group| {
        tables.into_iter().flatten().filter(move |alert| alert.group == group)
    })
}

/// The alert of a name.
pub fn find(name: &str) -> Option<&'static Alert> {
    all().find(|alert| alert.name == name)
}

/// A series of a story.
const fn sample(
    metric: &'static Metric,
    labels: &'static [(&'static str, &'static str)],
    values: &'static str,
) -> Sample {
    Sample { metric, ending: "", labels, values }
}

/// A series of a histogram.
const fn part(
    metric: &'static Metric,
    ending: &'static str,
    labels: &'static [(&'static str, &'static str)],
    values: &'static str,
) -> Sample {
    Sample { metric, ending, labels, values }
}

#[cfg(test)]
mod tests;
