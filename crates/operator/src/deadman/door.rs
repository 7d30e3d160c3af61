//! Where heartbeats arrive.

use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};

use super::Heart;
use super::config::Token;

/// Answers until the future is dropped. Sixteen are served at once, each for ten seconds.
pub(super) async fn serve(listener: TcpListener, heart: Arc<Heart>, token: Token) {
    let room = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    loop {
        let place = Arc::clone(&room).acquire_owned().await.expect("nobody closes this semaphore");
        match listener.accept().await {
            Ok((stream, _)) => {
                let (heart, token) = (Arc::clone(&heart), token.clone());
                tokio::spawn(async move {
                    let _ = timeout(CONNECTION_TIME, converse(stream, heart, token)).await;
                    drop(place);
                });
            }
            // The process has no descriptor left for another connection.
            Err(_) => sleep(ACCEPT_PAUSE).await,
        }
    }
}

async fn converse(stream: TcpStream, heart: Arc<Heart>, token: Token) {
    let service = service_fn(|request| {
        let (heart, token) = (Arc::clone(&heart), token.clone());
        async move { Ok::<_, Infallible>(answer(request, &heart, &token).await) }
    });
    let connection = pin!(
        http1::Builder::new()
            .timer(TokioTimer::new())
            .keep_alive(false)
            .serve_connection(TokioIo::new(stream), service)
    );
    // A client that breaks the protocol concerns nobody.
    let _ = connection.await;
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
    response
}

const MAX_CONNECTIONS: usize = 16;
const MAX_BODY: usize = 1024 * 1024;
const CONNECTION_TIME: Duration = Duration::from_secs(10);
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
