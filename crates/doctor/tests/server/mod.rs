//! An HTTP server that answers as a test says.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// How a request is answered: by its first line, its head and its body. None is no answer at all.
pub(crate) type Answers = fn(&str, &str, &str) -> Option<(u16, String)>;

/// Serves at a free port until the test ends.
pub(crate) async fn serve(answers: Answers) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(converse(stream, answers));
        }
    });
    address
}

/// Answers one request after the other. Requests are small.
async fn converse(mut stream: TcpStream, answers: Answers) {
    let mut seen = Vec::new();
    loop {
        let mut part = [0; 4_096];
        let Ok(len) = stream.read(&mut part).await else { return };
        if len == 0 {
            return;
        }
        seen.extend_from_slice(&part[..len]);
        let text = String::from_utf8_lossy(&seen).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let lower = head.to_ascii_lowercase();
        let wanted = lower.lines().find_map(|line| line.strip_prefix("content-length:"));
        if body.len() < wanted.map_or(0, |len| len.trim().parse::<usize>().unwrap()) {
            continue;
        }
        seen.clear();
        let line = head.lines().next().unwrap_or_default();
        let Some((status, body)) = answers(line, head, body) else {
            std::future::pending::<()>().await;
            return;
        };
        let len = body.len();
        let answer = format!("HTTP/1.1 {status} X\r\nContent-Length: {len}\r\n\r\n{body}");
        if stream.write_all(answer.as_bytes()).await.is_err() {
            return;
        }
    }
}
