//! Where heartbeats arrive.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use countersign_ops::http::{self, Bounds, Seat};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper::header::{CONNECTION, HeaderValue};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

use super::Heart;
use super::config::Token;

/// Answers until `stop` is cancelled. Sixteen are served at once, each for ten seconds; one more takes the place of
/// one that says nothing.
pub(super) async fn serve(
    listener: TcpListener,
    heart: Arc<Heart>,
    token: Token,
    stop: CancellationToken,
) {
    let serve = |(stream, _), seat| {
        let stop = stop.clone();
        converse(stream, (Arc::clone(&heart), token.clone()), seat, stop)
    };
    http::take("the dead-man's switch", MAX_CONNECTIONS, &listener, &stop, serve)
        .await
        .wait()
        .await;
}

async fn converse(
    stream: TcpStream,
    (heart, token): (Arc<Heart>, Token),
    seat: Seat,
    stop: CancellationToken,
) {
    let service = service_fn(|request| {
        let (heart, token) = (Arc::clone(&heart), token.clone());
        async move { Ok::<_, Infallible>(answer(request, &heart, &token).await) }
    });
    http::converse(stream, service, BOUNDS, seat, &stop).await;
}

async fn answer(request: Request<Incoming>, heart: &Heart, token: &Token) -> Response<Full<Bytes>> {
    let word = request.uri().path().strip_prefix("/beat/").unwrap_or_default().to_owned();
    let is_beat = matches!(*request.method(), Method::GET | Method::POST) && token.is(&word);
    // The body says nothing, but a sender wants it to be read.
    let _ = Limited::new(request.into_body(), MAX_BODY).collect().await;
    let (status, text) = if is_beat {
        heart.beat();
        (StatusCode::OK, "OK\n")
    } else {
        (StatusCode::NOT_FOUND, "Not Found\n")
    };
    let mut response = Response::new(Full::new(Bytes::from_static(text.as_bytes())));
    *response.status_mut() = status;
    // The next beat is far away, and a place may be wanted.
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    response
}

const MAX_CONNECTIONS: usize = 16;
const MAX_BODY: usize = 1024 * 1024;
const CONNECTION_TIME: Duration = Duration::from_secs(10);
const BOUNDS: Bounds =
    Bounds { head: CONNECTION_TIME, life: CONNECTION_TIME, closing: Duration::from_secs(1) };
