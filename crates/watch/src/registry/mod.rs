//! The one table of metrics. What is shown, documented, alerted on or drawn is an entry of it.
//!
//! The entries of [`mod@reference`], [`mod@proposed`] and [`mod@own`] are what our programs show: they register themselves from here, and a
//! test compares `/metrics`, `docs/metrics.md` and this table. The entries of [`foreign`] are what programs of
//! others show; alert rules for their hosts may name nothing else.

pub mod foreign;
pub mod own;
pub mod proposed;
pub mod reference;

use std::fmt::Write as _;

/// One metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Metric {
    /// The name, as it stands on the page. Counters have no `_total` ending unless it is part of the name.
    pub name: &'static str,
    /// What sort of number it is.
    pub kind: Kind,
    /// What its number counts.
    pub unit: Unit,
    /// Its labels, in the order in which they are documented.
    pub labels: &'static [Label],
    /// What it means, in a few words that follow its labels; no full stop.
    pub help: &'static str,
    /// Who shows it.
    pub origin: Origin,
}

/// What sort of number a metric is, in the words of the exposition format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Only grows, and begins again at zero with the process unless it says that it goes on.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Counts in buckets, with `_bucket`, `_sum` and `_count`.
    Histogram,
}

impl Kind {
    /// The word in `# TYPE`.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

/// What a metric's number counts. Dashboards choose the axis by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Things: events, messages, blocks.
    Count,
    /// 1 or 0.
    Truth,
    /// A duration.
    Seconds,
    /// A time, in seconds since 1970.
    Timestamp,
    /// Memory or bodies.
    Bytes,
    /// A height of a chain, or a reward cycle.
    Height,
    /// Signing weight: slots in the reward set.
    Weight,
    /// 10⁻⁶ STX.
    MicroStx,
}

/// A label of a metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Label {
    /// Its name.
    pub name: &'static str,
    /// What it may say.
    pub values: Values,
}

/// What a label may say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Values {
    /// One of these.
    Closed(&'static [&'static str]),
    /// Whatever the installation has: hosts, keys, services. Bounded by it.
    Open,
}

/// Who shows a metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Origin {
    /// stacks-signer 4.0.2, and `countersign run` under the same name.
    Reference,
    /// A later stacks-signer, if a proposal is taken, and `countersign run` under the same name.
    Proposed,
    /// `countersign run`.
    Daemon,
    /// `countersign run` and `countersign exporter`.
    Everywhere,
    /// `countersign exporter`.
    Exporter,
    /// sbtc-signer 1.3.3.
    Sbtc,
    /// stacks-node 4.0.x.
    Node,
    /// Prometheus itself, about each target.
    Prometheus,
    /// node_exporter, about the machine.
    Host,
}

impl Origin {
    /// Whether `countersign run` shows metrics of this origin.
    pub const fn is_on_the_daemons_page(self) -> bool {
        matches!(self, Self::Reference | Self::Proposed | Self::Daemon | Self::Everywhere)
    }

    /// Whether `countersign exporter` shows metrics of this origin.
    pub const fn is_on_the_exporters_page(self) -> bool {
        matches!(self, Self::Exporter | Self::Everywhere)
    }
}

impl Metric {
    /// The values of a label from the closed list; empty if there is no such label or its values are open.
    pub fn values(&self, label: &str) -> &'static [&'static str] {
        match self.labels.iter().find(|candidate| candidate.name == label).map(|l| l.values) {
            Some(Values::Closed(values)) => values,
            Some(Values::Open) | None => &[],
        }
    }

    /// Whether series of this metric have `label`.
    pub fn has_label(&self, label: &str) -> bool {
        self.labels.iter().any(|candidate| candidate.name == label)
    }

    /// Its row in the tables of `docs/metrics.md`.
    pub fn row(&self) -> String {
        let mut labels = Vec::new();
        for label in self.labels {
            let mut text = format!("`{}`", label.name);
            if let Values::Closed(values) = label.values {
                let values: Vec<String> = values.iter().map(|value| format!("`{value}`")).collect();
                let _ = write!(text, " = {}", values.join(", "));
            }
            labels.push(text);
        }
        let labels = labels.join("; ");
        let separator = if labels.is_empty() { "" } else { ": " };
        format!("| `{}` | {} | {labels}{separator}{} |", self.name, self.kind.word(), self.help)
    }
}

/// Every metric, those of others included.
pub fn all() -> impl Iterator<Item = &'static Metric> {
    [reference::ALL, proposed::ALL, own::ALL, foreign::ALL].into_iter().flatten().copied()
}

/// What `countersign run` shows.
pub fn on_the_daemons_page() -> impl Iterator<Item = &'static Metric> {
    all().filter(|metric| metric.origin.is_on_the_daemons_page())
}

/// What `countersign exporter` shows.
pub fn on_the_exporters_page() -> impl Iterator<Item = &'static Metric> {
    all().filter(|metric| metric.origin.is_on_the_exporters_page())
}

/// The entry of a name.
pub fn find(name: &str) -> Option<&'static Metric> {
    all().find(|metric| metric.name == name)
}

/// The entry behind the name of a series: a histogram has three series that are not called as it is.
pub fn find_series(name: &str) -> Option<&'static Metric> {
    find(name).filter(|metric| metric.kind != Kind::Histogram).or_else(|| {
        let endings = ["_bucket", "_sum", "_count"];
        let family = endings.iter().find_map(|ending| name.strip_suffix(ending))?;
        find(family).filter(|metric| metric.kind == Kind::Histogram)
    })
}

/// The table of one or several origins, as it stands in `docs/metrics.md`.
pub fn table(origins: &[Origin]) -> String {
    let mut text = String::from("| name | type | labels and meaning |\n| --- | --- | --- |\n");
    for metric in all().filter(|metric| origins.contains(&metric.origin)) {
        text.push_str(&metric.row());
        text.push('\n');
    }
    text
}

/// Declares entries and the list of them: `NAME = origin kind unit "name" [labels] "help";`.
macro_rules! metrics {
    ($($id:ident = $origin:ident $kind:ident $unit:ident $name:literal [$($label:expr),* $(,)?] $help:literal;)*) => {
        $(
            #[doc = $help]
            pub const $id: $crate::registry::Metric = $crate::registry::Metric {
                name: $name,
                kind: $crate::registry::Kind::$kind,
                unit: $crate::registry::Unit::$unit,
                labels: &[$($label),*],
                help: $help,
                origin: $crate::registry::Origin::$origin,
            };
        )*
        /// Every entry of this table, in its order.
        pub const ALL: &[&$crate::registry::Metric] = &[$(&$id),*];
    };
}
use metrics;

const fn open(name: &'static str) -> Label {
    Label { name, values: Values::Open }
}

const fn closed(name: &'static str, values: &'static [&'static str]) -> Label {
    Label { name, values: Values::Closed(values) }
}

#[cfg(test)]
mod tests;
