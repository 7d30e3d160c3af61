//! The decision log on real files: what is written, what is found, and what is left alone.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::fs;
use std::path::Path;

use countersign_logs::chain::{Head, Sources, verify};
use countersign_signer::{
    Agreed, Conclusion, Grounds, Millis, Note, OverrideReason, Query, Reading, Rule, Timestamp,
};
use countersign_signerd::decisions::{
    DecisionLog, Explanation, Files, Limits, LogError, ReadError, What, explain,
};
use countersign_wire::message::{MinerState, RejectReason};
use countersign_wire::{
    BurnHeight, ConsensusHash, Sighash, SlotId, StacksBlockId, StacksHeight, Weight,
};
use tempfile::TempDir;

fn place() -> (TempDir, Files) {
    let folder = tempfile::tempdir().unwrap();
    let paths = Files::of_store(&folder.path().join("signer.countersign.sqlite"));
    (folder, paths)
}

fn block(first: u8) -> Sighash {
    let mut bytes = [0x11; 32];
    bytes[0] = first;
    Sighash::new(bytes)
}

fn received(first: u8) -> Note {
    Note::ProposalReceived {
        sighash: block(first),
        height: StacksHeight::new(21),
        tenure: ConsensusHash::new([3; 20]),
    }
}

fn judged(first: u8, conclusion: Conclusion, rule: Rule) -> Note {
    let grounds = Grounds {
        rule,
        burn_tip: Some((BurnHeight::new(103), ConsensusHash::new([3; 20]))),
        stacks_height: StacksHeight::new(20),
        version: Some(2),
        agreed: Some(Agreed {
            burn_block: ConsensusHash::new([3; 20]),
            burn_height: BurnHeight::new(103),
            miner: MinerState::NoValidMiner,
        }),
        readings: vec![Reading {
            query: Query::TenureTip(ConsensusHash::new([2; 20])),
            said: "height 20".to_owned(),
            at: at(4),
        }],
    };
    Note::Judged { sighash: block(first), conclusion, grounds: Box::new(grounds) }
}

fn promise(first: u8, from: u32) -> Note {
    Note::PreCommitReceived {
        sighash: block(first),
        from: SlotId::new(from),
        own: Weight::new(20),
        weight: Weight::new(40),
        total: Weight::new(100),
    }
}

fn at(millis: u64) -> Timestamp {
    Timestamp::from_millis(1_700_000_000_000 + millis)
}

fn open(files: &Files) -> DecisionLog {
    DecisionLog::open(files.clone(), Limits::keeping(u64::MAX, 90)).unwrap()
}

/// Keeps what `notes` say, one step each, and ends the log.
fn keep(files: &Files, notes: impl IntoIterator<Item = (u64, Note)>) {
    let log = open(files);
    for (millis, note) in notes {
        log.record(at(millis), &[note]).unwrap();
    }
}

/// A block's way to our signature.
fn write_story(log: &DecisionLog) {
    let sighash = block(0xab);
    log.record(at(0), &[received(0xab)]).unwrap();
    let overridden = vec![(block(0xcc), OverrideReason::Stale)];
    log.record(at(5), &[judged(0xab, Conclusion::Validate, Rule::EXTEND)]).unwrap();
    log.record(at(6), &[Note::ValidationRequested { sighash }]).unwrap();
    let took = Some(Millis::new(8));
    log.record(at(20), &[Note::Verdict { sighash, valid: true, took }]).unwrap();
    log.record(at(21), &[Note::PreCommitted { sighash }, promise(0xab, 0)]).unwrap();
    log.record(at(30), &[promise(0xab, 3)]).unwrap();
    log.record(at(31), &[judged(0xab, Conclusion::Sign(overridden), Rule::CLEAR_TO_SIGN)]).unwrap();
    log.record(at(40), &[Note::Accepted { sighash, latency: Millis::new(1040) }]).unwrap();
}

fn explained(paths: &Files, asked: &str) -> Explanation {
    explain(paths, asked).unwrap()
}

#[test]
fn a_blocks_way_is_told_with_rules_facts_and_votes() {
    let (_folder, paths) = place();
    write_story(&open(&paths));
    let text = explained(&paths, &block(0xab).to_string()).in_words(false);
    for wanted in [
        "outcome  we signed it",
        "2023-11-14 22:13:20.000 UTC",
        "    +0.005 s judged: let the node validate it",
        "rule 3.3 row 10: ",
        "read at burn block 103 (0303030303030303030303030303030303030303), Stacks height 20",
        "the signers agreed on version 2 and burn block 103, no valid miner",
        "the node said 1 ms before of the tip of tenure 0202020202020202020202020202020202020202: \
         height 20",
        "the node finds it valid (it took 8 ms)",
        "rule 4.3 step 9: ",
        "beside cc11111111111111111111111111111111111111111111111111111111111111: its signature is stale",
        "     3      20  pre-commit +0.030 s",
    ] {
        assert!(text.contains(wanted), "{wanted} is not in\n{text}");
    }
    assert!(!text.contains('\u{1b}'), "{text}");
    assert!(explained(&paths, "ab11").in_words(true).contains("\u{1b}[32m"));
}

