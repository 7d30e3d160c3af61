//! Why a key does not open.

use std::io;
use std::path::PathBuf;

use countersign_vault::TokenError;
use countersign_wire::PublicKey;
use countersign_wire::keys::PrivateKeyError;

use crate::companion::CompanionError;
use crate::guard::Unsafe;

/// Why a key cannot be opened. None of these holds a secret.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Others can read or change what must be ours alone.
    #[error(transparent)]
    Unsafe(#[from] Unsafe),
    /// A file cannot be read.
    #[error("{what} {} cannot be read", path.display())]
    Unreadable {
        /// What the file is.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        #[source]
        source: io::Error,
    },
    /// The file is something else.
    #[error(
        "{} is not an age file; make one with `countersign keys import --to age:PATH`",
        path.display()
    )]
    NotAge {
        /// The file.
        path: PathBuf,
    },
    /// The file was cut or changed.
    #[error("the age file {} is damaged; restore it from a backup", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
    },
    /// The passphrase is wrong.
    #[error("the passphrase does not open {}; nothing was changed, try again", path.display())]
    WrongPassphrase {
        /// The file.
        path: PathBuf,
    },
    /// The identity is another one.
    #[error(
        "none of the identities in {} opens {}; name the identity file of one of its recipients",
        identity.display(),
        path.display()
    )]
    WrongIdentity {
        /// The file.
        path: PathBuf,
        /// The file of identities.
        identity: PathBuf,
    },
    /// The file of identities holds none.
    #[error(
        "{} holds no age identity (a line AGE-SECRET-KEY-1…); make one with `age-keygen`",
        path.display()
    )]
    NotAnIdentity {
        /// The file.
        path: PathBuf,
    },
    /// The file is sealed with the other method.
    #[error("{} is sealed {}", path.display(), if *with_passphrase {
        "with a passphrase; name it with `passphrase_file` or `passphrase_credential`, or leave all \
         three out to be asked"
    } else {
        "to recipients; name the identity file of one of them with `identity`"
    })]
    OtherLock {
        /// The file.
        path: PathBuf,
        /// Whether it wants a passphrase.
        with_passphrase: bool,
    },
    /// The file wants more work than any honest one.
    #[error("{} would take unreasonably long to open; it was not made by this program", path.display())]
    TooMuchWork {
        /// The file.
        path: PathBuf,
    },
    /// What is inside is no key.
    #[error("{what} holds no private key: {source}")]
    NotAKey {
        /// What was opened.
        what: String,
        /// What is wrong.
        source: PrivateKeyError,
    },
    /// The process was not started with credentials.
    #[error(
        "there is no credential `{name}`, because the process was started without any; start it by its \
         unit, with a line LoadCredentialEncrypted={name}:/etc/credstore.encrypted/{name}"
    )]
    NoCredentials {
        /// The name.
        name: String,
    },
    /// The credential is not among those handed over.
    #[error(
        "there is no credential `{name}` in {}; add a line LoadCredentialEncrypted={name}:PATH to the \
         unit", folder.display()
    )]
    CredentialMissing {
        /// The name.
        name: String,
        /// The folder of credentials.
        folder: PathBuf,
    },
    /// Nobody can be asked.
    #[error(
        "{what} must be typed, and there is no terminal; name a file or a credential that holds it"
    )]
    NoTerminal {
        /// What was to be asked.
        what: String,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// The companion names another key.
    #[error(
        "{} holds the key {found}, but {}.pub names {expected}; put back the right file, or delete the \
         .pub file if the change was meant", path.display(), path.display()
    )]
    OtherKey {
        /// The file.
        path: PathBuf,
        /// The key that is meant.
        expected: PublicKey,
        /// The key that is there.
        found: PublicKey,
    },
    /// The companion cannot be read.
    #[error(transparent)]
    Companion(#[from] CompanionError),
    /// The token.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// A token never gives its key away.
    #[error("a token does not give its key away; keep a backup that was made before it went in")]
    InToken,
    /// Another process holds the key.
    #[error("the key is held by the vault at {}; ask it", socket.display())]
    InVault {
        /// Its socket.
        socket: PathBuf,
    },
}
