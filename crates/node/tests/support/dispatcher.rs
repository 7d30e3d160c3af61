//! A node's event dispatcher, with the reply parser's demands (`signer-wire.md` section 7.2).

use tokio::io::{AsyncRead, AsyncReadExt};

/// The head of a request as a node writes it.
pub(crate) fn head(path: &str, length: usize) -> String {
    format!(
        "POST {path} HTTP/1.1\r\nUser-Agent: stacks/3.0\r\nHost: 127.0.0.1:30000\r\n\
         Content-Type: application/json\r\nContent-Length: {length}\r\nconnection: close\r\n\
         Accept: */*\r\n\r\n"
    )
}

/// A reply that a node's parser accepts.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
}

/// Reads a reply and hangs up, as a node does; panics at whatever a node would not understand.
pub(crate) async fn read_reply(stream: &mut (impl AsyncRead + Unpin)) -> Reply {
    let mut bytes = Vec::new();
    let head_length = loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break end + 4;
        }
        assert!(stream.read_buf(&mut bytes).await.unwrap() > 0, "the reply ends in its head");
    };
    assert!(head_length <= 4096);
    let (head, body) = bytes.split_at(head_length);
    let (status, length) = understand(head);
    let mut body = body.to_vec();
    while body.len() < length {
        assert!(stream.read_buf(&mut body).await.unwrap() > 0, "the reply ends in its body");
    }
    Reply { status, body }
}

fn understand(head: &[u8]) -> (u16, usize) {
    assert!(head.is_ascii());
    let head = String::from_utf8(head.to_vec()).unwrap().to_lowercase();
    let mut lines = head.trim_end().split("\r\n");
    let status_line = lines.next().unwrap();
    assert!(status_line.starts_with("http/1.1 ") || status_line.starts_with("http/1.0 "));
    let mut headers: Vec<(&str, &str)> =
        lines.map(|line| line.split_once(": ").expect("a header has a value")).collect();
    let header = |wanted: &str| headers.iter().find(|(name, _)| *name == wanted).map(|(_, v)| *v);
    assert_eq!(header("transfer-encoding"), None);
    let length = header("content-length").expect("a node insists on a length").parse().unwrap();
    assert!(matches!(header("connection"), None | Some("close" | "keep-alive")));
    let types =
        [None, Some("application/json"), Some("text/plain"), Some("application/octet-stream")];
    assert!(types.contains(&header("content-type").map(|t| t.split(';').next().unwrap())));
    let status = status_line.split(' ').nth(1).unwrap().parse().unwrap();
    let count = headers.len();
    headers.sort_unstable();
    headers.dedup_by_key(|(name, _)| *name);
    assert_eq!(headers.len(), count, "a header is repeated");
    (status, length)
}
