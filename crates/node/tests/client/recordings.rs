//! Every endpoint against what a real node answered: the four recordings of regtest networks of a
//! real stacks-node 4.0.2 in `vectors/recordings`.
use std::collections::HashSet;

use countersign_node::{AuthPassword, NodeClient, NodeError, StackerDb, ValidationSubmission};
use countersign_wire::stackerdb::{Chunk, SignersContract};
use countersign_wire::{ChainId, NakamotoBlock, RewardCycle, SlotId, Wire};
use serde_json::Value;

use crate::scripted_node::{Asked, ScriptedNode, answer};

const RECORDINGS: [&str; 4] = [
    "miner_gather_signatures",
    "mock_sign_epoch_25",
    "problematic_txs",
    "tenure_extend_after_idle_signers",
];

/// One question of a real signer or miner and the node's answer.
struct Example {
    target: String,
    request_headers: Value,
    request_body: Value,
    status: String,
    response_headers: Value,
    response_body: Value,
}

impl Example {
    /// The examples whose name in the recordings is `name`, such as `GET /v2/info 200`.
    fn all(name: &str) -> Vec<Self> {
        let read = |recording| {
            let path = format!(
                "{}/../../vectors/recordings/{recording}.rpc.json",
                env!("CARGO_MANIFEST_DIR")
            );
            let text = std::fs::read_to_string(&path).unwrap();
            let mut recording: Value = serde_json::from_str(&text).unwrap();
            recording["examples"][name].take()
        };
        RECORDINGS.iter().flat_map(|recording| examples(&read(recording))).collect()
    }

    fn segment(&self, index: usize) -> &str {
        self.target.split(['/', '?']).nth(index).unwrap()
    }

    /// The answer with the headers that the node gave.
    fn answer(&self) -> Vec<u8> {
        let body = match &self.response_body {
            Value::String(text) => text.clone().into_bytes(),
            json => serde_json::to_vec(json).unwrap(),
        };
        let mut head = self.status.clone() + "\r\n";
        for (name, value) in self.response_headers.as_object().unwrap() {
            if name != "content-length" {
                head.extend([name, ": ", value.as_str().unwrap(), "\r\n"]);
            }
        }
        head.extend(["content-length: ", &body.len().to_string(), "\r\n\r\n"]);
        [head.into_bytes(), body].concat()
    }

    /// Lets `ask` ask a node that answers as recorded, and compares what was asked.
    async fn play<T>(&self, ask: impl AsyncFnOnce(NodeClient) -> T) -> T {
        let node = ScriptedNode::answering([self.answer()]).await;
        let value = ask(node.client()).await;
        let asked = node.asked();
        assert_eq!(asked.len(), 1);
        self.assert_asked_alike(&asked[0]);
        value
    }

    fn assert_asked_alike(&self, asked: &Asked) {
        let method = asked.head[0].split(' ').next().unwrap();
        assert_eq!(asked.head[0], format!("{method} {} HTTP/1.1", self.target));
        for name in ["content-type", "authorization"] {
            assert_eq!(asked.header(name), self.request_headers[name].as_str(), "{name}");
        }
        assert!(asked.header("host").is_some() && asked.header("transfer-encoding").is_none());
        assert!(asked.head.iter().map(|line| line.len() + 2).sum::<usize>() < 4096);
        match &self.request_body {
            Value::Null => assert_eq!(asked.body, b""),
            Value::String(octets) => assert_eq!(hex::encode(&asked.body), *octets),
            json => {
                let mut ours: Value = serde_json::from_slice(&asked.body).unwrap();
                if ours.get("sender").is_some() {
                    // Anybody may call; the recorded signers call in their own name.
                    ours["sender"] = json["sender"].clone();
                }
                assert_eq!(ours, *json);
            }
        }
    }
}

fn examples(list: &Value) -> Vec<Example> {
    let examples = list.as_array().map(Vec::as_slice).unwrap_or_default().iter();
    examples
        .map(|example| Example {
            target: example["request"].as_str().unwrap().split(' ').nth(1).unwrap().to_owned(),
            request_headers: example["request_headers"].clone(),
            request_body: example["request_body"].clone(),
            status: example["status"].as_str().unwrap().to_owned(),
            response_headers: example["response_headers"].clone(),
            response_body: example["response_body"].clone(),
        })
        .collect()
}

/// `Example::all`, which must find at least `least`.
fn at_least(least: usize, name: &str) -> Vec<Example> {
    let examples = Example::all(name);
    assert!(examples.len() >= least, "{} examples of {name}", examples.len());
    examples
}

