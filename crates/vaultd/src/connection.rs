//! One connection: bytes in, bytes out, and how long either may take.

use std::io::{self, Read as _, Write as _};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use countersign_vault::ipc::{FrameBuffer, FrameTooLong, to_frame};
use countersign_wire::Wire;
use rustix::event::PollFlags;

use crate::caller::Caller;

/// A caller's connection. It neither blocks nor spins: [`Connection::interest`] says what it waits for.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: UnixStream,
    caller: Caller,
    incoming: FrameBuffer,
    outgoing: Vec<u8>,
    /// How much of `outgoing` was written.
    written: usize,
    /// When what has begun must be done: a frame that came in part, or a reply that was not taken.
    deadline: Option<Instant>,
}

/// What has become of a connection.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    /// A whole frame has come.
    Frame(Vec<u8>),
    /// There is nothing to do at the moment.
    Waiting,
    /// The other side has gone, or broke the rules.
    Over,
}

impl Connection {
    /// The connection of `caller`, to whom `hello` is said.
    pub(crate) fn new(stream: UnixStream, caller: Caller, hello: &impl Wire) -> io::Result<Self> {
        stream.set_nonblocking(true)?;
        let mut connection = Self {
            stream,
            caller,
            incoming: FrameBuffer::default(),
            outgoing: Vec::new(),
            written: 0,
            deadline: None,
        };
        connection.say(hello).map_err(io::Error::other)?;
        Ok(connection)
    }

    /// Whose it is.
    pub(crate) const fn caller(&self) -> &Caller {
        &self.caller
    }

    /// Until when something must have happened, if there is something.
    pub(crate) const fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    /// What to wait for. A caller that does not take its reply is not read from.
    pub(crate) const fn interest(&self) -> PollFlags {
        if self.outgoing.is_empty() { PollFlags::IN } else { PollFlags::OUT }
    }

    /// Queues a message and writes what can be written of it. Called only when nothing is queued.
    pub(crate) fn say(&mut self, message: &impl Wire) -> Result<(), FrameTooLong> {
        self.outgoing = to_frame(message)?;
        self.written = 0;
        self.deadline = Some(Instant::now() + PATIENCE);
        Ok(())
    }

    /// Writes or reads as far as that goes.
    pub(crate) fn advance(&mut self) -> Progress {
        match self.flush() {
            Ok(true) => {}
            Ok(false) => return Progress::Waiting,
            Err(_) => return Progress::Over,
        }
        let mut piece = [0; PIECE];
        loop {
            match self.incoming.next_frame() {
                // A caller that does not wait for its reply breaks the protocol.
                Ok(Some(_)) if !self.incoming.is_empty() => return Progress::Over,
                Ok(Some(frame)) => {
                    self.rest();
                    return Progress::Frame(frame);
                }
                Ok(None) => {}
                Err(FrameTooLong { .. }) => return Progress::Over,
            }
            match self.stream.read(&mut piece) {
                Ok(0) => return Progress::Over,
                Ok(read) => self.incoming.extend(piece.get(..read).unwrap_or_default()),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.rest();
                    return Progress::Waiting;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return Progress::Over,
            }
        }
    }

    /// A frame that has begun to come has a deadline; a connection on which nothing is said has none.
    fn rest(&mut self) {
        if self.incoming.is_empty() {
            self.deadline = None;
        } else {
            self.deadline.get_or_insert_with(|| Instant::now() + PATIENCE);
        }
    }

    /// Whether everything was written.
    pub(crate) fn flush(&mut self) -> io::Result<bool> {
        if self.outgoing.is_empty() {
            return Ok(true);
        }
        while let Some(rest) = self.outgoing.get(self.written..).filter(|rest| !rest.is_empty()) {
            match self.stream.write(rest) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => self.written += written,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        self.outgoing = Vec::new();
        self.deadline = None;
        Ok(true)
    }
}

impl AsFd for Connection {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.stream.as_fd()
    }
}

/// How long a frame may take to come, and a reply to be taken.
const PATIENCE: Duration = Duration::from_secs(10);
/// How much is read at once.
const PIECE: usize = 16 * 1024;
