//! Who gets in: connections are accepted, looked at, and bounded in number.
//!
//! Nothing that a peer does before it is let in can hold a place for long, and nothing at all can hold
//! one that is needed: one connection too many ends the oldest that has not shown who it is, or, if
//! there is none of these, the oldest.

use std::collections::VecDeque;
use std::io;
use std::net::{SocketAddr, TcpListener as StdListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rustls::CertificateError;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::once::OncePerSecond;
use crate::peers::AllowedPeers;
use crate::stream::Stream;
use crate::tls::{ServerTls, date};

/// A bound socket, and who may come in through it.
#[derive(Debug)]
pub(crate) struct Gate {
    socket: TcpListener,
    address: SocketAddr,
    peers: AllowedPeers,
    tls: Option<ServerTls>,
}

/// How many may be in, and how long they may take to get in.
#[derive(Clone, Copy, Debug)]
pub(crate) struct GateLimits {
    pub(crate) connections: usize,
    pub(crate) handshake_deadline: Duration,
}

/// Why a connection ended without being served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Turned {
    /// Its address is not one of the allowed peers.
    Away,
    /// The TLS handshake failed.
    Unknown,
    /// It had to go for a newer one.
    Out,
}

impl Gate {
    pub(crate) async fn bind(address: SocketAddr) -> io::Result<Self> {
        Self::new(TcpListener::bind(address).await?)
    }

    /// Takes a socket that somebody else has bound.
    pub(crate) fn from_std(socket: StdListener) -> io::Result<Self> {
        socket.set_nonblocking(true)?;
        Self::new(TcpListener::from_std(socket)?)
    }

    fn new(socket: TcpListener) -> io::Result<Self> {
        let address = socket.local_addr()?;
        Ok(Self { socket, address, peers: AllowedPeers::default(), tls: None })
    }

    pub(crate) fn with_peers(self, peers: AllowedPeers) -> Self {
        Self { peers, ..self }
    }

    pub(crate) fn with_tls(self, tls: Option<ServerTls>) -> Self {
        Self { tls, ..self }
    }

    pub(crate) const fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Serves whoever comes in until `stop` is cancelled; what is not done by then is abandoned.
    ///
    /// Fails only if the socket itself does.
    pub(crate) async fn run<F>(
        self,
        limits: GateLimits,
        turned: impl Fn(Turned) + Clone + Send + 'static,
        serve: impl Fn(Stream) -> F + Clone + Send + 'static,
        stop: CancellationToken,
    ) -> io::Result<()>
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let mut connections = Connections::default();
        let log = Arc::new(Log::default());
        let mut is_failing = false;
        loop {
            let accepted = tokio::select! {
                () = stop.cancelled() => return Ok(()),
                _ = connections.tasks.join_next(), if !connections.tasks.is_empty() => continue,
                accepted = self.socket.accept() => accepted,
            };
            match accepted {
                Ok((_, peer)) if !self.peers.admits(peer.ip()) => {
                    log.stranger(peer);
                    turned(Turned::Away);
                }
                Ok((stream, peer)) => {
                    is_failing = false;
                    if connections.make_room(limits.connections).await {
                        turned(Turned::Out);
                    }
                    let entry = Entry {
                        tls: self.tls.clone(),
                        deadline: limits.handshake_deadline,
                        log: Arc::clone(&log),
                        peer,
                    };
                    let (turned, serve) = (turned.clone(), serve.clone());
                    connections.spawn(|is_known| async move {
                        match entry.enter(stream).await {
                            Some(stream) => {
                                is_known.store(entry.tls.is_some(), Ordering::Relaxed);
                                serve(stream).await;
                            }
                            None => turned(Turned::Unknown),
                        }
                    });
                }
                Err(error) if is_about_one_connection(&error) => {}
                Err(error) if is_about_the_socket(&error) => return Err(error),
                Err(error) => {
                    if !is_failing {
                        tracing::warn!(%error, endpoint = %self.address, "cannot accept connections for now");
                    }
                    is_failing = true;
                    sleep(FAILURE_PAUSE).await;
                }
            }
        }
    }
}

/// One connection on its way in.
struct Entry {
    tls: Option<ServerTls>,
    deadline: Duration,
    log: Arc<Log>,
    peer: SocketAddr,
}

impl Entry {
    /// The connection when the peer has shown who it is, if that is asked for.
    async fn enter(&self, stream: TcpStream) -> Option<Stream> {
        // Only delays an answer, if at all.
        let _ = stream.set_nodelay(true);
        let Some(tls) = &self.tls else { return Some(Box::new(stream)) };
        let entered = timeout(self.deadline, tls.accept(stream)).await;
        let error = match entered {
            Ok(Ok(stream)) => return Some(stream),
            Ok(Err(error)) => error,
            Err(_) => io::Error::new(io::ErrorKind::TimedOut, "the handshake took too long"),
        };
        self.log.handshake(self.peer, &error);
        None
    }
}

/// What is worth a line, and not more than one a second of each kind.
#[derive(Debug, Default)]
struct Log {
    strangers: OncePerSecond,
    expired: OncePerSecond,
    handshakes: OncePerSecond,
}

impl Log {
    fn stranger(&self, peer: SocketAddr) {
        if let Some(others) = self.strangers.ask() {
            tracing::warn!(%peer, others, "refused a connection: the address is not in `allowed_peers`");
        }
    }

    fn handshake(&self, peer: SocketAddr, error: &io::Error) {
        if let Some(expired) = expiry(error) {
            if let Some(others) = self.expired.ask() {
                tracing::error!(
                    %peer, others, expired,
                    "refused a pinned peer: its certificate has expired; make a new one there with \
                     `countersign tls new` and list its pin in `peers`"
                );
            }
        } else if let Some(others) = self.handshakes.ask() {
            tracing::warn!(%peer, others, %error, "refused a connection: the TLS handshake failed");
        }
    }
}

/// When the certificate of a pinned peer expired, if that is what is wrong.
fn expiry(error: &io::Error) -> Option<String> {
    match error.get_ref()?.downcast_ref()? {
        rustls::Error::InvalidCertificate(CertificateError::ExpiredContext {
            not_after, ..
        }) => Some(date(*not_after)),
        _ => None,
    }
}

/// The connections that are open.
#[derive(Debug, Default)]
struct Connections {
    tasks: JoinSet<()>,
    /// The oldest first; some have ended.
    by_age: VecDeque<Connection>,
}

#[derive(Debug)]
struct Connection {
    task: AbortHandle,
    /// Whether the peer has shown who it is.
    is_known: Arc<AtomicBool>,
}

impl Connections {
    fn spawn<F: Future<Output = ()> + Send + 'static>(
        &mut self,
        serve: impl FnOnce(Arc<AtomicBool>) -> F,
    ) {
        let is_known = Arc::new(AtomicBool::new(false));
        let task = self.tasks.spawn(serve(Arc::clone(&is_known)));
        self.by_age.push_back(Connection { task, is_known });
    }

    /// Sees to it that fewer than `limit` are open. Returns whether one had to be ended.
    async fn make_room(&mut self, limit: usize) -> bool {
        self.by_age.retain(|connection| !connection.task.is_finished());
        if self.tasks.len() < limit {
            return false;
        }
        let is_unknown = |connection: &Connection| !connection.is_known.load(Ordering::Relaxed);
        let oldest = self.by_age.iter().position(is_unknown).unwrap_or(0);
        let oldest = self.by_age.remove(oldest);
        if let Some(oldest) = &oldest {
            oldest.task.abort();
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
