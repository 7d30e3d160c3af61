//! Alertmanager with our configuration, and receivers on this machine.

use std::fs;
use std::path::Path;
use std::process::Command;

use countersign_watch::alertmanager::{
    Channels, Heartbeat, Mail, PagerDuty, Telegram, alertmanager as configuration,
};
use serde_json::{Value, json};

use super::alertmanager;
use crate::net::{Server, ask};
use crate::program::{countersign, ended};

/// One receiver for each channel.
struct Receivers {
    webhook: Server,
    mail: Server,
    telegram: Server,
    pagerduty: Server,
    heartbeat: Server,
}

impl Receivers {
    fn new() -> Self {
        let ok = || Server::http("200 OK", |_| String::new());
        let message =
            r#"{"ok":true,"result":{"message_id":1,"date":1,"chat":{"id":-5,"type":"group"}}}"#;
        Self {
            webhook: ok(),
            // base64 of "\0signer\0correct horse"
            mail: Server::smtp("AHNpZ25lcgBjb3JyZWN0IGhvcnNl"),
            telegram: Server::http("200 OK", |_| message.to_owned()),
            pagerduty: Server::http("202 Accepted", |_| r#"{"status":"success"}"#.to_owned()),
            heartbeat: ok(),
        }
    }

    fn channels(&self, folder: &Path) -> Channels {
        let secret = |name: &str, text: String| -> String {
            fs::write(folder.join(name), text + "\n").unwrap();
            folder.join(name).to_str().unwrap().to_owned()
        };
        let url = |server: &Server, path| format!("http://{}{path}", server.address);
        Channels {
            webhook_url_file: Some(secret("webhook", url(&self.webhook, "/hook"))),
            mail: Some(Mail {
                server: self.mail.address.clone(),
                from: "signer@example.org".to_owned(),
                to: vec!["ann@example.org".to_owned()],
                login: Some(("signer".to_owned(), secret("mail", "correct horse".to_owned()))),
                needs_tls: false,
            }),
            telegram: Some(Telegram {
                chat: -5,
                token_file: secret("telegram", "123:ABC".to_owned()),
                api_url: Some(url(&self.telegram, "")),
            }),
            pagerduty: Some(PagerDuty {
                key_file: secret("pagerduty", "pager-key".to_owned()),
                url: Some(url(&self.pagerduty, "/v2/enqueue")),
            }),
            heartbeat: Some(Heartbeat {
                url_file: secret("heartbeat", url(&self.heartbeat, "/beat/token")),
                every_secs: 1,
            }),
        }
    }
}

/// The configuration as `countersign alerts fill` makes it for the distribution's Alertmanager, checked by amtool.
/// The test does not wait for more alerts of a group.
fn filled(folder: &Path, channels: &Channels) -> String {
    let (from, to) = (folder.join("from.yml"), folder.join("to.yml"));
    fs::write(&from, configuration(channels)).unwrap();
    let paths = [from.to_str().unwrap(), to.to_str().unwrap()];
    let (code, _, error) = ended(&mut countersign(&["alerts", "fill", paths[0], paths[1]]));
    assert_eq!(code, 0, "{error}");
    let (code, said, error) = ended(Command::new("amtool").args(["check-config", paths[1]]));
    assert_eq!(code, 0, "{said}{error}");
    let text = fs::read_to_string(to).unwrap();
    let impatient = text.replace("group_wait: 15s", "group_wait: 0s");
    assert_ne!(text, impatient);
    impatient
}

fn alert(name: &str, severity: &str, topic: &str) -> Value {
    json!({
        "labels": {
            "alertname": name, "severity": severity, "topic": topic, "group": "signer",
            "job": "countersign", "instance": "s", "host": "berlin",
        },
        "annotations": {
            "summary": format!("{name} <happened>"), "threshold": "it happened",
            "command": format!("countersign alerts list {name}"), "runbook_url": "page.md",
        },
    })
}

fn give(address: &str, alerts: &[Value]) {
    let body = Value::from(alerts.to_vec()).to_string();
    assert_eq!(ask(address, "POST", "/api/v2/alerts", &body).0, 200);
}

#[test]
#[ignore = "needs root: Alertmanager and amtool of the distribution"]
fn an_alert_reaches_everybody_whom_its_severity_concerns() {
    let folder = tempfile::tempdir().unwrap();
    let receivers = Receivers::new();
    let config = filled(folder.path(), &receivers.channels(folder.path()));
    let (_manager, address) = alertmanager(folder.path(), &config);

    // What is only to know comes first: whoever hears of it has heard of nothing else.
    give(&address, &[alert("Curious", "info", "a")]);
    let about = |name: &'static str| move |heard: &crate::net::Heard| heard.body.contains(name);
    receivers.webhook.waits_for("the webhook's message", about("Curious"));
    receivers.mail.waits_for("the mail", about("Curious"));
    give(&address, &[alert("Annoying", "ticket", "b")]);
    let said = receivers.telegram.waits_for("the chat's message", |_| true);
    assert!(said.body.contains("Annoying") && said.path == "/bot123:ABC/sendMessage", "{said:?}");
    give(&address, &[alert("Urgent", "page", "c")]);
    let called = receivers.pagerduty.waits_for("the pager's call", |_| true);
    assert_eq!(called.path, "/v2/enqueue");
    let called: Value = serde_json::from_str(&called.body).unwrap();
    assert_eq!(
        (&called["routing_key"], &called["event_action"]),
        (&json!("pager-key"), &json!("trigger"))
    );
    assert!(called.to_string().contains("Urgent"), "{called}");
    let hook = receivers.webhook.waits_for("the webhook's message", about("Urgent"));
    assert_eq!(hook.path, "/hook");
    let mail = receivers.mail.waits_for("the mail", about("Urgent"));
    assert!(mail.path.contains("RCPT TO:<ann@example.org>"), "{mail:?}");
    assert!(mail.body.contains("Subject: [firing] page: Urgent berlin"), "{mail:?}");
    assert!(mail.body.contains("countersign alerts list Urgent"), "{mail:?}");
}

#[test]
#[ignore = "needs root: Alertmanager of the distribution"]
fn the_lesser_alert_about_one_thing_and_what_follows_from_a_dead_signer_are_kept_back() {
    let folder = tempfile::tempdir().unwrap();
    let receivers = Receivers::new();
    let config = filled(folder.path(), &receivers.channels(folder.path()));
    let (_manager, address) = alertmanager(folder.path(), &config);
    give(
        &address,
        &[
            alert("SignerDown", "page", "signer_up"),
            alert("MostBlocksMissed", "page", "blocks_missed"),
            alert("BlocksMissed", "ticket", "blocks_missed"),
            alert("DiskFillsUp", "ticket", "disk_space"),
        ],
    );
    // The signer is down, and nothing else about it is told; the disk is another thing, but of its group.
    receivers.webhook.waits_for("the alarm", |heard| heard.body.contains("SignerDown"));
    let (_, listed) = ask(&address, "GET", "/api/v2/alerts?active=true&inhibited=true", "");
    let alerts: Vec<Value> = serde_json::from_str(&listed).unwrap();
    let mut states: Vec<(String, bool)> = alerts
        .iter()
        .map(|alert| {
            let name = alert["labels"]["alertname"].as_str().unwrap().to_owned();
            (name, !alert["status"]["inhibitedBy"].as_array().unwrap().is_empty())
        })
        .collect();
    states.sort();
    let expected = [
        ("BlocksMissed", true),
        ("DiskFillsUp", true),
        ("MostBlocksMissed", true),
        ("SignerDown", false),
    ];
    assert_eq!(states, expected.map(|(name, is_kept)| (name.to_owned(), is_kept)));
}

#[test]
#[ignore = "needs root: Alertmanager of the distribution"]
fn the_heartbeat_goes_to_its_url_again_and_again_and_to_nobody_else() {
    let folder = tempfile::tempdir().unwrap();
    let receivers = Receivers::new();
    let config = filled(folder.path(), &receivers.channels(folder.path()));
    let (_manager, address) = alertmanager(folder.path(), &config);
    give(&address, &[alert("Watchdog", "heartbeat", "heartbeat")]);
    for _ in 0..2 {
        let beat = receivers.heartbeat.waits_for("a beat", |_| true);
        assert_eq!(beat.path, "/beat/token");
    }
    assert!(receivers.webhook.so_far().is_empty());
    assert!(receivers.pagerduty.so_far().is_empty());
}
