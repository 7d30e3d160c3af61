//! The listener against a node, and against everything that is none.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod support {
    pub(crate) mod dispatcher;
}

use std::net::SocketAddr;
use std::time::Duration;

use countersign_node::{CallbackQueue, DropReason, Listener, ListenerLimits, QueueLimits};
use countersign_wire::event::Callback;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_util::sync::{CancellationToken, DropGuard};

use support::dispatcher::{head, read_reply};

/// A running listener.
struct Endpoint {
    address: SocketAddr,
    queue: CallbackQueue,
    _stop: DropGuard,
}

impl Endpoint {
    async fn start() -> Self {
        Self::with(QueueLimits::default(), ListenerLimits::default()).await
    }

    async fn with(queue: QueueLimits, limits: ListenerLimits) -> Self {
        let listener = Listener::bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let listener = listener.with_limits(limits);
        let address = listener.local_addr();
        let (queue, stop) = (CallbackQueue::new(queue), CancellationToken::new());
        tokio::spawn(listener.run(queue.clone(), stop.clone()));
        Self { address, queue, _stop: stop.drop_guard() }
    }

    async fn post(&self, path: &str, body: &[u8]) -> u16 {
        post(self.address, path, body).await
    }

    /// Shows that the listener still takes a callback, and that it is the next to be delivered.
    async fn assert_alive(&self) {
        assert_eq!(self.post("/new_burn_block", &burn_block(77)).await, 200);
        assert_eq!(height(&self.queue.next().await.callback), 77);
    }

    /// Waits until `reason` has been counted once.
    async fn assert_counted(&self, reason: DropReason) {
        while self.queue.stats().dropped(reason) == 0 {
            tokio::task::yield_now().await;
        }
        assert_eq!(self.queue.stats().dropped.values().sum::<u64>(), 1, "{:?}", self.queue.stats());
    }
}

/// Posts as a node does, and returns the status of an answer that a node would understand.
async fn post(address: SocketAddr, path: &str, body: &[u8]) -> u16 {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(head(path, body.len()).as_bytes()).await.unwrap();
    stream.write_all(body).await.unwrap();
    read_reply(&mut stream).await.status
}

/// Writes `bytes`, says that no more will come, and returns all that is answered.
async fn send(address: SocketAddr, bytes: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    stream.shutdown().await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    answer
}

fn burn_block(height: u64) -> Vec<u8> {
    let (hash, consensus_hash) = (format!("0x{}", "11".repeat(32)), "22".repeat(20));
    serde_json::to_vec(&serde_json::json!({
        "burn_block_hash": hash, "burn_block_height": height, "parent_burn_block_hash": hash,
        "consensus_hash": format!("0x{consensus_hash}"), "burn_amount": 0,
        "reward_recipients": [], "reward_slot_holders": [], "pox_transactions": [],
    }))
    .unwrap()
}

fn height(callback: &Callback) -> u64 {
    match callback {
        Callback::NewBurnBlock(burn_block) => burn_block.burn_block_height.get(),
        other => panic!("not a burn block: {other:?}"),
    }
}

/// The callbacks of a recording of a real stacks-node 4.0.2, in order.
fn recorded_callbacks() -> Vec<(String, Vec<u8>)> {
    let path = format!(
        "{}/../../vectors/recordings/miner_gather_signatures.jsonl",
        env!("CARGO_MANIFEST_DIR")
    );
    let text = std::fs::read_to_string(path).unwrap();
    let lines = text.lines().filter(|line| !line.is_empty());
    lines
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .filter(|line| line["kind"] == "event")
        .map(|line| {
            let path = line["path"].as_str().unwrap().to_owned();
            (path, serde_json::to_vec(&line["body"]).unwrap())
        })
        .collect()
}

#[tokio::test]
async fn a_recorded_hour_of_callbacks_is_delivered_in_order() {
    let endpoint = Endpoint::start().await;
    let mut expected = Vec::new();
    for (path, body) in recorded_callbacks() {
        assert_eq!(endpoint.post(&path, &body).await, 200);
        expected.extend(Callback::parse(&path, &body).ok());
    }
    assert!(expected.len() > 100, "{}", expected.len());
    for callback in &expected {
        assert_eq!(endpoint.queue.next().await.callback, *callback);
    }
    let stats = endpoint.queue.stats();
    assert_eq!(stats.delivered, expected.len() as u64);
    assert_eq!((stats.waiting, stats.waiting_bytes), (0, 0));
    assert!(stats.dropped.is_empty(), "{stats:?}");
}

