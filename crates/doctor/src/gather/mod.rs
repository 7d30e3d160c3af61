//! Measuring. Every part has its own limit, so that a node that hangs, a dead network file system or a
//! program that does not end costs one fact and no more.

mod bitcoin;
mod bounded;
mod clock;
mod configs;
mod daemon;
mod files;
mod http;
mod logs;
mod machine;
mod network;
mod node;
mod processes;
mod sbtc;
mod ssh;
mod storage;
mod units;

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use countersign_node::{AuthPassword, TlsError};
use countersign_ops::records::{self, Outcome, Record};
use countersign_wire::PublicKey;

use crate::check::Source;
use crate::facts::{Certificate, Facts, JobRecord, Process, Program};
use crate::grade::{Fact, Unknown};
use crate::target::{Opened, Signer, Target};
use bounded::blocking;
use configs::Configs;

/// Is told which part was measured.
pub type Progress<'a> = &'a (dyn Fn(Source) + Sync);

/// Measures what the chosen sources have. To be called inside a tokio runtime with time and I/O, which is to
/// be shut down in the background: a thread that hangs in the kernel never ends.
pub async fn gather(
    target: &Arc<Target>,
    sources: &BTreeSet<Source>,
    now: u64,
    progress: Progress<'_>,
) -> Facts {
    let mut facts = Box::new(Facts::nothing(target.profile, now));
    facts.bounds = target.bounds;
    facts.processes = blocking("looking for processes", LOCAL, processes::gather).await;
    let (configs, facts) = configured(target, facts).await;
    progress(Source::Configs);
    let facts = which_key(target, facts).await;
    let (folder, records) = recorded(target, &facts).await;
    let recorded = (folder, records.clone());
    let shared = Shared { target, configs: &configs, facts: &facts, recorded };
    let parts = Parts { sources, progress, measured: RefCell::new(facts.clone()) };
    Box::pin(parts.measure(&shared)).await;
    let mut measured = parts.measured.into_inner();
    if sources.contains(&Source::Logs) {
        measured.logs = logs::gather(&measured, &records.clone().unwrap_or_default(), LOCAL).await;
        progress(Source::Logs);
    }
    measured.records = records.map(|records| records.iter().map(job).collect());
    progress(Source::Records);
    *measured
}

/// What the configurations say, and which process runs with the signer's.
async fn configured(target: &Arc<Target>, mut facts: Box<Facts>) -> (Configs, Box<Facts>) {
    facts.roles = target.roles.unwrap_or_default();
    let (target, mut read) = (Arc::clone(target), facts.clone());
    let work = blocking("reading the configurations", LOCAL, move || {
        let configs = configs::gather(&target, &mut read);
        let processes = read.processes.as_ref().map_err(Unknown::from);
        read.running_signer = processes.map(|processes| running_signer(&target, processes));
        Ok((configs, read))
    });
    work.await.unwrap_or_else(|unknown| {
        facts.signer = Err(unknown.clone());
        facts.node_config = Err(unknown.clone());
        facts.bitcoin_config = Err(unknown.clone());
        facts.sbtc_config = Err(unknown.clone());
        facts.compose = Err(unknown.clone());
        facts.parity = Err(unknown);
        (Configs::default(), facts)
    })
}

/// Where the configuration does not tell the key, as with a vault, the daemon does.
async fn which_key(target: &Target, mut facts: Box<Facts>) -> Box<Facts> {
    let socket = signer(target).ok().and_then(|signer| signer.read.as_ref().ok());
    let socket = socket.and_then(|opened| opened.control_socket.as_deref());
    if let (Ok(signer), Some(socket)) = (&mut facts.signer, socket)
        && signer.public_key.is_none()
    {
        signer.public_key = daemon::public_key(socket, "public_key", target.patience).await;
    }
    facts
}

/// The key that is to take the other's place, where only the daemon tells it.
async fn next_key(target: &Target) -> Option<PublicKey> {
    let opened = signer(target).ok()?.read.as_ref().ok()?;
    let is_sealed = opened.next_key.as_ref()?.known_public_key().is_none();
    let socket = opened.control_socket.as_deref().filter(|_| is_sealed)?;
    daemon::public_key(socket, "next_public_key", target.patience).await
}

/// Files, programs and sockets of this machine answer within this.
const LOCAL: Duration = Duration::from_millis(2_500);

type Daemon = (
    Fact<crate::facts::DaemonState>,
    Fact<crate::facts::MetricsPage>,
    Fact<crate::facts::EventFlow>,
);
type Network = (Fact<Vec<crate::facts::Listener>>, Fact<crate::facts::Firewall>);

/// What is measured at the same time, and where it is put.
struct Parts<'a> {
    sources: &'a BTreeSet<Source>,
    progress: Progress<'a>,
    measured: RefCell<Box<Facts>>,
}

