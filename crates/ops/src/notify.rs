//! Telling the service manager how the daemon is: the protocol of `sd_notify(3)`.
//!
//! A message is one datagram, sent without waiting: a manager that does not read must not stop the
//! daemon. Without `NOTIFY_SOCKET` nothing is sent. (The crate `sd-notify` waits, and does not know
//! sockets of the abstract namespace, which containers use.)

use std::env;
use std::ffi::OsString;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// The way to the service manager, if there is one.
#[derive(Debug, Default)]
pub struct Notifier {
    manager: Option<(UnixDatagram, SocketAddr)>,
    watchdog: Option<Duration>,
}

/// Why the service manager cannot be told anything.
#[derive(Debug, thiserror::Error)]
#[error("NOTIFY_SOCKET={} is no socket that can be sent to", .name.display())]
pub struct NotifyError {
    /// The value of the variable.
    name: OsString,
    /// What the operating system says.
    #[source]
    source: io::Error,
}

impl Notifier {
    /// The service manager that started this process, if one did and wants to be told.
    pub fn from_env() -> Result<Self, NotifyError> {
        let Some(name) = env::var_os("NOTIFY_SOCKET").filter(|name| !name.is_empty()) else {
            return Ok(Self::default());
        };
        let manager = open(&name).map_err(|source| NotifyError { name, source })?;
        let number = |name: &str| env::var(name).ok()?.parse::<u64>().ok();
        let is_ours = number("WATCHDOG_PID").is_none_or(|pid| pid == u64::from(std::process::id()));
        let watchdog = number("WATCHDOG_USEC").filter(|usec| is_ours && *usec > 0);
        Ok(Self { manager: Some(manager), watchdog: watchdog.map(Duration::from_micros) })
    }

    /// How long the manager waits for a sign of life before it ends the process; none if it does not.
    pub const fn watchdog_interval(&self) -> Option<Duration> {
        self.watchdog
    }

    /// Start, or reload, is done.
    pub fn ready(&self) {
        self.send("READY=1");
    }

    /// The configuration is being read again; [`Self::ready`] says when that is done.
    pub fn reloading(&self) {
        let now = clock_gettime(ClockId::Monotonic);
        let seconds = Duration::from_secs(u64::try_from(now.tv_sec).unwrap_or_default());
        let nanos = Duration::from_nanos(u64::try_from(now.tv_nsec).unwrap_or_default());
        self.send(&format!("RELOADING=1\nMONOTONIC_USEC={}", (seconds + nanos).as_micros()));
    }

    /// The end was asked for.
    pub fn stopping(&self) {
        self.send("STOPPING=1");
    }

    /// A line for `systemctl status`.
    pub fn status(&self, line: &str) {
        self.send(&format!("STATUS={}", line.replace('\n', " ")));
    }

    /// A sign of life.
    pub fn alive(&self) {
        self.send("WATCHDOG=1");
    }

    fn send(&self, message: &str) {
        let Some((socket, manager)) = &self.manager else { return };
        if let Err(error) = socket.send_to_addr(message.as_bytes(), manager) {
            tracing::debug!(%error, message, "the service manager was not told");
        }
    }
}

fn open(name: &OsString) -> io::Result<(UnixDatagram, SocketAddr)> {
    let manager = match name.as_bytes() {
        #[cfg(target_os = "linux")]
        [b'@', rest @ ..] => {
            use std::os::linux::net::SocketAddrExt as _;
            SocketAddr::from_abstract_name(rest)?
        }
        _ => SocketAddr::from_pathname(name)?,
    };
    let socket = UnixDatagram::unbound()?;
    socket.set_nonblocking(true)?;
    Ok((socket, manager))
}
