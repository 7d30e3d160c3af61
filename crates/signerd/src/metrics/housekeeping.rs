//! What is read when the page is asked for: the records of jobs, certificates, and who we are.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use countersign_node::TlsSettings;
use countersign_node::tls::certificate_dates;
use countersign_ops::records::{self, Outcome, Reading, Record};
use countersign_watch::registry::{Metric as Entry, own};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric as _};
use prometheus_client::metrics::gauge::ConstGauge;

use super::describe;
use crate::config::Config;

/// Shows what jobs have left behind, when certificates expire, and who we are.
#[derive(Debug)]
pub(crate) struct Housekeeping {
    /// The folder of the records; none if nothing is kept.
    pub(crate) records: Option<PathBuf>,
    /// Our certificates, by the name that they are shown with.
    pub(crate) certificates: Vec<(String, PathBuf)>,
    /// When the process started, in seconds since 1970.
    pub(crate) started: u64,
}

impl Housekeeping {
    /// For the daemon of this configuration.
    pub(crate) fn of(config: &Config) -> Self {
        let named = |name: &str, tls: &TlsSettings| (name.to_owned(), tls.certificate().to_owned());
        let own = config.tls.iter().map(|tls| named("tls", tls));
        let to_node = config.node_tls.iter().map(|tls| named("node_tls", tls));
        let to_others = config
            .fallback_nodes
            .iter()
            .filter_map(|node| Some(named(&format!("node_tls {}", node.host), node.tls.as_ref()?)));
        Self::new(config.db_path.records(), own.chain(to_node).chain(to_others).collect())
    }

    /// For a process that starts now.
    pub(crate) fn new(records: Option<PathBuf>, certificates: Vec<(String, PathBuf)>) -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self { records, certificates, started: since.as_secs() }
    }

    /// The records that can be read, and how many files cannot.
    fn read(&self) -> (Reading, u64) {
        let Some(folder) = &self.records else { return (Reading::default(), 0) };
        match records::read_all(folder) {
            Ok(reading) => {
                let faults = u64::try_from(reading.faults.len()).unwrap_or(u64::MAX);
                (reading, faults)
            }
            Err(_) => (Reading::default(), 1),
        }
    }

    /// A certificate that cannot be read expires at 0: that is an alarm, and not silence.
    fn expiries(&self, reading: &Reading) -> Vec<(String, u64)> {
        let own = self.certificates.iter().map(|(name, path)| {
            (name.clone(), certificate_dates(path).map_or(0, |(_, last)| last))
        });
        let seen = reading
            .of_kind("certificate")
            .filter_map(|record| Some((name_of(record), record.number("not_after")?)));
        own.chain(seen).collect()
    }
}

/// The subject of a record, or its kind if there is only one.
fn name_of(record: &Record) -> String {
    let subject = record.subject();
    if subject.is_empty() { record.kind().to_owned() } else { subject.to_owned() }
}

/// One gauge with one label: what it is called, and its values.
type Rows = (&'static Entry, &'static str, Vec<(String, u64)>);

fn rows(reading: &Reading) -> [Rows; 7] {
    let good =
        |kind: &'static str| reading.of_kind(kind).filter(|record| record.outcome == Outcome::Ok);
    let times = |kind| good(kind).map(|record| (name_of(record), record.at)).collect();
    let numbers = |kind, detail| {
        let number = |record: &Record| Some((name_of(record), record.number(detail)?));
        good(kind).filter_map(number).collect()
    };
    let jobs = |value: fn(&Record) -> u64| {
        reading.records.iter().map(|record| (record.job.clone(), value(record))).collect()
    };
    [
        (&own::BACKUP_TAKEN, "of", times("backup")),
        (&own::BACKUP_VERIFIED, "of", times("backup-verify")),
        (&own::BACKUP_LEVEL, "of", numbers("backup-verify", "level")),
        (&own::LOG_OLDEST, "service", numbers("logs", "oldest")),
        (&own::DRILL_DONE, "drill", times("drill")),
        (&own::JOB_DONE, "task", jobs(|record| record.at)),
        (&own::JOB_SUCCEEDED, "task", jobs(|record| u64::from(record.outcome == Outcome::Ok))),
    ]
}

/// Each series once, as the format has it. A name belongs to two where a record is called what a certificate of ours
/// is, or `drill.drill` beside `drill`: the lower number counts, which is the one of whoever is worse off.
fn once(values: Vec<(String, u64)>) -> BTreeMap<String, u64> {
    let mut least = BTreeMap::new();
    for (name, value) in values {
        least.entry(name).and_modify(|known: &mut u64| *known = value.min(*known)).or_insert(value);
    }
    least
}

impl Collector for Housekeeping {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let (reading, faults) = self.read();
        let expiries = self.expiries(&reading);
        let certificates = (&own::CERTIFICATE_EXPIRY, "certificate", expiries);
        for (entry, label, values) in rows(&reading).into_iter().chain([certificates]) {
            let mut metric = describe(&mut encoder, entry)?;
            for (name, value) in once(values) {
                gauge(value).encode(metric.encode_family(&[(label, name)])?)?;
            }
        }
        gauge(faults).encode(describe(&mut encoder, &own::RECORDS_FAULTY)?)?;
        gauge(self.started).encode(describe(&mut encoder, &own::STARTED)?)?;
        let mut build = describe(&mut encoder, &own::BUILD)?;
        let version = [("version", env!("CARGO_PKG_VERSION"))];
        gauge(1).encode(build.encode_family(&version)?)
    }
}

fn gauge(value: u64) -> ConstGauge<i64> {
    ConstGauge::new(i64::try_from(value).unwrap_or(i64::MAX))
}
