//! A party's certificate and key, read from their files.

use std::fs::{File, Metadata};
use std::io::{self, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::time::Duration;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
use x509_cert::der::{DateTime, Decode as _};
use zeroize::Zeroizing;

use super::TlsError;

/// What a party shows, and what it proves it with.
pub(super) struct Identity {
    pub(super) chain: Vec<CertificateDer<'static>>,
    pub(super) key: PrivateKeyDer<'static>,
}

impl Identity {
    /// Reads both files. The key is refused if others can read it, the certificate if it is out of
    /// date; that it will be soon is logged.
    pub(super) fn read(certificate: &Path, key: &Path) -> Result<Self, TlsError> {
        let chain = read_certificates(certificate)?;
        let own = chain.first().ok_or_else(|| missing("certificate", certificate))?;
        check_dates(certificate, own)?;
        Ok(Self { key: read_key(key)?, chain })
    }
}

/// The certificates of a PEM file, of which there is at least one.
pub(super) fn read_certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let unreadable = |source| unreadable("TLS certificate", path, source);
    let text = File::open(path).and_then(read_bounded).map_err(unreadable)?;
    let certificates: Vec<_> =
        CertificateDer::pem_slice_iter(&text).collect::<Result<_, _>>().map_err(|source| {
            TlsError::NotACertificate { path: path.to_owned(), source: Box::new(source) }
        })?;
    if certificates.is_empty() { Err(missing("certificate", path)) } else { Ok(certificates) }
}

/// When a certificate is valid: its first and its last second.
pub(super) fn validity(
    certificate: &CertificateDer<'_>,
) -> Result<(UnixTime, UnixTime), x509_cert::der::Error> {
    let certificate = x509_cert::Certificate::from_der(certificate)?;
    let validity = &certificate.tbs_certificate.validity;
    let time = |time: &x509_cert::time::Time| UnixTime::since_unix_epoch(time.to_unix_duration());
    Ok((time(&validity.not_before), time(&validity.not_after)))
}

/// When the first certificate of a PEM file is valid: its first and its last second, since 1970.
pub fn certificate_dates(path: &Path) -> Result<(u64, u64), TlsError> {
    let certificates = read_certificates(path)?;
    let first = certificates.first().ok_or_else(|| missing("certificate", path))?;
    let (from, to) = validity(first).map_err(|source| TlsError::NotACertificate {
        path: path.to_owned(),
        source: Box::new(source),
    })?;
    Ok((from.as_secs(), to.as_secs()))
}

/// A time for people, such as `2027-01-31T12:00:00Z`.
pub(crate) fn date(time: UnixTime) -> String {
    let since_epoch = Duration::from_secs(time.as_secs());
    let date = DateTime::from_unix_duration(since_epoch);
    date.map_or_else(|_| format!("{} s after 1970", time.as_secs()), |date| date.to_string())
}

fn check_dates(path: &Path, certificate: &CertificateDer<'_>) -> Result<(), TlsError> {
    let (from, to) = validity(certificate).map_err(|source| TlsError::NotACertificate {
        path: path.to_owned(),
        source: Box::new(source),
    })?;
    let now = UnixTime::now();
    if now < from || now > to {
        let (path, from, to) = (path.to_owned(), date(from), date(to));
        return Err(TlsError::OutOfDate { path, from, to });
    }
    let left = Duration::from_secs(to.as_secs().saturating_sub(now.as_secs()));
    if left < WARN_BEFORE {
        tracing::warn!(
            certificate = %path.display(),
            expires = date(to),
            "this TLS certificate expires soon; make a new one with `countersign tls new` and give its \
             pin to the other side"
        );
    }
    Ok(())
}

fn read_key(path: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
    let unreadable = |source| unreadable("TLS key", path, source);
    let file = File::open(path).map_err(unreadable)?;
    // Of the open file, so that it cannot be exchanged after the look.
    let metadata = file.metadata().map_err(unreadable)?;
    if let Some((what, remedy)) = exposure(&metadata, rustix::process::geteuid().as_raw()) {
        return Err(TlsError::Exposed { path: path.to_owned(), what, remedy });
    }
    let text = read_bounded(file).map_err(unreadable)?;
    // The parser's words could hold a line of the key.
    PrivateKeyDer::from_pem_slice(&text).map_err(|_| missing("private key", path))
}

/// Who else can read or change a file of this process, and the command that mends it. A group may read
/// what root owns: that is how a secret is handed to a service.
fn exposure(metadata: &Metadata, own_uid: u32) -> Option<(String, String)> {
    let (mode, owner) = (metadata.mode(), metadata.uid());
    if owner != own_uid && owner != ROOT {
        let what = format!("belongs to another user (uid {owner})");
        return Some((what, format!("chown {own_uid}")));
    }
    let group_may_read = owner == ROOT && own_uid != ROOT;
    let forbidden = if group_may_read { OTHERS | GROUP_WRITE } else { OTHERS | GROUP };
    let is_exposed = mode & forbidden != 0;
    let what = || format!("is open to others (mode {:04o})", mode & 0o7777);
    is_exposed.then(|| (what(), "chmod 600".to_owned()))
}

fn read_bounded(file: File) -> io::Result<Zeroizing<Vec<u8>>> {
    // Reserved at once, so that no copy of a key is left behind by growing.
    let mut text = Zeroizing::new(Vec::with_capacity(MAX_LEN));
    file.take(MAX_LEN as u64).read_to_end(&mut text)?;
    Ok(text)
}

fn missing(what: &'static str, path: &Path) -> TlsError {
    TlsError::Missing { what, path: path.to_owned() }
}

fn unreadable(what: &'static str, path: &Path, source: io::Error) -> TlsError {
    TlsError::Unreadable { what, path: path.to_owned(), source }
}

/// The longest file that is read, in bytes; a certificate has about a thousand.
const MAX_LEN: usize = 64 * 1024;
/// How long before its end a certificate is worth a warning.
const WARN_BEFORE: Duration = Duration::from_hours(30 * 24);
const ROOT: u32 = 0;
const GROUP: u32 = 0o070;
const GROUP_WRITE: u32 = 0o020;
const OTHERS: u32 = 0o007;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use std::fs::{Permissions, set_permissions};
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_key_is_for_its_owner_or_for_a_group_that_root_gave_it_to() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let owner = file.as_file().metadata().unwrap().uid();
        let rows = [
            (0o600, owner, true, "its owner's"),
            (0o400, owner, true, "read-only"),
            (0o640, owner, false, "the group may read"),
            (0o604, owner, false, "everybody may read"),
            (0o602, owner, false, "everybody may write"),
            (0o600, owner + 1, owner == ROOT, "another user's, which may be root"),
            (0o640, owner + 1, owner == ROOT, "the same, for the group"),
            (0o660, owner + 1, false, "the group may write"),
        ];
        for (mode, own_uid, is_fine, why) in rows {
            set_permissions(file.path(), Permissions::from_mode(mode)).unwrap();
            let metadata = file.as_file().metadata().unwrap();
            assert_eq!(exposure(&metadata, own_uid).is_none(), is_fine, "{mode:o}: {why}");
        }
    }

    #[test]
    fn dates_are_written_for_people() {
        let time = |seconds| UnixTime::since_unix_epoch(Duration::from_secs(seconds));
        assert_eq!(date(time(1_800_000_000)), "2027-01-15T08:00:00Z");
        assert_eq!(date(time(u64::MAX)), format!("{} s after 1970", u64::MAX));
    }
}
