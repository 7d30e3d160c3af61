//! Asking a daemon over its control socket.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::client::conn::http1::handshake;
use hyper::header::{CONTENT_TYPE, HOST, HeaderValue};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::UnixStream;
use tokio::time::timeout;

use super::{MAX_BODY_LEN, Method, TooLong, check_len, is_nobody};

/// What a daemon answers.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The body.
    pub body: Value,
}

impl Answer {
    /// Whether the daemon did what was asked.
    pub const fn is_success(&self) -> bool {
        self.status >= 200 && self.status < 300
    }

    /// The text of a refusal (see [`Reply::refusal`](super::Reply::refusal)), or the whole body.
    pub fn text(&self) -> String {
        let text = self.body.get("text").and_then(Value::as_str);
        text.map_or_else(|| self.body.to_string(), str::to_owned)
    }
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// No unix socket can have this path.
    #[error(transparent)]
    TooLong(#[from] TooLong),
    /// No daemon listens.
    #[error("no daemon listens on {}; is it running, and with this configuration?", .0.display())]
    NotRunning(PathBuf),
    /// This user may not ask.
    #[error("this user may not use {}; ask as the daemon's own user, or as root", .0.display())]
    Forbidden(PathBuf),
    /// The daemon does not answer in time.
    #[error("the daemon does not answer on {} within {limit:?}", .path.display())]
    Silent {
        /// The socket.
        path: PathBuf,
        /// How long was waited.
        limit: Duration,
    },
    /// The exchange broke off, or the answer is not understood.
    #[error("the answer on {} is not understood", .path.display())]
    Broken {
        /// The socket.
        path: PathBuf,
        /// What went wrong.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// Asks the daemon that listens on `socket`. A body of `null` is not sent. To be called inside a tokio
/// runtime.
pub async fn ask(
    socket: &Path,
    method: Method,
    route: &str,
    body: &Value,
    limit: Duration,
) -> Result<Answer, AskError> {
    check_len(socket)?;
    let path = || socket.to_owned();
    match timeout(limit, exchange(socket, method, route, body)).await {
        Err(_) => Err(AskError::Silent { path: path(), limit }),
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(source)) => Err(match source.downcast_ref::<io::Error>() {
            Some(error) if is_nobody(error) => AskError::NotRunning(path()),
            Some(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                AskError::Forbidden(path())
            }
            _ => AskError::Broken { path: path(), source },
        }),
    }
}

async fn exchange(
    socket: &Path,
    method: Method,
    route: &str,
    body: &Value,
) -> Result<Answer, Box<dyn std::error::Error + Send + Sync>> {
    let stream = UnixStream::connect(socket).await?;
    let (mut sender, connection) = handshake(TokioIo::new(stream)).await?;
    let body = if body.is_null() { Bytes::new() } else { Bytes::from(body.to_string()) };
    let mut request = hyper::Request::new(Full::new(body));
    *request.method_mut() = match method {
        Method::Get => hyper::Method::GET,
        Method::Post => hyper::Method::POST,
    };
    *request.uri_mut() = route.parse()?;
    request.headers_mut().insert(HOST, HeaderValue::from_static("localhost"));
    request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    // It ends with the sender or the answer; what goes wrong in it shows in the answer.
    tokio::spawn(connection);
    let response = sender.send_request(request).await?;
    let status = response.status().as_u16();
    let body = Limited::new(response.into_body(), MAX_BODY_LEN).collect().await?.to_bytes();
    Ok(Answer { status, body: serde_json::from_slice(&body)? })
}
