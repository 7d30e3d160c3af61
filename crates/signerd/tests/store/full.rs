//! A disk without room, played by the limit on the size of a file. The limit holds for a whole
//! process, so each test starts this test program again as a child that has one.

use std::path::Path;
use std::process::{Command, Output};

use countersign_signer::{Timestamp, Write};
use countersign_signerd::store::{Store, StoreError};
use countersign_wire::ConsensusHash;

/// Runs the ignored test `child` with at most `blocks` × 512 bytes per file, and without the signal
/// that would end it.
fn limited(child: &str, blocks: u32, folder: &Path) -> Output {
    let script = format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$0\" --exact {child} --ignored");
    Command::new("sh")
        .args(["-c", &script])
        .arg(std::env::current_exe().unwrap())
        .current_dir(folder)
        .output()
        .unwrap()
}

/// That the child has run its one test, and that it passed.
fn assert_passed(child: &Output) {
    let said = String::from_utf8_lossy(&child.stdout);
    assert!(child.status.success() && said.contains("1 passed"), "{said}");
}

#[test]
fn a_commit_that_does_not_fit_fails_and_leaves_what_was_there() {
    let folder = tempfile::tempdir().unwrap();
    let child = limited("full::child_commits_until_it_fails", 400, folder.path());
    assert_passed(&child);
    let saved = Store::open(&folder.path().join("store")).unwrap().load().unwrap();
    // The writes of the step that failed are not there, and those of every other step are.
    assert!(saved.activity.len() >= 10, "{}", saved.activity.len());
    assert_eq!(saved.activity.len() % 10, 0);
}

#[test]
fn a_store_that_does_not_fit_is_not_opened() {
    let folder = tempfile::tempdir().unwrap();
    let child = limited("full::child_cannot_open", 16, folder.path());
    assert_passed(&child);
}

#[test]
#[ignore = "runs as a child of another test"]
fn child_commits_until_it_fails() {
    let mut store = Store::open(Path::new("store")).unwrap();
    let failed = (0..1000).find_map(|step| store.commit(&ten_writes(step)).err());
    assert!(matches!(failed, Some(StoreError::Unwritable { .. })), "{failed:?}");
}

#[test]
#[ignore = "runs as a child of another test"]
fn child_cannot_open() {
    let error = Store::open(Path::new("store")).unwrap_err();
    assert!(matches!(error, StoreError::Unwritable { .. }), "{error:?}");
}

fn ten_writes(step: u64) -> Vec<Write> {
    let tenure = |number: u64| {
        let mut bytes = [0; 20];
        bytes[..8].copy_from_slice(&(step * 10 + number).to_be_bytes());
        ConsensusHash::new(bytes)
    };
    (0..10).map(|n| Write::Activity { tenure: tenure(n), at: Timestamp::from_secs(n) }).collect()
}
