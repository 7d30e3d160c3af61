//! What doctor says about a bitcoind, a page of metrics and an sBTC signer that answer well and badly.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod server;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use countersign_doctor::{Grade, Profile, Report, Signer, Source, Target, all, gather};
use serde_json::json;
use server::{Answers, serve};
use tempfile::TempDir;

async fn grades(target: Target, source: Source) -> (BTreeMap<&'static str, Grade>, Report) {
    let (target, sources) = (Arc::new(target), BTreeSet::from([source]));
    let facts = Box::pin(gather(&target, &sources, 1_796_000_000, &|_| {})).await;
    let report = Report::of(&facts, all().filter(|check| check.source == source));
    let grades = report.checks.iter().map(|finding| (finding.id, finding.grade)).collect();
    (grades, report)
}

/// A node's configuration that names this bitcoind.
fn with_bitcoin(folder: &TempDir, address: &str) -> Target {
    let (host, port) = address.split_once(':').unwrap();
    let path = folder.path().join("node.toml");
    let text = format!(
        "[burnchain]\nmode = \"mainnet\"\npeer_host = \"{host}\"\nrpc_port = {port}\n\
         username = \"node\"\npassword = \"a secret that nobody reads\"\n"
    );
    fs::write(&path, text).unwrap();
    Target {
        node_config: Some(path),
        patience: Duration::from_millis(300),
        ..Target::new(Profile::Solo)
    }
}

#[allow(clippy::unnecessary_wraps, reason = "others of its kind do not answer")]
fn bitcoin(line: &str, head: &str, body: &str) -> Option<(u16, String)> {
    assert!(line.starts_with("POST / "), "{line}");
    // The base64 of `node:a secret that nobody reads`.
    if !head.contains("Basic bm9kZTphIHNlY3JldCB0aGF0IG5vYm9keSByZWFkcw==") {
        return Some((401, String::new()));
    }
    let result = if body.contains("getblockchaininfo") {
        json!({ "chain": "main", "blocks": 900, "headers": 900, "initialblockdownload": false, "pruned": false })
    } else {
        json!({ "version": 280_100 })
    };
    Some((200, json!({ "result": result, "error": null, "id": 0 }).to_string()))
}

#[tokio::test]
async fn a_bitcoind_is_asked_as_the_node_asks_it() {
    let folder = tempfile::tempdir().unwrap();
    let address = serve(bitcoin).await;
    let (grades, report) = grades(with_bitcoin(&folder, &address), Source::Bitcoin).await;
    let expected = ["bitcoin-answers", "bitcoin-pruned", "bitcoin-synced", "bitcoin-version"];
    assert_eq!(grades.keys().copied().collect::<Vec<_>>(), expected);
    assert!(grades.values().all(|grade| *grade == Grade::Ok), "{report:#?}");
}

#[tokio::test]
async fn a_bitcoind_that_refuses_lies_or_hangs_is_unknown_and_the_password_is_not_told() {
    let answers: [Answers; 6] = [
        |_, _, _| Some((401, String::new())),
        |_, _, _| Some((200, "<html>".to_owned())),
        |_, _, _| {
            Some((
                500,
                json!({ "result": null, "error": { "message": "Loading\n\u{1b}[2J" } }).to_string(),
            ))
        },
        |_, _, _| Some((200, json!({ "result": { "chain": 7 } }).to_string())),
        // Nothing of how much it has of the chain.
        |_, _, _| {
            Some((
                200,
                json!({ "result": { "chain": "main", "blocks": 9, "headers": 9, "version": 280_100 } })
                    .to_string(),
            ))
        },
        |_, _, _| None,
    ];
    for answer in answers {
        let folder = tempfile::tempdir().unwrap();
        let address = serve(answer).await;
        let (grades, report) = grades(with_bitcoin(&folder, &address), Source::Bitcoin).await;
        assert!(grades.values().all(|grade| *grade == Grade::Unknown), "{report:#?}");
        let text = serde_json::to_string(&report).unwrap();
        assert!(!text.contains("a secret") && !text.contains("\\u001b"), "{text}");
    }
}

