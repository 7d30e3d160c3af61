//! `countersign backup signer` and `countersign restore signer` with a real signer.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Child;

use countersign_vault::{Birth, JournalFile, Mark, Vault};
use countersign_wire::{ConsensusHash, PrivateKey, Sighash, StacksHeight, UnixSeconds};
use serde_json::Value;

use crate::start::{terminate, wait_until_ready};
use crate::support::{Place, countersign, said};

/// A signer that has signed these blocks.
pub(crate) fn signer(place: Place, marks: &[u8]) -> Place {
    let key = PrivateKey::from_hex(place.key()).unwrap();
    let marks: Vec<Mark> = marks
        .iter()
        .map(|number| Mark {
            sighash: Sighash::new([*number; 32]),
            height: StacksHeight::new(u64::from(*number)),
            tenure: ConsensusHash::new([9; 20]),
            at: UnixSeconds::new(1_700_000_000),
        })
        .collect();
    let mut vault = Vault::create(key, &journal(&place), Birth::WithKey).unwrap();
    vault.import(&marks).unwrap();
    vault.close_cleanly().unwrap();
    place
}

/// Another host of the same key.
pub(crate) fn elsewhere(place: &Place) -> Place {
    let other = Place::good()
        .with("stacks_private_key", &format!("stacks_private_key = \"{}\"", place.key()));
    other.write();
    other
}

fn journal(place: &Place) -> PathBuf {
    place.path().join("signer.countersign-journal.sqlite")
}

pub(crate) fn started(place: &Place) -> Child {
    let mut child = place.start();
    wait_until_ready(&mut child);
    child
}

