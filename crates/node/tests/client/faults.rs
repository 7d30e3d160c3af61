//! The client against nodes that are down, slow, wrong or gone in the middle of a word.
use std::sync::{Arc, Mutex};
use std::time::Duration;

use countersign_node::{
    AuthPassword, ConfigError, Deadlines, NodeClient, NodeConfig, NodeError, StackerDb,
};
use countersign_wire::rpc::AccountResponse;
use countersign_wire::{ConsensusHash, SlotId, StacksAddress};

use crate::scripted_node::{ScriptedNode, Then, Turn, answer, config};

const ACCOUNT: &[u8] = br#"{"balance":"0x01","locked":"0x00","unlock_height":0,"nonce":7}"#;

/// The question that the tests ask.
async fn ask(client: &NodeClient) -> Result<AccountResponse, NodeError> {
    let address: StacksAddress = "ST25Y5XP2ADW1HCFCF8T0DEFFJKD7R0YXQKVC3R1W".parse().unwrap();
    client.account(&address).await
}

/// Asks a node that answers with these bytes and hangs up.
async fn answered(bytes: impl Into<Vec<u8>>) -> Result<AccountResponse, NodeError> {
    ask(&ScriptedNode::answering([bytes.into()]).await.client()).await
}

#[tokio::test]
async fn a_good_answer_is_read() {
    assert_eq!(answered(answer("200 OK", ACCOUNT)).await.unwrap().nonce, 7);
}

#[tokio::test]
async fn an_answer_in_pieces_is_read() {
    let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    let (first, second) = ACCOUNT.split_at(20);
    let body = [b"14\r\n", first, b"\r\n2a\r\n", second, b"\r\n0\r\n\r\n"].concat();
    assert_eq!(answered([head.as_bytes(), &body].concat()).await.unwrap().nonce, 7);
}

#[tokio::test]
async fn a_node_that_is_down_is_unreachable() {
    let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let host = socket.local_addr().unwrap().to_string();
    drop(socket);
    let error = ask(&NodeClient::new(config(&host)).unwrap()).await.unwrap_err();
    assert!(matches!(error, NodeError::Unreachable { .. }), "{error}");
    assert!(error.is_transient());
}

#[tokio::test]
async fn a_node_that_does_not_answer_times_out() {
    let silence = Turn { answer: Vec::new(), then: Then::KeepOpen };
    let node = ScriptedNode::start(vec![vec![silence]]).await;
    let deadlines = Deadlines { call: Duration::from_millis(50), ..Deadlines::default() };
    let client = NodeClient::new(NodeConfig { deadlines, ..config(node.host()) }).unwrap();
    let error = ask(&client).await.unwrap_err();
    assert!(matches!(error, NodeError::TimedOut { after, .. } if after == deadlines.call));
    assert_eq!(error.to_string(), "the node has not answered /v2/accounts/:principal within 50 ms");
    assert!(error.is_transient());
}

#[tokio::test]
async fn a_stackerdb_has_a_deadline_of_its_own() {
    let half = Turn { answer: b"HTTP/1.1 200 OK\r\nContent-L".to_vec(), then: Then::KeepOpen };
    let node = ScriptedNode::start(vec![vec![half]]).await;
    let deadlines = Deadlines { stackerdb: Duration::from_millis(50), ..Deadlines::default() };
    let client = NodeClient::new(NodeConfig { deadlines, ..config(node.host()) }).unwrap();
    let error = client.latest_chunk_data(StackerDb::Miners, SlotId::new(0)).await.unwrap_err();
    assert!(matches!(error, NodeError::TimedOut { after, .. } if after == deadlines.stackerdb));
}

#[tokio::test]
async fn a_failing_node_is_named_with_its_words_on_one_line() {
    let error = answered(answer("500 Internal Server Error", b"Failed:\n\tDB\x1b error")).await;
    let error = error.unwrap_err();
    assert_eq!(
        error.to_string(),
        "the node refuses /v2/accounts/:principal with status 500: Failed: DB error"
    );
    assert!(error.is_transient());
}

#[tokio::test]
async fn a_redirection_is_named_with_where_it_leads_and_no_refusal_ends_in_nothing() {
    let moved =
        b"HTTP/1.1 302 Found\r\nLocation: https://example.org/x\r\nContent-Length: 0\r\n\r\n";
    let error = answered(moved.to_vec()).await.unwrap_err().to_string();
    assert!(error.contains("with status 302: it leads to https://example.org/x"), "{error}");
    let error = answered(answer("403 Forbidden", b"")).await.unwrap_err().to_string();
    assert!(error.ends_with("with status 403: it gives no reason"), "{error}");
}

#[tokio::test]
async fn a_long_refusal_is_still_a_refusal() {
    let error = answered(answer("400 Bad Request", &vec![b'x'; 1 << 20])).await.unwrap_err();
    let NodeError::Refused { status: 400, text, .. } = &error else { panic!("{error}") };
    assert!(text.starts_with("xxx") && text.len() < 1000);
    assert!(!error.is_transient());
}

