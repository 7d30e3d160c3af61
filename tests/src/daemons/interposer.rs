//! A node that misbehaves in one named way: a proxy in front of a good one.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::sleep;

/// How the node behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    /// As the good one.
    Honest,
    /// It takes requests and never answers.
    Silent,
    /// It answers each request this much later.
    Slow(Duration),
    /// Every answer is status 500.
    Failing,
    /// Every answer is a web page.
    WebPage,
    /// Every answer ends in its middle.
    Half,
    /// It says that it is on another chain.
    OtherChain,
    /// It says for ever that its tips are where they were when it was first asked in this manner.
    Stale,
}

/// The proxy. Dropping it takes the node away.
#[derive(Debug)]
pub struct Interposer {
    address: SocketAddr,
    manner: watch::Sender<Manner>,
    server: JoinHandle<()>,
}

impl Interposer {
    /// Stands in front of `node`, with good manners.
    pub async fn before(node: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (manner, seen) = watch::channel(Manner::Honest);
        let memory = Memory::default();
        let server = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, node, seen.clone(), Arc::clone(&memory)));
            }
        });
        Self { address, manner, server }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Changes how it behaves, from the next request on.
    pub fn behave(&self, manner: Manner) {
        self.manner.send_replace(manner);
    }
}

impl Drop for Interposer {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// What a stale node keeps saying.
type Memory = Arc<Mutex<Option<Vec<u8>>>>;

/// One request, one answer, and the connection is closed.
async fn serve(
    mut client: TcpStream,
    node: SocketAddr,
    mut seen: watch::Receiver<Manner>,
    memory: Memory,
) {
    let Some(request) = read_request(&mut client).await else { return };
    let manner = *seen.borrow_and_update();
    let answer = match manner {
        Manner::Stale if request.starts_with(b"GET /v2/info ") => {
            let answer = ask(node, &request).await;
            memory.lock().unwrap().get_or_insert(answer).clone()
        }
        Manner::Honest | Manner::Stale => ask(node, &request).await,
        Manner::Silent => {
            // Until it behaves otherwise; then the connection breaks.
            let _ = seen.changed().await;
            return;
        }
        Manner::Slow(delay) => {
            sleep(delay).await;
            ask(node, &request).await
        }
        Manner::Failing => page("500 Internal Server Error", "text/plain", "out of order"),
        Manner::WebPage => page("200 OK", "text/html", "<html><body>Welcome</body></html>"),
        Manner::Half => {
            let whole = ask(node, &request).await;
            whole[..whole.len() - whole.len().min(20)].to_vec()
        }
        Manner::OtherChain => elsewhere(ask(node, &request).await),
    };
    // Who asked may have gone away.
    let _ = client.write_all(&answer).await;
}

/// The answer with another chain id of the same length.
fn elsewhere(answer: Vec<u8>) -> Vec<u8> {
    match String::from_utf8(answer) {
        Ok(text) => {
            text.replace("\"network_id\":2147483648", "\"network_id\":2147483650").into_bytes()
        }
        Err(binary) => binary.into_bytes(),
    }
}

pub(super) async fn ask(node: SocketAddr, request: &[u8]) -> Vec<u8> {
    let mut answer = Vec::new();
    if let Ok(mut stream) = TcpStream::connect(node).await {
        let _ = stream.write_all(request).await;
        let _ = stream.read_to_end(&mut answer).await;
    }
    answer
}

fn page(status: &str, kind: &str, body: &str) -> Vec<u8> {
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n\
         Connection: close\r\n\r\n{body}",
        body.len()
    );
    head.into_bytes()
}

/// A whole request, changed so that the node closes the connection after its answer.
pub(super) async fn read_request(client: &mut TcpStream) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            let head = String::from_utf8(bytes[..end].to_vec()).ok()?;
            let lower = head.to_ascii_lowercase();
            let length = lower.lines().find_map(|line| line.strip_prefix("content-length:"));
            let length: usize = length.map_or(0, |length| length.trim().parse().unwrap());
            let body = end + 4;
            if bytes.len() >= body + length {
                let kept = head
                    .lines()
                    .filter(|line| !line.to_ascii_lowercase().starts_with("connection:"));
                let mut request = kept.collect::<Vec<_>>().join("\r\n").into_bytes();
                request.extend_from_slice(b"\r\nConnection: close\r\n\r\n");
                request.extend_from_slice(&bytes[body..body + length]);
                return Some(request);
            }
        }
        if client.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
}
