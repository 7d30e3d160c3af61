//! One active instance: real processes that share a key.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

#[expect(dead_code, reason = "these pages are typed step by step")]
#[path = "../../../crates/countersign/tests/support/blocks.rs"]
mod blocks;
mod pages;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use countersign_devnet::{DevnetConfig, SignerKind};
use countersign_wire::message::SignerMessage;
use countersign_wire::{Sighash, Wire as _};
use serde_json::Value;
use system_tests::daemons::{
    Daemon, Ended, Fork, Network, Settings, Signal, countersign, poll, quick,
};
use tempfile::TempDir;
use tokio::process::Command;
use toml::Table;

const LIMIT: Duration = Duration::from_secs(30);

/// How a command ended, and what it said.
#[derive(Debug)]
struct Done {
    code: Option<i32>,
    said: String,
    errors: String,
}

impl Done {
    /// Runs a command to its end.
    async fn of(mut command: Command) -> Self {
        let done = command.stdin(Stdio::null()).kill_on_drop(true).output().await.unwrap();
        Self {
            code: done.status.code(),
            said: String::from_utf8(done.stdout).unwrap(),
            errors: String::from_utf8(done.stderr).unwrap(),
        }
    }
}

async fn command(arguments: &[&str]) -> Done {
    let mut command = Command::new(countersign());
    command.args(arguments);
    Done::of(command).await
}

/// What the daemon of this configuration says of its part.
async fn instance(config: &Path) -> Value {
    let done = command(&["status", "--json", "--config", config.to_str().unwrap()]).await;
    let status: Value =
        serde_json::from_str(&done.said).unwrap_or_else(|error| panic!("{error}: {done:?}"));
    status["instance"].clone()
}

async fn becomes(config: &Path, state: &str) {
    let what = format!("{} to be {state}", config.display());
    poll(LIMIT, &what, async || (instance(config).await["state"] == state).then_some(())).await;
}

/// Waits until a standby has decided as the active instance so often. What it compared.
async fn agrees(config: &Path, times: u64) -> Value {
    let look = async || {
        let compared = instance(config).await["compared"].clone();
        (compared["agreed"].as_u64().unwrap() >= times).then_some(compared)
    };
    poll(LIMIT, "the standby to agree", look).await
}

/// A network whose only signer has two instances.
struct Pair {
    network: Network,
    fork: Fork,
    folder: TempDir,
}

impl Pair {
    async fn new() -> Self {
        Self::of(quick(1)).await
    }

    /// The network has this pace.
    async fn of(network: DevnetConfig) -> Self {
        let config = DevnetConfig { signers: vec![SignerKind::External], ..network };
        let network = Network::start(config).await;
        let endpoint = network.devnet.place(0).unwrap().endpoint.parse().unwrap();
        Self { network, fork: Fork::at(endpoint).await, folder: tempfile::tempdir().unwrap() }
    }

    /// The configuration of an instance, with files of its own and these keys in `[countersign]`.
    fn config(&self, name: &str, ours: &str) -> PathBuf {
        let folder = self.folder.path().join(name);
        std::fs::create_dir_all(&folder).unwrap();
        let ours: Table = ours.parse().unwrap();
        self.network
            .settings(0)
            .with("endpoint", "127.0.0.1:0")
            .with("db_path", folder.join("signer.sqlite").to_str().unwrap())
            .with("countersign", ours)
            .without("metrics_endpoint")
            .write(&folder.join("signer-config.toml"))
    }

    /// Starts the instance that signs.
    async fn active(&self, config: &Path) -> Daemon {
        let (daemon, endpoint) = Daemon::ready(config).await;
        self.fork.gives_to(endpoint);
        daemon
    }

    async fn standby(&self, config: &Path) -> Daemon {
        let (daemon, endpoint) = Daemon::standby(config).await;
        self.fork.gives_to(endpoint);
        daemon
    }

    /// Starts an instance as a page has it typed in its folder.
    async fn typed(&self, step: &str, folder: &Path) -> Daemon {
        let daemon = Daemon::typed(step, folder);
        self.fork.gives_to(daemon.endpoint().await);
        daemon
    }

    /// Writes a chunk with the signer's key, as another process that has it would.
    async fn forge(&self) {
        self.forge_version(100_000).await;
    }

    async fn forge_version(&self, version: u32) {
        let version = version.to_string();
        let place = self.network.devnet.place(0).unwrap().clone();
        let key = self.folder.path().join("key");
        std::fs::write(&key, self.network.settings(0).text("stacks_private_key")).unwrap();
        let message = SignerMessage::BlockPreCommit(Sighash::new([7; 32]));
        let data = bs58(&message.to_bytes());
        for parity in [0, 1] {
            let contract = format!("ST000000000000000000002AMW42H.signers-{parity}-3");
            let done = command(&[
                "put-chunk",
                "--host",
                &place.node,
                "--contract",
                &contract,
                "--private-key-file",
                key.to_str().unwrap(),
                "--slot-id",
                "0",
                "--slot-version",
                &version,
                &data,
            ])
            .await;
            if done.said.contains("\"accepted\":true") {
                return;
            }
        }
        panic!("the node takes no chunk of the key");
    }
}