#[tokio::test]
async fn a_web_page_is_not_understood() {
    let error = answered(answer("200 OK", b"<html><body>Hello</body></html>")).await.unwrap_err();
    assert!(matches!(error, NodeError::Malformed { .. }), "{error}");
    assert!(!error.is_transient());
}

#[tokio::test]
async fn json_of_another_shape_is_not_understood() {
    let error = answered(answer("200 OK", b"{\"balance\":1}")).await.unwrap_err();
    assert!(matches!(error, NodeError::Malformed { .. }), "{error}");
}

#[tokio::test]
async fn what_is_not_http_is_not_understood() {
    let error = answered("SSH-2.0-OpenSSH_9.6\r\n").await.unwrap_err();
    assert!(matches!(error, NodeError::Malformed { .. }), "{error}");
}

#[tokio::test]
async fn half_an_answer_is_an_interruption() {
    let whole = answer("200 OK", ACCOUNT);
    for cut in [0, 10, whole.len() - 30, whole.len() - 1] {
        let error = answered(&whole[..cut]).await.unwrap_err();
        assert!(matches!(error, NodeError::Interrupted { .. }), "{cut}: {error}");
        assert!(error.is_transient());
    }
}

#[tokio::test]
async fn an_answer_that_is_declared_too_long_is_refused_unread() {
    let head = "HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n";
    let turn = Turn { answer: head.into(), then: Then::KeepOpen };
    let node = ScriptedNode::start(vec![vec![turn]]).await;
    let error = ask(&node.client()).await.unwrap_err();
    assert!(matches!(error, NodeError::TooLarge { limit: 65_536, .. }), "{error}");
}

#[tokio::test]
async fn an_answer_that_grows_too_long_is_refused() {
    let mut endless = b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n".to_vec();
    endless.resize(100_000, b' ');
    let error = answered(endless).await.unwrap_err();
    assert!(matches!(error, NodeError::TooLarge { limit: 65_536, .. }), "{error}");
}

#[tokio::test]
async fn a_connection_is_used_again() {
    let turn = || Turn { answer: answer("200 OK", ACCOUNT), then: Then::KeepOpen };
    let node = ScriptedNode::start(vec![vec![turn(), turn(), turn()]]).await;
    let client = node.client();
    for _ in 0..3 {
        ask(&client.clone()).await.unwrap();
    }
    assert_eq!(node.asked().iter().map(|asked| asked.connection).collect::<Vec<_>>(), [0, 0, 0]);
}

#[tokio::test]
async fn calls_at_once_have_connections_of_their_own() {
    let turn = || vec![Turn { answer: answer("200 OK", ACCOUNT), then: Then::KeepOpen }];
    let node = ScriptedNode::start(vec![turn(), turn()]).await;
    let client = node.client();
    let (first, second) = tokio::join!(ask(&client), ask(&client));
    assert!(first.is_ok() && second.is_ok());
}

#[tokio::test]
async fn a_used_connection_that_the_node_closes_unheard_costs_no_call() {
    let good = || answer("200 OK", ACCOUNT);
    let node = ScriptedNode::start(vec![
        vec![
            Turn { answer: good(), then: Then::KeepOpen },
            Turn { answer: Vec::new(), then: Then::Close },
        ],
        vec![Turn { answer: good(), then: Then::KeepOpen }],
    ])
    .await;
    let client = node.client();
    ask(&client).await.unwrap();
    ask(&client).await.unwrap();
    assert_eq!(node.asked().iter().map(|asked| asked.connection).collect::<Vec<_>>(), [0, 0, 1]);
}

#[tokio::test]
async fn a_new_connection_that_the_node_closes_unheard_is_not_tried_again() {
    let node = ScriptedNode::answering([Vec::new(), answer("200 OK", ACCOUNT)]).await;
    let error = ask(&node.client()).await.unwrap_err();
    assert!(matches!(error, NodeError::Interrupted { .. }), "{error}");
    assert_eq!(node.asked().len(), 1);
}

#[tokio::test]
async fn a_connection_that_is_closed_after_the_answer_is_not_used_again() {
    let body = String::from_utf8(answer("200 OK", ACCOUNT)).unwrap();
    let closing = body.replace("Server: ", "Connection: close\r\nServer: ").into_bytes();
    let node = ScriptedNode::answering([closing.clone(), closing]).await;
    let client = node.client();
    ask(&client).await.unwrap();
    ask(&client).await.unwrap();
    assert_eq!(node.asked().iter().map(|asked| asked.connection).collect::<Vec<_>>(), [0, 1]);
}

