//! With the Prometheus and the Chromium of the distribution. Of Grafana the distribution has no package: `board.html`
//! reads the same JSON, asks the same questions, and draws the answers.

use std::collections::BTreeMap;
use std::env;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;
use system_tests::browser::Browser;
use system_tests::daemons::{Network, poll, quick, within};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};
use tokio::time::Instant;

/// Set, it names a folder for pictures of the dashboards, after a life of the network that is worth one.
const PICTURES: &str = "COUNTERSIGN_PICTURES";
const LIMIT: Duration = Duration::from_mins(1);
/// The life that is worth a picture.
const LONG_LIFE: Duration = Duration::from_mins(12);

/// On a network where all is well these have nothing to draw: nothing was rejected, and no records were kept.
const EMPTY: [&str; 5] = [
    "Rejections by reason, 15 min",
    "Backups",
    "Oldest log entries",
    "Certificates expire",
    "Drills",
];

#[tokio::test]
#[ignore = "needs root: Prometheus and a Chromium of the distribution"]
async fn every_panel_of_a_signers_dashboards_shows_what_prometheus_has_of_a_real_network() {
    let mut network = Network::start(quick(4)).await;
    network.adopts(3, "there is something to show").await;
    let folder = tempfile::tempdir().unwrap();
    let (_prometheus, address) = prometheus(folder.path(), &metrics_of(&network)).await;
    let pictures = env::var_os(PICTURES).map(PathBuf::from);
    if pictures.is_some() {
        live(&mut network).await;
    }
    let browser = Browser::start().await;
    browser.resize(1440, 1000).await;
    browser
        .open(&format!("file://{}/tests/dashboards/board.html", env!("CARGO_MANIFEST_DIR")))
        .await;
    for (name, board) in countersign_watch::dashboards() {
        if !["countersign-signer.json", "countersign-fleet.json"].contains(&name.as_str()) {
            continue;
        }
        poll(LIMIT, &format!("a whole {name}"), async || {
            let drawn = drawn(&browser, &board, address).await;
            let missing = drawn
                .iter()
                .find(|(title, series)| **series == 0 && !EMPTY.contains(&title.as_str()));
            missing.is_none().then_some(())
        })
        .await;
        let shown = browser
            .run("return document.querySelectorAll('.panel svg, .panel .number').length")
            .await;
        assert!(shown.as_u64().unwrap() >= 5, "{name}: {shown}");
        if let Some(pictures) = &pictures {
            let file = name.replace("countersign-", "dashboard-").replace("json", "png");
            std::fs::write(pictures.join(file), browser.picture().await).unwrap();
        }
    }
    assert_eq!(browser.console().await, [""; 0]);
    browser.end().await;
    network.devnet.stop().await;
}

/// Where two of the signers serve their metrics, as an operator of two would have it.
fn metrics_of(network: &Network) -> Vec<String> {
    (2..4).map(|signer| network.devnet.place(signer).unwrap().metrics.clone()).collect()
}

/// One signer is away for a while.
async fn live(network: &mut Network) {
    let begun = Instant::now();
    let mut is_away = false;
    while begun.elapsed() < LONG_LIFE {
        let should_be_away = (0.5..0.65).contains(&begun.elapsed().div_duration_f64(LONG_LIFE));
        if should_be_away != is_away {
            is_away = should_be_away;
            let devnet = &network.devnet;
            let changed =
                if is_away { devnet.pause_signer(2).await } else { devnet.resume_signer(2).await };
            changed.unwrap();
        }
        network.next().await;
    }
}

/// Has the browser draw a dashboard. Gives how many series each panel has.
async fn drawn(browser: &Browser, board: &str, prometheus: SocketAddr) -> BTreeMap<String, u64> {
    let answer = browser.run(&format!("return draw({board}, 'http://{prometheus}');")).await;
    let panels = answer.as_array().unwrap_or_else(|| panic!("{answer}"));
    let count = |panel: &Value| {
        (panel["title"].as_str().unwrap().to_owned(), panel["series"].as_u64().unwrap())
    };
    for panel in panels {
        assert_eq!(panel["error"], Value::Null, "{}", panel["title"]);
    }
    panels.iter().map(count).collect()
}

/// Prometheus on a free port, before these targets.
async fn prometheus(folder: &Path, targets: &[String]) -> (Child, SocketAddr) {
    let config = folder.join("prometheus.yml");
    let targets = serde_json::to_string(targets).unwrap();
    let text = format!(
        "global: {{scrape_interval: 2s}}\nscrape_configs:\n  - job_name: countersign\n    static_configs: [{{targets: \
         {targets}}}]\n"
    );
    std::fs::write(&config, text).unwrap();
    let mut child = Command::new("prometheus")
        .arg(format!("--config.file={}", config.display()))
        .arg(format!("--storage.tsdb.path={}", folder.join("data").display()))
        .arg("--web.listen-address=127.0.0.1:0")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("Prometheus can be started (Debian: apt-get install prometheus)");
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let address = within(LIMIT, "Prometheus' address", async {
        loop {
            let line = lines.next_line().await.unwrap().expect("Prometheus runs");
            if let Some((_, address)) = line.split_once("msg=\"Listening on\" address=") {
                return address.parse().unwrap();
            }
        }
    })
    .await;
    tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
    (child, address)
}
