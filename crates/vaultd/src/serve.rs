//! The loop: one thread that polls, reads, answers and writes, and waits for nobody.

use std::io;
use std::os::fd::AsFd as _;
use std::os::unix::net::{UnixListener, UnixStream};
use std::time::{Duration, Instant};

use countersign_vault::SignError;
use countersign_vault::ipc::{Hello, PROTOCOL, Refusal, Reply, to_frame};
use nix::sys::signal::Signal;
use nix::sys::signalfd::SignalFd;
use nix::sys::socket::getsockopt;
use nix::sys::socket::sockopt::PeerCredentials;
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::caller::{Caller, Callers};
use crate::connection::{Connection, Progress};
use crate::desk::{Desk, Served};
use crate::heartbeat::Heartbeat;

/// Everything that the loop owns.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) listener: UnixListener,
    pub(crate) signals: SignalFd,
    pub(crate) desk: Desk,
    pub(crate) callers: Callers,
}

/// Why the loop ended, if it was not asked to.
#[derive(Debug)]
pub(crate) enum Stop {
    /// A journal failed.
    Journal(SignError),
    /// The kernel does not let us wait.
    Poll(io::Error),
}

impl Server {
    /// Answers until SIGTERM or SIGINT, or until a journal fails. Every call that was begun is finished: it is
    /// answered in the turn of the loop in which it came.
    pub(crate) fn run(mut self, mut heartbeat: Heartbeat<'_>) -> Result<(), Stop> {
        let mut connections: Vec<Connection> = Vec::new();
        let mut log = Log::default();
        loop {
            heartbeat.beat();
            let ready = match wait(&self, &connections, heartbeat.due()) {
                Ok(ready) => ready,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(Stop::Poll(error)),
            };
            if ready.signal && self.is_asked_to_stop(&mut log) {
                say_goodbye(connections);
                return self.desk.close().map_err(Stop::Journal);
            }
            let now = Instant::now();
            let mut is_ready = ready.connections.into_iter();
            let mut fatal = None;
            connections.retain_mut(|connection| {
                let is_ready = is_ready.next().unwrap_or(false);
                if is_ready && fatal.is_none() {
                    return self.attend(connection, &mut log, &mut fatal);
                }
                connection.deadline().is_none_or(|deadline| now < deadline)
            });
            if let Some(error) = fatal {
                say_goodbye(connections);
                return Err(Stop::Journal(error));
            }
            if ready.listener {
                self.accept(&mut connections, &mut log);
            }
        }
    }

    /// Takes a signal. The vault reads its configuration at its start only, before it locks itself in, so SIGHUP
    /// changes nothing.
    fn is_asked_to_stop(&self, log: &mut Log) -> bool {
        let Ok(Some(signal)) = self.signals.read_signal() else { return false };
        let is_hangup = i32::try_from(signal.ssi_signo) == Ok(Signal::SIGHUP as i32);
        if is_hangup {
            log.hangup();
        }
        !is_hangup
    }

    /// Serves one connection that is ready. Gives back whether it stays.
    fn attend(
        &mut self,
        connection: &mut Connection,
        log: &mut Log,
        fatal: &mut Option<SignError>,
    ) -> bool {
        let frame = match connection.advance() {
            Progress::Frame(frame) => frame,
            Progress::Waiting => return true,
            Progress::Over => return false,
        };
        let (reply, stays) = match self.desk.serve(connection.caller(), &frame) {
            Ok(Served { reply, fatal: failure }) => {
                *fatal = failure;
                (reply, true)
            }
            Err(error) => (Reply::Refused(Refusal::malformed(&error)), false),
        };
        log.reply(connection.caller(), &reply);
        // A reply has a bounded length; what cannot be written now is written when there is room.
        connection.say(&reply).is_ok() && connection.flush().is_ok() && stays
    }

    fn accept(&self, connections: &mut Vec<Connection>, log: &mut Log) {
        let stream = match self.listener.accept() {
            Ok((stream, _)) => stream,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
            Err(error) => {
                tracing::warn!(%error, "a connection cannot be taken");
                std::thread::sleep(ACCEPT_PAUSE);
                return;
            }
        };
        // A caller in another container has no number here, and is process 0.
        let peer = match getsockopt(&stream, PeerCredentials) {
            Ok(peer) => peer,
            Err(error) => {
                tracing::warn!(%error, "the kernel does not say who calls; the connection is closed");
                return;
            }
        };
        let uid = peer.uid();
        let Some(caller) = self.callers.find(uid) else {
            log.stranger(uid, peer.pid());
            turn_away(&stream, uid);
            return;
        };
        let theirs = connections.iter().filter(|other| other.caller().uid == uid).count();
        if theirs >= MAX_CONNECTIONS {
            log.crowd(caller);
            return;
        }
        let hello = Hello::Welcome { protocol: PROTOCOL, keys: self.desk.keys() };
        match Connection::new(stream, caller.clone(), &hello) {
            Ok(mut connection) => {
                tracing::debug!(user = caller.user, pid = peer.pid(), "a caller connects");
                if connection.flush().is_ok() {
                    connections.push(connection);
                }
            }
            Err(error) => tracing::warn!(%error, "a connection cannot be used"),
        }
    }
}

