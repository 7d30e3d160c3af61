//! The name of a public key.

use std::fmt;
use std::path::Path;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls::pki_types::CertificateDer;
use rustls::server::ParsedCertificate;
use sha2::{Digest as _, Sha256};

use super::TlsError;
use super::identity::read_certificates;

/// SHA-256 of a certificate's SubjectPublicKeyInfo, written `sha256/` and base64 (RFC 7469).
///
/// A certificate that is made anew for the same key has the same pin.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pin([u8; 32]);

/// A text that is no pin.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not a pin; expected `sha256/` and 44 characters, as `countersign tls pin FILE` prints it"
)]
pub struct NotAPin(String);

impl Pin {
    /// The pin of a certificate, taken by the parser that will check its signatures.
    pub(super) fn of(certificate: &CertificateDer<'_>) -> Result<Self, rustls::Error> {
        let key = ParsedCertificate::try_from(certificate)?.subject_public_key_info();
        Ok(Self(Sha256::digest(&key).into()))
    }

    /// The pin of the certificate in a PEM file. Of several it is the first, which is the party's own;
    /// the others are those of authorities.
    pub fn of_file(path: &Path) -> Result<Self, TlsError> {
        let certificates = read_certificates(path)?;
        let own = certificates.first().expect("there is at least one");
        let path = path.to_owned();
        Self::of(own).map_err(|source| TlsError::NotACertificate { path, source: Box::new(source) })
    }
}

impl FromStr for Pin {
    type Err = NotAPin;

    fn from_str(text: &str) -> Result<Self, NotAPin> {
        let bytes = text.strip_prefix(PREFIX).and_then(|digits| STANDARD.decode(digits).ok());
        let bytes: Option<[u8; 32]> = bytes.and_then(|bytes| bytes.try_into().ok());
        // It may be a key that stands in the wrong place, so not more than its kind is shown.
        let kind = if text.starts_with(PREFIX) { PREFIX.len() } else { 4 };
        let shown = || NotAPin(text.chars().take(kind).chain("…".chars()).collect());
        bytes.map(Self).ok_or_else(shown)
    }
}

impl fmt::Display for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PREFIX}{}", STANDARD.encode(self.0))
    }
}

impl fmt::Debug for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

const PREFIX: &str = "sha256/";

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_pin_survives_a_round_trip(bytes: [u8; 32]) {
            let pin = Pin(bytes);
            prop_assert_eq!(pin.to_string().parse::<Pin>().unwrap(), pin);
        }

        #[test]
        fn what_reads_as_a_pin_is_written_the_same(text in "(sha256/)?[A-Za-z0-9+/=]{40,48}|.*") {
            if let Ok(pin) = text.parse::<Pin>() {
                prop_assert_eq!(pin.to_string(), text);
            }
        }
    }

    #[test]
    fn what_is_no_pin_is_refused_and_not_quoted() {
        let good = Pin([7; 32]).to_string();
        let spoilt = [
            good.replace("sha256/", ""),
            good.replace("sha256", "sha512"),
            good.replace('=', ""),
            format!("{good} "),
            good.replacen("Bw", "", 1),
            String::new(),
        ];
        for text in spoilt {
            let error = text.parse::<Pin>().unwrap_err().to_string();
            assert!(error.contains("is not a pin") && !error.contains("BwcHBw"), "{error}");
        }
    }

    /// Made with `openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes`; the pin with
    /// `openssl x509 -pubkey -noout | openssl pkey -pubin -outform der | openssl dgst -sha256 -binary |
    /// openssl base64`.
    #[test]
    fn the_pin_is_the_one_that_openssl_computes() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), include_str!("made_by_openssl.pem")).unwrap();
        let pin = Pin::of_file(file.path()).unwrap();
        assert_eq!(pin.to_string(), include_str!("made_by_openssl.pin").trim_end());
    }
}
