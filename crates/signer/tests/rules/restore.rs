//! After a stop: what was swallowed is done again, and nothing else.

use countersign_signer::{BlockState, Record, Saved, Vote};
use countersign_wire::{Sighash, SlotId};

use crate::support::chain::{secs, secs_ago};
use crate::support::{Driver, NOW, Sent, ordinary, record, signed, tenure_start};

fn start() -> Sighash {
    tenure_start(3, 21).block.sighash()
}

/// A network whose members agree, with this on record, before what was sent is forgotten.
fn restarted(saved: Saved) -> Driver {
    let mut driver = Driver::started(&[20; 5], saved, |_| {});
    driver.agree();
    driver
}

fn promises(sighash: Sighash, count: u32) -> Vec<(Sighash, SlotId, Vote)> {
    (0..count).map(|slot| (sighash, SlotId::new(slot), Vote::PreCommit)).collect()
}

#[test]
fn a_promise_is_sent_again() {
    let known = record(tenure_start(3, 21), BlockState::PreCommitted);
    let driver = restarted(Saved { records: vec![known], ..Saved::default() });
    assert_eq!(driver.pre_commits(), [start()]);
    assert_eq!(driver.orders(), []);
}

#[test]
fn a_promise_that_enough_have_joined_is_followed_by_our_signature() {
    let known = record(tenure_start(3, 21), BlockState::PreCommitted);
    let votes = promises(start(), 4);
    let driver = restarted(Saved { records: vec![known], votes, ..Saved::default() });
    assert_eq!(driver.acceptances(), [start()]);
}

fn signed_record() -> Record {
    let mut known = record(tenure_start(3, 21), BlockState::LocallyAccepted);
    known.signed_self_at = Some(NOW);
    known
}

#[test]
fn a_signature_is_sent_again_as_it_was_without_asking_the_vault() {
    let key = Driver::good().keys.remove(0);
    let mut votes = promises(start(), 4);
    let signature = signed(&key, &start());
    votes.push((start(), SlotId::new(0), Vote::Acceptance(signature)));
    let driver = restarted(Saved { records: vec![signed_record()], votes, ..Saved::default() });
    assert_eq!(driver.orders(), []);
    let published = driver.sent.iter().find_map(|sent| match sent {
        Sent::Accepted(accepted) => Some(accepted.signature),
        _ => None,
    });
    assert_eq!(published, Some(signature));
}

#[test]
fn a_signature_that_never_came_back_is_asked_for_again() {
    let mut driver = Driver::good();
    driver.is_vault_silent = true;
    driver.promise(&tenure_start(3, 21));
    for peer in 1..4 {
        driver.pre_commit(peer, start());
    }
    let before = driver.orders();
    assert_eq!(before.len(), 1);
    driver.is_vault_silent = false;
    driver.restart();
    let after = driver.orders();
    assert_eq!(after.len(), 1);
    assert_eq!((after[0].sighash, after[0].height()), (before[0].sighash, before[0].height()));
    assert_eq!(driver.acceptances(), [start()]);
}

#[test]
fn an_undecided_block_is_validated_again() {
    let mut driver = Driver::good();
    driver.propose(&tenure_start(3, 21));
    driver.restart();
    assert_eq!(driver.validations(), [start()]);
    driver.verdict(start());
    assert_eq!(driver.pre_commits(), [start()]);
}

#[test]
fn an_upload_that_did_not_succeed_is_repeated() {
    let mut driver = Driver::good();
    driver.propose(&tenure_start(3, 21));
    for peer in 1..5 {
        driver.accept(peer, start());
    }
    for is_uploaded in [true, false] {
        let index = driver.saved.records.iter().position(|r| r.sighash == start()).unwrap();
        driver.saved.records[index].uploaded = is_uploaded;
        driver.restart();
        let uploads = driver.uploads();
        assert_eq!(uploads.len(), usize::from(!is_uploaded));
        assert!(uploads.iter().all(|block| block.header.signer_signature.len() == 4));
    }
}

#[test]
fn what_is_decided_or_older_than_ten_minutes_is_let_be() {
    let states =
        [BlockState::LocallyRejected, BlockState::GloballyAccepted, BlockState::GloballyRejected];
    for state in states {
        let known = record(tenure_start(3, 21), state);
        let driver = restarted(Saved { records: vec![known], ..Saved::default() });
        assert!(driver.is_silent(), "{state:?}: {:?}", driver.sent);
    }
    for (age, is_sent) in [(600, true), (601, false)] {
        let mut known = record(tenure_start(3, 21), BlockState::PreCommitted);
        known.proposed_at = secs_ago(age);
        let driver = restarted(Saved { records: vec![known], ..Saved::default() });
        assert_eq!(driver.pre_commits().len(), usize::from(is_sent), "{age} s");
    }
}

#[test]
fn peers_views_and_parked_votes_outlive_a_restart() {
    let mut driver = Driver::good();
    for peer in 1..4 {
        driver.pre_commit(peer, start());
    }
    driver.restart();
    driver.promise(&tenure_start(3, 21));
    assert_eq!(driver.acceptances(), [start()]);
}

#[test]
fn the_clock_of_a_silent_miner_runs_on_over_a_restart() {
    let mut driver = Driver::good();
    driver.pass(secs(100));
    driver.restart();
    driver.agree();
    driver.sent.clear();
    driver.pass(secs(19));
    assert_eq!(driver.updates(), []);
    driver.pass(secs(2));
    assert_eq!(driver.updates().len(), 1);
}

#[test]
fn slots_are_read_after_every_start() {
    let mut driver = Driver::good();
    driver.restart();
    assert!(driver.sent.iter().any(|sent| matches!(sent, Sent::ReadSlots)));
}

#[test]
fn an_earlier_signature_binds_over_a_restart() {
    let mut driver = Driver::good();
    let first = driver.promise(&ordinary(3, 22));
    for peer in 1..4 {
        driver.pre_commit(peer, first);
    }
    assert_eq!(driver.acceptances(), [first]);
    driver.restart();
    driver.agree();
    driver.propose(&crate::support::blocks::sibling(ordinary(3, 22)));
    driver.pass(secs(2));
    assert_eq!(driver.rejections().len(), 1);
}

/// Everything that makes a block, in one of the orders in which it may come.
fn life(driver: &mut Driver, step: usize) {
    match step {
        0 => driver.propose(&tenure_start(3, 21)),
        1 => driver.verdict(start()),
        2..=4 => driver.pre_commit(step - 1, start()),
        _ => driver.accept(step - 4, start()),
    }
}

#[test]
fn a_crash_between_any_two_events_only_delays() {
    for crash_after in 0..8 {
        let mut driver = Driver::good();
        let mut orders = Vec::new();
        for step in 0..=crash_after {
            life(&mut driver, step);
        }
        orders.extend(driver.orders());
        driver.restart();
        for step in 0..8 {
            life(&mut driver, step);
        }
        orders.extend(driver.orders());
        assert!(driver.acceptances().contains(&start()), "{crash_after}");
        assert!(orders.iter().all(|order| order.sighash == start()));
        let stored = driver.stored(start()).unwrap();
        assert!(stored.uploaded && stored.signed_self_at.is_some(), "{crash_after}");
        assert_eq!(driver.rejections(), [], "{crash_after}");
    }
}
