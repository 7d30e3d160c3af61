//! The link between a node that speaks no TLS and a signer on another host.

use std::time::Duration;

use countersign_node::link::{Link, LinkConfig, LinkError};
use countersign_node::{
    ClientTls, DropReason, Listener, ListenerLimits, NodeClient, NodeConfig, NodeError, ServerTls,
    StackerDb,
};
use countersign_wire::event::Callback;
use countersign_wire::stackerdb::Chunk;
use countersign_wire::{
    BurnBlockHash, ConsensusHash, MessageSignature, RewardCycle, SlotId, SlotVersion, StacksAddress,
};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::dispatcher::{head, read_reply};
use crate::listener::Endpoint;
use crate::party::Party;
use crate::scripted_node::{ScriptedNode, Then, Turn, answer, config};

const MIB: usize = 1024 * 1024;

/// A link between a node that is played and a signer's endpoint.
struct Bridge {
    events: String,
    rpc: String,
    signer: Party,
    link: Party,
    endpoint: Endpoint,
    node: ScriptedNode,
    _stop: DropGuard,
}

impl Bridge {
    /// The node gives these answers, on as many connections.
    async fn to(answers: Vec<Vec<u8>>) -> Self {
        let conversation = |answer| vec![Turn { answer, then: Then::Close }];
        Self::with(answers.into_iter().map(conversation).collect(), "").await
    }

    async fn with(conversations: Vec<Vec<Turn>>, settings: &str) -> Self {
        let (signer, link) = (Party::new(), Party::new());
        let listener = Listener::bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let limits = ListenerLimits {
            body_deadline: Duration::from_mins(2),
            room_deadline: Duration::from_mins(1),
            ..ListenerLimits::default()
        };
        let tls = ServerTls::load(&signer.settings(&[&link])).unwrap();
        let listener = listener.with_tls(Some(tls)).with_limits(limits);
        let endpoint = Endpoint::run(listener, Party::new());
        let node = ScriptedNode::start(conversations).await;
        let to = [endpoint.address.to_string(), node.host().to_owned()];
        let (events, rpc, stop) = start(&link, &signer, to.each_ref(), settings).await;
        Self { events, rpc, signer, link, endpoint, node, _stop: stop.drop_guard() }
    }

    /// Posts to the signer as the node does.
    async fn post(&self, path: &str, body: &[u8]) -> u16 {
        let stream = TcpStream::connect(&self.events).await.unwrap();
        send(stream, &head(path, body.len()), body).await.0
    }

    /// The next callback that reaches the signer.
    async fn heard(&self) -> Callback {
        let next = timeout(LIMIT, self.endpoint.queue.next()).await;
        next.expect("a callback that was acknowledged reaches the signer").callback
    }

    /// Asks the node as the signer does: status, and the answer's body.
    async fn ask(&self, request: &str, body: &[u8]) -> (u16, Vec<u8>) {
        let stream = self.signer.connect(self.rpc.parse().unwrap()).await.unwrap();
        let head =
            format!("{request} HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n", body.len());
        send(stream, &head, body).await
    }

    fn client(&self) -> NodeClient {
        let tls = ClientTls::load(&self.signer.settings(&[&self.link])).ok();
        NodeClient::new(NodeConfig { tls, ..config(&self.rpc) }).unwrap()
    }
}

/// Starts a link to a signer and a node, and says where it listens for the node and for the signer.
async fn start(
    link: &Party,
    signer: &Party,
    [events, rpc]: [&String; 2],
    settings: &str,
) -> (String, String, CancellationToken) {
    let (certificate, key) = (link.certificate(), link.key());
    let (certificate, key) = (certificate.display(), key.display());
    let text = format!(
        "certificate = \"{certificate}\"\nkey = \"{key}\"\npeers = [\"{}\"]\n{settings}\n\
         [events]\nlisten = \"127.0.0.1:0\"\nto = \"{events}\"\n\
         [rpc]\nlisten = \"127.0.0.1:0\"\nto = \"{rpc}\"\n",
        signer.pin
    );
    let link = Link::bind(&LinkConfig::parse(&text).unwrap()).await.unwrap();
    let (events, rpc) = (link.events_addr().to_string(), link.rpc_addr().to_string());
    let stop = CancellationToken::new();
    tokio::spawn(link.run(stop.clone()));
    (events, rpc, stop)
}

