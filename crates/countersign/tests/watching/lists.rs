//! What the program says about alerts.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use countersign_watch::alert;
use serde_json::Value;

use crate::net::Server;
use crate::program::{countersign, ended};

#[test]
fn every_alert_is_listed_for_people_and_for_programs() {
    let (code, text, _) = ended(&mut countersign(&["alerts", "list"]));
    assert_eq!((code, text.lines().count()), (0, alert::all().count()));
    let (_, json, _) = ended(&mut countersign(&["alerts", "list", "--json"]));
    let alerts: Vec<Value> = serde_json::from_str(&json).unwrap();
    assert_eq!(alerts.len(), alert::all().count());
    for (shown, alert) in alerts.iter().zip(alert::all()) {
        assert_eq!(shown["name"], alert.name);
        assert!(text.contains(alert.threshold));
    }
    let (code, page, _) = ended(&mut countersign(&["alerts", "list", "SignerDown"]));
    assert_eq!((code, page), (0, alert::page(alert::find("SignerDown").unwrap())));
    let (code, _, error) = ended(&mut countersign(&["alerts", "list", "NoSuchAlert"]));
    assert_eq!(code, 2);
    assert!(error.contains("there is no alert NoSuchAlert"), "{error}");
}

#[test]
fn the_rules_are_printed_as_the_registry_has_them() {
    let (code, text, _) = ended(&mut countersign(&["alerts", "rules"]));
    assert_eq!((code, text), (0, countersign_watch::rules()));
}

/// The words of a command that is one of ours, without what it is about.
fn verbs(command: &str) -> Vec<&str> {
    let words = command.split(' ').skip(1);
    words.take_while(|word| !word.starts_with('-') && !word.contains('/')).collect()
}

#[test]
fn every_command_of_a_runbook_is_one_of_the_program() {
    let mut helps = std::collections::BTreeMap::new();
    for alert in alert::all() {
        for command in alert.runbook.commands.iter().filter(|line| line.starts_with("countersign "))
        {
            let words = verbs(command);
            let help: &mut String = helps.entry(words.clone()).or_insert_with(|| {
                let (code, help, error) = ended(countersign(&words).arg("--help"));
                assert_eq!(code, 0, "{command}: {error}");
                help
            });
            for flag in command.split(' ').filter(|word| word.starts_with("--")) {
                assert!(help.contains(flag), "{}: {command}: {flag}\n{help}", alert.name);
            }
        }
    }
    assert!(helps.len() > 5);
}

#[test]
fn secrets_are_filled_into_a_file_that_only_its_owner_can_read() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let channels =
        countersign_watch::Channels { webhook_url_file: Some(at("webhook")), ..Default::default() };
    fs::write(at("from"), countersign_watch::alertmanager(&channels)).unwrap();
    let fill = || ended(&mut countersign(&["alerts", "fill", &at("from"), &at("to")]));
    let (code, _, error) = fill();
    assert_eq!(code, 2);
    assert!(error.contains(&format!("the secret in {} cannot be read", at("webhook"))), "{error}");
    assert!(!fs::exists(at("to")).unwrap(), "nothing half-written");
    fs::write(at("webhook"), "http://127.0.0.1:9/secret\n").unwrap();
    assert_eq!(fill(), (0, String::new(), String::new()));
    assert!(fs::read_to_string(at("to")).unwrap().contains("- url: \"http://127.0.0.1:9/secret\""));
    assert_eq!(fs::metadata(at("to")).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn a_test_alert_is_given_to_alertmanager_or_the_failure_is_told() {
    let manager = Server::http("200 OK", |_| String::new());
    let args = ["alerts", "test", "--severity", "ticket", "--alertmanager", &manager.address];
    let (code, said, _) = ended(&mut countersign(&args));
    assert_eq!(code, 0);
    assert!(said.contains("severity ticket: see that it arrives"), "{said}");
    let heard = manager.waits_for("the alert", |_| true);
    assert_eq!(heard.path, "/api/v2/alerts");
    let alerts: Value = serde_json::from_str(&heard.body).unwrap();
    assert_eq!(alerts[0]["labels"]["severity"], "ticket");
    let refusing = Server::http("400 Bad Request", |_| String::new());
    let (code, _, error) =
        ended(&mut countersign(&["alerts", "test", "--alertmanager", &refusing.address]));
    assert_eq!(code, 1);
    assert!(error.contains("the answer is 400"), "{error}");
    let (code, _, error) =
        ended(&mut countersign(&["alerts", "test", "--alertmanager", "127.0.0.1:9"]));
    assert_eq!(code, 1);
    assert!(error.contains("Alertmanager at 127.0.0.1:9") && !error.contains("webhook"), "{error}");
    let (code, _, error) =
        ended(&mut countersign(&["alerts", "test", "--alertmanager", "no address"]));
    assert_eq!(code, 1);
    assert!(error.contains("no address: not the address of an Alertmanager"), "{error}");
}

#[test]
fn that_a_test_alert_arrived_is_written_down_by_whoever_saw_it_and_the_doctor_reads_it() {
    let folder = tempfile::tempdir().unwrap();
    let records = folder.path().join("records").display().to_string();
    let doctor = || {
        let args = ["doctor", "--config", "none.toml", "--only", "drill-alerts", "--json"];
        let (_, json, _) = ended(countersign(&args).args(["--records", &records]));
        let report: Value = serde_json::from_str(&json).unwrap();
        report["checks"][0]["grade"].clone()
    };
    assert_eq!(doctor(), "warn");
    let (code, _, error) = ended(&mut countersign(&["alerts", "test", "--arrived"]));
    assert_eq!(code, 2, "{error}");
    let args = ["alerts", "test", "--arrived", "--records", &records];
    let (code, said, error) = ended(&mut countersign(&args));
    assert_eq!(code, 0, "{said}{error}");
    assert_eq!(doctor(), "ok");
}
