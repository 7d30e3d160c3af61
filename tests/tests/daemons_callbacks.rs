//! Bad callbacks to a running signer: counted by reason and dropped, and nobody is hurt.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use countersign_devnet::{DevnetConfig, Seed, SignerKind};
use countersign_wire::event::{ContractId, StackerDbChunks};
use countersign_wire::message::SignerMessage;
use countersign_wire::stackerdb::Chunk;
use countersign_wire::{Network as StacksNetwork, Sighash, SlotId, SlotVersion, Wire as _};
use system_tests::daemons::{
    Answer, Daemon, Metrics, Network, exchange, exchange_cut_short, peak_rss_kib, post, quick,
    read_answer, within,
};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

/// A node repeats what is not answered with 200 within a second.
const NODE_PATIENCE: Duration = Duration::from_secs(1);
const MIB: usize = 1024 * 1024;
const MEMORY_LIMIT_KIB: u64 = 200_000;

/// One signer at work on a network of its own, and where it can be spoken to.
struct Stage {
    network: Network,
    daemon: Daemon,
    endpoint: SocketAddr,
    metrics: SocketAddr,
}

impl Stage {
    async fn set() -> Self {
        let config = DevnetConfig { signers: vec![SignerKind::External], ..quick(1) };
        let mut network = Network::start(config).await;
        let place = network.devnet.place(0).unwrap().clone();
        let (daemon, endpoint) = Daemon::ready(&place.config).await;
        network.adopts(1, "the signer works").await;
        Self { network, daemon, endpoint, metrics: place.metrics.parse().unwrap() }
    }

    /// A callback that a node could have sent is answered as a node wants it.
    async fn is_not_blocked(&self, why: &str) {
        let asked_at = Instant::now();
        let body = br#"{"txid":"0x00"}"#;
        for path in ["/new_mempool_tx", "/stackerdb_chunks"] {
            let body = if path == "/stackerdb_chunks" { nothing_new() } else { body.to_vec() };
            let answer = within(NODE_PATIENCE, why, post(self.endpoint, path, &body)).await;
            assert_eq!((answer.status, answer.body.as_str()), (200, ""), "{why}");
        }
        assert!(asked_at.elapsed() < NODE_PATIENCE, "{why}");
    }

    /// The chain goes on, and the process is as it was.
    async fn goes_on(mut self) {
        self.network.skip_to_now();
        self.network.adopts(2, "the signer still works").await;
        assert!(self.daemon.is_running());
        let peak = peak_rss_kib(self.daemon.pid());
        assert!(peak < MEMORY_LIMIT_KIB, "{peak} KiB");
        self.network.devnet.stop().await;
    }
}

fn nothing_new() -> Vec<u8> {
    chunks("signers-0-1", Vec::new())
}

fn chunks(name: &str, modified_slots: Vec<Chunk>) -> Vec<u8> {
    let issuer = StacksNetwork::Testnet.boot_address();
    let contract_id = ContractId { issuer, name: name.to_owned() };
    serde_json::to_vec(&StackerDbChunks { contract_id, modified_slots }).unwrap()
}

fn request(line: &str, body: &[u8], declared: usize) -> Vec<u8> {
    let head = format!("{line} HTTP/1.1\r\nHost: signer\r\nContent-Length: {declared}\r\n\r\n");
    [head.as_bytes(), body].concat()
}

fn whole(line: &str, body: &[u8]) -> Vec<u8> {
    request(line, body, body.len())
}

