//! The façade's answers, and its rules for StackerDB, authorization and validation.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod support;

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use countersign_devnet::chain::Winner;
use countersign_devnet::{Devnet, DevnetConfig, Seed, SignerKind, Validation, View, Weights};
use countersign_wire::message::{SignerMessage, ValidateCode};
use countersign_wire::stackerdb::Chunk;
use countersign_wire::{PrivateKey, Sighash, SlotId, SlotVersion, UnixSeconds, Weight, Wire as _};
use serde_json::{Value, json};
use support::http::{self, Answer, get, post_json};
use tokio::net::TcpListener;

const BOOT: &str = "ST000000000000000000002AMW42H";

struct Network {
    devnet: Devnet,
    config: DevnetConfig,
    node: SocketAddr,
}

impl Network {
    /// Three signers that nobody plays, and a chain that stands still.
    async fn start() -> Self {
        let config = DevnetConfig {
            is_mining: false,
            weights: Weights::Fixed(vec![Weight::new(1); 3]),
            cycle_length: 10,
            prepare_length: 4,
            validation_delay: Duration::from_millis(1),
            ..DevnetConfig::new(vec![SignerKind::External; 3], Seed::from_text("facade"))
        };
        let devnet = Devnet::start(config.clone()).await.unwrap();
        let node = devnet.place(0).unwrap().node.parse().unwrap();
        Self { devnet, config, node }
    }

    async fn get(&self, path: &str) -> Answer {
        get(self.node, path).await
    }

    fn miner(&self) -> PrivateKey {
        self.config.seed.key("miner", 0)
    }

    /// Mines a burn block that the first miner wins, and gives its first block with one
    /// transaction spoiled or not.
    async fn proposal(&self) -> Value {
        let miner = self.miner();
        let winner = Winner::honest(miner.public_key().hash160());
        self.devnet.mine_burn_block(Some(winner)).await.unwrap();
        let chain = self.devnet.chain().await.unwrap();
        let tenure = chain.burn_tip().consensus_hash;
        let at = UnixSeconds::new(chain.stacks_tip().header.timestamp.get() + 70);
        let block = chain.build_tenure_start(&miner, &tenure, at, Vec::new()).unwrap();
        json!({
            "block": hex::encode(block.to_bytes()),
            "chain_id": 0x8000_0000_u32,
            "replay_txs": null,
        })
    }

    async fn propose(&self, proposal: &Value, password: &str) -> Answer {
        let headers = [("Content-Type", "application/json"), ("authorization", password)];
        let body = proposal.to_string();
        http::send(self.node, "POST", "/v3/block_proposal", &headers, body.as_bytes()).await
    }

    /// Listens as signer 0 until a verdict comes.
    async fn verdict(&self) -> Value {
        let endpoint: SocketAddr = self.devnet.place(0).unwrap().endpoint.parse().unwrap();
        let listener = TcpListener::bind(endpoint).await.unwrap();
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let Some((head, body)) = http::read_request(&mut stream).await else { continue };
            let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
            tokio::io::AsyncWriteExt::write_all(&mut stream, answer).await.unwrap();
            if head.starts_with("POST /proposal_response ") {
                return serde_json::from_slice(&body).unwrap();
            }
        }
    }
}

/// An answer of a real node (a regtest network of a stacks-node 4.0.2).
fn recorded(endpoint: &str) -> Value {
    ["problematic_txs.rpc.json", "miner_gather_signatures.rpc.json"]
        .into_iter()
        .find_map(|name| {
            let recording: Value = serde_json::from_str(&recording(name)).unwrap();
            let examples = recording["examples"][endpoint].as_array()?;
            Some(examples.last()?["response_body"].clone())
        })
        .expect(endpoint)
}

/// The same for the tip of a tenure of epoch 3, of which the file of examples has none.
fn recorded_tip() -> Value {
    let answers = recording("problematic_txs.jsonl");
    let mut answers = answers.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let answer = answers.find(|line| line["response"]["anchored_header"]["Nakamoto"].is_object());
    answer.unwrap()["response"].clone()
}

fn recording(name: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../vectors/recordings");
    std::fs::read_to_string(folder.join(name)).unwrap()
}

/// Every key of `real`, with the kind of its value, is in `ours`; lists are compared by their first
/// elements.
fn assert_complete(real: &Value, ours: &Value, at: &str) {
    match (real, ours) {
        (Value::Object(real), Value::Object(ours)) => {
            let names = |object: &serde_json::Map<String, Value>| -> BTreeSet<String> {
                object.keys().cloned().collect()
            };
            assert_eq!(names(real), names(ours), "at {at}");
            for (key, value) in real {
                assert_complete(value, &ours[key], &format!("{at}.{key}"));
            }
        }
        (Value::Array(real), Value::Array(ours)) => {
            if let (Some(real), Some(ours)) = (real.first(), ours.first()) {
                assert_complete(real, ours, &format!("{at}[0]"));
            }
        }
        (Value::Null, _) | (_, Value::Null) => {}
        (real, ours) => assert_eq!(
            std::mem::discriminant(real),
            std::mem::discriminant(ours),
            "at {at}: {real} and {ours}"
        ),
    }
}

