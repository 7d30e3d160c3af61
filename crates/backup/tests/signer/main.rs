//! Backups of a signer: what they hold, what is refused, and that no restoration ever lowers a mark.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::fs;
use std::path::Path;

use age::secrecy::ExposeSecret as _;
use age::x25519;
use countersign_backup::retention::Policy;
use countersign_backup::signer::{
    Contents, Fault, Heights, Marks, ProveError, ReadError, RestoreError, RestoreJob, Restored,
    StoreChoice, StoreOutcome, keep, newest, prove, prune, read, restore, uncovered, written_down,
};
use countersign_backup::{Folder, Identities, Recipients};
use countersign_vault::{Birth, FLOOR, JournalExport, JournalFile, Mark, Vault};
use countersign_wire::hash::sha256;
use countersign_wire::{ConsensusHash, PrivateKey, PublicKey, Sighash, StacksHeight, UnixSeconds};
use proptest::collection::vec;
use proptest::prelude::*;

const NOW: u64 = 1_764_268_740;

/// A key of one test: of one key only one process signs on a machine.
fn key(name: &str) -> PrivateKey {
    PrivateKey::from_bytes(sha256(&[name.as_bytes(), &std::process::id().to_be_bytes()])).unwrap()
}

fn copy(key: &PrivateKey) -> PrivateKey {
    PrivateKey::from_bytes(*key.to_bytes()).unwrap()
}

fn mark(number: u8, height: u64) -> Mark {
    Mark {
        sighash: Sighash::new([number; 32]),
        height: StacksHeight::new(height),
        tenure: ConsensusHash::new([7; 20]),
        at: UnixSeconds::new(NOW),
    }
}

/// What a key with these marks exports while it signs.
fn export(key: &PrivateKey, marks: &[Mark]) -> JournalExport {
    let mut vault = Vault::in_memory(copy(key)).unwrap();
    vault.import(marks).unwrap();
    vault.export_journal(UnixSeconds::new(NOW)).unwrap()
}

fn heights(burn: u64) -> Heights {
    Heights { burn: Some(burn), stacks: Some(burn * 10) }
}

/// A backup with these marks, and a store that is as far as this.
fn backup(key: &PrivateKey, marks: &[Mark], burn: u64) -> Contents {
    Contents::new(
        (NOW, "test".to_owned(), "mocknet".to_owned()),
        vec![(export(key, marks), None)],
        (format!("store {burn}").into_bytes(), heights(burn)),
        "node_host = …".to_owned(),
    )
}

/// A host with or without a journal.
struct Host {
    folder: tempfile::TempDir,
    key: PublicKey,
}

impl Host {
    fn new(key: &PrivateKey) -> Self {
        Self { folder: tempfile::tempdir().unwrap(), key: key.public_key() }
    }

    fn with(key: &PrivateKey, marks: &[Mark]) -> Self {
        let host = Self::new(key);
        let mut vault = Vault::create(copy(key), &host.journal(), Birth::WithKey).unwrap();
        vault.import(marks).unwrap();
        vault.close_cleanly().unwrap();
        host
    }

    fn journal(&self) -> std::path::PathBuf {
        self.folder.path().join("journal.sqlite")
    }

    fn store(&self) -> std::path::PathBuf {
        self.folder.path().join("store.sqlite")
    }

    fn knows(&self) -> JournalExport {
        JournalFile::read(&self.journal(), UnixSeconds::new(0)).unwrap()
    }

    fn restore(
        &self,
        contents: &Contents,
        there: Option<Heights>,
        choice: Option<StoreChoice>,
    ) -> Result<Restored, RestoreError> {
        let marks = vec![(self.key, Marks::File(self.journal()))];
        restore(&RestoreJob { contents, marks, store: Some(self.store()), there, choice }, NOW)
    }
}

#[test]
fn what_is_in_a_backup_comes_out_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let contents = backup(&key("out"), &[mark(1, 10), mark(2, 11)], 5);
    let kept = keep(&contents, &Folder::open(folder.path()).unwrap(), None).unwrap();
    assert_eq!(kept.file, "signer-20251127T183900Z.tar");
    let path = folder.path().join(&kept.file);
    assert_eq!(read(&path, None).unwrap(), contents);
    assert_eq!(newest(folder.path()).unwrap(), Some(path));
    prove(&contents, &|_| Ok(heights(5))).unwrap();
}