#[test]
fn a_block_that_came_while_nothing_was_signed_contradicts_nothing() {
    let (_folder, paths) = place();
    let refused = |rival| Note::VaultRefused { sighash: block(0xab), rival: block(rival) };
    keep(&paths, [(0, received(0xab)), (5, refused(0xab))]);
    let text = explained(&paths, "ab11").in_words(false);
    assert!(text.contains("outcome  we did not sign it: nothing was signed"), "{text}");
    assert!(!text.contains("contradict"), "{text}");
    keep(&paths, [(9, refused(0xcc))]);
    let text = explained(&paths, "ab11").in_words(false);
    assert!(text.contains("outcome  the vault refused to sign it"), "{text}");
    assert!(text.contains("it would contradict the signature on cc11"), "{text}");
}

#[test]
fn a_block_is_found_by_the_beginning_of_its_hash_or_block_id() {
    let (_folder, paths) = place();
    write_story(&open(&paths));
    keep(&paths, [(50, received(0xac))]);
    let id = StacksBlockId::for_block(block(0xab).as_bytes(), &ConsensusHash::new([3; 20]));
    for asked in ["ab11", "0xAB1111", &id.to_string()[..12], &id.to_string()] {
        let found = explained(&paths, asked);
        assert_eq!((found.block, found.block_id), (block(0xab), Some(id)), "{asked}");
        assert_eq!(found.entries.len(), 9, "{asked}");
    }
}

#[test]
fn a_hash_that_is_not_on_file_brings_those_that_are_near() {
    let (_folder, paths) = place();
    keep(&paths, (0..).zip([1, 2, 3, 4, 5, 6, 7].map(received)));
    let error = explain(&paths, "01112").unwrap_err();
    let ReadError::Unknown { near, .. } = &error else { panic!("{error:?}") };
    let firsts: Vec<u8> = near.iter().map(|near| near.block.as_bytes()[0]).collect();
    assert_eq!(firsts, [1, 7, 6, 5, 4], "the most similar, then the latest");
    assert!(error.to_string().contains("height 21, 2023-11-14"), "{error}");

    let mut twin = [0x11; 32];
    (twin[0], twin[31]) = (1, 0);
    keep(&paths, [(9, Note::ValidationRequested { sighash: Sighash::new(twin) })]);
    let error = explain(&paths, "0111").unwrap_err();
    assert!(
        matches!(&error, ReadError::Ambiguous { blocks, .. } if blocks.len() == 2),
        "{error:?}"
    );
}

#[test]
fn what_is_no_hash_and_where_no_log_is_are_told_apart() {
    let (_folder, paths) = place();
    assert!(matches!(explain(&paths, "ab11"), Err(ReadError::NoLog(_))));
    drop(open(&paths));
    for asked in ["", "abc", "xyzw", &"a".repeat(65)] {
        assert!(matches!(explain(&paths, asked), Err(ReadError::NotAHash(_))), "{asked}");
    }
    assert!(
        matches!(explain(&paths, "ab11"), Err(ReadError::Unknown { near, .. }) if near.is_empty())
    );
}

#[test]
fn a_rejection_without_a_record_is_on_file() {
    let (_folder, paths) = place();
    let sighash = block(0xab);
    let reason = RejectReason::InvalidBitvec;
    let notes = [
        received(0xab),
        judged(0xab, Conclusion::Reject(reason), Rule::BITVEC),
        Note::Rejected { sighash, reason, latency: Millis::new(3) },
    ];
    open(&paths).record(at(0), &notes).unwrap();
    let found = explained(&paths, "ab11");
    assert_eq!(found.outcome(), format!("we rejected it: {reason}"));
    assert!(found.in_words(false).contains("rule 3.3 row 6: "));
}

