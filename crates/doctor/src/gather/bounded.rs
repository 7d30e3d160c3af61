//! Waiting, with an end: for files, for programs, for futures.

use std::fs::File;
use std::future::Future;
use std::io::{self, Read as _};
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader};
use tokio::process::Command;
use tokio::time::timeout;

use crate::grade::{Fact, Unknown};
use crate::shell;

/// A fact that is not waited for longer than `limit`.
pub(super) async fn within<T>(
    what: &str,
    limit: Duration,
    fact: impl Future<Output = Fact<T>>,
) -> Fact<T> {
    timeout(limit, fact).await.unwrap_or_else(|_| Err(too_slow(what, limit)))
}

fn too_slow(what: &str, limit: Duration) -> Unknown {
    Unknown::because(format!("{what} took longer than {} ms", limit.as_millis()))
}

/// A fact that blocks its thread. A thread that never comes back, from a dead network file system say, is
/// left behind.
pub(super) async fn blocking<T: Send + 'static>(
    what: &str,
    limit: Duration,
    fact: impl FnOnce() -> Fact<T> + Send + 'static,
) -> Fact<T> {
    let work = tokio::task::spawn_blocking(fact);
    match timeout(limit, work).await {
        Ok(Ok(fact)) => fact,
        Ok(Err(_)) => Err(Unknown::because(format!("{what} broke off"))),
        Err(_) => Err(too_slow(what, limit)),
    }
}

/// What a program said.
pub(super) struct Said {
    /// On its standard output, cut off at a mebibyte.
    pub(super) out: String,
    /// On its standard error, as one line.
    pub(super) err: String,
    /// Whether it ended with 0.
    pub(super) is_success: bool,
}

/// Runs a program to its end. It has no input and our environment but for languages.
pub(super) async fn run(program: &str, args: &[&str], limit: Duration) -> Fact<Said> {
    let mut child = command(program, args).spawn().map_err(|error| missing(program, &error))?;
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let work = async {
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let read_out = async {
            if let Some(stdout) = stdout {
                stdout.take(MAX_OUTPUT).read_to_end(&mut out).await?;
            }
            io::Result::Ok(())
        };
        let read_err = async {
            if let Some(stderr) = stderr {
                stderr.take(MAX_ERROR).read_to_end(&mut err).await?;
            }
            io::Result::Ok(())
        };
        tokio::try_join!(read_out, read_err)?;
        let status = child.wait().await?;
        io::Result::Ok(Said {
            out: String::from_utf8_lossy(&out).into_owned(),
            err: shell::shown(&String::from_utf8_lossy(&err)),
            is_success: status.success(),
        })
    };
    match timeout(limit, work).await {
        Ok(Ok(said)) => Ok(said),
        Ok(Err(error)) => Err(Unknown::because(format!("{program} cannot be read: {error}"))),
        Err(_) => Err(too_slow(program, limit)),
    }
}

/// The first line that a program prints; it is ended then. None if it prints none.
pub(super) async fn first_line(
    program: &str,
    args: &[&str],
    limit: Duration,
) -> Fact<Option<String>> {
    let mut child = command(program, args).spawn().map_err(|error| missing(program, &error))?;
    let Some(stdout) = child.stdout.take() else { return Ok(None) };
    let work = async {
        let mut line = String::new();
        BufReader::new(stdout.take(MAX_ERROR)).read_line(&mut line).await.map(|_| line)
    };
    match timeout(limit, work).await {
        Ok(Ok(line)) => Ok(Some(line).filter(|line| !line.trim().is_empty())),
        Ok(Err(error)) => Err(Unknown::because(format!("{program} cannot be read: {error}"))),
        Err(_) => Err(too_slow(program, limit)),
    }
}

fn command(program: &str, args: &[&str]) -> Command {
    let mut command = Command::new(program);
    // Programs of administrators are often not on the path of users.
    let path = std::env::var("PATH").unwrap_or_default();
    command
        .args(args)
        .env("PATH", format!("{path}:/usr/sbin:/sbin:/usr/bin:/bin"))
        .env("LC_ALL", "C")
        .env("SYSTEMD_COLORS", "0")
        .env("SYSTEMD_PAGER", "")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command
}

fn missing(program: &str, error: &io::Error) -> Unknown {
    if error.kind() == io::ErrorKind::NotFound {
        Unknown::but(format!("{program} is not installed"), format!("install {program}"))
    } else {
        Unknown::because(format!("{program} cannot be started: {error}"))
    }
}

/// A file as text, of a mebibyte at most. Of an unreadable one it is said how it can be read.
pub(super) fn read(path: &Path) -> Fact<String> {
    bounded(path).map_err(|error| unreadable(path, &error))
}

fn bounded(path: &Path) -> io::Result<String> {
    // A pipe in the place of a file would be waited for.
    if !path.metadata()?.is_file() {
        return Err(io::Error::other("it is no file"));
    }
    let mut bytes = Vec::new();
    File::open(path)?.take(MAX_FILE + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_FILE {
        return Err(io::Error::other("it has more than a mebibyte"));
    }
    String::from_utf8(bytes).map_err(|_| io::Error::other("it is not UTF-8"))
}

/// Why a file could not be looked at.
pub(super) fn unreadable(path: &Path, error: &io::Error) -> Unknown {
    let reason = format!("{} cannot be read: {error}", path.display());
    match error.kind() {
        io::ErrorKind::PermissionDenied => Unknown::but(reason, "run doctor as root"),
        _ => Unknown::because(reason),
    }
}

/// A file of the kernel's, which says nothing about its length.
pub(super) fn kernel(path: impl AsRef<Path>) -> io::Result<String> {
    let mut bytes = Vec::new();
    File::open(path)?.take(MAX_KERNEL).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

const MAX_OUTPUT: u64 = 1 << 20;
const MAX_ERROR: u64 = 16 << 10;
const MAX_FILE: u64 = 1 << 20;
const MAX_KERNEL: u64 = 16 << 20;