#[tokio::test]
async fn every_call_is_timed_however_it_ends() {
    let timed = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&timed);
    let node = ScriptedNode::answering([answer("200 OK", ACCOUNT), Vec::new()]).await;
    let observer: countersign_node::Observer =
        Arc::new(move |label, _| seen.lock().unwrap().push(label));
    let client =
        NodeClient::new(NodeConfig { observer: Some(observer), ..config(node.host()) }).unwrap();
    ask(&client).await.unwrap();
    client.info().await.unwrap_err();
    assert_eq!(*timed.lock().unwrap(), ["/v2/accounts/:principal", "/v2/info"]);
}

#[tokio::test]
async fn the_password_goes_only_where_it_is_asked_for_and_is_never_printed() {
    let node = ScriptedNode::answering([answer("200 OK", ACCOUNT)]).await;
    ask(&node.client()).await.unwrap();
    assert_eq!(node.asked()[0].header("authorization"), None);
    let printed = format!("{:?} {:?}", node.client(), AuthPassword::new("12345"));
    assert!(!printed.contains("12345"), "{printed}");
}

#[tokio::test]
async fn a_client_and_its_clones_take_another_deadline_for_stackerdbs() {
    let silence = Turn { answer: Vec::new(), then: Then::KeepOpen };
    let node = ScriptedNode::start(vec![vec![silence]]).await;
    let client = node.client();
    let clone = client.clone();
    let deadline = Duration::from_millis(50);
    client.set_stackerdb_deadline(deadline);
    let error = clone.latest_chunk_data(StackerDb::Miners, SlotId::new(0)).await.unwrap_err();
    assert!(matches!(error, NodeError::TimedOut { after, .. } if after == deadline), "{error}");
}

#[tokio::test]
async fn an_address_without_a_port_is_refused() {
    for host in ["localhost", "localhost:", "localhost:http", "local host:1", "::1", ":1", "a@b:1"]
    {
        let error = NodeClient::new(config(host)).err();
        assert_eq!(error, Some(ConfigError::Host(host.to_owned())));
    }
    assert!(NodeClient::new(config("[::1]:20443")).is_ok());
}

fn tenure(byte: u8) -> ConsensusHash {
    ConsensusHash::new([byte; 20])
}

/// A page of tenures, newest first.
fn page(tenures: &[u8]) -> Vec<u8> {
    let zero = format!("0x{}", "00".repeat(32));
    let tenures: Vec<_> = tenures
        .iter()
        .map(|byte| {
            serde_json::json!({
                "burn_block_hash": zero, "burn_block_height": byte, "sortition_id": zero,
                "parent_sortition_id": zero, "consensus_hash": format!("0x{}", tenure(*byte)),
                "was_sortition": true, "first_block_mined": null, "nakamoto_blocks": null,
            })
        })
        .collect();
    answer("200 OK", &serde_json::to_vec(&tenures).unwrap())
}

#[tokio::test]
async fn pages_of_tenures_are_joined_at_their_common_edges() {
    let node = ScriptedNode::answering([page(&[9, 8, 7]), page(&[7, 6, 5]), page(&[5, 4])]).await;
    let tenures = node.client().fork_info(tenure(4), tenure(9)).await.unwrap();
    let heights: Vec<_> = tenures.iter().map(|tenure| tenure.burn_block_height.get()).collect();
    assert_eq!(heights, [9, 8, 7, 6, 5, 4]);
    let start = tenure(4);
    let targets: Vec<_> = node.asked().iter().map(|asked| asked.head[0].clone()).collect();
    let target = |stop| format!("GET /v3/tenures/fork_info/{start}/{} HTTP/1.1", tenure(stop));
    assert_eq!(targets, [target(9), target(7), target(5)]);
}

#[tokio::test]
async fn one_tenure_reaches_itself() {
    let node = ScriptedNode::answering([page(&[4])]).await;
    assert_eq!(node.client().fork_info(tenure(4), tenure(4)).await.unwrap().len(), 1);
}

#[tokio::test]
async fn pages_that_do_not_lead_on_are_refused() {
    let cases = [
        ("the list of tenures is empty", vec![page(&[])]),
        ("begins with tenure", vec![page(&[9, 8]), page(&[8])]),
        ("was to begin with tenure", vec![page(&[9, 8]), page(&[7, 4])]),
        ("was to begin with tenure", vec![page(&[9, 8]), page(&[])]),
        ("not among the last", (0..64).map(|_| page(&[9, 9])).collect()),
    ];
    for (why, pages) in cases {
        let turn = |answer| vec![Turn { answer, then: Then::Close }];
        let node = ScriptedNode::start(pages.into_iter().map(turn).collect()).await;
        let error = node.client().fork_info(tenure(4), tenure(9)).await.unwrap_err();
        let cause = std::error::Error::source(&error).map(ToString::to_string);
        assert!(cause.is_some_and(|cause| cause.contains(why)), "{why}: {error}");
    }
}
