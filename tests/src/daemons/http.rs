//! HTTP/1.1 as far as tests need it, so that they can also send what no client library would.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::within;

/// A whole answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Its status.
    pub status: u16,
    /// Its body.
    pub body: String,
}

/// Asks for a page.
pub async fn get(address: SocketAddr, path: &str) -> Answer {
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    let answer = exchange(address, request.as_bytes());
    within(LIMIT, path, answer).await.unwrap_or_else(|| panic!("no answer to {path}"))
}

/// Posts JSON as a node does.
pub async fn post(address: SocketAddr, path: &str, body: &[u8]) -> Answer {
    let head = format!(
        "POST {path} HTTP/1.1\r\nUser-Agent: stacks/3.0\r\nHost: {address}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\nconnection: close\r\n\
         Accept: */*\r\n\r\n",
        body.len()
    );
    let request = [head.as_bytes(), body].concat();
    within(LIMIT, path, exchange(address, &request))
        .await
        .unwrap_or_else(|| panic!("no answer to {path}"))
}

/// Sends exactly these bytes, and reads until the other side hangs up.
pub async fn exchange(address: SocketAddr, request: &[u8]) -> Option<Answer> {
    let mut stream = TcpStream::connect(address).await.unwrap();
    // Who has heard enough may hang up before everything is sent.
    let _ = stream.write_all(request).await;
    read_answer(stream).await
}

/// Sends exactly these bytes and nothing more, and reads until the other side hangs up.
pub async fn exchange_cut_short(address: SocketAddr, request: &[u8]) -> Option<Answer> {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let _ = stream.write_all(request).await;
    let _ = stream.shutdown().await;
    read_answer(stream).await
}

/// What came before the other side hung up or the connection broke is the answer.
pub async fn read_answer(mut stream: TcpStream) -> Option<Answer> {
    let mut bytes = Vec::new();
    let _ = stream.read_to_end(&mut bytes).await;
    parse(&bytes)
}

fn parse(bytes: &[u8]) -> Option<Answer> {
    let text = String::from_utf8_lossy(bytes);
    let (head, body) = text.split_once("\r\n\r\n")?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    Some(Answer { status, body: body.to_owned() })
}

const LIMIT: Duration = Duration::from_secs(10);