#[test]
fn a_backup_that_cannot_be_described_is_not_kept() {
    let folder = tempfile::tempdir().unwrap();
    let name = "signer-20251127T183900Z.tar";
    fs::create_dir(folder.path().join(format!("{name}.json"))).unwrap();
    let contents = backup(&key("described"), &[], 5);
    keep(&contents, &Folder::open(folder.path()).unwrap(), None).unwrap_err();
    assert!(!folder.path().join(name).exists());
}

#[test]
fn each_recipient_opens_an_encrypted_backup_and_nobody_else_does() {
    let folder = tempfile::tempdir().unwrap();
    let [one, two, other] = [(); 3].map(|()| x25519::Identity::generate());
    let names = [&one, &two].map(|identity| identity.to_public().to_string());
    let recipients = Recipients::new(names.iter().map(String::as_str)).unwrap();
    let contents = backup(&key("sealed"), &[mark(1, 10)], 5);
    let kept = keep(&contents, &Folder::open(folder.path()).unwrap(), Some(&recipients)).unwrap();
    let path = folder.path().join(&kept.file);
    assert!(kept.file.ends_with(".tar.age") && kept.recipients == names);
    let identities = |identity: &x25519::Identity| {
        Identities::new(identity.to_string().expose_secret()).unwrap()
    };
    for identity in [&one, &two] {
        assert_eq!(read(&path, Some(&identities(identity))).unwrap(), contents);
    }
    let refused = read(&path, Some(&identities(&other))).unwrap_err();
    assert!(matches!(refused, ReadError::OtherIdentity(_)), "{refused}");
    assert!(matches!(read(&path, None).unwrap_err(), ReadError::NoIdentity(_)));
    // Cut, and with nothing beside it that would say so.
    let whole = fs::read(&path).unwrap();
    let cut = folder.path().join("cut.tar.age");
    fs::write(&cut, &whole[..whole.len() - 20]).unwrap();
    let refused = read(&cut, Some(&identities(&one))).unwrap_err();
    assert!(matches!(refused, ReadError::Sealed(_)), "{refused}");
}

#[test]
fn a_damaged_a_half_and_a_foreign_file_are_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    let contents = backup(&key("damaged"), &[mark(1, 10)], 5);
    let kept = keep(&contents, &Folder::open(folder.path()).unwrap(), None).unwrap();
    let path = folder.path().join(&kept.file);
    let whole = fs::read(&path).unwrap();
    let mut spoilt = whole.clone();
    spoilt[600] ^= 1;
    fs::write(&path, &spoilt).unwrap();
    assert!(matches!(read(&path, None).unwrap_err(), ReadError::Changed(_)));
    let alone = folder.path().join("alone.tar");
    let fault = |bytes: &[u8]| {
        fs::write(&alone, bytes).unwrap();
        match read(&alone, None).unwrap_err() {
            ReadError::Fault { source, .. } => source,
            other => panic!("{other}"),
        }
    };
    for half in [0, 100, 512, whole.len() / 3, whole.len() / 2] {
        let fault = fault(&whole[..half]);
        assert!(
            matches!(fault, Fault::NoArchive(_) | Fault::Missing(_) | Fault::About(_)),
            "{half}: {fault}"
        );
    }
    assert!(matches!(fault(b"PGDMP and more"), Fault::NoArchive(_) | Fault::Missing(_)));
    let at = whole.windows(7).position(|window| window == b"store 5").unwrap();
    let mut spoilt = whole.clone();
    spoilt[at] ^= 1;
    assert!(matches!(fault(&spoilt), Fault::Changed(name) if name == "store.sqlite"));
    assert!(matches!(read(Path::new("/no/such"), None).unwrap_err(), ReadError::Io { .. }));
}

#[test]
fn a_backup_of_a_demoted_signer_proves_no_demotion() {
    let mut vault = Vault::in_memory(key("demoted")).unwrap();
    vault.import(&[mark(1, 10)]).unwrap();
    vault.demote(UnixSeconds::new(NOW)).unwrap();
    let journal = vault.export_journal(UnixSeconds::new(NOW)).unwrap();
    assert!(journal.is_proven_demotion());
    let contents = Contents::new(
        (NOW, String::new(), String::new()),
        vec![(journal, None)],
        (Vec::new(), Heights::default()),
        String::new(),
    );
    let again = Contents::from_tar(&contents.to_tar()).unwrap();
    for journal in contents.journals.iter().chain(&again.journals) {
        assert!(!journal.is_proven_demotion() && journal.acceptances.len() == 1);
    }
    // That of one that signs is proven by its key, which a vault in another process asks for.
    assert!(backup(&key("demoted"), &[mark(1, 10)], 5).journals[0].proof.is_some());
}

