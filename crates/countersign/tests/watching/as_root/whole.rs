//! From a real page of metrics to the dead-man's switch: exporter, Prometheus, Alertmanager, deadman.

use std::fs;

use countersign_ops::records::{self, Outcome, Record};
use countersign_watch::alertmanager::{Channels, Heartbeat, alertmanager as configuration, fill};
use serde_json::Value;

use super::{alertmanager, prometheus};
use crate::deadman::{Switch, TOKEN};
use crate::exporter::{self, node};
use crate::net::{Server, ask};
use crate::program::PATIENCE;

/// The alerts that Prometheus knows of, with their states.
fn states(prometheus: &str) -> Vec<(String, String)> {
    let (_, text) = ask(prometheus, "GET", "/api/v1/alerts", "");
    let answer: Value = serde_json::from_str(&text).unwrap_or_default();
    let alerts = answer["data"]["alerts"].as_array().cloned().unwrap_or_default();
    let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    alerts
        .iter()
        .map(|alert| (word(&alert["labels"]["alertname"]), word(&alert["state"])))
        .collect()
}

#[test]
#[ignore = "needs root: Prometheus and Alertmanager of the distribution"]
fn a_real_page_is_scraped_judged_and_told_and_the_silence_of_the_watch_is_an_alarm() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    // A page with a job that has failed, and a node whose next cycle lacks the key.
    records::write(&at("records"), &Record::new("backup.sbtc", 1, Outcome::Failed)).unwrap();
    fs::write(at("records").join("torn.json"), "{").unwrap();
    let node = node();
    let (_exporter, metrics) = exporter::start(&node, &at("records"), &[]);

    let alarms = Server::http("200 OK", |_| String::new());
    let switch = Switch::new(&alarms);
    let (_switch, heart) = switch.start();
    fs::write(at("heartbeat"), format!("http://{heart}/beat/{TOKEN}\n")).unwrap();
    let url_file = at("heartbeat").to_str().unwrap().to_owned();
    let heartbeat = Some(Heartbeat { url_file, every_secs: 1 });
    let config = configuration(&Channels { heartbeat, ..Channels::default() });
    let config = fill(&config, |path| fs::read_to_string(path)).unwrap();
    let (manager, managing) = alertmanager(folder.path(), &config);

    fs::write(at("rules.yml"), countersign_watch::rules()).unwrap();
    let config = format!(
        "global: {{scrape_interval: 1s, evaluation_interval: 1s}}\nrule_files: [rules.yml]\nalerting:\n  \
         alertmanagers: [{{static_configs: [{{targets: [\"{managing}\"]}}]}}]\nscrape_configs:\n  - job_name: \
         countersign-exporter\n    static_configs: [{{targets: [\"{metrics}\"]}}]\n"
    );
    let (_prometheus, watching) = prometheus(folder.path(), &config);
    let begun = std::time::Instant::now();
    let expected = [
        ("Watchdog", "firing"),
        ("JobFailed", "pending"),
        ("RecordsDamaged", "pending"),
        ("NotRegisteredForNextCycle", "pending"),
    ];
    loop {
        let states = states(&watching);
        let is_there =
            |(name, state): (&str, &str)| states.contains(&(name.to_owned(), state.to_owned()));
        if expected.into_iter().all(is_there) {
            assert_eq!(states.len(), expected.len(), "and nothing else: {states:?}");
            break;
        }
        assert!(begun.elapsed() < PATIENCE, "{states:?}");
        std::thread::yield_now();
    }
    // The heart beats; when the one who sends it is gone, the switch calls.
    alarms.waits_for("the end of the silence before the first beat, or nothing", |heard| {
        heard.body.contains("resolved")
    });
    drop(manager);
    let alarm = alarms.waits_for("the alarm", |heard| heard.body.contains("firing"));
    assert!(alarm.body.contains("no heartbeat for"), "{alarm:?}");
}
