//! Answering: who asks is checked before anything else, and everything that is read has a bound.

use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::{Body as _, Incoming};
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use rustix::process::geteuid;
use serde_json::Value;
use tokio::net::UnixStream;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::{Caller, ControlSocket, Handler, MAX_BODY_LEN, Method, Reply, Request};
use crate::http::{self, Held, Seat};

impl ControlSocket {
    /// Answers until `stop` is cancelled, then finishes the answers that it has begun, for two seconds
    /// at most.
    ///
    /// Callers of another user, root excepted, are refused with status 403. Eight are served at once; one more
    /// takes the place of one that is not being answered.
    pub async fn run(self, handler: impl Handler, stop: CancellationToken) {
        let handler = Arc::new(handler);
        let serve = |stream, seat| serve(stream, Arc::clone(&handler), seat);
        let what = "the control socket";
        let connections = http::take(what, MAX_CONNECTIONS, &self.listener, &stop, serve).await;
        let _ = timeout(CLOSING_TIME, connections.wait()).await;
    }
}

/// Answers one request and closes the connection.
async fn serve<H: Handler>(stream: UnixStream, handler: Arc<H>, seat: Seat) {
    let caller = caller(&stream);
    let service = service_fn(|request| {
        let (handler, caller, busy) = (Arc::clone(&handler), &caller, seat.busy());
        async move {
            let reply = match caller {
                Ok(caller) if may_ask(*caller) => answer(request, *caller, &*handler).await,
                Ok(caller) => stranger(*caller),
                Err(error) => Reply::refusal(
                    StatusCode::FORBIDDEN.as_u16(),
                    "caller_unknown",
                    format!("the kernel does not say who calls: {error}"),
                ),
            };
            Ok::<_, Infallible>(response(&reply).map(|body| Held::new(body, busy)))
        }
    });
    // A client that breaks the protocol or goes away concerns nobody, hence no error here.
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIME)
        .max_buf_size(http::HEAD_BYTES)
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), service);
    tokio::select! {
        _ = connection => {}
        () = seat.is_wanted() => {}
    }
}

fn caller(stream: &UnixStream) -> io::Result<Caller> {
    let credentials = stream.peer_cred()?;
    Ok(Caller { uid: credentials.uid(), pid: credentials.pid() })
}

fn may_ask(caller: Caller) -> bool {
    caller.uid == geteuid().as_raw() || caller.uid == ROOT
}

fn stranger(caller: Caller) -> Reply {
    let Caller { uid, pid } = caller;
    tracing::warn!(uid, pid, "another user's process was refused at the control socket");
    Reply::refusal(
        StatusCode::FORBIDDEN.as_u16(),
        "not_yours",
        format!("user {uid} may not ask this daemon; ask as its own user, or as root"),
    )
}

async fn answer(
    request: hyper::Request<Incoming>,
    caller: Caller,
    handler: &impl Handler,
) -> Reply {
    let method = match *request.method() {
        hyper::Method::GET => Method::Get,
        hyper::Method::POST => Method::Post,
        _ => {
            let status = StatusCode::METHOD_NOT_ALLOWED.as_u16();
            return Reply::refusal(status, "method_unknown", "ask with GET or POST");
        }
    };
    let path = request.uri().path().to_owned();
    let Some(body) = read(request.into_body()).await else {
        let status = StatusCode::BAD_REQUEST.as_u16();
        let text =
            format!("the body ends early, comes too slowly, or has over {MAX_BODY_LEN} bytes");
        return Reply::refusal(status, "body_unread", text);
    };
    let body = if body.is_empty() { Ok(Value::Null) } else { serde_json::from_slice(&body) };
    match body {
        Ok(body) => handler.handle(Request { method, path, body, caller }).await,
        Err(error) => {
            let status = StatusCode::BAD_REQUEST.as_u16();
            Reply::refusal(status, "body_not_json", format!("the body is not JSON: {error}"))
        }
    }
}

/// The whole body; nothing if it cannot be had within the bounds, or says that it cannot.
async fn read(body: Incoming) -> Option<Bytes> {
    if body.size_hint().lower() > MAX_BODY_LEN as u64 {
        return None;
    }
    let body = timeout(BODY_TIME, Limited::new(body, MAX_BODY_LEN).collect()).await;
    Some(body.ok()?.ok()?.to_bytes())
}

fn response(reply: &Reply) -> Response<Full<Bytes>> {
    let mut text = reply.body.to_string();
    text.push('\n');
    let mut response = Response::new(Full::new(Bytes::from(text)));
    *response.status_mut() =
        StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

const ROOT: u32 = 0;
/// How many callers are served at once.
const MAX_CONNECTIONS: usize = 8;
/// How long a request's head may take.
const HEAD_TIME: Duration = Duration::from_secs(10);
/// How long a request's body may take.
const BODY_TIME: Duration = Duration::from_secs(10);
/// How long answers that have begun may take after the end was asked for.
const CLOSING_TIME: Duration = Duration::from_secs(2);