impl Parts<'_> {
    /// Measures one part if one of these sources is wanted, and puts it into its place.
    async fn part<T>(
        &self,
        sources: &[Source],
        work: impl Future<Output = T>,
        put: impl FnOnce(&mut Facts, T),
    ) {
        let Some(source) = sources.first().filter(|_| sources.iter().any(|it| self.has(*it)))
        else {
            return;
        };
        let value = work.await;
        put(&mut self.measured.borrow_mut(), value);
        (self.progress)(*source);
    }

    fn has(&self, source: Source) -> bool {
        self.sources.contains(&source)
    }

    async fn measure(&self, shared: &Shared<'_>) {
        use Source::{
            Bitcoin, Certificates, Clock, Daemon, Files, Logs, Machine, Network, Node, Sbtc, Ssh,
            Storage, Units,
        };
        tokio::join!(
            self.part(&[Machine], shared.machine(), |facts, it| facts.machine = it),
            self.part(&[Storage], shared.storage(), |facts, it| facts.storage = it),
            self.part(&[Clock], shared.clock(), |facts, it| facts.clock = it),
            self.part(&[Files], shared.key(), |facts, it| facts.key = it),
            self.part(&[Files], shared.files(), |facts, it| facts.files = it),
            self.part(&[Files], shared.drift(), |facts, it| facts.drift = it),
            self.part(&[Node, Bitcoin, Machine], shared.node(), |facts, it| facts.node = it),
            self.part(&[Daemon], shared.daemon(), |facts, it| {
                (facts.daemon, facts.metrics, facts.events) = it;
            }),
            self.part(&[Bitcoin, Node], shared.bitcoin(), |facts, it| facts.bitcoin = it),
            self.part(&[Sbtc], shared.sbtc(), |facts, it| facts.sbtc = it),
            self.part(&[Network], shared.network(), |facts, it| {
                (facts.listeners, facts.firewall) = it;
            }),
            self.part(&[Ssh, Network], shared.ssh(), |facts, it| facts.ssh = it),
            // They name the logs.
            self.part(&[Units, Logs], shared.units(), |facts, it| facts.units = it),
            self.part(&[Certificates], shared.certificates(), |facts, it| facts.certificates = it),
        );
    }
}

/// What every part may need.
struct Shared<'a> {
    target: &'a Arc<Target>,
    configs: &'a Configs,
    facts: &'a Facts,
    /// The folder of records, and what is in it.
    recorded: (Option<PathBuf>, Fact<Vec<Record>>),
}

impl Shared<'_> {
    async fn machine(&self) -> crate::facts::Machine {
        let processes = self.facts.processes.as_deref().unwrap_or_default().to_vec();
        let machine =
            blocking("looking at the machine", LOCAL, move || Ok(machine::gather(&processes)))
                .await;
        machine.unwrap_or_else(|_| Facts::nothing(self.target.profile, 0).machine)
    }

    async fn storage(&self) -> crate::facts::Storage {
        let folders = configs::folders(self.facts);
        let signer = folders.first().cloned();
        let now = self.facts.now;
        let volumes =
            blocking("looking at the file systems", LOCAL, move || storage::volumes(&folders))
                .await;
        let fsync = match signer {
            Some((_, folder)) => {
                blocking("writing to the disk", LOCAL, move || storage::fsync(&folder)).await
            }
            None => Err(Unknown::not_here("nothing of the installation is kept on a disk")),
        };
        let known = volumes.clone();
        let history = match self.recorded.0.clone() {
            Some(folder) => {
                blocking("reading records", LOCAL, move || storage::history(&folder, now, &known))
                    .await
            }
            None => Err(Unknown::not_here("there is no folder for records")),
        };
        crate::facts::Storage { volumes, fsync, history }
    }

    async fn clock(&self) -> crate::facts::Clock {
        clock::gather(self.target.time_server.as_deref(), self.target.patience).await
    }

    async fn key(&self) -> Fact<Vec<countersign_custody::Check>> {
        let target = Arc::clone(self.target);
        let running = self.facts.running_signer.as_ref().ok().and_then(Option::as_ref);
        let known = files::Known {
            user: running.map(|process| process.uid),
            public_key: self.facts.signer.as_ref().ok().and_then(|signer| signer.public_key),
            next_public_key: next_key(self.target).await,
            is_private_network: self.facts.is_private_network(),
            records: self.recorded.clone(),
            now: self.facts.now,
        };
        blocking("looking at the key's place", LOCAL, move || {
            let signer = signer(&target)?;
            let opened = signer.read.as_ref().map_err(|_| not_understood())?;
            Ok(files::key(signer, opened, &known))
        })
        .await
    }

    async fn files(&self) -> Fact<Vec<crate::facts::FileFinding>> {
        let files = self.configs.files.clone();
        let processes = self.facts.processes.as_deref().unwrap_or_default().to_vec();
        blocking("looking at the files", LOCAL, move || files::findings(&files, &processes)).await
    }

    /// How the installed files differ from what their description makes of them.
    async fn drift(&self) -> Fact<Vec<countersign_site::install::Drift>> {
        let target = Arc::clone(self.target);
        blocking("comparing the files", LOCAL, move || {
            let described = target.described.as_ref().ok_or_else(|| {
                Unknown::not_here("no description of the installation was named (--site)")
            })?;
            files::drift(described)
        })
        .await
    }

    async fn node(&self) -> crate::facts::NodeState {
        let signer = match &self.facts.signer {
            Ok(signer) => signer,
            Err(unknown) => return node::nothing(unknown),
        };
        let none = AuthPassword::new("");
        let opened = self.opened().ok();
        let asker = node::Asker {
            signer,
            password: self.configs.password.as_ref().unwrap_or(&none),
            tls: opened.and_then(|opened| opened.node_tls.as_ref()),
            manager: self.target.manager.as_ref(),
            patience: self.target.patience,
        };
        Box::pin(node::gather(&asker)).await
    }

    /// What our program reads in the signer's configuration.
    fn opened(&self) -> Fact<&Opened> {
        signer(self.target)?.read.as_ref().map_err(|_| not_understood())
    }

    async fn daemon(&self) -> Daemon {
        let opened = self.opened();
        let socket = opened.map(|opened| opened.control_socket.as_deref());
        let metrics = self.facts.signer.as_ref().ok().and_then(|signer| signer.metrics.as_deref());
        let (target, patience) = (self.target, self.target.patience);
        let (status, (metrics, events)) = tokio::join!(
            daemon::status(socket, patience),
            daemon::metrics_and_events(metrics, target.event_wait, patience),
        );
        (status, metrics, events)
    }

    async fn bitcoin(&self) -> Fact<crate::facts::BitcoinState> {
        bitcoin::gather(self.configs.bitcoin.as_ref(), self.target.patience).await
    }

    async fn sbtc(&self) -> Fact<crate::facts::SbtcState> {
        sbtc::gather(&self.facts.sbtc_config, self.target.patience).await
    }

    async fn network(&self) -> Network {
        tokio::join!(
            blocking("looking for sockets", LOCAL, network::listeners),
            network::firewall(LOCAL),
        )
    }

    async fn ssh(&self) -> Fact<crate::facts::Ssh> {
        ssh::gather(LOCAL).await
    }

    async fn units(&self) -> Fact<Vec<crate::facts::Unit>> {
        let folders: Vec<PathBuf> = units::FOLDERS.iter().map(PathBuf::from).collect();
        let found = blocking("looking for units", LOCAL, move || units::find(&folders)).await?;
        Ok(units::exposures(found, LOCAL).await)
    }

    async fn certificates(&self) -> Fact<Vec<Certificate>> {
        let paths = self.configs.certificates.clone();
        blocking("reading certificates", LOCAL, move || certificates(&paths)).await
    }
}

