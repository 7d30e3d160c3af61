//! Stopping a node and starting it again, whatever happens in between.

use std::io::{self, Read, Seek as _, SeekFrom, Write as _};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// How a node is stopped and started: two commands as lists of words, which no shell reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    /// Stops the node, and ends when it has stopped.
    pub stop: Vec<String>,
    /// Starts the node, and ends when that is under way.
    pub start: Vec<String>,
    /// How long each of the two may take.
    pub limit: Duration,
    /// A program of ours that calls [`keep_up`] with the words after these; without it a node stays down if this
    /// process is killed.
    pub keeper: Vec<String>,
}

/// Why a node is not stopped or started.
#[derive(Debug, thiserror::Error)]
pub enum KeeperError {
    /// There is no command.
    #[error("the command to {what} the node is empty")]
    Empty {
        /// What it is to do.
        what: &'static str,
    },
    /// It cannot be run.
    #[error("`{program}`, which is to {what} the node, cannot be run")]
    Start {
        /// What it is to do.
        what: &'static str,
        /// The program.
        program: String,
        /// What the operating system says.
        #[source]
        source: io::Error,
    },
    /// It failed.
    #[error("`{program}`, which is to {what} the node, ended with {status}: {said}")]
    Failed {
        /// What it is to do.
        what: &'static str,
        /// The program.
        program: String,
        /// How it ended.
        status: ExitStatus,
        /// The end of what it said.
        said: String,
    },
    /// It did not end.
    #[error("`{program}`, which is to {what} the node, did not end within {} s and was killed", after.as_secs())]
    TimedOut {
        /// What it is to do.
        what: &'static str,
        /// The program.
        program: String,
        /// How long it had.
        after: Duration,
    },
}

impl Service {
    /// The node as a unit of systemd.
    pub fn systemd(unit: &str, keeper: Vec<String>) -> Self {
        let command = |verb: &str| ["systemctl", verb, "--", unit].map(str::to_owned).to_vec();
        Self { stop: command("stop"), start: command("start"), limit: LIMIT, keeper }
    }

    /// Stops the node. It is started again when the result is dropped, if not before.
    pub(super) fn stop(&self) -> Result<Down<'_>, KeeperError> {
        let down = Down { service: self, keeper: self.spawn_keeper()?, is_up: false };
        run("stop", &self.stop, self.limit)?;
        Ok(down)
    }

    /// Starts a node that was not stopped by us.
    pub(super) fn start(&self) -> Result<(), KeeperError> {
        run("start", &self.start, self.limit)
    }

    fn spawn_keeper(&self) -> Result<Option<Child>, KeeperError> {
        let Some((program, words)) = self.keeper.split_first() else { return Ok(None) };
        let mut command = Command::new(program);
        // In a group of its own, so that Ctrl-C does not end it with us.
        command
            .args(words)
            .args(&self.start)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .process_group(0);
        let started = command.spawn();
        started.map(Some).map_err(|source| KeeperError::Start {
            what: "watch over the start of",
            program: program.clone(),
            source,
        })
    }
}

/// A node that we have stopped.
#[derive(Debug)]
pub(super) struct Down<'a> {
    service: &'a Service,
    keeper: Option<Child>,
    is_up: bool,
}

impl Down<'_> {
    /// Starts it.
    pub(super) fn start(mut self) -> Result<(), KeeperError> {
        self.bring_up()
    }

    fn bring_up(&mut self) -> Result<(), KeeperError> {
        run("start", &self.service.start, self.service.limit)?;
        self.is_up = true;
        Ok(())
    }
}

impl Drop for Down<'_> {
    fn drop(&mut self) {
        if !self.is_up {
            // If it fails, the keeper tries once more.
            let _ = self.bring_up();
        }
        if let Some(keeper) = &mut self.keeper {
            if let Some(mut pipe) = keeper.stdin.take()
                && self.is_up
            {
                // A keeper that has ended has done its work.
                let _ = pipe.write_all(DONE);
            }
            let _ = keeper.wait();
        }
    }
}

/// Waits until whoever writes into `input` is done. If it ends without a word, it was killed: then the node is started.
pub fn keep_up(mut input: impl Read, start: &[String]) -> Result<(), KeeperError> {
    let mut said = [0; DONE.len()];
    if input.read_exact(&mut said).is_ok() && said == DONE {
        return Ok(());
    }
    run("start", start, LIMIT)
}