#[tokio::test]
async fn answers_have_every_key_that_a_real_nodes_answers_have() {
    let network = Network::start().await;
    let chain = network.devnet.chain().await.unwrap();
    let tenure = chain.stacks_tip().header.consensus_hash;
    let below = chain.latest_winner().unwrap().last_winner.unwrap();
    let rows = [
        ("GET /v2/info 200", "/v2/info".to_owned()),
        ("GET /v2/pox 200", "/v2/pox".to_owned()),
        ("GET /v3/stacker_set/{cycle} 200", "/v3/stacker_set/2".to_owned()),
        ("GET /v3/sortitions/latest_and_last 200", "/v3/sortitions/latest_and_last".to_owned()),
        (
            "GET /v3/tenures/fork_info/{hash}/{hash} 200",
            format!("/v3/tenures/fork_info/{below}/{tenure}"),
        ),
        ("GET /v2/accounts/{addr} 200", format!("/v2/accounts/{BOOT}?proof=0")),
    ];
    for (endpoint, path) in rows {
        let answer = network.get(&path).await;
        assert_eq!(answer.status, 200, "{path}");
        assert_eq!(answer.header("server"), Some("stacks/2.0"));
        assert!(answer.header("x-canonical-stacks-tip-height").is_some(), "{path}");
        assert_complete(&recorded(endpoint), &answer.json(), &path);
    }
    let tip = network.get(&format!("/v3/tenures/tip_metadata/{tenure}")).await.json();
    assert_complete(&recorded_tip(), &tip, "tip_metadata");
}

#[tokio::test]
async fn what_the_node_does_not_know_is_refused_as_a_real_node_refuses_it() {
    let network = Network::start().await;
    let unknown = "0".repeat(40);
    let rows = [
        ("/v3/stacker_set/9".to_owned(), 400),
        ("/v3/stacker_set/nine".to_owned(), 400),
        (format!("/v3/tenures/tip_metadata/{unknown}"), 404),
        (format!("/v3/tenures/tip_metadata/0x{unknown}"), 400),
        (format!("/v3/sortitions/consensus/{unknown}"), 404),
        (format!("/v3/sortitions/burn/{}", "0".repeat(64)), 404),
        (format!("/v3/tenures/fork_info/{unknown}/{unknown}"), 404),
        (format!("/v2/stackerdb/{BOOT}/signers-0-9/0"), 404),
        ("/v2/stackerdb/ST000/miners".to_owned(), 404),
        (format!("/v2/stackerdb/{BOOT}/signers-0-1/99"), 404),
        ("/nothing".to_owned(), 404),
    ];
    for (path, status) in rows {
        assert_eq!(network.get(&path).await.status, status, "{path}");
    }
    let refusal = network.get("/v3/stacker_set/9").await.json();
    assert_eq!(refusal["err_type"], "not_available_try_again");
}

#[tokio::test]
async fn read_only_calls_give_clarity_values() {
    let network = Network::start().await;
    let call = |function: &str, arguments: Value| {
        let path = format!("/v2/contracts/call-read/{BOOT}/signers/{function}");
        let body = json!({ "sender": BOOT, "arguments": arguments });
        async move { post_json(network.node, &path, &body).await.json() }
    };
    let last = call("get-last-set-cycle", json!([])).await;
    assert_eq!(last["result"], "0x070100000000000000000000000000000002");
    let slots = call("stackerdb-get-signer-slots-page", json!([format!("01{}", "0".repeat(32))]));
    let slots = slots.await;
    assert_eq!(slots["okay"], true);
    let result = slots["result"].as_str().unwrap().to_owned();
    assert!(result.starts_with("0x070b000000030c00000002096e756d2d736c6f7473"), "{result}");
    let wrong = call("stackerdb-get-signer-slots-page", json!([])).await;
    assert_eq!(wrong["okay"], false);
}

#[tokio::test]
async fn a_slot_takes_only_newer_versions_from_its_owner() {
    let network = Network::start().await;
    let chain = network.devnet.chain().await.unwrap();
    let key = network.config.signer_key(0);
    let set = chain.stacker_set(chain.current_cycle()).unwrap();
    let slot = set.slot_of(&key.public_key()).unwrap();
    let path = format!("/v2/stackerdb/{BOOT}/signers-0-3");
    let data = SignerMessage::BlockPreCommit(Sighash::new([7; 32])).to_bytes();
    let write = |key: &PrivateKey, slot, version| {
        let chunk = Chunk::sign(key, slot, SlotVersion::new(version), data.clone());
        let (node, path) = (network.node, format!("{path}/chunks"));
        async move {
            let answer = post_json(node, &path, &serde_json::to_value(&chunk).unwrap()).await;
            assert_eq!(answer.status, 200);
            answer.json()
        }
    };
    assert_eq!(write(&key, slot, 0).await["code"], 0, "unused slots are at version 0");
    let ack = write(&key, slot, 3).await;
    assert_eq!(ack["accepted"], true);
    assert_eq!(ack["metadata"]["slot_version"], 3);
    let stale = write(&key, slot, 3).await;
    assert_eq!((&stale["accepted"], &stale["code"]), (&json!(false), &json!(0)));
    assert_eq!(stale["metadata"]["slot_version"], 3);
    assert!(stale["reason"].as_str().unwrap().contains("DataAlreadyExists"));
    assert_eq!(write(&network.miner(), slot, 4).await["code"], 2);
    assert_eq!(write(&key, SlotId::new(99), 4).await["code"], 1);

    let read = network.get(&format!("{path}/{}", slot.get())).await;
    assert_eq!(read.body, data);
    assert_eq!(network.get(&format!("{path}/{}/3", slot.get())).await.status, 200);
    assert_eq!(network.get(&format!("{path}/{}/2", slot.get())).await.status, 404);
    let list = network.get(&path).await.json();
    assert_eq!(list.as_array().unwrap().len(), 3);
}