/// The process that runs with the signer's configuration. Another signer of this host is none of its business.
fn running_signer(target: &Target, processes: &[Process]) -> Option<Process> {
    let ours = target.signer.as_ref()?.config.canonicalize().ok()?;
    let is_ours = |config: &PathBuf| config.canonicalize().is_ok_and(|config| config == ours);
    let running = processes.iter().find(|process| {
        matches!(process.program, Program::Countersign | Program::StacksSigner)
            && process.config.as_ref().is_some_and(is_ours)
    });
    running.cloned()
}

fn not_understood() -> Unknown {
    Unknown::because("the signer's configuration is not understood (config)")
}

/// The signer, unless nobody named it or it is meant to be elsewhere.
fn signer(target: &Target) -> Fact<&Signer> {
    target.signer.as_ref().ok_or_else(|| match target.roles {
        Some(roles) if !roles.signer => Unknown::not_here("the signer is on the other host"),
        _ => {
            Unknown::but("no signer's configuration was named", "countersign doctor --config FILE")
        }
    })
}

fn certificates(paths: &[PathBuf]) -> Fact<Vec<Certificate>> {
    let read = |path: &PathBuf| {
        let dates =
            countersign_node::tls::certificate_dates(path).map_err(|error| match &error {
                TlsError::Unreadable { .. } => {
                    Unknown::but(error.to_string(), "run doctor as root")
                }
                _ => Unknown::because(error.to_string()),
            })?;
        Ok(Certificate { path: path.clone(), not_before: dates.0, not_after: dates.1 })
    };
    paths.iter().map(read).collect()
}

/// The folder of records and what is in it.
async fn recorded(target: &Arc<Target>, facts: &Facts) -> (Option<PathBuf>, Fact<Vec<Record>>) {
    let beside = || {
        let database = facts.signer.as_ref().ok()?.db_path.clone()?;
        Some(std::path::absolute(database).ok()?.parent()?.join("records"))
    };
    let Some(folder) = target.records.clone().or_else(beside) else {
        return (None, Err(Unknown::not_here("there is no folder for records")));
    };
    let path = folder.clone();
    let read = blocking("reading records", LOCAL, move || {
        let reading = records::read_all(&path).map_err(|error| {
            let reason = format!("the records in {} cannot be read: {error}", path.display());
            Unknown::but(reason, "run doctor as the signer's user or as root")
        })?;
        Ok(reading.records)
    });
    (Some(folder), read.await)
}

fn job(record: &Record) -> JobRecord {
    JobRecord {
        job: record.job.clone(),
        at: record.at,
        is_good: record.outcome == Outcome::Ok,
        detail: record.detail.clone().into(),
    }
}