#[tokio::test]
async fn info_is_read() {
    for example in at_least(12, "GET /v2/info 200") {
        let info = example.play(async |node| node.info().await).await.unwrap();
        assert_eq!(info.network_id, ChainId::TESTNET);
        assert_eq!(
            Some(info.stacks_tip_height.get()),
            example.response_body["stacks_tip_height"].as_u64()
        );
        assert!(info.server_version.starts_with("stacks-node 4.0.2"));
        let burn_height = example.response_body["burn_block_height"].as_u64();
        assert_eq!(Some(info.burn_block_height.get()), burn_height);
    }
}

#[tokio::test]
async fn pox_is_read() {
    for example in at_least(8, "GET /v2/pox 200") {
        let pox = example.play(async |node| node.pox().await).await.unwrap();
        assert_eq!(pox.cycle_length(), 20);
        assert_eq!(pox.cycle_of(pox.current_burnchain_block_height).get(), pox.reward_cycle_id);
    }
}

#[tokio::test]
async fn a_node_that_has_no_tip_yet_may_be_asked_again() {
    let no_tip = at_least(4, "GET /v2/pox 404").into_iter().chain(at_least(4, "GET /v2/pox 500"));
    for example in no_tip {
        let error = example.play(async |node| node.pox().await).await.unwrap_err();
        assert!(error.is_transient(), "{error}");
        let text = example.response_body.as_str().unwrap();
        assert!(error.to_string().ends_with(text), "{error}");
    }
}

#[tokio::test]
async fn a_stacker_set_is_read_and_its_absence_is_told() {
    let cycle = |example: &Example| RewardCycle::new(example.segment(3).parse().unwrap());
    for example in at_least(4, "GET /v3/stacker_set/{cycle} 200") {
        let set = example.play(async |node| node.stacker_set(cycle(&example)).await).await;
        assert_eq!(set.unwrap().unwrap().signers.unwrap().len(), 5);
    }
    for example in at_least(12, "GET /v3/stacker_set/{cycle} 400") {
        let set = example.play(async |node| node.stacker_set(cycle(&example)).await).await;
        match example.response_body["err_type"].as_str() {
            Some("not_available_try_again") => assert_eq!(set.unwrap(), None),
            _ => assert!(matches!(set, Err(NodeError::Refused { status: 400, .. }))),
        }
    }
}

#[tokio::test]
async fn sortitions_are_read() {
    for example in at_least(12, "GET /v3/sortitions/latest_and_last 200") {
        let both = example.play(async |node| node.latest_and_last().await).await.unwrap();
        let named = both.latest.last_sortition_ch.unwrap();
        assert_eq!(both.last.unwrap().consensus_hash, named);
        assert!(both.latest.winner().is_some());
    }
    for example in at_least(2, "GET /v3/sortitions/consensus/{hash} 200") {
        let hash = example.segment(4).parse().unwrap();
        let sortition = example.play(async |node| node.sortition_by_consensus(hash).await).await;
        assert_eq!(sortition.unwrap().unwrap().consensus_hash, hash);
    }
}

#[tokio::test]
async fn a_sortition_is_found_by_its_burn_block() {
    let recorded = &at_least(2, "GET /v3/sortitions/consensus/{hash} 200")[0];
    let hash = recorded.response_body[0]["burn_block_hash"].as_str().unwrap();
    let node = ScriptedNode::answering([recorded.answer()]).await;
    let sortition = node.client().sortition_by_burn_block(hash.parse().unwrap()).await.unwrap();
    assert_eq!(format!("0x{}", sortition.unwrap().burn_block_hash), hash);
    let bare = hash.trim_start_matches("0x");
    assert_eq!(node.asked()[0].head[0], format!("GET /v3/sortitions/burn/{bare} HTTP/1.1"));
}

#[tokio::test]
async fn what_is_not_on_the_fork_is_nothing() {
    let gone = || answer("404 Not Found", b"Not found");
    let node = ScriptedNode::answering([gone(), gone(), gone()]).await;
    let client = node.client();
    let (burn_block, tenure) = ([7; 32], [7; 20]);
    let (burn_block, tenure) = (
        countersign_wire::BurnBlockHash::new(burn_block),
        countersign_wire::ConsensusHash::new(tenure),
    );
    assert_eq!(client.sortition_by_burn_block(burn_block).await.unwrap(), None);
    assert_eq!(client.sortition_by_consensus(tenure).await.unwrap(), None);
    assert_eq!(client.tenure_tip(tenure).await.unwrap(), None);
}

#[tokio::test]
async fn tenure_tips_of_epoch_2_have_no_sighash() {
    for example in at_least(12, "GET /v3/tenures/tip_metadata/{hash} 200") {
        let tenure = example.segment(4).parse().unwrap();
        let tip = example.play(async |node| node.tenure_tip(tenure).await).await.unwrap().unwrap();
        let work = &example.response_body["anchored_header"]["Epoch2"]["total_work"]["work"];
        assert_eq!(Some(tip.height.get()), work.as_u64());
        assert_eq!(tip.sighash, None);
    }
}

