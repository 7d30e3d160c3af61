//! `countersign doctor` beside a signer that runs.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::path::Path;
use std::time::Duration;

use serde_json::Value;
use system_tests::daemons::{Verb, ask};

const LIMIT: Duration = Duration::from_mins(1);

#[tokio::test]
async fn the_doctor_grades_a_running_signer() {
    let arguments = "--signers 2 --burn-seconds 2 --block-interval-ms 300";
    let network = Verb::start(&arguments.split_whitespace().collect::<Vec<_>>());
    let folder = network.folder().await;
    // Whoever signed a block has everything that a signer needs.
    network.event(0, "block_adopted", LIMIT).await;
    let config = Path::new(&folder).join("signer-0/signer-config.toml");
    let (code, printed, errors) = ask("doctor", &config, &["--json"]).await;
    let report: Value = serde_json::from_str(&printed).unwrap_or_else(|_| panic!("{errors}"));
    let checks = report["checks"].as_array().unwrap();
    let left_out = report["left_out"].as_array().unwrap();
    assert!(checks.len() + left_out.len() > 60, "{report:#}");
    let grade = |id: &str| {
        let check = checks.iter().find(|check| check["id"] == id);
        check.unwrap_or_else(|| panic!("{id}: {report:#}"))["grade"].as_str().unwrap()
    };
    for id in [
        "config",
        "config-endpoint",
        "node-answers",
        "node-network",
        "node-synced",
        "node-password-accepted",
        "node-password-required",
        "node-stackerdbs",
        "registered-now",
        "daemon-running",
        "events-arrive",
        "one-instance",
        "metrics-served",
        "key-mode",
        "disk-writable",
        "one-process",
    ] {
        assert_eq!(grade(id), "ok", "{id}: {report:#}");
    }
    let expected = match report["grade"].as_str().unwrap() {
        "ok" => 0,
        "warn" => 16,
        "unknown" => 17,
        _ => 18,
    };
    assert_eq!(code, Some(expected), "{errors}");
    // It has no backup yet, and says what would prove one.
    let backup = checks.iter().find(|check| check["id"] == "key-backup").unwrap();
    assert_eq!(backup["grade"], "warn");
    assert!(backup["remedy"].as_str().unwrap().starts_with("countersign keys restore --prove"));
}
