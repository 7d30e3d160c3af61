//! A disk that cannot be written: the signer ends with the code for that, and what it signed before
//! has its record.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::time::Duration;

use countersign_devnet::{DevnetConfig, SignerKind};
use system_tests::daemons::{
    Daemon, Network, Overheard, Settings, accepted_in_journal, content, quick,
};

const LIMIT: Duration = Duration::from_mins(1);
/// The exit code for a store or journal that cannot be written.
const STORE: Option<i32> = Some(3);

#[tokio::test]
async fn a_full_disk_ends_the_signer_and_every_signature_that_left_has_its_record() {
    let config = DevnetConfig { signers: vec![SignerKind::External], ..quick(1) };
    let mut network = Network::start(Overheard::place(config)).await;
    let overheard = Overheard::start(&network.devnet, 1).await;
    let config = network.devnet.place(0).unwrap().config.clone();
    let daemon = Daemon::start_on_full_disk(&config, 256);
    network.adopts(1, "there is room for some blocks").await;

    let ended = daemon.ended(LIMIT).await;
    assert_eq!(ended.code, STORE, "{}", ended.log);
    let errors: Vec<_> = ended.log.lines().filter(|line| line.starts_with("error: ")).collect();
    assert_eq!(errors.len(), 1, "{}", ended.log);
    assert!(
        ended.log.contains("cannot be written") || ended.log.contains("journal failed"),
        "{}",
        ended.log
    );

    // What it had sent before it ended has been announced once the next burn blocks are.
    network.skip_to_now();
    network.mines(2).await;
    let [_, journal] = Settings::read(&config).files();
    let recorded = accepted_in_journal(&journal);
    let said = overheard.backlog().await;
    let accepted: Vec<_> = said.iter().filter_map(system_tests::daemons::Said::accepts).collect();
    assert!(!accepted.is_empty());
    for sighash in &accepted {
        assert!(recorded.contains(sighash), "{sighash} left without a record");
    }

    // With room again it takes up where it ended.
    let daemon = Daemon::start(&config);
    network.skip_to_now();
    network.adopts(2, "there is room again").await;
    assert!(daemon.is_running());
    network.devnet.stop().await;
}

#[tokio::test]
async fn a_disk_without_room_lets_no_signer_start() {
    let folder = tempfile::tempdir().unwrap();
    let config = Settings::lonely(folder.path()).write(&folder.path().join("config.toml"));
    let ended = Daemon::start_on_full_disk(&config, 1).ended(LIMIT).await;
    assert_eq!(ended.code, STORE, "{}", ended.log);
    assert!(ended.log.contains("nothing is signed without it"), "{}", ended.log);
    assert!(!ended.log.contains("Signer runloop begin"), "{}", ended.log);
    // Half a journal would be worse than none.
    assert_eq!(content(folder.path()), [config]);
}

#[tokio::test]
async fn a_folder_that_is_missing_or_takes_no_files_lets_no_signer_start() {
    let folder = tempfile::tempdir().unwrap();
    // Nobody, not even root, can create files in /proc.
    for db_path in [folder.path().join("missing/signer.sqlite"), "/proc/signer.sqlite".into()] {
        let settings = Settings::lonely(folder.path()).with("db_path", db_path.to_str().unwrap());
        let config = settings.write(&folder.path().join("config.toml"));
        let ended = Daemon::run(&config).await;
        assert_eq!(ended.code, STORE, "{}", ended.log);
        assert!(ended.log.contains("cannot be opened for writing"), "{}", ended.log);
        assert_eq!(content(folder.path()), [config]);
    }
}
