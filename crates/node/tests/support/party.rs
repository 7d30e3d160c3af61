//! One side of a TLS connection, and peers that do something that ours would not.

use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::sync::Arc;

use countersign_node::{Pin, TlsSettings};
use rcgen::{CertificateParams, KeyPair, date_time_ymd};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::ring;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{
    ClientConfig, DigitallySignedStruct, Error, SignatureScheme, SupportedProtocolVersion,
};
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// A certificate and its key, in files.
pub(crate) struct Party {
    folder: TempDir,
    pub(crate) pin: Pin,
    pub(crate) chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
}

impl Party {
    pub(crate) fn new() -> Self {
        Self::valid_until(4000)
    }

    pub(crate) fn expired() -> Self {
        Self::valid_until(2001)
    }

    fn valid_until(year: i32) -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        (params.not_before, params.not_after) =
            (date_time_ymd(2000, 1, 1), date_time_ymd(year, 1, 1));
        let certificate = params.self_signed(&key).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let (crt, pem) = (folder.path().join("own.crt"), folder.path().join("own.key"));
        fs::write(&crt, certificate.pem()).unwrap();
        fs::write(&pem, key.serialize_pem()).unwrap();
        fs::set_permissions(&pem, fs::Permissions::from_mode(0o600)).unwrap();
        let pin = Pin::of_file(&crt).unwrap();
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        Self { folder, pin, chain: vec![certificate.der().clone()], key }
    }

    pub(crate) fn certificate(&self) -> PathBuf {
        self.folder.path().join("own.crt")
    }

    pub(crate) fn key(&self) -> PathBuf {
        self.folder.path().join("own.key")
    }

    pub(crate) fn private_key(&self) -> PrivateKeyDer<'static> {
        self.key.clone_key()
    }

    /// Its own certificate, and these peers.
    pub(crate) fn settings(&self, peers: &[&Self]) -> TlsSettings {
        let pins: Vec<String> = peers.iter().map(|peer| peer.pin.to_string()).collect();
        TlsSettings::new(self.certificate(), self.key(), &pins).unwrap()
    }

    /// A connection by which this party shows itself, whatever the server is.
    pub(crate) async fn connect(
        &self,
        address: SocketAddr,
    ) -> std::io::Result<TlsStream<TcpStream>> {
        connect(address, Some(self), &rustls::version::TLS13).await
    }
}

/// A connection to whatever server, by a client that shows `party`, or nothing.
pub(crate) async fn connect(
    address: SocketAddr,
    party: Option<&Party>,
    version: &'static SupportedProtocolVersion,
) -> std::io::Result<TlsStream<TcpStream>> {
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(&[version])
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Anybody));
    let config = match party {
        None => config.with_no_client_auth(),
        Some(party) => {
            config.with_client_auth_cert(party.chain.clone(), party.private_key()).unwrap()
        }
    };
    shake_hands(address, config).await
}

/// A connection by somebody who has `victim`'s certificate, which is no secret, and a key of his own.
pub(crate) async fn connect_as_impostor(
    address: SocketAddr,
    victim: &Party,
) -> std::io::Result<TlsStream<TcpStream>> {
    let provider = ring::default_provider();
    let key = provider.key_provider.load_private_key(Party::new().private_key()).unwrap();
    let identity = SingleCertAndKey::from(CertifiedKey::new(victim.chain.clone(), key));
    let config = ClientConfig::builder_with_provider(Arc::new(provider))
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Anybody))
        .with_client_cert_resolver(Arc::new(identity));
    shake_hands(address, config).await
}

async fn shake_hands(
    address: SocketAddr,
    config: ClientConfig,
) -> std::io::Result<TlsStream<TcpStream>> {
    let name = ServerName::try_from("anybody").unwrap();
    let stream = TcpStream::connect(address).await?;
    TlsConnector::from(Arc::new(config)).connect(name, stream).await
}

/// Trusts every server.
#[derive(Debug)]
struct Anybody;

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        ring::default_provider().signature_verification_algorithms.supported_schemes()
    }
}
