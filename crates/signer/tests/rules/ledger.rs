//! How much is remembered about blocks.

use countersign_signer::{BlockState, MAX_RECORDS, Record, Saved};
use countersign_wire::clarity::ContractName;
use countersign_wire::message::{BlockProposal, ValidateCode};
use countersign_wire::transaction::TransactionPayload;
use countersign_wire::{Sighash, Wire as _};

use crate::support::Driver;
use crate::support::blocks::{ordinary, record, spoilt, tenure_start};
use crate::support::chain::secs_ago;

const MIB: usize = 1024 * 1024;

fn large(height: u64) -> BlockProposal {
    let mut proposal = ordinary(3, height);
    let mut publish = proposal.block.transactions[0].clone();
    publish.payload = TransactionPayload::SmartContract {
        clarity_version: None,
        name: ContractName::new("large").unwrap(),
        code: "a".repeat(MIB),
    };
    proposal.block.transactions.push(publish);
    spoilt(proposal, |_| {})
}

#[test]
fn large_blocks_make_room_by_forgetting_what_the_lowest_contain() {
    let mut driver = Driver::good();
    for height in 22..62 {
        driver.propose(&large(height));
    }
    let records = &driver.saved.records;
    let whole: Vec<_> = records.iter().filter(|record| record.block.is_some()).collect();
    let blocks = whole.iter().filter_map(|record| record.block.as_ref());
    let bytes: usize = blocks.map(|block| block.to_bytes().len()).sum();
    assert!(bytes <= 16 * MIB, "{bytes} bytes in {} blocks", whole.len());
    assert!(whole.len() >= 15, "{} blocks", whole.len());
    let lowest = whole.iter().map(|record| record.height().get()).min();
    assert_eq!(lowest, Some(62 - whole.len() as u64));
    // That they were proposed is remembered all the same.
    assert_eq!(records.len(), 40);
}

#[test]
fn a_block_that_is_judged_again_is_counted_once() {
    let mut driver = Driver::good();
    driver.propose(&tenure_start(3, 21));
    let large = large(22);
    for _ in 0..40 {
        driver.propose(&large);
        driver.refute(large.block.sighash(), ValidateCode::UnknownParent);
    }
    assert!(driver.stored(tenure_start(3, 21).block.sighash()).is_some());
}

#[test]
fn a_flood_of_higher_blocks_does_not_make_a_signed_one_be_forgotten() {
    let mut signed = record(ordinary(3, 22), BlockState::LocallyAccepted);
    signed.signed_self_at = Some(secs_ago(10));
    let sighash = signed.sighash;
    let above = |nonce: usize| {
        let mut junk = record(ordinary(3, 1_000), BlockState::LocallyRejected);
        let mut bytes = [0x77; 32];
        bytes[..8].copy_from_slice(&nonce.to_be_bytes());
        (junk.sighash, junk.block) = (Sighash::new(bytes), None);
        junk
    };
    let mut records: Vec<Record> = (1..MAX_RECORDS).map(above).collect();
    records.push(signed);
    let mut driver = Driver::with(&[20; 5], Saved { records, ..Saved::default() });
    driver.propose(&ordinary(3, 2_000));
    assert_eq!(driver.saved.records.len(), MAX_RECORDS);
    assert!(driver.stored(sighash).is_some());
    assert!(driver.stored(ordinary(3, 2_000).block.sighash()).is_some());
}
