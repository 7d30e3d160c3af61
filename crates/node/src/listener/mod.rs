//! The endpoint that a node posts its callbacks to (`signer-wire.md` section 7).
//!
//! A node sends one callback at a time, waits a second for the answer, and repeats it until the
//! status is 200; meanwhile it may stand still. So the answer goes out when the body has been read
//! and before it is decoded, and everything that a repetition cannot mend is answered with 200 too.
//! There is no authentication, so every request is bounded in size, time and number.

mod backlog;
mod exchange;
mod queue;
mod room;
mod route;
mod stats;

use std::collections::VecDeque;
use std::io;
use std::net::{SocketAddr, TcpListener as StdListener};
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

pub use queue::{CallbackQueue, Incoming, QueueLimits};
pub use stats::{DropReason, QueueStats};

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
    socket: TcpListener,
    address: SocketAddr,
    limits: ListenerLimits,
}

/// What one request, and all of them, may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListenerLimits {
    /// The longest body that is kept, in bytes.
    pub body: usize,
    /// How many connections may be open at once; one more ends the oldest of them. A node's callback
    /// takes milliseconds, so the oldest is the least likely to be one.
    pub connections: usize,
    /// How long a request's head may take.
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
        Self::of(TcpListener::bind(address).await?)
    }

    /// Takes over a socket that listens already, as a service manager hands it over. To be called inside
    /// a tokio runtime.
    pub fn adopt(socket: StdListener) -> io::Result<Self> {
        socket.set_nonblocking(true)?;
        Self::of(TcpListener::from_std(socket)?)
    }

    fn of(socket: TcpListener) -> io::Result<Self> {
        let address = socket.local_addr()?;
        Ok(Self { socket, address, limits: ListenerLimits::default() })
    }

    /// The same socket with other limits.
    #[must_use]
    pub fn with_limits(self, limits: ListenerLimits) -> Self {
        Self { limits, ..self }
    }

    /// Where the node reaches it.
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Takes callbacks into `queue` until `stop` is cancelled. Requests that are not answered by then
    /// are abandoned; the node repeats them to whoever listens next.
    ///
    /// Fails only if the socket itself does.
    pub async fn run(self, queue: CallbackQueue, stop: CancellationToken) -> io::Result<()> {
        let mut connections = Connections::default();
        let mut is_failing = false;
        loop {
            let accepted = tokio::select! {
                () = stop.cancelled() => return Ok(()),
                _ = connections.tasks.join_next(), if !connections.tasks.is_empty() => continue,
                accepted = self.socket.accept() => accepted,
            };
            match accepted {
                Ok((stream, _)) => {
                    is_failing = false;
                    if connections.make_room(self.limits.connections).await {
                        queue.count(DropReason::TooSlow);
                    }
                    let served = exchange::serve(stream, queue.clone(), self.limits);
                    connections.by_age.push_back(connections.tasks.spawn(served));
                }
                Err(error) if is_about_one_connection(&error) => {}
                Err(error) if is_about_the_socket(&error) => return Err(error),
                Err(error) => {
                    if !is_failing {
                        tracing::warn!(%error, "cannot accept connections from the node for now");
                    }
                    is_failing = true;
                    sleep(FAILURE_PAUSE).await;
                }
            }
        }
    }
}

/// The connections that are open.
#[derive(Debug, Default)]
struct Connections {
    tasks: JoinSet<()>,
    /// The oldest first; some have ended.
    by_age: VecDeque<AbortHandle>,
}

impl Connections {
    /// Sees to it that fewer than `limit` are open. Returns whether one had to be ended.
    async fn make_room(&mut self, limit: usize) -> bool {
        self.by_age.retain(|connection| !connection.is_finished());
        if self.tasks.len() < limit {
            return false;
        }
        let oldest = self.by_age.pop_front();
        if let Some(oldest) = &oldest {
            oldest.abort();
        }
        self.tasks.join_next().await;
        oldest.is_some()
    }
}

/// The connection was gone before it was accepted.
fn is_about_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionReset | Interrupted)
}

/// The socket itself is of no use any more. Everything else passes: the process or the machine is out
/// of descriptors or memory, a firewall forbids, or the network below is down, which Linux reports
/// here as well.
fn is_about_the_socket(error: &io::Error) -> bool {
    const EBADF: i32 = 9;
    const EFAULT: i32 = 14;
    const EINVAL: i32 = 22;
    const ENOTSOCK: i32 = 88;
    matches!(error.raw_os_error(), Some(EBADF | EFAULT | EINVAL | ENOTSOCK))
}

const FAILURE_PAUSE: Duration = Duration::from_millis(100);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_broken_socket_ends_the_listener() {
        let rows = [
            (9, true, "EBADF"),
            (22, true, "EINVAL"),
            (1, false, "EPERM: a firewall"),
            (24, false, "EMFILE: out of descriptors"),
            (64, false, "ENONET: passed on from the network below"),
            (71, false, "EPROTO: the same"),
            (100, false, "ENETDOWN: the same"),
            (113, false, "EHOSTUNREACH: the same"),
        ];
        for (code, ends, why) in rows {
            assert_eq!(is_about_the_socket(&io::Error::from_raw_os_error(code)), ends, "{why}");
        }
    }
}
