//! `logs verify`.

use std::fs;
use std::path::PathBuf;

use countersign_logs::chain::{ChainWriter, Files, Limits};
use serde_json::json;

use crate::support::{Place, said};

const START: u64 = 1_700_000_000_000;

/// A signer whose log has the story of one block.
pub(super) fn logged() -> Place {
    let place = Place::good();
    place.write();
    let block = "ab".repeat(32);
    let bodies = [
        json!({ "block": block, "what": "received", "height": 21, "tenure": "03".repeat(20), "block_id": "cd".repeat(32) }),
        json!({ "block": block, "what": "verdict", "valid": true, "took_ms": 8 }),
        json!({ "block": block, "what": "vote", "by": 3, "vote": "acceptance", "own": 20, "sum": 40, "of": 100 }),
        json!({ "block": block, "what": "acceptance-sent", "latency_ms": 1040 }),
    ];
    let (mut writer, _) =
        ChainWriter::open(files(&place), Limits::keeping(u64::MAX, 90), START).unwrap();
    for (body, second) in bodies.into_iter().zip(0..) {
        writer.append(&[(START + second * 1000, body)]).unwrap();
    }
    writer.sync().unwrap();
    place
}

fn files(place: &Place) -> Files {
    Files::of_store(&place.path().join("signer.sqlite"))
}

fn current(place: &Place) -> PathBuf {
    files(place).current()
}

fn ask(place: &Place, args: &[&str]) -> String {
    let text = said(&place.command(args).output().unwrap());
    text.replace(&format!("{}/", place.path().display()), "")
}

const BY_CONFIG: [&str; 4] = ["logs", "verify", "--config", "signer-config.toml"];

#[test]
fn a_whole_log_says_what_it_holds_and_what_to_note_elsewhere() {
    let text = ask(&logged(), &BY_CONFIG);
    insta::assert_snapshot!(text, @r"
    exit: 0
    --- stdout
    4 lines, number 0 to 3
    from 2023-11-14 22:13:20.000 UTC to 2023-11-14 22:13:23.000 UTC
    confirmed by a head up to number 3
    ✔ the chain holds from the first line to the last
    to note elsewhere: 3:107f33834981dcecfa6a309cae9311fab98f41387322f78b7d6180f90bf9b739
    ");
}

#[test]
fn a_changed_line_is_named_and_ends_with_code_1() {
    let place = logged();
    let text = fs::read_to_string(current(&place)).unwrap();
    fs::write(current(&place), text.replace("\"valid\":true", "\"valid\":false")).unwrap();
    let text = ask(&place, &BY_CONFIG);
    assert!(text.starts_with("exit: 1\n--- stdout\n4 lines, number 0 to 3\n"), "{text}");
    let named = "signer.countersign-decisions.jsonl, line 2 (number 1): changed: ";
    assert!(text.contains(&format!("✘ {named}")), "{text}");
    assert!(text.contains(&format!("error: the decision log is not whole: {named}")), "{text}");
    let json = ask(&place, &[&BY_CONFIG[..], &["--json"]].concat());
    let line = json.lines().nth(2).unwrap();
    let report: serde_json::Value = serde_json::from_str(line).unwrap();
    assert_eq!(report["breaks"][0]["fault"], "changed");
    assert_eq!((&report["breaks"][0]["line"], &report["break_count"]), (&2.into(), &1.into()));
}

#[test]
fn a_cut_off_end_is_noticed_by_the_head_beside_the_files_or_by_a_note() {
    let place = logged();
    let whole = ask(&place, &BY_CONFIG);
    let note = whole.lines().find_map(|line| line.strip_prefix("to note elsewhere: ")).unwrap();
    let text = fs::read_to_string(current(&place)).unwrap();
    let short: String = text.lines().take(2).flat_map(|line| [line, "\n"]).collect();
    fs::write(current(&place), short).unwrap();
    let by_file = ["logs", "verify", "signer.countersign-decisions.jsonl"];
    let wanted =
        "line 2 (number 1): it is the last one, and number 3 is known to have been written";
    for args in [&by_file[..], &BY_CONFIG] {
        let text = ask(&place, args);
        assert!(text.starts_with("exit: 1\n") && text.contains(wanted), "{text}");
    }
    fs::remove_file(files(&place).head()).unwrap();
    let text = ask(&place, &by_file);
    assert!(text.starts_with("exit: 0\n") && text.contains("no head is there"), "{text}");
    let text = ask(&place, &[&by_file[..], &["--noted", note]].concat());
    assert!(text.starts_with("exit: 1\n") && text.contains(wanted), "{text}");
}

#[test]
fn a_torn_last_line_is_said_and_is_no_failure() {
    let place = logged();
    let text = fs::read_to_string(current(&place)).unwrap();
    fs::write(current(&place), format!("{text}{{\"v\":1")).unwrap();
    let text = ask(&place, &BY_CONFIG);
    assert!(text.starts_with("exit: 0\n"), "{text}");
    assert!(text.contains("the last line is not finished (6 bytes)"), "{text}");
}

#[test]
fn what_cannot_be_verified_is_told_apart() {
    let place = logged();
    let rows: [(&[&str], &str); 6] = [
        (&["logs", "verify"], "exit: 2\n--- stderr\nerror: "),
        (&["logs", "verify", "missing"], "exit: 1\n--- stderr\nerror: missing cannot be read"),
        (
            &["logs", "verify", "signer-config.toml"],
            "exit: 1\n--- stderr\nerror: signer-config.toml has no chain",
        ),
        (
            &["logs", "verify", "a", "--noted", "7"],
            "exit: 2\n--- stderr\nerror: `7` is not NUMBER:HASH",
        ),
        (&["logs", "verify", "--config", "missing.toml"], "exit: 2\n--- stderr\nerror: "),
        (
            &["logs", "verify", "/dev/null"],
            "exit: 1\n--- stderr\nerror: there is no line in the files",
        ),
    ];
    for (args, wanted) in rows {
        let text = ask(&place, args);
        assert!(text.starts_with(wanted), "{wanted} is not the beginning of {text}");
    }
}
