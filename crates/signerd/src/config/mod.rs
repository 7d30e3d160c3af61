//! `signer-config.toml`: the reference's file, read once (`signer-wire.md` section 8.1).
//!
//! Every key, unit and default is the reference's; unknown keys are refused. Reading a configuration
//! creates nothing and resolves no name.

mod address;
mod countersign;
mod door;
mod error;
mod file;
mod paths;

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use countersign_node::{AllowedPeers, AuthPassword, TlsSettings};
use countersign_signer::{Params, Timeouts};
use countersign_wire::{ChainId, Network, PrivateKey, StacksAddress};

pub use address::HostPort;
pub use countersign::FallbackNode;
pub use door::{Door, Doors};
pub use error::{ConfigError, Problem};
pub use paths::DbPath;

use crate::recorder::Recording;

/// Everything that the operator decides. It holds the private key, so it cannot be cloned: the
/// daemon takes it by value and hands the key to the vault.
#[derive(Debug)]
pub struct Config {
    /// Where the preferred node's RPC is.
    pub node_host: HostPort,
    /// Nodes that take the preferred one's place while that is not well, in this order.
    pub fallback_nodes: Vec<FallbackNode>,
    /// How often each node is looked at, if there are several.
    pub node_probe: Duration,
    /// Mutual TLS with what stands in front of the preferred node.
    pub node_tls: Option<TlsSettings>,
    /// Where the node's callbacks are taken.
    pub endpoint: HostPort,
    /// Mutual TLS there.
    pub tls: Option<TlsSettings>,
    /// Who may connect, there and to metrics.
    pub allowed_peers: AllowedPeers,
    /// The signing key.
    pub key: PrivateKey,
    /// The network.
    pub network: Network,
    /// The chain, which follows from the network unless it is given.
    pub chain_id: ChainId,
    /// The node's password for block validation and upload.
    pub auth_password: AuthPassword,
    /// Where the reference keeps its database; our files are beside it.
    pub db_path: DbPath,
    /// Where everything that happens is recorded, if it is.
    pub recording: Option<Recording>,
    /// Where commands reach the daemon, if the file says so; see [`Config::control_socket`].
    pub named_control_socket: Option<PathBuf>,
    /// How long this signer keeps from signing when nobody can say that it is the only one.
    pub caution: Caution,
    /// Whether it follows and signs nothing until it is promoted. No file says so: the command does.
    pub is_standby: bool,
    /// Where metrics are served.
    pub metrics_endpoint: Option<HostPort>,
    /// Longest pause between two looks at the deadlines.
    pub event_timeout: Duration,
    /// How long a call to a StackerDB may take.
    pub stackerdb_timeout: Duration,
    /// Whether StackerDB writes are logged and not made.
    pub is_dry_run: bool,
    /// Whether the node is told, with each block that it validates, what the signers agree to replay
    /// after a Bitcoin fork. Experimental in the reference.
    pub validate_with_replay_tx: bool,
    /// How many burn blocks above a lost branch its replay is given up.
    pub reset_replay_set_after_fork_blocks: u64,
    /// The time-outs that decisions depend on.
    pub timeouts: Timeouts,
}

/// How long a signer keeps from signing when nobody can say that it is the only one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Caution {
    /// How long it listens for its own key after a start that no clean stop came before.
    pub listening: Duration,
    /// How long it waits if the instance that signed before is lost.
    pub floor: Duration,
}

impl Config {
    /// Reads the file at `path`.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let in_file = |problem| ConfigError { path: path.to_owned(), problem };
        let text = std::fs::read_to_string(path)
            .map_err(|source| in_file(Problem::Unreadable { source }))?;
        Self::parse(&text).map_err(in_file)
    }

    /// Reads the content of a file.
    pub fn parse(text: &str) -> Result<Self, Problem> {
        file::read(text)?.into_config()
    }

    /// The address that the signer has on its network.
    pub fn address(&self) -> StacksAddress {
        StacksAddress::single_sig(self.network, &self.key.public_key())
    }

    /// Where commands reach the running daemon: the path that the file names, else one beside the
    /// store. Without a name, a dry run and a signer that keeps nothing on disk have none.
    pub fn control_socket(&self) -> Option<PathBuf> {
        let named = self.named_control_socket.clone();
        let usual = if self.is_dry_run { None } else { self.db_path.control_socket() };
        named.or(usual)
    }

    /// What the core needs to know.
    pub(crate) fn params(&self) -> Params {
        Params {
            key: self.key.public_key(),
            network: self.network,
            chain_id: self.chain_id,
            server_version: crate::release(),
            timeouts: self.timeouts,
            validate_with_replay_tx: self.validate_with_replay_tx,
            reset_replay_set_after_fork_blocks: self.reset_replay_set_after_fork_blocks,
            is_dry_run: self.is_dry_run,
        }
    }
}

/// The lines that `check-config` and the log show. They hold no secret.
impl fmt::Display for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "Stacks node host: {}{}", self.node_host, with_tls(self.node_tls.as_ref()))?;
        for node in &self.fallback_nodes {
            writeln!(f, "Fall-back node: {}{}", node.host, with_tls(node.tls.as_ref()))?;
        }
        writeln!(f, "Signer endpoint: {}{}", self.endpoint, with_tls(self.tls.as_ref()))?;
        if !self.allowed_peers.is_everybody() {
            writeln!(f, "Allowed peers: {}", self.allowed_peers)?;
        }
        writeln!(f, "Stacks address: {}", self.address())?;
        writeln!(f, "Public key: {}", self.key.public_key())?;
        writeln!(f, "Network: {}", self.network)?;
        writeln!(f, "Chain ID: {}", self.chain_id)?;
        writeln!(f, "Database path: {}", self.db_path)?;
        match &self.metrics_endpoint {
            Some(endpoint) => writeln!(f, "Metrics endpoint: {endpoint}")?,
            None => writeln!(f, "Metrics endpoint: None")?,
        }
        if let Some(Recording { folder, max_bytes }) = &self.recording {
            writeln!(f, "Recordings: {}, {} MB each", folder.display(), max_bytes / MEGABYTE)?;
        }
        write!(f, "Dry run: {}", self.is_dry_run)
    }
}

/// What follows an address that is used with TLS.
fn with_tls(tls: Option<&TlsSettings>) -> String {
    let Some(tls) = tls else { return String::new() };
    let (count, plural) = (tls.peer_count(), if tls.peer_count() == 1 { "" } else { "s" });
    format!(", with TLS for {count} pinned peer{plural}")
}

/// Of `record_max_mb`, in bytes.
const MEGABYTE: u64 = 1024 * 1024;

/// The path of a file that a test or a caller wants to name in an error of [`Config::parse`].
impl Problem {
    /// The same problem with the name of its file.
    pub fn in_file(self, path: impl Into<PathBuf>) -> ConfigError {
        ConfigError { path: path.into(), problem: self }
    }
}
