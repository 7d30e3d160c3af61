//! Programs that are run for a backup: with an environment of their own, bounded in time and in what they
//! say, and gone when their handle is.

use std::env;
use std::ffi::OsStr;
use std::io::{self, Read, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use tokio_util::sync::CancellationToken;

/// Why a program gave no result.
#[derive(Debug, thiserror::Error)]
pub enum ChildError {
    /// It cannot be started.
    #[error("`{program}` cannot be started")]
    Start {
        /// The program.
        program: String,
        /// What the operating system says.
        #[source]
        source: io::Error,
    },
    /// It took too long, and was killed.
    #[error("`{program}` did not end within {} s and was killed", .after.as_secs())]
    TimedOut {
        /// The program.
        program: String,
        /// How long it had.
        after: Duration,
    },
    /// Somebody stopped the work.
    #[error("stopped before it was done; nothing is left of it")]
    Stopped,
    /// The connection to it broke.
    #[error("`{program}` cannot be talked to")]
    Pipe {
        /// The program.
        program: String,
        /// What the operating system says.
        #[source]
        source: io::Error,
    },
}

/// An unprivileged user, for programs that refuse to run as root.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Other {
    pub(crate) uid: u32,
    pub(crate) gid: u32,
}

/// A program that runs; killed and reaped when this is dropped.
pub(crate) struct Running {
    child: Child,
    program: String,
    started: Instant,
    within: Duration,
    /// Ends the thread that would kill it.
    _guard: Sender<()>,
    stderr: Option<Receiver<Vec<u8>>>,
}

/// How a program ended.
#[derive(Debug)]
pub(crate) struct Finished {
    pub(crate) status: ExitStatus,
    /// The end of what it said on stderr.
    pub(crate) said: String,
}

/// A command with an environment of its own: nothing of ours is handed on but `PATH`.
pub(crate) fn command(program: &Path, other: Option<Other>) -> Command {
    let mut command = Command::new(program);
    command.env_clear().env("LC_ALL", "C").stdin(Stdio::null()).stdout(Stdio::null());
    if let Some(path) = env::var_os("PATH") {
        command.env("PATH", path);
    }
    if let Some(Other { uid, gid }) = other {
        // Without groups of ours: the standard library drops them when root becomes another user.
        command.uid(uid).gid(gid);
    }
    command
}

impl Running {
    /// Starts a program. It is killed once the work is stopped or the time is over, so that whoever reads from it or
    /// writes to it does not wait for ever.
    pub(crate) fn start(
        mut command: Command,
        within: Duration,
        stop: &CancellationToken,
    ) -> Result<Self, ChildError> {
        let program = name(command.get_program());
        let spawned = command.stderr(Stdio::piped()).spawn();
        let mut child =
            spawned.map_err(|source| ChildError::Start { program: program.clone(), source })?;
        let started = Instant::now();
        let guard = guard(&child, within, stop.clone());
        let stderr = child.stderr.take().map(|stderr| listen(stderr, MAX_STDERR));
        Ok(Self { child, program, started, within, _guard: guard, stderr })
    }

    pub(crate) fn stdin(&mut self) -> ChildStdin {
        self.child.stdin.take().expect("the command was given a pipe, and this is asked once")
    }

    pub(crate) fn stdout(&mut self) -> ChildStdout {
        self.child.stdout.take().expect("the command was given a pipe, and this is asked once")
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn has_ended(&mut self) -> bool {
        !matches!(self.child.try_wait(), Ok(None))
    }

    /// Ends it at once.
    pub(crate) fn kill(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
    }

    pub(crate) fn pipe_error(&self, source: io::Error) -> ChildError {
        ChildError::Pipe { program: self.program.clone(), source }
    }

    /// Waits for its end.
    pub(crate) fn finish(mut self, stop: &CancellationToken) -> Result<Finished, ChildError> {
        let status = self.child.wait().map_err(|source| self.pipe_error(source))?;
        if stop.is_cancelled() {
            return Err(ChildError::Stopped);
        }
        if !status.success() && self.started.elapsed() > self.within {
            return Err(ChildError::TimedOut { program: self.program.clone(), after: self.within });
        }
        let said = self.stderr.take().map(|stderr| heard(&stderr)).unwrap_or_default();
        Ok(Finished { status, said: String::from_utf8_lossy(&said).into_owned() })
    }
}

/// Kills the process once it must end, unless what is returned is dropped before.
fn guard(child: &Child, within: Duration, stop: CancellationToken) -> Sender<()> {
    let (sender, dropped) = mpsc::channel::<()>();
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    // The descriptor names this process for ever, whatever happens to its number.
    let process = pid.and_then(|pid| pidfd_open(pid, PidfdFlags::empty()).ok());
    let started = Instant::now();
    thread::spawn(move || {
        while matches!(dropped.recv_timeout(LOOK), Err(RecvTimeoutError::Timeout)) {
            if stop.is_cancelled() || started.elapsed() > within {
                if let Some(process) = process {
                    // It may have ended already.
                    let _ = pidfd_send_signal(&process, Signal::KILL);
                }
                return;
            }
        }
    });
    sender
}

impl Drop for Running {
    fn drop(&mut self) {
        self.kill();
        let _ = self.child.wait();
    }
}

/// Runs a program to its end, with `input`, and gives what it prints if that is at most [`MAX_OUTPUT`].
pub(crate) fn output(
    mut command: Command,
    input: &str,
    within: Duration,
    stop: &CancellationToken,
) -> Result<(Finished, Vec<u8>), ChildError> {
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut running = Running::start(command, within, stop)?;
    let (mut stdin, stdout) = (running.stdin(), running.stdout());
    let input = input.as_bytes().to_owned();
    // A program that ends before it has read everything says why itself.
    thread::spawn(move || stdin.write_all(&input).ok());
    let printed = listen(stdout, usize::try_from(MAX_OUTPUT).unwrap_or(usize::MAX));
    let finished = running.finish(stop)?;
    Ok((finished, heard(&printed)))
}

/// Takes what comes out of a pipe: so many bytes, and what is beyond is read and dropped.
fn listen(mut pipe: impl Read + Send + 'static, most: usize) -> Receiver<Vec<u8>> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let (mut buffer, mut room) = (vec![0; 64 << 10], most);
        // A read that fails is an end: what is missing makes an answer unreadable.
        while let Ok(read @ 1..) = pipe.read(&mut buffer) {
            let kept = buffer.get(..read.min(room)).unwrap_or_default();
            room -= kept.len();
            if !kept.is_empty() && sender.send(kept.to_vec()).is_err() {
                return;
            }
        }
    });
    receiver
}

