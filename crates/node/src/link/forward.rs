//! One connection's requests, handed on to the other side.

use std::convert::Infallible;
use std::error::Error;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::BodyExt as _;
use hyper::body::{Body as _, Incoming};
use hyper::client::conn::http1 as client;
use hyper::header::{
    ACCEPT, AUTHORIZATION, CONTENT_TYPE, HOST, HeaderMap, HeaderName, HeaderValue, USER_AGENT,
};
use hyper::server::conn::http1 as server;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout, timeout_at};

use super::answer::{Answer, own, passed_on};
use super::route::{Direction, Pass};
use crate::once::OncePerSecond;
use crate::stream::Stream;
use crate::tls::ClientTls;

/// Where requests go.
#[derive(Clone, Debug)]
pub(super) struct Upstream {
    host: Arc<str>,
    tls: Option<ClientTls>,
}

/// Hands requests on in one direction. A clone is another handle to the same.
#[derive(Clone)]
pub(super) struct Forwarder {
    direction: Direction,
    upstream: Upstream,
    /// How long one exchange may take, from the request's head to the answer's last byte.
    deadline: Duration,
    failures: Arc<OncePerSecond>,
}

/// Why a request has no answer of the other side.
#[derive(Debug, thiserror::Error)]
enum ForwardError {
    #[error("it cannot be reached")]
    Unreachable(#[source] io::Error),
    #[error("its answer breaks off or is not HTTP")]
    Broken(#[source] hyper::Error),
    #[error("it takes too long")]
    TooSlow,
}

impl Upstream {
    pub(super) fn new(host: &str, tls: Option<ClientTls>) -> Self {
        Self { host: host.into(), tls }
    }

    async fn connect(&self) -> io::Result<Stream> {
        let open = async {
            let stream = TcpStream::connect(&*self.host).await?;
            stream.set_nodelay(true)?;
            match &self.tls {
                Some(tls) => tls.connect(&self.host, stream).await,
                None => Ok(Box::new(stream) as Stream),
            }
        };
        let too_slow = |_| io::Error::new(io::ErrorKind::TimedOut, "connecting took too long");
        timeout(CONNECT_DEADLINE, open).await.map_err(too_slow)?
    }
}

impl Forwarder {
    pub(super) fn new(direction: Direction, upstream: Upstream, deadline: Duration) -> Self {
        Self { direction, upstream, deadline, failures: Arc::default() }
    }

    /// Serves one connection. A signer keeps its own for later questions; a node closes its own.
    pub(super) async fn serve(self, stream: Stream) {
        let service = service_fn(|request| {
            let forwarder = self.clone();
            async move { Ok::<_, Infallible>(forwarder.answer(request).await) }
        });
        let connection = server::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(IDLE_DEADLINE)
            .max_headers(MAX_HEADERS)
            .max_buf_size(READ_BUFFER_LEN)
            .auto_date_header(false)
            .half_close(true)
            .serve_connection(TokioIo::new(stream), service);
        // A client that breaks the protocol or goes away concerns nobody here.
        let _ = connection.await;
    }

    async fn answer(&self, request: Request<Incoming>) -> Answer {
        let deadline = Instant::now() + self.deadline;
        match self.direction.judge(request.method(), request.uri()) {
            Pass::Forward => {}
            Pass::Forget => return drained(request, own(StatusCode::OK, ""), deadline).await,
            Pass::Refuse(status) => {
                tracing::debug!(
                    direction = self.direction.label(),
                    method = %request.method(),
                    path = request.uri().path(),
                    "refused a request that may not pass"
                );
                return drained(request, own(status, "this does not pass here"), deadline).await;
            }
        }
        match request.body().size_hint().exact() {
            None => return own(StatusCode::LENGTH_REQUIRED, "a node reads no chunked requests"),
            Some(len) if len > MAX_BODY_LEN => return self.too_long(),
            Some(_) => {}
        }
        match self.forward(request, deadline).await {
            Ok(answer) => passed_on(answer, MAX_BODY_LEN, deadline),
            Err(error) => self.no_answer(&error),
        }
    }

    /// A node would repeat for ever what it is refused, and the signer would only throw it away.
    fn too_long(&self) -> Answer {
        tracing::warn!(
            direction = self.direction.label(),
            "a body of over 64 MiB was not passed on"
        );
        let status = match self.direction {
            Direction::Events => StatusCode::OK,
            Direction::Rpc => StatusCode::PAYLOAD_TOO_LARGE,
        };
        own(status, "")
    }

    fn no_answer(&self, error: &ForwardError) -> Answer {
        if let Some(others) = self.failures.ask() {
            tracing::warn!(
                direction = self.direction.label(),
                to = &*self.upstream.host,
                error = error as &dyn Error,
                others,
                "a request was not answered by the other side; whoever asked will ask again"
            );
        }
        match error {
            ForwardError::TooSlow => own(StatusCode::GATEWAY_TIMEOUT, "the other side is too slow"),
            _ => own(StatusCode::BAD_GATEWAY, "the other side does not answer"),
        }
    }

    /// Each request has a connection of its own: one that was kept could be closed by the other side
    /// at any moment, and a body that was streamed cannot be sent again.
    async fn forward(
        &self,
        request: Request<Incoming>,
        deadline: Instant,
    ) -> Result<Response<Incoming>, ForwardError> {
        let exchange = async {
            let stream = self.upstream.connect().await.map_err(ForwardError::Unreachable)?;
            let (mut sender, connection) = client::Builder::new()
                .max_headers(MAX_HEADERS)
                .handshake(TokioIo::new(stream))
                .await
                .map_err(ForwardError::Broken)?;
            // Ends with the connection. Its error reaches whoever reads the answer.
            tokio::spawn(async move {
                let _ = connection.await;
            });
            sender.send_request(self.rewritten(request)).await.map_err(ForwardError::Broken)
        };
        timeout_at(deadline, exchange).await.map_err(|_| ForwardError::TooSlow)?
    }

    /// The same request for the other side, with the headers that a node's parser allows.
    fn rewritten(&self, request: Request<Incoming>) -> Request<Incoming> {
        let (mut head, body) = request.into_parts();
        let mut headers = HeaderMap::with_capacity(PASSED_ON.len() + 1);
        if let Ok(host) = HeaderValue::from_str(&self.upstream.host) {
            headers.insert(HOST, host);
        }
        for name in PASSED_ON {
            if let Some(value) = head.headers.remove(&name) {
                headers.insert(name, value);
            }
        }
        head.headers = headers;
        Request::from_parts(head, body)
    }
}

/// Gives the answer when the request's body has been read and thrown away: a connection that is closed
/// with bytes unread is reset, and the sender would lose the answer.
async fn drained(request: Request<Incoming>, answer: Answer, deadline: Instant) -> Answer {
    let mut body = request.into_body();
    let mut left = MAX_BODY_LEN;
    let read = async {
        while let Some(Ok(frame)) = body.frame().await {
            left = left.saturating_sub(frame.data_ref().map_or(0, |data| data.len() as u64));
            if left == 0 {
                break;
            }
        }
    };
    let _ = timeout_at(deadline, read).await;
    answer
}

/// The longest body that passes, in bytes, either way; as much as the signer's endpoint takes.
const MAX_BODY_LEN: u64 = 64 * 1024 * 1024;
/// How long a connection to the other side may take, with its TLS handshake.
const CONNECT_DEADLINE: Duration = Duration::from_secs(5);
/// How long a request's head may take, and a connection may be idle: longer than a signer keeps one,
/// so that it never sends a question into a connection that ends.
const IDLE_DEADLINE: Duration = Duration::from_mins(1);
const MAX_HEADERS: usize = 64;
const READ_BUFFER_LEN: usize = 64 * 1024;
const PASSED_ON: [HeaderName; 4] = [CONTENT_TYPE, AUTHORIZATION, USER_AGENT, ACCEPT];