fn with_metrics(folder: &TempDir, address: &str) -> Target {
    let path = folder.path().join("signer-config.toml");
    let text = format!("metrics_endpoint = \"{address}\"\nnetwork = \"testnet\"\n");
    fs::write(&path, text).unwrap();
    Target {
        signer: Some(Signer { config: path, read: Err("it is for another program".to_owned()) }),
        patience: Duration::from_millis(500),
        event_wait: Duration::from_millis(700),
        ..Target::new(Profile::Solo)
    }
}

#[tokio::test]
async fn an_event_that_comes_is_seen_in_the_metrics_of_either_signer() {
    static LOOKS: AtomicU64 = AtomicU64::new(0);
    let ours = |_: &str, _: &str, _: &str| {
        let looks = LOOKS.fetch_add(1, Ordering::Relaxed);
        let page = format!("stacks_signer_nonce 0\ncountersign_callbacks_received {looks}\n");
        Some((200, page))
    };
    let theirs = |_: &str, _: &str, _: &str| {
        let looks = LOOKS.fetch_add(1, Ordering::Relaxed);
        Some((200, format!("stacks_signer_block_proposals_received {looks}\n")))
    };
    let answers: [Answers; 2] = [ours, theirs];
    for answer in answers {
        let folder = tempfile::tempdir().unwrap();
        let address = serve(answer).await;
        let (grades, report) = grades(with_metrics(&folder, &address), Source::Daemon).await;
        assert_eq!(grades["events-arrive"], Grade::Ok, "{report:#?}");
        assert_eq!(grades["metrics-served"], Grade::Ok, "{report:#?}");
    }
}

#[tokio::test]
async fn silence_is_found_out_within_the_wait() {
    let never = |_: &str, _: &str, _: &str| {
        Some((200, "stacks_signer_nonce 0\ncountersign_callbacks_received 0\n".to_owned()))
    };
    let folder = tempfile::tempdir().unwrap();
    let (grades_silent, _) =
        grades(with_metrics(&folder, &serve(never).await), Source::Daemon).await;
    assert_eq!(grades_silent["events-arrive"], Grade::Fail);
    let nothing = |_: &str, _: &str, _: &str| Some((200, "go_goroutines 7\n".to_owned()));
    let (other, _) = grades(with_metrics(&folder, &serve(nothing).await), Source::Daemon).await;
    assert_eq!(other["metrics-served"], Grade::Fail);
    assert_eq!(other["events-arrive"], Grade::Unknown);
}

#[tokio::test]
async fn an_sbtc_signer_says_whose_key_it_has() {
    let info = |line: &str, _: &str, _: &str| {
        assert!(line.starts_with("GET /info "), "{line}");
        let stacks = json!({ "current_aggregate_key": "02aa", "contract_aggregate_key": "02aa" });
        Some((200, json!({ "dkg": stacks }).to_string()))
    };
    let folder = tempfile::tempdir().unwrap();
    let address = serve(info).await;
    let path = folder.path().join("sbtc.toml");
    fs::write(&path, format!("[signer.event_observer]\nbind = \"{address}\"\n")).unwrap();
    let target = || Target {
        sbtc_config: Some(path.clone()),
        patience: Duration::from_millis(500),
        ..Target::new(Profile::Sbtc)
    };
    let (grades_same, report) = grades(target(), Source::Sbtc).await;
    assert_eq!(grades_same["sbtc-aggregate-key"], Grade::Ok, "{report:#?}");
    let other = serve(|_, _, _| {
        Some((
            200,
            json!({ "current_aggregate_key": "02aa", "contract_aggregate_key": "03bb" })
                .to_string(),
        ))
    })
    .await;
    fs::write(&path, format!("[signer.event_observer]\nbind = \"{other}\"\n")).unwrap();
    let (differs, _) = grades(target(), Source::Sbtc).await;
    assert_eq!(differs["sbtc-aggregate-key"], Grade::Fail);
}
