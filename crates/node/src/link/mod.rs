//! What stands on the node's host when node and signer are on two hosts.
//!
//! A stacks-node speaks plain HTTP only. The link speaks for it, over mutual TLS with pinned keys:
//!
//! ```text
//!   node's host                                     signer's host
//!   stacks-node ──plain, loopback──▶ [events] ──mTLS──▶ `endpoint`  of countersign run
//!   stacks-node ◀─plain, loopback── [rpc] ◀──mTLS────── `node_host` of countersign run
//! ```
//!
//! It passes what a node tells a signer and what a signer asks a node, and nothing else
//! (`route`). Bodies are streamed and may have 64 MiB: a chunk has up to 16 MiB and travels as hex.
//! It keeps nothing, so that what the node was not acknowledged it will repeat.

mod answer;
mod config;
mod forward;
mod route;

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

pub use config::{LinkConfig, LinkConfigError};

use crate::exposure::{Reach, Verdict};
use crate::gate::{Gate, GateLimits, Turned};
use crate::tls::{ClientTls, ServerTls, TlsError};
use config::SideConfig;
use forward::{Forwarder, Upstream};
use route::Direction;

/// Why a link does not start.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// Certificate or key cannot be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// Everybody could connect.
    #[error(
        "`events.listen` = {address} can be reached from everywhere, and whoever reaches it speaks with the \
         node's voice; write 127.0.0.1, or list the node in `events.allowed_peers`"
    )]
    Exposed {
        /// What was to be listened on.
        address: SocketAddr,
    },
    /// An address cannot be listened on.
    #[error("`{key}` = {text} cannot be bound; free the address or configure another one")]
    Bind {
        /// The key of the configuration.
        key: &'static str,
        /// Its value.
        text: String,
        /// What the operating system says.
        #[source]
        source: io::Error,
    },
}

/// A link whose sockets are bound and not served yet.
#[derive(Debug)]
pub struct Link {
    events: Side,
    rpc: Side,
    deadline: Duration,
}

/// One direction.
#[derive(Debug)]
struct Side {
    gate: Gate,
    upstream: Upstream,
}

impl Link {
    /// Reads certificate and key, and binds both sides. Needs a tokio runtime.
    pub async fn bind(config: &LinkConfig) -> Result<Self, LinkError> {
        let server = ServerTls::load(&config.tls)?;
        let client = ClientTls::load(&config.tls)?;
        let events = bind("events.listen", &config.events, None).await?;
        refuse_exposed(&config.events, events.local_addr())?;
        let rpc = bind("rpc.listen", &config.rpc, Some(server)).await?;
        Ok(Self {
            events: Side { gate: events, upstream: Upstream::new(&config.events.to, Some(client)) },
            rpc: Side { gate: rpc, upstream: Upstream::new(&config.rpc.to, None) },
            deadline: config.timeout,
        })
    }

    /// Where the node posts its callbacks.
    pub fn events_addr(&self) -> SocketAddr {
        self.events.gate.local_addr()
    }

    /// Where the signer asks.
    pub fn rpc_addr(&self) -> SocketAddr {
        self.rpc.gate.local_addr()
    }

    /// Passes on what may pass until `stop` is cancelled.
    ///
    /// Fails only if a socket itself does.
    pub async fn run(self, stop: CancellationToken) -> io::Result<()> {
        let Self { events, rpc, deadline } = self;
        let events = events.run(Direction::Events, deadline, stop.clone());
        let rpc = rpc.run(Direction::Rpc, deadline, stop);
        tokio::try_join!(events, rpc)?;
        Ok(())
    }
}

impl Side {
    async fn run(
        self,
        direction: Direction,
        deadline: Duration,
        stop: CancellationToken,
    ) -> io::Result<()> {
        let forwarder = Forwarder::new(direction, self.upstream, deadline);
        let serve = move |stream| forwarder.clone().serve(stream);
        let limits =
            GateLimits { connections: MAX_CONNECTIONS, handshake_deadline: HANDSHAKE_DEADLINE };
        let turned = move |turned| match turned {
            // These two have been logged.
            Turned::Away | Turned::Unknown => {}
            Turned::Out => {
                tracing::debug!(
                    direction = direction.label(),
                    "ended the oldest of too many connections"
                );
            }
        };
        self.gate.run(limits, turned, serve, stop).await
    }
}

async fn bind(
    key: &'static str,
    side: &SideConfig,
    tls: Option<ServerTls>,
) -> Result<Gate, LinkError> {
    let failed = |source| LinkError::Bind { key, text: side.listen.clone(), source };
    let mut addresses = tokio::net::lookup_host(&side.listen).await.map_err(failed)?;
    let no_address = || failed(io::Error::other("the host has no address"));
    let address = addresses.next().ok_or_else(no_address)?;
    let gate = Gate::bind(address).await.map_err(failed)?;
    Ok(gate.with_peers(side.allowed_peers.clone()).with_tls(tls))
}

/// The node's own voice comes in here, in the clear.
fn refuse_exposed(side: &SideConfig, address: SocketAddr) -> Result<(), LinkError> {
    let is_guarded = !side.allowed_peers.is_everybody();
    match Reach::of(address.ip()).verdict(is_guarded, false) {
        Verdict::Fine => Ok(()),
        Verdict::Warn => {
            tracing::warn!(%address, "everybody on this network can speak with the node's voice");
            Ok(())
        }
        Verdict::Refuse => Err(LinkError::Exposed { address }),
    }
}

/// How many connections each side may have at once.
const MAX_CONNECTIONS: usize = 64;
/// How long a TLS handshake may take.
const HANDSHAKE_DEADLINE: Duration = Duration::from_secs(5);