/// What a program has said that has ended. Something that it has left behind may hold the pipe open, and is not waited
/// for.
fn heard(pipe: &Receiver<Vec<u8>>) -> Vec<u8> {
    let (mut all, until) = (Vec::new(), Instant::now() + GRACE);
    while let Ok(part) = pipe.recv_timeout(until.saturating_duration_since(Instant::now())) {
        all.extend(part);
    }
    all
}

impl Finished {
    /// The last line with text that it said, fit for an error.
    pub(crate) fn last_words(&self) -> String {
        last_words(&self.said).unwrap_or_else(|| self.status.to_string())
    }
}

fn last_words(said: &str) -> Option<String> {
    let mut lines = said.lines().map(str::trim).filter(|line| !line.is_empty());
    let telling =
        |line: &&str| ["error:", "ERROR:", "FATAL:"].iter().any(|word| line.contains(word));
    let line = lines.clone().find(telling).or_else(|| lines.next_back())?;
    let text: String = line.chars().filter(|c| !c.is_control()).take(MAX_LINE).collect();
    Some(text)
}

fn name(program: &OsStr) -> String {
    program.to_string_lossy().into_owned()
}

/// How often it is seen whether a program must end.
const LOOK: Duration = Duration::from_millis(50);
/// How long the last words of a program may be under way after its end.
const GRACE: Duration = Duration::from_secs(2);
/// The longest answer of a program that is read, in bytes.
pub(crate) const MAX_OUTPUT: u64 = 64 << 20;
/// How much of what a program complains about is kept, in bytes.
const MAX_STDERR: usize = 64 << 10;
/// The longest line of it in an error of ours, in characters.
const MAX_LINE: usize = 400;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = command(Path::new("/bin/sh"), None);
        command.args(["-c", script]);
        command
    }

    #[test]
    fn a_program_has_nothing_of_our_environment_but_the_path() {
        let stop = CancellationToken::new();
        let (finished, bytes) = output(shell("/usr/bin/env"), "", MINUTE, &stop).unwrap();
        assert!(finished.status.success());
        let text = String::from_utf8(bytes).unwrap();
        let names: Vec<&str> =
            text.lines().filter_map(|line| Some(line.split_once('=')?.0)).collect();
        let known = ["LC_ALL", "PATH", "PWD", "SHLVL", "_", "OLDPWD"];
        assert!(names.iter().all(|name| known.contains(name)), "{names:?}");
    }

    #[test]
    fn a_program_that_does_not_end_is_killed() {
        let stop = CancellationToken::new();
        let error = output(shell("exec sleep 600"), "", Duration::ZERO, &stop).err().unwrap();
        assert!(matches!(error, ChildError::TimedOut { .. }), "{error}");
    }

    #[test]
    fn a_program_is_killed_when_the_work_is_stopped() {
        let stop = CancellationToken::new();
        stop.cancel();
        let error = output(shell("exec sleep 600"), "", MINUTE, &stop).err().unwrap();
        assert!(matches!(error, ChildError::Stopped), "{error}");
    }

    #[test]
    fn what_outlives_a_program_with_its_pipes_holds_nobody_up() {
        let (stop, begun) = (CancellationToken::new(), Instant::now());
        let left = output(shell("sleep 20 & echo stored; echo so >&2"), "", MINUTE, &stop);
        let (finished, bytes) = left.unwrap();
        assert!(finished.status.success());
        assert_eq!((&*bytes, &*finished.said), (&b"stored\n"[..], "so\n"));
        assert!(begun.elapsed() < Duration::from_secs(15));
    }

    #[test]
    fn a_program_that_talks_for_ever_costs_a_bounded_amount_of_memory() {
        let stop = CancellationToken::new();
        let script = "head -c 1000000 /dev/zero | tr '\\0' x >&2; echo ERROR: end >&2; exit 3";
        let (finished, _) = output(shell(script), "", MINUTE, &stop).unwrap();
        assert_eq!(finished.status.code(), Some(3));
        assert!(finished.said.len() <= MAX_STDERR && finished.last_words().len() <= MAX_LINE);
    }

    #[test]
    fn the_line_that_names_the_error_is_told() {
        let said = "pg_dump: detail\npg_dump: error: connection failed\npg_dump: hint: look\n";
        assert_eq!(last_words(said).unwrap(), "pg_dump: error: connection failed");
        assert_eq!(last_words("\n \nonly this\n").unwrap(), "only this");
    }

    const MINUTE: Duration = Duration::from_mins(1);
}
