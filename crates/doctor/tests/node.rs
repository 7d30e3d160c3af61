//! What doctor says about nodes that are right, wrong, silent and lying.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod server;

use std::collections::BTreeMap;
use std::fs;
use std::sync::Arc;
use std::time::{Duration, Instant};

use countersign_custody::KeyPlace;
use countersign_doctor::{Grade, Opened, Profile, Report, Signer, Source, Target, all, gather};
use countersign_wire::PrivateKey;
use serde_json::json;
use server::{Answers, serve};
use tempfile::TempDir;

/// The key of the golden vectors; it controls nothing.
const KEY: &str = "6d430bb91222408e7706c9001cfaeb91b08c2be6d5ac95779ab52c6b431950e001";
const PASSWORD: &str = "correct horse battery staple";

fn info(version: &str, network_id: u32) -> String {
    let hash = "00".repeat(20);
    let tip = "00".repeat(32);
    json!({
        "burn_block_height": 1_000, "pox_consensus": hash, "stacks_tip": tip,
        "stacks_tip_consensus_hash": hash, "stacks_tip_height": 5_000, "server_version": version,
        "network_id": network_id, "is_fully_synced": true,
        "stackerdbs": ["ST000000000000000000002AMW42H.signers-0-1"],
    })
    .to_string()
}

/// A node that is as it should be.
#[allow(clippy::unnecessary_wraps, reason = "others of its kind do not answer")]
fn right(line: &str, head: &str, _: &str) -> Option<(u16, String)> {
    let path = line.split(' ').nth(1).unwrap_or_default();
    Some(match path {
        "/v2/info" => (200, info("stacks-node 4.0.2 (x)", 0x8000_0000)),
        "/v3/health" => (200, json!({ "difference_from_max_peer": 0 }).to_string()),
        "/v2/pox" => (200, pox()),
        "/v3/block_proposal" if head.contains(PASSWORD) => (400, "bad JSON".to_owned()),
        "/v3/block_proposal" => (401, "no".to_owned()),
        "/v3/stacker_set/50" => (200, set()),
        path if path.starts_with("/v3/stacker_set/") => (
            400,
            json!({
                "response": "error", "err_type": "not_available_try_again", "err_msg": "try again",
            })
            .to_string(),
        ),
        path if path.starts_with("/v2/accounts/") => (
            200,
            json!({ "balance": "0x000000000000000000000000004c4b40", "locked": "0x0", "unlock_height": 0, "nonce": 0 })
                .to_string(),
        ),
        _ => (404, "what?".to_owned()),
    })
}

fn pox() -> String {
    json!({
        "first_burnchain_block_height": 0, "current_burnchain_block_height": 1_000,
        "reward_phase_block_length": 15, "prepare_phase_block_length": 5, "reward_cycle_length": 20,
        "reward_cycle_id": 50, "current_epoch": "Epoch40",
    })
    .to_string()
}

fn set() -> String {
    let ours = PrivateKey::from_hex(KEY).unwrap().public_key();
    let other = "02c6047f9441ed7d6d3045406e95c07cd85c778e4b8cef3ca7abac09b95c709ee5";
    let signer = |key: String, weight: u32| json!({ "signing_key": format!("0x{key}"), "stacked_amt": 1, "weight": weight });
    let others = std::iter::repeat_n(signer(other.to_owned(), 9), 12);
    let signers: Vec<_> = others.chain([signer(ours.to_string(), 3)]).collect();
    json!({ "stacker_set": { "signers": signers } }).to_string()
}

/// The grades of the checks of the node, with how long it took.
async fn grades(answers: Answers) -> (BTreeMap<&'static str, Grade>, Report, Duration) {
    let folder = tempfile::tempdir().unwrap();
    let host = serve(answers).await;
    let target = Arc::new(target(&folder, &host));
    let started = Instant::now();
    let facts = gather(&target, &[Source::Node].into(), 1_796_000_000, &|_| {}).await;
    let took = started.elapsed();
    let checks = all().filter(|check| check.source == Source::Node);
    let report = Report::of(&facts, checks);
    let grades = report.checks.iter().map(|finding| (finding.id, finding.grade)).collect();
    (grades, report, took)
}

fn target(folder: &TempDir, host: &str) -> Target {
    let path = folder.path().join("signer-config.toml");
    let text = format!(
        "node_host = \"{host}\"\nendpoint = \"127.0.0.1:30000\"\nstacks_private_key = \"{KEY}\"\n\
         network = \"testnet\"\nauth_password = \"{PASSWORD}\"\ndb_path = \"/nowhere/signer.sqlite\"\n"
    );
    fs::write(&path, text).unwrap();
    let key = KeyPlace::Plain(PrivateKey::from_hex(KEY).unwrap());
    let opened = Opened { key, next_key: None, control_socket: None, node_tls: None };
    Target {
        signer: Some(Signer { config: path, read: Ok(opened) }),
        patience: Duration::from_millis(300),
        ..Target::new(Profile::Solo)
    }
}