pub(crate) fn stop(mut child: Child) {
    terminate(&child, "-TERM");
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

fn run(place: &Place, args: &[&str]) -> (Option<i32>, String) {
    let output = place.command(args).output().unwrap();
    (output.status.code(), said(&output))
}

const MAKE: [&str; 8] =
    ["backup", "signer", "--config", "signer-config.toml", "--out", "backups", "--prove", "--json"];

/// Makes a backup of a signer that runs meanwhile.
pub(crate) fn backed_up(place: &Place) -> PathBuf {
    let child = started(place);
    let output = place.command(&MAKE).output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
    stop(child);
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    place.path().join(answer["backup"].as_str().unwrap())
}

pub(crate) fn restore(place: &Place, from: &Path, more: &[&str]) -> (Option<i32>, String) {
    let from = from.display().to_string();
    let args = ["restore", "signer", "--config", "signer-config.toml", "--from", &from];
    run(place, &[&args[..], more].concat())
}

/// What the doctor says of the last restoration.
fn drilled(place: &Place) -> String {
    let args = ["doctor", "--config", "signer-config.toml", "--only", "drill-restore", "--json"];
    let output = place.command(&args).output().unwrap();
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    report["checks"][0]["grade"].as_str().unwrap().to_owned()
}

#[test]
fn a_folder_of_backups_that_is_not_there_is_named() {
    let said = said(
        &countersign(&["backup", "signer", "--only-prove", "--out", "/no/backups"])
            .output()
            .unwrap(),
    );
    insta::assert_snapshot!(said, @r"
    exit: 15
    --- stderr
    error: the folder of backups /no/backups cannot be read
      caused by: No such file or directory (os error 2)
    ");
}

#[test]
fn a_running_signer_is_backed_up_and_another_host_begins_with_its_marks_and_its_store() {
    let place = signer(Place::startable(), &[1, 2, 3]);
    let backup = backed_up(&place);
    for (job, outcome) in [("backup.signer", "ok"), ("backup-verify.signer", "ok")] {
        let record = fs::read(place.path().join(format!("records/{job}.json"))).unwrap();
        let record: Value = serde_json::from_slice(&record).unwrap();
        assert_eq!(record["outcome"], outcome, "{record}");
    }
    let content = fs::read(&backup).unwrap();
    for secret in [place.key(), "correct horse"] {
        assert!(!content.windows(secret.len()).any(|window| window == secret.as_bytes()));
    }
    let other = elsewhere(&place);
    assert_eq!(drilled(&other), "warn");
    let (code, text) = restore(&other, &backup, &[]);
    assert_eq!(code, Some(0), "{text}");
    assert_eq!(drilled(&other), "ok");
    assert!(text.contains("3 signed blocks added") && text.contains("ten minutes"), "{text}");
    let status = JournalFile::inspect(&journal(&other)).unwrap();
    assert_eq!((status.records, status.wait.as_secs()), (3, 600));
    // What was restored starts.
    stop(started(&other));
}

#[test]
fn nothing_is_restored_while_the_signer_runs() {
    let place = signer(Place::startable(), &[1]);
    let backup = backed_up(&place);
    let child = started(&place);
    let (code, text) = restore(&place, &backup, &["--store", "keep"]);
    stop(child);
    assert!(matches!(code, Some(3 | 12)), "{text}");
    assert!(text.contains("in use") || text.contains("signs with the key"), "{text}");
}

#[test]
fn a_backup_is_no_demotion_and_promotes_nobody() {
    let place = signer(Place::startable(), &[1]);
    let backup = backed_up(&place);
    let mut archive = tar::Archive::new(fs::File::open(&backup).unwrap());
    let moved = place.path().join("moved.json");
    for entry in archive.entries().unwrap() {
        let mut entry = entry.unwrap();
        if entry.path().unwrap().to_str().unwrap().starts_with("journal-") {
            entry.unpack(&moved).unwrap();
        }
    }
    let other = elsewhere(&place);
    let args = ["promote", "--config", "signer-config.toml", "--journal", moved.to_str().unwrap()];
    let (code, text) = run(&other, &args);
    assert_eq!(code, Some(12), "{text}");
    assert!(!journal(&other).exists());
}

#[test]
fn a_damaged_a_half_and_another_keys_backup_are_refused_by_name() {
    let place = signer(Place::startable(), &[1]);
    let backup = backed_up(&place);
    let whole = fs::read(&backup).unwrap();
    let half = place.path().join("half.tar");
    fs::write(&half, &whole[..whole.len() / 2]).unwrap();
    let other = elsewhere(&place);
    let (code, text) = restore(&other, &half, &[]);
    assert_eq!(code, Some(15), "{text}");
    let mut spoilt = whole.clone();
    spoilt[700] ^= 1;
    fs::write(&backup, spoilt).unwrap();
    let (code, text) = restore(&other, &backup, &[]);
    assert_eq!(code, Some(15), "{text}");
    fs::write(&backup, &whole).unwrap();
    let foreign = Place::startable();
    foreign.write();
    let (code, text) = restore(&foreign, &backup, &[]);
    assert_eq!(code, Some(4), "{text}");
    for place in [&other, &foreign] {
        assert!(!journal(place).exists());
    }
}

#[test]
fn a_backup_that_says_more_of_its_store_than_is_in_it_replaces_none() {
    let place = signer(Place::startable(), &[1]);
    let backup = backed_up(&place);
    let mut contents = countersign_backup::signer::read(&backup, None).unwrap();
    contents.about.heights.burn = Some(u64::MAX);
    let lies = place.path().join("lies.tar");
    fs::write(&lies, contents.to_tar()).unwrap();
    let store = || fs::read(place.path().join("signer.countersign.sqlite")).unwrap();
    let before = store();
    let (code, text) = restore(&place, &lies, &[]);
    assert_eq!(code, Some(15), "{text}");
    assert!(store() == before, "{text}");
}

#[test]
fn an_old_backup_changes_nothing_in_a_newer_journal() {
    let place = signer(Place::startable(), &[1, 2]);
    let backup = backed_up(&place);
    let newer = signer(elsewhere(&place), &[1, 2, 3]);
    let before = JournalFile::read(&journal(&newer), UnixSeconds::new(0)).unwrap();
    let (code, text) = restore(&newer, &backup, &[]);
    assert_eq!(code, Some(0), "{text}");
    let after = JournalFile::read(&journal(&newer), UnixSeconds::new(0)).unwrap();
    assert_eq!(after.acceptances, before.acceptances);
}

#[test]
fn without_a_signer_there_is_no_backup_and_nothing_half_written() {
    let place = Place::startable();
    place.write();
    let (code, text) = run(&place, &MAKE);
    assert_eq!(code, Some(13), "{text}");
    let made: Vec<_> = fs::read_dir(place.path().join("backups")).unwrap().collect();
    assert!(made.is_empty(), "{made:?}");
    let record = fs::read_to_string(place.path().join("records/backup.signer.json")).unwrap();
    assert!(record.contains("failed"), "{record}");
}

/// `docs/operator/backup-signer.md`, carried out.
#[test]
fn the_commands_of_the_page_about_backups_of_a_signer_work() {
    use std::os::unix::fs::PermissionsExt as _;

    let place = signer(Place::startable(), &[1, 2]);
    let child = started(&place);
    let stop = place.path().join("systemctl");
    let script = format!(
        "#!/bin/sh\nkill -TERM {0}\nwhile [ -d /proc/{0} ] && ! grep -q '^State:.Z' /proc/{0}/status; do :; done\n",
        child.id()
    );
    fs::write(&stop, script).unwrap();
    fs::set_permissions(&stop, fs::Permissions::from_mode(0o755)).unwrap();
    let ours = [
        ("CONFIG=/etc/countersign/signer-config.toml\n", place.path().join("signer-config.toml")),
        ("BACKUPS=/var/backups/countersign\n", place.path().join("backups")),
    ];
    let page = include_str!("../../../../docs/operator/backup-signer.md");
    let said = crate::page::follow(page, &ours, place.path());
    assert!(said.contains("restores: its marks and its store are whole"), "{said}");
    assert!(said.contains("0 signed blocks added, 2 were there"), "{said}");
    child.wait_with_output().unwrap();
}