#[test]
fn a_line_that_a_crash_has_cut_off_is_removed_and_the_chain_goes_on() {
    let (_folder, paths) = place();
    write_story(&open(&paths));
    let text = fs::read_to_string(paths.current()).unwrap();
    fs::write(paths.current(), format!("{text}{{\"v\":1,\"se")).unwrap();
    keep(&paths, [(60, Note::Uploaded { sighash: block(0xab) })]);
    let found = explained(&paths, "ab11");
    assert_eq!((found.unreadable_lines, found.entries.len()), (0, 10));
    assert_eq!(found.entries.last().unwrap().what, What::Uploaded);
    assert_whole(&paths, 10);
}

fn assert_whole(files: &Files, count: u64) {
    let mut all = files.closed().unwrap();
    all.push(files.current());
    let heads = Head::read(&files.head()).unwrap().into_iter().collect();
    let report = verify(&Sources { files: all, heads }).unwrap();
    assert!(report.is_whole(), "{report:?}");
    assert_eq!((report.last, report.confirmed), (Some(count - 1), Some(count - 1)));
}

#[test]
fn what_a_signer_writes_is_a_chain_across_files_and_starts() {
    let (_folder, paths) = place();
    for start in 0..3_u64 {
        let limits = Limits { file_bytes: 4096, ..Limits::keeping(u64::MAX, 90) };
        let log = DecisionLog::open(paths.clone(), limits).unwrap();
        for n in 0..=255 {
            log.record(at(start * 256 + u64::from(n)), &[received(n), promise(n, 1)]).unwrap();
        }
    }
    assert!(paths.closed().unwrap().len() > 5);
    assert_whole(&paths, 3 * 256 * 2);
    let found = explained(&paths, "ff11");
    assert_eq!(found.entries.len(), 6, "a line of each file is found");
    assert!(found.entries.is_sorted_by_key(|entry| entry.at));
}

#[test]
fn a_bound_drops_the_oldest_lines() {
    let (_folder, paths) = place();
    let limits = Limits { file_bytes: 4096, ..Limits::keeping(16_384, 90) };
    let log = DecisionLog::open(paths.clone(), limits).unwrap();
    for n in 0..=255 {
        log.record(at(u64::from(n)), &[received(n)]).unwrap();
    }
    drop(log);
    assert!(matches!(explain(&paths, "0011"), Err(ReadError::Unknown { .. })));
    assert_eq!(explained(&paths, "ff11").entries.len(), 1);
    assert_whole(&paths, 256);
}

#[test]
fn lines_of_a_version_without_a_chain_are_kept_and_explained() {
    let (_folder, paths) = place();
    let old = format!("{{\"at\":1,\"block\":\"{}\",\"what\":\"pushed\"}}\n", block(0xab));
    fs::write(paths.current(), old).unwrap();
    write_story(&open(&paths));
    let found = explained(&paths, "ab11");
    assert_eq!(found.entries.len(), 10);
    assert_eq!(found.entries[0].what, What::Pushed);
    assert_whole(&paths, 9);
}

#[test]
fn reading_changes_nothing_and_needs_no_signer_to_be_stopped() {
    let (folder, paths) = place();
    write_story(&open(&paths));
    let log = open(&paths);
    let names = || fs::read_dir(folder.path()).unwrap().count();
    let (before, count) = (fs::read(paths.current()).unwrap(), names());
    explained(&paths, "ab11");
    assert_eq!((fs::read(paths.current()).unwrap(), names()), (before, count));
    log.record(at(70), &[Note::Uploaded { sighash: block(0xab) }]).unwrap();
    while explained(&paths, "ab11").entries.len() < 10 {
        log.check().unwrap();
        std::thread::yield_now();
    }
}

#[test]
fn a_log_that_cannot_be_written_is_an_error_that_names_it() {
    let (folder, _) = place();
    let paths = Files::of_store(&folder.path().join("missing/signer.sqlite"));
    let error = DecisionLog::open(paths.clone(), Limits::keeping(1, 1)).unwrap_err();
    assert!(matches!(error, LogError::Unwritable { .. }), "{error:?}");
    assert!(error.to_string().contains("missing/signer.countersign-decisions.jsonl"), "{error}");
    assert!(matches!(explain(&paths, "ab11"), Err(ReadError::NoLog(_))));
}

#[test]
fn every_file_of_a_signer_leads_to_its_log() {
    let expected = Path::new("/var/lib/signer.countersign-decisions.jsonl");
    for name in [
        "signer.sqlite",
        "signer.countersign.sqlite",
        "signer.countersign-journal.sqlite",
        "signer.countersign-decisions.jsonl",
        "signer.countersign-decisions.000000000123.jsonl",
        "signer.countersign-decisions.head.json",
    ] {
        assert_eq!(
            Files::of_store(&Path::new("/var/lib").join(name)).current(),
            expected,
            "{name}"
        );
    }
}
