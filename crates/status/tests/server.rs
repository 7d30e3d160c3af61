//! The page over raw TCP: what is answered, to whom, and with which headers.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use countersign_status::{BindError, Gather, Network, Page, Place, Server};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

struct Running {
    address: SocketAddr,
    feed: watch::Sender<Bytes>,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Running {
    fn start(json: &'static str) -> Self {
        Self::serve(Server::bind("127.0.0.1:0".parse().unwrap()).unwrap(), json)
    }

    fn serve(server: Server, json: &'static str) -> Self {
        let (feed, shown) = watch::channel(Bytes::from_static(json.as_bytes()));
        let (address, stop) = (server.local_addr(), CancellationToken::new());
        let task = tokio::spawn(server.run(shown, stop.clone()));
        Self { address, feed, stop, task }
    }

    async fn stop(self) {
        self.stop.cancel();
        timeout(LIMIT, self.task).await.expect("the server ends").unwrap();
    }

    /// The whole answer to these lines of a request.
    async fn ask(&self, lines: &[&str]) -> String {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let request = format!("{}\r\nConnection: close\r\n\r\n", lines.join("\r\n"));
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        timeout(LIMIT, stream.read_to_end(&mut answer)).await.expect("an answer").unwrap();
        String::from_utf8(answer).unwrap()
    }

    async fn get(&self, path: &str) -> String {
        let host = format!("Host: {}", self.address);
        self.ask(&[&format!("GET {path} HTTP/1.1"), &host]).await
    }

    /// Follows the news; the head was read.
    async fn follow(&self) -> BufReader<TcpStream> {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let request = format!("GET /events HTTP/1.1\r\nHost: {}\r\n\r\n", self.address);
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut lines = BufReader::new(stream);
        let head = line(&mut lines).await;
        assert!(head.starts_with("HTTP/1.1 200"), "{head}");
        while line(&mut lines).await.trim() != "" {}
        lines
    }
}

async fn line(lines: &mut BufReader<TcpStream>) -> String {
    let mut line = String::new();
    timeout(LIMIT, lines.read_line(&mut line)).await.expect("a line").unwrap();
    line
}

/// The next snapshot that a follower is told.
async fn told(lines: &mut BufReader<TcpStream>) -> String {
    loop {
        let line = line(lines).await;
        assert!(!line.is_empty(), "the news ended");
        if let Some(json) = line.strip_prefix("data: ") {
            return json.trim_end().to_owned();
        }
    }
}

const LIMIT: Duration = Duration::from_secs(10);

#[tokio::test]
async fn the_page_and_the_snapshot_are_answered_with_headers_that_keep_others_out() {
    let server = Running::start(r#"{"schema":1}"#);
    let page = server.get("/").await;
    assert!(page.starts_with("HTTP/1.1 200 OK\r\n"), "{page}");
    assert!(page.ends_with(&countersign_status::html()));
    let (head, _) = page.split_once("\r\n\r\n").unwrap();
    let policy = format!("content-security-policy: {}", Page::new().policy);
    for header in [
        policy.as_str(),
        "content-type: text/html; charset=utf-8",
        "cache-control: no-store",
        "x-content-type-options: nosniff",
        "x-frame-options: DENY",
        "referrer-policy: no-referrer",
        "cross-origin-resource-policy: same-origin",
        "cross-origin-opener-policy: same-origin",
    ] {
        assert!(head.contains(header), "{header}\n{head}");
    }
    assert!(!head.to_lowercase().contains("access-control"), "{head}");
    let json = server.get("/status.json").await;
    assert!(json.contains("content-type: application/json") && json.ends_with(r#"{"schema":1}"#));
    assert!(server.get("/etc/passwd").await.starts_with("HTTP/1.1 404"));
    assert!(server.get("/../status.json").await.starts_with("HTTP/1.1 404"));
    let host = format!("Host: {}", server.address);
    let head = server.ask(&["HEAD / HTTP/1.1", &host]).await;
    assert!(head.starts_with("HTTP/1.1 200") && head.ends_with("\r\n\r\n"), "{head}");
    server.stop().await;
}

#[tokio::test]
async fn other_hosts_other_sites_and_other_methods_are_refused() {
    let server = Running::start("{}");
    let host = format!("Host: {}", server.address);
    let rows: [(&[&str], &str); 8] = [
        (&["GET / HTTP/1.1", "Host: evil.example"], "421"),
        (&["GET / HTTP/1.0"], "421"),
        (&["GET http://evil.example/ HTTP/1.1", &host], "421"),
        (&["GET /status.json HTTP/1.1", &host, "Origin: https://evil.example"], "403"),
        (&["GET /events HTTP/1.1", &host, "Sec-Fetch-Site: cross-site"], "403"),
        (&["POST / HTTP/1.1", &host, "Content-Length: 0"], "405"),
        (&["DELETE /status.json HTTP/1.1", &host], "405"),
        (&["OPTIONS / HTTP/1.1", &host, "Origin: https://evil.example"], "405"),
    ];
    for (lines, status) in rows {
        let answer = server.ask(lines).await;
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status} "))
                || answer.starts_with(&format!("HTTP/1.0 {status} ")),
            "{lines:?}: {answer}"
        );
        assert!(answer.contains("x-frame-options: DENY"), "{answer}");
        assert!(!answer.contains('{'), "nothing is shown: {answer}");
    }
    server.stop().await;
}

#[tokio::test]
async fn a_follower_is_told_the_newest_at_once_and_each_newer_one() {
    let server = Running::start("{\"n\":1}");
    let mut lines = server.follow().await;
    assert_eq!(told(&mut lines).await, "{\"n\":1}");
    server.feed.send_replace(Bytes::from_static(b"{\"n\":2}"));
    server.feed.send_replace(Bytes::from_static(b"{\"n\":3}"));
    let mut last = told(&mut lines).await;
    if last == "{\"n\":2}" {
        last = told(&mut lines).await;
    }
    assert_eq!(last, "{\"n\":3}");
    server.stop().await;
}

#[tokio::test]
async fn no_more_than_sixteen_follow_and_the_page_is_answered_all_the_same() {
    let server = Running::start("{}");
    let mut followers = Vec::new();
    for _ in 0..16 {
        followers.push(server.follow().await);
    }
    let refused = server.get("/events").await;
    assert!(refused.starts_with("HTTP/1.1 503") && refused.contains("retry-after: 5"), "{refused}");
    assert!(server.get("/").await.starts_with("HTTP/1.1 200"));
    drop(followers.pop());
    // The place is free as soon as the server has seen that nobody reads.
    let freed = timeout(LIMIT, async {
        loop {
            server.feed.send_replace(Bytes::from_static(b"{\"n\":0}"));
            let mut stream = TcpStream::connect(server.address).await.unwrap();
            let request = format!("GET /events HTTP/1.1\r\nHost: {}\r\n\r\n", server.address);
            stream.write_all(request.as_bytes()).await.unwrap();
            if line(&mut BufReader::new(stream)).await.starts_with("HTTP/1.1 200") {
                return;
            }
        }
    });
    freed.await.expect("a place is freed");
    server.stop().await;
}

#[tokio::test]
async fn whoever_connects_and_says_nothing_keeps_nobody_from_the_page() {
    let server = Running::start("{}");
    let mut lines = server.follow().await;
    let mut silent = Vec::new();
    for _ in 0..64 {
        silent.push(TcpStream::connect(server.address).await.unwrap());
    }
    assert!(server.get("/").await.starts_with("HTTP/1.1 200"));
    // Nor does it end what is followed.
    assert_eq!(told(&mut lines).await, "{}");
    server.feed.send_replace(Bytes::from_static(b"{\"n\":1}"));
    assert_eq!(told(&mut lines).await, "{\"n\":1}");
    server.stop().await;
}

#[tokio::test]
async fn whoever_does_not_read_costs_no_memory_and_holds_nobody_up() {
    let server = Running::start("{}");
    let stalled = server.follow().await;
    let large = Bytes::from(format!("{{\"fill\":\"{}\"}}", "x".repeat(1_000_000)));
    for _ in 0..100 {
        server.feed.send_replace(large.clone());
        tokio::task::yield_now().await;
    }
    let mut lines = server.follow().await;
    assert!(told(&mut lines).await.len() > 1_000_000);
    drop(stalled);
    server.stop().await;
}

#[tokio::test]
async fn broken_requests_end_their_connection_and_nothing_else() {
    let server = Running::start("{}");
    for bytes in [&b"\x16\x03\x01\x02\x00"[..], b"GET\r\n\r\n", &vec![b'x'; 20_000]] {
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        let _ = stream.write_all(bytes).await;
        let _ = stream.shutdown().await;
        let mut answer = Vec::new();
        let _ = timeout(LIMIT, stream.read_to_end(&mut answer)).await.expect("an end");
        assert!(!answer.starts_with(b"HTTP/1.1 200"));
    }
    assert!(server.get("/").await.starts_with("HTTP/1.1 200"));
    server.stop().await;
}

#[test]
fn only_loopback_addresses_are_bound() {
    for outside in ["0.0.0.0:0", "[::]:0", "192.0.2.1:0"] {
        let refused = Server::bind(outside.parse().unwrap()).unwrap_err();
        assert!(matches!(refused, BindError::NotLoopback(_)), "{refused}");
    }
    let taken = Server::bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let again = Server::bind(taken.local_addr()).unwrap_err();
    assert!(matches!(again, BindError::Io(..)), "{again}");
}

#[tokio::test]
async fn a_page_in_a_container_answers_nobody_but_the_machine_that_it_is_on() {
    for (peer, is_answered) in [("127.0.0.1", true), ("192.0.2.1", false)] {
        let bound = Server::bind_for("127.0.0.1:0".parse().unwrap(), peer.parse().unwrap());
        let server = Running::serve(bound.unwrap(), include_str!("signing.json"));
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        let request = "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
        let mut answer = Vec::new();
        // Who is not answered finds the connection closed: that is an error, or the end.
        let _ = stream.write_all(request.as_bytes()).await;
        let _ = timeout(LIMIT, stream.read_to_end(&mut answer)).await.expect("it ends");
        assert_eq!(answer.starts_with(b"HTTP/1.1 200"), is_answered, "{peer}");
        assert_eq!(answer.is_empty(), !is_answered, "{peer}");
        server.stop().await;
    }
    let everywhere = Server::bind_for("0.0.0.0:0".parse().unwrap(), "127.0.0.1".parse().unwrap());
    assert!(matches!(everywhere, Err(BindError::NotLoopback(_))));
}

#[tokio::test]
async fn a_network_shows_who_answers_and_why_another_does_not() {
    let good = include_str!("signing.json");
    let (signer, liar) = (Running::start(good), Running::start("[]"));
    let mut idle: serde_json::Value = serde_json::from_str(good).unwrap();
    idle["state"] = "not_signing".into();
    let registered = idle["ladder"].as_array_mut().unwrap().iter_mut();
    for rung in registered.filter(|rung| rung["rung"] == "registered") {
        (rung["holds"], rung["code"]) = (false.into(), "no_slot".into());
    }
    let idle = Running::start(idle.to_string().leak());
    let gone = Server::bind("127.0.0.1:0".parse().unwrap()).unwrap().local_addr();
    let place = |name: &str, page| Place { name: name.to_owned(), program: "p".to_owned(), page };
    let places = vec![
        place("a", Some(signer.address)),
        place("b", Some(liar.address)),
        place("c", Some(gone)),
        place("d", None),
        place("e", Some(idle.address)),
    ];
    let (gather, mut feed) = Gather::new(places);
    let stop = CancellationToken::new();
    let task = tokio::spawn(gather.run(stop.clone()));
    timeout(LIMIT, feed.changed()).await.expect("news").unwrap();
    let network: Network = serde_json::from_slice(&feed.borrow()).unwrap();
    let [a, b, c, d, idler] = network.members.as_slice() else { panic!("{network:?}") };
    assert_eq!(a.said.as_ref().unwrap().stacks_height, Some(34));
    assert!(!a.said.as_ref().unwrap().sits_out);
    assert!(idler.said.as_ref().unwrap().sits_out, "{idler:?}");
    let error = |member: &countersign_status::Member| member.error.clone().unwrap();
    assert!(error(b).contains("is no snapshot"), "{b:?}");
    assert!(error(c).contains("does not answer"), "{c:?}");
    assert_eq!((error(d).as_str(), &d.page), ("this program has no page", &None));
    assert_eq!(network.foremost.unwrap().chain.stacks_height, Some(34));
    stop.cancel();
    task.await.unwrap();
    signer.stop().await;
    liar.stop().await;
    idle.stop().await;
}
