//! When a tenure may be extended, as every response tells the miner (3.7): the configured idle time
//! and 2 seconds, after the blocks that count.

use countersign_signer::{BlockState, Millis, Record, Saved};
use countersign_wire::message::{BlockProposal, ResponseData};
use countersign_wire::transaction::TenureChangeCause;

use crate::support::chain::secs_ago;
use crate::support::{Driver, NOW, Sent, extend, ordinary, record, spoilt, tenure_start};

/// The two times in the latest response, in seconds from now.
fn times(driver: &Driver) -> (i64, i64) {
    let data: &ResponseData = driver
        .sent
        .iter()
        .rev()
        .find_map(|sent| match sent {
            Sent::Accepted(accepted) => Some(&accepted.data),
            Sent::Rejected(_, rejected) => Some(&rejected.data),
            _ => None,
        })
        .expect("a response is sent");
    let from_now = |at: u64| at.cast_signed() - NOW.as_unix().get().cast_signed();
    (from_now(data.full_extend_at.get()), from_now(data.read_count_extend_at.get()))
}

/// A block on the chain, proposed `age` seconds ago, whose validation took this long.
fn on_chain(proposal: BlockProposal, age: u64, took: u64) -> Record {
    let mut record = record(proposal, BlockState::GloballyAccepted);
    record.proposed_at = secs_ago(age);
    record.signed_group_at = Some(secs_ago(age));
    record.validation_time = Millis::new(took);
    record
}

/// The times in the rejection of a block at height 30 of tenure 3.
fn after(records: Vec<Record>) -> (i64, i64) {
    let mut driver = Driver::with(&[20; 5], Saved { records, ..Saved::default() });
    driver.propose(&spoilt(ordinary(3, 30), |header| assert!(header.pox_treatment.set(0, false))));
    times(&driver)
}

#[test]
fn the_acceptance_of_a_tenures_first_block_starts_the_clock_anew() {
    let mut driver = Driver::good();
    let sighash = driver.promise(&tenure_start(3, 21));
    for peer in 1..4 {
        driver.pre_commit(peer, sighash);
    }
    assert_eq!(times(&driver), (32, 17));
}

#[test]
fn without_a_block_on_the_chain_the_clock_starts_now() {
    assert_eq!(after(vec![]), (32, 17));
    let promised = record(ordinary(3, 22), BlockState::PreCommitted);
    let signed = record(ordinary(3, 23), BlockState::LocallyAccepted);
    let records = [promised, signed].map(|record| Record { proposed_at: secs_ago(100), ..record });
    assert_eq!(after(records.into()), (32, 17), "only blocks on the chain count");
}

#[test]
fn the_clock_starts_with_the_block_that_restarted_it_and_stands_still_during_validation() {
    let records = vec![
        on_chain(ordinary(2, 20), 500, 9000),
        on_chain(tenure_start(3, 21), 100, 100),
        on_chain(ordinary(3, 22), 60, 1200),
        on_chain(ordinary(3, 24), 20, 701),
    ];
    // 100 + 1200 + 701 ms are rounded up to 3 s.
    assert_eq!(after(records), (32 - 100 + 3, 17 - 100 + 3));
}

#[test]
fn a_read_count_extend_restarts_only_the_read_count_clock() {
    let records = |cause| {
        vec![
            on_chain(tenure_start(3, 21), 100, 100),
            on_chain(extend(3, 23, cause), 40, 300),
            on_chain(ordinary(3, 24), 20, 700),
        ]
    };
    let read_count = after(records(TenureChangeCause::ExtendedReadCount));
    assert_eq!(read_count, (32 - 100 + 2, 17 - 40 + 1));
    assert_eq!(after(records(TenureChangeCause::Extended)), (32 - 40 + 1, 17 - 40 + 1));
    let other = after(records(TenureChangeCause::ExtendedRuntime));
    assert_eq!(other, (32 - 100 + 2, 17 - 100 + 2));
}

#[test]
fn a_rejection_of_a_tenures_first_block_does_not_restart_the_clock() {
    let records = vec![on_chain(ordinary(3, 22), 60, 0)];
    let mut driver = Driver::with(&[20; 5], Saved { records, ..Saved::default() });
    driver.propose(&tenure_start(3, 21));
    assert_eq!(times(&driver), (32 - 60, 17 - 60));
}
