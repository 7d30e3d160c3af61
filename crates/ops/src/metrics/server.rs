//! A small HTTP server that nobody can make large.

use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr, TcpListener as StdListener};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{ACCEPT, CONTENT_TYPE, HeaderValue};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::page;
use crate::http::{self, Bounds, Seat};

/// What the pages say at the time of asking.
pub trait Pages: Send + Sync + 'static {
    /// `/metrics`: Prometheus text, as [`page`](super::page()) makes it.
    fn metrics(&self) -> String;

    /// `/info`: a JSON object.
    fn info(&self) -> String;

    /// `/heartbeat`: whether all is well. An answer that takes over five seconds counts as no.
    fn heartbeat(&self) -> impl Future<Output = bool> + Send;

    /// `/readyz`: whether the daemon does what it is for, and if not, why.
    fn readiness(&self) -> Readiness;

    /// `/livez`: what makes no progress, if anything does; a restart may help.
    fn stuck(&self) -> Option<&'static str>;
}

/// The page `/readyz`. The JSON is sent if the request's `Accept` names `application/json` or its
/// query is `json`, the text otherwise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Readiness {
    /// Decides the status: 200 or 503.
    pub is_ready: bool,
    /// For people.
    pub text: String,
    /// For programs: a JSON object.
    pub json: String,
}

/// A bound endpoint that does not answer yet.
pub struct MetricsServer {
    listener: TcpListener,
    address: SocketAddr,
    admits: Box<dyn Fn(IpAddr) -> bool + Send + Sync>,
}

impl MetricsServer {
    /// Binds `address`; port 0 takes a free one. To be called inside a tokio runtime.
    pub fn bind(address: SocketAddr) -> io::Result<Self> {
        Self::adopt(StdListener::bind(address)?)
    }

    /// Takes over a socket that listens already. To be called inside a tokio runtime.
    pub fn adopt(listener: StdListener) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let admits = Box::new(|_| true);
        Ok(Self { listener: TcpListener::from_std(listener)?, address, admits })
    }

    /// The same endpoint for the peers that `admits` says yes to; all others are disconnected at once.
    #[must_use]
    pub fn with_admission(self, admits: impl Fn(IpAddr) -> bool + Send + Sync + 'static) -> Self {
        Self { admits: Box::new(admits), ..self }
    }

    /// The address with the port that was taken.
    pub const fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Answers until `stop` is cancelled, then finishes the answers that it has begun.
    ///
    /// A request's head may have 8 KiB and take five seconds, and so may the pause between two; a body is never
    /// read. Sixteen clients are served at once. One more takes the place of the one that has been idle for
    /// longest, so that whoever connects and says nothing keeps nobody from `/livez`.
    pub async fn run(self, pages: impl Pages, stop: CancellationToken) {
        let pages = Arc::new(pages);
        let serve = |(stream, peer): (TcpStream, SocketAddr), seat| {
            let stream = (self.admits)(peer.ip()).then_some(stream);
            serve(stream, Arc::clone(&pages), seat, stop.clone())
        };
        let what = "the metrics endpoint";
        http::take(what, MAX_CONNECTIONS, &self.listener, &stop, serve).await.wait().await;
    }
}

impl fmt::Debug for MetricsServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MetricsServer").field("address", &self.address).finish_non_exhaustive()
    }
}

/// How many clients are served at once.
const MAX_CONNECTIONS: usize = 16;
const BOUNDS: Bounds = Bounds {
    head: Duration::from_secs(5),
    life: Duration::from_mins(10),
    closing: Duration::from_secs(2),
};
/// How long a heartbeat may take.
const HEARTBEAT_TIME: Duration = Duration::from_secs(5);

/// Nothing is said to whoever is not let in.
async fn serve<P: Pages>(
    stream: Option<TcpStream>,
    pages: Arc<P>,
    seat: Seat,
    stop: CancellationToken,
) {
    let service = service_fn(|request| {
        let pages = Arc::clone(&pages);
        async move { Ok::<_, Infallible>(answer(&request, &*pages).await) }
    });
    if let Some(stream) = stream {
        http::converse(stream, service, BOUNDS, seat, &stop).await;
    }
}

async fn answer(request: &Request<Incoming>, pages: &impl Pages) -> Response<Full<Bytes>> {
    match (request.method(), request.uri().path()) {
        (&Method::GET, "/metrics") => response(StatusCode::OK, page::CONTENT_TYPE, pages.metrics()),
        (&Method::GET, "/info") => response(StatusCode::OK, "application/json", pages.info()),
        (&Method::GET, "/heartbeat") => match timeout(HEARTBEAT_TIME, pages.heartbeat()).await {
            Ok(true) => text(StatusCode::OK, "OK"),
            Ok(false) | Err(_) => text(StatusCode::INTERNAL_SERVER_ERROR, "Failed"),
        },
        (&Method::GET, "/readyz") => {
            let Readiness { is_ready, text, json } = pages.readiness();
            let status = if is_ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
            if wants_json(request) {
                response(status, "application/json", json)
            } else {
                response(status, TEXT, text)
            }
        }
        (&Method::GET, "/livez") => match pages.stuck() {
            None => text(StatusCode::OK, "OK"),
            Some(part) => {
                let body = format!("{part} makes no progress\n");
                response(StatusCode::SERVICE_UNAVAILABLE, TEXT, body)
            }
        },
        (&Method::GET, "/") => text(StatusCode::OK, "OK"),
        _ => text(StatusCode::NOT_FOUND, "Not Found"),
    }
}

fn wants_json(request: &Request<Incoming>) -> bool {
    let accepted = request.headers().get(ACCEPT).and_then(|value| value.to_str().ok());
    request.uri().query() == Some("json")
        || accepted.is_some_and(|types| types.contains("application/json"))
}

fn text(status: StatusCode, body: &'static str) -> Response<Full<Bytes>> {
    response(status, TEXT, body)
}

const TEXT: &str = "text/plain; charset=utf-8";

fn response(
    status: StatusCode,
    content_type: &'static str,
    body: impl Into<Bytes>,
) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}
