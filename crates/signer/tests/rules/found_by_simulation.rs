//! What the simulation in `tests/` found, each as the shortest story that showed it.

use countersign_signer::{
    BlockState, Event, OverrideReason, Query, Record, RejectionVote, Saved, Submission, Superseded,
    Timestamp, Vote,
};
use countersign_wire::message::{BlockProposal, RejectReason};
use countersign_wire::{Sighash, SlotId};

use crate::support::blocks::sibling;
use crate::support::chain::{burn_hash, burn_height, secs, secs_ago, seen};
use crate::support::{Driver, NOW, ch, ordinary, record, signed, tenure_start};

fn start() -> BlockProposal {
    tenure_start(3, 21)
}

fn sighash() -> Sighash {
    start().block.sighash()
}

/// A sibling of the tenure's first block, signed by us at this time.
fn rival(at: Timestamp) -> Record {
    let mut rival = record(sibling(start()), BlockState::LocallyAccepted);
    rival.signed_self_at = Some(at);
    rival
}

/// A network in which the tenure's first block lacks one promise, and `saved` is known besides.
fn waiting(mut saved: Saved) -> Driver {
    saved.records.push(record(start(), BlockState::PreCommitted));
    saved.votes.extend((0..3).map(|slot| (sighash(), SlotId::new(slot), Vote::PreCommit)));
    Driver::with(&[20; 5], saved)
}

/// Answers the open question at `index` as the node would answer now.
fn answer(driver: &mut Driver, index: usize) {
    driver.node.silent.clear();
    let (ticket, query) = driver.open.remove(index);
    let answer = driver.node.answer(query).unwrap();
    driver.handle(Event::Answered { ticket, query, answer });
}

#[test]
fn a_block_is_not_rejected_that_was_signed_while_its_repeated_proposal_was_judged() {
    let mut driver = Driver::good();
    driver.node.submissions.push_back(Submission::Refused("status 500".to_owned()));
    driver.propose(&start());
    for peer in 1..4 {
        driver.pre_commit(peer, sighash());
    }
    driver.node.silent.insert(Query::TenureTip(ch(2)));
    driver.propose(&start());
    // Another signer at the same node has had the block validated.
    driver.verdict(sighash());
    assert_eq!(driver.open.len(), 2, "the repetition and our promise wait for the node");
    answer(&mut driver, 1);
    assert_eq!(driver.acceptances(), [sighash()]);
    answer(&mut driver, 0);
    assert_eq!(driver.rejections(), []);
    assert_eq!(driver.stored(sighash()).unwrap().state, BlockState::LocallyAccepted);
}

#[test]
fn no_deadline_stays_due_when_a_tenure_whose_silence_was_checked_gets_a_block() {
    let mut driver = Driver::good();
    driver.node.last = None;
    driver.pass(secs(121));
    let first = driver.promise(&start());
    for peer in 1..4 {
        driver.pre_commit(peer, first);
    }
    assert_eq!(driver.acceptances(), [first]);
    // The driver complains about a deadline that is due again after it was served.
    driver.pass(secs(20));
}

#[test]
fn a_rejection_after_a_promise_stands_after_a_restart() {
    let reason = RejectReason::ProblematicTransactions;
    let rejection = Vote::Rejection(RejectionVote { reason });
    let mut votes: Vec<_> = [1, 2].map(|slot| (sighash(), SlotId::new(slot), rejection)).into();
    votes.extend((0..5).map(|slot| (sighash(), SlotId::new(slot), Vote::PreCommit)));
    let records = vec![record(start(), BlockState::PreCommitted)];
    let driver = Driver::started(&[20; 5], Saved { records, votes, ..Saved::default() }, |_| {});
    assert_eq!(driver.pre_commits(), [sighash()]);
    assert_eq!(driver.orders(), [], "40 of 100 reject it");
}

#[test]
fn a_node_that_catches_up_while_it_is_asked_does_not_make_a_rival_look_orphaned() {
    let mut known = record(ordinary(1, 21), BlockState::LocallyAccepted);
    known.signed_self_at = Some(NOW);
    let burn_blocks = vec![seen(1, secs_ago(60))];
    let mut driver = waiting(Saved { records: vec![known], burn_blocks, ..Saved::default() });
    driver.node.burn_height = burn_height(0);
    driver.node.orphan(1);
    driver.node.silent.insert(Query::SortitionOf(burn_hash(1)));
    driver.pre_commit(3, sighash());
    assert_eq!(driver.open.len(), 1);
    driver.node.burn_height = burn_height(3);
    answer(&mut driver, 0);
    assert_eq!(driver.orders(), []);
}

