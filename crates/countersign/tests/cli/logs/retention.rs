//! `logs retention`.

use std::fs;

use super::verify::logged;
use crate::support::{Place, said};

/// A host without a journal, whose decision log is days old, and with a file of a program.
fn place() -> Place {
    let place = logged();
    fs::create_dir(place.path().join("journal")).unwrap();
    let text =
        "2023-11-14T22:13:20Z UpdateTip: new best=0\n2023-11-20T22:13:20Z UpdateTip: new best=1\n";
    fs::write(place.path().join("debug.log"), text).unwrap();
    place
}

const ARGS: [&str; 8] = [
    "logs",
    "retention",
    "--journal",
    "journal",
    "--file",
    "debug.log",
    "--config",
    "signer-config.toml",
];

fn ask(place: &Place, more: &[&str]) -> String {
    said(&place.command(&[&ARGS[..], more].concat()).output().unwrap())
}

#[test]
fn each_log_has_a_grade_with_its_oldest_entry_and_its_bounds() {
    let text = ask(&place(), &["--days", "90"]);
    assert!(text.starts_with("exit: 0\n--- stdout\n? journal: there is no entry of it"), "{text}");
    assert!(text.contains("✔ debug.log: it reaches back "), "{text}");
    assert!(text.contains("    oldest entry 2023-11-14 22:13:20.000 UTC\n"), "{text}");
    assert!(text.contains(
        "\n    no rotation; without shrinkdebugfile=0 bitcoind keeps its last 10 MB at a start"
    ));
    assert!(
        text.contains("decisions: it reaches back ") && text.contains("at most 2048 MiB, 90 days"),
        "{text}"
    );
}

#[test]
fn records_are_left_for_metrics() {
    let place = place();
    let text = ask(&place, &["--record", "records"]);
    assert!(text.starts_with("exit: 0"), "{text}");
    let read = countersign_ops::records::read_all(&place.path().join("records")).unwrap();
    assert!(read.faults.is_empty(), "{:?}", read.faults);
    let log = read.record("logs.debug-log").unwrap();
    assert_eq!(log.number("oldest"), Some(1_700_000_000));
    assert_eq!(log.number("target_days"), Some(7));
    assert!(read.record("logs.journal").unwrap().number("oldest").is_none());
    assert_eq!(read.record("logs.decisions").unwrap().number("oldest"), Some(1_700_000_000));
}

#[test]
fn machines_get_an_object_and_proposals_are_configurations() {
    let place = place();
    let json = place.command(&[&ARGS[..], &["--json"]].concat()).output().unwrap();
    let value: serde_json::Value = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!((&value["target_days"], &value["logs"][0]["name"]), (&7.into(), &"journal".into()));
    assert_eq!(value["logs"][1]["grade"], "ok");
    let text = ask(&place, &["--propose", "--days", "90"]);
    assert!(text.starts_with("exit: 2\n") && text.contains("it is not absolute"), "{text}");
    let file = place.path().join("debug.log");
    let absolute = [
        "logs",
        "retention",
        "--journal",
        "journal",
        "--propose",
        "--file",
        file.to_str().unwrap(),
    ];
    let text = said(&place.command(&absolute).output().unwrap());
    assert!(text.contains("\n    daily\n    rotate 8\n"), "{text}");
    assert!(text.contains("# the journal does not hold an hour yet"), "{text}");
}

#[test]
fn a_log_that_has_lost_what_it_must_hold_ends_with_code_1() {
    let place = place();
    let current = place.path().join("signer.countersign-decisions.jsonl");
    let text = fs::read_to_string(&current).unwrap();
    let rest: String = text.lines().skip(1).flat_map(|line| [line, "\n"]).collect();
    fs::write(&current, rest).unwrap();
    let text = ask(&place, &["--days", "3650"]);
    assert!(text.starts_with("exit: 1\n"), "{text}");
    assert!(text.contains("✘ decisions: it reaches back "), "{text}");
    assert!(text.contains("error: decisions: it reaches back"), "{text}");
}

#[test]
fn what_makes_no_sense_ends_with_code_2() {
    let place = place();
    for more in [&["--days", "0"][..], &["--days", "x"], &["--site", "missing.toml"]] {
        let text = ask(&place, more);
        assert!(text.starts_with("exit: 2\n--- stderr\nerror: "), "{more:?}: {text}");
    }
}
