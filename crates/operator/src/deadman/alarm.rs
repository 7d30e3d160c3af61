//! How the alarm reaches somebody.

use std::io;
use std::pin::pin;
use std::process::{ExitStatus, Stdio};

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{CONTENT_TYPE, HOST};
use hyper::{Method, Request, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::process::Command;

/// Why the alarm was not delivered.
#[derive(Debug, thiserror::Error)]
pub enum AlarmError {
    /// The webhook's server is not reached.
    #[error("the webhook is not reached")]
    Connect(#[source] io::Error),
    /// It speaks no HTTP.
    #[error("the webhook does not answer")]
    Http(#[source] hyper::Error),
    /// It does not want the message.
    #[error("the webhook answers {0}")]
    Refused(StatusCode),
    /// The program cannot be run.
    #[error("the command cannot be run")]
    Start(#[source] io::Error),
    /// It failed.
    #[error("the command ended with {0}")]
    Failed(ExitStatus),
}

/// A way to somebody. What it is made of may be a secret, so it is not printed.
pub(crate) enum Way {
    Webhook { authority: String, host: String, path: String },
    Command { program: String, arguments: Vec<String> },
}

impl std::fmt::Debug for Way {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

impl Way {
    /// A way over HTTP.
    pub(crate) fn webhook(url: &str) -> Result<Self, &'static str> {
        let uri: Uri = url.parse().map_err(|_| "the file holds no URL")?;
        match uri.scheme_str() {
            Some("http") => {}
            Some("https") => {
                return Err(
                    "https is not spoken here; call a program instead: command = [\"/usr/bin/curl\", …]",
                );
            }
            _ => return Err("the URL must begin with http://"),
        }
        let authority = uri.authority().ok_or("the URL names no host")?;
        let host = authority.host().to_owned();
        let port = authority.port_u16().unwrap_or(80);
        let path = uri.path_and_query().map_or("/", |path| path.as_str()).to_owned();
        Ok(Self::Webhook { authority: authority.to_string(), host: format!("{host}:{port}"), path })
    }

    /// A way by a program, which gets the message as JSON on its standard input.
    pub(super) fn command(program: &str, arguments: &[String]) -> Self {
        Self::Command { program: program.to_owned(), arguments: arguments.to_vec() }
    }

    /// Its name in the log.
    pub(super) const fn name(&self) -> &'static str {
        match self {
            Self::Webhook { .. } => "webhook",
            Self::Command { .. } => "command",
        }
    }

    /// Tells it. The caller limits the time; what was begun ends with the future.
    pub(crate) async fn tell(&self, message: &Value) -> Result<(), AlarmError> {
        match self {
            Self::Webhook { authority, host, path } => post(authority, host, path, message).await,
            Self::Command { program, arguments } => run(program, arguments, message).await,
        }
    }
}

async fn post(authority: &str, host: &str, path: &str, message: &Value) -> Result<(), AlarmError> {
    let stream = TcpStream::connect(host).await.map_err(AlarmError::Connect)?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .map_err(AlarmError::Http)?;
    let request = Request::builder()
        .method(Method::POST)
        .uri(path)
        .header(HOST, authority)
        .header(CONTENT_TYPE, "application/json")
        .body(Full::new(Bytes::from(message.to_string())))
        .expect("host and path are those of a URL");
    let mut exchange = pin!(sender.send_request(request));
    let mut connection = pin!(connection);
    let response = tokio::select! {
        response = &mut exchange => response,
        // A server that closes after its answer ends the connection first.
        ended = &mut connection => match ended {
            Ok(()) => exchange.await,
            Err(error) => Err(error),
        },
    };
    let response = response.map_err(AlarmError::Http)?;
    let status = response.status();
    if status.is_success() { Ok(()) } else { Err(AlarmError::Refused(status)) }
}

async fn run(program: &str, arguments: &[String], message: &Value) -> Result<(), AlarmError> {
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .map_err(AlarmError::Start)?;
    if let Some(mut input) = child.stdin.take() {
        // A program that needs no message may close it.
        let _ = input.write_all(format!("{message}\n").as_bytes()).await;
    }
    let status = child.wait().await.map_err(AlarmError::Start)?;
    if status.success() { Ok(()) } else { Err(AlarmError::Failed(status)) }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[test]
    fn only_urls_that_can_be_called_from_here_are_taken() {
        for url in ["http://127.0.0.1:9/x?y=1", "http://pager.internal/alarm", "http://[::1]:80/"] {
            assert!(Way::webhook(url).is_ok(), "{url}");
        }
        for url in ["https://example.org/", "ftp://example.org", "pager", "", "http://"] {
            assert!(Way::webhook(url).is_err(), "{url}");
        }
        let secret = Way::webhook("http://host/SECRET").unwrap();
        assert_eq!(format!("{secret:?}"), "webhook");
    }

    #[tokio::test]
    async fn a_command_gets_the_message_and_its_failure_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let heard = folder.path().join("heard");
        let script = format!("cat > {}", heard.display());
        let way = Way::command("/bin/sh", &["-c".to_owned(), script]);
        way.tell(&serde_json::json!({"status": "firing"})).await.unwrap();
        assert_eq!(std::fs::read_to_string(heard).unwrap(), "{\"status\":\"firing\"}\n");
        let failing = Way::command("/bin/sh", &["-c".to_owned(), "exit 3".to_owned()]);
        let error = failing.tell(&Value::Null).await.unwrap_err();
        assert_eq!(error.to_string(), "the command ended with exit status: 3");
        let missing = Way::command("/nowhere/at/all", &[]);
        assert!(matches!(missing.tell(&Value::Null).await, Err(AlarmError::Start(_))));
    }
}
