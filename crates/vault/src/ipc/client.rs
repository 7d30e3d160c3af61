//! The caller's side of the socket.

use std::io::{self, BufReader, Write as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use countersign_wire::{DecodeError, MessageSignature, PublicKey, UnixSeconds, Wire as _};

use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, connect, socket_with};

use super::answer::{Answer, Reply};
use super::call::{Call, Request};
use super::frame::{FrameTooLong, read_frame, to_frame};
use super::hello::{Hello, PROTOCOL};
use super::parcel::{Assembly, Parcel, ParcelError};
use super::refusal::Refusal;
use crate::error::SignError;
use crate::interchange::JournalExport;
use crate::journal_file::JournalStatus;
use crate::request::Imported;

/// Why a vault in another process does not answer, or answers what no vault of ours would.
#[derive(Debug, thiserror::Error)]
pub enum RemoteError {
    /// Nobody listens, or the connection broke.
    #[error("the vault cannot be reached at {}; is `countersign vault` running?", socket.display())]
    Unreachable {
        /// The socket.
        socket: PathBuf,
        /// What the operating system says.
        #[source]
        source: io::Error,
    },
    /// What came is not a message of the protocol.
    #[error("what the vault at {} says is not understood", socket.display())]
    Malformed {
        /// The socket.
        socket: PathBuf,
        /// What is wrong with it.
        #[source]
        source: DecodeError,
    },
    /// The vault is of another release.
    #[error(
        "the vault at {} speaks version {theirs} of the protocol, and this program version {PROTOCOL}; \
         install the same release for both",
        socket.display()
    )]
    OtherProtocol {
        /// The socket.
        socket: PathBuf,
        /// The version that the vault speaks.
        theirs: u16,
    },
    /// Our user is not among the vault's callers.
    #[error(
        "the vault at {} does not know user {uid}; add a [[caller]] with this user to its configuration \
         and restart it",
        socket.display()
    )]
    Stranger {
        /// The socket.
        socket: PathBuf,
        /// Our user, as the vault's kernel says.
        uid: u32,
    },
    /// The vault holds another key than before.
    #[error(
        "the vault at {} no longer holds the key {key}; nothing is signed until it does, or until this \
         program is restarted",
        socket.display()
    )]
    OtherKey {
        /// The socket.
        socket: PathBuf,
        /// The key that it had.
        key: PublicKey,
    },
    /// The answer does not fit the question.
    #[error("the vault at {} answers something else than what it was asked", socket.display())]
    WrongAnswer {
        /// The socket.
        socket: PathBuf,
    },
    /// What the vault exports, or what it is to take over, is no journal.
    #[error("the journal cannot cross the socket of the vault at {}", socket.display())]
    Journal {
        /// The socket.
        socket: PathBuf,
        /// What is wrong with it.
        #[source]
        source: ParcelError,
    },
    /// The request is longer than the protocol allows.
    #[error("the request cannot be sent to the vault")]
    TooLong(#[from] FrameTooLong),
    /// The vault refuses for a reason that is not the journal's.
    #[error(transparent)]
    Refused(Refusal),
}

impl RemoteError {
    /// Whether the same request may succeed later, when the vault runs again or has its key back.
    pub const fn is_transient(&self) -> bool {
        match self {
            Self::Unreachable { .. } | Self::OtherKey { .. } => true,
            Self::Refused(refusal) => {
                matches!(refusal, Refusal::KeyAway { .. } | Refusal::JournalFailed { .. })
            }
            Self::Malformed { .. }
            | Self::OtherProtocol { .. }
            | Self::Stranger { .. }
            | Self::WrongAnswer { .. }
            | Self::Journal { .. }
            | Self::TooLong(_) => false,
        }
    }
}

/// A connection to the vault's process.
#[derive(Debug)]
pub struct VaultClient {
    stream: BufReader<UnixStream>,
    socket: PathBuf,
    keys: Vec<PublicKey>,
}

impl VaultClient {
    /// Connects and hears what the vault says first. No single wait is longer than `patience`.
    pub fn connect(socket: &Path, patience: Duration) -> Result<Self, RemoteError> {
        let unreachable = |source| RemoteError::Unreachable { socket: socket.to_owned(), source };
        let stream = open(socket).map_err(unreachable)?;
        stream.set_read_timeout(Some(patience)).map_err(unreachable)?;
        stream.set_write_timeout(Some(patience)).map_err(unreachable)?;
        let mut stream = BufReader::new(stream);
        let bytes = read_frame(&mut stream).map_err(unreachable)?;
        let socket = socket.to_owned();
        match Hello::from_bytes(&bytes) {
            Ok(Hello::Welcome { protocol: PROTOCOL, keys }) => Ok(Self { stream, socket, keys }),
            Ok(Hello::Welcome { protocol: theirs, .. }) => {
                Err(RemoteError::OtherProtocol { socket, theirs })
            }
            Ok(Hello::Stranger { uid }) => Err(RemoteError::Stranger { socket, uid }),
            Err(source) => Err(RemoteError::Malformed { socket, source }),
        }
    }

    /// The keys that the vault holds, the one in use first.
    pub fn keys(&self) -> &[PublicKey] {
        &self.keys
    }

