//! Other processes: a second signer, one that is killed, one whose disk is full.
//!
//! The other process is this test program again, told by an environment variable to run [`child`].

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::{env, fs};

use countersign_vault::{AcceptanceRequest, OpenError, RejectionRequest, SignError, Vault};

use crate::support::{Place, acceptance, key, open_or_create, rejection};

const JOURNAL: &str = "VAULT_TEST_JOURNAL";

/// Block `n` of the child: at height `n`, so that it has no rival.
fn nth(n: u64) -> AcceptanceRequest {
    acceptance(0, n)
}

/// The other process: opens the journal and signs block after block until something stops it. It
/// says on stderr what it did, because the test harness writes to stdout.
#[test]
#[ignore = "the body of the child process that other tests start"]
fn child() {
    let Some(journal) = env::var_os(JOURNAL) else { return };
    let mut out = io::stderr();
    let opened = match open_or_create(key(), Path::new(&journal)) {
        // Another child was faster.
        Err(OpenError::Exists { .. }) => Vault::open(key(), Path::new(&journal)),
        other => other,
    };
    let mut vault = match opened {
        Ok(vault) => vault,
        Err(OpenError::InUse { .. }) => return writeln!(out, "in-use").unwrap(),
        Err(error) => {
            return writeln!(out, "closed unwritable={}", error.is_unwritable()).unwrap();
        }
    };
    for n in 0.. {
        match vault.sign_acceptance(&nth(n)) {
            Ok(signature) => writeln!(out, "signed {n} {signature}").unwrap(),
            Err(error) => {
                writeln!(out, "failed fatal={}", error.is_fatal()).unwrap();
                break;
            }
        }
    }
    // Nothing is believed after a failure, not even what was signed before.
    let refused = [
        vault.sign_acceptance(&nth(0)).map(|_| ()),
        vault.sign_rejection(&rejection(9)).map(|_| ()),
    ];
    let is_shut = refused.iter().all(|answer| answer.as_ref().is_err_and(SignError::is_fatal));
    writeln!(out, "shut={is_shut}").unwrap();
}

/// Starts [`child`], through a shell that limits the size of the files that it may write.
fn start(journal: &Path, max_blocks: Option<u32>) -> Child {
    let limit = max_blocks.map_or_else(|| "unlimited".to_owned(), |blocks| blocks.to_string());
    Command::new("sh")
        // Without the trap the signal of the limit would end the child before it can report.
        .args(["-c", "trap '' XFSZ; ulimit -f \"$0\"; exec \"$@\"", &limit])
        .arg(env::current_exe().unwrap())
        .args(["--exact", "crash::child", "--ignored", "--nocapture"])
        .env(JOURNAL, journal)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

fn run_to_end(journal: &Path, max_blocks: Option<u32>) -> Vec<String> {
    let mut child = start(journal, max_blocks);
    let mut said = String::new();
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    child.wait().unwrap();
    said.lines().map(str::to_owned).collect()
}

/// Asserts that the reopened journal knows every signature that the child spoke of.
fn assert_all_recorded<'a>(place: &Place, said: impl Iterator<Item = &'a String>) -> u64 {
    let mut vault = place.open();
    let mut count = 0;
    for line in said.filter_map(|line| line.strip_prefix("signed ")) {
        let (n, signature) = line.split_once(' ').unwrap();
        let request = nth(n.parse().unwrap());
        let contradiction = RejectionRequest { sighash: request.sighash(), ..rejection(0) };
        let refused = vault.sign_rejection(&contradiction);
        assert!(matches!(refused, Err(SignError::ContradictsAcceptance { .. })), "block {n}");
        let refused = vault.sign_acceptance(&acceptance(0xee, request.height().get()));
        assert!(matches!(refused, Err(SignError::Conflict { .. })), "block {n}");
        assert_eq!(vault.sign_acceptance(&request).unwrap().to_string(), signature);
        count += 1;
    }
    count
}

