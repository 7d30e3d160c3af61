//! How a signer starts and how it ends, as a process.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::net::TcpListener;
use std::time::Duration;

use countersign_devnet::{DevnetConfig, SignerKind};
use countersign_signerd::store::Store;
use countersign_vault::Vault;
use countersign_wire::PrivateKey;
use system_tests::daemons::{
    Daemon, Metrics, Network, Overheard, Settings, Signal, accepted_in_journal, content, get, quick,
};

const LIMIT: Duration = Duration::from_secs(20);

/// One signer, whom the test starts itself.
fn alone() -> DevnetConfig {
    DevnetConfig { signers: vec![SignerKind::External], ..quick(1) }
}

#[tokio::test]
async fn sigterm_and_sigint_end_a_signer_with_code_0_and_consistent_files() {
    let mut network = Network::start(alone()).await;
    let config = network.devnet.place(0).unwrap().config.clone();
    let settings = Settings::read(&config);
    let [store, journal] = settings.files();
    for signal in [Signal::TERM, Signal::INT] {
        let daemon = Daemon::start(&config);
        let adopted = network.adopts(2, "the only signer works").await;
        daemon.signal(signal);
        let ended = daemon.ended(LIMIT).await;
        assert_eq!(ended.code, Some(0), "{signal:?}: {}", ended.log);

        // Opening checks each file's integrity, and that it belongs to this key.
        let key = PrivateKey::from_hex(settings.text("stacks_private_key")).unwrap();
        Vault::open(key, &journal).unwrap();
        let saved = Store::open(&store).unwrap().load().unwrap();
        let recorded = accepted_in_journal(&journal);
        for sighash in adopted {
            assert!(recorded.contains(&sighash), "{sighash} is not in the journal");
        }
        for record in saved.records.iter().filter(|record| record.signed_self_at.is_some()) {
            assert!(recorded.contains(&record.sighash), "{} was never signed", record.sighash);
        }
        network.skip_to_now();
    }
    network.devnet.stop().await;
}

#[tokio::test]
async fn a_second_signer_on_the_same_journal_does_not_start() {
    let folder = tempfile::tempdir().unwrap();
    let config = Settings::lonely(folder.path()).write(&folder.path().join("config.toml"));
    let (first, endpoint) = Daemon::ready(&config).await;
    // A standby does not have the key for itself, so it gets as far as the journal.
    let second = Daemon::standby_to_its_end(&config).await;
    assert_eq!(second.code, Some(4), "{}", second.log);
    let last = second.log.lines().last().unwrap();
    assert!(last.contains("in use by another process"), "{last}");
    assert!(last.contains("signer.countersign-journal.sqlite"), "{last}");
    assert!(first.is_running());
    assert_eq!(get(endpoint, "/status").await.status, 200);
}

#[tokio::test]
async fn an_endpoint_in_use_has_a_code_of_its_own_and_leaves_no_files() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    for key in ["endpoint", "metrics_endpoint"] {
        let folder = tempfile::tempdir().unwrap();
        let settings = Settings::lonely(folder.path()).with(key, address.as_str());
        let config = settings.write(&folder.path().join("config.toml"));
        let ended = Daemon::run(&config).await;
        assert_eq!(ended.code, Some(5), "{}", ended.log);
        let says = ended.log.lines().find(|line| line.starts_with("error: ")).unwrap();
        assert!(says.contains(&format!("`{key}` = {address}")), "{says}");
        assert_eq!(content(folder.path()), [config]);
    }
}

#[tokio::test]
async fn a_bad_configuration_ends_with_code_2_one_clear_line_and_no_files() {
    type Spoil = fn(Settings) -> Settings;
    let rows: [(&str, Spoil, &str); 9] = [
        ("unknown key", |good| good.with("node_hots", "x"), "did you mean `node_host`?"),
        ("missing key", |good| good.without("network"), "the key `network` is missing"),
        ("wrong type", |good| good.with("dry_run", "yes"), "dry_run"),
        (
            "bad private key",
            |good| good.with("stacks_private_key", "c0ffee"),
            "`stacks_private_key` is not a private key",
        ),
        ("node without port", |good| good.with("node_host", "localhost"), "has no port"),
        ("node with scheme", |good| good.with("node_host", "http://a:1"), "begins with a scheme"),
        ("unknown network", |good| good.with("network", "Mainnet"), "`network`"),
        (
            "no memory on mainnet",
            |good| good.with("network", "mainnet").with("db_path", ":memory:"),
            "`:memory:`",
        ),
        ("no such name", |good| good.with("endpoint", "no..name:1"), "does not resolve"),
    ];
    for (why, spoil, says) in rows {
        let folder = tempfile::tempdir().unwrap();
        let settings = spoil(Settings::lonely(folder.path()));
        let config = settings.write(&folder.path().join("config.toml"));
        let ended = Daemon::run(&config).await;
        assert_eq!(ended.code, Some(2), "{why}: {}", ended.log);
        let error = ended.log.lines().find(|line| line.starts_with("error: ")).unwrap();
        assert!(error.contains(says), "{why}: {error}");
        assert!(!ended.log.contains("c0ffee"), "{why}: a key is shown");
        assert_eq!(content(folder.path()), [config], "{why}");
    }
}

