//! How the alarm reaches somebody.

use std::io;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};

use bytes::Bytes;
use countersign_node::web::{self, Address, WebError};
use http_body_util::Full;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::{Method, Request, StatusCode};
use serde_json::Value;
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

/// Why the alarm was not delivered.
#[derive(Debug, thiserror::Error)]
pub enum AlarmError {
    /// The server gives no answer.
    #[error("the message cannot be delivered")]
    Web(#[source] WebError),
    /// It does not want the message.
    #[error("the answer is {0}")]
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
    /// A message over http or https.
    Webhook {
        /// Who gets it.
        address: Address,
        /// Who vouches for them, over https.
        authorities: PathBuf,
    },
    /// A message on a program's standard input.
    Command {
        /// The program.
        program: String,
        /// Its arguments.
        arguments: Vec<String>,
    },
}

impl std::fmt::Debug for Way {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

impl Way {
    /// A way to a server; over https to one that these authorities vouch for.
    pub(crate) fn webhook(address: Address, authorities: &Path) -> Self {
        Self::Webhook { address, authorities: authorities.to_owned() }
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
            Self::Webhook { address, authorities } => post(address, authorities, message).await,
            Self::Command { program, arguments } => run(program, arguments, message).await,
        }
    }
}

async fn post(address: &Address, authorities: &Path, message: &Value) -> Result<(), AlarmError> {
    let mut request = Request::new(Full::new(Bytes::from(message.to_string())));
    *request.method_mut() = Method::POST;
    request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    let sent = web::send(address, authorities, request).await;
    let (response, _connection) = sent.map_err(AlarmError::Web)?;
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

    use std::sync::Arc;

    use rcgen::{CertifiedKey, generate_simple_self_signed};
    use rustls::ServerConfig;
    use rustls::pki_types::PrivateKeyDer;
    use tempfile::TempDir;
    use tokio::io::AsyncReadExt as _;
    use tokio::net::TcpListener;
    use tokio_rustls::TlsAcceptor;

    use super::*;

    /// A receiver behind TLS, and the file that says who vouches for it.
    struct Receiver {
        listener: TcpListener,
        acceptor: TlsAcceptor,
        folder: TempDir,
    }

    impl Receiver {
        async fn new() -> Self {
            let CertifiedKey { cert, signing_key } =
                generate_simple_self_signed(["localhost".to_owned()]).unwrap();
            let folder = tempfile::tempdir().unwrap();
            std::fs::write(folder.path().join("ca.pem"), cert.pem()).unwrap();
            let provider = Arc::new(rustls::crypto::ring::default_provider());
            let key = PrivateKeyDer::try_from(signing_key.serialize_der()).unwrap();
            let config = ServerConfig::builder_with_provider(provider)
                .with_safe_default_protocol_versions()
                .unwrap()
                .with_no_client_auth()
                .with_single_cert(vec![cert.der().clone()], key)
                .unwrap();
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            Self { listener, acceptor: TlsAcceptor::from(Arc::new(config)), folder }
        }

        fn authorities(&self) -> PathBuf {
            self.folder.path().join("ca.pem")
        }

        fn address(&self, host: &str) -> Address {
            let port = self.listener.local_addr().unwrap().port();
            format!("https://{host}:{port}/alarm?key=SECRET").parse().unwrap()
        }

        /// Takes one request and answers it; what came of it, which is nothing if no TLS came about.
        async fn answer(&self, answer: &str) -> String {
            let (stream, _) = self.listener.accept().await.unwrap();
            let Ok(mut stream) = self.acceptor.accept(stream).await else { return String::new() };
            let mut heard = Vec::new();
            while !heard.ends_with(b"}") && stream.read_buf(&mut heard).await.unwrap() > 0 {}
            stream.write_all(answer.as_bytes()).await.unwrap();
            stream.shutdown().await.unwrap();
            String::from_utf8(heard).unwrap()
        }
    }

    const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";

    #[tokio::test]
    async fn a_webhook_behind_tls_is_called() {
        let receiver = Receiver::new().await;
        let way = Way::webhook(receiver.address("localhost"), &receiver.authorities());
        let message = serde_json::json!({"status": "firing"});
        let (told, heard) = tokio::join!(way.tell(&message), receiver.answer(OK));
        told.unwrap();
        assert!(heard.starts_with("POST /alarm?key=SECRET HTTP/1.1\r\n"), "{heard}");
        assert!(heard.contains("\r\nhost: localhost:"), "{heard}");
        assert!(heard.ends_with("\r\n\r\n{\"status\":\"firing\"}"), "{heard}");
        let refusal = "HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n";
        let (told, _) = tokio::join!(way.tell(&message), receiver.answer(refusal));
        assert!(matches!(told, Err(AlarmError::Refused(StatusCode::FORBIDDEN))), "{told:?}");
        assert_eq!(format!("{way:?}"), "webhook");
    }

    #[tokio::test]
    async fn a_server_that_nobody_vouches_for_hears_nothing() {
        let (receiver, other) = (Receiver::new().await, Receiver::new().await);
        let rows = [
            (receiver.address("localhost"), other.authorities()),
            (receiver.address("127.0.0.1"), receiver.authorities()),
        ];
        for (address, authorities) in rows {
            let way = Way::webhook(address, &authorities);
            let (told, heard) = tokio::join!(way.tell(&Value::Null), receiver.answer(OK));
            let untrusted = matches!(told, Err(AlarmError::Web(WebError::Untrusted(_))));
            assert!(untrusted && heard.is_empty(), "{told:?}, {heard}");
        }
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
