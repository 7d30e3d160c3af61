//! With the real Prometheus, promtool, Alertmanager and amtool of the distribution.

mod manager;
mod page;
mod promtool;
mod whole;

use std::fs;
use std::process::Command;

use crate::program::Running;

/// Prometheus on a free port, with this configuration in this folder; gives its address.
fn prometheus(folder: &std::path::Path, config: &str) -> (Running, String) {
    fs::write(folder.join("prometheus.yml"), config).unwrap();
    let running = Running::start(
        Command::new("prometheus")
            .arg(format!("--config.file={}", folder.join("prometheus.yml").display()))
            .arg(format!("--storage.tsdb.path={}", folder.join("data").display()))
            // It finds Alertmanager after five seconds; what it sent before is lost until it sends it again.
            .arg("--rules.alert.resend-delay=1s")
            .arg("--web.listen-address=127.0.0.1:0"),
    );
    let address = running.word_after("msg=\"Listening on\" address=");
    (running, address)
}

/// Alertmanager on a free port, with this configuration in this folder; gives its address.
fn alertmanager(folder: &std::path::Path, config: &str) -> (Running, String) {
    let file = folder.join("alertmanager.yml");
    fs::write(&file, config).unwrap();
    let running = Running::start(
        Command::new("prometheus-alertmanager")
            .arg(format!("--config.file={}", file.display()))
            .arg(format!("--storage.path={}", folder.join("alertmanager").display()))
            .args(["--web.listen-address=127.0.0.1:0", "--cluster.listen-address="]),
    );
    let address = running.word_after("msg=\"Listening on\" address=");
    (running, address)
}
