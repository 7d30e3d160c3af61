//! `logs explain`.

use std::fs;
use std::io::Write as _;
use std::process::Stdio;

use crate::support::{countersign, said};

fn piped(args: &[&str], input: &str) -> String {
    let mut child = countersign(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    said(&child.wait_with_output().unwrap())
}

const NODE: &str = "Nov 27 18:00:00 host stacks-node[9]: WARN Event dispatcher: connection or request failed, backoff: 1s\n";

#[test]
fn a_pipe_is_explained_and_summed_up() {
    let text = piped(&["logs", "explain"], &format!("{NODE}hello\n{NODE}"));
    insta::assert_snapshot!(text, @r"
    exit: 0
    --- stdout
    ✘ Nov 27 18:00:00 host stacks-node[9]: WARN Event dispatcher: connection or request failed, backoff: 1s
        = The node cannot deliver an event. With `disable_retries = false` it tries again for ever and does not process further blocks meanwhile.
        > Start the observer (the signer) or mend the way to it; the node goes on by itself then.
      hello
    ✘ Nov 27 18:00:00 host stacks-node[9]: WARN Event dispatcher: connection or request failed, backoff: 1s
    --- stderr
    ✘        2  Event dispatcher: connection or request failed
             1  lines that are not known
    ");
}

#[test]
fn a_file_of_a_named_program_can_be_narrowed_to_what_matters() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("debug.log");
    fs::write(&log, "2026-11-27T18:00:00Z UpdateTip: new best=0\nDisk space is too low!\n")
        .unwrap();
    let args = ["logs", "explain", "--only", "act", "--program", "bitcoind", "--json"];
    let text =
        said(&countersign(&[&args[..], &[log.to_str().unwrap()]].concat()).output().unwrap());
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[..2], ["exit: 0", "--- stdout"]);
    let value: serde_json::Value = serde_json::from_str(lines[2]).unwrap();
    assert_eq!(value["known"]["severity"], "page");
    assert_eq!(lines[3], "--- stderr");
}

#[test]
fn a_reader_that_has_seen_enough_ends_it_quietly() {
    let mut child = countersign(&["logs", "explain"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let mut input = child.stdin.take().unwrap();
    // It ends as soon as it finds that nobody listens.
    while input.write_all(NODE.repeat(1000).as_bytes()).is_ok() {}
    assert_eq!(said(&child.wait_with_output().unwrap()), "exit: 0");
}

#[test]
fn what_cannot_be_read_is_named() {
    for (path, code) in [("/missing", 2), ("/", 2)] {
        let text = said(&countersign(&["logs", "explain", path]).output().unwrap());
        assert!(
            text.starts_with(&format!("exit: {code}\n--- stderr\nerror: {path} cannot be read")),
            "{text}"
        );
    }
}

#[test]
fn everything_that_is_known_can_be_listed() {
    let text = said(&countersign(&["logs", "explain", "--list"]).output().unwrap());
    assert!(text.contains("UpdateTip: new best= (bitcoind)\n    = A new best block."), "{text}");
    let json = said(&countersign(&["logs", "explain", "--list", "--json"]).output().unwrap());
    assert!(json.lines().count() > 200);
}
