//! The daemon: opened in an order that leaves nothing behind when it cannot start, and supervised.

use std::io::{self, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;

use countersign_node::{Listener, ServerTls, TlsError};
use countersign_ops::control::ControlError;
use countersign_ops::exit::Exit;
use countersign_ops::inherited::Inherited;
use countersign_ops::metrics::MetricsServer;
use countersign_ops::notify::Notifier;
use countersign_ops::signals::Hangups;
use countersign_ops::supervise::Fatal;
use countersign_ops::telemetry::LogFilter;
use countersign_status::{BindError, Server};
use countersign_vault::{HostLock, HostLockError, JournalFile, OpenError, SignError};
use tokio_util::sync::CancellationToken;

use crate::assemble::assemble;
use crate::config::{Config, Doors, Problem, StatusPage};
use crate::decisions::LogError;
use crate::history::HistoryError;
use crate::import::ImportError;
use crate::instance::BookError;
use crate::journals::{Journals, JournalsError};
use crate::keys::Holders;
use crate::store::StoreError;

/// Why the daemon does not start, or ends other than by being asked to.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// A value of the configuration turns out to be unusable.
    #[error(transparent)]
    Config(#[from] Problem),
    /// A certificate or its key cannot be used.
    #[error("TLS cannot be used as `{key}` says")]
    Tls {
        /// The key of the configuration.
        key: &'static str,
        /// Why.
        #[source]
        source: Box<TlsError>,
    },
    /// The node's address or password cannot be used.
    #[error("`node_host` or `auth_password` cannot be used")]
    Node(#[from] countersign_node::ConfigError),
    /// An endpoint cannot be bound.
    #[error(
        "`{key}` = {address} cannot be bound; stop the program that has it (another signer?) or \
         configure another port"
    )]
    Bind {
        /// The key of the configuration.
        key: &'static str,
        /// The address.
        address: SocketAddr,
        /// What the operating system says.
        #[source]
        source: io::Error,
    },
    /// The status page cannot be bound.
    #[error("`countersign.status_page` cannot be used; configure another port, or none")]
    Page(#[from] BindError),
    /// A socket of the service manager listens elsewhere.
    #[error(
        "the service manager's socket `{name}` listens on {given}, and `{key}` is {configured}; make \
         them the same"
    )]
    OtherAddress {
        /// The name of the socket.
        name: &'static str,
        /// Where it listens.
        given: SocketAddr,
        /// The key of the configuration.
        key: &'static str,
        /// Its value.
        configured: SocketAddr,
    },
    /// A socket of the service manager that nobody asked for.
    #[error(
        "the service manager hands over a socket `{name}`, which the configuration has no use for; \
         sockets are named `endpoint` and, with `metrics_endpoint`, `metrics` (FileDescriptorName=)"
    )]
    Inherited {
        /// The name of the socket.
        name: String,
    },
    /// The control socket cannot be bound.
    #[error(transparent)]
    Control(#[from] ControlError),
    /// Another process of this machine signs with the key.
    #[error(transparent)]
    Instance(#[from] HostLockError),
    /// What was written into our slots cannot be remembered.
    #[error(transparent)]
    Book(#[from] BookError),
    /// The vault does not say whether its key may sign.
    #[error("the vault does not say whether its key may sign")]
    Standing(#[source] SignError),
    /// The signing journal cannot be opened.
    #[error(transparent)]
    Journal(#[from] OpenError),
    /// It cannot be told which signing journal belongs to which key.
    #[error(transparent)]
    Journals(#[from] JournalsError),
    /// The store cannot be opened.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What is decided cannot be kept.
    #[error(transparent)]
    Decisions(#[from] LogError),
    /// Another program's database is in the way.
    #[error("this signer cannot take another one's place")]
    Takeover(#[from] ImportError),
    /// The journal is not the one that belongs to the store.
    #[error(transparent)]
    History(#[from] HistoryError),
    /// A dry run must leave no trace, and a vault in another process records what it signs.
    #[error(
        "a dry run cannot use the vault of another process; set `dry_run = false`, or name another key"
    )]
    DryRunWithVault,
    /// The vault's thread cannot be started.
    #[error("the vault's thread cannot be started")]
    Thread(#[source] io::Error),
    /// The operating system takes no handler for signals.
    #[error("signals cannot be handled")]
    Signals(#[source] io::Error),
    /// A part of the running daemon failed.
    #[error(transparent)]
    Fatal(#[from] Fatal),
}

impl RunError {
    /// The code that the process should end with.
    pub const fn exit(&self) -> Exit {
        match self {
            Self::Config(_) | Self::Node(_) | Self::Tls { .. } | Self::DryRunWithVault => {
                Exit::Usage
            }
            Self::Bind { .. }
            | Self::Page(_)
            | Self::OtherAddress { .. }
            | Self::Inherited { .. }
            | Self::Control(_) => Exit::Bind,
            Self::Journal(error) if error.is_unwritable() => Exit::Store,
            Self::Journals(error) => error.exit(),
            Self::Store(_) | Self::Book(_) | Self::Decisions(_) => Exit::Store,
            Self::Instance(_) => Exit::Instance,
            Self::Standing(_) => Exit::Key,
            Self::Takeover(error) => error.exit(),
            Self::History(HistoryError::Journal(error)) if error.is_fatal() => Exit::Store,
            Self::History(HistoryError::Journal(SignError::Key(_) | SignError::Remote(_))) => {
                Exit::Key
            }
            Self::Journal(_) | Self::History(_) => Exit::Journal,
            Self::Thread(_) | Self::Signals(_) => Exit::Failure,
            Self::Fatal(fatal) => fatal.exit(),
        }
    }
}

/// What the process has around it: how it was started, and who looks after it.
#[derive(Debug)]
pub struct Surroundings {
    /// The file that the configuration is from, which a reload reads again.
    pub config_file: PathBuf,
    /// Sockets that were bound for us, named `endpoint` and `metrics`.
    pub inherited: Inherited,
    /// The service manager.
    pub notifier: Notifier,
    /// Asks for a reload.
    pub hangups: Hangups,
    /// What is logged; none where somebody else has the log.
    pub log: Option<LogFilter>,
    /// What is logged if the configuration does not say.
    pub usual_log: String,
}

/// Runs the signer with its keys, which were opened before, until `stop` is cancelled.
///
/// Nothing is created on disk before the configuration is known to be good and the endpoints are
/// bound. The journal is opened before the store: its lock is what keeps a second signer away.
pub async fn run(
    config: Config,
    keys: impl Into<Holders>,
    mut surroundings: Surroundings,
    stop: CancellationToken,
) -> Result<(), RunError> {
    let keys = keys.into();
    if config.is_dry_run && keys.are_elsewhere() {
        return Err(RunError::DryRunWithVault);
    }
    let public = keys.public();
    tracing::info!("Stacks signer version: {}", crate::release());
    tracing::info!(
        "Starting signer with config:\n{}",
        config.shown(Some(public.first), public.next)
    );
    if config.tls.is_none() || config.node_tls.is_none() {
        tracing::warn!(
            "Reminder: The signer is primarily designed for use with a local or subnet network stacks \
             node: without TLS, callbacks are not authenticated and the password is sent in clear text"
        );
    }
    // First of all: the configuration and the journal of another instance may be quite different.
    let locks = take_keys(&config, &keys)?;
    let mut endpoints = Endpoints::bind(&config, &mut surroundings.inherited).await?;
    endpoints.locks = locks;
    let daemon = assemble(config, keys, endpoints, surroundings, stop)?;
    // Operators and scripts wait for this line. Nobody may read it, which is no reason to stop.
    let _ =
        writeln!(io::stdout(), "Signer spawned successfully. Waiting for messages to process...");
    tracing::info!("Signer runloop begin");
    daemon.await.map_err(RunError::Fatal)
}

/// Our keys, for this process alone; a vault in another process has the lock on its own. Whoever does not
/// sign need not have it: a promotion takes it.
fn take_keys(config: &Config, keys: &Holders) -> Result<Vec<HostLock>, HostLockError> {
    if config.is_dry_run || config.is_standby {
        return Ok(Vec::new());
    }
    let taken: Result<Vec<HostLock>, HostLockError> =
        keys.held_here().iter().map(HostLock::take).collect();
    match taken {
        Err(HostLockError::Taken { .. }) if rests(config, keys) => Ok(Vec::new()),
        taken => taken,
    }
}

/// Whether a journal of one of our keys says that nothing is signed here: then none of them signs. The journal of
/// a key that was here before says nothing of the one that is.
fn rests(config: &Config, keys: &Holders) -> bool {
    let public = keys.public();
    let found = Journals::find(&config.db_path, &public.first, public.next.as_ref());
    let Ok(Some(Journals { first, next })) = found else { return false };
    std::iter::once(first).chain(next).any(|journal| {
        JournalFile::inspect(&journal).is_ok_and(|status| {
            !status.standing.is_active() && public.all().contains(&status.public_key)
        })
    })
}

/// The sockets that the daemon listens on, bound and not served yet.
pub(crate) struct Endpoints {
    /// For the node's callbacks.
    pub(crate) listener: Listener,
    /// For metrics.
    pub(crate) metrics: Option<MetricsServer>,
    /// For whoever looks at the page.
    pub(crate) page: Option<Server>,
    /// Our keys, had alone on this machine, if they must be.
    pub(crate) locks: Vec<HostLock>,
}

impl Endpoints {
    /// Binds each endpoint, or takes the socket that was bound for it.
    async fn bind(config: &Config, inherited: &mut Inherited) -> Result<Self, RunError> {
        let Doors { endpoint, metrics } = config.doors()?;
        let tls = config.tls.as_ref().map(ServerTls::load).transpose();
        let tls = tls.map_err(|source| tls_error("countersign.tls", source))?;
        let listener = match inherit("endpoint", endpoint, inherited, ENDPOINT)? {
            Some(socket) => Listener::from_std(socket),
            None => Listener::bind(endpoint).await,
        };
        let listener = listener
            .map_err(|source| bind_error("endpoint", endpoint, source))?
            .with_allowed_peers(config.allowed_peers.clone())
            .with_tls(tls);
        let metrics = match metrics {
            None => None,
            Some(address) => Some(bind_metrics(config, address, inherited)?),
        };
        let bind = |StatusPage { address, peer }: StatusPage| {
            peer.map_or_else(|| Server::bind(address), |peer| Server::bind_for(address, peer))
        };
        let page = config.status_page.map(bind).transpose()?;
        if let Some(page) = &page {
            tracing::info!("status page: http://{}/", page.local_addr());
        }
        if let Some((name, _)) = inherited.left().first() {
            return Err(RunError::Inherited { name: (*name).to_owned() });
        }
        tracing::info!(endpoint = %listener.local_addr(), "listening for the node's callbacks");
        Ok(Self { listener, metrics, page, locks: Vec::new() })
    }
}

pub(crate) fn tls_error(key: &'static str, source: TlsError) -> RunError {
    RunError::Tls { key, source: Box::new(source) }
}

fn bind_metrics(
    config: &Config,
    address: SocketAddr,
    inherited: &mut Inherited,
) -> Result<MetricsServer, RunError> {
    let key = "metrics_endpoint";
    let server = match inherit(key, address, inherited, METRICS)? {
        Some(socket) => MetricsServer::adopt(socket),
        None => MetricsServer::bind(address),
    };
    let peers = config.allowed_peers.clone();
    server
        .map(|server| server.with_admission(move |peer| peers.admits(peer)))
        .map_err(|source| bind_error(key, address, source))
}

/// The socket that was bound for an endpoint, if there is one. It must listen where the configuration
/// says, or the node's callbacks would go elsewhere.
fn inherit(
    key: &'static str,
    configured: SocketAddr,
    inherited: &mut Inherited,
    name: &'static str,
) -> Result<Option<TcpListener>, RunError> {
    let Some(socket) = inherited.take(name) else { return Ok(None) };
    let given = socket.local_addr().map_err(|source| bind_error(key, configured, source))?;
    if given != configured {
        return Err(RunError::OtherAddress { name, given, key, configured });
    }
    tracing::info!(endpoint = %given, "taking over the socket `{name}` of the service manager");
    Ok(Some(socket))
}

fn bind_error(key: &'static str, address: SocketAddr, source: io::Error) -> RunError {
    RunError::Bind { key, address, source }
}

/// The name of the socket for callbacks.
const ENDPOINT: &str = "endpoint";
/// The name of the socket for metrics.
const METRICS: &str = "metrics";

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use countersign_vault::{Birth, SigningKey, Vault};
    use countersign_wire::{PrivateKey, UnixSeconds};

    use super::*;
    use crate::hand::Holder;

    fn key(byte: u8) -> SigningKey {
        PrivateKey::from_bytes([byte; 32]).unwrap().into()
    }

    #[test]
    fn a_journal_at_rest_of_another_key_lets_no_second_signer_start() {
        let folder = tempfile::tempdir().unwrap();
        let config = Config::parse(&format!(
            "node_host = \"127.0.0.1:20443\"\nendpoint = \"127.0.0.1:30000\"\n\
             stacks_private_key = \"{}\"\nnetwork = \"testnet\"\nauth_password = \"p\"\n\
             db_path = \"{}\"\n",
            hex::encode([232; 32]),
            folder.path().join("signer.sqlite").display()
        ))
        .unwrap();
        // The first key was frozen, and another one has taken its place.
        let (old, new) = (key(231), key(232));
        let (old_journal, new_journal) =
            (config.db_path.journal().unwrap(), config.db_path.journal_of(&new.public_key()));
        let (at, born) = (UnixSeconds::new(1), Birth::WithKey);
        let mut frozen = Vault::create(old, &old_journal, born).unwrap();
        frozen.freeze("stolen", at).unwrap();
        drop(frozen);
        let new_journal = new_journal.unwrap();
        drop(Vault::create(new, &new_journal, born).unwrap());
        let elsewhere = HostLock::take(&key(232).public_key()).unwrap();
        let take = || take_keys(&config, &Holders::from(Holder::from(key(232))));
        let refused = take().unwrap_err();
        assert!(matches!(refused, HostLockError::Taken { .. }), "{refused}");
        // Its own one does: it follows the one that signs.
        let mut demoted = Vault::open(key(232), &new_journal).unwrap();
        demoted.demote(at).unwrap();
        drop(demoted);
        assert_eq!(take().unwrap().len(), 0);
        drop(elsewhere);
        assert_eq!(take().unwrap().len(), 1);
    }
}