#[test]
fn without_a_journal_one_begins_with_the_wait_and_the_marks() {
    let key = key("begins");
    let host = Host::new(&key);
    let restored = host.restore(&backup(&key, &[mark(1, 10)], 5), None, None).unwrap();
    assert!(restored.raised[0].has_begun && restored.raised[0].added == 1);
    assert_eq!(restored.store, StoreOutcome::Placed { put_aside: None });
    let status = JournalFile::inspect(&host.journal()).unwrap();
    assert_eq!((status.wait, status.records), (FLOOR, 1));
    assert_eq!(fs::read(host.store()).unwrap(), b"store 5");
    // Once more is the same as once.
    let again = host.restore(&backup(&key, &[mark(1, 10)], 5), Some(heights(5)), None).unwrap();
    assert!(!again.raised[0].has_begun && again.raised[0].added == 0);
    assert_eq!(again.store, StoreOutcome::Kept);
}

#[test]
fn an_old_backup_over_a_newer_journal_changes_nothing() {
    let key = key("older");
    let host = Host::with(&key, &[mark(1, 10), mark(2, 11), mark(3, 12)]);
    fs::write(host.store(), "newer").unwrap();
    let before = host.knows();
    let old = backup(&key, &[mark(1, 10), mark(2, 11)], 5);
    let refused = host.restore(&old, Some(heights(9)), None).unwrap_err();
    assert!(matches!(refused, RestoreError::Older { .. }), "{refused}");
    let kept = host.restore(&old, Some(heights(9)), Some(StoreChoice::Keep)).unwrap();
    assert_eq!((kept.raised[0].added, kept.raised[0].known), (0, 2));
    let after = host.knows();
    assert_eq!((&after.acceptances, after.floor), (&before.acceptances, before.floor));
    assert_eq!(fs::read(host.store()).unwrap(), b"newer");
}

#[test]
fn a_store_is_put_aside_with_its_log_and_never_removed() {
    let key = key("aside");
    let host = Host::with(&key, &[]);
    let log = host.folder.path().join("store.sqlite-wal");
    fs::write(host.store(), "here").unwrap();
    fs::write(&log, "log").unwrap();
    let restored =
        host.restore(&backup(&key, &[], 5), Some(heights(9)), Some(StoreChoice::Replace)).unwrap();
    let StoreOutcome::Placed { put_aside: Some(aside) } = restored.store else {
        panic!("{restored:?}")
    };
    assert_eq!(fs::read(&aside).unwrap(), b"here");
    assert_eq!(fs::read(format!("{}-wal", aside.display())).unwrap(), b"log");
    assert_eq!(fs::read(host.store()).unwrap(), b"store 5");
    assert!(!log.exists(), "the new store would be damaged by the log of the old one");
}

#[test]
fn a_running_signer_and_another_key_are_refused_and_nothing_is_changed() {
    let key = key("runs");
    let host = Host::with(&key, &[mark(1, 10)]);
    let held = countersign_vault::HostLock::take(&key.public_key()).unwrap();
    let contents = backup(&key, &[mark(2, 11)], 5);
    assert!(matches!(host.restore(&contents, None, None).unwrap_err(), RestoreError::Runs(_)));
    drop(held);
    let foreign = backup(&self::key("another"), &[mark(2, 11)], 5);
    assert!(matches!(
        host.restore(&foreign, None, None).unwrap_err(),
        RestoreError::OtherKey { .. }
    ));
    assert_eq!(host.knows().acceptances.len(), 1);
    assert!(!host.store().exists());
}

#[test]
fn a_backup_whose_store_is_another_one_is_not_proven() {
    let contents = backup(&key("prove"), &[mark(1, 10)], 5);
    assert!(matches!(prove(&contents, &|_| Ok(heights(4))).unwrap_err(), ProveError::OtherStore));
    let damaged = prove(&contents, &|_| Err("damaged".to_owned())).unwrap_err();
    assert!(matches!(damaged, ProveError::Store(_)));
}