#[tokio::test]
async fn an_unreadable_configuration_ends_with_code_2() {
    let folder = tempfile::tempdir().unwrap();
    for path in [folder.path().join("missing.toml"), folder.path().to_owned()] {
        let ended = Daemon::run(&path).await;
        assert_eq!(ended.code, Some(2), "{}", ended.log);
        assert!(ended.log.contains("the configuration file cannot be read"), "{}", ended.log);
        assert!(content(folder.path()).is_empty());
    }
}

#[tokio::test]
async fn the_metrics_endpoint_has_every_documented_name_and_page() {
    let mut network = Network::start(alone()).await;
    let place = network.devnet.place(0).unwrap().clone();
    let _daemon = Daemon::start(&place.config);
    network.adopts(2, "the only signer works").await;
    let address = place.metrics.parse().unwrap();

    let page = Metrics::of(address).await;
    let spec = include_str!("../../docs/spec/signer-wire.md");
    let (_, section) = spec.split_once("\n## 10. Metrics\n").unwrap();
    let (section, _) = section.split_once("\n## ").unwrap();
    let mut names = 0;
    for row in section.lines().filter(|line| line.starts_with("| `stacks_signer_")) {
        let mut cells = row.split('|').map(str::trim).skip(1);
        let name = cells.next().unwrap().trim_matches('`');
        let kind = cells.next().unwrap().split(' ').next().unwrap();
        assert!(page.declares(name, kind), "{name} ({kind}) is missing");
        names += 1;
    }
    assert_eq!(names, 14);
    for (series, least) in [
        ("stacks_signer_block_proposals_received", 2.0),
        ("stacks_signer_block_validation_responses{response_type=\"accepted\"}", 2.0),
        ("stacks_signer_block_responses_sent{response_type=\"accepted\"}", 2.0),
        ("stacks_signer_block_pre_commits_sent", 2.0),
        ("stacks_signer_block_response_latencies_histogram_count", 2.0),
        ("stacks_signer_node_rpc_call_latencies_histogram_count{path=\"/v2/info\"}", 1.0),
        ("stacks_signer_current_reward_cycle", 1.0),
        ("countersign_blocks_adopted", 1.0),
        ("countersign_registered{cycle=\"current\"}", 1.0),
        ("countersign_journal_commit_seconds_count", 2.0),
    ] {
        assert!(page.value(series) >= least, "{series} is {}", page.value(series));
    }

    Metrics::grows(address, "stacks_signer_global_state_available", 0.0).await;
    let page = Metrics::of(address).await;
    let weight = |of| page.value(&format!("stacks_signer_global_state_{of}_weight"));
    assert!(weight("total") >= 1.0);
    for of in ["known", "maximum_view"] {
        assert!((weight(of) - weight("total")).abs() < 0.5, "{of}: {}", weight(of));
    }

    let missed: f64 = ["not_proposed", "validated_late", "rejected", "withheld", "signed_late"]
        .iter()
        .map(|cause| page.value(&format!("countersign_blocks_missed{{cause=\"{cause}\"}}")))
        .sum();
    assert!(missed < 0.5, "the only signer is in every header: {missed}");

    let info: serde_json::Value = serde_json::from_str(&get(address, "/info").await.body).unwrap();
    assert_eq!(info["network"], "mocknet");
    assert_eq!(info["signerPublicKey"], place.public_key);
    assert!(info["stxAddress"].as_str().unwrap().starts_with("ST"), "{info}");
    assert!(info["version"].as_str().unwrap().starts_with("countersign "), "{info}");
    let heartbeat = get(address, "/heartbeat").await;
    assert_eq!((heartbeat.status, heartbeat.body.as_str()), (200, "OK"));
    assert_eq!(get(address, "/").await.status, 200);
    assert_eq!(get(address, "/metrics/").await.status, 404);
    network.devnet.stop_node(0).await.unwrap();
    let heartbeat = get(address, "/heartbeat").await;
    assert_eq!((heartbeat.status, heartbeat.body.as_str()), (500, "Failed"));
}

#[tokio::test]
async fn a_dry_run_without_a_seat_says_what_it_would_write_and_writes_nothing() {
    let mut network = Network::start(Overheard::place(alone())).await;
    let overheard = Overheard::start(&network.devnet, 1).await;
    let unregistered = "11".repeat(32);
    let settings =
        network.settings(0).with("dry_run", true).with("stacks_private_key", unregistered);
    let daemon = Daemon::start(&network.write(0, &settings));
    let would = "Dry-run signer would have sent a stackerdb message";
    let first = daemon.log().wait_for(0, would, LIMIT).await;
    assert!(first.text.contains("lane=\"state_updates\""), "{}", first.text);
    network.proposes(3, "nobody answers").await;
    assert!(daemon.is_running());
    assert!(overheard.callbacks() > 3);
    let said = overheard.backlog().await;
    assert!(said.is_empty(), "{said:?}");
    network.devnet.stop().await;
}

#[tokio::test]
async fn a_dry_run_whose_key_has_a_seat_says_so_and_does_nothing() {
    let mut network = Network::start(Overheard::place(alone())).await;
    let overheard = Overheard::start(&network.devnet, 1).await;
    let settings = network.settings(0).with("dry_run", true);
    let daemon = Daemon::start(&network.write(0, &settings));
    let why = "Signer is configured for dry-run, but the signer address is registered";
    daemon.log().wait_for(0, why, LIMIT).await;
    network.proposes(3, "nobody answers").await;
    assert!(daemon.is_running());
    let said = overheard.backlog().await;
    assert!(said.is_empty(), "{said:?}");
    network.devnet.stop().await;
}
