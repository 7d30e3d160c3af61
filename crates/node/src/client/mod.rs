//! Questions to the node and what it answers.

mod any_stackerdb;
mod blocks;
mod chain;
mod config;
mod connection;
mod contracts;
mod endpoint;
mod probes;
mod stackerdb;

use std::error::Error;
use std::fmt;
use std::time::{Duration, Instant};

use bytes::Bytes;
use countersign_wire::{Network, StacksAddress};
use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Incoming};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderValue, LOCATION, USER_AGENT};
use hyper::http::uri::Authority;
use hyper::{Method, Request, Response, StatusCode};
use serde::de::DeserializeOwned;
use tokio::sync::watch;
use tokio::time::timeout;

pub use blocks::ValidationSubmission;
pub use config::{AuthPassword, ConfigError, Deadlines, NodeConfig, Observer};
pub use probes::PasswordAnswer;
pub use stackerdb::StackerDb;

use crate::error::NodeError;
use connection::{ExchangeError, NodeRequest, Pool};
use endpoint::{Endpoint, Patience};

/// Asks one node. Cheap to clone; clones share their connections. Needs a tokio runtime.
#[derive(Clone)]
pub struct NodeClient {
    pool: Pool,
    host: HeaderValue,
    boot: Network,
    deadlines: Deadlines,
    changeable: watch::Sender<Changeable>,
    observer: Option<Observer>,
}

/// What may change while the client is used; all its clones see it.
#[derive(Clone)]
struct Changeable {
    password: HeaderValue,
    stackerdb: Duration,
}

impl NodeClient {
    /// A client that has not connected yet.
    pub fn new(config: NodeConfig) -> Result<Self, ConfigError> {
        let host = host_header(&config.host);
        let password = password_header(&config.auth_password)?;
        let changeable = Changeable { password, stackerdb: config.deadlines.stackerdb };
        Ok(Self {
            pool: Pool::new(&config.host, config.tls, config.deadlines.connect),
            host: host.ok_or(ConfigError::Host(config.host))?,
            boot: config.boot,
            deadlines: config.deadlines,
            changeable: watch::Sender::new(changeable),
            observer: config.observer,
        })
    }

    /// From its next request on, this client and its clones have another password.
    pub fn set_password(&self, password: &AuthPassword) -> Result<(), ConfigError> {
        let password = password_header(password)?;
        self.changeable.send_modify(|changeable| changeable.password = password);
        Ok(())
    }

    /// From its next call on, this client and its clones have another deadline for StackerDBs.
    pub fn set_stackerdb_deadline(&self, deadline: Duration) {
        self.changeable.send_modify(|changeable| changeable.stackerdb = deadline);
    }

    /// The address that the signers' contracts are under.
    pub(crate) fn boot_address(&self) -> StacksAddress {
        self.boot.boot_address()
    }

    async fn get(&self, endpoint: Endpoint, path: &str) -> Result<Answer, NodeError> {
        self.call(endpoint, self.request(endpoint, Method::GET, path, None)).await
    }

    async fn post(
        &self,
        endpoint: Endpoint,
        path: &str,
        body: (ContentType, Vec<u8>),
    ) -> Result<Answer, NodeError> {
        self.call(endpoint, self.request(endpoint, Method::POST, path, Some(body))).await
    }

    /// Only headers that a node's parser allows: it refuses repeated and unusual ones
    /// (`signer-wire.md` section 6.1).
    fn request(
        &self,
        endpoint: Endpoint,
        method: Method,
        path: &str,
        body: Option<(ContentType, Vec<u8>)>,
    ) -> NodeRequest {
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header(HOST, self.host.clone())
            .header(USER_AGENT, HeaderValue::from_static(AGENT));
        if endpoint.needs_password() {
            request = request.header(AUTHORIZATION, self.changeable.borrow().password.clone());
        }
        let mut bytes = Bytes::new();
        if let Some((content_type, body)) = body {
            request = request.header(CONTENT_TYPE, HeaderValue::from_static(content_type.as_str()));
            bytes = body.into();
        }
        request
            .body(Full::new(bytes))
            .expect("paths are made of fixed text, hex, numbers and addresses")
    }

    /// The one way to the node: under its deadline, and timed.
    async fn call(&self, endpoint: Endpoint, request: NodeRequest) -> Result<Answer, NodeError> {
        let after = match endpoint.patience() {
            Patience::Call => self.deadlines.call,
            Patience::StackerDb => self.changeable.borrow().stackerdb,
        };
        let started = Instant::now();
        let answer = timeout(after, self.exchange(endpoint, request)).await;
        if let Some(observer) = &self.observer {
            observer(endpoint.label(), started.elapsed());
        }
        answer.unwrap_or(Err(NodeError::TimedOut { endpoint: endpoint.label(), after }))
    }

    async fn exchange(
        &self,
        endpoint: Endpoint,
        request: NodeRequest,
    ) -> Result<Answer, NodeError> {
        let (connection, response) =
            self.pool.exchange(request).await.map_err(|error| self.no_answer(endpoint, error))?;
        let status = response.status();
        let location = location(&response);
        let body = read_body(endpoint, status, response.into_body()).await?;
        self.pool.put(connection);
        Ok(Answer { endpoint, status, location, body })
    }

    fn no_answer(&self, endpoint: Endpoint, error: ExchangeError) -> NodeError {
        let label = endpoint.label();
        match error {
            ExchangeError::Connect(source) => NodeError::Unreachable { endpoint: label, source },
            ExchangeError::ConnectTimedOut => {
                NodeError::TimedOut { endpoint: label, after: self.deadlines.connect }
            }
            ExchangeError::Tls(source) => NodeError::Tls { endpoint: label, source },
            ExchangeError::Http(source) => http_error(endpoint, source),
        }
    }
}

