//! What our small HTTP servers share: how many connections are taken at once, and how long each may live.
//!
//! What is answered is theirs. A connection that breaks the protocol or goes away concerns nobody, hence there is
//! no error here.

use std::convert::Infallible;
use std::error::Error;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use hyper::body::{Body, Incoming};
use hyper::server::conn::http1;
use hyper::service::Service;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Something that connections come from.
pub trait Listener: Send + Sync {
    /// A connection.
    type Connection: Send;

    /// The next one.
    fn next(&self) -> impl Future<Output = io::Result<Self::Connection>> + Send;
}

impl Listener for TcpListener {
    type Connection = (TcpStream, SocketAddr);

    fn next(&self) -> impl Future<Output = io::Result<Self::Connection>> + Send {
        self.accept()
    }
}

impl Listener for UnixListener {
    type Connection = UnixStream;

    async fn next(&self) -> io::Result<UnixStream> {
        Ok(self.accept().await?.0)
    }
}

/// Takes connections until `stop` is cancelled, `places` at once, and has each served by a task of its own; more
/// wait in the operating system's queue. Those that were taken are in the tracker that it gives back, which is
/// closed.
///
/// `what` names the server in the log: once for as long as no connection can be taken, because the process has no
/// descriptor left.
pub async fn take<L: Listener, F>(
    what: &str,
    places: usize,
    listener: &L,
    stop: &CancellationToken,
    serve: impl Fn(L::Connection) -> F + Send,
) -> TaskTracker
where
    F: Future<Output = ()> + Send + 'static,
{
    let room = Arc::new(Semaphore::new(places));
    let connections = TaskTracker::new();
    let accept = async {
        let mut is_failing = false;
        loop {
            let place =
                Arc::clone(&room).acquire_owned().await.expect("nobody closes this semaphore");
            match listener.next().await {
                Ok(connection) => {
                    is_failing = false;
                    let served = serve(connection);
                    connections.spawn(async move {
                        served.await;
                        drop(place);
                    });
                }
                Err(error) => {
                    if !is_failing {
                        tracing::warn!(%error, "{what} cannot take connections");
                    }
                    is_failing = true;
                    sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    };
    tokio::select! {
        () = accept => {}
        () = stop.cancelled() => {}
    }
    connections.close();
    connections
}

/// How long a connection may take for what.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// A request's head, and an idle connection between two.
    pub head: Duration,
    /// All of it, whatever it does.
    pub life: Duration,
    /// An answer that has begun, after the end was asked for.
    pub closing: Duration,
}

/// Serves one connection until the client is done, its time is over, or `stop` is cancelled. A request's head may
/// have 8 KiB, the least that hyper allows.
pub async fn converse<S, B>(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    service: S,
    bounds: Bounds,
    stop: &CancellationToken,
) where
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible>,
    B: Body<Error: Into<Box<dyn Error + Send + Sync>>> + 'static,
    B::Data: Send,
{
    let mut connection = pin!(
        http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(bounds.head)
            .max_buf_size(HEAD_BYTES)
            .serve_connection(TokioIo::new(stream), service)
    );
    tokio::select! {
        _ = connection.as_mut() => return,
        () = stop.cancelled() => {}
        () = sleep(bounds.life) => {}
    }
    connection.as_mut().graceful_shutdown();
    let _ = timeout(bounds.closing, connection).await;
}

/// How many bytes a request's head may have; the least that hyper allows.
pub(crate) const HEAD_BYTES: usize = 8192;
/// How long to wait when the process has no descriptor left for another connection.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
