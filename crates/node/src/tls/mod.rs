//! Mutual TLS by pinned keys.
//!
//! Node and signer belong to one operator, who can tell each of them the other's key. So there is no
//! authority: a certificate may be signed by anybody, itself included, and a peer is accepted if
//! SHA-256 of its certificate's public key (RFC 7469 section 2.4) is one of the pins of the
//! configuration. Names are not compared. The dates of the certificate are, so that a key that was
//! forgotten somewhere stops to open the door one day.
//!
//! TLS 1.3 only, rustls with `ring`. Sessions are not resumed: with a ticket, a peer would be let in
//! without its certificate being looked at.

mod error;
mod identity;
mod pin;
mod verifier;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::{IpAddr, ServerName};
use rustls::version::TLS13;
use rustls::{ClientConfig, ServerConfig};
use tokio::net::TcpStream;
use tokio_rustls::{TlsAcceptor, TlsConnector};

pub use error::{SettingsError, TlsError};
pub use identity::certificate_dates;
pub(crate) use identity::date;
pub use pin::{NotAPin, Pin};

use crate::stream::Stream;
use identity::Identity;
use verifier::PinnedPeers;

/// Where a party's certificate and key are, and whom it accepts. Nothing has been read yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsSettings {
    certificate: PathBuf,
    key: PathBuf,
    peers: Vec<Pin>,
}

impl TlsSettings {
    /// Settings with files that are not opened here, and the pins of the peers as they are written.
    pub fn new(
        certificate: PathBuf,
        key: PathBuf,
        peers: &[String],
    ) -> Result<Self, SettingsError> {
        if certificate.as_os_str().is_empty() || key.as_os_str().is_empty() {
            return Err(SettingsError::NoFile);
        }
        if peers.is_empty() {
            return Err(SettingsError::NoPeer);
        }
        let peers = peers.iter().map(|pin| pin.parse()).collect::<Result<_, _>>()?;
        Ok(Self { certificate, key, peers })
    }

    /// The file of our own certificate.
    pub fn certificate(&self) -> &Path {
        &self.certificate
    }

    /// How many peers are accepted.
    pub fn peer_count(&self) -> usize {
        self.peers.len()
    }
}

/// The side that is connected to. A clone shares certificate and key.
#[derive(Clone)]
pub struct ServerTls(TlsAcceptor);

impl ServerTls {
    /// Reads certificate and key.
    pub fn load(settings: &TlsSettings) -> Result<Self, TlsError> {
        let provider = provider();
        let peers = Arc::new(PinnedPeers::new(&settings.peers, &provider));
        let Identity { chain, key } = Identity::read(&settings.certificate, &settings.key)?;
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&TLS13])
            .expect("the provider speaks TLS 1.3")
            .with_client_cert_verifier(peers)
            .with_single_cert(chain, key)
            .map_err(|source| settings.unusable(source))?;
        config.send_tls13_tickets = 0;
        config.session_storage = Arc::new(rustls::server::NoServerSessionStorage {});
        Ok(Self(TlsAcceptor::from(Arc::new(config))))
    }

    /// Shakes hands. The peer is one of the pinned ones afterwards.
    pub(crate) async fn accept(&self, stream: TcpStream) -> std::io::Result<Stream> {
        Ok(Box::new(self.0.accept(stream).await?))
    }
}

/// The side that connects. A clone shares certificate and key.
#[derive(Clone)]
pub struct ClientTls(TlsConnector);

impl ClientTls {
    /// Reads certificate and key.
    pub fn load(settings: &TlsSettings) -> Result<Self, TlsError> {
        let provider = provider();
        let peers = Arc::new(PinnedPeers::new(&settings.peers, &provider));
        let Identity { chain, key } = Identity::read(&settings.certificate, &settings.key)?;
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&TLS13])
            .expect("the provider speaks TLS 1.3")
            .dangerous()
            .with_custom_certificate_verifier(peers)
            .with_client_auth_cert(chain, key)
            .map_err(|source| settings.unusable(source))?;
        config.resumption = rustls::client::Resumption::disabled();
        Ok(Self(TlsConnector::from(Arc::new(config))))
    }

    /// Shakes hands with the peer at `host` (`host:port`), which is one of the pinned ones afterwards.
    /// Whether it accepts this side is known only when it has answered.
    pub(crate) async fn connect(&self, host: &str, stream: TcpStream) -> std::io::Result<Stream> {
        Ok(Box::new(self.0.connect(server_name(host), stream).await?))
    }
}

impl TlsSettings {
    fn unusable(&self, source: rustls::Error) -> TlsError {
        let (certificate, key) = (self.certificate.clone(), self.key.clone());
        TlsError::Unusable { certificate, key, source }
    }
}

/// Shows no key.
impl fmt::Debug for ServerTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ServerTls(..)")
    }
}

/// Shows no key.
impl fmt::Debug for ClientTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClientTls(..)")
    }
}

/// The name that is sent, for proxies that serve several; it is not compared with the certificate.
fn server_name(host: &str) -> ServerName<'static> {
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    let name = name.trim_start_matches('[').trim_end_matches(']').to_owned();
    // Without a name that can be sent none is: for an address there is no such extension.
    ServerName::try_from(name)
        .unwrap_or(ServerName::IpAddress(IpAddr::from(std::net::Ipv4Addr::UNSPECIFIED)))
}

pub(crate) fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[test]
    fn settings_name_files_and_at_least_one_peer() {
        let pin = [format!("sha256/{}=", "A".repeat(43))];
        let new = |certificate: &str, key: &str, peers: &[String]| {
            TlsSettings::new(certificate.into(), key.into(), peers)
        };
        assert_eq!(new("c", "k", &pin).unwrap().peer_count(), 1);
        assert_eq!(new("", "k", &pin), Err(SettingsError::NoFile));
        assert_eq!(new("c", "", &pin), Err(SettingsError::NoFile));
        assert_eq!(new("c", "k", &[]), Err(SettingsError::NoPeer));
        assert!(matches!(new("c", "k", &["x".to_owned()]), Err(SettingsError::Pin(_))));
    }

    #[test]
    fn names_are_sent_and_addresses_are_not() {
        for (host, is_name) in [
            ("node.example:20443", true),
            ("10.0.0.1:20443", false),
            ("[fd00::1]:20443", false),
            ("under_score-.:1", false),
        ] {
            assert_eq!(matches!(server_name(host), ServerName::DnsName(_)), is_name, "{host}");
        }
    }
}
