//! A TCP server that plays one conversation per connection and remembers what it was asked.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use countersign_node::{AuthPassword, Deadlines, NodeConfig};
use countersign_wire::Network;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// What is written when the next request of a connection has been read completely.
pub(crate) struct Turn {
    pub(crate) answer: Vec<u8>,
    pub(crate) then: Then,
}

pub(crate) enum Then {
    KeepOpen,
    Close,
}

/// One request as it arrived.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    /// Which connection it came on, counted from zero.
    pub(crate) connection: usize,
    /// Request line and headers, in lower case but for the request line.
    pub(crate) head: Vec<String>,
    pub(crate) body: Vec<u8>,
}

impl Asked {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let prefix = format!("{name}: ");
        self.head.iter().skip(1).find_map(|line| line.strip_prefix(&prefix))
    }
}

pub(crate) struct ScriptedNode {
    host: String,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl ScriptedNode {
    /// Plays the first conversation on the first connection, and so on; hangs up on further ones.
    pub(crate) async fn start(conversations: Vec<Vec<Turn>>) -> Self {
        let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let host = socket.local_addr().unwrap().to_string();
        let asked = Arc::default();
        tokio::spawn(serve(socket, conversations.into(), Arc::clone(&asked)));
        Self { host, asked }
    }

    /// One connection after another, each with one answer and then closed.
    pub(crate) async fn answering<const N: usize>(answers: [Vec<u8>; N]) -> Self {
        let turn = |answer| vec![Turn { answer, then: Then::Close }];
        Self::start(answers.into_iter().map(turn).collect()).await
    }

    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    /// Everything that was asked so far.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }
}

/// What a client is told: the testnet's boot address and patience for a test.
pub(crate) fn config(host: &str) -> NodeConfig {
    NodeConfig {
        host: host.to_owned(),
        tls: None,
        auth_password: AuthPassword::new("12345"),
        boot: Network::Testnet,
        deadlines: Deadlines::default(),
        observer: None,
    }
}

/// A complete answer with a `Content-Length`.
pub(crate) fn answer(status: &str, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "HTTP/1.1 {status}\r\nServer: stacks/2.0\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

async fn serve(
    socket: TcpListener,
    mut conversations: VecDeque<Vec<Turn>>,
    asked: Arc<Mutex<Vec<Asked>>>,
) {
    for connection in 0.. {
        let (stream, _) = socket.accept().await.unwrap();
        let conversation = conversations.pop_front().unwrap_or_default();
        tokio::spawn(converse(stream, connection, conversation, Arc::clone(&asked)));
    }
}

async fn converse(
    stream: TcpStream,
    connection: usize,
    conversation: Vec<Turn>,
    asked: Arc<Mutex<Vec<Asked>>>,
) {
    let mut stream = BufReader::new(stream);
    let mut close = conversation.is_empty();
    for turn in conversation {
        let Some((head, body)) = read_request(&mut stream).await else { return };
        asked.lock().unwrap().push(Asked { connection, head, body });
        // The client may have heard enough.
        let _ = stream.get_mut().write_all(&turn.answer).await;
        close = matches!(turn.then, Then::Close);
        if close {
            break;
        }
    }
    if !close {
        let _ = stream.read_u8().await;
    }
}

async fn read_request(stream: &mut BufReader<TcpStream>) -> Option<(Vec<String>, Vec<u8>)> {
    let mut head = Vec::new();
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).await.ok().filter(|read| *read > 0)?;
        let line = line.trim_end();
        if line.is_empty() {
            break;
        }
        head.push(if head.is_empty() { line.to_owned() } else { line.to_lowercase() });
    }
    let length = head.iter().find_map(|line| line.strip_prefix("content-length: "));
    let mut body = vec![0; length.map_or(0, |length| length.parse().unwrap())];
    stream.read_exact(&mut body).await.ok()?;
    Some((head, body))
}
