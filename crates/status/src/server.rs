//! A small web server on the loopback interface that nobody can make large, and that nobody can write to.

use std::convert::Infallible;
use std::io;
use std::net::{IpAddr, SocketAddr, TcpListener as StdListener};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use countersign_ops::http::{self, Bounds, Seat};
use http_body_util::{Either, Full};
use hyper::body::{Body, Frame, Incoming};
use hyper::header::{self, HeaderName, HeaderValue};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, watch};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::guard::{Refusal, check, is_loopback};
use crate::page::Page;

/// Why the page cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// Others could reach it.
    #[error(
        "{0} is not a loopback address; use 127.0.0.1 or [::1], and a tunnel (`ssh -L`) to look from afar"
    )]
    NotLoopback(SocketAddr),
    /// The operating system refuses.
    #[error("{0} cannot be bound")]
    Io(SocketAddr, #[source] io::Error),
}

/// A bound page that is not served yet.
#[derive(Debug)]
pub struct Server {
    listener: StdListener,
    address: SocketAddr,
    /// The only one who may ask, if others reach the address.
    peer: Option<IpAddr>,
}

impl Server {
    /// Binds a loopback address; port 0 takes a free one.
    pub fn bind(address: SocketAddr) -> Result<Self, BindError> {
        if !is_loopback(&address) {
            return Err(BindError::NotLoopback(address));
        }
        Self::listen(address, None).map_err(|source| BindError::Io(address, source))
    }

    /// Binds an address inside of a container, where nobody is answered but `peer`: the machine that the container is on,
    /// which publishes the port on its own loopback interface. Whoever else connects hears nothing.
    pub fn bind_for(address: SocketAddr, peer: IpAddr) -> Result<Self, BindError> {
        if address.ip().is_unspecified() {
            return Err(BindError::NotLoopback(address));
        }
        Self::listen(address, Some(peer)).map_err(|source| BindError::Io(address, source))
    }

    fn listen(address: SocketAddr, peer: Option<IpAddr>) -> io::Result<Self> {
        let listener = StdListener::bind(address)?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        Ok(Self { listener, address, peer })
    }

    /// The address with the port that was taken.
    pub const fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Serves the page, and on it whatever `feed` holds last, a JSON object of one line, until `stop` is
    /// cancelled.
    ///
    /// 32 clients are served at once, of which 16 may follow the news; more followers are told to come back, and
    /// anybody else takes the place of the one that has been idle for longest. A request's head may have 8 KiB and
    /// take five seconds; a body is never read.
    pub async fn run(self, feed: watch::Receiver<Bytes>, stop: CancellationToken) {
        let listener = match TcpListener::from_std(self.listener) {
            Ok(listener) => listener,
            Err(error) => {
                tracing::error!(%error, "the status page is not served; nothing else depends on it");
                return stop.cancelled().await;
            }
        };
        let desk = Arc::new(Desk {
            page: Page::new(),
            feed,
            room: Arc::new(Semaphore::new(MAX_FOLLOWERS)),
            followers: TaskTracker::new(),
            stop: stop.clone(),
        });
        let peer = self.peer;
        let serve = |(stream, from): (TcpStream, SocketAddr), seat| {
            let may_ask = peer.is_none_or(|peer| peer == from.ip());
            let desk = Arc::clone(&desk);
            async move {
                if may_ask {
                    serve(stream, desk, seat).await;
                }
            }
        };
        let connections =
            http::take("the status page", MAX_CONNECTIONS, &listener, &stop, serve).await;
        desk.followers.close();
        connections.wait().await;
        desk.followers.wait().await;
    }
}

/// What all connections share.
struct Desk {
    page: Page,
    feed: watch::Receiver<Bytes>,
    room: Arc<Semaphore>,
    followers: TaskTracker,
    stop: CancellationToken,
}

async fn serve(stream: TcpStream, desk: Arc<Desk>, seat: Seat) {
    let stop = desk.stop.clone();
    let service = service_fn(move |request| {
        let desk = Arc::clone(&desk);
        async move { Ok::<_, Infallible>(desk.answer(&request)) }
    });
    http::converse(stream, service, BOUNDS, seat, &stop).await;
}

type Answer = Response<Either<Full<Bytes>, News>>;

impl Desk {
    fn answer(&self, request: &Request<Incoming>) -> Answer {
        let (method, uri) = (request.method(), request.uri());
        let mut answer = match check(method, uri, request.headers()) {
            Ok(()) => self.known(method, uri.path()),
            Err(refusal) => refused(refusal),
        };
        for (name, value) in HARDENING {
            answer.headers_mut().insert(name, HeaderValue::from_static(value));
        }
        let policy = HeaderValue::from_str(&self.page.policy).expect("the policy is ASCII");
        answer.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
        answer
    }