/// Every block that a journal knows, by height.
fn signed(config: &Path) -> BTreeMap<i64, Vec<Vec<u8>>> {
    let journal = config.with_file_name("signer.countersign-journal.sqlite");
    let db = rusqlite::Connection::open(journal).unwrap();
    let mut rows = db.prepare("SELECT height, sighash FROM acceptance").unwrap();
    let found = rows.query_map([], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, Vec<u8>>(1)?)));
    let mut signed: BTreeMap<i64, Vec<Vec<u8>>> = BTreeMap::new();
    for row in found.unwrap() {
        let (height, sighash) = row.unwrap();
        signed.entry(height).or_default().push(sighash);
    }
    signed
}

async fn stopped(daemon: Daemon) -> Ended {
    daemon.signal(Signal::TERM);
    daemon.ended(LIMIT).await
}

/// A signer, and the configuration of another one with its key and files of its own.
async fn of_one_key(folders: &[TempDir; 2]) -> (Daemon, PathBuf) {
    let [first, second] = folders.each_ref().map(TempDir::path);
    let lonely = Settings::lonely(first);
    let (running, _) = Daemon::ready(&lonely.write(&first.join("config.toml"))).await;
    let other =
        Settings::lonely(second).with("stacks_private_key", lonely.text("stacks_private_key"));
    (running, other.write(&second.join("config.toml")))
}

#[tokio::test]
async fn a_second_signer_of_a_key_does_not_start_whatever_its_files_are() {
    let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let (running, other) = of_one_key(&folders).await;
    let refused = Daemon::run(&other).await;
    assert_eq!(refused.code, Some(12), "{}", refused.log);
    let named = format!("process {} of user ", running.pid());
    assert!(refused.log.contains(&named), "{}", refused.log);
    assert!(refused.log.contains("countersign standby"), "{}", refused.log);
    // The lock ends with its process, however that ends.
    running.kill().await;
    drop(Daemon::ready(&other).await);
}

#[tokio::test]
#[ignore = "needs to be root, for a network namespace"]
async fn as_root_a_second_signer_in_another_network_namespace_does_not_start() {
    let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let (running, other) = of_one_key(&folders).await;
    let mut elsewhere = Command::new("unshare");
    elsewhere.arg("--net").arg(countersign()).stdin(Stdio::null());
    let refused = Daemon::spawn(elsewhere, &other).ended(LIMIT).await;
    assert_eq!(refused.code, Some(12), "{}", refused.log);
    assert!(
        refused.log.contains(&format!("process {} of user ", running.pid())),
        "{}",
        refused.log
    );
}

#[tokio::test]
async fn a_standby_decides_as_the_active_one_and_takes_its_place_without_a_restart() {
    let mut pair = Pair::new().await;
    let (a, b) = (pair.config("a", ""), pair.config("b", ""));
    let active = pair.active(&a).await;
    pair.network.adopts(1, "the first instance signs").await;
    let standby = pair.standby(&b).await;
    let compared = agrees(&b, 3).await;
    assert_eq!(compared["differs"], 0, "{compared}");
    assert_eq!(instance(&b).await["state"], "standby");

    let moved = pair.folder.path().join("moved.json");
    let (a_config, b_config) = (a.to_str().unwrap(), b.to_str().unwrap());
    let moved = moved.to_str().unwrap();
    let begun = Instant::now();
    let demoted = command(&["demote", "--config", a_config, "--out", moved]).await;
    assert_eq!(demoted.code, Some(0), "{demoted:?}");
    assert!(demoted.said.contains("read back, and proven by the key"), "{demoted:?}");
    let promoted = command(&["promote", "--json", "--config", b_config, "--journal", moved]).await;
    let gap = begun.elapsed();
    assert_eq!(promoted.code, Some(0), "{promoted:?}");
    let promoted: Value = serde_json::from_str(&promoted.said).unwrap();
    assert_eq!((&promoted["state"], &promoted["before"]), (&"active".into(), &"standby".into()));
    assert!(promoted["seconds"].as_f64().unwrap() < 2.0, "{promoted}");
    let drill = b.parent().unwrap().join("records/drill.failover.json");
    let drill = std::fs::read_to_string(&drill).unwrap();
    assert!(drill.contains("\"ok\""), "{drill}");
    assert!(gap < Duration::from_secs(10), "{gap:?}");
    pair.network.skip_to_now();
    pair.network.adopts(3, "the second instance signs").await;
    assert_eq!(instance(&a).await["state"], "demoted");
    assert_eq!(instance(&b).await["state"], "active");

    // No start changes who signs: the first one stays demoted.
    stopped(active).await;
    let again = pair.active(&a).await;
    becomes(&a, "demoted").await;
    pair.network.adopts(2, "the second instance signs on").await;
    assert_eq!(instance(&b).await["state"], "active");
    stopped(again).await;
    stopped(standby).await;
    let (by_first, by_both) = (signed(&a), signed(&b));
    assert!(by_first.len() < by_both.len());
    for (height, sighashes) in &by_both {
        assert_eq!(sighashes.len(), 1, "two blocks at height {height}");
    }
    for (height, sighashes) in by_first {
        assert_eq!(by_both.get(&height), Some(&sighashes), "height {height} was not handed over");
    }
}

