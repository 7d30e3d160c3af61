//! The daemon: opened in an order that leaves nothing behind when it cannot start, and supervised.

use std::io::{self, Write as _};
use std::net::SocketAddr;

use countersign_node::{Listener, ServerTls, TlsError};
use countersign_ops::control::ControlError;
use countersign_ops::exit::Exit;
use countersign_ops::metrics::MetricsServer;
use countersign_ops::supervise::Fatal;
use countersign_vault::{HostLock, HostLockError, OpenError};
use tokio_util::sync::CancellationToken;

use crate::assemble::assemble;
use crate::config::{Config, Doors, Problem};
use crate::history::HistoryError;
use crate::import::ImportError;
use crate::instance::BookError;
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
    /// The control socket cannot be bound.
    #[error(transparent)]
    Control(#[from] ControlError),
    /// Another process of this machine signs with the key.
    #[error(transparent)]
    Instance(#[from] HostLockError),
    /// What was written into our slots cannot be remembered.
    #[error(transparent)]
    Book(#[from] BookError),
    /// The signing journal cannot be opened.
    #[error(transparent)]
    Journal(#[from] OpenError),
    /// The store cannot be opened.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Another program's database is in the way.
    #[error("this signer cannot take another one's place")]
    Takeover(#[from] ImportError),
    /// The journal is not the one that belongs to the store.
    #[error(transparent)]
    History(#[from] HistoryError),
    /// The vault's thread cannot be started.
    #[error("the vault's thread cannot be started")]
    Thread(#[source] io::Error),
    /// A part of the running daemon failed.
    #[error(transparent)]
    Fatal(#[from] Fatal),
}

impl RunError {
    /// The code that the process should end with.
    pub const fn exit(&self) -> Exit {
        match self {
            Self::Config(_) | Self::Node(_) | Self::Tls { .. } => Exit::Usage,
            Self::Bind { .. } | Self::Control(_) => Exit::Bind,
            Self::Journal(error) if error.is_unwritable() => Exit::Store,
            Self::Store(_) | Self::Book(_) => Exit::Store,
            Self::Instance(_) => Exit::Instance,
            Self::Takeover(error) => error.exit(),
            Self::History(HistoryError::Journal(error)) if error.is_fatal() => Exit::Store,
            Self::Journal(_) | Self::History(_) => Exit::Journal,
            Self::Thread(_) => Exit::Failure,
            Self::Fatal(fatal) => fatal.exit(),
        }
    }
}

/// Runs the signer until `stop` is cancelled.
///
/// Nothing is created on disk before the configuration is known to be good and the endpoints are
/// bound. The journal is opened before the store: its lock is what keeps a second signer away.
pub async fn run(config: Config, stop: CancellationToken) -> Result<(), RunError> {
    tracing::info!("Stacks signer version: {}", crate::release());
    tracing::info!("Starting signer with config:\n{config}");
    if config.tls.is_none() || config.node_tls.is_none() {
        tracing::warn!(
            "Reminder: The signer is primarily designed for use with a local or subnet network stacks \
             node: without TLS, callbacks are not authenticated and the password is sent in clear text"
        );
    }
    // First of all: the configuration and the journal of another instance may be quite different.
    let lock = if config.is_dry_run || config.is_standby {
        None
    } else {
        Some(HostLock::take(&config.key.public_key())?)
    };
    let endpoints = Endpoints::bind(&config).await?;
    let daemon = assemble(config, endpoints, lock, stop)?;
    // Operators and scripts wait for this line. Nobody may read it, which is no reason to stop.
    let _ =
        writeln!(io::stdout(), "Signer spawned successfully. Waiting for messages to process...");
    tracing::info!("Signer runloop begin");
    daemon.await.map_err(RunError::Fatal)
}

/// The sockets that the daemon listens on, bound and not served yet.
pub(crate) struct Endpoints {
    /// For the node's callbacks.
    pub(crate) listener: Listener,
    /// For metrics.
    pub(crate) metrics: Option<MetricsServer>,
}

impl Endpoints {
    async fn bind(config: &Config) -> Result<Self, RunError> {
        let Doors { endpoint, metrics } = config.doors()?;
        let tls = config.tls.as_ref().map(ServerTls::load).transpose();
        let tls = tls.map_err(|source| tls_error("countersign.tls", source))?;
        let listener = Listener::bind(endpoint)
            .await
            .map_err(|source| bind_error("endpoint", endpoint, source))?
            .with_allowed_peers(config.allowed_peers.clone())
            .with_tls(tls);
        let metrics = metrics.map(|address| {
            let peers = config.allowed_peers.clone();
            MetricsServer::bind(address)
                .map(|server| server.with_admission(move |peer| peers.admits(peer)))
                .map_err(|source| bind_error("metrics_endpoint", address, source))
        });
        tracing::info!(endpoint = %listener.local_addr(), "listening for the node's callbacks");
        Ok(Self { listener, metrics: metrics.transpose()? })
    }
}

pub(crate) fn tls_error(key: &'static str, source: TlsError) -> RunError {
    RunError::Tls { key, source: Box::new(source) }
}

fn bind_error(key: &'static str, address: SocketAddr, source: io::Error) -> RunError {
    RunError::Bind { key, address, source }
}