    fn known(&self, method: &Method, path: &str) -> Answer {
        match path {
            "/" => full(StatusCode::OK, "text/html; charset=utf-8", self.page.html.clone()),
            "/status.json" => full(StatusCode::OK, JSON, self.feed.borrow().clone()),
            "/events" if *method == Method::GET => self.follow(),
            _ => text(StatusCode::NOT_FOUND, "there is no such page\n"),
        }
    }

    /// Server-sent events: the newest snapshot at once, and each newer one.
    fn follow(&self) -> Answer {
        let Ok(place) = Arc::clone(&self.room).try_acquire_owned() else {
            let text =
                text(StatusCode::SERVICE_UNAVAILABLE, "too many pages are open; close some\n");
            return with(text, header::RETRY_AFTER, "5");
        };
        let (sender, receiver) = mpsc::channel(1);
        let feed = self.feed.clone();
        self.followers.spawn(tell(feed, sender, self.stop.clone(), place));
        let answer = Response::new(Either::Right(News(receiver)));
        with(answer, header::CONTENT_TYPE, "text/event-stream")
    }
}

/// Tells one follower the news. Whoever is slow gets the newest and misses what was between; whoever does
/// not read at all is left.
async fn tell(
    feed: watch::Receiver<Bytes>,
    follower: mpsc::Sender<Bytes>,
    stop: CancellationToken,
    _place: OwnedSemaphorePermit,
) {
    tokio::select! {
        () = stop.cancelled() => {}
        () = follower.closed() => {}
        () = sleep(BOUNDS.life) => {}
        _ = talk(feed, &follower) => {}
    }
}

/// Talks until nobody listens, or there is nothing to be told any more.
async fn talk(
    mut feed: watch::Receiver<Bytes>,
    follower: &mpsc::Sender<Bytes>,
) -> Option<Infallible> {
    let say = async |bytes: Bytes| timeout(SLOWEST, follower.send(bytes)).await.ok()?.ok();
    say(Bytes::from_static(RETRY)).await?;
    loop {
        let newest = feed.borrow_and_update().clone();
        say(event(&newest)).await?;
        sleep(MIN_PAUSE).await;
        loop {
            match timeout(HEARTBEAT, feed.changed()).await {
                Ok(changed) => break changed.ok()?,
                Err(_) => say(Bytes::from_static(BEAT)).await?,
            }
        }
    }
}

fn event(json: &[u8]) -> Bytes {
    Bytes::from([b"data: ", json, b"\n\n"].concat())
}

/// The body of the news.
struct News(mpsc::Receiver<Bytes>);

impl Body for News {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.0.poll_recv(context).map(|bytes| bytes.map(|bytes| Ok(Frame::data(bytes))))
    }
}

fn refused(refusal: Refusal) -> Answer {
    match refusal {
        Refusal::Method => {
            with(text(StatusCode::METHOD_NOT_ALLOWED, refusal.text()), header::ALLOW, "GET, HEAD")
        }
        Refusal::Host => text(StatusCode::MISDIRECTED_REQUEST, refusal.text()),
        Refusal::CrossSite => text(StatusCode::FORBIDDEN, refusal.text()),
    }
}

fn text(status: StatusCode, body: &'static str) -> Answer {
    full(status, "text/plain; charset=utf-8", Bytes::from_static(body.as_bytes()))
}

fn full(status: StatusCode, content_type: &'static str, body: Bytes) -> Answer {
    let mut answer = Response::new(Either::Left(Full::new(body)));
    *answer.status_mut() = status;
    with(answer, header::CONTENT_TYPE, content_type)
}

fn with(mut answer: Answer, name: HeaderName, value: &'static str) -> Answer {
    answer.headers_mut().insert(name, HeaderValue::from_static(value));
    answer
}

const JSON: &str = "application/json";
/// Headers of every answer.
const HARDENING: [(HeaderName, &str); 7] = [
    (header::CACHE_CONTROL, "no-store"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "no-referrer"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("permissions-policy"), "camera=(), geolocation=(), microphone=()"),
];
/// A browser that loses the news asks again after this many milliseconds.
const RETRY: &[u8] = b"retry: 1000\n\n";
/// A line that says nothing but that we are there.
const BEAT: &[u8] = b":\n\n";
/// How many clients are served at once.
const MAX_CONNECTIONS: usize = 32;
/// How many of them may follow the news.
const MAX_FOLLOWERS: usize = 16;
/// A browser that follows the news comes back by itself when its time is over.
const BOUNDS: Bounds = Bounds {
    head: Duration::from_secs(5),
    life: Duration::from_hours(1),
    closing: Duration::from_secs(1),
};
/// The least pause between two snapshots for one follower.
const MIN_PAUSE: Duration = Duration::from_millis(200);
/// How long nothing is said when there is no news.
const HEARTBEAT: Duration = Duration::from_secs(10);
/// How long a follower may leave what it was told unread.
const SLOWEST: Duration = Duration::from_secs(30);