#[tokio::test]
async fn a_lost_instance_is_replaced_after_the_floor_and_a_living_one_never() {
    let mut pair = Pair::new().await;
    let a = pair.config("a", "");
    let b = pair.config("b", "lost_peer_floor_secs = 4");
    let b_config = b.to_str().unwrap();
    let active = pair.active(&a).await;
    let standby = pair.standby(&b).await;
    pair.network.adopts(2, "the first instance signs").await;

    // It lives. The key is free on this machine only because the two are told apart by their locks.
    let refused = command(&["promote", "--config", b_config, "--peer-is-lost"]).await;
    assert_eq!(refused.code, Some(12), "{refused:?}");
    assert!(refused.errors.contains("signs with the key"), "{refused:?}");
    assert_eq!(instance(&b).await["state"], "standby");

    active.kill().await;
    let promoted = command(&["promote", "--config", b_config, "--peer-is-lost"]).await;
    assert_eq!(promoted.code, Some(0), "{promoted:?}");
    assert!(promoted.errors.contains("this instance signs in"), "{promoted:?}");
    pair.network.skip_to_now();
    pair.network.adopts(2, "the second instance signs").await;
    stopped(standby).await;
}

#[tokio::test]
async fn a_promotion_is_called_off_when_the_other_instance_is_heard_on_another_machine() {
    let pair = Pair::new().await;
    // A tenth of it is for what the other one wrote before it was lost.
    let config = pair.config("b", "lost_peer_floor_secs = 30");
    let path = config.to_str().unwrap();
    let standby = pair.standby(&config).await;
    let lives_on = async {
        becomes(&config, "waiting").await;
        // On this machine nobody has the key: what is heard comes from afar.
        for version in 100_000.. {
            pair.forge_version(version).await;
        }
    };
    let promote = ["promote", "--config", path, "--peer-is-lost"];
    let promoted = tokio::select! {
        promoted = command(&promote) => promoted,
        () = lives_on => unreachable!("it writes for ever"),
    };
    assert_eq!(promoted.code, Some(12), "{promoted:?}");
    assert!(promoted.errors.contains("the other instance is not lost: it wrote"), "{promoted:?}");
    standby.log().wait_for(0, "the promotion is called off", LIMIT).await;
    assert_eq!(instance(&config).await["state"], "standby");
    stopped(standby).await;
    assert!(signed(&config).is_empty());
}

#[tokio::test]
async fn a_chunk_of_somebody_else_with_our_key_freezes_signing_until_a_human_decides() {
    let mut pair = Pair::new().await;
    let config = pair.config("a", "lost_peer_floor_secs = 1");
    let path = config.to_str().unwrap();
    let daemon = pair.active(&config).await;
    pair.network.adopts(2, "the signer works").await;
    pair.forge().await;
    daemon.log().wait_for(0, "SIGNING IS FROZEN", LIMIT).await;
    let frozen = instance(&config).await;
    assert_eq!(frozen["state"], "frozen");
    let text = frozen["text"].as_str().unwrap();
    assert!(text.contains("with version 100000"), "{text}");
    assert!(text.contains(&"07".repeat(32)), "{text}");

    stopped(daemon).await;
    let again = pair.active(&config).await;
    becomes(&config, "frozen").await;
    // Nothing was published since: the chain stands still, as it must with its only signer frozen.
    pair.network.skip_to_now();
    pair.network.proposes(1, "the miner asks").await;
    assert_eq!(instance(&config).await["state"], "frozen");

    let promoted = command(&["promote", "--config", path, "--peer-is-lost"]).await;
    assert_eq!(promoted.code, Some(0), "{promoted:?}");
    pair.network.adopts(2, "the signer works again").await;
    stopped(again).await;
}

#[tokio::test]
async fn a_start_listens_unless_a_clean_stop_came_before() {
    let mut pair = Pair::new().await;
    let config = pair.config("a", "listen_before_signing_secs = 0");
    let first = pair.active(&config).await;
    pair.network.adopts(1, "the signer works").await;
    stopped(first).await;
    let patient = pair.config("a", "listen_before_signing_secs = 3600");
    let second = pair.active(&patient).await;
    becomes(&patient, "active").await;
    pair.network.adopts(1, "a clean stop came before").await;
    second.kill().await;
    let third = pair.active(&patient).await;
    becomes(&patient, "listening").await;
    pair.network.skip_to_now();
    pair.network.proposes(2, "the miner asks").await;
    let listening = instance(&patient).await;
    assert_eq!(listening["state"], "listening");
    assert!(listening["left_secs"].as_f64().unwrap() > 3000.0, "{listening}");
    stopped(third).await;
}

/// What `put-chunk` takes.
fn bs58(data: &[u8]) -> String {
    ::bs58::encode(data).into_string()
}
