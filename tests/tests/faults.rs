//! Every operation that changes a file is cut once: the process is killed there, what was not synced is
//! forgotten, and a restart is asked for a rival.
//!
//! The process is this test program again, told by an environment variable to run [`child`]; its disk is a
//! file system of ours, so that the cut hits the real calls of the real SQLite.

#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test fails by panicking, and says what it covered"
)]

#[path = "../../crates/wire/tests/support/header.rs"]
mod header;

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::ops::RangeInclusive;
use std::path::Path;
use std::process::{Command, Stdio};

use countersign_signer::{Timestamp, Write};
use countersign_signerd::store::Store;
use countersign_vault::{
    AcceptanceRequest, Birth, Mark, OpenError, RejectionRequest, SignError, Standing, Vault,
};
use countersign_wire::{BurnHeight, ChainId, ConsensusHash, PrivateKey, StacksHeight, UnixSeconds};
use rusqlite::Connection;
use system_tests::faultfs::{Deed, Disk, Loss, Mounted};

use header::header;

const FOLDER: &str = "FAULTS_TEST_FOLDER";
const LIFE: &str = "FAULTS_TEST_LIFE";
const JOURNAL: &str = "journal.sqlite";
const STORE: &str = "store.sqlite";
/// So many signatures that the oldest are folded.
const ALL_AND_SOME: u64 = 16_384 + 1_024;
/// Set, it has every write of the long lives cut, too.
const EVERY_POINT: &str = "COUNTERSIGN_FAULTS_EVERY_POINT";

/// What a process does with its disk. It says on stderr what it has done, a line each.
#[derive(Clone, Copy, Debug)]
enum Life {
    /// Creates a journal, signs at heights 1 to 3, and stops in an orderly way.
    Born,
    /// Opens the journal, signs at heights 11 to 13, and is not stopped in an orderly way.
    Signing,
    /// Signs so often that the log is brought into the database and the witness is written.
    Long,
    /// Is demoted.
    Demoted,
    /// Takes over what the key signed elsewhere: marks at heights 31 to 34, and a journal with 41 to 44.
    Importing,
    /// Has as many signatures as are remembered one by one, but one, before the oldest are folded.
    Full,
    /// Signs once more and folds.
    Folding,
    /// Has a journal as the first version wrote it, with a signature at height 10.
    FirstVersion,
    /// Opens the store and commits.
    Storing,
}

impl Life {
    const ALL: [(&'static str, Self); 9] = [
        ("born", Self::Born),
        ("signing", Self::Signing),
        ("long", Self::Long),
        ("demoted", Self::Demoted),
        ("importing", Self::Importing),
        ("full", Self::Full),
        ("folding", Self::Folding),
        ("first-version", Self::FirstVersion),
        ("storing", Self::Storing),
    ];

    fn name(self) -> &'static str {
        Self::ALL.iter().find(|(_, life)| matches_life(*life, self)).unwrap().0
    }
}

fn matches_life(one: Life, other: Life) -> bool {
    std::mem::discriminant(&one) == std::mem::discriminant(&other)
}

fn key() -> PrivateKey {
    PrivateKey::from_bytes([7; 32]).unwrap()
}

/// The request to sign a block at `height`; each `number` is another block.
fn acceptance(number: u64, height: u64) -> AcceptanceRequest {
    AcceptanceRequest {
        header: Box::new(header(number, height)),
        burn_height: BurnHeight::new(500),
        overriding: Vec::new(),
        at: UnixSeconds::new(1_700_000_000),
    }
}

