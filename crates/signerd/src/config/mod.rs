//! `signer-config.toml`: the reference's file, read once (`signer-wire.md` section 8.1).
//!
//! Every key, unit and default is the reference's; unknown keys are refused. Reading a configuration
//! creates nothing and resolves no name.

mod address;
mod countersign;
mod door;
mod error;
mod file;
mod outline;
mod paths;

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use countersign_custody::{Ask, KeyPlace, OpenError, Opening};
use countersign_node::{AllowedPeers, AuthPassword, TlsSettings};
use countersign_ops::config_file;
use countersign_signer::{Params, Timeouts};
use countersign_vault::SigningKey;
use countersign_wire::{ChainId, Network, PublicKey, StacksAddress};

pub use address::HostPort;
pub use countersign::FallbackNode;
pub use door::{Door, Doors};
pub use error::{ConfigError, Problem};
pub(crate) use outline::strip_indices;
pub use outline::{Change, Outline, hidden_texts};
pub use paths::DbPath;

use crate::decisions::Limits;
use crate::keys::PublicKeys;
use crate::recorder::Recording;

/// Where the status page is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StatusPage {
    /// A loopback address, or one inside of a container.
    pub address: SocketAddr,
    /// The only one who may ask, in a container.
    pub peer: Option<IpAddr>,
}

