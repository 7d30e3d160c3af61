//! What signers decided, asked for while they run and when they have ended.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::path::Path;
use std::process::Command;

use countersign_devnet::DevnetConfig;
use serde_json::Value;
use system_tests::daemons::{Network, countersign, quick};

/// The outputs of `countersign` with these arguments, if it ends well.
fn ask(args: &[&str]) -> String {
    let output = Command::new(countersign()).args(args).output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{args:?}: {errors}");
    String::from_utf8(output.stdout).unwrap()
}

fn explain(config: &Path, hash: &str) -> Value {
    let config = config.to_str().unwrap();
    serde_json::from_str(&ask(&["explain", hash, "--config", config, "--json"])).unwrap()
}

fn named<'a>(story: &'a Value, what: &str) -> Vec<&'a Value> {
    story["entries"].as_array().unwrap().iter().filter(|entry| entry["what"] == what).collect()
}

#[tokio::test]
async fn a_running_signer_and_a_stopped_one_can_be_asked_about_a_block() {
    let folder = tempfile::tempdir().unwrap();
    let kept = Some(folder.path().join("network"));
    let mut network = Network::start(DevnetConfig { folder: kept, ..quick(3) }).await;
    let adopted = network.adopts(3, "signers that are asked go on signing").await;
    let hash = adopted[1].to_string();
    let config = network.devnet.place(0).unwrap().config.clone();

    let story = explain(&config, &hash[..16]);
    assert_eq!(story["block"], hash.as_str());
    let rules: Vec<&str> =
        named(&story, "judged").iter().map(|entry| entry["rule"].as_str().unwrap()).collect();
    assert_eq!(rules, ["3.3 row 10", "2.7", "4.3 step 9"], "{story}");
    let mut voters: Vec<u64> = named(&story, "vote")
        .iter()
        .filter(|vote| vote["vote"] == "pre-commit")
        .map(|vote| vote["by"].as_u64().unwrap())
        .collect();
    voters.sort_unstable();
    assert_eq!(voters, [0, 1, 2], "{story}");
    assert!(named(&story, "vote").iter().all(|vote| vote["own"] == 10), "{story}");
    assert_eq!(named(&story, "verdict")[0]["valid"], true);
    assert_eq!(named(&story, "acceptance-sent").len(), 1, "{story}");

    let id = story["block_id"].as_str().unwrap();
    assert_eq!(explain(&config, id)["block"], hash.as_str());
    let text = ask(&["explain", &hash, "--config", config.to_str().unwrap()]);
    assert!(text.contains("it is part of the chain; we signed it"), "{text}");

    network.devnet.stop().await;
    assert_eq!(
        explain(&config, &hash)["block_id"],
        id,
        "a stopped signer is asked in the same way"
    );
    let file = config.with_file_name("signer.countersign.sqlite");
    let args = ["explain", &hash, "--store", file.to_str().unwrap(), "--json"];
    let story: Value = serde_json::from_str(&ask(&args)).unwrap();
    assert_eq!(story["unreadable_lines"], 0, "{story}");
}