#[test]
fn a_sibling_that_joins_the_chain_while_the_tip_is_read_is_not_dead() {
    let mut driver = waiting(Saved { records: vec![rival(NOW)], ..Saved::default() });
    driver.node.silent.insert(Query::TenureTip(ch(3)));
    driver.pre_commit(3, sighash());
    assert_eq!(driver.open.len(), 1);
    driver.announce(&sibling(start()).block);
    // The answers were on their way before the node had the sibling.
    while !driver.open.is_empty() {
        answer(&mut driver, 0);
    }
    assert_eq!(driver.orders(), []);
}

#[test]
fn a_permission_to_orphan_a_tenure_permits_no_second_block_in_it() {
    let permission = Superseded {
        tenure: ch(3),
        burn_height: burn_height(3),
        by: ch(4),
        by_burn_block: burn_hash(4),
        at: secs_ago(40),
    };
    let (records, superseded) = (vec![rival(secs_ago(60))], vec![permission]);
    let mut driver = waiting(Saved { records, superseded, ..Saved::default() });
    driver.node.end_tenure(3, 21);
    driver.pre_commit(3, sighash());
    assert_eq!(driver.orders(), []);
}

/// Votes of so many signers for the rival and, by the last ones, for the block.
fn split(for_rival: usize, for_block: usize) -> Driver {
    let keys = Driver::good().keys;
    let vote = |block: Sighash, slot: usize| {
        let from = SlotId::new(u32::try_from(slot).unwrap());
        (block, from, Vote::Acceptance(signed(&keys[slot], &block)))
    };
    let rival = rival(NOW);
    let mut votes: Vec<_> = (0..for_rival).map(|slot| vote(rival.sighash, slot)).collect();
    votes.extend((5 - for_block..5).map(|slot| vote(sighash(), slot)));
    let mut driver = waiting(Saved { records: vec![rival], votes, ..Saved::default() });
    driver.now = NOW.plus(secs(31));
    driver
}

#[test]
fn who_signed_the_weaker_of_two_stale_siblings_changes_sides_first() {
    let mut weaker = split(1, 2);
    weaker.pre_commit(3, sighash());
    let reason = OverrideReason::Stale;
    assert_eq!(weaker.orders()[0].overriding, [(rival(NOW).sighash, reason)]);

    let mut stronger = split(3, 1);
    stronger.pre_commit(3, sighash());
    assert_eq!(stronger.orders(), []);
    stronger.pass(secs(8));
    assert_eq!(stronger.orders(), [], "the others need time to change");
    stronger.pass(secs(2));
    assert_eq!(stronger.orders()[0].overriding, [(rival(NOW).sighash, reason)]);
}

#[test]
fn a_signature_that_the_vault_is_asked_for_again_is_fresh() {
    let mut known = record(start(), BlockState::LocallyAccepted);
    known.signed_self_at = Some(secs_ago(50));
    let votes = (0..4).map(|slot| (sighash(), SlotId::new(slot), Vote::PreCommit)).collect();
    let saved = Saved { records: vec![known], votes, ..Saved::default() };
    let driver = Driver::started(&[20; 5], saved, |_| {});
    assert_eq!(driver.orders().len(), 1);
    assert_eq!(driver.stored(sighash()).unwrap().signed_self_at, Some(NOW));
}

/// Seed 6651: of two blocks whose tenures may both be orphaned, each would have overridden the other,
/// within two milliseconds and before the vault had answered.
#[test]
fn a_block_waits_while_the_vault_is_about_to_sign_its_rival() {
    let permission = Superseded {
        tenure: ch(3),
        burn_height: burn_height(3),
        by: ch(4),
        by_burn_block: burn_hash(4),
        at: secs_ago(40),
    };
    let rival = record(ordinary(2, 21), BlockState::PreCommitted);
    let promised = |slot| (rival.sighash, SlotId::new(slot), Vote::PreCommit);
    let saved = Saved {
        records: vec![rival.clone()],
        votes: (0..3).map(promised).collect(),
        superseded: vec![permission, Superseded { tenure: ch(2), ..permission }],
        ..Saved::default()
    };
    let mut driver = waiting(saved);
    driver.is_vault_silent = true;
    driver.pre_commit(3, sighash());
    driver.pre_commit(3, rival.sighash);
    assert_eq!(driver.orders().len(), 1, "{:?}", driver.notes);
    let signature = signed(&driver.keys[0], &sighash());
    driver.handle(Event::Signed { sighash: sighash(), signature });
    driver.pass(secs(1));
    let orders = driver.orders();
    assert_eq!(orders.len(), 2);
    assert_eq!(orders[1].overriding, [(sighash(), OverrideReason::Permitted)]);
}
