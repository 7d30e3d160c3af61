//! The metrics endpoint over raw TCP.

use std::future::pending;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use countersign_ops::metrics::{MetricsServer, Pages, Readiness};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

#[derive(Clone, Default)]
struct Heart {
    /// What the heartbeat says; without it the heartbeat never answers.
    beat: Option<bool>,
    /// Told whenever somebody listens.
    asked: Arc<Notify>,
    /// Whether all is not well.
    is_ill: bool,
}

impl Heart {
    fn saying(beat: bool) -> Self {
        Self { beat: Some(beat), ..Self::default() }
    }
}

impl Pages for Heart {
    fn metrics(&self) -> String {
        "# TYPE up gauge\nup 1\n".to_owned()
    }
    fn info(&self) -> String {
        r#"{"network":"testnet"}"#.to_owned()
    }
    fn readiness(&self) -> Readiness {
        let is_ready = !self.is_ill;
        Readiness { is_ready, text: "a ladder\n".to_owned(), json: r#"{"ready":1}"#.to_owned() }
    }
    fn stuck(&self) -> Option<&'static str> {
        self.is_ill.then_some("the loop")
    }
    async fn heartbeat(&self) -> bool {
        self.asked.notify_one();
        match self.beat {
            Some(beat) => beat,
            None => pending().await,
        }
    }
}