/// Everything that the operator decides. It may hold the private key, so it cannot be cloned.
#[derive(Debug)]
#[allow(
    clippy::struct_excessive_bools,
    reason = "each is a line of the file or of the command, and none follows from another"
)]
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
    /// Where the signing key is kept.
    pub key: KeyPlace,
    /// Where the key is kept that is to take the signing key's place, if one is loaded already.
    pub next_key: Option<KeyPlace>,
    /// The file that this was read from, if it was one.
    pub path: Option<PathBuf>,
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
    /// How much of what was decided is kept.
    pub decision_log: Limits,
    /// Where commands reach the daemon, if the file says so; see [`Config::control_socket`].
    pub named_control_socket: Option<PathBuf>,
    /// Where the status page is, if there is one.
    pub status_page: Option<StatusPage>,
    /// How long this signer keeps from signing when nobody can say that it is the only one.
    pub caution: Caution,
    /// Whether it follows and signs nothing until it is promoted. No file says so: the command does.
    pub is_standby: bool,
    /// What is logged, in the language of `RUST_LOG`, if the file says so.
    pub log: Option<String>,
    /// Where metrics are served.
    pub metrics_endpoint: Option<HostPort>,
    /// Longest pause between two looks at the deadlines.
    pub event_timeout: Duration,
    /// How long a call to a StackerDB may take.
    pub stackerdb_timeout: Duration,
    /// Whether StackerDB writes are logged and not made.
    pub is_dry_run: bool,
    /// Whether a missing journal begins now, with a wait before the first signature. Said on the command
    /// line, not in the file.
    pub is_init: bool,
    /// Whether the node is told, with each block that it validates, what the signers agree to replay
    /// after a Bitcoin fork. Experimental in the reference.
    pub validate_with_replay_tx: bool,
    /// How many burn blocks above a lost branch its replay is given up.
    pub reset_replay_set_after_fork_blocks: u64,
    /// The time-outs that decisions depend on.
    pub timeouts: Timeouts,
    /// What the file says, to be compared with what it says later.
    pub outline: Outline,
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
        let config = Self::parse(&read(path).map_err(in_file)?).map_err(in_file)?;
        Ok(Self { path: Some(path.to_owned()), ..config })
    }

    /// Reads the file at `path` again, with an outline that can be compared with `running`.
    pub(crate) fn load_beside(path: &Path, running: &Outline) -> Result<Self, ConfigError> {
        let in_file = |problem| ConfigError { path: path.to_owned(), problem };
        let text = read(path).map_err(in_file)?;
        let mut config = Self::parse(&text).map_err(in_file)?;
        config.outline = running.like_this(&text).map_err(in_file)?;
        Ok(config)
    }

    /// Reads the content of a file.
    pub fn parse(text: &str) -> Result<Self, Problem> {
        file::read(text)?.into_config(Outline::of(text)?)
    }

    /// Opens the key. A plain key that others can read is refused, except on a private network.
    pub fn open_key(&self, ask: Ask<'_>) -> Result<SigningKey, OpenError> {
        self.opening(ask).open(&self.key)
    }

    /// What is to be known for opening a key of this signer.
    pub fn opening<'a>(&'a self, ask: Ask<'a>) -> Opening<'a> {
        Opening { config: self.path.as_deref(), is_private_network: self.is_private_network(), ask }
    }

    /// Whether nothing is at stake: on a network of one's own.
    pub fn is_private_network(&self) -> bool {
        self.network == Network::Mocknet
    }

    /// The address that a key has on the signer's network.
    pub fn address(&self, key: &PublicKey) -> StacksAddress {
        StacksAddress::single_sig(self.network, key)
    }

    /// Where commands reach the running daemon: the path that the file names, else one beside the
    /// store. Without a name, a dry run and a signer that keeps nothing on disk have none.
    pub fn control_socket(&self) -> Option<PathBuf> {
        let named = self.named_control_socket.clone();
        let usual = if self.is_dry_run { None } else { self.db_path.control_socket() };
        named.or(usual)
    }

    /// What the core needs to know.
    pub(crate) fn params(&self, keys: PublicKeys) -> Params {
        Params {
            key: keys.first,
            next_key: keys.next,
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

fn read(path: &Path) -> Result<String, Problem> {
    config_file::read(path).map_err(|source| Problem::Unreadable { source })
}

/// The lines that `check-config` and the log show. They hold no secret.
#[derive(Clone, Copy, Debug)]
pub struct Shown<'a> {
    config: &'a Config,
    key: Option<PublicKey>,
    next_key: Option<PublicKey>,
}

impl Config {
    /// The configuration in words, with the public keys that are known: of the signing key, and of the
    /// one that is to take its place.
    pub const fn shown(&self, key: Option<PublicKey>, next_key: Option<PublicKey>) -> Shown<'_> {
        Shown { config: self, key, next_key }
    }
}

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { config, key, next_key } = self;
        writeln!(
            f,
            "Stacks node host: {}{}",
            config.node_host,
            with_tls(config.node_tls.as_ref())
        )?;
        for node in &config.fallback_nodes {
            writeln!(f, "Fall-back node: {}{}", node.host, with_tls(node.tls.as_ref()))?;
        }
        writeln!(f, "Signer endpoint: {}{}", config.endpoint, with_tls(config.tls.as_ref()))?;
        if !config.allowed_peers.is_everybody() {
            writeln!(f, "Allowed peers: {}", config.allowed_peers)?;
        }
        match key {
            Some(key) => {
                writeln!(f, "Stacks address: {}", config.address(key))?;
                writeln!(f, "Public key: {key}")?;
            }
            None => writeln!(f, "Public key: sealed")?,
        }
        if !matches!(config.key, KeyPlace::Plain(_)) {
            writeln!(f, "Key: {}", config.key)?;
        }
        if let Some(place) = &config.next_key {
            match next_key {
                Some(key) => writeln!(f, "Next public key: {key}")?,
                None => writeln!(f, "Next public key: sealed")?,
            }
            writeln!(f, "Next key: {place}")?;
        }
        writeln!(f, "Network: {}", config.network)?;
        writeln!(f, "Chain ID: {}", config.chain_id)?;
        writeln!(f, "Database path: {}", config.db_path)?;
        match &config.metrics_endpoint {
            Some(endpoint) => writeln!(f, "Metrics endpoint: {endpoint}")?,
            None => writeln!(f, "Metrics endpoint: None")?,
        }
        if let Some(StatusPage { address, .. }) = &config.status_page {
            writeln!(f, "Status page: http://{address}/")?;
        }
        if let Some(Recording { folder, max_bytes }) = &config.recording {
            writeln!(f, "Recordings: {}, {} MB each", folder.display(), max_bytes / MEGABYTE)?;
        }
        write!(f, "Dry run: {}", config.is_dry_run)
    }
}

/// Without the public key of a sealed one.
impl fmt::Display for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = match &self.key {
            KeyPlace::Plain(key) => Some(key.public_key()),
            _ => None,
        };
        self.shown(key, None).fmt(f)
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
