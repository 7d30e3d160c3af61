//! What configurations say, without their secrets.

use std::net::IpAddr;
use std::path::PathBuf;

use countersign_wire::{Network, PublicKey};

/// The signer's configuration.
#[derive(Clone, Debug)]
#[allow(clippy::struct_excessive_bools, reason = "each is a line of the file")]
pub struct SignerConfig {
    /// The file.
    pub path: PathBuf,
    /// Why our signer would not start with it.
    pub refusal: Option<String>,
    /// `node_host`.
    pub node_host: String,
    /// `endpoint`.
    pub endpoint: String,
    /// `metrics_endpoint`.
    pub metrics: Option<String>,
    /// `network`.
    pub network: Network,
    /// `chain_id`, or what follows from the network.
    pub chain_id: u32,
    /// `db_path`; none for `:memory:`.
    pub db_path: Option<PathBuf>,
    /// Why `auth_password` is weak.
    pub weak_password: Option<&'static str>,
    /// `dry_run`.
    pub is_dry_run: bool,
    /// `tenure_idle_timeout_secs` with its buffer.
    pub idle_secs: u64,
    /// `block_proposal_timeout_ms`.
    pub proposal_timeout_ms: u64,
    /// How many fall-back nodes there are.
    pub fallback_nodes: usize,
    /// Whether callbacks come over mutual TLS.
    pub has_tls: bool,
    /// Whether the node is asked over mutual TLS.
    pub has_node_tls: bool,
    /// Whether only listed peers may connect.
    pub has_allowed_peers: bool,
    /// The public half of the key, if it can be had without a secret.
    pub public_key: Option<PublicKey>,
}

/// A key that no program reads, and the one that is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Misspelt {
    /// Where it stands, such as `connection_options.sauth_token`.
    pub key: String,
    /// What is meant, in full.
    pub meant: String,
}

/// The node's password, in the node's configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Token {
    /// There is none.
    Absent,
    /// There is one.
    Present {
        /// Why it is weak.
        weakness: Option<&'static str>,
        /// Whether the signer has the same; none if the signer's configuration is not known.
        is_ours: Option<bool>,
    },
}

/// An `[[events_observer]]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeObserver {
    /// Where events are sent.
    pub endpoint: String,
    /// `events_keys`.
    pub keys: Vec<String>,
    /// `timeout_ms`.
    pub timeout_ms: Option<u64>,
    /// `disable_retries`.
    pub disable_retries: bool,
}

/// The node's configuration.
#[derive(Clone, Debug)]
#[allow(clippy::struct_excessive_bools, reason = "each is a line of the file")]
pub struct NodeConfig {
    /// The file.
    pub path: PathBuf,
    /// Keys that no node reads.
    pub misspelt: Vec<Misspelt>,
    /// `node.stacker`.
    pub is_stacker: bool,
    /// `node.miner`.
    pub is_miner: bool,
    /// `node.mock_mining`.
    pub is_mock_mining: bool,
    /// `node.rpc_bind`.
    pub rpc_bind: Option<String>,
    /// `node.prometheus_bind`.
    pub prometheus_bind: Option<String>,
    /// `node.working_dir`.
    pub working_dir: Option<PathBuf>,
    /// Whether there is a `node.bootstrap_node`.
    pub has_bootstrap: bool,
    /// `burnchain.mode`.
    pub mode: Option<String>,
    /// `burnchain.peer_host`.
    pub bitcoin_host: Option<String>,
    /// `burnchain.rpc_port`.
    pub bitcoin_port: Option<u16>,
    /// `connection_options.auth_token`.
    pub token: Token,
    /// `[[events_observer]]`.
    pub observers: Vec<NodeObserver>,
}

/// bitcoind's configuration.
#[derive(Clone, Debug, Default)]
#[allow(clippy::struct_excessive_bools, reason = "each is a line of the file")]
pub struct BitcoinConfig {
    /// The file.
    pub path: PathBuf,
    /// Whether it takes questions: it does unless `server=0`.
    pub is_server: bool,
    /// `prune`, in MiB; 0 and 1 keep everything.
    pub prune: u64,
    /// Networks that may use the RPC interface.
    pub allowed: Vec<String>,
    /// Whether everybody may.
    pub allows_everybody: bool,
    /// `rpcbind`.
    pub binds: Vec<String>,
    /// Why `rpcpassword` is weak.
    pub weak_password: Option<&'static str>,
    /// Whether a password stands in the file readable (`rpcpassword`) rather than salted (`rpcauth`).
    pub has_plain_password: bool,
    /// Whether the log goes to the journal (`printtoconsole=1`).
    pub is_logged_to_console: bool,
    /// Whether debug.log is cut at each start: it is unless `shrinkdebugfile=0`.
    pub shrinks_log: bool,
    /// `datadir`.
    pub datadir: Option<PathBuf>,
    /// Whether wallets are off.
    pub is_wallet_disabled: bool,
}

/// The sBTC signer's configuration.
#[derive(Clone, Debug)]
#[allow(clippy::struct_excessive_bools, reason = "each is a line of the file")]
pub struct SbtcConfig {
    /// The file.
    pub path: PathBuf,
    /// Whether `signer.private_key` stands in it.
    pub has_bare_key: bool,
    /// `signer.network`.
    pub network: Option<String>,
    /// Where events come in and `/info` is: `signer.event_observer.bind`.
    pub observer_bind: Option<String>,
    /// `signer.prometheus_exporter_endpoint`.
    pub metrics: Option<String>,
    /// `signer.p2p.listen_on`.
    pub listen_on: Vec<String>,
    /// Whether `signer.db_endpoint` names a user and a password.
    pub has_database_login: bool,
    /// Why the database's password is weak.
    pub weak_database_password: Option<&'static str>,
    /// Whether the signer is the database's superuser.
    pub is_superuser: bool,
    /// How many `stacks.endpoints` there are.
    pub stacks_nodes: usize,
    /// How many `bitcoin.rpc_endpoints` there are.
    pub bitcoin_nodes: usize,
    /// `signer.bootstrap_signatures_required`.
    pub required: Option<u64>,
    /// How many keys `signer.bootstrap_signing_set` has.
    pub signers: usize,
}

/// A service of a compose file.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools, reason = "each is a line of the file")]
pub struct ComposeService {
    /// The file.
    pub file: PathBuf,
    /// Its name.
    pub name: String,
    /// The image, with tag or digest.
    pub image: Option<String>,
    /// Ports that are published: host address (none: every one), host port.
    pub published: Vec<(Option<IpAddr>, String)>,
    /// `user`.
    pub user: Option<String>,
    /// `read_only`.
    pub is_read_only: bool,
    /// Whether all capabilities are dropped, and none is added again.
    pub drops_capabilities: bool,
    /// `privileged`, or the network of the host.
    pub is_privileged: bool,
    /// Variables that hold a key.
    pub key_variables: Vec<String>,
}
