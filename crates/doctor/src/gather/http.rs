//! One HTTP exchange with a program of this installation, with every limit.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::client::conn::http1;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use hyper::{Method, Request};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::timeout;

/// What was answered.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: String,
}

/// Why nothing was.
#[derive(Debug, thiserror::Error)]
pub(super) enum HttpError {
    #[error("nothing listens at {address}: {source}")]
    Connect { address: String, source: std::io::Error },
    #[error("{0} has not answered within {ms} ms", ms = .1.as_millis())]
    Silent(String, Duration),
    #[error("{0} does not speak HTTP as expected: {1}")]
    Broken(String, String),
}

/// What is asked.
pub(super) struct Question<'a> {
    /// `host:port`.
    pub(super) address: &'a str,
    pub(super) path: &'a str,
    /// A body to post, if it is no GET.
    pub(super) json: Option<String>,
    /// `Authorization`.
    pub(super) login: Option<zeroize::Zeroizing<String>>,
}

impl<'a> Question<'a> {
    pub(super) const fn get(address: &'a str, path: &'a str) -> Self {
        Self { address, path, json: None, login: None }
    }
}

pub(super) async fn exchange(question: Question<'_>, limit: Duration) -> Result<Answer, HttpError> {
    let address = question.address.to_owned();
    timeout(limit, ask(question)).await.unwrap_or(Err(HttpError::Silent(address, limit)))
}

async fn ask(question: Question<'_>) -> Result<Answer, HttpError> {
    let address = question.address.to_owned();
    let broken = |error: String| HttpError::Broken(address.clone(), error);
    let stream = TcpStream::connect(question.address)
        .await
        .map_err(|source| HttpError::Connect { address: address.clone(), source })?;
    let (mut sender, connection) =
        http1::handshake(TokioIo::new(stream)).await.map_err(|error| broken(error.to_string()))?;
    // It ends with the answer; what goes wrong in it shows there.
    let connection = tokio::spawn(connection);
    let method = if question.json.is_some() { Method::POST } else { Method::GET };
    let mut request =
        Request::builder().method(method).uri(question.path).header(HOST, question.address);
    if question.json.is_some() {
        request = request.header(CONTENT_TYPE, "application/json");
    }
    if let Some(login) = &question.login {
        request = request.header(AUTHORIZATION, login.as_str());
    }
    let body = Full::new(Bytes::from(question.json.unwrap_or_default()));
    let request = request.body(body).map_err(|error| broken(error.to_string()))?;
    let response = sender.send_request(request).await.map_err(|error| broken(error.to_string()))?;
    let status = response.status().as_u16();
    let body = Limited::new(response.into_body(), MAX_BODY).collect().await;
    connection.abort();
    let body = body.map_err(|error| broken(error.to_string()))?.to_bytes();
    Ok(Answer { status, body: String::from_utf8_lossy(&body).into_owned() })
}

const MAX_BODY: usize = 1 << 20;