/// The process that is cut.
#[test]
#[ignore = "the body of the child process that other tests start"]
fn child() {
    let (Some(folder), Ok(life)) = (env::var_os(FOLDER), env::var(LIFE)) else { return };
    let life = Life::ALL.iter().find(|(name, _)| *name == life).unwrap().1;
    let folder = Path::new(&folder);
    match life {
        Life::Born => {
            let vault = Vault::create(key(), &folder.join(JOURNAL), Birth::WithKey).unwrap();
            sign(vault, 1..=3).close_cleanly().unwrap();
        }
        Life::Signing => drop(sign(open(folder), 11..=13)),
        Life::Long => {
            let mut vault = open(folder);
            for height in 21..=320 {
                vault = sign(vault, height..=height);
                vault.tidy().unwrap();
            }
        }
        Life::Demoted => {
            let mut vault = open(folder);
            vault.demote(UnixSeconds::new(1)).unwrap();
            say("demoted 0");
            vault.hold_from(BurnHeight::new(9)).unwrap();
            say("held 9");
        }
        Life::Importing => import(folder),
        Life::Full => {
            let mut vault = Vault::create(key(), &folder.join(JOURNAL), Birth::WithKey).unwrap();
            let marks: Vec<Mark> = (1..ALL_AND_SOME).map(mark).collect();
            for marks in marks.chunks(4096) {
                vault.import(marks).unwrap();
            }
            vault.close_cleanly().unwrap();
            (1..ALL_AND_SOME).for_each(|height| say(&format!("told {height}")));
        }
        Life::Folding => {
            let mut vault = sign(open(folder), ALL_AND_SOME..=ALL_AND_SOME);
            vault.tidy().unwrap();
            say(&format!("folded {ALL_AND_SOME}"));
            drop(sign(vault, ALL_AND_SOME + 1..=ALL_AND_SOME + 1));
        }
        Life::FirstVersion => {
            first_version(&folder.join(JOURNAL));
            say("signed 10");
        }
        Life::Storing => {
            let mut store = Store::open(&folder.join(STORE)).unwrap();
            for number in 1..=5 {
                let tenure = ConsensusHash::new([number; 20]);
                let at = Timestamp::from_secs(number.into());
                store.commit(&[Write::Activity { tenure, at }]).unwrap();
                say(&format!("stored {number}"));
                store.tidy().unwrap();
            }
        }
    }
    say("done 0");
}

fn import(folder: &Path) {
    let mut vault = open(folder);
    let marks: Vec<Mark> = (31..=34).map(mark).collect();
    vault.import(&marks).unwrap();
    (31..=34).for_each(|height| say(&format!("told {height}")));
    let elsewhere = tempfile::tempdir().unwrap();
    let other = Vault::create(key(), &elsewhere.path().join(JOURNAL), Birth::WithKey).unwrap();
    let mut other = sign_silently(other, 41..=44);
    let export = other.export_journal(UnixSeconds::new(1)).unwrap();
    vault.import_journal(&export).unwrap();
    (41..=44).for_each(|height| say(&format!("told {height}")));
}

/// What another program remembers of the block at `height` with the number 1.
fn mark(height: u64) -> Mark {
    let request = acceptance(1, height);
    Mark {
        sighash: request.sighash(),
        height: StacksHeight::new(height),
        tenure: request.tenure(),
        at: request.at,
    }
}

/// A journal as the first version wrote it.
fn first_version(journal: &Path) {
    let db = Connection::open(journal).unwrap();
    // Without it SQLite wants memory that it can share, which a file system of ours has none of.
    db.pragma_update(None, "locking_mode", "EXCLUSIVE").unwrap();
    db.pragma_update(None, "journal_mode", "WAL").unwrap();
    db.pragma_update(None, "synchronous", "FULL").unwrap();
    db.execute_batch(include_str!("../../crates/vault/src/journal/migrations/0001.sql")).unwrap();
    db.execute("INSERT INTO owner VALUES (1, ?, 3)", [key().public_key().as_bytes()]).unwrap();
    let Mark { sighash, tenure, .. } = mark(10);
    let row = (sighash.as_bytes(), 10, tenure.as_bytes());
    db.execute("INSERT INTO acceptance VALUES (?, ?, ?, 5)", row).unwrap();
    db.pragma_update(None, "application_id", 0x4353_4a31).unwrap();
    db.pragma_update(None, "user_version", 1).unwrap();
    drop(db);
    fs::File::open(journal.parent().unwrap()).unwrap().sync_all().unwrap();
}

fn open(folder: &Path) -> Vault {
    Vault::open(key(), &folder.join(JOURNAL)).unwrap()
}

fn sign(mut vault: Vault, heights: RangeInclusive<u64>) -> Vault {
    for height in heights {
        vault = sign_silently(vault, height..=height);
        say(&format!("signed {height}"));
    }
    vault
}

fn sign_silently(mut vault: Vault, heights: RangeInclusive<u64>) -> Vault {
    for height in heights {
        vault.sign_acceptance(&acceptance(1, height)).unwrap();
    }
    vault
}