#[tokio::test]
async fn only_who_knows_the_password_has_blocks_validated_and_broadcast() {
    let network = Network::start().await;
    let proposal = network.proposal().await;
    assert_eq!(network.propose(&proposal, "wrong").await.status, 401);
    let octets = [("Content-Type", "application/octet-stream")];
    let upload = |path: &'static str| async {
        http::send(network.node, "POST", path, &octets, b"not a block").await.status
    };
    assert_eq!(upload("/v3/blocks/upload/?broadcast=1").await, 401);
    assert_eq!(upload("/v3/blocks/upload/").await, 400);
}

#[tokio::test]
async fn a_verdict_comes_as_a_callback_and_a_busy_node_says_so() {
    let network = Network::start().await;
    let proposal = network.proposal().await;
    let password = network.config.auth_password();
    let stalled = View { validation: Validation::Stalled, ..View::default() };
    network.devnet.set_view(0, stalled).await.unwrap();
    assert_eq!(network.propose(&proposal, &password).await.status, 202);
    let busy = network.propose(&proposal, &password).await;
    assert_eq!(busy.status, 429);
    assert_eq!(busy.json()["result"], "Error");

    network.devnet.set_view(0, View::default()).await.unwrap();
    while network.propose(&proposal, &password).await.status == 429 {
        tokio::task::yield_now().await;
    }
    let verdict = network.verdict().await;
    assert_eq!(verdict["result"], "Ok", "{verdict}");
    assert_eq!(verdict["replay_tx_exhausted"], false);
}

#[tokio::test]
async fn a_node_can_be_told_to_reject() {
    let network = Network::start().await;
    let proposal = network.proposal().await;
    let validation = Validation::AlwaysReject(ValidateCode::BadTransaction);
    network.devnet.set_view(0, View { validation, ..View::default() }).await.unwrap();
    let answer = network.propose(&proposal, &network.config.auth_password()).await;
    assert_eq!(answer.status, 202);
    assert_eq!(network.verdict().await["reason_code"], "BadTransaction");
}

#[tokio::test]
async fn a_node_that_lags_or_hides_shows_less_than_the_others() {
    let network = Network::start().await;
    let before = network.get("/v2/info").await.json();
    let lagging = View { burn_lag: 1, ..View::default() };
    network.devnet.set_view(0, lagging).await.unwrap();
    network.proposal().await;
    assert_eq!(network.get("/v2/info").await.json(), before);
    let other: SocketAddr = network.devnet.place(1).unwrap().node.parse().unwrap();
    let height = |info: &Value| info["burn_block_height"].as_u64().unwrap();
    assert_eq!(height(&get(other, "/v2/info").await.json()), height(&before) + 1);

    let tenure = network.devnet.chain().await.unwrap().stacks_tip().header.consensus_hash;
    let hidden_tenures = BTreeSet::from([tenure]);
    network.devnet.set_view(0, View { hidden_tenures, ..View::default() }).await.unwrap();
    let path = format!("/v3/tenures/tip_metadata/{tenure}");
    assert_eq!(network.get(&path).await.status, 404);
    assert_eq!(get(other, &path).await.status, 200);
}

#[tokio::test]
async fn a_node_goes_away_and_returns_on_the_same_address() {
    let mut network = Network::start().await;
    network.devnet.stop_node(0).await.unwrap();
    assert!(tokio::net::TcpStream::connect(network.node).await.is_err());
    network.devnet.restart_node(0).await.unwrap();
    assert_eq!(network.get("/v2/info").await.status, 200);
}

#[tokio::test]
async fn requests_that_a_node_refuses_are_refused() {
    let network = Network::start().await;
    let rows = [
        "GET /v2/info HTTP/1.1\r\nConnection: close\r\n\r\n",
        "GET /v2/info HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 1\r\n\r\nx",
        "POST /v3/block_proposal HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "GET /v2/info HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: text/html\r\n\r\n",
    ];
    for request in rows {
        assert_eq!(http::raw(network.node, request.as_bytes()).await.status, 400, "{request}");
    }
}
