//! Asking the host, which may not answer.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Command as Process, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

/// A program whose answer is wanted.
#[derive(Clone, Debug)]
pub struct Command<'a> {
    /// Its name or path.
    pub program: &'a str,
    /// Its arguments.
    pub args: &'a [&'a str],
    /// How long it may take.
    pub limit: Duration,
    /// How many bytes of its answer are taken.
    pub max_bytes: usize,
}

impl Command<'_> {
    /// What it prints, if it ends well in its time. It is killed otherwise. Of more than is wanted, whole lines: of half a
    /// secret nobody sees that it is one.
    ///
    /// # Errors
    /// Why there is no answer, in words.
    pub fn output(&self) -> Result<Vec<u8>, String> {
        let name = self.program;
        let mut child = Process::new(name)
            .args(self.args)
            .env("LC_ALL", "C.UTF-8")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| format!("{name} cannot be started: {error}"))?;
        let out = reader(child.stdout.take(), self.max_bytes.saturating_add(1));
        let errors = reader(child.stderr.take(), MAX_ERRORS);
        let end = Instant::now() + self.limit;
        let said = out.recv_timeout(self.limit);
        let status = loop {
            match child.try_wait() {
                Ok(Some(status)) => break Ok(status),
                Ok(None) if Instant::now() < end && said.is_ok() => thread::sleep(PAUSE),
                Ok(None) => break Err(format!("{name} has not ended within {:?}", self.limit)),
                Err(error) => break Err(format!("{name}: {error}")),
            }
        };
        if status.is_err() {
            // It may have ended by itself a moment ago.
            let _ = child.kill();
            let _ = child.wait();
        }
        let status = status?;
        let mut said = said.unwrap_or_default();
        // A program that was stopped because enough was read did nothing wrong.
        let is_cut = said.len() > self.max_bytes;
        if status.success() || is_cut {
            if is_cut {
                said.truncate(self.max_bytes);
                let lines = said.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
                said.truncate(lines);
            }
            return Ok(said);
        }
        let errors = errors.recv_timeout(PAUSE).unwrap_or_default();
        let errors = String::from_utf8_lossy(&errors);
        let first = errors.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
        Err(format!("{name} ended with {status}: {first}"))
    }
}

/// Reads a pipe to its end, or as far as is wanted, in a thread.
fn reader(
    pipe: Option<impl std::io::Read + Send + 'static>,
    max_bytes: usize,
) -> mpsc::Receiver<Vec<u8>> {
    let (send, receive) = mpsc::channel();
    thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(pipe) = pipe {
            // What was read before an error is better than nothing.
            let _ = pipe.take(max_bytes as u64).read_to_end(&mut bytes);
        }
        let _ = send.send(bytes);
    });
    receive
}

/// The end of a file: whole lines, since of half a secret nobody sees that it is one.
///
/// # Errors
/// Why it cannot be read, in words.
pub fn read_file(path: &Path, max_bytes: usize) -> Result<Vec<u8>, String> {
    let why = |error: std::io::Error| format!("{} cannot be read: {error}", path.display());
    let mut file = File::open(path).map_err(why)?;
    let about = file.metadata().map_err(why)?;
    if !about.is_file() {
        return Err(format!("{} is no file", path.display()));
    }
    // Files of /proc say that they have no length.
    let over = about.len().saturating_sub(max_bytes as u64);
    file.seek(SeekFrom::Start(over)).map_err(why)?;
    let mut bytes = Vec::new();
    file.take(max_bytes as u64).read_to_end(&mut bytes).map_err(why)?;
    if over > 0 {
        let begin = bytes.iter().position(|byte| *byte == b'\n').map_or(bytes.len(), |end| end + 1);
        bytes.drain(..begin);
    }
    Ok(bytes)
}

/// What an HTTP server on this machine answers to `GET path`.
///
/// # Errors
/// Why there is no answer, in words.
pub fn fetch(
    address: SocketAddr,
    path: &str,
    limit: Duration,
    max_bytes: usize,
) -> Result<Vec<u8>, String> {
    let why = |error: std::io::Error| format!("http://{address}{path}: {error}");
    let end = Instant::now() + limit;
    let mut stream = TcpStream::connect_timeout(&address, limit).map_err(why)?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.set_write_timeout(Some(limit)).map_err(why)?;
    stream.write_all(request.as_bytes()).map_err(why)?;
    let mut answer = Vec::new();
    let mut part = [0; 16 * 1024];
    loop {
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(format!("http://{address}{path} has not answered within {limit:?}"));
        }
        stream.set_read_timeout(Some(left)).map_err(why)?;
        match stream.read(&mut part).map_err(why)? {
            0 => break,
            count => answer.extend_from_slice(part.get(..count).unwrap_or_default()),
        }
        if answer.len() > max_bytes {
            return Err(format!("http://{address}{path} says more than {max_bytes} bytes"));
        }
    }
    let head_end = answer.windows(4).position(|four| four == b"\r\n\r\n");
    let head_end = head_end.ok_or_else(|| format!("http://{address}{path} answers no HTTP"))?;
    if answer.starts_with(b"HTTP/1.1 200") {
        Ok(answer.split_off(head_end + 4))
    } else {
        let line =
            String::from_utf8_lossy(answer.split(|byte| *byte == b'\r').next().unwrap_or_default());
        Err(format!("http://{address}{path} answers {line}"))
    }
}

/// The units of a signer's host, as they are usually called.
pub const fn unit_names() -> [&'static str; 8] {
    [
        "countersign.service",
        "countersign-vault.service",
        "countersign-vault-next.service",
        "countersign-link.service",
        "stacks-signer.service",
        "stacks-node.service",
        "sbtc-signer.service",
        "bitcoind.service",
    ]
}

const PAUSE: Duration = Duration::from_millis(10);
const MAX_ERRORS: usize = 16 * 1024;