fn say(line: &str) {
    eprintln!("{line}");
}

/// Runs a life on a disk to its end or to the cut. Returns what left the process.
fn live(mounted: &Mounted, life: Life) -> Vec<String> {
    let output = Command::new(env::current_exe().unwrap())
        .args(["--exact", "child", "--ignored", "--nocapture"])
        .env(FOLDER, mounted.path())
        .env(LIFE, life.name())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    said.lines().filter(|line| is_word(line)).map(str::to_owned).collect()
}

/// Whether a line is one of ours, and not of the test harness.
fn is_word(line: &str) -> bool {
    let mut words = line.split(' ');
    let [verb, number] = [words.next(), words.next()];
    matches!(verb, Some("signed" | "told" | "folded" | "demoted" | "held" | "stored" | "done"))
        && number.is_some_and(|number| number.parse::<u64>().is_ok())
}

/// The numbers behind a verb.
fn numbers<'a>(said: &'a [String], verb: &'a str) -> impl Iterator<Item = u64> + 'a {
    said.iter().filter_map(move |line| line.strip_prefix(verb)?.trim().parse().ok())
}

/// What was covered, for the report.
#[derive(Debug, Default)]
struct Covered {
    points: u64,
    restarts: u64,
    rivals_refused: u64,
    deeds: BTreeMap<Deed, u64>,
}

/// Each how manieth deed of a long life is cut: all of them if the environment says so, which takes a quarter of an
/// hour.
fn each(of_long_lives: usize) -> usize {
    if env::var_os(EVERY_POINT).is_some() { 1 } else { of_long_lives }
}

/// Cuts a life at each of its deeds, loses what is not synced in several ways, and has `check` restart.
/// Earlier lives have left `disk`, and `before` is what left them.
fn cut_everywhere(
    (life, disk, before): (Life, &Disk, &[String]),
    step: usize,
    check: impl Fn(&Path, &[String], Loss) -> u64,
) -> Covered {
    let mounted = Mounted::mount();
    mounted.insert(disk.clone(), None);
    let whole = live(&mounted, life);
    assert_eq!(
        whole.last().map(String::as_str),
        Some("done 0"),
        "{life:?} does not end: {whole:?}"
    );
    let deeds = mounted.disk().deeds() - disk.deeds();
    let mut covered = Covered { deeds: mounted.disk().counts().clone(), ..Covered::default() };
    for point in (1..=deeds).step_by(step) {
        mounted.insert(disk.clone(), Some(point));
        let said = live(&mounted, life);
        assert!(mounted.was_cut() && !said.contains(&"done 0".to_owned()), "{life:?} {point}");
        let said = [before, &said].concat();
        covered.points += 1;
        let losses = [Loss::None, Loss::Everything, Loss::Some(point), Loss::Some(point << 32)];
        for loss in losses {
            let left = tempfile::tempdir().unwrap();
            for (name, content) in mounted.disk().after_cut(loss).content() {
                fs::write(left.path().join(name), content).unwrap();
            }
            let context =
                Context(format!("{life:?} cut at {point} of {deeds}, {loss:?}: {said:?}"));
            covered.rivals_refused += check(left.path(), &said, loss);
            covered.restarts += 1;
            drop(context);
        }
    }
    eprintln!("{life:?}: {covered:?}");
    covered
}

/// Says what was tried if the test fails.
struct Context(String);

impl Drop for Context {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}", self.0);
        }
    }
}

