//! A node for tests: answers each request by a script, and tells the test what it was asked.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::thread;

use countersign_node::{AuthPassword, Deadlines, NodeClient, NodeConfig};
use countersign_wire::Network;
use tokio::sync::mpsc;

/// A request.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    /// Method and path, such as `GET /v2/info`.
    pub(crate) line: String,
    pub(crate) body: Vec<u8>,
}

/// What the script says.
pub(crate) enum Reply {
    Json(u16, String),
    Bytes(Vec<u8>),
    /// The connection ends without an answer.
    HangUp,
}

/// Starts a node that answers by `script`, in the order of the requests.
pub(crate) fn start(
    mut script: impl FnMut(&Asked) -> Reply + Send + 'static,
) -> (NodeClient, mpsc::UnboundedReceiver<Asked>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let host = listener.local_addr().unwrap().to_string();
    let (asked, questions) = mpsc::unbounded_channel();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let Some(request) = read(&stream) else { continue };
            let reply = script(&request);
            let _ = asked.send(request);
            answer(&mut stream, reply);
        }
    });
    let config = NodeConfig {
        host,
        tls: None,
        auth_password: AuthPassword::new("password"),
        boot: Network::Testnet,
        deadlines: Deadlines::default(),
        observer: None,
    };
    (NodeClient::new(config).unwrap(), questions)
}

fn read(stream: &TcpStream) -> Option<Asked> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let mut len = 0;
    loop {
        let mut header = String::new();
        if reader.read_line(&mut header).ok()? <= 2 {
            break;
        }
        if let Some(value) = header.to_ascii_lowercase().strip_prefix("content-length:") {
            len = value.trim().parse().ok()?;
        }
    }
    let mut body = vec![0; len];
    reader.read_exact(&mut body).ok()?;
    let line = line.rsplit_once(' ')?.0.to_owned();
    Some(Asked { line, body })
}

fn answer(stream: &mut TcpStream, reply: Reply) {
    let (status, kind, body) = match reply {
        Reply::Json(status, json) => (status, "application/json", json.into_bytes()),
        Reply::Bytes(bytes) => (200, "application/octet-stream", bytes),
        Reply::HangUp => return,
    };
    let head = format!(
        "HTTP/1.1 {status} X\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nConnection: \
         close\r\n\r\n",
        body.len()
    );
    let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&body));
}
