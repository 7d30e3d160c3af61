//! The control socket: how the operator's commands reach a running daemon.
//!
//! A unix socket with mode 0600 that speaks HTTP/1 with JSON bodies, so that `curl --unix-socket` can
//! use it, too. The kernel says who calls; only the daemon's own user and root are heard. What is asked
//! and answered is the daemon's matter: it implements [`Handler`]. The path of a unix socket is at most
//! [`MAX_PATH_LEN`] bytes long.

mod ask;
mod listen;
mod serve;

use std::future::Future;
use std::io;
use std::path::{Path, PathBuf};

use serde_json::Value;

pub use ask::{Answer, AskError, ask};
pub use listen::{ControlError, ControlSocket};

/// How many bytes the path of a unix socket may have: `sun_path` has 108, one of which ends it.
pub const MAX_PATH_LEN: usize = 107;

/// What answers requests.
pub trait Handler: Send + Sync + 'static {
    /// Answers one request. Nothing limits the time; a client that has gone ends it.
    fn handle(&self, request: Request) -> impl Future<Output = Reply> + Send;
}

/// What a request wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// To know something.
    Get,
    /// To change something.
    Post,
}

/// A request of somebody who may ask.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    /// What it wants.
    pub method: Method,
    /// The path, without a query.
    pub path: String,
    /// The body; `null` if it is empty.
    pub body: Value,
    /// Who asks.
    pub caller: Caller,
}

/// Who asks, as the kernel says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The user.
    pub uid: u32,
    /// The process; none where the kernel does not say.
    pub pid: Option<i32>,
}

/// An answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// The body.
    pub body: Value,
}

impl Reply {
    /// Status 200.
    pub const fn ok(body: Value) -> Self {
        Self { status: 200, body }
    }

    /// A refusal: `{"error": code, "text": …}`, where `code` is for programs and `text` names the
    /// remedy.
    pub fn refusal(status: u16, code: &str, text: impl Into<String>) -> Self {
        Self { status, body: serde_json::json!({ "error": code, "text": text.into() }) }
    }
}

/// A path that no unix socket can have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the path of the control socket, {}, has {} bytes, and the kernel takes at most {MAX_PATH_LEN}; \
     name a shorter one",
    .0.display(),
    .0.as_os_str().len()
)]
pub struct TooLong(pub PathBuf);

/// Refuses a path that the kernel would refuse, with a reason that can be understood.
pub fn check_len(path: &Path) -> Result<(), TooLong> {
    if path.as_os_str().len() > MAX_PATH_LEN { Err(TooLong(path.to_owned())) } else { Ok(()) }
}

/// Whether nobody listens: the socket is not there, or left over from a process that has ended.
fn is_nobody(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused)
}

/// How many bytes a body may have, either way: a journal of years. Only the daemon's own user and root can
/// send one.
const MAX_BODY_LEN: usize = 64 * 1024 * 1024;