    /// Asks once. After an error that [`RemoteError::is_transient`] calls one, the connection is of no use
    /// any more; what became of the request is unknown, and it may be made again.
    pub fn ask(&mut self, key: PublicKey, request: Request) -> Result<Answer, SignError> {
        let frame = to_frame(&Call { key, request }).map_err(RemoteError::TooLong)?;
        let answered =
            self.stream.get_mut().write_all(&frame).and_then(|()| read_frame(&mut self.stream));
        let bytes = answered.map_err(|source| {
            let socket = self.socket.clone();
            RemoteError::Unreachable { socket, source }
        })?;
        match Reply::from_bytes(&bytes) {
            Ok(Reply::Done(answer)) => Ok(answer),
            Ok(Reply::Refused(refusal)) => Err(refusal.into()),
            Err(source) => {
                let socket = self.socket.clone();
                Err(RemoteError::Malformed { socket, source }.into())
            }
        }
    }

    /// Everything that binds the key, with the key's own proof, which was checked. The vault gives it only
    /// while the key signs nothing.
    pub fn export_journal(
        &mut self,
        key: PublicKey,
        at: UnixSeconds,
    ) -> Result<JournalExport, SignError> {
        let mut assembly = Assembly::default();
        // Each parcel but the last is full, so this ends.
        for number in 0.. {
            let Answer::Parcel(Some(parcel)) = self.ask(key, Request::Export { at, number })?
            else {
                break;
            };
            let is_ours = parcel.number == number && parcel.piece.public_key == key;
            match assembly.take(*parcel).map_err(|source| self.no_journal(source))? {
                Some(export) if is_ours && export.proof.is_some() => return Ok(export),
                None if is_ours => {}
                _ => break,
            }
        }
        Err(self.wrong_answer().into())
    }

    /// [`Vault::import_journal`](crate::Vault::import_journal): all of it or nothing, and only what the key
    /// itself has proven.
    pub fn import_journal(
        &mut self,
        key: PublicKey,
        other: &JournalExport,
    ) -> Result<Imported, SignError> {
        for number in 0.. {
            let parcel = Parcel::cut(other, number).map_err(|source| self.no_journal(source))?;
            let Some(parcel) = parcel else { break };
            match self.ask(key, Request::ImportParcel(Box::new(parcel)))? {
                Answer::Imported(imported) => return Ok(imported),
                Answer::Nothing => {}
                _ => break,
            }
        }
        Err(self.wrong_answer().into())
    }

    /// What the journal comes to.
    pub fn journal_status(&mut self, key: PublicKey) -> Result<JournalStatus, SignError> {
        match self.ask(key, Request::JournalStatus)? {
            Answer::JournalStatus(status) => Ok(*status),
            _ => Err(self.wrong_answer().into()),
        }
    }

    /// The signature that a request asks for.
    pub fn signature(
        &mut self,
        key: PublicKey,
        request: Request,
    ) -> Result<MessageSignature, SignError> {
        match self.ask(key, request)? {
            Answer::Signature(signature) => Ok(signature),
            _ => Err(self.wrong_answer().into()),
        }
    }

    fn no_journal(&self, source: ParcelError) -> RemoteError {
        RemoteError::Journal { socket: self.socket.clone(), source }
    }

    /// The error for an answer that does not fit.
    pub fn wrong_answer(&self) -> RemoteError {
        RemoteError::WrongAnswer { socket: self.socket.clone() }
    }
}

/// Connects at once or not at all. A listener that has stood still for long has a full queue, for which
/// [`UnixStream::connect`] waits without an end.
fn open(path: &Path) -> io::Result<UnixStream> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
    connect(&socket, &SocketAddrUnix::new(path)?)?;
    let stream = UnixStream::from(socket);
    stream.set_nonblocking(false)?;
    Ok(stream)
}

/// What the vault in its own process would have said in ours.
impl From<Refusal> for SignError {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Conflict { rival, height } => Self::Conflict { rival, height },
            Refusal::BelowFloor { sighash, height, floor } => {
                Self::BelowFloor { sighash, height, floor }
            }
            Refusal::ContradictsAcceptance { sighash } => Self::ContradictsAcceptance { sighash },
            Refusal::Inconsistent { sighash, height } => Self::Inconsistent { sighash, height },
            Refusal::OutOfRange { what, value } => {
                let what = match what.as_str() {
                    "height" => "height",
                    "time" => "time",
                    _ => "number",
                };
                Self::OutOfRange { what, value }
            }
            Refusal::WrongLane { lane } => Self::WrongLane { lane },
            Refusal::Unsignable { message_type } => Self::Unsignable { message_type },
            Refusal::ForeignSignature { sighash } => Self::ForeignSignature { sighash },
            Refusal::ForeignMock => Self::ForeignMock,
            Refusal::Unrecorded { sighash } => Self::Unrecorded { sighash },
            Refusal::NotActive { standing } => Self::NotActive { standing },
            Refusal::Waiting { left } => Self::Waiting { left },
            Refusal::Held { from } => Self::Held { from },
            other @ (Refusal::NotPermitted { .. }
            | Refusal::UnknownKey { .. }
            | Refusal::OtherChain { .. }
            | Refusal::Malformed { .. }
            | Refusal::BadJournal { .. }
            | Refusal::StillActive
            | Refusal::KeyAway { .. }
            | Refusal::JournalFailed { .. }) => Self::Remote(RemoteError::Refused(other)),
        }
    }
}