async fn send(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    head: &str,
    body: &[u8],
) -> (u16, Vec<u8>) {
    let exchange = async {
        stream.write_all(head.as_bytes()).await.unwrap();
        stream.write_all(body).await.unwrap();
        stream.flush().await.unwrap();
        read_reply(&mut stream).await
    };
    let reply = timeout(LIMIT, exchange).await.unwrap_or_else(|_| {
        let first = head.lines().next().unwrap_or_default();
        panic!("no answer within {LIMIT:?} to `{first}` with {} bytes", body.len())
    });
    (reply.status, reply.body)
}

/// A body of the largest size takes seconds where many tests run at once.
const LIMIT: Duration = Duration::from_mins(1);

/// The sizes at which proxies break: their buffers, nginx's default limit, the largest chunk as hex.
const SIZES: [usize; 6] = [0, 1, MIB - 1, MIB, MIB + 1, 32 * MIB];

/// Bytes that are not all the same, so that a part that is lost or repeated is seen.
fn pattern(len: usize) -> Vec<u8> {
    (0..len).map(|at| u8::try_from(at % 251).unwrap()).collect()
}

/// A callback with one chunk that is exactly `len` bytes long, and its chunk's data.
fn chunk_callback(len: usize) -> (Vec<u8>, Vec<u8>) {
    let (issuer, signature) = ([0; 20], "00".repeat(65));
    let start = format!(
        r#"{{"contract_id":{{"issuer":[26,{issuer:?}],"name":"miners"}},"modified_slots":[
        {{"slot_id":0,"slot_version":1,"sig":"{signature}","data":""#
    );
    let end = r#""}]}"#;
    let data = pattern((len - start.len() - end.len()) / 2);
    let mut body = format!("{start}{}{end}", hex::encode(&data)).into_bytes();
    body.resize(len, b' ');
    (body, data)
}

#[tokio::test]
async fn callbacks_of_every_size_reach_the_signer_whole() {
    let bridge = Bridge::to(vec![]).await;
    for len in [MIB - 1, MIB, MIB + 1, 32 * MIB] {
        let (body, data) = chunk_callback(len);
        assert_eq!(body.len(), len);
        assert_eq!(bridge.post("/stackerdb_chunks", &body).await, 200);
        let callback = bridge.heard().await;
        let Callback::StackerDbChunks(chunks) = callback else { panic!("{callback:?}") };
        assert!(chunks.modified_slots[0].data == data, "{len}");
    }
    assert_eq!(bridge.post("/new_block", b"").await, 200);
    assert_eq!(bridge.endpoint.queue.stats().received, 5);
}

#[tokio::test]
async fn questions_and_answers_of_every_size_pass_whole() {
    let bridge = Bridge::to(SIZES.map(|len| answer("200 OK", &pattern(len))).to_vec()).await;
    for len in SIZES {
        let (status, body) = bridge.ask("POST /v3/block_proposal", &pattern(len)).await;
        assert_eq!(status, 200);
        assert!(body == pattern(len), "{len}");
        let asked = bridge.node.asked().pop().unwrap();
        assert!(asked.body == pattern(len), "{len}");
        // Without a length a node reads no body; it cannot read a chunked one.
        let length = (len > 0).then(|| len.to_string());
        assert_eq!(asked.header("content-length"), length.as_deref());
        assert_eq!(asked.header("transfer-encoding"), None);
    }
}

#[tokio::test]
async fn an_answer_in_pieces_passes_whole() {
    let head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    let pieces = [head.as_slice(), b"5\r\n{\"bal\r\n", b"0\r\n\r\n"].concat();
    let bridge = Bridge::to(vec![pieces]).await;
    let mut stream = bridge.signer.connect(bridge.rpc.parse().unwrap()).await.unwrap();
    stream
        .write_all(b"GET /v2/info HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        .await
        .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(answer.contains("5\r\n{\"bal\r\n0\r\n\r\n"), "{answer}");
}

#[tokio::test]
async fn a_signer_asks_through_the_link_and_keeps_its_connection() {
    let account = br#"{"balance":"0x01","locked":"0x00","unlock_height":0,"nonce":7}"#;
    let refusal = answer("401 Unauthorized", b"wrong password");
    let bridge = Bridge::to(vec![answer("200 OK", account), refusal]).await;
    let client = bridge.client();
    let address = "ST25Y5XP2ADW1HCFCF8T0DEFFJKD7R0YXQKVC3R1W".parse().unwrap();
    assert_eq!(client.account(&address).await.unwrap().nonce, 7);
    let error = client.account(&address).await.unwrap_err();
    assert!(matches!(error, NodeError::Refused { status: 401, .. }), "{error}");
    let asked = bridge.node.asked();
    assert_eq!(asked.iter().map(|asked| asked.connection).collect::<Vec<_>>(), [0, 1]);
    assert_eq!(
        asked[0].head[0],
        "GET /v2/accounts/ST25Y5XP2ADW1HCFCF8T0DEFFJKD7R0YXQKVC3R1W?proof=0 HTTP/1.1"
    );
    assert_eq!(asked[0].header("host"), Some(bridge.node.host()));
    assert_eq!(asked[0].header("connection"), None);
}

/// What the node says is no answer to any of them, and that is all the same here.
#[tokio::test]
async fn every_question_of_a_signer_passes() {
    let bridge = Bridge::to(vec![answer("404 Not Found", b""); 16]).await;
    let client = bridge.client();
    let (tenure, cycle) = (ConsensusHash::new([1; 20]), RewardCycle::new(3));
    let address: StacksAddress = "ST25Y5XP2ADW1HCFCF8T0DEFFJKD7R0YXQKVC3R1W".parse().unwrap();
    let contract = format!("{address}.some-db").parse().unwrap();
    let (miners, slot) = (StackerDb::Miners, SlotId::new(4));
    let chunk = Chunk {
        slot_id: slot,
        slot_version: SlotVersion::new(1),
        signature: MessageSignature::from_bytes([0; 65]).unwrap(),
        data: vec![1],
    };
    let _ = client.info().await;
    let _ = client.pox().await;
    let _ = client.stacker_set(cycle).await;
    let _ = client.latest_and_last().await;
    let _ = client.sortition_by_burn_block(BurnBlockHash::new([2; 32])).await;
    let _ = client.sortition_by_consensus(tenure).await;
    let _ = client.tenure_tip(tenure).await;
    let _ = client.fork_info(tenure, tenure).await;
    let _ = client.account(&address).await;
    let _ = client.last_set_cycle().await;
    let _ = client.signer_slots(cycle).await;
    let _ = client.sbtc_aggregate_key(&address).await;
    let _ = client.put_chunk(miners, &chunk).await;
    let _ = client.latest_chunk_data(miners, slot).await;
    let _ = client.slot_metadata(miners).await;
    let _ = client.contract_chunk_data(&contract, slot, Some(SlotVersion::new(7))).await;
    let asked = bridge.node.asked();
    let targets: Vec<_> = asked.iter().map(|asked| asked.head[0].as_str()).collect();
    assert_eq!(targets.len(), 16, "{targets:#?}");
}

#[tokio::test]
async fn the_password_reaches_the_node_and_odd_headers_do_not() {
    let bridge = Bridge::to(vec![answer("202 Accepted", b"{}")]).await;
    let stream = bridge.signer.connect(bridge.rpc.parse().unwrap()).await.unwrap();
    let head = "POST /v3/block_proposal HTTP/1.1\r\nHost: x\r\nauthorization: 12345\r\n\
                Content-Type: application/json\r\nX-Odd: 1\r\nTE: trailers\r\nContent-Length: 2\r\n\r\n";
    assert_eq!(send(stream, head, b"{}").await.0, 202);
    let asked = &bridge.node.asked()[0];
    assert_eq!(asked.header("authorization"), Some("12345"));
    assert_eq!(asked.header("content-type"), Some("application/json"));
    assert_eq!((asked.header("x-odd"), asked.header("te")), (None, None));
}

#[tokio::test]
async fn nothing_shuts_anything_down() {
    let bridge = Bridge::to(vec![answer("200 OK", b"{}")]).await;
    for _ in 0..3 {
        assert_eq!(bridge.post("/shutdown", b"").await, 403);
        assert_eq!(bridge.ask("POST /shutdown", b"").await.0, 403);
    }
    assert_eq!(bridge.endpoint.queue.stats().dropped(DropReason::UnknownPath), 0);
    assert!(bridge.node.asked().is_empty());
    // Both directions still work.
    let (body, _) = chunk_callback(1000);
    assert_eq!(bridge.post("/stackerdb_chunks", &body).await, 200);
    assert_eq!(bridge.ask("GET /v2/info", b"").await.0, 200);
    assert!(matches!(bridge.heard().await, Callback::StackerDbChunks(_)));
}

#[tokio::test]
async fn what_other_observers_want_is_taken_and_goes_no_further() {
    let bridge = Bridge::to(vec![]).await;
    for path in ["/mined_nakamoto_block", "/what_a_later_node_posts"] {
        assert_eq!(bridge.post(path, &pattern(2 * MIB)).await, 200);
    }
    let stats = bridge.endpoint.queue.stats();
    assert_eq!((stats.received, stats.dropped.len()), (0, 0));
}

#[tokio::test]
async fn what_may_not_pass_is_refused() {
    let bridge = Bridge::to(vec![]).await;
    for request in ["POST /v2/transactions", "GET /v2/neighbors", "POST /new_block"] {
        assert_eq!(bridge.ask(request, b"").await.0, 403, "{request}");
    }
    let stream = bridge.signer.connect(bridge.rpc.parse().unwrap()).await.unwrap();
    let head = format!(
        "POST /v3/block_proposal HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n",
        65 * MIB
    );
    assert_eq!(send(stream, &head, b"").await.0, 413);
    let stream = bridge.signer.connect(bridge.rpc.parse().unwrap()).await.unwrap();
    let head = "POST /v3/block_proposal HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
    assert_eq!(send(stream, head, b"0\r\n\r\n").await.0, 411);
    assert!(bridge.node.asked().is_empty());
}

#[tokio::test]
async fn a_callback_that_the_signer_does_not_take_is_not_acknowledged() {
    let (signer, link) = (Party::new(), Party::new());
    // Nobody listens there, or somebody who is not the signer.
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let stranger = Endpoint::start(ListenerLimits::default()).await;
    for to in [nobody.to_string(), stranger.address.to_string()] {
        let (events, rpc, stop) = start(&link, &signer, [&to, &nobody.to_string()], "").await;
        let stream = TcpStream::connect(&events).await.unwrap();
        assert_eq!(send(stream, &head("/new_block", 2), b"{}").await.0, 502, "{to}");
        let stream = signer.connect(rpc.parse().unwrap()).await.unwrap();
        assert_eq!(send(stream, "GET /v2/info HTTP/1.1\r\nHost: x\r\n\r\n", b"").await.0, 502);
        stop.cancel();
    }
    assert_eq!(stranger.queue.stats().received, 0);
}

#[tokio::test]
async fn an_exchange_must_end_in_time() {
    let silence = |answer: &[u8]| vec![Turn { answer: answer.to_vec(), then: Then::KeepOpen }];
    let half = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n{";
    let bridge = Bridge::with(vec![silence(b""), silence(half)], "timeout_secs = 1").await;
    assert_eq!(bridge.ask("GET /v2/info", b"").await.0, 504);
    let mut stream = bridge.signer.connect(bridge.rpc.parse().unwrap()).await.unwrap();
    stream.write_all(b"GET /v2/info HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    let mut answer = Vec::new();
    // It breaks off, without the end of TLS that would make it look whole.
    let ended = timeout(Duration::from_secs(20), stream.read_to_end(&mut answer)).await;
    ended.expect("it ends after its deadline").unwrap_err();
    assert!(answer.ends_with(b"\r\n\r\n{"), "{}", String::from_utf8_lossy(&answer));
}

#[tokio::test]
async fn a_stranger_cannot_ask_the_node() {
    let bridge = Bridge::to(vec![answer("200 OK", b"{}")]).await;
    let mut stream = Party::new().connect(bridge.rpc.parse().unwrap()).await.unwrap();
    let _ = stream.write_all(b"GET /v2/info HTTP/1.1\r\nHost: x\r\n\r\n").await;
    assert!(stream.read_u8().await.is_err());
    let mut stream = TcpStream::connect(&bridge.rpc).await.unwrap();
    let _ = stream.write_all(b"GET /v2/info HTTP/1.1\r\nHost: x\r\n\r\n").await;
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    assert!(!answer.starts_with(b"HTTP") && bridge.node.asked().is_empty());
}

#[tokio::test]
async fn a_link_that_everybody_could_post_to_does_not_start() {
    let (signer, link) = (Party::new(), Party::new());
    let text = |listen: &str, peers: &str| {
        format!(
            "certificate = \"{}\"\nkey = \"{}\"\npeers = [\"{}\"]\n\
             [events]\nlisten = \"{listen}\"\nto = \"127.0.0.1:9\"\n{peers}\n\
             [rpc]\nlisten = \"127.0.0.1:0\"\nto = \"127.0.0.1:9\"\n",
            link.certificate().display(),
            link.key().display(),
            signer.pin
        )
    };
    let bind = async |text: String| Link::bind(&LinkConfig::parse(&text).unwrap()).await;
    let error = bind(text("0.0.0.0:0", "")).await.unwrap_err();
    assert!(matches!(error, LinkError::Exposed { .. }), "{error}");
    assert!(error.to_string().contains("events.allowed_peers"), "{error}");
    bind(text("0.0.0.0:0", "allowed_peers = [\"127.0.0.1\"]")).await.unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").await.unwrap().into_std().unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let error = bind(text(&address, "")).await.unwrap_err();
    assert!(
        error.to_string().starts_with(&format!("`events.listen` = {address} cannot")),
        "{error}"
    );
}
