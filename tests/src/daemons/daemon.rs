//! One `countersign run`.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use rustix::process::Signal;
use tokio::process::{Child, Command};
use tokio::task::JoinHandle;

use super::{Log, countersign, processes, shell, within};

/// A running `countersign run`. Dropping it kills it.
#[derive(Debug)]
pub struct Daemon {
    child: Child,
    log: Log,
    reading: JoinHandle<()>,
    _last_words: LastWords,
}

/// Shows the end of a daemon's log if the test fails.
#[derive(Debug)]
struct LastWords(Log);

impl Drop for LastWords {
    #[expect(clippy::print_stderr, reason = "the test's output is where it is looked for")]
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("a signer's last words:\n{}", self.0.tail());
        }
    }
}

/// How a process ended, and what it said.
#[derive(Debug)]
pub struct Ended {
    /// The exit code; none if a signal ended it.
    pub code: Option<i32>,
    /// Standard error.
    pub log: String,
}

impl Daemon {
    /// Starts it with a configuration file.
    pub fn start(config: &Path) -> Self {
        let mut command = Command::new(countersign());
        command.stdin(Stdio::null());
        Self::spawn(command, config)
    }

    /// Starts a standby with a configuration file, and waits until it takes callbacks. Also gives where.
    pub async fn standby(config: &Path) -> (Self, SocketAddr) {
        let mut command = Command::new(countersign());
        command.arg("standby").stdin(Stdio::null());
        let daemon = Self::spawn_verb(command, config);
        let endpoint = daemon.endpoint().await;
        (daemon, endpoint)
    }

    /// Runs a standby to its end.
    pub async fn standby_to_its_end(config: &Path) -> Ended {
        let mut command = Command::new(countersign());
        command.arg("standby").stdin(Stdio::null());
        Self::spawn_verb(command, config).ended(START_LIMIT).await
    }

    /// Starts it where no file can become longer than `kib` KiB, as on a full disk.
    pub fn start_on_full_disk(config: &Path, kib: u32) -> Self {
        let mut shell = Command::new("sh");
        // The signal for a file that would become too long is ignored, so that the write fails as
        // it does on a full disk. The shell's unit is 512 bytes.
        let script = format!("trap '' XFSZ; ulimit -f {}; exec \"$0\" \"$@\"", kib * 2);
        shell.arg("-c").arg(script).arg(countersign()).stdin(Stdio::null());
        Self::spawn(shell, config)
    }

    /// Starts it with a configuration file by this command, whose standard input is the caller's matter.
    pub fn spawn(mut command: Command, config: &Path) -> Self {
        command.arg("run");
        Self::spawn_verb(command, config)
    }

    /// Starts a daemon as a page of the documentation has it typed in this folder.
    pub fn typed(step: &str, folder: &Path) -> Self {
        // The shell becomes its last command, which thereby gets the signals.
        Self::spawn_whole(shell(step, folder))
    }

    /// The command has its verb.
    fn spawn_verb(mut command: Command, config: &Path) -> Self {
        command.arg("--config").arg(config);
        Self::spawn_whole(command)
    }

    /// The command has all of its arguments.
    fn spawn_whole(mut command: Command) -> Self {
        let mut child = command
            .env_remove("RUST_LOG")
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let log = Log::default();
        let reading = log.follow(child.stderr.take().expect("standard error is piped"));
        let last_words = LastWords(log.clone());
        Self { child, log, reading, _last_words: last_words }
    }

    /// Starts it and waits until it takes callbacks. Also gives where.
    pub async fn ready(config: &Path) -> (Self, SocketAddr) {
        let daemon = Self::start(config);
        let endpoint = daemon.endpoint().await;
        (daemon, endpoint)
    }

    /// Waits until it takes callbacks, and gives where.
    pub async fn endpoint(&self) -> SocketAddr {
        let line = self.log.wait_for(0, "listening for the node's callbacks", START_LIMIT).await;
        let (_, address) = line.text.split_once("endpoint=").unwrap();
        let address = address.trim().parse().unwrap();
        self.log.wait_for(0, "Signer runloop begin", START_LIMIT).await;
        address
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id().expect("the process was not waited for")
    }

    /// What it has logged so far.
    pub fn log(&self) -> &Log {
        &self.log
    }

    /// Whether it runs.
    pub fn is_running(&self) -> bool {
        self.child.id().is_some_and(processes::is_running)
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) {
        processes::signal(self.pid(), signal);
    }

    /// Waits until it has ended.
    pub async fn ended(mut self, limit: Duration) -> Ended {
        let Ok(status) = tokio::time::timeout(limit, self.child.wait()).await else {
            panic!("waited {limit:?} for the daemon's end; it says:\n{}", self.log.text());
        };
        self.log.finish(self.reading).await;
        Ended { code: status.unwrap().code(), log: self.log.text() }
    }

    /// Ends it with SIGKILL.
    pub async fn kill(mut self) {
        within(Duration::from_secs(10), "the end of a killed process", self.child.kill())
            .await
            .unwrap();
    }

    /// Runs it to its end.
    pub async fn run(config: &Path) -> Ended {
        Self::start(config).ended(START_LIMIT).await
    }
}

/// Everything below a folder, sorted.
pub fn content(folder: &Path) -> Vec<PathBuf> {
    let mut found: Vec<_> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    found.sort();
    found
}

const START_LIMIT: Duration = Duration::from_secs(20);
