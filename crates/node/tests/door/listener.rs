//! The endpoint behind TLS and behind a list of allowed peers.

use std::net::{SocketAddr, TcpListener as StdListener};
use std::time::Duration;

use countersign_node::{
    AllowedPeers, CallbackQueue, DropReason, Listener, ListenerLimits, QueueLimits, ServerTls,
};
use countersign_wire::event::Callback;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use rustls::version::{TLS12, TLS13};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::dispatcher::{head, read_reply};
use crate::party::{Party, connect, connect_as_impostor};

/// A running endpoint that knows one node.
pub(crate) struct Endpoint {
    pub(crate) address: SocketAddr,
    pub(crate) queue: CallbackQueue,
    pub(crate) node: Party,
    _stop: DropGuard,
}

impl Endpoint {
    pub(crate) async fn start(limits: ListenerLimits) -> Self {
        let (signer, node) = (Party::new(), Party::new());
        let tls = ServerTls::load(&signer.settings(&[&node])).unwrap();
        let listener = Listener::bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
        Self::run(listener.with_limits(limits).with_tls(Some(tls)), node)
    }

    /// Whose peers are known already.
    pub(crate) fn run(listener: Listener, node: Party) -> Self {
        let address = listener.local_addr();
        let (queue, stop) = (CallbackQueue::new(QueueLimits::default()), CancellationToken::new());
        tokio::spawn(listener.run(queue.clone(), stop.clone()));
        Self { address, queue, node, _stop: stop.drop_guard() }
    }

    /// Shows that the node still gets through.
    async fn assert_alive(&self) {
        let mut stream = self.node.connect(self.address).await.unwrap();
        let body = burn_block(77);
        stream.write_all(head("/new_burn_block", body.len()).as_bytes()).await.unwrap();
        stream.write_all(&body).await.unwrap();
        assert_eq!(read_reply(&mut stream).await.status, 200);
        assert_eq!(height(&self.queue.next().await.callback), 77);
    }

