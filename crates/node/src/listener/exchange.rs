//! One connection: one request and its answer.

use std::cell::Cell;
use std::convert::Infallible;
use std::time::SystemTime;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Incoming};
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::sync::oneshot;
use tokio::time::timeout;

use super::ListenerLimits;
use super::backlog::RawCallback;
use super::queue::CallbackQueue;
use super::room::Reservation;
use super::route::{CallbackKind, Route};
use super::stats::DropReason;
use crate::stream::Stream;

/// Answers one request and closes the connection. A node asks for that, and it keeps idle
/// connections from taking the places of others.
pub(super) async fn serve(stream: Stream, queue: CallbackQueue, limits: ListenerLimits) {
    let (rest, unwanted) = oneshot::channel();
    let rest = Cell::new(Some(rest));
    let exchange = Exchange { queue: queue.clone(), limits };
    let service = service_fn(move |request| {
        let (exchange, rest) = (exchange.clone(), rest.take());
        async move { Ok::<_, Infallible>(exchange.answer(request, rest).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head_deadline)
        .max_headers(MAX_HEADERS)
        .max_buf_size(READ_BUFFER_LEN)
        .auto_date_header(false)
        .keep_alive(false)
        .half_close(true)
        .serve_connection(TokioIo::new(stream), service);
    let (served, ()) = tokio::join!(connection, async {
        if let Ok(body) = unwanted.await {
            discard(body, limits).await;
        }
    });
    match served {
        Err(error) if error.is_parse() => queue.count(DropReason::NotHttp),
        Err(error) if error.is_timeout() => queue.count(DropReason::TooSlow),
        // The node went away before it had heard the answer; it will repeat what it said.
        Err(_) | Ok(()) => {}
    }
}

#[derive(Clone)]
struct Exchange {
    queue: CallbackQueue,
    limits: ListenerLimits,
}

/// Takes a body that nobody wants but that must be read for the sender to hear its answer.
type Rest = Option<oneshot::Sender<Incoming>>;

impl Exchange {
    async fn answer(&self, request: Request<Incoming>, rest: Rest) -> Response<Full<Bytes>> {
        let route = Route::of(request.method(), request.uri());
        let mut body = request.into_body();
        let dropped = match route {
            Route::Callback(kind) => match self.receive(kind, &mut body).await {
                Ok(()) => return empty(StatusCode::OK),
                Err(reason) => Some(reason),
            },
            Route::Unknown => Some(DropReason::UnknownPath),
            Route::WrongMethod => Some(DropReason::WrongMethod),
            Route::Status | Route::Unused => None,
        };
        if let Some(reason) = dropped {
            tracing::debug!(reason = reason.label(), "dropped a request");
            self.queue.count(reason);
        }
        if let Some(rest) = rest {
            // Fails only if the connection is gone.
            let _ = rest.send(body);
        }
        match (route, dropped) {
            (Route::Status, _) => status(),
            (_, Some(DropReason::WrongMethod)) => empty(StatusCode::METHOD_NOT_ALLOWED),
            (_, Some(DropReason::Truncated)) => empty(StatusCode::BAD_REQUEST),
            (_, Some(DropReason::TooSlow)) => empty(StatusCode::REQUEST_TIMEOUT),
            _ => empty(StatusCode::OK),
        }
    }

    async fn receive(&self, kind: CallbackKind, body: &mut Incoming) -> Result<(), DropReason> {
        let read = timeout(self.limits.body_deadline, self.read(body)).await;
        let (body, reservation) = read.map_err(|_| DropReason::TooSlow)??;
        let received_at = SystemTime::now();
        self.queue.push(RawCallback { kind, body, received_at, reservation });
        Ok(())
    }

    /// Reads the body into a buffer that grows with what arrives, whatever was declared.
    async fn read(&self, body: &mut Incoming) -> Result<(Vec<u8>, Reservation), DropReason> {
        let declared = body.size_hint().exact().map_or(Ok(self.limits.body), usize::try_from);
        let longest = declared.ok().filter(|declared| *declared <= self.limits.body);
        let longest = longest.ok_or(DropReason::TooLarge)?;
        let mut bytes = Vec::new();
        let mut reservation = Reservation::default();
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|_| DropReason::Truncated)?;
            let Ok(data) = frame.into_data() else { continue };
            let len = bytes.len() + data.len();
            if len > self.limits.body {
                return Err(DropReason::TooLarge);
            }
            let covered = self.queue.room().cover(&mut reservation, len);
            timeout(self.limits.room_deadline, covered).await.map_err(|_| DropReason::NoRoom)?;
            if len > bytes.capacity() {
                let capacity = len.saturating_mul(GROWTH).min(longest);
                bytes.reserve_exact(capacity.max(len) - bytes.len());
            }
            bytes.extend_from_slice(&data);
        }
        Ok((bytes, reservation))
    }
}

/// Reads a body to its end and keeps nothing. A connection that is closed with bytes unread is
/// reset, and the sender would lose the answer that is on its way.
async fn discard(mut body: Incoming, limits: ListenerLimits) {
    let read = async { while let Some(Ok(_)) = body.frame().await {} };
    let _ = timeout(limits.body_deadline, read).await;
}

fn empty(status: StatusCode) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::default());
    *response.status_mut() = status;
    response
}

fn status() -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from_static(b"OK")));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain"));
    response
}

/// As many as a node's own parser takes.
const MAX_HEADERS: usize = 64;
/// By how much a body's buffer is ahead of what has arrived. Pages that nothing was written to take no
/// memory, but every growth of a large buffer may leave a copy behind for a while; so few steps.
const GROWTH: usize = 8;
/// Bounds a request's head, and what each connection holds of a body that nobody wants.
const READ_BUFFER_LEN: usize = 64 * 1024;
