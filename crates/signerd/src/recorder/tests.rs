#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use countersign_signer::{
    DEFAULT_REPLAY_BLOCKS, Event, Outcome, Params, Recorded as _, Saved, Signer, Step, Timeouts,
    Timestamp,
};
use countersign_wire::event::NewBurnBlock;
use countersign_wire::{
    BurnBlockHash, BurnHeight, ChainId, ConsensusHash, Network, PrivateKey, Sighash,
};
use tempfile::TempDir;

use super::frame::{Frames, Header, Kind, Next, frame};
use super::tape::Recorder;
use super::{Ending, ReadError, Recording, replay};

const BEGUN: u64 = 1_700_000_000_000;
const EVENTS: u64 = 20;

fn params() -> Params {
    Params {
        key: PrivateKey::from_bytes([7; 32]).unwrap().public_key(),
        next_key: None,
        network: Network::Testnet,
        chain_id: ChainId::TESTNET,
        server_version: "test".to_owned(),
        timeouts: Timeouts::default(),
        validate_with_replay_tx: false,
        reset_replay_set_after_fork_blocks: DEFAULT_REPLAY_BLOCKS,
        is_dry_run: false,
    }
}

fn event(number: u64) -> Event {
    let byte = u8::try_from(number).unwrap();
    if number.is_multiple_of(3) {
        return Event::Deadline;
    }
    Event::BurnBlock(NewBurnBlock {
        burn_block_hash: BurnBlockHash::new([byte; 32]),
        burn_block_height: BurnHeight::new(number),
        consensus_hash: ConsensusHash::new([byte; 20]),
        parent_burn_block_hash: BurnBlockHash::new([byte.saturating_sub(1); 32]),
    })
}

/// A signer's life, recorded with at most `max_bytes`.
fn recorded(max_bytes: u64) -> (TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let wanted = Recording { folder: dir.path().join("tapes"), max_bytes };
    let at = |number| Timestamp::from_millis(BEGUN + 700 * number);
    let mut recorder = Recorder::open(Some(&wanted), &params(), at(0));
    let heard = recorder.hear_start(at(0), &params(), &Saved::default());
    let (mut signer, first) = Signer::restore(params(), Saved::default(), at(0));
    recorder.record(heard, &first);
    for number in 1..=EVENTS {
        let event = event(number);
        let heard = recorder.hear(at(number), &event);
        let step = signer.handle(event, at(number));
        recorder.record(heard, &step);
    }
    drop(recorder);
    let file = fs::read_dir(&wanted.folder).unwrap().next().unwrap().unwrap().path();
    (dir, file)
}

/// Where each frame after the header begins.
fn offsets(path: &Path) -> Vec<u64> {
    let (_, mut frames) = Frames::open(path).unwrap();
    let mut offsets = Vec::new();
    while let Next::Frame { offset, .. } = frames.next().unwrap() {
        offsets.push(offset);
    }
    offsets
}

fn spoil(path: &Path, offset: u64) {
    let mut bytes = fs::read(path).unwrap();
    bytes[usize::try_from(offset).unwrap()] ^= 1;
    fs::write(path, bytes).unwrap();
}

#[test]
fn a_recorded_life_comes_to_the_same_again() {
    let (_dir, file) = recorded(u64::MAX);
    let replay = replay(&file, false).unwrap();
    assert_eq!((replay.events, replay.differences, replay.complete), (EVENTS, 0, true));
    assert_eq!((replay.ending, replay.key), (Ending::Stopped, params().key));
    assert_eq!(replay.ended_at, Timestamp::from_millis(BEGUN + 700 * EVENTS));
    assert!(replay.same_program);
    let text = replay.to_string();
    assert!(text.contains("20 events replayed, 0 lines about blocks"), "{text}");
    assert!(text.ends_with("every event came to what was recorded\n"), "{text}");
}

#[test]
fn a_recording_ends_at_its_bound_and_says_so() {
    let (_dir, file) = recorded(3000);
    assert!(fs::metadata(&file).unwrap().len() <= 3000);
    let replay = replay(&file, false).unwrap();
    assert!(replay.events > 0 && replay.events < EVENTS, "{replay:?}");
    assert_eq!((replay.ending, replay.differences, replay.complete), (Ending::Full, 0, true));
}

#[test]
fn a_disk_that_does_not_keep_up_ends_a_recording_that_is_not_called_whole() {
    let dir = tempfile::tempdir().unwrap();
    let wanted = Recording { folder: dir.path().to_owned(), max_bytes: u64::MAX };
    let at = Timestamp::from_millis(BEGUN);
    let mut recorder = Recorder::open(Some(&wanted), &params(), at);
    let heard = recorder.hear_start(at, &params(), &Saved::default());
    recorder.record(heard, &Signer::restore(params(), Saved::default(), at).1);
    recorder.fall_behind();
    let file = fs::read_dir(dir.path()).unwrap().next().unwrap().unwrap().path();
    let begun = Instant::now();
    let replay = loop {
        match replay(&file, false) {
            Ok(replay) if !matches!(replay.ending, Ending::Open | Ending::Cut { .. }) => {
                break replay;
            }
            _ => assert!(begun.elapsed() < Duration::from_secs(20), "the thread writes no end"),
        }
        std::thread::yield_now();
    };
    assert_eq!((replay.ending, replay.complete, replay.differences), (Ending::Behind, false, 0));
    assert!(replay.to_string().contains("the disk did not keep up"), "{replay}");
}

