//! The program under test as a process, and what the system knows of it.

use std::fs::{self, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tokio::process::{Child, Command};

use crate::error::BenchError;

/// A running signer. It is killed when this is dropped.
#[derive(Debug)]
pub(crate) struct SignerUnderTest {
    child: Child,
    pid: u32,
    log: PathBuf,
    /// When it was started.
    pub(crate) started_at: Instant,
}

impl SignerUnderTest {
    /// Starts `program run --config FILE`.
    pub(crate) fn start(program: &Path, config: &Path, log: &Path) -> Result<Self, BenchError> {
        let io = || BenchError::io("the signer's program or log");
        let out = OpenOptions::new().append(true).create(true).open(log).map_err(io())?;
        let errors = out.try_clone().map_err(io())?;
        let started_at = Instant::now();
        let child = Command::new(program)
            .args(["run", "--config"])
            .arg(config)
            .stdin(Stdio::null())
            .stdout(out)
            .stderr(errors)
            .kill_on_drop(true)
            .spawn()
            .map_err(io())?;
        let pid = child.id().ok_or(BenchError::Missing("process that lives"))?;
        Ok(Self { child, pid, log: log.to_owned(), started_at })
    }

    /// Waits until it answers `GET /status` with 200, and gives the time of the answer.
    pub(crate) async fn until_it_answers(
        &self,
        endpoint: SocketAddr,
    ) -> Result<Instant, BenchError> {
        while self.started_at.elapsed() < PATIENCE {
            if status(endpoint).is_ok_and(|is_ok| is_ok) {
                return Ok(Instant::now());
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        Err(self.silent("answer to /status", PATIENCE))
    }

    /// What to say when it does not do its part.
    pub(crate) fn silent(&self, what: &'static str, patience: Duration) -> BenchError {
        let text = fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<_> = text.lines().collect();
        let words = lines.get(lines.len().saturating_sub(LAST_WORDS)..).unwrap_or_default();
        BenchError::Silent { what, patience, words: words.join("\n") }
    }

    /// The processor time that all its threads have used.
    pub(crate) fn processor_time(&self) -> Option<Duration> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.pid)).ok()?;
        // The name, in parentheses, may hold anything. What follows begins with the third field.
        let (_, fields) = stat.rsplit_once(')')?;
        let mut times = fields.split_ascii_whitespace().skip(11).map(str::parse::<u64>);
        let (user, system) = (times.next()?.ok()?, times.next()?.ok()?);
        Some(Duration::from_millis((user + system) * 1000 / USER_HZ))
    }

    /// The most memory that it has ever had, in bytes.
    pub(crate) fn peak_memory(&self) -> Option<u64> {
        self.status_line("VmHWM:")
    }

    /// The memory that it has now without the pages of its program's file, which are the system's to
    /// take away, in bytes.
    pub(crate) fn own_memory(&self) -> Option<u64> {
        self.status_line("RssAnon:")
    }

    fn status_line(&self, label: &str) -> Option<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid)).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix(label))?;
        let kib: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
        Some(kib * 1024)
    }

    /// Ends it, by force if it does not obey.
    pub(crate) async fn stop(mut self) {
        if let Some(pid) = i32::try_from(self.pid).ok().and_then(Pid::from_raw) {
            // If it is gone already, so much the better.
            let _ = kill_process(pid, Signal::TERM);
        }
        if tokio::time::timeout(GRACE, self.child.wait()).await.is_err() {
            // What cannot be killed is not ours to wait for.
            let _ = self.child.start_kill();
        }
    }
}

/// Asks once. It blocks for a moment, while nothing else is going on.
pub(crate) fn status(endpoint: SocketAddr) -> io::Result<bool> {
    let mut start = [0; 12];
    ask(endpoint, "/status")?.read_exact(&mut start)?;
    Ok(start.ends_with(b" 200"))
}

/// Asks for a page over a connection of its own, reads the answer to its end, and gives the length of the page. The
/// answer has to have this status.
pub(crate) fn get(endpoint: SocketAddr, path: &str, status: u16) -> io::Result<u64> {
    let mut answer = Vec::new();
    ask(endpoint, path)?.read_to_end(&mut answer)?;
    let head = answer.windows(4).position(|end| end == b"\r\n\r\n").map_or(0, |at| at + 4);
    if head > 0 && answer.starts_with(format!("HTTP/1.1 {status} ").as_bytes()) {
        return Ok((answer.len() - head).try_into().unwrap_or(u64::MAX));
    }
    let start = String::from_utf8_lossy(answer.get(..head).unwrap_or_default());
    Err(io::Error::other(format!("{path} is not answered with {status}: {start}")))
}

fn ask(endpoint: SocketAddr, path: &str) -> io::Result<TcpStream> {
    let mut stream = TcpStream::connect_timeout(&endpoint, ASKING)?;
    stream.set_read_timeout(Some(ASKING))?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {endpoint}\r\nConnection: close\r\n\r\n")?;
    Ok(stream)
}

const PATIENCE: Duration = Duration::from_secs(20);
const GRACE: Duration = Duration::from_secs(5);
const ASKING: Duration = Duration::from_secs(1);
const LAST_WORDS: usize = 12;
/// What `/proc` counts processor time in, on every architecture of today's Linux.
const USER_HZ: u64 = 100;
