#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use countersign_wire::BurnBlockHash;

use super::*;
use crate::test_node::{self, Reply};

fn info(burn_tip: u8) -> String {
    let hash = format!("{burn_tip:02x}").repeat(20);
    serde_json::json!({
        "burn_block_height": burn_tip,
        "pox_consensus": hash,
        "stacks_tip": "00".repeat(32),
        "stacks_tip_consensus_hash": "00".repeat(20),
        "stacks_tip_height": 1,
        "server_version": "test",
        "network_id": 1,
    })
    .to_string()
}

fn sortitions() -> String {
    let hash = |len: usize| format!("0x{}", "11".repeat(len));
    serde_json::json!([{
        "burn_block_hash": hash(32),
        "burn_block_height": 9,
        "burn_header_timestamp": 1,
        "sortition_id": hash(32),
        "parent_sortition_id": hash(32),
        "consensus_hash": hash(20),
        "was_sortition": true,
        "miner_pk_hash160": hash(20),
        "stacks_parent_ch": hash(20),
        "last_sortition_ch": null,
        "committed_block_hash": hash(32),
        "vrf_seed": hash(32),
    }])
    .to_string()
}

/// The burn view from a node whose burn tip is at each of `tips` in turn.
async fn view(tips: &'static [u8]) -> (Result<Answer, NodeFailure>, usize) {
    let mut tips = tips.iter();
    let (client, mut asked) = test_node::start(move |asked| match asked.line.as_str() {
        "GET /v2/info" => Reply::Json(200, info(*tips.next().unwrap())),
        _ => Reply::Json(200, sortitions()),
    });
    let answer = answer(&client, Query::BurnView).await;
    asked.close();
    let mut questions = 0;
    while asked.recv().await.is_some() {
        questions += 1;
    }
    (answer, questions)
}

#[tokio::test]
async fn a_burn_view_is_of_one_moment() {
    let (answer, questions) = view(&[9, 9]).await;
    let Ok(Answer::BurnView(view)) = answer else { panic!("{answer:?}") };
    assert_eq!((view.info.burn_block_height.get(), questions), (9, 3));
}

#[tokio::test]
async fn a_burn_view_is_read_again_if_the_tip_moves_meanwhile() {
    let (answer, questions) = view(&[9, 10, 10, 10]).await;
    let Ok(Answer::BurnView(view)) = answer else { panic!("{answer:?}") };
    assert_eq!((view.info.burn_block_height.get(), questions), (10, 6));
}

#[tokio::test]
async fn a_tip_that_never_rests_is_a_failure_and_not_a_loop() {
    let (answer, questions) = view(&[1, 2, 3, 4, 5, 6]).await;
    assert!(answer.unwrap_err().text.contains("moves faster"));
    assert_eq!(questions, 9);
}

#[tokio::test]
async fn a_reward_set_that_is_not_computed_yet_is_a_failure_that_says_so() {
    let (client, _asked) = test_node::start(|_| {
        let text = r#"{"response":"error","err_type":"not_available_try_again","err_msg":"wait"}"#;
        Reply::Json(400, text.to_owned())
    });
    let answer = answer(&client, Query::Registration(RewardCycle::new(3))).await;
    assert_eq!(answer.unwrap_err().text, "the reward set of cycle 3 is not available yet");
}

#[tokio::test]
async fn a_burn_block_that_is_on_no_canonical_fork_is_an_answer() {
    let (client, _asked) = test_node::start(|_| Reply::Json(404, "\"not found\"".to_owned()));
    let hash = BurnBlockHash::new([1; 32]);
    let answer = answer(&client, Query::SortitionOf(hash)).await;
    assert!(matches!(answer, Ok(Answer::SortitionOf(false))), "{answer:?}");
}

#[tokio::test]
async fn a_node_that_gives_no_sense_is_described_with_the_causes() {
    let (client, _asked) = test_node::start(|_| Reply::Json(200, "<html>".to_owned()));
    let text = answer(&client, Query::Info).await.unwrap_err().text;
    assert!(text.contains("/v2/info is not understood") && text.contains("line 1"), "{text}");
}
