//! What services say and leave behind.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::grade::Fact;

use super::host::Role;

/// What the daemon says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DaemonState {
    /// Whether every rung holds.
    pub is_ready: bool,
    /// The ladder of readiness.
    pub rungs: Vec<Rung>,
}

impl DaemonState {
    /// A rung by its name.
    pub fn rung(&self, name: &str) -> Option<&Rung> {
        self.rungs.iter().find(|rung| rung.name == name)
    }
}

/// A rung of the ladder of readiness.
#[derive(Clone, Debug, PartialEq, Eq, serde::Deserialize)]
pub struct Rung {
    /// Its name.
    #[serde(rename = "rung")]
    pub name: String,
    /// Whether it holds.
    pub holds: bool,
    /// A word for the reason.
    pub code: String,
    /// The reason.
    pub text: String,
    /// What to do.
    #[serde(default)]
    pub remedy: Option<String>,
    /// From when on this is so, in seconds since 1970.
    pub since: u64,
}

/// How many events came while we waited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventFlow {
    /// How many had come before.
    pub before: u64,
    /// How many came.
    pub came: u64,
    /// How long we waited, in milliseconds.
    pub waited_ms: u64,
}

/// A page of metrics.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MetricsPage {
    /// Names of what it has.
    pub names: Vec<String>,
    /// How long it took, in milliseconds.
    pub millis: u64,
}

/// A unit of the service manager, read from its files.
#[derive(Clone, Debug, PartialEq)]
pub struct Unit {
    /// Its name.
    pub name: String,
    /// The file.
    pub path: PathBuf,
    /// What it starts.
    pub role: Role,
    /// Whether that is our own program rather than the reference's.
    pub is_ours: bool,
    /// The values of `Section.Key`, in their order; an empty one takes back those before it.
    pub values: BTreeMap<String, Vec<String>>,
    /// The exposure that systemd-analyze gives it, in tenths.
    pub exposure: Fact<u64>,
}

impl Unit {
    /// The last value of a key.
    pub fn last(&self, key: &str) -> Option<&str> {
        self.values.get(key)?.last().map(String::as_str)
    }

    /// All values of a key.
    pub fn all(&self, key: &str) -> impl Iterator<Item = &str> {
        self.values.get(key).into_iter().flatten().map(String::as_str)
    }
}

/// A certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// The file.
    pub path: PathBuf,
    /// From when on it counts, in seconds since 1970.
    pub not_before: u64,
    /// Until when it counts.
    pub not_after: u64,
}

/// How far back logs reach.
#[derive(Clone, Debug)]
pub struct Logs {
    /// The block signer's.
    pub signer: Fact<LogReach>,
    /// The Stacks node's.
    pub node: Fact<LogReach>,
    /// bitcoind's.
    pub bitcoin: Fact<LogReach>,
    /// The sBTC signer's.
    pub sbtc: Fact<LogReach>,
    /// Whether the journal survives a restart of the machine.
    pub journal: Fact<JournalStorage>,
}

/// How far back a log reaches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogReach {
    /// Where it is: a unit of the journal, or a file.
    pub place: String,
    /// The time of its oldest entry, in seconds since 1970; none if it is empty.
    pub oldest: Option<u64>,
}

/// Where the journal is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JournalStorage {
    /// Whether it is on a disk.
    pub is_persistent: bool,
    /// The folder.
    pub folder: PathBuf,
}

/// What a regular job did last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobRecord {
    /// The job.
    pub job: String,
    /// When, in seconds since 1970.
    pub at: u64,
    /// Whether it went well.
    pub is_good: bool,
    /// What it found.
    pub detail: serde_json::Value,
}
