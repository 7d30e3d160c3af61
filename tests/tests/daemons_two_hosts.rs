//! Node and signer as on two hosts: everything between them goes over mutual TLS, by `countersign link`.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command as StdCommand, Stdio};
use std::time::Duration;

use countersign_devnet::{DevnetConfig, SignerKind};
use system_tests::daemons::{
    Daemon, Manager, Network, Signal, countersign, exchange, post, quick, within,
};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};
use toml::{Table, Value};

/// A running `countersign link`. Dropping it kills it.
struct Link {
    child: Child,
    rpc: SocketAddr,
}

impl Link {
    async fn start(folder: &Path, config: &str) -> Self {
        let path = folder.join("link.toml");
        fs::write(&path, config).unwrap();
        let mut child = Command::new(countersign())
            .args(["link", "--config"])
            .arg(&path)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(File::create(folder.join("link.log")).unwrap())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let ready = within(Duration::from_secs(20), "the link", lines.next_line()).await.unwrap();
        let log = || fs::read_to_string(folder.join("link.log")).unwrap();
        let ready = ready.unwrap_or_else(|| panic!("the link does not start:\n{}", log()));
        let rpc = ready.rsplit_once("questions at ").unwrap().1.parse().unwrap();
        Self { child, rpc }
    }

    /// Ends it with SIGKILL, and waits until its ports are free.
    async fn kill(mut self) {
        within(Duration::from_secs(10), "the end of a killed link", self.child.kill())
            .await
            .unwrap();
    }
}

/// A certificate, its key and its pin.
struct Identity {
    certificate: PathBuf,
    key: PathBuf,
    pin: String,
}

impl Identity {
    fn new(folder: &Path, name: &str) -> Self {
        let output = StdCommand::new(countersign())
            .args(["tls", "new", "--json", "--name", name, "--out"])
            .arg(folder)
            .output()
            .unwrap();
        let made: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        let text = |key: &str| made[key].as_str().unwrap().to_owned();
        Self { certificate: text("certificate").into(), key: text("key").into(), pin: text("pin") }
    }

    /// The keys of a configuration by which this side knows the other.
    fn table(&self, peer: &Self) -> Table {
        let path = |path: &Path| Value::from(path.to_str().unwrap());
        Table::from_iter([
            ("certificate".to_owned(), path(&self.certificate)),
            ("key".to_owned(), path(&self.key)),
            ("peers".to_owned(), Value::from(vec![peer.pin.as_str()])),
        ])
    }
}

/// A network of one signer, which knows its node by the link only.
struct Stage {
    network: Network,
    daemon: Daemon,
    link: Option<Link>,
    /// Where the node posts its callbacks.
    events: SocketAddr,
    /// Where the signer takes them.
    endpoint: SocketAddr,
    config: Box<dyn Fn(SocketAddr) -> String>,
    folder: TempDir,
}

impl Stage {
    async fn set() -> Self {
        let config = DevnetConfig { signers: vec![SignerKind::External], ..quick(1) };
        let mut network = Network::start(config).await;
        let settings = network.settings(0);
        let folder = tempfile::tempdir().unwrap();
        let tls = folder.path().join("tls");
        let (link, signer) = (Identity::new(&tls, "link"), Identity::new(&tls, "signer"));
        // The node posts to where the signer would be, and the signer has the port of its metrics.
        let node = settings.address("node_host");
        let events = settings.address("endpoint");
        let endpoint = settings.address("metrics_endpoint");
        let of_link = link.table(&signer).to_string();
        let config = Box::new(move |rpc| {
            format!(
                "{of_link}\n[events]\nlisten = \"{events}\"\nto = \"{endpoint}\"\n\
                 [rpc]\nlisten = \"{rpc}\"\nto = \"{node}\"\n"
            )
        });
        let any_port = "127.0.0.1:0".parse().unwrap();
        let running = Link::start(folder.path(), &config(any_port)).await;
        let of_signer = signer.table(&link);
        let ours = Table::from_iter([
            ("tls".to_owned(), Value::from(of_signer.clone())),
            ("node_tls".to_owned(), Value::from(of_signer)),
        ]);
        let settings = settings
            .without("metrics_endpoint")
            .with("endpoint", endpoint.to_string())
            .with("node_host", running.rpc.to_string())
            .with("countersign", ours);
        let (daemon, _) = Daemon::ready(&network.write(0, &settings)).await;
        network.adopts(2, "the signer is heard through the link").await;
        Self { network, daemon, link: Some(running), events, endpoint, config, folder }
    }
}

#[tokio::test]
async fn a_signer_behind_a_link_signs_and_nothing_shuts_it_down() {
    let mut stage = Stage::set().await;
    assert_eq!(post(stage.events, "/shutdown", b"").await.status, 403);
    let in_the_clear = b"POST /shutdown HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n";
    assert_eq!(exchange(stage.endpoint, in_the_clear).await, None);
    let refused = "refused a connection: the TLS handshake failed";
    stage.daemon.log().wait_for(0, refused, Duration::from_secs(10)).await;
    stage.network.skip_to_now();
    stage.network.adopts(2, "nothing was shut down").await;
    assert!(stage.daemon.is_running());
    let log = stage.daemon.log().text();
    assert_eq!(log.matches(refused).count(), 1, "{log}");
    stage.network.devnet.stop().await;
}

#[tokio::test]
async fn a_link_that_was_killed_and_comes_back_costs_time_only() {
    let mut stage = Stage::set().await;
    let link = stage.link.take().unwrap();
    let rpc = link.rpc;
    link.kill().await;
    stage.network.proposes(1, "the signer is not heard").await;
    let back = Link::start(stage.folder.path(), &(stage.config)(rpc)).await;
    stage.network.skip_to_now();
    stage.network.adopts(2, "the link is back").await;
    assert!(stage.daemon.is_running());
    drop(back);
    stage.network.devnet.stop().await;
}

#[tokio::test]
async fn the_service_manager_hears_that_the_link_is_ready_and_lives() {
    let folder = tempfile::tempdir().unwrap();
    let (link, signer) =
        (Identity::new(folder.path(), "link"), Identity::new(folder.path(), "signer"));
    let config = format!(
        "{}\n[events]\nlisten = \"127.0.0.1:0\"\nto = \"127.0.0.1:9\"\n\
         [rpc]\nlisten = \"127.0.0.1:0\"\nto = \"127.0.0.1:9\"\n",
        link.table(&signer)
    );
    let path = folder.path().join("link.toml");
    fs::write(&path, config).unwrap();
    let manager = Manager::new();
    let mut command = Command::new(countersign());
    command.args(["link", "--config"]).arg(&path).stdout(Stdio::null()).stderr(Stdio::null());
    let mut command = manager.look_after(command, Duration::from_millis(400));
    let mut child = command.kill_on_drop(true).spawn().unwrap();
    manager.hears("READY=1").await;
    manager.hears("WATCHDOG=1").await;
    manager.hears("WATCHDOG=1").await;
    system_tests::daemons::signal(child.id().unwrap(), Signal::TERM);
    manager.hears("STOPPING=1").await;
    let ended = within(Duration::from_secs(10), "the end of the link", child.wait()).await;
    assert_eq!(ended.unwrap().code(), Some(0));
}
