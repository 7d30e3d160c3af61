//! Certificates for mutual TLS, each with the key that signed it.

use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use countersign_node::{Pin, TlsError};
use countersign_ops::secret::create_private;
use rcgen::{CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, KeyPair};
use zeroize::Zeroizing;

/// A certificate and its key, in files that only their owner can read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsIdentity {
    /// The certificate's file.
    pub certificate: PathBuf,
    /// The key's file.
    pub key: PathBuf,
    /// What the other side is told.
    pub pin: Pin,
}

/// Why no certificate was made.
#[derive(Debug, thiserror::Error)]
pub enum TlsIdentityError {
    /// The name cannot be that of a file and a host.
    #[error(
        "the name may hold letters, digits, dots and hyphens, and begins with a letter or digit"
    )]
    Name,
    /// It would be of no use.
    #[error("a certificate is valid for 1 to {MAX_DAYS} days")]
    Days,
    /// A file is there already.
    #[error("{} is there already and is kept; choose another --name or --out", .0.display())]
    Exists(PathBuf),
    /// A file or the folder cannot be written.
    #[error("{} cannot be written", .path.display())]
    Unwritable {
        /// Which.
        path: PathBuf,
        /// What the operating system says.
        #[source]
        source: io::Error,
    },
    /// Key or certificate cannot be made.
    #[error("the certificate cannot be made")]
    Generation(#[from] rcgen::Error),
    /// What was made cannot be read.
    #[error("the certificate that was made cannot be used")]
    Unusable(#[from] TlsError),
}

impl TlsIdentity {
    /// Makes a key on P-256 and a certificate that it signs, `NAME.key` and `NAME.crt` in `folder`,
    /// which is created if it is not there. No file is replaced.
    pub fn create(folder: &Path, name: &str, days: u32) -> Result<Self, TlsIdentityError> {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.');
        let begins_well = name.starts_with(|first: char| first.is_ascii_alphanumeric());
        if !begins_well || !name.bytes().all(is_plain) || name.len() > MAX_NAME_LEN {
            return Err(TlsIdentityError::Name);
        }
        if !(1..=MAX_DAYS).contains(&days) {
            return Err(TlsIdentityError::Days);
        }
        let (certificate, key) =
            (folder.join(format!("{name}.crt")), folder.join(format!("{name}.key")));
        // Before anything is made, so that no key is left without its certificate.
        if let Some(path) =
            [&certificate, &key].into_iter().find(|path| path.symlink_metadata().is_ok())
        {
            return Err(TlsIdentityError::Exists(path.clone()));
        }
        let pair = KeyPair::generate()?;
        let signed = params(name, days)?.self_signed(&pair)?;
        let pem = Zeroizing::new(pair.serialize_pem());
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)
            .map_err(|source| TlsIdentityError::Unwritable { path: folder.to_owned(), source })?;
        create(&key, pem.as_bytes())?;
        create(&certificate, signed.pem().as_bytes())?;
        Ok(Self { pin: Pin::of_file(&certificate)?, certificate, key })
    }
}

fn params(name: &str, days: u32) -> Result<CertificateParams, rcgen::Error> {
    let mut params = CertificateParams::new([name.to_owned()])?;
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params.extended_key_usages =
        vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
    let now = SystemTime::now();
    // The other side's clock may be behind.
    params.not_before = (now - DAY).into();
    params.not_after = (now + DAY * days).into();
    Ok(params)
}

fn create(path: &Path, bytes: &[u8]) -> Result<(), TlsIdentityError> {
    create_private(path, bytes).map_err(|source| match source.kind() {
        io::ErrorKind::AlreadyExists => TlsIdentityError::Exists(path.to_owned()),
        _ => TlsIdentityError::Unwritable { path: path.to_owned(), source },
    })
}

const DAY: Duration = Duration::from_hours(24);
/// Ten years.
const MAX_DAYS: u32 = 3650;
/// As long as a part of a host's name may be.
const MAX_NAME_LEN: usize = 63;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    use countersign_node::{ClientTls, ServerTls, TlsSettings};

    use super::*;

    #[test]
    fn a_certificate_that_was_made_serves_both_sides() {
        let folder = tempfile::tempdir().unwrap();
        let made = TlsIdentity::create(&folder.path().join("new/tls"), "node.example", 1).unwrap();
        assert!(made.certificate.ends_with("new/tls/node.example.crt"));
        for (path, mode) in
            [(&made.key, 0o600), (&made.certificate, 0o600), (&folder.path().join("new"), 0o700)]
        {
            assert_eq!(fs::metadata(path).unwrap().permissions().mode() & 0o777, mode, "{path:?}");
        }
        let pins = [made.pin.to_string()];
        let settings = TlsSettings::new(made.certificate, made.key, &pins).unwrap();
        ServerTls::load(&settings).unwrap();
        ClientTls::load(&settings).unwrap();
    }

    #[test]
    fn no_file_is_replaced_and_none_is_left_behind() {
        for taken in ["a.crt", "a.key"] {
            let folder = tempfile::tempdir().unwrap();
            fs::write(folder.path().join(taken), "mine").unwrap();
            let error = TlsIdentity::create(folder.path(), "a", 30).unwrap_err();
            assert!(matches!(&error, TlsIdentityError::Exists(path) if path.ends_with(taken)));
            assert_eq!(fs::read(folder.path().join(taken)).unwrap(), b"mine");
            assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        }
    }

    #[test]
    fn names_and_days_that_make_no_sense_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["", ".", "../a", "a/b", "-a", "a b", "\u{e9}", &"a".repeat(64)] {
            let error = TlsIdentity::create(folder.path(), name, 30).unwrap_err();
            assert!(matches!(error, TlsIdentityError::Name), "{name}: {error}");
        }
        for days in [0, 3651, u32::MAX] {
            let error = TlsIdentity::create(folder.path(), "a", days).unwrap_err();
            assert!(matches!(error, TlsIdentityError::Days), "{days}: {error}");
        }
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
