//! Just enough HTTP to download one large file and to ask a node a question: blocking, and bounded in everything.

use std::io;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::time::{Duration, Instant};

use bytes::Bytes;
use countersign_node::web::{self, Address, Connection, WebError};
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, LOCATION, USER_AGENT};
use hyper::{Method, Request, Response, StatusCode, Uri};
use tokio::runtime::Runtime;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

/// Asks one server at a time.
#[derive(Debug)]
pub struct HttpClient {
    runtime: Runtime,
    authorities: PathBuf,
    patience: Duration,
    stop: CancellationToken,
    waiting: Option<Waiting>,
}

/// Is told, once a second, what is waited for and for how long.
pub type Waiting = fn(&str, Duration);

/// Why a server gave no answer.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// It is no address that can be asked.
    #[error(
        "{0} cannot be asked: an address begins with http:// or https:// and has a host, and no password"
    )]
    Address(String),
    /// It cannot be reached.
    #[error("{url} cannot be reached")]
    Unreachable {
        /// The address.
        url: String,
        /// What the operating system says.
        #[source]
        source: io::Error,
    },
    /// It is not who it should be, or speaks no TLS.
    #[error(
        "{url} is not trusted; if it is right, name the authority of its certificate with --ca-file"
    )]
    Untrusted {
        /// The address.
        url: String,
        /// What TLS says.
        #[source]
        source: io::Error,
    },
    /// It did not answer, or nothing more came.
    #[error("nothing came from {url} for {} s", after.as_secs())]
    Silent {
        /// The address.
        url: String,
        /// For how long.
        after: Duration,
    },
    /// What came is no HTTP, or ended too early.
    #[error("the answer of {url} broke off or is no HTTP")]
    Broken {
        /// The address.
        url: String,
        /// What is wrong with it.
        #[source]
        source: hyper::Error,
    },
    /// It refuses.
    #[error("{url} answers with status {status}")]
    Refused {
        /// The address.
        url: String,
        /// The status.
        status: u16,
    },
    /// It sends us elsewhere and again, or from https to http.
    #[error(
        "{0} leads elsewhere too often, to no address, or from https to http; name the last address itself"
    )]
    Redirect(String),
    /// The list of authorities cannot be used.
    #[error(
        "the authorities for https in {} cannot be used; install the package ca-certificates, or name a file with \
         --ca-file", .0.display()
    )]
    Authorities(PathBuf),
    /// The answer is larger than it may be.
    #[error("the answer of {url} has more than {limit} bytes")]
    TooLarge {
        /// The address.
        url: String,
        /// The limit.
        limit: usize,
    },
    /// Somebody stopped the work.
    #[error("stopped before it was done")]
    Stopped,
    /// The operating system does not let us ask.
    #[error("no connections can be made")]
    Runtime(#[source] io::Error),
}

impl HttpError {
    /// Whether the same question may be answered later.
    pub const fn is_transient(&self) -> bool {
        match self {
            Self::Unreachable { .. } | Self::Silent { .. } | Self::Broken { .. } => true,
            Self::Refused { status, .. } => *status >= 500 || *status == 429,
            _ => false,
        }
    }
}

/// The beginning of an answer; its body is read.
#[derive(Debug)]
pub(crate) struct Answer<'a> {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Body<'a>,
}

/// A body that is read block by block.
#[derive(Debug)]
pub(crate) struct Body<'a> {
    client: &'a HttpClient,
    url: String,
    incoming: Incoming,
    _connection: Connection,
}

/// The beginning of an answer, and what carries the rest.
type Arriving = (Response<Incoming>, Connection);

