//! The endpoint that a node posts its callbacks to (`signer-wire.md` section 7).
//!
//! A node sends one callback at a time, waits a second for the answer, and repeats it until the
//! status is 200; meanwhile it may stand still. So the answer goes out when the body has been read
//! and before it is decoded, and everything that a repetition cannot mend is answered with 200 too.
//! A node cannot authenticate itself; an allow-list of addresses or mutual TLS can stand in the door
//! ([`Listener::with_allowed_peers`], [`Listener::with_tls`]). Either way every request is bounded in
//! size, time and number.

mod backlog;
mod exchange;
mod queue;
mod room;
mod route;
mod stats;

use std::io;
use std::net::{SocketAddr, TcpListener as StdListener};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

pub use queue::{CallbackQueue, Incoming, QueueLimits};
pub(crate) use route::Route;
pub use stats::{DropReason, QueueStats};

use crate::gate::{Gate, GateLimits, Turned};
use crate::peers::AllowedPeers;
use crate::tls::ServerTls;

/// A bound socket that takes callbacks once it runs.
///
/// | request | answer |
/// | --- | --- |
/// | any method `/status` | 200 `OK` |
/// | POST of one of the four callbacks | 200 when it has been read |
/// | any other POST | 200, ignored; there is no `/shutdown` |
/// | anything else | 405 |
/// | a body over the limit | 200 at once; the rest is read and thrown away |
/// | a body that ends early or comes too slowly | 400 or 408, so that the node repeats it |
#[derive(Debug)]
pub struct Listener {
    gate: Gate,
    limits: ListenerLimits,
}

/// What one request, and all of them, may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListenerLimits {
    /// The longest body that is kept, in bytes.
    pub body: usize,
    /// How many connections may be open at once; one more ends the oldest of them, with TLS the oldest
    /// that has not shown who it is. A node's callback takes milliseconds, so the oldest is the least
    /// likely to be one.
    pub connections: usize,
    /// How long a request's head may take, and before it a TLS handshake.
    pub head_deadline: Duration,
    /// How long a request's body may take.
    pub body_deadline: Duration,
    /// How long a body may wait for memory that others hold.
    pub room_deadline: Duration,
}

/// A new block reaches tens of megabytes. A node gives up after one second unless it is configured
/// otherwise, so longer deadlines serve only slow ones.
impl Default for ListenerLimits {
    fn default() -> Self {
        Self {
            body: 64 * 1024 * 1024,
            connections: 64,
            head_deadline: Duration::from_secs(5),
            body_deadline: Duration::from_secs(15),
            room_deadline: Duration::from_millis(500),
        }
    }
}

impl Listener {
    /// Binds the endpoint. Nothing is accepted before [`Self::run`].
    pub async fn bind(address: SocketAddr) -> io::Result<Self> {
        Ok(Self::new(Gate::bind(address).await?))
    }

    /// Takes a socket that is bound already, such as one that a service manager hands over. To be
    /// called inside a tokio runtime.
    pub fn from_std(socket: StdListener) -> io::Result<Self> {
        Ok(Self::new(Gate::from_std(socket)?))
    }

    fn new(gate: Gate) -> Self {
        Self { gate, limits: ListenerLimits::default() }
    }

    /// The same socket with other limits.
    #[must_use]
    pub fn with_limits(self, limits: ListenerLimits) -> Self {
        Self { limits, ..self }
    }

    /// The same socket for these peers; all others are disconnected at once.
    #[must_use]
    pub fn with_allowed_peers(self, peers: AllowedPeers) -> Self {
        Self { gate: self.gate.with_peers(peers), ..self }
    }

    /// The same socket with mutual TLS, or in the clear.
    #[must_use]
    pub fn with_tls(self, tls: Option<ServerTls>) -> Self {
        Self { gate: self.gate.with_tls(tls), ..self }
    }

    /// Where the node reaches it.
    pub fn local_addr(&self) -> SocketAddr {
        self.gate.local_addr()
    }

    /// Takes callbacks into `queue` until `stop` is cancelled. Requests that are not answered by then
    /// are abandoned; the node repeats them to whoever listens next.
    ///
    /// Fails only if the socket itself does.
    pub async fn run(self, queue: CallbackQueue, stop: CancellationToken) -> io::Result<()> {
        let limits = self.limits;
        let gate_limits = GateLimits {
            connections: limits.connections,
            handshake_deadline: limits.head_deadline,
        };
        let counting = queue.clone();
        let turned = move |turned| {
            counting.count(match turned {
                Turned::Away => DropReason::NotAllowed,
                Turned::Unknown => DropReason::Handshake,
                Turned::Out => DropReason::TooSlow,
            });
        };
        let serve = move |stream| exchange::serve(stream, queue.clone(), limits);
        self.gate.run(gate_limits, turned, serve, stop).await
    }
}
