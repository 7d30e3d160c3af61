//! A service manager, as far as a daemon can tell: it hears notifications and hands over sockets.

use std::fs::{self, Permissions};
use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use tempfile::TempDir;
use tokio::process::Command;

use super::{countersign, within};

/// Hears what daemons notify.
#[derive(Debug)]
pub struct Manager {
    socket: tokio::net::UnixDatagram,
    path: PathBuf,
    folder: TempDir,
}

/// What was heard, and when.
#[derive(Clone, Debug)]
pub struct Heard {
    /// The message.
    pub text: String,
    /// When it came.
    pub at: Instant,
}

impl Manager {
    /// A manager that nobody knows yet. To be called inside a tokio runtime.
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        let socket = UnixDatagram::bind(&path).unwrap();
        socket.set_nonblocking(true).unwrap();
        let socket = tokio::net::UnixDatagram::from_std(socket).unwrap();
        Self { socket, path, folder }
    }

    /// Lets daemons of other users reach it, as they reach systemd.
    pub fn open_to_all(&self) {
        for (path, mode) in [(self.folder.path(), 0o755), (&self.path, 0o777)] {
            fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
        }
    }

    /// Has this manager look after the command, with a sign of life in every `watchdog`.
    pub fn look_after(&self, mut command: Command, watchdog: Duration) -> Command {
        command.env("NOTIFY_SOCKET", &self.path);
        command.env("WATCHDOG_USEC", watchdog.as_micros().to_string());
        command
    }

    /// The next message.
    pub async fn next(&self) -> Heard {
        let mut message = [0; 4096];
        let received = within(LIMIT, "a notification", self.socket.recv(&mut message)).await;
        let text = String::from_utf8(message[..received.unwrap()].to_vec()).unwrap();
        Heard { text, at: Instant::now() }
    }

    /// Waits for a message that begins like this.
    pub async fn hears(&self, start: &str) -> Heard {
        within(LIMIT, start, async {
            loop {
                let heard = self.next().await;
                if heard.text.starts_with(start) {
                    return heard;
                }
            }
        })
        .await
    }

    /// Forgets what has come so far, and says whether there was a sign of life in it.
    pub fn forget(&self) -> bool {
        let mut message = [0; 4096];
        let mut was_alive = false;
        while let Ok(len) = self.socket.try_recv(&mut message) {
            was_alive |= &message[..len] == b"WATCHDOG=1";
        }
        was_alive
    }
}

impl Default for Manager {
    fn default() -> Self {
        Self::new()
    }
}

/// `countersign` with this socket handed over under this name. The daemon's standard input is used to
/// get it across: a shell moves it to descriptor 3, where it is looked for.
pub fn with_socket(socket: &TcpListener, name: &str) -> Command {
    let mut shell = Command::new("sh");
    let script = "LISTEN_PID=$$ LISTEN_FDS=1 exec \"$0\" \"$@\" 3<&0 </dev/null";
    let handed_over = OwnedFd::from(socket.try_clone().unwrap());
    shell.arg("-c").arg(script).arg(countersign());
    shell.env("LISTEN_FDNAMES", name).stdin(Stdio::from(handed_over));
    shell
}

/// What a verb answers: its exit code, standard output and standard error.
pub async fn ask(verb: &str, config: &Path, more: &[&str]) -> (Option<i32>, String, String) {
    let mut command = Command::new(countersign());
    command.args([verb, "--config"]).arg(config).args(more).stdin(Stdio::null());
    let output = within(LIMIT, verb, command.kill_on_drop(true).output()).await.unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

const LIMIT: Duration = Duration::from_secs(30);
