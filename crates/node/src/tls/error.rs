//! Why TLS cannot be used as it is configured.

use std::error::Error;
use std::io;
use std::path::PathBuf;

use super::NotAPin;

/// Why settings make no sense.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// A file has no name.
    #[error("`certificate` and `key` name files; `countersign tls new --out DIR` makes both")]
    NoFile,
    /// Nobody could connect.
    #[error(
        "`peers` is empty, so nobody is accepted; list the pin that the other side's `countersign tls pin FILE` prints"
    )]
    NoPeer,
    /// A pin is none.
    #[error(transparent)]
    Pin(#[from] NotAPin),
}

/// Why a certificate or its key cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read.
    #[error("the {what} {} cannot be read; `countersign tls new --out DIR` makes one", .path.display())]
    Unreadable {
        /// `TLS certificate` or `TLS key`.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        #[source]
        source: io::Error,
    },
    /// Somebody else can read the key, or change it.
    #[error("the TLS key {} {what}; mend it with `{remedy} {}`", .path.display(), .path.display())]
    Exposed {
        /// The key's file.
        path: PathBuf,
        /// Who can do what.
        what: String,
        /// The command that mends it, without the file's name.
        remedy: String,
    },
    /// A file holds no PEM section of this kind.
    #[error("{} holds no {what} in PEM form (`-----BEGIN …`)", .path.display())]
    Missing {
        /// `certificate` or `private key`.
        what: &'static str,
        /// The file.
        path: PathBuf,
    },
    /// A certificate cannot be understood.
    #[error("{} is not a certificate that can be used", .path.display())]
    NotACertificate {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// The own certificate is out of date, so that no peer would accept it.
    #[error(
        "the certificate {} is valid from {from} to {to}, and not now; make a new one with `countersign tls \
         new` and give its pin to the other side, or set the clock right", .path.display()
    )]
    OutOfDate {
        /// The file.
        path: PathBuf,
        /// Its first moment.
        from: String,
        /// Its last moment.
        to: String,
    },
    /// Certificate and key do not go together, or the key is of a kind that cannot be used.
    #[error("the certificate {} and the key {} cannot be used together", .certificate.display(), .key.display())]
    Unusable {
        /// The certificate's file.
        certificate: PathBuf,
        /// The key's file.
        key: PathBuf,
        /// What is wrong.
        #[source]
        source: rustls::Error,
    },
}