/// Runs a command to its end. It may leave a daemon behind, so nobody waits for the end of what that says.
fn run(what: &'static str, words: &[String], limit: Duration) -> Result<(), KeeperError> {
    let (program, rest) = words.split_first().ok_or(KeeperError::Empty { what })?;
    let failed = |source| KeeperError::Start { what, program: program.clone(), source };
    let mut said = tempfile::tempfile().map_err(failed)?;
    let mut child = Command::new(program)
        .args(rest)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(said.try_clone().map_err(failed)?)
        .process_group(0)
        .spawn()
        .map_err(failed)?;
    let begun = Instant::now();
    let status = loop {
        match child.try_wait().map_err(failed)? {
            Some(status) => break status,
            None if begun.elapsed() >= limit => {
                let _ = child.kill();
                let _ = child.wait();
                return Err(KeeperError::TimedOut { what, program: program.clone(), after: limit });
            }
            None => sleep(PAUSE),
        }
    };
    if status.success() {
        return Ok(());
    }
    let mut text = Vec::new();
    let length = said.seek(SeekFrom::End(0)).unwrap_or(0);
    let _ = said.seek(SeekFrom::Start(length.saturating_sub(MAX_SAID)));
    let _ = said.take(MAX_SAID).read_to_end(&mut text);
    let text = String::from_utf8_lossy(&text);
    let said = text.split_whitespace().collect::<Vec<_>>().join(" ");
    Err(KeeperError::Failed { what, program: program.clone(), status, said })
}

/// systemd kills a unit that does not stop after 90 s; a node with a large mempool takes its time.
const LIMIT: Duration = Duration::from_mins(5);
const PAUSE: Duration = Duration::from_millis(20);
/// What the keeper hears if all went well.
const DONE: &[u8] = b"up";
/// How much of what a command said is shown.
const MAX_SAID: u64 = 500;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use std::path::Path;

    use super::*;

    fn words(words: &[&str]) -> Vec<String> {
        words.iter().map(|word| (*word).to_owned()).collect()
    }

    fn service(folder: &Path) -> Service {
        let file = folder.join("up").display().to_string();
        Service {
            stop: words(&["rm", &file]),
            start: words(&["touch", &file]),
            limit: Duration::from_secs(5),
            keeper: Vec::new(),
        }
    }

    #[test]
    fn what_was_stopped_is_started_however_the_work_ends() {
        let folder = tempfile::tempdir().unwrap();
        let (service, up) = (service(folder.path()), folder.path().join("up"));
        std::fs::write(&up, "").unwrap();
        let down = service.stop().unwrap();
        assert!(!up.exists());
        down.start().unwrap();
        assert!(up.exists());
        let dropped = service.stop().unwrap();
        assert!(!up.exists());
        drop(dropped);
        assert!(up.exists());
    }

    #[test]
    fn a_node_that_cannot_be_stopped_is_started_all_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let service = Service { stop: words(&["false"]), ..service(folder.path()) };
        let refused = service.stop().unwrap_err();
        assert!(matches!(refused, KeeperError::Failed { what: "stop", .. }), "{refused}");
        assert!(folder.path().join("up").exists());
    }

    #[test]
    fn a_command_that_does_not_end_is_killed_and_no_shell_reads_it() {
        let endless = run("stop", &words(&["sleep", "600"]), Duration::from_millis(50));
        assert!(matches!(endless, Err(KeeperError::TimedOut { .. })));
        let folder = tempfile::tempdir().unwrap();
        let hostile = folder.path().join("$(touch x); touch y");
        run("start", &words(&["touch", hostile.to_str().unwrap()]), LIMIT).unwrap();
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
        let missing = run("stop", &words(&["/no/such/program"]), LIMIT);
        assert!(matches!(missing, Err(KeeperError::Start { .. })));
        assert!(matches!(run("stop", &[], LIMIT), Err(KeeperError::Empty { .. })));
    }

    #[test]
    fn the_keeper_starts_the_node_only_if_nobody_says_that_it_is_up() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("up");
        let start = words(&["touch", file.to_str().unwrap()]);
        keep_up(DONE, &start).unwrap();
        assert!(!file.exists());
        keep_up(&b"u"[..], &start).unwrap();
        assert!(file.exists());
    }
}