#[test]
fn a_second_process_is_refused() {
    let place = Place::new();
    let vault = place.open();
    assert_eq!(run_to_end(&place.journal, None), ["in-use"]);
    drop(vault);
}

/// What is read of a log while it is written may be of two times, and look like damage.
#[test]
fn a_second_process_that_reads_half_of_what_is_written_is_refused_as_well() {
    let place = Place::new();
    let mut vault = place.open();
    for n in 0..9 {
        vault.sign_acceptance(&nth(n)).unwrap();
    }
    let log = place.journal.with_extension("sqlite-wal");
    let whole = fs::read(&log).unwrap();
    let mut torn = whole.clone();
    torn[32..2000].fill(0);
    fs::write(&log, torn).unwrap();
    assert_eq!(run_to_end(&place.journal, None), ["in-use"]);
    fs::write(&log, whole).unwrap();
    drop(vault);
    place.open().sign_acceptance(&nth(9)).unwrap();
}

#[test]
fn of_many_that_create_a_journal_at_once_at_most_one_gets_it() {
    let place = Place::new();
    let mut children: Vec<Child> = (0..4).map(|_| start(&place.journal, None)).collect();
    let mut signing = 0;
    for child in &mut children {
        let mut first = String::new();
        BufReader::new(child.stderr.as_mut().unwrap()).read_line(&mut first).unwrap();
        if first != "in-use\n" {
            assert!(first.starts_with("signed 0 "), "{first}");
            signing += 1;
        }
    }
    for child in &mut children {
        child.kill().unwrap();
        child.wait().unwrap();
    }
    assert!(signing <= 1, "{signing} processes signed with one journal");
    place.open();
}

#[test]
fn a_killed_process_has_recorded_every_signature_that_it_gave() {
    let place = Place::new();
    let mut heard = 0;
    for round in 1..=4 {
        let mut child = start(&place.journal, None);
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let mut said: Vec<String> = lines.by_ref().take(50 * round).map(Result::unwrap).collect();
        child.kill().unwrap();
        // What was in the pipe when it died left the process too; the last line may be cut.
        let mut rest: Vec<String> = lines.map_while(Result::ok).collect();
        rest.pop();
        said.append(&mut rest);
        child.wait().unwrap();
        heard += assert_all_recorded(&place, said.iter());
    }
    assert!(heard >= 500, "the children signed {heard} blocks");
}

#[test]
fn a_lock_does_not_outlive_its_process() {
    let place = Place::new();
    let mut child = start(&place.journal, None);
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    assert!(lines.next().unwrap().unwrap().starts_with("signed 0 "));
    assert!(matches!(Vault::open(key(), &place.journal), Err(OpenError::InUse { .. })));
    child.kill().unwrap();
    child.wait().unwrap();
    place.open();
}

#[test]
fn a_full_disk_ends_the_signing_and_forgets_nothing() {
    let place = Place::new();
    let said = run_to_end(&place.journal, Some(256));
    let ending = said.iter().rev().take(2).rev().map(String::as_str).collect::<Vec<_>>();
    assert_eq!(ending, ["failed fatal=true", "shut=true"]);
    assert!(assert_all_recorded(&place, said.iter()) > 0);
}

#[test]
fn a_journal_that_cannot_grow_does_not_open() {
    let place = Place::new();
    drop(place.open());
    assert_eq!(run_to_end(&place.journal, Some(0)), ["closed unwritable=true"]);
    let mut vault = place.open();
    vault.sign_acceptance(&nth(1)).unwrap();
}

#[test]
fn a_journal_that_does_not_fit_does_not_come_into_being() {
    let mut has_failed = false;
    for blocks in (0..160).step_by(16) {
        let place = Place::new();
        let said = run_to_end(&place.journal, Some(blocks));
        has_failed |= said == ["closed unwritable=true"];
        assert!(!said.contains(&"closed unwritable=false".to_owned()), "{blocks}: {said:?}");
        // With room again, it opens.
        place.open().sign_acceptance(&nth(u64::MAX >> 1)).unwrap();
    }
    assert!(has_failed, "there was room for a journal in no file at all");
}