impl fmt::Debug for NodeClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NodeClient")
            .field("host", &self.host)
            .field("deadlines", &self.deadlines)
            .finish_non_exhaustive()
    }
}

/// The password as a header that no log shows.
fn password_header(password: &AuthPassword) -> Result<HeaderValue, ConfigError> {
    let header = HeaderValue::from_str(password.expose());
    let mut header = header.map_err(|_| ConfigError::Password)?;
    header.set_sensitive(true);
    Ok(header)
}

/// The address as a header, if it is a host, a colon and a port.
fn host_header(host: &str) -> Option<HeaderValue> {
    let authority: Authority = host.parse().ok()?;
    let is_address = authority.port_u16().is_some()
        && !authority.host().is_empty()
        && !authority.as_str().contains('@');
    HeaderValue::from_str(host).ok().filter(|_| is_address)
}

/// The content types that a node reads.
#[derive(Clone, Copy, Debug)]
enum ContentType {
    Json,
    Octets,
}

impl ContentType {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Octets => "application/octet-stream",
        }
    }
}

/// A complete answer of any status.
struct Answer {
    endpoint: Endpoint,
    status: StatusCode,
    /// Where a redirection leads; it is not followed.
    location: Option<String>,
    body: Vec<u8>,
}

impl Answer {
    /// The value, if the node gave one.
    fn json<T: DeserializeOwned>(self) -> Result<T, NodeError> {
        let endpoint = self.endpoint;
        serde_json::from_slice(&self.success()?).map_err(|error| malformed(endpoint, error))
    }

    /// The value, or nothing if the node has none (404).
    fn json_if_found<T: DeserializeOwned>(self) -> Result<Option<T>, NodeError> {
        if self.status == StatusCode::NOT_FOUND { Ok(None) } else { self.json().map(Some) }
    }

    /// The body, if the node did what was asked.
    fn success(self) -> Result<Vec<u8>, NodeError> {
        if self.status == StatusCode::OK { Ok(self.body) } else { Err(self.refused()) }
    }

    fn refused(self) -> NodeError {
        NodeError::Refused {
            endpoint: self.endpoint.label(),
            status: self.status.as_u16(),
            text: self.text(),
        }
    }

    /// Why it was refused, on one line, fit for a log: the start of the body, or what an answer without one says.
    fn text(&self) -> String {
        let text = match &self.location {
            Some(location) => format!(
                "it leads to {location}, which a signer does not follow; a node answers itself: name it, and no \
                 proxy before it"
            ),
            None => one_line(&self.body),
        };
        if text.is_empty() { "it gives no reason".to_owned() } else { text }
    }
}

/// Where a redirection leads.
fn location(response: &Response<Incoming>) -> Option<String> {
    let is_redirection = response.status().is_redirection();
    let location = response.headers().get(LOCATION).filter(|_| is_redirection)?;
    Some(one_line(location.as_bytes())).filter(|location| !location.is_empty())
}

/// The start of what somebody else wrote.
fn one_line(bytes: &[u8]) -> String {
    let start = bytes.get(..MAX_TEXT_LEN).unwrap_or(bytes);
    let text = String::from_utf8_lossy(start);
    text.split(|c: char| c.is_whitespace() || c.is_control())
        .filter(|word| !word.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}

/// Reads the body to its end, growing with what arrives. Of a refusal the start is enough.
async fn read_body(
    endpoint: Endpoint,
    status: StatusCode,
    mut body: Incoming,
) -> Result<Vec<u8>, NodeError> {
    let is_refusal = !status.is_success();
    let limit = if is_refusal { MAX_REFUSAL_LEN } else { endpoint.max_answer_len() };
    let too_large = || NodeError::TooLarge { endpoint: endpoint.label(), limit };
    if !is_refusal && body.size_hint().lower() > limit as u64 {
        return Err(too_large());
    }
    let mut bytes = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame = match frame {
            Ok(frame) => frame,
            Err(_) if is_refusal => break,
            Err(error) => return Err(http_error(endpoint, error)),
        };
        let Ok(data) = frame.into_data() else { continue };
        if data.len() <= limit - bytes.len() {
            bytes.extend_from_slice(&data);
        } else if is_refusal {
            break;
        } else {
            return Err(too_large());
        }
    }
    Ok(bytes)
}

/// What a failure of HTTP means: an answer that is none, or the end of one.
fn http_error(endpoint: Endpoint, source: hyper::Error) -> NodeError {
    if source.is_parse() {
        malformed(endpoint, source)
    } else if is_tls(&source) {
        // In TLS 1.3 the other side judges our certificate after it has let us write.
        NodeError::Tls { endpoint: endpoint.label(), source: Box::new(source) }
    } else {
        NodeError::Interrupted { endpoint: endpoint.label(), source }
    }
}

fn is_tls(error: &hyper::Error) -> bool {
    let io = error.source().and_then(|cause| cause.downcast_ref::<std::io::Error>());
    io.and_then(std::io::Error::get_ref).is_some_and(<dyn Error + Send + Sync>::is::<rustls::Error>)
}

fn malformed(endpoint: Endpoint, source: impl Into<Box<dyn Error + Send + Sync>>) -> NodeError {
    NodeError::Malformed { endpoint: endpoint.label(), source: source.into() }
}

const AGENT: &str = concat!("countersign/", env!("CARGO_PKG_VERSION"));
/// How much of a refusal is read, in bytes; some are JSON and must be complete.
const MAX_REFUSAL_LEN: usize = 64 * 1024;
/// How much of a refusal is worth a line of log, in bytes.
const MAX_TEXT_LEN: usize = 300;