#[tokio::test]
async fn a_right_node_passes_every_check() {
    let (grades, report, _) = grades(right).await;
    let bad: Vec<_> = report.checks.iter().filter(|finding| finding.grade != Grade::Ok).collect();
    assert!(bad.is_empty(), "{bad:#?}");
    for id in
        ["node-answers", "node-network", "node-password-accepted", "registered-now", "voting-power"]
    {
        assert_eq!(grades.get(id), Some(&Grade::Ok), "{id}: {:?}", report.left_out);
    }
}

#[tokio::test]
async fn a_node_of_another_network_is_found_out() {
    let (grades, ..) = grades(|line, head, body| {
        if line.contains("/v2/info") {
            return Some((200, info("stacks-node 4.0.2", 1)));
        }
        right(line, head, body)
    })
    .await;
    assert_eq!(grades["node-network"], Grade::Fail);
    assert_eq!(grades["node-answers"], Grade::Ok);
}

#[tokio::test]
async fn a_wrong_password_is_told_from_a_bad_proposal() {
    let refuses = |line: &str, head: &str, body: &str| {
        if line.contains("block_proposal") {
            Some((401, String::new()))
        } else {
            right(line, head, body)
        }
    };
    let (denied, ..) = grades(refuses).await;
    assert_eq!(denied["node-password-accepted"], Grade::Fail);
    assert_eq!(denied["node-password-required"], Grade::Ok);
    let (open, ..) = grades(|line, head, body| {
        if line.contains("block_proposal") {
            Some((400, String::new()))
        } else {
            right(line, head, body)
        }
    })
    .await;
    assert_eq!(open["node-password-accepted"], Grade::Ok);
    assert_eq!(open["node-password-required"], Grade::Fail);
    let (closed, ..) = grades(|line, head, body| {
        if line.contains("block_proposal") {
            Some((404, String::new()))
        } else {
            right(line, head, body)
        }
    })
    .await;
    assert_eq!(closed["node-password-accepted"], Grade::Fail);
}

#[tokio::test]
async fn a_page_of_html_is_no_node() {
    let (grades, report, _) =
        grades(|_, _, _| Some((200, "<html><body>\u{1b}[2Jwelcome</body></html>".to_owned())))
            .await;
    assert_eq!(grades["node-answers"], Grade::Fail);
    let others = report.checks.iter().filter(|finding| finding.id != "node-answers");
    assert!(others.clone().count() > 5);
    assert!(others.into_iter().all(|finding| finding.grade == Grade::Unknown));
    assert!(!report.checks.iter().any(|finding| finding.measured.contains('\u{1b}')));
}

#[tokio::test]
async fn a_node_that_hangs_is_not_waited_for() {
    let (deaf, _, took) = grades(|_, _, _| None).await;
    assert_eq!(deaf["node-answers"], Grade::Fail);
    assert!(took < Duration::from_secs(2), "{took:?}");
    // It answers the first question and hangs on every other one.
    let (half, _, took) =
        grades(
            |line, head, body| {
                if line.contains("/v2/info") { right(line, head, body) } else { None }
            },
        )
        .await;
    assert_eq!(half["node-answers"], Grade::Ok);
    assert_eq!(half["node-password-accepted"], Grade::Unknown);
    assert_eq!(half["registered-now"], Grade::Unknown);
    assert!(took < Duration::from_secs(3), "{took:?}");
}

#[tokio::test]
async fn a_node_that_lies_is_not_believed_and_breaks_nothing() {
    let (old, ..) = grades(|line, head, body| {
        if line.contains("/v2/info") {
            return Some((200, info("stacks-node 3.1.0.0.13 (x)", 0x8000_0000)));
        }
        right(line, head, body)
    })
    .await;
    assert_eq!(old["node-version"], Grade::Fail);
    // A cycle of no length, a balance that is none, a set that holds nobody.
    let (odd, ..) = grades(|line, head, body| {
        if line.contains("/v2/pox") {
            return Some((
                200,
                pox().replace(":15", ":0").replace(":5,", ":0,").replace(":20", ":0"),
            ));
        }
        if line.contains("/v2/accounts") {
            return Some((
                200,
                json!({ "balance": "lots", "locked": "", "unlock_height": 0, "nonce": 0 })
                    .to_string(),
            ));
        }
        if line.contains("/v3/stacker_set") {
            return Some((200, json!({ "stacker_set": { "signers": [] } }).to_string()));
        }
        right(line, head, body)
    })
    .await;
    assert_eq!(odd["registered-now"], Grade::Unknown);
    assert_eq!(odd["revocation-balance"], Grade::Unknown);
    let (nobody, ..) = grades(|line, head, body| {
        if line.contains("/v3/stacker_set") {
            return Some((200, json!({ "stacker_set": { "signers": [] } }).to_string()));
        }
        right(line, head, body)
    })
    .await;
    assert_eq!(nobody["registered-now"], Grade::Fail);
    // An answer without an end.
    let (huge, _, took) = grades(|line, head, body| {
        if line.contains("/v2/info") {
            Some((200, "x".repeat(1 << 20)))
        } else {
            right(line, head, body)
        }
    })
    .await;
    assert_eq!(huge["node-answers"], Grade::Fail);
    assert!(took < Duration::from_secs(2), "{took:?}");
}