#[test]
fn a_recording_that_is_cut_anywhere_is_replayed_as_far_as_it_goes() {
    let (_dir, file) = recorded(u64::MAX);
    let whole = fs::read(&file).unwrap();
    let offsets = offsets(&file);
    for end in (0..whole.len()).step_by(7) {
        fs::write(&file, &whole[..end]).unwrap();
        match replay(&file, false) {
            Ok(replay) => {
                assert_eq!((replay.differences, replay.complete), (0, false), "cut at {end}");
                let before = offsets.iter().filter(|offset| **offset <= end as u64).count() as u64;
                assert!(replay.events + 2 >= before && replay.events < before, "cut at {end}");
                if let Ending::Cut { offset } = replay.ending {
                    assert!(offsets.contains(&offset) && offset < end as u64);
                }
            }
            Err(ReadError::NotARecording(_) | ReadError::NoStart(_)) => {
                assert!((end as u64) < offsets[1], "cut at {end}");
            }
            Err(error) => panic!("cut at {end}: {error}"),
        }
    }
}

#[test]
fn a_spoilt_byte_anywhere_is_named_with_its_frame() {
    let (_dir, file) = recorded(u64::MAX);
    let offsets = offsets(&file);
    let (here, next) = (offsets[5], offsets[6]);
    for offset in here..next {
        spoil(&file, offset);
        let error = replay(&file, false).unwrap_err();
        assert!(
            matches!(&error, ReadError::Damaged { offset, .. } if *offset == here),
            "byte {offset}: {error}"
        );
        assert!(error.to_string().contains(&format!("head -c {here} ")), "{error}");
        spoil(&file, offset);
    }
    assert_eq!(replay(&file, false).unwrap().differences, 0);
}

#[test]
fn another_file_and_another_format_are_refused_by_name() {
    let (_dir, file) = recorded(u64::MAX);
    spoil(&file, 9);
    let error = replay(&file, false).unwrap_err();
    assert!(error.to_string().contains("has the format 3, and this program reads format 2"));
    spoil(&file, 9);
    spoil(&file, 0);
    assert!(matches!(replay(&file, false), Err(ReadError::NotARecording(_))));
    fs::remove_file(&file).unwrap();
    assert!(matches!(replay(&file, false), Err(ReadError::Unreadable { .. })));
}

/// A recording by `program` of two events, the second of which came to something else.
fn forged(path: &Path, program: &str) {
    let at = Timestamp::from_millis(BEGUN);
    let header =
        Header { program: program.to_owned(), key: params().key, network: Network::Testnet };
    let (mut signer, first) = Signer::restore(params(), Saved::default(), at);
    let mut bytes = header.to_bytes();
    let mut add = |kind, payload: Vec<u8>| bytes.extend(frame(kind, &payload).unwrap());
    add(Kind::Start, (at, params(), Saved::default(), Outcome::of(&first)).to_recording());
    let outcome = Outcome::of(&signer.handle(event(1), at));
    add(Kind::Event, (at, event(1), outcome).to_recording());
    let mut other = signer.handle(event(2), at);
    other.writes.push(countersign_signer::Write::ForgetVotes(Sighash::ZERO));
    add(Kind::Event, (at, event(2), Outcome::of(&other)).to_recording());
    add(Kind::Event, (at, Event::Deadline, Outcome::of(&Step::default())).to_recording());
    fs::write(path, bytes).unwrap();
}

#[test]
fn the_first_difference_is_told_with_what_was_and_what_is() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("forged");
    forged(&file, &crate::release());
    let replay = replay(&file, true).unwrap();
    assert_eq!((replay.events, replay.differences, replay.ending), (2, 1, Ending::NotReached));
    let difference = replay.first_difference.as_ref().unwrap();
    assert_eq!((difference.event, difference.at), (2, Timestamp::from_millis(BEGUN)));
    assert!(difference.what.starts_with("the node announces the burn block 2 (0202"));
    assert_eq!(difference.recorded.len(), 1, "{difference}");
    assert!(difference.recorded[0].starts_with("write ForgetVotes(Sighash(0000"), "{difference}");
    assert!(difference.replayed.is_empty(), "{difference}");
    assert!(
        replay.to_string().contains("first difference: event 2 at 2023-11-14 22:13:20.000 UTC")
    );
}

#[test]
fn a_recording_of_another_program_is_replayed_with_a_warning() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("forged");
    forged(&file, "countersign 0.0.0");
    let replay = replay(&file, false).unwrap();
    assert!(!replay.same_program && !replay.complete);
    assert_eq!((replay.events, replay.ending), (3, Ending::Open));
    let text = replay.to_string();
    assert!(text.contains("a difference may be one between the two programs"), "{text}");
    assert!(text.contains("warning: the recording has no end"), "{text}");
}

#[test]
fn a_folder_that_cannot_be_made_leaves_the_signer_without_a_recording() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("file");
    fs::write(&folder, "").unwrap();
    let wanted = Recording { folder, max_bytes: u64::MAX };
    let at = Timestamp::from_millis(BEGUN);
    let mut recorder = Recorder::open(Some(&wanted), &params(), at);
    let heard = recorder.hear(at, &Event::Deadline);
    recorder.record(heard, &Step::default());
}