    async fn assert_counted(&self, reason: DropReason, count: u64) {
        while self.queue.stats().dropped(reason) < count {
            tokio::task::yield_now().await;
        }
        let dropped = self.queue.stats().dropped;
        assert_eq!(dropped.values().sum::<u64>(), count, "{dropped:?}");
    }
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

/// Whether the other side ended the connection without a word of HTTP.
async fn is_turned_away(mut stream: impl tokio::io::AsyncRead + AsyncWriteExt + Unpin) -> bool {
    let _ = stream.write_all(b"GET /status HTTP/1.1\r\nHost: x\r\n\r\n").await;
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    !answer.starts_with(b"HTTP")
}

#[tokio::test]
async fn a_pinned_node_is_heard() {
    let endpoint = Endpoint::start(ListenerLimits::default()).await;
    endpoint.assert_alive().await;
    assert!(endpoint.queue.stats().dropped.is_empty());
}

#[tokio::test]
async fn a_stranger_is_turned_away_and_counted() {
    let endpoint = Endpoint::start(ListenerLimits::default()).await;
    let stranger = Party::new();
    let stream = connect(endpoint.address, Some(&stranger), &TLS13).await.unwrap();
    assert!(is_turned_away(stream).await);
    endpoint.assert_counted(DropReason::Handshake, 1).await;
    let stream = connect(endpoint.address, None, &TLS13).await.unwrap();
    assert!(is_turned_away(stream).await);
    endpoint.assert_counted(DropReason::Handshake, 2).await;
    endpoint.assert_alive().await;
}

#[tokio::test]
async fn a_pinned_node_whose_certificate_has_expired_is_turned_away() {
    let (signer, node) = (Party::new(), Party::expired());
    let tls = ServerTls::load(&signer.settings(&[&node])).unwrap();
    let listener = Listener::bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let endpoint = Endpoint::run(listener.with_tls(Some(tls)), node);
    let mut stream = endpoint.node.connect(endpoint.address).await.unwrap();
    let error = stream.read_u8().await.unwrap_err();
    assert!(error.to_string().contains("CertificateExpired"), "{error}");
    endpoint.assert_counted(DropReason::Handshake, 1).await;
}

#[tokio::test]
async fn the_certificate_of_a_pinned_node_without_its_key_is_of_no_use() {
    let endpoint = Endpoint::start(ListenerLimits::default()).await;
    let stream = connect_as_impostor(endpoint.address, &endpoint.node).await.unwrap();
    assert!(is_turned_away(stream).await);
    endpoint.assert_counted(DropReason::Handshake, 1).await;
    endpoint.assert_alive().await;
}

#[tokio::test]
async fn an_old_version_of_tls_is_turned_away() {
    let endpoint = Endpoint::start(ListenerLimits::default()).await;
    let error = connect(endpoint.address, Some(&endpoint.node), &TLS12).await.unwrap_err();
    assert!(error.to_string().contains("ProtocolVersion"), "{error}");
    endpoint.assert_counted(DropReason::Handshake, 1).await;
    endpoint.assert_alive().await;
}

#[tokio::test]
async fn plain_http_is_turned_away() {
    let endpoint = Endpoint::start(ListenerLimits::default()).await;
    assert!(is_turned_away(TcpStream::connect(endpoint.address).await.unwrap()).await);
    endpoint.assert_counted(DropReason::Handshake, 1).await;
    endpoint.assert_alive().await;
}

#[tokio::test]
async fn a_handshake_must_end_in_time() {
    let limits =
        ListenerLimits { head_deadline: Duration::from_millis(200), ..ListenerLimits::default() };
    let endpoint = Endpoint::start(limits).await;
    let mut silent = TcpStream::connect(endpoint.address).await.unwrap();
    let ended = timeout(Duration::from_secs(20), silent.read(&mut [0; 64])).await;
    assert_eq!(ended.expect("it ends after its deadline").unwrap(), 0);
    endpoint.assert_counted(DropReason::Handshake, 1).await;
}

/// A handshake message says how long it is; nobody is to be believed who says 16 MiB.
#[tokio::test]
async fn an_endless_handshake_is_cut_off() {
    let endpoint = Endpoint::start(ListenerLimits::default()).await;
    let mut stream = TcpStream::connect(endpoint.address).await.unwrap();
    let beginning = [[22, 3, 3, 0x40, 0].as_slice(), &[1, 0xff, 0xff, 0xff], &[0; 0x3ffc]].concat();
    let piece = [[22, 3, 3, 0x40, 0].as_slice(), &[0; 0x4000]].concat();
    let mut sent = beginning.len();
    stream.write_all(&beginning).await.unwrap();
    while sent < 256 << 20 && stream.write_all(&piece).await.is_ok() {
        sent += piece.len();
    }
    // What the operating system's buffers take was not read.
    assert!(sent < 64 << 20, "{sent}");
    endpoint.assert_counted(DropReason::Handshake, 1).await;
    endpoint.assert_alive().await;
}

#[tokio::test]
async fn slow_handshakes_do_not_keep_the_node_out() {
    let limits = ListenerLimits {
        connections: 4,
        head_deadline: Duration::from_hours(1),
        body_deadline: Duration::from_hours(1),
        ..ListenerLimits::default()
    };
    let endpoint = Endpoint::start(limits).await;
    // A callback that is on its way while strangers take every place, again and again.
    let mut node = endpoint.node.connect(endpoint.address).await.unwrap();
    let body = burn_block(5);
    node.write_all(head("/new_burn_block", body.len()).as_bytes()).await.unwrap();
    node.flush().await.unwrap();
    endpoint.assert_alive().await;
    let mut silent = Vec::new();
    for count in 0..20 {
        silent.push(TcpStream::connect(endpoint.address).await.unwrap());
        // The fourth stranger is one too many: the node has one of the four places.
        endpoint.assert_counted(DropReason::TooSlow, u64::saturating_sub(count, 2)).await;
    }
    endpoint.assert_alive().await;
    node.write_all(&body).await.unwrap();
    assert_eq!(read_reply(&mut node).await.status, 200);
    assert_eq!(height(&endpoint.queue.next().await.callback), 5);
}

#[test]
fn arbitrary_bytes_are_turned_away() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let endpoint = runtime.block_on(Endpoint::start(ListenerLimits::default()));
    // Records of TLS, some of them a beginning of a handshake, as well as anything.
    let record =
        (prop::sample::select(vec![20u8, 21, 22, 23]), prop::collection::vec(any::<u8>(), 0..512))
            .prop_map(|(kind, body)| {
                let length = u16::try_from(body.len()).unwrap().to_be_bytes();
                [&[kind, 3, 3], length.as_slice(), &body].concat()
            });
    let bytes = prop_oneof![prop::collection::vec(any::<u8>(), 0..512), record];
    let mut runner = TestRunner::new(ProptestConfig { cases: 128, ..ProptestConfig::default() });
    let sent = std::cell::Cell::new(0);
    let outcome = runner.run(&bytes, |bytes| {
        sent.set(sent.get() + 1);
        runtime.block_on(async {
            let mut stream = TcpStream::connect(endpoint.address).await.unwrap();
            // It may have been turned away before it has said everything.
            let _ = stream.write_all(&bytes).await;
            let _ = stream.shutdown().await;
            let mut answer = Vec::new();
            let _ = stream.read_to_end(&mut answer).await;
            prop_assert!(!answer.starts_with(b"HTTP"));
            endpoint.assert_counted(DropReason::Handshake, sent.get()).await;
            Ok(())
        })
    });
    outcome.unwrap();
    runtime.block_on(endpoint.assert_alive());
}

#[tokio::test]
#[cfg(target_os = "linux")]
async fn only_allowed_peers_are_let_in() {
    let listener = Listener::bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let peers = AllowedPeers::parse(&["127.0.0.2", "127.1.0.0/16"]).unwrap();
    let endpoint = Endpoint::run(listener.with_allowed_peers(peers), Party::new());
    let mut turned_away = 0;
    for (from, is_allowed) in
        [("127.0.0.1", false), ("127.0.0.2", true), ("127.1.0.9", true), ("127.2.0.9", false)]
    {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(format!("{from}:0").parse().unwrap()).unwrap();
        let stream = socket.connect(endpoint.address).await.unwrap();
        assert_eq!(is_turned_away(stream).await, !is_allowed, "{from}");
        turned_away += u64::from(!is_allowed);
        endpoint.assert_counted(DropReason::NotAllowed, turned_away).await;
    }
}

#[tokio::test]
async fn a_socket_that_somebody_else_has_bound_is_taken_over() {
    let socket = StdListener::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    // Connected before anybody serves it, as during a restart.
    let mut early = TcpStream::connect(address).await.unwrap();
    let endpoint = Endpoint::run(Listener::from_std(socket).unwrap(), Party::new());
    assert_eq!(endpoint.address, address);
    let body = burn_block(3);
    early.write_all(head("/new_burn_block", body.len()).as_bytes()).await.unwrap();
    early.write_all(&body).await.unwrap();
    assert_eq!(read_reply(&mut early).await.status, 200);
    assert_eq!(height(&endpoint.queue.next().await.callback), 3);
}
