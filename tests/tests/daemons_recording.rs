//! A signer in a network is recorded, and its recording is replayed.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

use countersign_devnet::{DevnetConfig, SignerKind};
use serde_json::Value;
use system_tests::daemons::{Daemon, Network, Signal, countersign, quick};
use toml::Table;

const LIMIT: Duration = Duration::from_secs(20);

fn replay(file: &Path) -> Output {
    Command::new(countersign()).arg("replay").arg(file).arg("--json").output().unwrap()
}

fn replayed(file: &Path) -> Value {
    let output = replay(file);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{errors}");
    serde_json::from_slice(&output.stdout).unwrap()
}

fn only_file(folder: &Path) -> PathBuf {
    let mut files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let file = files.next().unwrap();
    assert_eq!(files.next(), None);
    file
}

#[tokio::test]
async fn a_signers_recording_comes_to_the_same_decisions() {
    let folder = tempfile::tempdir().unwrap();
    let tapes = folder.path().join("tapes");
    let alone = DevnetConfig { signers: vec![SignerKind::External], ..quick(1) };
    let mut network = Network::start(alone).await;
    let mut ours = Table::new();
    ours.insert("record".to_owned(), tapes.to_str().unwrap().into());
    let settings = network.settings(0).with("countersign", ours);
    let daemon = Daemon::start(&network.write(0, &settings));
    let adopted = network.adopts(4, "a recorded signer works").await;

    let running = replayed(&only_file(&tapes));
    assert_eq!((&running["differences"], &running["complete"]), (&0.into(), &false.into()));
    daemon.signal(Signal::TERM);
    let ended = daemon.ended(LIMIT).await;
    assert_eq!(ended.code, Some(0), "{}", ended.log);
    network.devnet.stop().await;

    let file = only_file(&tapes);
    let whole = replayed(&file);
    assert_eq!(whole["differences"], 0, "{whole}");
    assert_eq!((&whole["complete"], &whole["ending"]), (&true.into(), &"stopped".into()));
    assert!(whole["signatures_ordered"].as_u64().unwrap() >= 4, "{whole}");
    for sighash in adopted {
        let sighash = sighash.to_string();
        let is_signed = |decision: &Value| {
            decision["block"] == sighash.as_str() && decision["what"] == "judged: sign"
        };
        assert!(whole["decisions"].as_array().unwrap().iter().any(is_signed), "{sighash}");
    }

    let bytes = fs::read(&file).unwrap();
    let key = settings.text("stacks_private_key").as_bytes();
    let key = &key[..64];
    let raw = hex::decode(key).unwrap();
    let password = settings.text("auth_password").as_bytes();
    for secret in [key, &raw, password] {
        assert!(!bytes.windows(secret.len()).any(|window| window == secret));
    }

    let half = folder.path().join("half");
    fs::write(&half, &bytes[..bytes.len() / 2]).unwrap();
    let first_half = replayed(&half);
    assert_eq!((&first_half["differences"], &first_half["complete"]), (&0.into(), &false.into()));
    assert!(first_half["events"].as_u64() < whole["events"].as_u64());

    let mut spoilt = bytes;
    let middle = spoilt.len() / 2;
    spoilt[middle] ^= 1;
    fs::write(&half, &spoilt).unwrap();
    let output = replay(&half);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(10), "{errors}");
    assert!(errors.contains("is damaged in the frame at byte "), "{errors}");
}