#[tokio::test]
async fn status_is_answered_whatever_the_method() {
    let endpoint = Endpoint::start().await;
    for method in ["GET", "POST", "PUT", "OPTIONS"] {
        let mut stream = TcpStream::connect(endpoint.address).await.unwrap();
        let request = format!("{method} /status HTTP/1.1\r\nHost: x\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let reply = read_reply(&mut stream).await;
        assert_eq!((reply.status, reply.body.as_slice()), (200, b"OK".as_slice()), "{method}");
    }
    assert!(endpoint.queue.stats().dropped.is_empty());
}

#[tokio::test]
async fn what_other_observers_want_is_taken_and_forgotten() {
    let endpoint = Endpoint::start().await;
    for path in ["/attachments/new", "/new_mempool_tx", "/mined_nakamoto_block"] {
        assert_eq!(endpoint.post(path, b"[1,2,3]").await, 200);
    }
    assert!(endpoint.queue.stats().dropped.is_empty());
    endpoint.assert_alive().await;
}

#[tokio::test]
async fn nobody_can_shut_the_listener_down() {
    let endpoint = Endpoint::start().await;
    assert_eq!(endpoint.post("/shutdown", b"").await, 200);
    endpoint.assert_counted(DropReason::UnknownPath).await;
    endpoint.assert_alive().await;
}

#[tokio::test]
async fn a_path_must_match_to_its_end() {
    for path in ["/new_burn_block/", "/new_burn_block?x=1", "/New_burn_block", "http://x/new_block"]
    {
        let endpoint = Endpoint::start().await;
        assert_eq!(endpoint.post(path, &burn_block(1)).await, 200, "{path}");
        endpoint.assert_counted(DropReason::UnknownPath).await;
        endpoint.assert_alive().await;
    }
}

#[tokio::test]
async fn another_method_is_refused() {
    let endpoint = Endpoint::start().await;
    let mut stream = TcpStream::connect(endpoint.address).await.unwrap();
    stream.write_all(b"GET /new_burn_block HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    assert_eq!(read_reply(&mut stream).await.status, 405);
    endpoint.assert_counted(DropReason::WrongMethod).await;
    endpoint.assert_alive().await;
}

#[tokio::test]
async fn what_is_not_http_is_counted() {
    for bytes in
        [b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".as_slice(), b"hello there\r\n\r\n"]
    {
        let endpoint = Endpoint::start().await;
        send(endpoint.address, bytes).await;
        endpoint.assert_counted(DropReason::NotHttp).await;
        endpoint.assert_alive().await;
    }
}

#[tokio::test]
async fn a_truncated_body_is_not_acknowledged() {
    let endpoint = Endpoint::start().await;
    let body = burn_block(1);
    let request = [head("/new_burn_block", body.len() + 1).into_bytes(), body].concat();
    let answer = send(endpoint.address, &request).await;
    assert!(!answer.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&answer));
    endpoint.assert_counted(DropReason::Truncated).await;
    endpoint.assert_alive().await;
}

#[tokio::test]
async fn what_does_not_decode_is_acknowledged_and_counted() {
    let cases: [(&str, &[u8], DropReason); 6] = [
        ("/new_burn_block", b"{\"burn_block_hash\":\"\xff\"}", DropReason::NotUtf8),
        ("/new_burn_block", b"", DropReason::NotJson),
        ("/new_block", b"{\"block_height\":1", DropReason::NotJson),
        ("/new_block", b"{\"block_height\":1}", DropReason::WrongShape),
        ("/stackerdb_chunks", b"[]", DropReason::WrongShape),
        ("/proposal_response", b"{\"result\":\"Perhaps\"}", DropReason::WrongShape),
    ];
    for (path, body, reason) in cases {
        let endpoint = Endpoint::start().await;
        assert_eq!(endpoint.post(path, body).await, 200, "{path}");
        endpoint.assert_alive().await;
        endpoint.assert_counted(reason).await;
    }
}

#[tokio::test]
async fn a_body_that_is_declared_too_long_is_acknowledged_before_it_has_come() {
    let endpoint = Endpoint::start().await;
    let mut stream = TcpStream::connect(endpoint.address).await.unwrap();
    stream.write_all(head("/new_block", 300 << 20).as_bytes()).await.unwrap();
    assert_eq!(read_reply(&mut stream).await.status, 200);
    endpoint.assert_counted(DropReason::TooLarge).await;
    endpoint.assert_alive().await;
}

#[tokio::test]
async fn a_body_that_grows_too_long_is_acknowledged() {
    let limits = ListenerLimits { body: 1 << 20, ..ListenerLimits::default() };
    let endpoint = Endpoint::with(QueueLimits::default(), limits).await;
    let mut stream = TcpStream::connect(endpoint.address).await.unwrap();
    let head = "POST /new_block HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    let piece = [b"10000\r\n".as_slice(), &vec![0; 0x10000], b"\r\n"].concat();
    for _ in 0..64 {
        stream.write_all(&piece).await.unwrap();
    }
    stream.write_all(b"0\r\n\r\n").await.unwrap();
    assert_eq!(read_reply(&mut stream).await.status, 200);
    endpoint.assert_counted(DropReason::TooLarge).await;
    endpoint.assert_alive().await;
}

#[tokio::test]
async fn a_head_and_a_body_must_come_in_time() {
    let limits = ListenerLimits {
        head_deadline: Duration::from_millis(30),
        body_deadline: Duration::from_millis(30),
        ..ListenerLimits::default()
    };
    let half_body = head("/new_block", 10) + "{";
    for half in ["POST /new_block HT", &half_body] {
        let endpoint = Endpoint::with(QueueLimits::default(), limits).await;
        let mut stream = TcpStream::connect(endpoint.address).await.unwrap();
        stream.write_all(half.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        assert!(!answer.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&answer));
        endpoint.assert_counted(DropReason::TooSlow).await;
    }
}

#[tokio::test]
async fn silent_connections_do_not_keep_the_node_out() {
    let limits = ListenerLimits {
        connections: 2,
        head_deadline: Duration::from_hours(1),
        ..ListenerLimits::default()
    };
    let endpoint = Endpoint::with(QueueLimits::default(), limits).await;
    let mut oldest = TcpStream::connect(endpoint.address).await.unwrap();
    let _silent = TcpStream::connect(endpoint.address).await.unwrap();
    endpoint.assert_alive().await;
    // The oldest had to go for it.
    assert_eq!(oldest.read(&mut [0]).await.unwrap(), 0);
    endpoint.assert_counted(DropReason::TooSlow).await;
}

#[tokio::test]
async fn small_callbacks_come_through_while_large_ones_hold_the_memory() {
    let queue = QueueLimits { memory: 1 << 20, ..QueueLimits::default() };
    let limits =
        ListenerLimits { room_deadline: Duration::from_millis(30), ..ListenerLimits::default() };
    let endpoint = Endpoint::with(queue, limits).await;
    let large = vec![b' '; 800 * 1024];
    assert_eq!(endpoint.post("/new_block", &large).await, 200);
    assert_eq!(endpoint.post("/new_block", &large).await, 200);
    endpoint.assert_counted(DropReason::NoRoom).await;
    assert_eq!(endpoint.post("/new_burn_block", &burn_block(5)).await, 200);
    assert_eq!(height(&endpoint.queue.next().await.callback), 5);
    // The first large one has been decoded, so there is room again.
    assert_eq!(endpoint.post("/new_block", &large).await, 200);
    assert_eq!(endpoint.queue.stats().dropped(DropReason::NoRoom), 1);
}

#[tokio::test]
async fn a_full_queue_drops_what_matters_least_and_brings_the_burn_view_forward() {
    let queue = QueueLimits { callbacks: 3, ..QueueLimits::default() };
    let endpoint = Endpoint::with(queue, ListenerLimits::default()).await;
    let callbacks = recorded_callbacks();
    let chunks = callbacks.iter().find(|(path, _)| path == "/stackerdb_chunks").unwrap();
    for (path, body) in [
        (&chunks.0, &chunks.1),
        (&"/new_burn_block".to_owned(), &burn_block(1)),
        (&"/new_burn_block".to_owned(), &burn_block(2)),
        (&chunks.0, &chunks.1),
    ] {
        assert_eq!(endpoint.post(path, body).await, 200);
    }
    assert_eq!(height(&endpoint.queue.next().await.callback), 2);
    for _ in 0..2 {
        let next = endpoint.queue.next().await.callback;
        assert!(matches!(next, Callback::StackerDbChunks(_)));
    }
    endpoint.assert_counted(DropReason::Superseded).await;
}

#[tokio::test]
async fn giving_up_on_the_next_callback_loses_none() {
    let endpoint = Endpoint::start().await;
    // Large enough to be decoded on another thread, which takes a while.
    let mut large = burn_block(9);
    large.splice(1..1, std::iter::repeat_n(b' ', 4 << 20));
    assert_eq!(endpoint.post("/new_burn_block", &large).await, 200);
    let mut tries = 0;
    let next = loop {
        tries += 1;
        tokio::select! {
            biased;
            next = endpoint.queue.next() => break next,
            () = tokio::task::yield_now() => {}
        }
    };
    assert!(tries > 1);
    assert_eq!(height(&next.callback), 9);
}

#[tokio::test]
async fn a_stopped_listener_leaves_its_address() {
    let endpoint = Endpoint::start().await;
    let listener = Listener::bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let (address, stop) = (listener.local_addr(), CancellationToken::new());
    let running = tokio::spawn(listener.run(endpoint.queue.clone(), stop.clone()));
    assert_eq!(post(address, "/new_burn_block", &burn_block(3)).await, 200);
    stop.cancel();
    running.await.unwrap().unwrap();
    assert!(TcpStream::connect(address).await.is_err());
    assert_eq!(height(&endpoint.queue.next().await.callback), 3);
}
