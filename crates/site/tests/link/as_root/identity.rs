//! Certificates: as `countersign tls new` makes them, and spoilt ones.

use std::fs;
use std::path::Path;

use countersign_operator::TlsIdentity;
use rcgen::{CertificateParams, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, date_time_ymd};

/// A certificate and its key, as PEM.
#[derive(Clone)]
pub(crate) struct Identity {
    pub(crate) certificate: String,
    pub(crate) key: String,
}

impl Identity {
    /// As the product makes it.
    pub(crate) fn new(name: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let made = TlsIdentity::create(folder.path(), name, 2).unwrap();
        let read = |path: &Path| fs::read_to_string(path).unwrap();
        Self { certificate: read(&made.certificate), key: read(&made.key) }
    }

    /// Signed by itself, but out of date since 2001.
    pub(crate) fn expired(name: &str) -> Self {
        let mut params = params(name);
        params.not_after = date_time_ymd(2001, 1, 1);
        Self::signed_by_itself(&params)
    }

    /// Signed by itself, and an authority as well.
    pub(crate) fn authority(name: &str) -> Self {
        let mut params = params(name);
        params.is_ca = IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        Self::signed_by_itself(&params)
    }

    /// Another certificate for the same host, `name`, signed by the key of this one.
    pub(crate) fn issue(&self, name: &str) -> Self {
        let authority = KeyPair::from_pem(&self.key).unwrap();
        let issuer = Issuer::new(params(name), authority);
        let key = KeyPair::generate().unwrap();
        let mut params = params(name);
        params.distinguished_name.push(rcgen::DnType::CommonName, "another");
        let certificate = params.signed_by(&key, &issuer).unwrap();
        // With its issuer, as a client would send the whole chain.
        let chain = certificate.pem() + &self.certificate;
        Self { certificate: chain, key: key.serialize_pem() }
    }

    fn signed_by_itself(params: &CertificateParams) -> Self {
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        Self { certificate: certificate.pem(), key: key.serialize_pem() }
    }
}

fn params(name: &str) -> CertificateParams {
    let mut params = CertificateParams::new([name.to_owned()]).unwrap();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(rcgen::DnType::CommonName, name);
    params.extended_key_usages =
        vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
    (params.not_before, params.not_after) = (date_time_ymd(2000, 1, 1), date_time_ymd(4000, 1, 1));
    params
}
