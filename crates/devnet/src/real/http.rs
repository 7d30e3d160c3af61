//! HTTP requests to the programs of a real network, and the small servers that they call.
//!
//! A connection for each request, so that no program is ever asked over one that it has just closed:
//! a pool of connections, such as hyper-util has, would only need retries. The signer's own client is
//! in a crate that the devnet does not depend on.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use hyper::server::conn::http1::Builder;
use hyper::{Method, Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use crate::server;

/// A whole answer, or a whole request's worth of one.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: Bytes,
}

impl Answer {
    /// JSON with this status.
    pub(super) fn json(status: u16, value: &serde_json::Value) -> Self {
        Self { status, body: Bytes::from(value.to_string()) }
    }

    /// The body as text, for people.
    pub(super) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).trim().to_owned()
    }
}

/// Why a program did not answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum HttpError {
    /// It takes too long.
    #[error("no answer from {0} in time")]
    Timeout(SocketAddr),
    /// It does not listen.
    #[error("{address} cannot be reached: {source}")]
    Connect {
        /// Where.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// The connection broke, or what came is not HTTP.
    #[error("the connection failed: {0}")]
    Http(#[from] hyper::Error),
    /// The body broke off or is too long.
    #[error("the answer cannot be read: {0}")]
    Body(Box<dyn std::error::Error + Send + Sync>),
    /// The request is none; its path has characters that a path cannot have.
    #[error("the request cannot be made: {0}")]
    Request(#[from] hyper::http::Error),
}

/// What a request says besides its path.
#[derive(Debug, Default)]
pub(super) struct Content<'a> {
    pub(super) authorization: Option<&'a str>,
    /// The value of `Content-Type`.
    pub(super) kind: Option<&'a str>,
    pub(super) body: Bytes,
}

/// `GET path`.
pub(super) async fn get(address: SocketAddr, path: &str) -> Result<Answer, HttpError> {
    send(address, Method::GET, path, Content::default()).await
}

/// `POST path`.
pub(super) async fn post(
    address: SocketAddr,
    path: &str,
    content: Content<'_>,
) -> Result<Answer, HttpError> {
    send(address, Method::POST, path, content).await
}

async fn send(
    address: SocketAddr,
    method: Method,
    path: &str,
    content: Content<'_>,
) -> Result<Answer, HttpError> {
    let mut request = Request::builder().method(method).uri(path).header(HOST, address.to_string());
    if let Some(authorization) = content.authorization {
        request = request.header(AUTHORIZATION, authorization);
    }
    if let Some(kind) = content.kind {
        request = request.header(CONTENT_TYPE, kind);
    }
    let request = request.body(Full::new(content.body))?;
    tokio::time::timeout(TIMEOUT, exchange(address, request))
        .await
        .map_err(|_| HttpError::Timeout(address))?
}

async fn exchange(address: SocketAddr, request: Request<Full<Bytes>>) -> Result<Answer, HttpError> {
    let stream = TcpStream::connect(address)
        .await
        .map_err(|source| HttpError::Connect { address, source })?;
    // Only delays the request, if at all.
    let _ = stream.set_nodelay(true);
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    // It ends with the exchange; what breaks it shows in the exchange.
    let mut driving = JoinSet::new();
    driving.spawn(connection);
    let response = sender.send_request(request).await?;
    let status = response.status().as_u16();
    let body = Limited::new(response.into_body(), MAX_BODY_LEN).collect().await;
    Ok(Answer { status, body: body.map_err(HttpError::Body)?.to_bytes() })
}

/// A request that somebody makes of us.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) path: String,
    pub(super) authorization: Option<String>,
    pub(super) body: Bytes,
}

/// Who answers requests.
pub(super) trait Answers: Send + Sync + 'static {
    /// Answers one request.
    fn answer(&self, asked: Asked) -> impl Future<Output = Answer> + Send;
}

/// Serves until dropped.
pub(super) async fn serve<A: Answers>(listener: TcpListener, answers: Arc<A>) {
    let mut http = Builder::new();
    http.keep_alive(false);
    server::serve(listener, http, move |request| respond(request, Arc::clone(&answers))).await;
}

async fn respond<A: Answers>(request: Request<Incoming>, answers: Arc<A>) -> Response<Full<Bytes>> {
    let (head, body) = request.into_parts();
    let answer = match Limited::new(body, MAX_BODY_LEN).collect().await {
        Err(error) => Answer { status: 413, body: Bytes::from(error.to_string()) },
        Ok(body) => {
            let authorization = head.headers.get(AUTHORIZATION);
            let asked = Asked {
                path: head.uri.path().to_owned(),
                authorization: authorization
                    .and_then(|value| value.to_str().ok().map(str::to_owned)),
                body: body.to_bytes(),
            };
            answers.answer(asked).await
        }
    };
    let has_body = !answer.body.is_empty();
    let mut response = Response::new(Full::new(answer.body));
    *response.status_mut() =
        hyper::StatusCode::from_u16(answer.status).unwrap_or(hyper::StatusCode::BAD_GATEWAY);
    if has_body {
        // A stacks-node does not understand an empty answer that claims to be JSON.
        let json = hyper::header::HeaderValue::from_static("application/json");
        response.headers_mut().insert(CONTENT_TYPE, json);
    }
    response
}

/// A bitcoind that mines a hundred blocks answers only afterwards.
const TIMEOUT: Duration = Duration::from_secs(30);
/// Far above a block with all its receipts.
const MAX_BODY_LEN: usize = 64 << 20;
