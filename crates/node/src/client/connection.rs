//! Kept-alive connections to one node.
//!
//! The pool is written on hyper's bare connection, because only there it is known whether a
//! connection was used before, and so whether a failure may be the node's having closed it while it
//! was idle. Every question of this client may be asked twice: questions change nothing, and chunks
//! and blocks are told apart by version and by content. So a failure on a used connection, before
//! any byte of an answer, is tried once more on a new one.

use std::error::Error;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::stream::Stream;
use crate::tls::ClientTls;

/// A request whose body is in memory. hyper sends such bodies with a `Content-Length`; a node reads
/// no chunked ones.
pub(super) type NodeRequest = Request<Full<Bytes>>;

/// The connections to one node that are waiting to be used again.
#[derive(Clone)]
pub(super) struct Pool {
    host: Arc<str>,
    tls: Option<ClientTls>,
    connect_deadline: Duration,
    idle: Arc<Mutex<Vec<Idle>>>,
}

/// One connection, in use by one call.
pub(super) struct Connection(SendRequest<Full<Bytes>>);

/// Why no answer began.
#[derive(Debug)]
pub(super) enum ExchangeError {
    Connect(io::Error),
    Tls(Box<dyn Error + Send + Sync>),
    ConnectTimedOut,
    Http(hyper::Error),
}

struct Idle {
    connection: Connection,
    since: Instant,
}

impl Pool {
    pub(super) fn new(host: &str, tls: Option<ClientTls>, connect_deadline: Duration) -> Self {
        Self { host: host.into(), tls, connect_deadline, idle: Arc::default() }
    }

    /// Sends the request and returns the head of the answer, with the connection that its body
    /// comes on. Give the connection back with [`Self::put`] when the body has been read to its end.
    pub(super) async fn exchange(
        &self,
        request: NodeRequest,
    ) -> Result<(Connection, Response<Incoming>), ExchangeError> {
        if let Some(mut used) = self.take().await {
            match used.0.send_request(request.clone()).await {
                Ok(response) => return Ok((used, response)),
                // The node has spoken, so a second attempt would hear the same.
                Err(error) if error.is_parse() => return Err(ExchangeError::Http(error)),
                // What happened to this one has happened to the others.
                Err(_) => self.idle().clear(),
            }
        }
        let mut new = self.connect().await?;
        let response = new.0.send_request(request).await.map_err(ExchangeError::Http)?;
        Ok((new, response))
    }

    /// Keeps the connection for the next call.
    pub(super) fn put(&self, connection: Connection) {
        if connection.0.is_closed() {
            return;
        }
        let mut idle = self.idle();
        if idle.len() < MAX_IDLE {
            idle.push(Idle { connection, since: Instant::now() });
        }
    }

    /// The most recently used connection that is still open.
    async fn take(&self) -> Option<Connection> {
        loop {
            let mut idle = self.idle().pop()?;
            if idle.since.elapsed() < MAX_IDLE_TIME && idle.connection.0.ready().await.is_ok() {
                return Some(idle.connection);
            }
        }
    }

    async fn connect(&self) -> Result<Connection, ExchangeError> {
        let stream = timeout(self.connect_deadline, self.open())
            .await
            .map_err(|_| ExchangeError::ConnectTimedOut)??;
        let (sender, connection) = http1::Builder::new()
            .max_headers(MAX_HEADERS)
            .handshake(TokioIo::new(stream))
            .await
            .map_err(ExchangeError::Http)?;
        // Ends with the connection. Its error reaches whoever waits for an answer on it.
        tokio::spawn(async move {
            let _ = connection.await;
        });
        Ok(Connection(sender))
    }

    async fn open(&self) -> Result<Stream, ExchangeError> {
        let stream = TcpStream::connect(&*self.host).await.map_err(ExchangeError::Connect)?;
        // A request leaves in one or two small writes; waiting to fill a segment would only delay it.
        stream.set_nodelay(true).map_err(ExchangeError::Connect)?;
        match &self.tls {
            None => Ok(Box::new(stream)),
            Some(tls) => tls
                .connect(&self.host, stream)
                .await
                .map_err(|error| ExchangeError::Tls(Box::new(error))),
        }
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Idle>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// More calls than this at once are rare; their connections are closed afterwards.
const MAX_IDLE: usize = 8;
/// After this a box between here and the node may have forgotten the connection without saying so.
const MAX_IDLE_TIME: Duration = Duration::from_secs(30);
/// A node's answers have about ten.
const MAX_HEADERS: usize = 64;
