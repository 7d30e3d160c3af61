//! Blocks without their content: final ones, and those that were taken over from another program.

use countersign_signer::{
    BlockState, Millis, Note, Record, Saved, Timestamp, Vote, WithheldSignature,
};
use countersign_wire::message::BlockProposal;
use countersign_wire::{Sighash, SlotId};

use crate::support::chain::secs_ago;
use crate::support::{Driver, NOW, Sent, ordinary, record, signed, tenure_start};

fn start() -> Sighash {
    tenure_start(3, 21).block.sighash()
}

fn without_content(mut record: Record) -> Record {
    record.block = None;
    record
}

fn promises(sighash: Sighash, count: u32) -> Vec<(Sighash, SlotId, Vote)> {
    (0..count).map(|slot| (sighash, SlotId::new(slot), Vote::PreCommit)).collect()
}

#[test]
fn a_promised_block_waits_for_its_content_and_is_signed_when_it_is_proposed_again() {
    let known = without_content(record(tenure_start(3, 21), BlockState::PreCommitted));
    let votes = promises(start(), 4);
    let saved = Saved { records: vec![known], votes, ..Saved::default() };
    let mut driver = Driver::started(&[20; 5], saved, |_| {});
    driver.agree();
    assert_eq!(driver.orders(), []);
    let why = WithheldSignature::ContentUnknown;
    assert!(driver.notes.contains(&Note::SigningWithheld { sighash: start(), why }));
    driver.propose(&tenure_start(3, 21));
    assert_eq!(driver.acceptances(), [start()]);
    assert!(driver.stored(start()).unwrap().block.is_some());
}

#[test]
fn an_undecided_block_is_judged_when_it_is_proposed_again() {
    let known = without_content(record(tenure_start(3, 21), BlockState::Unprocessed));
    let mut driver =
        Driver::started(&[20; 5], Saved { records: vec![known], ..Saved::default() }, |_| {});
    driver.agree();
    assert_eq!(driver.validations(), []);
    driver.verdict(start());
    assert_eq!(driver.pre_commits(), [], "a verdict without a request promises nothing");
    driver.propose(&tenure_start(3, 21));
    assert_eq!(driver.validations(), [start()]);
    driver.verdict(start());
    assert_eq!(driver.pre_commits(), [start()]);
}

#[test]
fn an_answer_that_was_given_is_given_again() {
    let key = Driver::good().keys.remove(0);
    let mut known = record(tenure_start(3, 21), BlockState::LocallyAccepted);
    known.signed_self_at = Some(NOW);
    let votes = vec![(start(), SlotId::new(0), Vote::Acceptance(signed(&key, &start())))];
    let records = vec![without_content(known)];
    let driver = Driver::started(&[20; 5], Saved { records, votes, ..Saved::default() }, |_| {});
    assert_eq!(driver.acceptances(), [start()]);

    let refused = without_content(record(tenure_start(3, 21), BlockState::LocallyRejected));
    let mut driver = Driver::with(&[20; 5], Saved { records: vec![refused], ..Saved::default() });
    driver.propose(&tenure_start(3, 21));
    assert_eq!(driver.reasons().len(), 1);
}

#[test]
fn a_signed_block_stands_in_the_way_of_another_one_with_or_without_its_content() {
    for empty in [false, true] {
        let mut rival = record(ordinary(2, 22), BlockState::LocallyAccepted);
        rival.signed_self_at = Some(NOW);
        let rival = if empty { without_content(rival) } else { rival };
        let sighash = rival.sighash;
        let mut driver = Driver::with(&[20; 5], Saved { records: vec![rival], ..Saved::default() });
        driver.node.end_tenure(2, 20);
        let block = driver.promise(&ordinary(3, 22));
        for peer in 1..4 {
            driver.pre_commit(peer, block);
        }
        let why = WithheldSignature::FreshRival(sighash);
        assert!(driver.notes.contains(&Note::SigningWithheld { sighash: block, why }), "{empty}");
        assert_eq!(driver.orders(), []);
    }
}

#[test]
fn the_idle_clocks_run_alike_with_or_without_contents() {
    let on_chain = |proposal: BlockProposal, age: u64| Record {
        proposed_at: secs_ago(age),
        validation_time: Millis::from_secs(1),
        ..record(proposal, BlockState::GloballyAccepted)
    };
    let records = vec![on_chain(tenure_start(3, 21), 20), on_chain(ordinary(3, 22), 10)];
    let times = |records: Vec<Record>| {
        let mut driver = Driver::with(&[20; 5], Saved { records, ..Saved::default() });
        driver.propose(&ordinary(4, 30));
        driver.pass(Millis::from_secs(5));
        driver.sent.iter().find_map(|sent| match sent {
            Sent::Rejected(_, rejected) => Some(rejected.data.clone()),
            _ => None,
        })
    };
    let empty = records.iter().cloned().map(without_content).collect();
    assert!(times(records.clone()).is_some());
    assert_eq!(times(empty), times(records));
}

/// A chain that has grown from height 100 to `top`, with a block at height 100 that five have signed.
fn grown(top: u64, signed_at: Timestamp) -> (Driver, Sighash) {
    let mut deep = record(ordinary(1, 100), BlockState::GloballyAccepted);
    (deep.proposed_at, deep.signed_self_at) = (signed_at, Some(signed_at));
    let sighash = deep.sighash;
    let votes = promises(sighash, 5);
    let records = vec![deep, record(ordinary(2, top), BlockState::GloballyAccepted)];
    (Driver::with(&[20; 5], Saved { records, votes, ..Saved::default() }), sighash)
}

#[test]
fn a_final_block_loses_content_and_votes_and_keeps_what_rules_ask() {
    let (driver, sighash) = grown(601, secs_ago(3601));
    let kept = driver.stored(sighash).unwrap();
    assert_eq!((kept.block.as_ref(), kept.signed_self_at), (None, Some(secs_ago(3601))));
    assert_eq!((kept.height().get(), kept.state), (100, BlockState::GloballyAccepted));
    assert_eq!(driver.saved.votes, []);
}

#[test]
fn a_block_that_is_not_deep_or_not_old_keeps_everything() {
    for (top, signed_at) in [(600, secs_ago(3601)), (601, secs_ago(3600))] {
        let (driver, sighash) = grown(top, signed_at);
        assert!(driver.stored(sighash).unwrap().block.is_some(), "{top} {signed_at:?}");
        assert_eq!(driver.saved.votes.len(), 5);
    }
}

#[test]
fn votes_on_a_final_block_are_not_counted_any_more() {
    let (mut driver, sighash) = grown(601, secs_ago(3601));
    for peer in 1..4 {
        driver.pre_commit(peer, sighash);
        driver.accept(peer, sighash);
        driver.reject(peer, sighash);
    }
    assert_eq!(driver.saved.votes, []);
    assert_eq!(driver.saved.parked, []);
}

#[test]
fn blocks_become_final_while_the_chain_grows() {
    let mut driver = Driver::good();
    driver.propose(&tenure_start(3, 21));
    driver.pre_commit(1, start());
    let mut top = record(ordinary(2, 600), BlockState::LocallyAccepted);
    top.proposed_at = driver.now;
    driver.saved.records.push(top);
    driver.restart();
    driver.now = driver.now.plus(Millis::from_secs(3601));
    driver.announce(&ordinary(2, 600).block);
    assert!(driver.stored(start()).unwrap().block.is_none());
    assert!(driver.saved.votes.iter().all(|(sighash, ..)| *sighash != start()));
}