/// Restarts, and asks for a rival of every signature that left and of every one that was taken over, and for
/// what left again. Returns how many rivals were refused.
fn assert_bound(folder: &Path, said: &[String], _: Loss) -> u64 {
    let [signed, told] = ["signed", "told"].map(|verb| numbers(said, verb).collect::<Vec<u64>>());
    let mut vault = match Vault::open(key(), &folder.join(JOURNAL)) {
        Ok(vault) => vault,
        Err(OpenError::Missing { .. }) => {
            assert!(signed.is_empty() && told.is_empty(), "the journal is gone");
            return 0;
        }
        Err(error) => panic!("the journal is torn: {error}"),
    };
    if numbers(said, "demoted").next().is_some() {
        assert!(matches!(vault.standing(), Standing::Demoted { .. }), "the demotion is forgotten");
    }
    if numbers(said, "held").next().is_some() {
        assert_eq!(vault.hold(), Some(BurnHeight::new(9)), "the hold is forgotten");
    }
    vault.promote().unwrap();
    vault.release_hold().unwrap();
    // The latest are the ones that a cut could take.
    let last_signed = signed.iter().rev().take(40).map(|height| (*height, "signed"));
    let last_told = told.iter().rev().take(40).map(|height| (*height, "told"));
    for (height, how) in last_signed.chain(last_told) {
        let refused = vault.sign_acceptance(&acceptance(2, height)).unwrap_err();
        assert!(matches!(refused, SignError::Conflict { .. }), "{height}: {refused}");
        let request = acceptance(1, height);
        if how == "signed" {
            let again = vault.sign_acceptance(&request).unwrap();
            assert_eq!(again, key().sign(request.sighash().as_bytes()));
        }
        let rejection = RejectionRequest {
            sighash: request.sighash(),
            chain_id: ChainId::TESTNET,
            at: UnixSeconds::new(1),
        };
        assert!(matches!(
            vault.sign_rejection(&rejection),
            Err(SignError::ContradictsAcceptance { .. })
        ));
    }
    // What came first binds, too, whether it is remembered one by one or folded.
    for height in told.iter().take(3) {
        let refused = vault.sign_acceptance(&acceptance(2, *height)).unwrap_err();
        assert!(
            matches!(refused, SignError::Conflict { .. } | SignError::BelowFloor { .. }),
            "{height}: {refused}"
        );
    }
    // The journal still works.
    let above = signed.iter().chain(&told).max().map_or(1000, |highest| highest + 1000);
    vault.sign_acceptance(&acceptance(3, above)).unwrap();
    vault.close_cleanly().unwrap();
    drop(Vault::open(key(), &folder.join(JOURNAL)).unwrap());
    (signed.len().min(40) + told.len().min(40)) as u64
}

/// Restarts, and looks for what was committed: all of it if only the process died, and otherwise all up to
/// some commit. The store may forget the latest, because the journal does not.
fn assert_stored(folder: &Path, said: &[String], loss: Loss) -> u64 {
    let stored: Vec<u64> = numbers(said, "stored").collect();
    let mut store = Store::open(&folder.join(STORE)).unwrap();
    let activity = store.load().unwrap().activity;
    let mut found: Vec<u64> = activity.iter().map(|(_, at)| at.as_unix().get()).collect();
    found.sort_unstable();
    assert_eq!(found, (1..=found.len() as u64).collect::<Vec<_>>(), "a commit is missing");
    if loss == Loss::None {
        assert!(stored.iter().all(|number| found.contains(number)), "{stored:?} of {found:?}");
    }
    let tenure = ConsensusHash::new([99; 20]);
    store.commit(&[Write::Activity { tenure, at: Timestamp::from_secs(99) }]).unwrap();
    stored.len() as u64
}

/// The disk that lives leave, one after the other, each as if its machine had lost its power afterwards.
fn after(lives: &[Life]) -> (Disk, Vec<String>) {
    let mounted = Mounted::mount();
    let (mut disk, mut said) = (Disk::new(), Vec::new());
    for life in lives {
        mounted.insert(disk, None);
        said.extend(live(&mounted, *life));
        assert_eq!(said.last().map(String::as_str), Some("done 0"), "{life:?} does not end");
        disk = mounted.disk().after_cut(Loss::Everything);
    }
    said.retain(|line| line != "done 0");
    (disk, said)
}

mod as_root {
    use super::*;

    #[test]
    #[ignore = "needs root: mounts a file system of ours"]
    fn a_journal_that_is_cut_while_it_comes_into_being_is_whole_or_not_there() {
        let covered = cut_everywhere((Life::Born, &Disk::new(), &[]), 1, assert_bound);
        for deed in [
            Deed::Create,
            Deed::Write,
            Deed::Truncate,
            Deed::Sync,
            Deed::SyncFolder,
            Deed::Rename,
            Deed::Unlink,
        ] {
            assert!(covered.deeds.contains_key(&deed), "{deed:?} was never cut");
        }
        assert!(covered.points > 150 && covered.rivals_refused > 10, "{covered:?}");
    }