struct Server {
    address: SocketAddr,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Server {
    fn start(heart: Heart) -> Self {
        Self::run(MetricsServer::bind("127.0.0.1:0".parse().unwrap()).unwrap(), heart)
    }

    fn run(server: MetricsServer, heart: Heart) -> Self {
        let address = server.local_addr();
        let stop = CancellationToken::new();
        let task = tokio::spawn(server.run(heart, stop.clone()));
        Self { address, stop, task }
    }

    /// Sends `bytes` and returns all that comes back until the server closes.
    async fn send(&self, bytes: &[u8]) -> String {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        // The server may close while we still write: that is its right.
        let _ = stream.write_all(bytes).await;
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        String::from_utf8(answer).unwrap()
    }

    async fn get(&self, path: &str) -> String {
        let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        self.send(request.as_bytes()).await
    }
}

#[tokio::test]
async fn readiness_is_text_or_json_and_its_status_tells_it() {
    for (is_ill, status, alive) in [
        (false, "200 OK", "\r\n\r\nOK"),
        (true, "503 Service Unavailable", "\r\n\r\nthe loop makes no progress\n"),
    ] {
        let server = Server::start(Heart { is_ill, ..Heart::saying(true) });
        let json = "GET /readyz HTTP/1.1\r\nHost: x\r\nAccept: text/html, application/json\r\n\
                    Connection: close\r\n\r\n";
        let json = server.send(json.as_bytes()).await;
        for (answer, kind, body) in [
            (server.get("/readyz").await, "text/plain; charset=utf-8", "a ladder\n"),
            (server.get("/readyz?json").await, "application/json", r#"{"ready":1}"#),
            (json, "application/json", r#"{"ready":1}"#),
        ] {
            assert!(answer.starts_with(&format!("HTTP/1.1 {status}\r\n")), "{answer}");
            assert!(answer.contains(&format!("content-type: {kind}\r\n")), "{answer}");
            assert!(answer.ends_with(&format!("\r\n\r\n{body}")), "{answer}");
        }
        let answer = server.get("/livez").await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}\r\n")), "{answer}");
        assert!(answer.ends_with(alive), "{answer}");
    }
}

#[tokio::test]
async fn every_page_has_its_status_its_type_and_its_body() {
    let server = Server::start(Heart::saying(true));
    let cases = [
        ("/metrics", "200 OK", "text/plain; version=0.0.4; charset=utf-8", "up 1\n"),
        ("/metrics?name=x", "200 OK", "text/plain; version=0.0.4; charset=utf-8", "up 1\n"),
        ("/info", "200 OK", "application/json", r#"{"network":"testnet"}"#),
        ("/heartbeat", "200 OK", "text/plain; charset=utf-8", "\r\n\r\nOK"),
        ("/", "200 OK", "text/plain; charset=utf-8", "\r\n\r\nOK"),
        ("/metrics/", "404 Not Found", "text/plain; charset=utf-8", "Not Found"),
        ("/shutdown", "404 Not Found", "text/plain; charset=utf-8", "Not Found"),
    ];
    for (path, status, content_type, ending) in cases {
        let answer = server.get(path).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}\r\n")), "{path}: {answer}");
        assert!(answer.contains(&format!("content-type: {content_type}\r\n")), "{path}: {answer}");
        assert!(answer.ends_with(ending), "{path}: {answer}");
    }
}

#[tokio::test]
async fn only_get_is_answered() {
    let server = Server::start(Heart::saying(true));
    for method in ["POST", "PUT", "DELETE", "OPTIONS"] {
        let request = format!("{method} /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        let answer = server.send(request.as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 404 Not Found\r\n"), "{method}: {answer}");
    }
}

#[tokio::test]
async fn a_heart_that_does_not_beat_is_an_error() {
    let answer = Server::start(Heart::saying(false)).get("/heartbeat").await;
    assert!(answer.starts_with("HTTP/1.1 500 Internal Server Error\r\n"), "{answer}");
    assert!(answer.ends_with("Failed"), "{answer}");
}

#[tokio::test]
async fn garbage_is_refused_and_the_next_client_is_served() {
    let server = Server::start(Heart::saying(true));
    let long_head = [b"GET / HTTP/1.1\r\nX: ".as_slice(), &b"a".repeat(20_000)].concat();
    let many_headers = format!("GET / HTTP/1.1\r\n{}\r\n", "a: b\r\n".repeat(1000));
    let cases: [(&str, &[u8]); 5] = [
        ("not HTTP", b"\x16\x03\x01\x00\xff\x00\x00\r\n\r\n"),
        ("invalid UTF-8", b"GET /\xff\xfe HTTP/9.9\r\n\r\n"),
        ("a head without end", &long_head),
        ("a thousand headers", many_headers.as_bytes()),
        ("zeros", &[0; 9000]),
    ];
    for (why, bytes) in cases {
        let answer = server.send(bytes).await;
        assert!(!answer.contains("200 OK"), "{why}: {answer}");
        assert!(server.get("/").await.contains("200 OK"), "after {why}");
    }
}

#[tokio::test]
async fn a_body_is_not_read() {
    let server = Server::start(Heart::saying(true));
    let head = b"POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000000\r\n\r\n";
    let answer = server.send(&[head.as_slice(), &b"0".repeat(65_536)].concat()).await;
    assert!(!answer.contains("200 OK"), "{answer}");
    assert!(server.get("/metrics").await.ends_with("up 1\n"));
}

#[tokio::test]
async fn whoever_connects_and_says_nothing_keeps_nobody_from_the_page() {
    let server = Server::start(Heart::saying(true));
    let mut silent = Vec::new();
    for _ in 0..16 {
        silent.push(TcpStream::connect(server.address).await.unwrap());
    }
    let mut kept = silent.pop().unwrap();
    let answered = timeout(Duration::from_secs(2), server.get("/livez")).await.expect("an answer");
    assert!(answered.contains("200 OK"), "{answered}");
    // The one that was silent for longest has made room, and no other.
    let mut nothing = Vec::new();
    silent.remove(0).read_to_end(&mut nothing).await.unwrap();
    kept.write_all(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await.unwrap();
    kept.read_to_end(&mut nothing).await.unwrap();
    assert!(nothing.starts_with(b"HTTP/1.1 200 OK"));
}

#[tokio::test]
async fn clients_that_are_being_answered_keep_their_places() {
    let heart = Heart::default();
    let server = Server::start(heart.clone());
    let mut busy = Vec::new();
    for _ in 0..16 {
        let mut client = TcpStream::connect(server.address).await.unwrap();
        client.write_all(b"GET /heartbeat HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
        heart.asked.notified().await;
        busy.push(client);
    }
    // One more client is neither served nor refused until one of them leaves.
    let waiting = server.get("/");
    tokio::pin!(waiting);
    tokio::select! {
        biased;
        answer = &mut waiting => panic!("served although there was no place: {answer}"),
        () = tokio::time::sleep(Duration::from_millis(50)) => {}
    }
    busy.pop();
    assert!(waiting.await.contains("200 OK"));
}

#[tokio::test]
async fn being_asked_to_stop_closes_idle_and_hanging_connections() {
    let heart = Heart::default();
    let server = Server::start(heart.clone());
    let mut idle = TcpStream::connect(server.address).await.unwrap();
    idle.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    let mut first = [0; 15];
    idle.read_exact(&mut first).await.unwrap();
    assert_eq!(&first, b"HTTP/1.1 200 OK");
    let mut hanging = TcpStream::connect(server.address).await.unwrap();
    hanging.write_all(b"GET /heartbeat HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    heart.asked.notified().await;

    server.stop.cancel();
    server.task.await.unwrap();
    let mut rest = Vec::new();
    let _ = idle.read_to_end(&mut rest).await;
    let _ = hanging.read_to_end(&mut rest).await;
    TcpStream::connect(server.address).await.unwrap_err();
}

#[tokio::test]
async fn an_endpoint_in_use_is_an_error() {
    let server = Server::start(Heart::saying(true));
    let error = MetricsServer::bind(server.address).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::AddrInUse);
}

#[tokio::test]
async fn only_admitted_peers_are_answered() {
    for is_admitted in [true, false] {
        let server = MetricsServer::bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let admits = move |peer: std::net::IpAddr| is_admitted && peer.is_loopback();
        let server = Server::run(server.with_admission(admits), Heart::saying(true));
        assert_eq!(server.get("/metrics").await.contains("up 1"), is_admitted);
    }
}
