use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};

use crate::support::Place;

/// Waits for the line that says that the signer is ready, or that there will be none.
pub(crate) fn wait_until_spawned(child: &mut Child) -> String {
    let mut line = String::new();
    BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    line
}

/// The same, and it must be ready.
pub(crate) fn wait_until_ready(child: &mut Child) {
    let line = wait_until_spawned(child);
    if !line.starts_with("Signer spawned successfully. Waiting for messages to process...") {
        let mut log = String::new();
        child.stderr.as_mut().unwrap().read_to_string(&mut log).unwrap();
        panic!("{line}{log}");
    }
}

pub(crate) fn terminate(child: &Child, signal: &str) {
    assert!(
        Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap().success()
    );
}

const LOG: &str = "signer.countersign-decisions.jsonl";
const JOURNAL: &str = "signer.countersign-journal.sqlite";
const WITNESS: &str = "signer.countersign-journal.witness";
const BOOK: &str = "signer.countersign-slots.book";
const STORE: &str = "signer.countersign.sqlite";

#[test]
fn a_signer_starts_without_its_node_and_stops_when_asked_to() {
    for signal in ["-TERM", "-INT"] {
        let place = Place::startable();
        let mut child = place.start();
        wait_until_ready(&mut child);
        terminate(&child, signal);
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
        assert_eq!(place.files(), [LOG, JOURNAL, WITNESS, BOOK, STORE]);
    }
}

#[test]
fn the_log_holds_no_secret() {
    let place = Place::startable();
    let mut child = place.start();
    wait_until_ready(&mut child);
    terminate(&child, "-TERM");
    let log = String::from_utf8(child.wait_with_output().unwrap().stderr).unwrap();
    assert!(log.contains("Starting signer with config:") && log.contains("Stacks address: ST"));
    assert!(!log.contains(place.key()) && !log.contains("correct horse"), "{log}");
}

#[test]
#[cfg(target_os = "linux")]
fn the_key_is_in_no_core_dump() {
    let place = Place::startable();
    let mut child = place.start();
    wait_until_ready(&mut child);
    let limits = fs::read_to_string(format!("/proc/{}/limits", child.id())).unwrap();
    terminate(&child, "-TERM");
    child.wait().unwrap();
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    assert_eq!(core.split_whitespace().skip(4).take(2).collect::<Vec<_>>(), ["0", "0"]);
}

/// A log on a full disk, or a pipe whose reader has gone, is no reason to stop signing.
#[test]
fn a_log_that_cannot_be_written_does_not_end_the_signer() {
    let place = Place::startable();
    place.write();
    let full = fs::File::options().write(true).open("/dev/full").unwrap();
    let mut command = place.command(&["run", "--config", "signer-config.toml"]);
    let mut child = command.stdout(Stdio::piped()).stderr(full).spawn().unwrap();
    wait_until_spawned(&mut child);
    terminate(&child, "-TERM");
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn nothing_is_created_when_the_configuration_is_bad() {
    let place = Place::startable().with("network", "network = \"nonet\"");
    assert!(place.said("run").starts_with("exit: 2\n"));
    assert!(place.files().is_empty());
}

#[test]
fn nothing_is_created_when_an_endpoint_is_taken() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    for key in ["endpoint", "metrics_endpoint"] {
        let place = Place::startable().with(key, &format!("{key} = \"{address}\""));
        let said = place.said("run");
        assert!(said.starts_with("exit: 5\n"), "{said}");
        assert!(said.contains(&format!("error: `{key}` = {address} cannot be bound")), "{said}");
        assert!(place.files().is_empty());
    }
}

#[test]
fn a_second_signer_with_the_same_key_does_not_start() {
    let place = Place::startable();
    let mut first = place.start();
    wait_until_ready(&mut first);
    let said = place.said("run");
    assert!(said.starts_with("exit: 12\n"), "{said}");
    assert!(said.contains("signs with the key"), "{said}");
    terminate(&first, "-TERM");
    assert_eq!(first.wait().unwrap().code(), Some(0));
}

#[test]
fn a_journal_of_another_key_is_not_used() {
    let place = Place::startable();
    let mut first = place.start();
    wait_until_ready(&mut first);
    terminate(&first, "-TERM");
    first.wait().unwrap();
    let key = format!("stacks_private_key = \"{}\"", Place::startable().key());
    let place = place.with("stacks_private_key", &key);
    let said = place.said("run");
    assert!(said.starts_with("exit: 4\n") && said.contains("belongs to the key"), "{said}");
}

#[test]
fn the_reference_signers_database_is_not_touched() {
    let place = Place::startable();
    let reference = place.path().join("signer.sqlite");
    fs::write(&reference, "the reference's own").unwrap();
    let mut child = place.start();
    wait_until_ready(&mut child);
    terminate(&child, "-TERM");
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert_eq!(fs::read_to_string(&reference).unwrap(), "the reference's own");
}

#[test]
fn a_store_that_is_something_else_stops_the_start() {
    let place = Place::startable();
    fs::write(place.path().join(STORE), "no database ".repeat(100)).unwrap();
    let said = place.said("run");
    assert!(said.starts_with("exit: 3\n") && said.contains("is not a store"), "{said}");
}

#[test]
fn a_folder_that_does_not_exist_stops_the_start() {
    let place = Place::startable().with("db_path", "db_path = \"missing/signer.sqlite\"");
    let said = place.said("run");
    assert!(said.starts_with("exit: 3\n") && said.contains("missing/signer"), "{said}");
}