    #[test]
    #[ignore = "needs root: mounts a file system of ours"]
    fn a_journal_that_is_cut_while_it_opens_or_signs_binds_to_every_signature_that_left() {
        let (disk, said) = after(&[Life::Born]);
        let covered = cut_everywhere((Life::Signing, &disk, &said), 1, assert_bound);
        assert!(
            covered.points > 60 && covered.rivals_refused > covered.restarts * 3,
            "{covered:?}"
        );
    }

    #[test]
    #[ignore = "needs root: mounts a file system of ours"]
    fn a_journal_that_is_cut_while_it_recovers_from_a_cut_binds_to_every_signature_that_left() {
        let (disk, said) = after(&[Life::Born, Life::Signing]);
        let covered = cut_everywhere((Life::Signing, &disk, &said), 1, assert_bound);
        assert!(covered.points > 60, "{covered:?}");
    }

    #[test]
    #[ignore = "needs root: mounts a file system of ours"]
    fn a_journal_that_is_cut_while_it_brings_its_log_home_binds_to_every_signature_that_left() {
        let (disk, said) = after(&[Life::Born]);
        // Two thousand points, of which each 31st is cut.
        let covered = cut_everywhere((Life::Long, &disk, &said), each(31), assert_bound);
        assert!(covered.points > 60, "{covered:?}");
    }

    #[test]
    #[ignore = "needs root: mounts a file system of ours"]
    fn a_demotion_or_a_hold_that_was_acknowledged_outlives_a_cut() {
        let (disk, said) = after(&[Life::Born, Life::Signing]);
        cut_everywhere((Life::Demoted, &disk, &said), 1, assert_bound);
    }

    #[test]
    #[ignore = "needs root: mounts a file system of ours"]
    fn what_was_taken_over_from_elsewhere_binds_after_a_cut() {
        let (disk, said) = after(&[Life::Born, Life::Signing]);
        let covered = cut_everywhere((Life::Importing, &disk, &said), 1, assert_bound);
        assert!(covered.points > 20, "{covered:?}");
    }

    #[test]
    #[ignore = "needs root: mounts a file system of ours"]
    fn a_journal_that_is_cut_while_it_folds_its_oldest_signatures_lets_none_of_them_go() {
        let (disk, said) = after(&[Life::Full]);
        // Half of the pages of the journal are written: each 97th is cut.
        let covered = cut_everywhere((Life::Folding, &disk, &said), each(97), assert_bound);
        assert!(covered.points > 10, "{covered:?}");
    }

    #[test]
    #[ignore = "needs root: mounts a file system of ours"]
    fn a_journal_of_the_first_version_that_is_cut_while_it_is_brought_up_to_date_forgets_nothing() {
        let (disk, said) = after(&[Life::FirstVersion]);
        let covered = cut_everywhere((Life::Signing, &disk, &said), 1, assert_bound);
        assert!(covered.points > 80, "{covered:?}");
    }

    #[test]
    #[ignore = "needs root: mounts a file system of ours"]
    fn a_store_that_is_cut_anywhere_is_whole_and_has_what_was_committed_up_to_some_point() {
        let covered = cut_everywhere((Life::Storing, &Disk::new(), &[]), 1, assert_stored);
        assert!(covered.points > 30, "{covered:?}");
        let (disk, said) = after(&[Life::Storing]);
        cut_everywhere((Life::Storing, &disk, &said), 1, assert_stored);
    }

    #[test]
    #[ignore = "needs root: mounts a file system of ours"]
    fn a_signature_costs_one_sync() {
        let (disk, _) = after(&[Life::Born]);
        let mounted = Mounted::mount();
        let syncs = |from: u64, to: u64| {
            mounted.insert(disk.clone(), None);
            let mut vault = Vault::open(key(), &mounted.path().join(JOURNAL)).unwrap();
            let before = mounted.disk().counts()[&Deed::Sync];
            for height in from..=to {
                vault.sign_acceptance(&acceptance(1, height)).unwrap();
            }
            mounted.disk().counts()[&Deed::Sync] - before
        };
        // The first one after an opening also syncs the header of the log.
        let first = syncs(11, 11);
        assert_eq!(first, 2);
        assert_eq!(syncs(11, 30), first + 19);
    }
}
