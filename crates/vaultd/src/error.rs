//! Why a vault does not start, or ends other than by being asked to.

use std::io;
use std::path::PathBuf;

use countersign_ops::exit::Exit;
use countersign_ops::notify::NotifyError;
use countersign_ops::sandbox::{Measure, SandboxError};
use countersign_vault::{HostLockError, OpenError, SignError};

/// Why a vault does not start, or ends.
#[derive(Debug, thiserror::Error)]
pub enum VaultdError {
    /// The key cannot be opened.
    #[error(transparent)]
    Key(#[from] countersign_custody::OpenError),
    /// The service manager cannot be told anything.
    #[error(transparent)]
    Notify(#[from] NotifyError),
    /// Another process of this machine signs with the key.
    #[error(transparent)]
    Instance(#[from] HostLockError),
    /// The journal cannot be opened.
    #[error(transparent)]
    Journal(#[from] OpenError),
    /// The socket cannot be bound.
    #[error("the socket {} cannot be bound", path.display())]
    Socket {
        /// Its path.
        path: PathBuf,
        /// What the operating system says.
        #[source]
        source: io::Error,
    },
    /// Another process answers there.
    #[error("another process answers on the socket {}; stop it, or name another path", path.display())]
    SocketInUse {
        /// Its path.
        path: PathBuf,
    },
    /// Something else has the name.
    #[error("{} is not a socket; move it away, or name another path", path.display())]
    NotASocket {
        /// Its path.
        path: PathBuf,
    },
    /// The process cannot be prepared.
    #[error("the process cannot be prepared: {what}")]
    Process {
        /// For what.
        what: &'static str,
        /// What the operating system says.
        #[source]
        source: io::Error,
    },
    /// A part of the sandbox is not to be had.
    #[error(
        "the {measure} is not in force, and the configuration says `sandbox = \"required\"`; do what the \
         cause says, or write `sandbox = \"best-effort\"` to run without it"
    )]
    Unconfined {
        /// Which part.
        measure: Measure,
        /// Why.
        #[source]
        source: SandboxError,
    },
    /// The journal failed while the vault ran.
    #[error(transparent)]
    Signing(SignError),
    /// The kernel does not let us wait for calls.
    #[error("calls cannot be waited for")]
    Poll(#[source] io::Error),
}

impl VaultdError {
    /// The code that the process should end with.
    pub const fn exit(&self) -> Exit {
        match self {
            Self::Key(_) | Self::Unconfined { .. } => Exit::Key,
            Self::Notify(_) => Exit::Usage,
            Self::Instance(_) => Exit::Instance,
            Self::Journal(error) if error.is_unwritable() => Exit::Store,
            Self::Journal(_) => Exit::Journal,
            Self::Signing(_) => Exit::Store,
            Self::Socket { .. } | Self::SocketInUse { .. } | Self::NotASocket { .. } => Exit::Bind,
            Self::Process { .. } | Self::Poll(_) => Exit::Failure,
        }
    }
}
