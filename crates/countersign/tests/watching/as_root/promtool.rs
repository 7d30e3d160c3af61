//! Rules and dashboards, read by promtool.

use std::fmt::Write as _;
use std::fs;
use std::process::Command;

use countersign_watch::dashboards;
use serde_json::Value;

use crate::program::{countersign, ended};

#[test]
#[ignore = "needs root: promtool of the distribution"]
fn promtool_reads_the_rules_and_each_alert_fires_once_and_none_while_all_is_well() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (_, rules, _) = ended(&mut countersign(&["alerts", "rules"]));
    fs::write(at("rules.yml"), &rules).unwrap();
    let (code, said, error) =
        ended(Command::new("promtool").args(["check", "rules", &at("rules.yml")]));
    assert_eq!(code, 0, "{said}{error}");
    let count = countersign_watch::alert::all().count();
    assert!(said.contains(&format!("SUCCESS: {count} rules found")), "{said}");
    let (_, tests, _) = ended(&mut countersign(&["alerts", "rules", "--tests", &at("rules.yml")]));
    fs::write(at("tests.yml"), &tests).unwrap();
    for alert in countersign_watch::alert::all() {
        let claim = format!("alertname=\\\"{}\\\",alertstate=\\\"firing\\\"", alert.name);
        assert!(tests.contains(&claim), "{} is not fired", alert.name);
    }
    let (code, said, error) =
        ended(Command::new("promtool").args(["test", "rules", &at("tests.yml")]));
    assert_eq!(code, 0, "{said}{error}");
}

#[test]
#[ignore = "needs root: promtool of the distribution"]
fn promtool_finds_an_alert_that_never_fires() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let rules = countersign_watch::rules();
    let spoiled = rules.replace("countersign_frozen == 1", "countersign_frozen == 2");
    assert_ne!(rules, spoiled);
    fs::write(at("rules.yml"), spoiled).unwrap();
    let tests = countersign_watch::alert::promtool_tests(&at("rules.yml"));
    fs::write(at("tests.yml"), tests).unwrap();
    let (code, said, error) =
        ended(Command::new("promtool").args(["test", "rules", &at("tests.yml")]));
    assert_ne!(code, 0);
    assert!((said + &error).contains("alertname=\\\"SignerFrozen\\\""));
}

#[test]
#[ignore = "needs root: promtool of the distribution"]
fn promtool_parses_the_expression_of_every_panel() {
    let folder = tempfile::tempdir().unwrap();
    let mut rules = String::from("groups:\n  - name: panels\n    rules:\n");
    let mut count = 0;
    for (_, text) in dashboards() {
        let board: Value = serde_json::from_str(&text).unwrap();
        for panel in board["panels"].as_array().unwrap() {
            for target in panel["targets"].as_array().unwrap() {
                count += 1;
                let expression = &target["expr"];
                writeln!(rules, "      - record: panel{count}\n        expr: {expression}")
                    .unwrap();
            }
        }
    }
    let file = folder.path().join("panels.yml");
    fs::write(&file, rules).unwrap();
    let (code, said, error) = ended(Command::new("promtool").args(["check", "rules"]).arg(&file));
    assert_eq!(code, 0, "{said}{error}");
    assert!(said.contains(&format!("SUCCESS: {count} rules found")), "{said}");
    assert!(count > 30);
}
