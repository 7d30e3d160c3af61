//! What a flood costs in memory. A process of its own, because the peak counts all that a process
//! has ever done.
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
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;

use support::dispatcher::{head, read_reply};

const MIB: usize = 1024 * 1024;
const FLOOD: usize = 300 * MIB;

#[tokio::test]
async fn floods_stay_under_200_megabytes() {
    let (queue, stop) = (CallbackQueue::new(QueueLimits::default()), CancellationToken::new());
    let address = start(&queue, &stop, ListenerLimits::default()).await;

    // Far too long, with and without saying so.
    let declared = || Body::zeros(FLOOD).post(address, "/new_block");
    tokio::join!(declared(), declared(), declared(), declared());
    let chunked = || {
        let start = format!("{FLOOD:x}\r\n");
        let chunk = Body { start, fill: &[0], len: FLOOD, end: "\r\n0\r\n\r\n" };
        let head = "POST /new_block HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
        chunk.send(address, head.to_owned())
    };
    tokio::join!(chunked(), chunked(), chunked(), chunked());
    // Of the undeclared ones not all are read as far as the limit: memory may run out before.
    let dropped = |reason| queue.stats().dropped(reason);
    assert!(dropped(DropReason::TooLarge) >= 4, "{:?}", queue.stats());
    assert_eq!(dropped(DropReason::TooLarge) + dropped(DropReason::NoRoom), 8);

    // Each short enough to be kept, but not all of them at once.
    let long = || Body::zeros(60 * MIB).post(address, "/new_block");
    tokio::join!(long(), long(), long(), long());

    // Good ones, which the consumer reads. A busy machine may take its time here.
    let patient = ListenerLimits {
        body_deadline: Duration::from_mins(2),
        room_deadline: Duration::from_mins(1),
        ..ListenerLimits::default()
    };
    let address = start(&queue, &stop, patient).await;
    let ((), new_block) =
        tokio::join!(Body::new_block(60 * MIB).post(address, "/new_block"), queue.next());
    assert!(matches!(new_block.callback, Callback::NewBlock(_)));
    let ((), new_block) =
        tokio::join!(Body::empty_transactions(60 * MIB).post(address, "/new_block"), queue.next());
    assert!(matches!(new_block.callback, Callback::NewBlock(_)));
    let ((), chunks) =
        tokio::join!(Body::chunk(60 * MIB).post(address, "/stackerdb_chunks"), queue.next());
    let Callback::StackerDbChunks(chunks) = chunks.callback else { panic!("{:?}", queue.stats()) };
    assert_eq!(chunks.modified_slots[0].data.len(), 30 * MIB);

    let peak = peak_bytes();
    assert!(peak < 200_000_000, "a peak of {peak} bytes; {:?}", queue.stats());
    stop.cancel();
}

async fn start(
    queue: &CallbackQueue,
    stop: &CancellationToken,
    limits: ListenerLimits,
) -> SocketAddr {
    let listener = Listener::bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let address = listener.local_addr();
    tokio::spawn(listener.with_limits(limits).run(queue.clone(), stop.clone()));
    address
}

/// A body that is written without being held in memory.
struct Body {
    start: String,
    fill: &'static [u8],
    len: usize,
    end: &'static str,
}

impl Body {
    fn zeros(len: usize) -> Self {
        Self { start: String::new(), fill: &[0], len, end: "" }
    }

    /// A new block whose only transaction has so many hex digits.
    fn new_block(digits: usize) -> Self {
        let (id, tenure) = ("11".repeat(32), "22".repeat(20));
        let start = format!(
            r#"{{"index_block_hash":"0x{id}","signer_signature_hash":"0x{id}","block_hash":"0x{id}",
            "consensus_hash":"0x{tenure}","block_height":1,"transactions":[{{"raw_tx":"0x"#
        );
        Self { start, fill: b"0", len: digits, end: r#""}]}"# }
    }

    /// A new block with so many bytes of empty transactions.
    fn empty_transactions(len: usize) -> Self {
        let mut body = Self::new_block(len);
        body.start = body.start.replace(r#"{"raw_tx":"0x"#, "");
        Self { fill: b"{}, ", end: "{}]}", ..body }
    }

    /// One chunk whose data has so many hex digits.
    fn chunk(digits: usize) -> Self {
        let (issuer, signature) = ([0; 20], "00".repeat(65));
        let start = format!(
            r#"{{"contract_id":{{"issuer":[26,{issuer:?}],"name":"miners"}},"modified_slots":[
            {{"slot_id":0,"slot_version":1,"sig":"{signature}","data":""#
        );
        Self { start, fill: b"0", len: digits, end: r#""}]}"# }
    }

    async fn post(self, address: SocketAddr, path: &str) {
        let head = head(path, self.start.len() + self.len + self.end.len());
        self.send(address, head).await;
    }

    /// Writes everything, and expects a 200.
    async fn send(self, address: SocketAddr, head: String) {
        let piece = self.fill.repeat(MIB / 4 / self.fill.len());
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(head.as_bytes()).await.unwrap();
        stream.write_all(self.start.as_bytes()).await.unwrap();
        for _ in 0..self.len / piece.len() {
            stream.write_all(&piece).await.unwrap();
        }
        stream.write_all(self.end.as_bytes()).await.unwrap();
        let reply = read_reply(&mut stream).await;
        assert_eq!((reply.status, reply.body.len()), (200, 0));
    }
}

/// The largest resident set that this process has had.
fn peak_bytes() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<usize>().unwrap() * 1024
}
