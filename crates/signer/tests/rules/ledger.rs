//! How much is remembered about blocks.

use countersign_wire::Wire as _;
use countersign_wire::clarity::ContractName;
use countersign_wire::message::{BlockProposal, ValidateCode};
use countersign_wire::transaction::TransactionPayload;

use crate::support::Driver;
use crate::support::blocks::{ordinary, spoilt, tenure_start};

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
