//! Requests to servers of others: over http, or over https to a server that an authority of this machine vouches for.
//! The node is none of them; it has [`crate::client`], and pins instead of authorities.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Incoming};
use hyper::client::conn::http1::handshake;
use hyper::header::{HOST, HeaderValue};
use hyper::http::uri::PathAndQuery;
use hyper::{Request, Response, Uri};
use hyper_util::rt::TokioIo;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::version::TLS13;
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_util::task::AbortOnDropHandle;

use crate::stream::Stream;
use crate::tls::provider;

/// Where the distribution keeps the authorities that it trusts, in PEM.
pub const AUTHORITIES: &str = "/etc/ssl/certs/ca-certificates.crt";

/// Whom to ask, and for what: a URL that was taken apart. It may hold a secret, so it is not printed.
#[derive(Clone)]
pub struct Address {
    host: String,
    port: u16,
    /// Whose certificate the server must have; none over http.
    name: Option<ServerName<'static>>,
    authority: HeaderValue,
    path: PathAndQuery,
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Address(…)")
    }
}

/// What cannot be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an address begins with http:// or https:// and has a host, and no password")]
pub struct NotAnAddress;

impl FromStr for Address {
    type Err = NotAnAddress;

    fn from_str(text: &str) -> Result<Self, NotAnAddress> {
        let uri: Uri = text.parse().map_err(|_| NotAnAddress)?;
        let authority =
            uri.authority().filter(|it| !it.as_str().contains('@')).ok_or(NotAnAddress)?;
        let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
        let (usual, name) = match uri.scheme_str() {
            Some("http") => (80, None),
            Some("https") => {
                let name = ServerName::try_from(host.clone()).map_err(|_| NotAnAddress)?;
                (443, Some(name))
            }
            _ => return Err(NotAnAddress),
        };
        let port = authority.port_u16().unwrap_or(usual);
        let authority = HeaderValue::from_str(authority.as_str()).map_err(|_| NotAnAddress)?;
        let path = uri.path_and_query().cloned();
        let path = path.unwrap_or_else(|| PathAndQuery::from_static("/"));
        Ok(Self { host, port, name, authority, path })
    }
}

impl Address {
    /// Whether it is asked over TLS.
    pub const fn is_https(&self) -> bool {
        self.name.is_some()
    }
}

/// Why a server gave no answer.
#[derive(Debug, thiserror::Error)]
pub enum WebError {
    /// No connection.
    #[error("the server cannot be reached")]
    Unreachable(#[source] io::Error),
    /// It is not who it should be, or speaks no TLS.
    #[error("no authority of this machine vouches for the server")]
    Untrusted(#[source] io::Error),
    /// What came is no HTTP, or ended too early.
    #[error("the answer broke off or is no HTTP")]
    Broken(#[source] hyper::Error),
    /// The list of authorities cannot be used.
    #[error(
        "the authorities for https in {} cannot be used; install the package ca-certificates, or name another file",
        .0.display()
    )]
    Authorities(PathBuf),
}

/// Carries an answer's body for as long as it lives.
#[derive(Debug)]
pub struct Connection {
    _task: AbortOnDropHandle<Result<(), hyper::Error>>,
}

/// Sends a request to `address`, whose path and `Host` it gets, over a connection of its own. The file of `authorities`
/// (PEM) is read for https alone, and each time: certificates expire. The caller limits the time.
pub async fn send<B>(
    address: &Address,
    authorities: &Path,
    mut request: Request<B>,
) -> Result<(Response<Incoming>, Connection), WebError>
where
    B: Body<Data = Bytes, Error: Into<Box<dyn std::error::Error + Send + Sync>>> + Send + 'static,
{
    let connected = timeout(CONNECT, TcpStream::connect((address.host.as_str(), address.port)));
    let connected = connected.await.unwrap_or_else(|_| {
        let what = format!("no connection within {} s", CONNECT.as_secs());
        Err(io::Error::new(io::ErrorKind::TimedOut, what))
    });
    let stream = connected.map_err(WebError::Unreachable)?;
    let stream: Stream = match &address.name {
        Some(name) => {
            let connector = TlsConnector::from(Arc::new(trusting(authorities)?));
            let secured = connector.connect(name.clone(), stream).await;
            Box::new(secured.map_err(|source| match source.get_ref() {
                Some(inner) if inner.is::<rustls::Error>() => WebError::Untrusted(source),
                _ => WebError::Unreachable(source),
            })?)
        }
        None => Box::new(stream),
    };
    let (mut sender, connection) =
        handshake(TokioIo::new(stream)).await.map_err(WebError::Broken)?;
    let connection = Connection { _task: AbortOnDropHandle::new(tokio::spawn(connection)) };
    *request.uri_mut() = Uri::from(address.path.clone());
    request.headers_mut().insert(HOST, address.authority.clone());
    let response = sender.send_request(request).await.map_err(WebError::Broken)?;
    Ok((response, connection))
}

/// Finds out whether a file of authorities can be used, before it is needed.
pub fn check_authorities(path: &Path) -> Result<(), WebError> {
    trusting(path).map(drop)
}

fn trusting(path: &Path) -> Result<ClientConfig, WebError> {
    let unusable = || WebError::Authorities(path.to_owned());
    let mut roots = RootCertStore::empty();
    let listed = CertificateDer::pem_file_iter(path).map_err(|_| unusable())?;
    roots.add_parsable_certificates(listed.flatten());
    if roots.is_empty() {
        return Err(unusable());
    }
    let config = ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&TLS13])
        .expect("ring has TLS 1.3")
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(config)
}

/// How long a name may take to be found, and a connection to be made.
const CONNECT: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[test]
    fn an_address_is_taken_apart_and_not_printed() {
        let rows = [
            ("http://127.0.0.1:9/x?y=1", "127.0.0.1", 9, "/x?y=1", false),
            ("http://pager.internal", "pager.internal", 80, "/", false),
            ("https://example.org/SECRET", "example.org", 443, "/SECRET", true),
            ("https://[::1]:8443/", "::1", 8443, "/", true),
        ];
        for (text, host, port, path, is_https) in rows {
            let address: Address = text.parse().unwrap();
            assert_eq!((address.host.as_str(), address.port), (host, port), "{text}");
            assert_eq!((address.path.as_str(), address.is_https()), (path, is_https), "{text}");
            assert_eq!(format!("{address:?}"), "Address(…)");
        }
        for text in
            ["", "pager", "ftp://a", "http://", "https://u:p@a/", "https://a b/", "https://-/"]
        {
            assert!(text.parse::<Address>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_file_without_authorities_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let empty = folder.path().join("empty.pem");
        std::fs::write(&empty, "no certificate").unwrap();
        for path in [empty, folder.path().join("missing.pem")] {
            let error = check_authorities(&path).unwrap_err().to_string();
            assert!(error.contains(path.to_str().unwrap()), "{error}");
        }
    }
}