/// What can be done without waiting.
struct Ready {
    signal: bool,
    listener: bool,
    /// In the order of the connections.
    connections: Vec<bool>,
}

/// Waits until something can be done, until the first deadline, or until `due`.
fn wait(server: &Server, connections: &[Connection], due: Option<Instant>) -> io::Result<Ready> {
    let mut polled = vec![
        PollFd::from_borrowed_fd(server.signals.as_fd(), PollFlags::IN),
        PollFd::from_borrowed_fd(server.listener.as_fd(), PollFlags::IN),
    ];
    polled.extend(
        connections
            .iter()
            .map(|connection| PollFd::from_borrowed_fd(connection.as_fd(), connection.interest())),
    );
    let deadline = connections.iter().filter_map(Connection::deadline).chain(due).min();
    let timeout = deadline
        .map(|deadline| deadline.saturating_duration_since(Instant::now()) + ROUNDING)
        .and_then(|left| Timespec::try_from(left).ok());
    poll(&mut polled, timeout.as_ref())?;
    let mut ready = polled.iter().map(|polled| !polled.revents().is_empty());
    Ok(Ready {
        signal: ready.next().unwrap_or(false),
        listener: ready.next().unwrap_or(false),
        connections: ready.collect(),
    })
}

/// Says to a stranger that it is one. Whether it listens is its own matter.
fn turn_away(mut stream: &UnixStream, uid: u32) {
    use std::io::Write as _;

    if let Ok(frame) = to_frame(&Hello::Stranger { uid })
        && stream.set_nonblocking(true).is_ok()
    {
        let _ = stream.write_all(&frame);
    }
}

/// Writes what can still be written at once. Whoever misses its reply asks again.
fn say_goodbye(connections: Vec<Connection>) {
    for mut connection in connections {
        let _ = connection.flush();
    }
}

/// What is logged of callers, who must not be able to fill the disk with it: of each sort of trouble one line
/// a second, which says how many came since the last one.
#[derive(Debug, Default)]
struct Log {
    strangers: Pace,
    crowds: Pace,
    roles: Pace,
    refusals: Pace,
    hangups: Pace,
}

impl Log {
    fn reply(&mut self, caller: &Caller, reply: &Reply) {
        let user = caller.user.as_str();
        match reply {
            Reply::Done(_) => {}
            Reply::Refused(Refusal::NotPermitted { kind, .. }) => {
                let Some(unsaid) = self.roles.turn() else { return };
                tracing::warn!(user, %kind, unsaid, "a caller asked for what its role does not include");
            }
            Reply::Refused(refusal) => {
                let Some(unsaid) = self.refusals.turn() else { return };
                tracing::warn!(user, unsaid, reason = %refusal, "a call was refused");
            }
        }
    }

    fn stranger(&mut self, uid: u32, pid: i32) {
        let Some(unsaid) = self.strangers.turn() else { return };
        tracing::warn!(uid, pid, unsaid, "a user who is no caller was turned away");
    }

    fn hangup(&mut self) {
        let Some(unsaid) = self.hangups.turn() else { return };
        tracing::info!(
            unsaid,
            "SIGHUP changes nothing here: a vault reads its configuration when it starts"
        );
    }

    fn crowd(&mut self, caller: &Caller) {
        let Some(unsaid) = self.crowds.turn() else { return };
        tracing::warn!(
            user = caller.user,
            unsaid,
            "a caller has {MAX_CONNECTIONS} connections; another one was closed"
        );
    }
}

/// One line a second.
#[derive(Debug, Default)]
struct Pace {
    last: Option<Instant>,
    unsaid: u64,
}

impl Pace {
    /// How many lines were left out since the last one, if it is time for another.
    fn turn(&mut self) -> Option<u64> {
        let now = Instant::now();
        if self.last.is_some_and(|last| now.duration_since(last) < BETWEEN_LINES) {
            self.unsaid += 1;
            return None;
        }
        self.last = Some(now);
        Some(std::mem::take(&mut self.unsaid))
    }
}

/// How many connections a caller may have.
const MAX_CONNECTIONS: usize = 8;
const BETWEEN_LINES: Duration = Duration::from_secs(1);
/// How long to wait when a connection cannot be taken, which has no end of its own.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// So that the deadline has passed when the wait is over.
const ROUNDING: Duration = Duration::from_millis(1);
