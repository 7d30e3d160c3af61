//! Votes that come before the block (4.7).

use countersign_signer::{BlockState, Vote};
use countersign_wire::message::SignerMessage;
use countersign_wire::{RewardCycle, Sighash, SlotId};

use crate::support::chain::secs;
use crate::support::driver::acceptance;
use crate::support::{Driver, ordinary, signed, tenure_start};

fn start() -> Sighash {
    tenure_start(3, 21).block.sighash()
}

#[test]
fn parked_promises_count_when_the_proposal_comes() {
    let mut driver = Driver::good();
    for peer in 1..4 {
        driver.pre_commit(peer, start());
    }
    assert_eq!(driver.saved.parked.len(), 3);
    driver.promise(&tenure_start(3, 21));
    assert_eq!(driver.acceptances(), [start()]);
    assert_eq!(driver.saved.parked, []);
}

#[test]
fn parked_signatures_complete_a_late_proposal() {
    let mut driver = Driver::good();
    for peer in 1..5 {
        driver.accept(peer, start());
    }
    assert_eq!(driver.uploads(), []);
    driver.propose(&tenure_start(3, 21));
    assert_eq!(driver.uploads().len(), 1);
    assert_eq!(driver.orders(), [], "our own verdict is missing");
    driver.verdict(start());
    assert_eq!(driver.acceptances(), [start()]);
}

#[test]
fn a_block_that_the_others_signed_before_our_verdict_need_not_exceed_itself() {
    let mut driver = Driver::good();
    driver.node.end_tenure(3, 21);
    let sighash = ordinary(3, 22).block.sighash();
    driver.propose(&ordinary(3, 22));
    for peer in 1..5 {
        driver.accept(peer, sighash);
    }
    assert_eq!(driver.uploads().len(), 1);
    driver.verdict(sighash);
    assert_eq!(driver.rejections(), []);
    assert_eq!(driver.acceptances(), [sighash]);
}

#[test]
fn parked_rejections_keep_us_from_signing_and_do_not_decide_the_new_round() {
    let mut driver = Driver::good();
    driver.reject(1, start());
    driver.reject(2, start());
    driver.propose(&tenure_start(3, 21));
    assert_eq!(driver.stored(start()).unwrap().state, BlockState::Unprocessed);
    driver.verdict(start());
    driver.pre_commit(3, start());
    driver.pre_commit(4, start());
    assert_eq!(driver.orders(), []);
    // One of them thinks better of it: 20 of 100 reject, 80 promise.
    driver.pre_commit(1, start());
    assert_eq!(driver.orders().len(), 1);
}

#[test]
fn of_one_signer_and_kind_the_newest_three_are_kept() {
    let mut driver = Driver::good();
    let blocks: Vec<Sighash> = (1..=5).map(|byte| Sighash::new([byte; 32])).collect();
    for sighash in &blocks {
        driver.pre_commit(1, *sighash);
        driver.reject(1, *sighash);
        driver.accept(2, *sighash);
    }
    let kept = |from: u32, is_kind: fn(&Vote) -> bool| -> Vec<Sighash> {
        let parked = driver.saved.parked.iter();
        let ours = parked.filter(|vote| vote.from == SlotId::new(from) && is_kind(&vote.vote));
        ours.map(|vote| vote.sighash).collect()
    };
    assert_eq!(kept(1, |vote| matches!(vote, Vote::PreCommit)), blocks[2..]);
    assert_eq!(kept(1, |vote| matches!(vote, Vote::Rejection(_))), blocks[2..]);
    assert_eq!(kept(2, |vote| matches!(vote, Vote::Acceptance(_))), blocks[2..]);
}

#[test]
fn a_vote_that_is_parked_twice_evicts_nothing() {
    let mut driver = Driver::good();
    for _ in 0..5 {
        driver.pre_commit(1, start());
        driver.pre_commit(1, Sighash::new([1; 32]));
    }
    assert_eq!(driver.saved.parked.len(), 2);
}

#[test]
fn parked_votes_outlive_a_proposal_that_is_rejected_at_intake() {
    let mut driver = Driver::good();
    for peer in 1..4 {
        driver.pre_commit(peer, start());
    }
    driver.node.end_tenure(2, 21);
    driver.propose(&tenure_start(3, 21));
    driver.pass(secs(2));
    assert_eq!(driver.rejections().len(), 1);
    assert_eq!(driver.saved.parked.len(), 3);
    driver.node.end_tenure(2, 20);
    driver.promise(&tenure_start(3, 21));
    assert_eq!(driver.acceptances(), [start()]);
}

#[test]
fn a_signers_last_parked_word_counts() {
    let mut driver = Driver::good();
    for peer in 1..3 {
        driver.reject(peer, start());
        driver.accept(peer, start());
    }
    driver.accept(3, start());
    driver.reject(3, start());
    driver.promise(&tenure_start(3, 21));
    assert_eq!(driver.acceptances(), [start()], "three signatures, no rejection");
}

#[test]
fn votes_of_another_cycle_are_not_parked() {
    let mut driver = Driver::good();
    let other = RewardCycle::new(2).parity();
    let signature = signed(&driver.keys[1], &start());
    let key = driver.keys[1].public_key();
    driver.hear_in(other, key, SignerMessage::BlockPreCommit(start()));
    driver.hear_in(other, key, acceptance(start(), signature));
    assert_eq!(driver.saved.parked, []);
}
