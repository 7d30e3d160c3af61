//! What our small HTTP servers share: how many connections are taken at once, which of them makes room for another,
//! and how long each may live.
//!
//! What is answered is theirs. A connection that breaks the protocol or goes away concerns nobody, hence there is
//! no error here.

use std::convert::Infallible;
use std::error::Error;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio::sync::{Notify, watch};
use tokio::task::yield_now;
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

/// Takes connections until `stop` is cancelled, `places` at once, and has each served by a task of its own. If all
/// places are taken, the connection that has been idle for longest makes room; if each of them is being answered, more
/// wait. Those that were taken are in the tracker that it gives back, which is closed.
///
/// `what` names the server in the log: once for as long as no connection can be taken, because the process has no
/// descriptor left.
pub async fn take<L: Listener, F>(
    what: &str,
    places: usize,
    listener: &L,
    stop: &CancellationToken,
    serve: impl Fn(L::Connection, Seat) -> F + Send,
) -> TaskTracker
where
    F: Future<Output = ()> + Send + 'static,
{
    let mut room = Room::with(places);
    let connections = TaskTracker::new();
    let accept = async {
        let mut is_failing = false;
        loop {
            match listener.next().await {
                Ok(connection) => {
                    is_failing = false;
                    let served = serve(connection, room.seat().await);
                    let changed = Arc::clone(&room.changed);
                    connections.spawn(async move {
                        served.await;
                        changed.notify_one();
                    });
                    // It is given the chance to read what was sent with it before another one asks for its place.
                    yield_now().await;
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

/// Serves one connection until the client is done, its time is over, its seat is wanted, or `stop` is cancelled. A
/// request's head may have 8 KiB, the least that hyper allows. Its seat is idle but from a request's head until the
/// answer was handed over.
pub async fn converse<S, B>(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    service: S,
    bounds: Bounds,
    seat: Seat,
    stop: &CancellationToken,
) where
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible>,
    B: Body<Error: Into<Box<dyn Error + Send + Sync>>> + Unpin + 'static,
    B::Data: Send,
{
    let service = service_fn(|request| {
        let (busy, answer) = (seat.busy(), service.call(request));
        async move { Ok::<_, Infallible>(answer.await?.map(|body| Held::new(body, busy))) }
    });
    let mut connection = pin!(
        http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(bounds.head)
            .max_buf_size(HEAD_BYTES)
            .serve_connection(TokioIo::new(stream), service)
    );
    tokio::select! {
        _ = connection.as_mut() => return,
        () = seat.is_wanted() => return,
        () = stop.cancelled() => {}
        () = sleep(bounds.life) => {}
    }
    connection.as_mut().graceful_shutdown();
    let _ = timeout(bounds.closing, connection).await;
}

/// The place of a connection among those that are served at once. A new one is idle.
#[derive(Debug)]
pub struct Seat {
    activity: watch::Sender<Activity>,
    wanted: CancellationToken,
    changed: Arc<Notify>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Activity {
    IdleSince(Instant),
    Busy,
}

impl Seat {
    /// Keeps the seat until what is returned is dropped.
    pub fn busy(&self) -> Busy {
        self.activity.send_replace(Activity::Busy);
        Busy { activity: self.activity.clone(), changed: Arc::clone(&self.changed) }
    }

    /// Ends when somebody else is to have it: the connection is to be closed at once.
    pub async fn is_wanted(&self) {
        self.wanted.cancelled().await;
    }
}

/// For as long as it is there, a connection makes room for no other one.
#[derive(Debug)]
pub struct Busy {
    activity: watch::Sender<Activity>,
    changed: Arc<Notify>,
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.activity.send_replace(Activity::IdleSince(Instant::now()));
        self.changed.notify_one();
    }
}

/// All seats of a server.
struct Room {
    places: usize,
    taken: Vec<(watch::Receiver<Activity>, CancellationToken)>,
    /// A seat may have become free, or idle.
    changed: Arc<Notify>,
}

impl Room {
    fn with(places: usize) -> Self {
        Self { places, taken: Vec::new(), changed: Arc::default() }
    }

    /// A free seat, or that of the connection which has been idle for longest, as soon as there is one.
    async fn seat(&mut self) -> Seat {
        loop {
            // Whoever had the others has gone.
            self.taken.retain(|(activity, _)| activity.has_changed().is_ok());
            if self.taken.len() < self.places || self.evict() {
                break;
            }
            self.changed.notified().await;
        }
        let (activity, seen) = watch::channel(Activity::IdleSince(Instant::now()));
        let wanted = CancellationToken::new();
        self.taken.push((seen, wanted.clone()));
        Seat { activity, wanted, changed: Arc::clone(&self.changed) }
    }

    /// Has the connection leave that has been idle for longest. Says whether there was one.
    fn evict(&mut self) -> bool {
        let idle =
            self.taken.iter().enumerate().filter_map(|(place, (activity, _))| {
                match *activity.borrow() {
                    Activity::IdleSince(since) => Some((since, place)),
                    Activity::Busy => None,
                }
            });
        let Some((_, place)) = idle.min() else { return false };
        let (_, wanted) = self.taken.swap_remove(place);
        wanted.cancel();
        true
    }
}

/// An answer that keeps its seat until it was handed over.
pub(crate) struct Held<B> {
    body: B,
    _busy: Busy,
}

impl<B> Held<B> {
    pub(crate) const fn new(body: B, busy: Busy) -> Self {
        Self { body, _busy: busy }
    }
}

impl<B: Body + Unpin> Body for Held<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// How many bytes a request's head may have; the least that hyper allows.
pub(crate) const HEAD_BYTES: usize = 8192;
/// How long to wait when the process has no descriptor left for another connection.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
