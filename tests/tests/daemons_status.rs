//! `countersign status` and the status page, asked of a real signer without a browser.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;
use system_tests::daemons::{
    Daemon, Network, Settings, Signal, countersign, get, poll, quick, within,
};
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::net::TcpListener;
use tokio::process::{Child, ChildStdout, Command};
use toml::Table;

const LIMIT: Duration = Duration::from_secs(20);

fn page_at(address: &str) -> Table {
    Table::from_iter([("status_page".to_owned(), address.into())])
}

/// `countersign status --watch` and what it prints.
struct Watch {
    _child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Watch {
    fn start(config: &str, more: &[&str]) -> Self {
        let mut child = Command::new(countersign())
            .args(["status", "--watch", "--config", config])
            .args(more)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { _child: child, lines }
    }

    async fn next(&mut self) -> String {
        let line = within(LIMIT, "a line of the watch", self.lines.next_line()).await;
        line.unwrap().expect("the watch goes on")
    }
}

#[tokio::test]
async fn a_watch_prints_an_object_a_line_and_each_is_newer() {
    let mut network = Network::start(quick(1)).await;
    network.adopts(2, "the signer signs").await;
    let config = network.devnet.place(0).unwrap().config.clone();
    let mut watch = Watch::start(config.to_str().unwrap(), &["--json"]);
    let mut last = 0;
    for _ in 0..2 {
        let status: Value = serde_json::from_str(&watch.next().await).unwrap();
        assert_eq!(status["readiness"]["ready"], true);
        let snapshot = &status["snapshot"];
        assert_eq!((&snapshot["state"], &snapshot["schema"]), (&"signing".into(), &1.into()));
        assert_eq!(snapshot["signer"]["address"], status["signer"]["address"]);
        let made_at = snapshot["made_at"].as_u64().unwrap();
        assert!(made_at > last, "{made_at}");
        last = made_at;
    }
    network.devnet.stop().await;
}

#[tokio::test]
async fn a_watch_waits_for_a_signer_that_does_not_run_yet() {
    let folder = tempfile::tempdir().unwrap();
    let config = Settings::lonely(folder.path()).write(&folder.path().join("signer-config.toml"));
    let mut watch = Watch::start(config.to_str().unwrap(), &[]);
    assert_eq!(watch.next().await, "the signer does not run; waiting for it");
    let (daemon, _) = Daemon::ready(&config).await;
    while watch.next().await != "✘ NOT SIGNING" {}
    daemon.signal(Signal::TERM);
    while watch.next().await != "the signer does not run; waiting for it" {}
}

#[tokio::test]
async fn the_page_is_served_where_the_configuration_says_and_nowhere_else() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("signer-config.toml");
    let good = Settings::lonely(folder.path());
    let config = good.clone().with("countersign", page_at("127.0.0.1:0")).write(&path);
    let (daemon, _) = Daemon::ready(&config).await;
    let log = daemon.log().text();
    let (_, url) = log.split_once("status page: http://").unwrap();
    let page = url.split_once('/').unwrap().0.parse().unwrap();
    let shown = poll(LIMIT, "the node to be missed", async || {
        let shown: Value = serde_json::from_str(&get(page, "/status.json").await.body).unwrap();
        (shown["alerts"][0]["name"] == "SignerNodeSilent").then_some(shown)
    });
    let shown = shown.await;
    assert_eq!(
        (&shown["state"], &shown["alerts"][0]["severity"]),
        (&"not_signing".into(), &"critical".into())
    );
    daemon.signal(Signal::TERM);
    assert_eq!(daemon.ended(LIMIT).await.code, Some(0), "open pages hold no end up");

    let config = good.clone().with("countersign", page_at("0.0.0.0:0")).write(&path);
    let ended = Daemon::run(&config).await;
    assert_eq!(ended.code, Some(2), "{}", ended.log);
    assert!(ended.log.contains("is not a loopback address"), "{}", ended.log);

    let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let config = good.with("countersign", page_at(&address)).write(&path);
    let ended = Daemon::run(&config).await;
    assert_eq!(ended.code, Some(5), "{}", ended.log);
    assert!(ended.log.contains("`countersign.status_page` cannot be used"), "{}", ended.log);
}