#[test]
fn backups_go_by_the_policy_and_the_last_proven_one_stays() {
    let folder = tempfile::tempdir().unwrap();
    let place = Folder::open(folder.path()).unwrap();
    let key = key("policy");
    for day in 0..6 {
        let mut contents = backup(&key, &[], 5);
        contents.about.made_at = NOW - day * 86_400;
        let kept = keep(&contents, &place, None).unwrap();
        if day == 4 {
            written_down(&folder.path().join(kept.file), NOW, true).unwrap();
        }
    }
    let gone = prune(&place, Policy { daily: 2, weekly: 0, monthly: 0 }).unwrap();
    assert_eq!(gone.len(), 3, "{gone:?}");
    let left = fs::read_dir(folder.path()).unwrap().filter(|entry| {
        entry.as_ref().unwrap().path().extension().is_some_and(|ending| ending == "tar")
    });
    assert_eq!(left.count(), 3, "two days, and the one that was proven");
}

#[test]
fn of_two_backups_of_one_second_the_second_is_the_newer_one_and_stays() {
    let folder = tempfile::tempdir().unwrap();
    let place = Folder::open(folder.path()).unwrap();
    let [first, second] = [5, 6].map(|burn| {
        let kept = keep(&backup(&key("second"), &[], burn), &place, None).unwrap();
        folder.path().join(kept.file)
    });
    written_down(&first, NOW, true).unwrap();
    assert_eq!(newest(folder.path()).unwrap(), Some(second));
    let gone = prune(&place, Policy { daily: 1, weekly: 0, monthly: 0 }).unwrap();
    assert_eq!(gone, Vec::<String>::new(), "the newest, and the newest that was proven");
}

#[test]
fn a_proof_that_fails_takes_nothing_from_a_backup_that_was_proven_and_is_intact() {
    let folder = tempfile::tempdir().unwrap();
    let kept = keep(&backup(&key("proof"), &[], 5), &Folder::open(folder.path()).unwrap(), None);
    let path = folder.path().join(kept.unwrap().file);
    let written = || fs::read_to_string(format!("{}.json", path.display())).unwrap();
    written_down(&path, NOW, true).unwrap();
    let proven = written();
    written_down(&path, NOW + 1, false).unwrap();
    assert_eq!(written(), proven);
    fs::write(&path, "damaged").unwrap();
    written_down(&path, NOW + 1, false).unwrap();
    assert_ne!(written(), proven);
}

fn marks() -> impl Strategy<Value = Vec<Mark>> {
    // Of one block every history knows the same height, as of one that was signed.
    vec((0_u8..40, 0_u64..3), 0..20).prop_map(|numbers| {
        let mut marks: Vec<Mark> =
            numbers.into_iter().map(|(number, _)| mark(number, u64::from(number) / 3)).collect();
        marks.sort_by_key(|mark| mark.sighash);
        marks.dedup_by_key(|mark| mark.sighash);
        marks
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn after_a_restoration_every_mark_of_both_histories_binds(
        here in proptest::option::of(marks()),
        there in marks(),
        choice in proptest::sample::select(vec![StoreChoice::Keep, StoreChoice::Replace]),
    ) {
        let key = key("property");
        let host = here.as_ref().map_or_else(|| Host::new(&key), |here| Host::with(&key, here));
        let contents = backup(&key, &there, 5);
        host.restore(&contents, here.as_ref().map(|_| heights(9)), Some(choice)).unwrap();
        let knows = host.knows();
        prop_assert_eq!(uncovered(&contents.journals[0], &knows), None);
        if let Some(here) = here {
            prop_assert_eq!(uncovered(&export(&key, &here), &knows), None);
        }
    }

    #[test]
    fn a_spoilt_backup_is_refused_or_holds_what_it_held(at in any::<prop::sample::Index>(), flip in 1_u8..) {
        let contents = backup(&key("spoilt"), &[mark(1, 10)], 5);
        let mut tar = contents.to_tar();
        let at = at.index(tar.len());
        tar[at] ^= flip;
        if let Ok(read) = Contents::from_tar(&tar) {
            prop_assert_eq!(read, contents);
        }
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in vec(any::<u8>(), 0..3000)) {
        let _ = Contents::from_tar(&bytes);
    }
}
