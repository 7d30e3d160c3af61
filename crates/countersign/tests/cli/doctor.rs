//! `countersign doctor` as a program: what is asked of it, what it prints, and how it ends.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Output;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::{KEY, Place, countersign, said};

/// The report that was printed.
fn report(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", said(output)))
}

/// The grade of a check; none if it was not made.
fn grade<'a>(report: &'a Value, id: &str) -> Option<&'a str> {
    let checks = report["checks"].as_array().unwrap();
    checks.iter().find(|check| check["id"] == id)?["grade"].as_str()
}

#[test]
fn more_than_sixty_checks_are_listed_each_with_its_rows() {
    let text = said(&countersign(&["doctor", "--list"]).output().unwrap());
    assert!(text.starts_with("exit: 0\n"), "{text}");
    assert!(text.lines().count() > 60, "{text}");
    assert!(
        text.contains("node-password-accepted   the node takes the signer's password (E9 E15)"),
        "{text}"
    );
    let json = countersign(&["doctor", "--list", "--json"]).output().unwrap();
    let list: Vec<Value> = serde_json::from_slice(&json.stdout).unwrap();
    assert!(list.len() > 60);
    let one = countersign(&["doctor", "--list", "--only", "cpu"]).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&one.stdout).lines().count(), 1);
}

#[test]
fn what_makes_no_sense_is_a_usage_error() {
    let rows: [(&[&str], &str); 5] = [
        (&["doctor"], "name what is to be examined"),
        (&["doctor", "--only", "sharks", "--config", "x"], "there is no check `sharks`"),
        (&["doctor", "--profile", "whale", "--config", "x"], "there is no profile `whale`"),
        (&["doctor", "--config", "x", "--yes"], "--fix"),
        (&["doctor", "--site", "/nowhere/countersign.toml"], "/nowhere/countersign.toml"),
    ];
    for (args, expected) in rows {
        let text = said(&countersign(args).output().unwrap());
        assert!(text.starts_with("exit: 2\n"), "{args:?}: {text}");
        assert!(text.contains(expected), "{args:?}: {text}");
    }
}

#[test]
fn hostile_values_in_a_configuration_are_shown_on_one_line_and_run_nowhere() {
    let place = Place::good()
        .with("node_host", "node_host = \"127.0.0.1:9\\n\\u001b[2J$(touch pwned)\"")
        .with("endpoint", "endpoint = \"'; touch pwned; '../..:1\"")
        .with("db_path", "db_path = \"../..$(touch pwned)/a\\nb\"");
    place.write();
    let command = ["doctor", "--config", "signer-config.toml", "--json"];
    let output = place.command(&command).output().unwrap();
    assert_eq!(output.status.code(), Some(18), "{}", said(&output));
    let report = report(&output);
    assert_eq!(grade(&report, "config"), Some("fail"));
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(!text.contains("\\u001b") && !text.contains(&KEY[..16]), "{text}");
    assert!(!place.files().iter().any(|file| file.contains("pwned")));
}

#[test]
fn a_missing_configuration_is_one_clear_answer() {
    let output =
        countersign(&["doctor", "--config", "/nowhere/x.toml", "--json"]).output().unwrap();
    let report = report(&output);
    assert_eq!(grade(&report, "config"), Some("unknown"));
    let text = report.to_string();
    assert!(text.contains("/nowhere/x.toml cannot be read: No such file"), "{text}");
}

#[test]
fn a_node_that_hangs_does_not_hold_the_doctor_up() {
    let hangs = TcpListener::bind("127.0.0.1:0").unwrap();
    let host = hangs.local_addr().unwrap();
    let place = Place::good().with("node_host", &format!("node_host = \"{host}\""));
    place.write();
    let started = Instant::now();
    let output =
        place.command(&["doctor", "--config", "signer-config.toml", "--json"]).output().unwrap();
    let took = started.elapsed();
    assert!(took < Duration::from_secs(5), "{took:?}");
    let report = report(&output);
    assert_eq!(grade(&report, "node-answers"), Some("fail"));
    assert_eq!(grade(&report, "node-password-accepted"), Some("unknown"));
    assert_eq!(grade(&report, "daemon-running"), Some("fail"));
}

#[test]
fn mending_takes_rights_away_and_asks_before() {
    let place = Place::good();
    let path = place.write();
    let mode = || fs::metadata(&path).unwrap().permissions().mode() & 0o777;
    let before = fs::read_to_string(&path).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    let only = ["doctor", "--config", "signer-config.toml", "--only", "files-modes"];
    let fix = |more: &[&str]| said(&place.command(&[&only, more].concat()).output().unwrap());
    let text = fix(&[]);
    assert!(text.starts_with("exit: 18\n") && text.contains("mend: chmod 06"), "{text}");
    // Nobody is there to be asked.
    let text = fix(&["--fix"]);
    assert!(text.contains("nobody is there to be asked; add --yes") && mode() == 0o644, "{text}");
    let text = fix(&["--fix", "--yes"]);
    assert!(text.contains("done: chmod 06"), "{text}");
    assert_eq!(mode() & 0o007, 0);
    let text = fix(&["--fix", "--yes"]);
    assert!(text.starts_with("exit: 0\n") && text.contains("nothing that can be mended"), "{text}");
    assert_eq!(fs::read_to_string(&path).unwrap(), before);
}

#[test]
fn every_verb_that_a_remedy_names_is_one_of_ours() {
    let output = countersign(&["--help"]).output().unwrap();
    let help = String::from_utf8_lossy(&output.stdout).into_owned();
    let page = include_str!("../../../../docs/operator/doctor.md");
    let sources = [
        include_str!("../../../doctor/src/checks/backups.rs"),
        include_str!("../../../doctor/src/checks/bitcoin.rs"),
        include_str!("../../../doctor/src/checks/config.rs"),
        include_str!("../../../doctor/src/checks/daemon.rs"),
        include_str!("../../../doctor/src/checks/network.rs"),
        include_str!("../../../doctor/src/checks/node.rs"),
        include_str!("../../../doctor/src/checks/seats.rs"),
        include_str!("../../../doctor/src/checks/sbtc.rs"),
        include_str!("../../../doctor/src/checks/units.rs"),
        page,
    ];
    for source in sources {
        for rest in
            source.split("\"countersign ").skip(1).chain(source.split("(countersign ").skip(1))
        {
            let verb: String =
                rest.chars().take_while(|c| c.is_ascii_lowercase() || *c == '-').collect();
            assert!(help.contains(&format!("\n  {verb} ")), "no verb `{verb}`");
        }
    }
}