/// The sequence of `problematic_txs` crosses from headers of version 0 to version 1.
#[tokio::test]
async fn tenure_tips_of_both_header_versions_have_the_hashes_that_the_chain_knows() {
    let path =
        format!("{}/../../vectors/recordings/problematic_txs.jsonl", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(path).unwrap();
    let adopted: HashSet<String> = text
        .lines()
        .filter_map(|line| line.split_once(r#""index_block_hash":"0x"#))
        .map(|(_, rest)| rest[..64].to_owned())
        .collect();
    let mut known = [0, 0];
    for line in text.lines().filter(|line| line.contains("/v3/tenures/tip_metadata/")) {
        let line: Value = serde_json::from_str(line).unwrap();
        let Some(version) = line["response"]["anchored_header"]["Nakamoto"]["version"].as_u64()
        else {
            continue;
        };
        let body = serde_json::to_vec(&line["response"]).unwrap();
        let node = ScriptedNode::answering([answer("200 OK", &body)]).await;
        let tenure = line["path"].as_str().unwrap().rsplit('/').next().unwrap().parse().unwrap();
        let tip = node.client().tenure_tip(tenure).await.unwrap().unwrap();
        let version = usize::from(version != 0);
        known[version] += usize::from(adopted.contains(&tip.block_id.to_string()));
        assert!(tip.sighash.is_some() && tip.burn_view.is_some());
    }
    assert!(known[0] > 10 && known[1] > 1, "{known:?}");
}

#[tokio::test]
async fn tenures_between_two_are_read() {
    for example in at_least(2, "GET /v3/tenures/fork_info/{hash}/{hash} 200") {
        let (start, stop) =
            (example.segment(4).parse().unwrap(), example.segment(5).parse().unwrap());
        let tenures = example.play(async |node| node.fork_info(start, stop).await).await.unwrap();
        assert_eq!(tenures.first().unwrap().consensus_hash, stop);
        assert_eq!(tenures.last().unwrap().consensus_hash, start);
    }
}

#[tokio::test]
async fn an_account_is_read() {
    for example in at_least(4, "GET /v2/accounts/{addr} 200") {
        let address = example.segment(3).parse().unwrap();
        let account = example.play(async |node| node.account(&address).await).await.unwrap();
        assert_eq!(Some(account.nonce), example.response_body["nonce"].as_u64());
    }
}

#[tokio::test]
async fn the_signers_contract_is_read() {
    let call = "POST /v2/contracts/call-read/{addr}/signers";
    for example in at_least(4, &format!("{call}/get-last-set-cycle 200")) {
        let cycle = example.play(async |node| node.last_set_cycle().await).await.unwrap();
        assert!(cycle >= RewardCycle::new(11), "{cycle}");
    }
    for example in at_least(4, &format!("{call}/stackerdb-get-signer-slots-page 200")) {
        let argument = example.request_body["arguments"][0].as_str().unwrap();
        let cycle = RewardCycle::new(if argument.ends_with('1') { 11 } else { 12 });
        let slots = example.play(async |node| node.signer_slots(cycle).await).await.unwrap();
        assert_eq!(slots.len(), 5);
    }
}

#[tokio::test]
async fn blocks_are_handed_over_for_validation() {
    let block = |example: &Example| {
        let hex = example.request_body["block"].as_str().unwrap();
        NakamotoBlock::from_bytes(&hex::decode(hex).unwrap()).unwrap()
    };
    let validate = async |example: &Example| {
        let block = block(example);
        example.play(async |node| node.validate_block(&block, ChainId::TESTNET, &[]).await).await
    };
    for example in at_least(3, "POST /v3/block_proposal 202") {
        assert_eq!(validate(&example).await.unwrap(), ValidationSubmission::Accepted);
    }
    for example in at_least(3, "POST /v3/block_proposal 429") {
        assert_eq!(validate(&example).await.unwrap(), ValidationSubmission::Busy);
    }
    let mut example = at_least(3, "POST /v3/block_proposal 429").remove(0);
    example.status = "HTTP/1.1 401 Unauthorized".to_owned();
    let refused = validate(&example).await.unwrap();
    assert!(
        matches!(refused, ValidationSubmission::Refused { status: 401, text } if text.contains("evaluated"))
    );
}

#[tokio::test]
async fn a_page_instead_of_an_acceptance_is_a_refusal() {
    let mut example = at_least(3, "POST /v3/block_proposal 202").remove(0);
    let hex = example.request_body["block"].as_str().unwrap();
    let block = NakamotoBlock::from_bytes(&hex::decode(hex).unwrap()).unwrap();
    // No verdict follows, and whoever waited for it would ask for no other one for two minutes.
    example.status = "HTTP/1.1 200 OK".to_owned();
    let answer =
        example.play(async |node| node.validate_block(&block, ChainId::TESTNET, &[]).await);
    let answer = answer.await.unwrap();
    assert!(matches!(answer, ValidationSubmission::Refused { status: 200, .. }), "{answer:?}");
}

#[tokio::test]
async fn a_client_and_its_clones_take_another_password() {
    let example = at_least(3, "POST /v3/block_proposal 202").remove(0);
    let hex = example.request_body["block"].as_str().unwrap();
    let block = NakamotoBlock::from_bytes(&hex::decode(hex).unwrap()).unwrap();
    let accepted = || answer("202 Accepted", b"{}");
    let node = ScriptedNode::answering([accepted(), accepted()]).await;
    let client = node.client();
    let clone = client.clone();
    clone.validate_block(&block, ChainId::TESTNET, &[]).await.unwrap();
    client.set_password(&AuthPassword::new("staple")).unwrap();
    client.set_password(&AuthPassword::new("no\nheader")).unwrap_err();
    clone.validate_block(&block, ChainId::TESTNET, &[]).await.unwrap();
    let sent: Vec<_> = node
        .asked()
        .iter()
        .map(|asked| asked.header("authorization").unwrap().to_owned())
        .collect();
    assert_eq!(sent, ["12345", "staple"]);
}

#[tokio::test]
async fn blocks_are_uploaded_as_octets() {
    for example in at_least(8, "POST /v3/blocks/upload/?broadcast=1 200") {
        let octets = hex::decode(example.request_body.as_str().unwrap()).unwrap();
        let block = NakamotoBlock::from_bytes(&octets).unwrap();
        let response = example.play(async |node| node.upload_block(&block).await).await.unwrap();
        assert_eq!(response.stacks_block_id, block.header.block_id());
    }
}

#[tokio::test]
async fn chunks_are_written_and_the_answer_of_the_write_rule_is_read() {
    let (mut accepted, mut refused) = (0, 0);
    for contract in ["miners", "signers-0-1", "signers-0-3", "signers-1-1", "signers-1-2"] {
        for example in at_least(1, &format!("POST /v2/stackerdb/{{addr}}/{contract}/chunks 200")) {
            let db = SignersContract::parse(contract).map_or(StackerDb::Miners, StackerDb::Signers);
            let chunk: Chunk = serde_json::from_value(example.request_body.clone()).unwrap();
            let ack = example.play(async |node| node.put_chunk(db, &chunk).await).await.unwrap();
            assert_eq!(Some(ack.accepted), example.response_body["accepted"].as_bool());
            *(if ack.accepted { &mut accepted } else { &mut refused }) += 1;
        }
    }
    assert!(accepted > 20 && refused > 0, "{accepted} accepted, {refused} refused");
}

#[tokio::test]
async fn a_slot_that_was_never_written_holds_nothing() {
    let db = StackerDb::Signers(SignersContract::parse("signers-1-2").unwrap());
    for example in at_least(10, "GET /v2/stackerdb/{addr}/signers-1-2/4 200") {
        let read = async |node: NodeClient| node.latest_chunk_data(db, SlotId::new(4)).await;
        let expected = example.response_body.as_str().unwrap();
        let data = example.play(read).await.unwrap();
        assert_eq!(data.is_none(), expected.is_empty());
    }
}

#[tokio::test]
async fn slots_are_listed_and_read() {
    let chunk = &at_least(1, "POST /v2/stackerdb/{addr}/signers-0-3/chunks 200")[0];
    let chunk: Chunk = serde_json::from_value(chunk.request_body.clone()).unwrap();
    let list = serde_json::to_vec(&[chunk.metadata()]).unwrap();
    let gone = || answer("404 Not Found", b"No such contract");
    let node = ScriptedNode::answering([
        answer("200 OK", &list),
        answer("200 OK", &chunk.data),
        gone(),
        gone(),
        gone(),
    ])
    .await;
    let (client, db) = (node.client(), StackerDb::Miners);
    assert_eq!(client.slot_metadata(db).await.unwrap(), vec![chunk.metadata()]);
    let data = client.latest_chunk_data(db, chunk.slot_id).await.unwrap();
    assert_eq!(data, Some(chunk.data.clone()));
    assert_eq!(client.latest_chunk_data(db, chunk.slot_id).await.unwrap(), None);
    for missing in [
        client.slot_metadata(db).await.unwrap_err(),
        client.put_chunk(db, &chunk).await.unwrap_err(),
    ] {
        assert!(matches!(&missing, NodeError::NotReplicated { contract } if contract == "miners"));
    }
    let boot = "ST000000000000000000002AMW42H";
    assert_eq!(node.asked()[0].head[0], format!("GET /v2/stackerdb/{boot}/miners HTTP/1.1"));
}