#[tokio::test]
async fn what_is_not_a_callback_is_counted_by_reason_and_dropped() {
    let stage = Stage::set().await;
    let rows: [(&str, Vec<u8>, Option<u16>, &str); 10] = [
        ("no HTTP", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\r\n\r\n".to_vec(), None, "not_http"),
        ("wrong path", whole("POST /new_blok", b"{}"), Some(200), "unknown_path"),
        ("a path with a query", whole("POST /new_block?a", b"{}"), Some(200), "unknown_path"),
        ("no shutdown by anybody", whole("POST /shutdown", b""), Some(200), "unknown_path"),
        ("wrong method", whole("GET /new_block", b""), Some(405), "wrong_method"),
        ("truncated body", request("POST /new_block", b"{\"a", 90), Some(400), "truncated"),
        ("no UTF-8", whole("POST /new_block", b"{\"\xff\":1}"), Some(200), "not_utf8"),
        ("no JSON", whole("POST /stackerdb_chunks", b"{\"a\":"), Some(200), "not_json"),
        ("no object", whole("POST /new_burn_block", b"[]"), Some(200), "wrong_shape"),
        ("other keys", whole("POST /proposal_response", b"{\"a\":1}"), Some(200), "wrong_shape"),
    ];
    for (why, bytes, status, reason) in rows {
        let series = format!("countersign_callbacks_dropped{{reason=\"{reason}\"}}");
        let before = Metrics::of(stage.metrics).await.value(&series);
        let answer = if reason == "truncated" {
            exchange_cut_short(stage.endpoint, &bytes).await
        } else {
            exchange(stage.endpoint, &bytes).await
        };
        if let Some(status) = status {
            assert_eq!(answer.map(|answer| answer.status), Some(status), "{why}");
        }
        Metrics::grows(stage.metrics, &series, before).await;
        stage.is_not_blocked(why).await;
    }
    stage.goes_on().await;
}

#[tokio::test]
async fn chunks_that_cannot_be_used_are_counted_by_reason_and_skipped() {
    let stage = Stage::set().await;
    let stranger = Seed::from_text("stranger").key("signer", 0);
    let sign = |data: Vec<u8>| Chunk::sign(&stranger, SlotId::new(0), SlotVersion::new(1), data);
    let promise = SignerMessage::BlockPreCommit(Sighash::new([7; 32])).to_bytes();
    let unsigned = Chunk { signature: [9; 65].into_signature(), ..sign(promise.clone()) };
    let rows: [(&str, &str, Chunk, &str); 8] = [
        ("a key outside the set", "signers-0-3", sign(promise.clone()), "not_in_set"),
        ("a promise among responses", "signers-0-1", sign(promise.clone()), "wrong_lane"),
        ("a promise of a miner", "miners", sign(promise.clone()), "wrong_lane"),
        ("a cut promise", "signers-0-3", sign(promise[..9].to_vec()), "undecodable"),
        ("a message of no kind", "signers-0-3", sign(vec![99; 40]), "unknown_type"),
        ("no message", "signers-0-3", sign(Vec::new()), "empty"),
        ("no signature", "signers-0-3", unsigned, "no_signer"),
        ("another contract", "costs", sign(promise.clone()), "other_contract"),
    ];
    for (why, contract, chunk, reason) in rows {
        let series = format!("countersign_chunks_skipped{{reason=\"{reason}\"}}");
        let before = Metrics::of(stage.metrics).await.value(&series);
        let answer =
            post(stage.endpoint, "/stackerdb_chunks", &chunks(contract, vec![chunk])).await;
        assert_eq!(answer.status, 200, "{why}");
        Metrics::grows(stage.metrics, &series, before).await;
        stage.is_not_blocked(why).await;
    }
    stage.goes_on().await;
}

/// A signature that is not one.
trait IntoSignature {
    fn into_signature(self) -> countersign_wire::MessageSignature;
}

impl IntoSignature for [u8; 65] {
    fn into_signature(mut self) -> countersign_wire::MessageSignature {
        // A recovery id that there is, an r and an s that no key made.
        self[0] = 0;
        self[1..].fill(0xff);
        countersign_wire::MessageSignature::from_bytes(self).unwrap()
    }
}

/// Sends zeros until there are enough of them or nobody wants any more.
async fn zeros(endpoint: SocketAddr, head: &str, is_chunked: bool) -> Option<Answer> {
    let mut stream = TcpStream::connect(endpoint).await.unwrap();
    stream.write_all(head.as_bytes()).await.unwrap();
    let mebibyte = vec![0; MIB];
    for _ in 0..300 {
        let frame = if is_chunked { format!("{MIB:x}\r\n") } else { String::new() };
        let end: &[u8] = if is_chunked { b"\r\n" } else { b"" };
        for bytes in [frame.as_bytes(), &mebibyte, end] {
            if stream.write_all(bytes).await.is_err() {
                return read_answer(stream).await;
            }
        }
    }
    if is_chunked {
        let _ = stream.write_all(b"0\r\n\r\n").await;
    }
    read_answer(stream).await
}

#[tokio::test]
async fn three_hundred_megabytes_of_zeros_are_not_kept_and_block_nobody() {
    let stage = Stage::set().await;
    let series = "countersign_callbacks_dropped{reason=\"too_large\"}";
    let before = Metrics::of(stage.metrics).await.value(series);
    let declared = format!("Content-Length: {}", 300 * MIB);
    let floods = [(declared.as_str(), false), ("Transfer-Encoding: chunked", true)];
    let floods = floods.map(|(length, is_chunked)| {
        let head = format!("POST /new_block HTTP/1.1\r\nHost: signer\r\n{length}\r\n\r\n");
        let endpoint = stage.endpoint;
        tokio::spawn(async move { zeros(endpoint, &head, is_chunked).await })
    });
    while !floods.iter().all(tokio::task::JoinHandle::is_finished) {
        stage.is_not_blocked("while zeros arrive").await;
    }
    for flood in floods {
        // An answer that the sender is too busy to hear gets lost, and the node would ask again.
        if let Some(answer) = within(Duration::from_secs(30), "the flood", flood).await.unwrap() {
            assert_eq!(answer.status, 200);
        }
    }
    Metrics::grows(stage.metrics, series, before + 1.0).await;
    stage.goes_on().await;
}