impl HttpClient {
    /// A client that trusts the authorities in this file (PEM) for https, and waits so long for each answer and, of a
    /// download, for each block.
    pub fn new(
        authorities: &Path,
        patience: Duration,
        stop: CancellationToken,
    ) -> Result<Self, HttpError> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(HttpError::Runtime)?;
        Ok(Self { runtime, authorities: authorities.to_owned(), patience, stop, waiting: None })
    }

    /// The same client, which tells when it waits.
    #[must_use]
    pub fn telling(self, waiting: Waiting) -> Self {
        Self { waiting: Some(waiting), ..self }
    }

    /// The whole answer to a GET, if it is a success, not larger than this, and here within the client's patience.
    pub fn get(&self, url: &str, limit: usize) -> Result<Vec<u8>, HttpError> {
        self.wait(url, async { whole(url, self.follow(url, &[]).await?.1, limit).await })?
    }

    /// The same for a POST of JSON. A redirection is no success.
    pub fn post(&self, url: &str, json: Vec<u8>, limit: usize) -> Result<Vec<u8>, HttpError> {
        let json_type = [(CONTENT_TYPE, HeaderValue::from_static("application/json"))];
        let question = (Method::POST, Bytes::from(json));
        self.wait(url, async {
            whole(url, self.exchange(url, question, &json_type).await?, limit).await
        })?
    }

    /// The beginning of the answer to a GET, after a few redirections.
    pub(crate) fn open(
        &self,
        url: &str,
        headers: &[(HeaderName, HeaderValue)],
    ) -> Result<Answer<'_>, HttpError> {
        let (url, (response, connection)) = self.wait(url, self.follow(url, headers))??;
        let (parts, incoming) = response.into_parts();
        let body = Body { client: self, url, incoming, _connection: connection };
        Ok(Answer { status: parts.status, headers: parts.headers, body })
    }

    /// The answer to a GET after a few redirections, and where it comes from.
    async fn follow(
        &self,
        url: &str,
        headers: &[(HeaderName, HeaderValue)],
    ) -> Result<(String, Arriving), HttpError> {
        let mut target = url.to_owned();
        for _ in 0..MAX_REDIRECTIONS {
            let (response, connection) =
                self.exchange(&target, (Method::GET, Bytes::new()), headers).await?;
            if !(response.status().is_redirection() && response.headers().contains_key(LOCATION)) {
                return Ok((target, (response, connection)));
            }
            let next = response.headers().get(LOCATION).and_then(|value| value.to_str().ok());
            target = next
                .and_then(|next| resolve(&target, next))
                .filter(|next| !target.starts_with(HTTPS) || next.starts_with(HTTPS))
                .ok_or_else(|| HttpError::Redirect(url.to_owned()))?;
        }
        Err(HttpError::Redirect(url.to_owned()))
    }

    async fn exchange(
        &self,
        url: &str,
        (method, body): (Method, Bytes),
        headers: &[(HeaderName, HeaderValue)],
    ) -> Result<Arriving, HttpError> {
        let address: Address =
            url.parse().map_err(|_| HttpError::Address(without_password(url)))?;
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = method;
        request.headers_mut().insert(USER_AGENT, AGENT);
        request.headers_mut().extend(headers.iter().cloned());
        let url = url.to_owned();
        web::send(&address, &self.authorities, request).await.map_err(|error| match error {
            WebError::Unreachable(source) => HttpError::Unreachable { url, source },
            WebError::Untrusted(source) => HttpError::Untrusted { url, source },
            WebError::Broken(source) => HttpError::Broken { url, source },
            WebError::Authorities(file) => HttpError::Authorities(file),
        })
    }

    /// Waits as long as a wait may be, or until somebody stops the work.
    fn wait<T>(&self, url: &str, work: impl Future<Output = T>) -> Result<T, HttpError> {
        self.runtime.block_on(async {
            let begun = Instant::now();
            let mut work = pin!(timeout(self.patience, work));
            loop {
                tokio::select! {
                    () = self.stop.cancelled() => return Err(HttpError::Stopped),
                    done = &mut work => return done.map_err(|_| {
                        HttpError::Silent { url: url.to_owned(), after: self.patience }
                    }),
                    () = sleep(A_SECOND) => {
                        if let Some(tell) = self.waiting {
                            tell(&without_password(url), begun.elapsed());
                        }
                    }
                }
            }
        })
    }
}

impl Body<'_> {
    /// The next block; none at the end.
    pub(crate) fn next(&mut self) -> Result<Option<Bytes>, HttpError> {
        loop {
            let Some(frame) = self.client.wait(&self.url, self.incoming.frame())? else {
                return Ok(None);
            };
            let url = || self.url.clone();
            let frame = frame.map_err(|source| HttpError::Broken { url: url(), source })?;
            // Trailers say nothing of interest.
            if let Ok(block) = frame.into_data() {
                return Ok(Some(block));
            }
        }
    }
}

/// The body of a success, if it is not larger than this.
async fn whole(
    url: &str,
    (response, _connection): Arriving,
    limit: usize,
) -> Result<Vec<u8>, HttpError> {
    let url = url.to_owned();
    if !response.status().is_success() {
        return Err(HttpError::Refused { url, status: response.status().as_u16() });
    }
    match Limited::new(response.into_body(), limit).collect().await {
        Ok(body) => Ok(body.to_bytes().to_vec()),
        Err(error) if error.is::<LengthLimitError>() => Err(HttpError::TooLarge { url, limit }),
        Err(error) => Err(match error.downcast::<hyper::Error>() {
            Ok(source) => HttpError::Broken { url, source: *source },
            Err(_) => HttpError::TooLarge { url, limit },
        }),
    }
}

/// An address as it may be shown: what is before an `@` is nobody's business.
fn without_password(url: &str) -> String {
    match url.rsplit_once('@') {
        Some((_, host)) => format!("…@{host}"),
        None => url.to_owned(),
    }
}

/// Where a redirection leads: a whole address, or a path on the same server.
fn resolve(from: &str, next: &str) -> Option<String> {
    if next.starts_with(HTTPS) || next.starts_with("http://") {
        return Some(next.to_owned());
    }
    let uri: Uri = from.parse().ok()?;
    next.starts_with('/')
        .then(|| Some(format!("{}://{}{next}", uri.scheme_str()?, uri.authority()?)))?
}

const A_SECOND: Duration = Duration::from_secs(1);
const AGENT: HeaderValue =
    HeaderValue::from_static(concat!("countersign/", env!("CARGO_PKG_VERSION")));
const HTTPS: &str = "https://";
const MAX_REDIRECTIONS: usize = 5;
