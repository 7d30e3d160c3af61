//! How large a store becomes. What is written here for each block is what the core writes while five
//! seconds pass from one block to the next: see `contents` among the tests of the core's rules.

use std::fs;
use std::path::Path;

use countersign_signer::{BlockState, Outline, Record, RejectionVote, Timestamp, Write};
use countersign_signerd::store::Store;
use countersign_wire::message::RejectReason;
use countersign_wire::{MessageSignature, Sighash, SlotId, StacksHeight};

use crate::strategies::proposed;

/// Blocks that are younger than an hour.
const YOUNG: u64 = 720;
/// Blocks that are remembered.
const REMEMBERED: u64 = 4096;

fn sighash(number: u64) -> Sighash {
    let mut bytes = [0x77; 32];
    // As scattered as real hashes.
    bytes[..8].copy_from_slice(&number.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes());
    Sighash::new(bytes)
}

fn signature(number: u8) -> MessageSignature {
    let mut bytes = [number; 65];
    bytes[0] = 1;
    MessageSignature::from_bytes(bytes).unwrap()
}

/// A block of four thousand bytes.
fn block(number: u64) -> Record {
    let record = proposed(3);
    let mut block = record.block.as_deref().unwrap().clone();
    block.header.chain_length = StacksHeight::new(number);
    block.header.signer_signature = vec![signature(7); 58];
    let (outline, at) = (Outline::of(&block), Timestamp::from_secs(5 * number));
    Record {
        sighash: sighash(number),
        outline,
        block: Some(block.into()),
        proposed_at: at,
        ..record
    }
}

/// All writes for one block that `signers` others vote on, and what falls out meanwhile.
fn life(number: u64, signers: u32) -> Vec<Write> {
    let mut record = block(number);
    let sighash = record.sighash;
    let mut writes = vec![Write::Record(Box::new(record.clone()))];
    for from in (0..signers).map(SlotId::new) {
        let vote = RejectionVote { reason: RejectReason::NoSignerConsensus };
        writes.push(Write::Rejection { sighash, from, vote });
        writes.push(Write::PreCommit { sighash, from });
    }
    record.signed_self_at = Some(record.proposed_at);
    record.state = BlockState::LocallyAccepted;
    writes.push(Write::Record(Box::new(record.clone())));
    let signature = signature(9);
    let accept = |from| Write::Acceptance { sighash, from, signature };
    writes.extend((0..signers).map(SlotId::new).map(accept));
    record.state = BlockState::GloballyAccepted;
    writes.push(Write::Record(Box::new(record)));
    if let Some(final_one) = number.checked_sub(YOUNG) {
        writes.push(Write::ForgetContent(self::sighash(final_one)));
        writes.push(Write::ForgetVotes(self::sighash(final_one)));
    }
    writes.extend(number.checked_sub(REMEMBERED).map(self::sighash).map(Write::ForgetRecord));
    writes
}

/// Lives through these blocks; returns the size of all files afterwards.
fn live(folder: &Path, numbers: std::ops::Range<u64>, signers: u32) -> u64 {
    let mut store = Store::open(&folder.join("store")).unwrap();
    for number in numbers {
        store.commit(&life(number, signers)).unwrap();
        if number % 10 == 0 {
            store.tidy().unwrap();
        }
    }
    let saved = store.load().unwrap();
    assert_eq!(saved.records.len() as u64, REMEMBERED);
    assert_eq!(saved.votes.len() as u64, YOUNG * 2 * u64::from(signers));
    let whole = saved.records.iter().filter(|record| record.block.is_some()).count();
    assert_eq!(whole as u64, YOUNG);
    fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().metadata().unwrap().len()).sum()
}

/// With the ten megabytes of a journal with a million signatures (its own test) this is below fifty.
const LIMIT: u64 = 40_000_000;

#[test]
fn the_votes_of_thirty_signers_and_their_blocks_fit_and_the_file_stops_growing() {
    let folder = tempfile::tempdir().unwrap();
    let grown = live(folder.path(), 1..5000, 30);
    let older = live(folder.path(), 5000..6000, 30);
    assert!(grown < LIMIT && older <= grown + grown / 10, "{grown} bytes, then {older}");
}

#[test]
#[ignore = "takes minutes; run it when the store changes"]
fn a_million_blocks_fit() {
    let folder = tempfile::tempdir().unwrap();
    let bytes = live(folder.path(), 1..1_000_000, 3);
    assert!(bytes < LIMIT, "{bytes} bytes");
}
