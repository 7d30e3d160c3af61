//! Everything that checks judge. Each part is measured or says why it is not.

mod chain;
mod configs;
mod host;
mod service;

use countersign_custody::Check as KeyCheck;
use countersign_site::install::Drift;
use countersign_wire::Network;

use crate::check::Profile;
use crate::grade::{Fact, Unknown};

pub use chain::{
    AuthAnswer, BitcoinState, Confirmation, Health, NodeInfo, NodeState, PoxState, SbtcState, Seat,
    SignerSet,
};
pub use configs::{
    BitcoinConfig, ComposeService, Misspelt, NodeConfig, NodeObserver, SbtcConfig, SignerConfig,
    Token,
};
pub use host::{
    Admin, Clock, FileFinding, Firewall, Fsync, Listener, Machine, Offset, Policy, Process,
    Program, Protocol, Role, Roles, Sample, Ssh, Storage, Synchrony, Volume,
};
pub use service::{
    Certificate, DaemonState, EventFlow, JobRecord, JournalStorage, LogReach, Logs, MetricsPage,
    Rung, Unit,
};

/// Everything that was gathered.
#[derive(Clone, Debug)]
pub struct Facts {
    /// Seconds since 1970.
    pub now: u64,
    /// Whose installation it is.
    pub profile: Profile,
    /// What the operator asks of weight and logs.
    pub bounds: Bounds,
    /// What runs on this host.
    pub roles: Roles,
    /// Processors, memory and what protects it.
    pub machine: Machine,
    /// Where files are kept.
    pub storage: Storage,
    /// What time it is.
    pub clock: Clock,
    /// Processes of the stack.
    pub processes: Fact<Vec<Process>>,
    /// The process that runs with the signer's configuration, if one is seen.
    pub running_signer: Fact<Option<Process>>,
    /// What is known of the key without opening it.
    pub key: Fact<Vec<KeyCheck>>,
    /// What is wrong with where the other files of the installation are.
    pub files: Fact<Vec<FileFinding>>,
    /// How installed files differ from what their description makes of them.
    pub drift: Fact<Vec<Drift>>,
    /// The signer's configuration.
    pub signer: Fact<SignerConfig>,
    /// The node's configuration.
    pub node_config: Fact<NodeConfig>,
    /// bitcoind's configuration.
    pub bitcoin_config: Fact<BitcoinConfig>,
    /// The sBTC signer's configuration.
    pub sbtc_config: Fact<SbtcConfig>,
    /// The services of compose files.
    pub compose: Fact<Vec<ComposeService>>,
    /// What the node answers.
    pub node: NodeState,
    /// What the daemon says of itself.
    pub daemon: Fact<DaemonState>,
    /// Whether events reach it.
    pub events: Fact<EventFlow>,
    /// Its page of metrics.
    pub metrics: Fact<MetricsPage>,
    /// What bitcoind answers.
    pub bitcoin: Fact<BitcoinState>,
    /// What the sBTC signer answers.
    pub sbtc: Fact<SbtcState>,
    /// Sockets that listen.
    pub listeners: Fact<Vec<Listener>>,
    /// What the packet filter does by default.
    pub firewall: Fact<Firewall>,
    /// sshd's effective settings, and who may log in.
    pub ssh: Fact<Ssh>,
    /// Units of the stack.
    pub units: Fact<Vec<Unit>>,
    /// Certificates.
    pub certificates: Fact<Vec<Certificate>>,
    /// How far back logs reach.
    pub logs: Logs,
    /// What the regular jobs did last.
    pub records: Fact<Vec<JobRecord>>,
    /// The digest of the active instance's configuration without its secrets, and ours.
    pub parity: Fact<Parity>,
}

/// What the operator asks of weight and logs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// From this share of the weight on a warning, in thousandths.
    pub soft_permille: u64,
    /// From this share on a failure.
    pub hard_permille: u64,
    /// Seconds of log that are kept.
    pub log_retention: u64,
}

impl Bounds {
    /// What holds if nobody says otherwise. 30 % of the weight can block the chain: half of that is for a
    /// warning, two thirds for a failure; who signs for others is warned from 10 % on. Logs are kept 7 days
    /// (A4), those of sBTC 90 (C7).
    pub const fn of(profile: Profile) -> Self {
        let (soft_permille, log_retention) = match profile {
            Profile::Solo => (150, 7 * 86_400),
            Profile::Pool => (100, 7 * 86_400),
            Profile::Sbtc => (150, 90 * 86_400),
        };
        Self { soft_permille, hard_permille: 200, log_retention }
    }
}

/// Two configurations that should be the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parity {
    /// The keys whose values differ; secrets and addresses of one's own are not compared.
    pub differing: Vec<String>,
}

impl Facts {
    /// Whether nothing is at stake: on a network of one's own.
    pub fn is_private_network(&self) -> bool {
        self.signer.as_ref().is_ok_and(|signer| signer.network == Network::Mocknet)
    }

    /// Whether real stake is at risk.
    pub fn is_mainnet(&self) -> bool {
        self.signer.as_ref().is_ok_and(|signer| signer.network == Network::Mainnet)
    }

    /// Nothing has been gathered yet.
    pub fn nothing(profile: Profile, now: u64) -> Self {
        fn none<T>() -> Fact<T> {
            Err(Unknown::because("it was not looked at"))
        }
        Self {
            now,
            profile,
            bounds: Bounds::of(profile),
            roles: Roles::default(),
            machine: Machine::nothing(),
            storage: Storage { volumes: none(), fsync: none(), history: none() },
            clock: Clock { offset: none(), synchrony: none(), zone: none() },
            processes: none(),
            running_signer: none(),
            key: none(),
            files: none(),
            drift: none(),
            signer: none(),
            node_config: none(),
            bitcoin_config: none(),
            sbtc_config: none(),
            compose: none(),
            node: NodeState::nothing(),
            daemon: none(),
            events: none(),
            metrics: none(),
            bitcoin: none(),
            sbtc: none(),
            listeners: none(),
            firewall: none(),
            ssh: none(),
            units: none(),
            certificates: none(),
            logs: Logs {
                signer: none(),
                node: none(),
                bitcoin: none(),
                sbtc: none(),
                journal: none(),
            },
            records: none(),
            parity: none(),
        }
    }
}
