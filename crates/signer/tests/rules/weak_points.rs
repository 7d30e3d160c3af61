//! Weak points of the reference (9.1 and 9.2) that this signer does not share.

use countersign_signer::{BlockState, Saved};
use countersign_wire::RewardCycle;
use countersign_wire::message::{BlockProposal, RejectReason, ValidateCode};

use crate::support::chain::{secs, secs_ago};
use crate::support::{Driver, NOW, Sent, ch, ordinary, record, tenure_start, tip};

fn start() -> countersign_wire::Sighash {
    tenure_start(3, 21).block.sighash()
}

#[test]
fn w8_a_repeated_proposal_of_a_rejected_block_is_not_signed_without_promises() {
    let mut driver = Driver::good();
    driver.promise(&tenure_start(3, 21));
    driver.reject(1, start());
    driver.reject(2, start());
    assert_eq!(driver.stored(start()).unwrap().state, BlockState::GloballyRejected);
    driver.propose(&tenure_start(3, 21));
    driver.verdict(start());
    driver.pass(secs(60));
    assert_eq!((driver.orders(), driver.acceptances()), (vec![], vec![]));
}

#[test]
fn w8_a_repeated_proposal_of_a_block_that_others_signed_is_not_signed_without_promises() {
    // On record as accepted by the group, whose votes were lost with an older store.
    let mut known = record(tenure_start(3, 21), BlockState::LocallyAccepted);
    known.signed_group_at = Some(secs_ago(60));
    let saved = Saved { records: vec![known], ..Saved::default() };
    let mut driver = Driver::with(&[20; 5], saved);
    driver.propose(&tenure_start(3, 21));
    assert_eq!((driver.orders(), driver.acceptances()), (vec![], vec![]));
    assert_eq!(driver.pre_commits(), [start()]);
}

#[test]
fn w9_nothing_is_signed_after_a_global_rejection() {
    let mut driver = Driver::good();
    driver.promise(&tenure_start(3, 21));
    driver.reject(1, start());
    driver.reject(2, start());
    driver.sent.clear();
    for peer in 1..5 {
        driver.pre_commit(peer, start());
        driver.accept(peer, start());
    }
    driver.pass(secs(60));
    assert_eq!((driver.orders(), driver.acceptances()), (vec![], vec![]));
}

#[test]
fn w9_nothing_is_promised_after_a_global_rejection() {
    let mut driver = Driver::good();
    driver.propose(&tenure_start(3, 21));
    driver.reject(1, start());
    driver.reject(2, start());
    driver.verdict(start());
    assert_eq!(driver.pre_commits(), []);
}

#[test]
fn w9_a_block_on_the_chain_is_not_rejected_for_not_exceeding_itself() {
    for is_announced in [true, false] {
        let mut driver = Driver::good();
        driver.promise(&tenure_start(3, 21));
        let block = tenure_start(3, 21).block;
        if is_announced {
            driver.announce(&block);
        }
        let mut own_tip = tip(2, 21);
        (own_tip.block_id, own_tip.sighash) = (block.block_id(), Some(start()));
        driver.node.tips.insert(ch(2), own_tip);
        for peer in 1..5 {
            driver.pre_commit(peer, start());
        }
        assert_eq!(driver.rejections(), [], "announced: {is_announced}");
        assert_eq!(driver.orders(), []);
        assert_eq!(driver.stored(start()).unwrap().state, BlockState::GloballyAccepted);
    }
}

#[test]
fn w10_judging_again_erases_neither_the_groups_signature_nor_votes() {
    let mut known = record(tenure_start(3, 21), BlockState::LocallyRejected);
    known.reject_reason = Some(RejectReason::ValidationFailed(ValidateCode::UnknownParent));
    known.approved_at = Some(secs_ago(90));
    known.signed_group_at = Some(secs_ago(70));
    let saved = Saved { records: vec![known.clone()], ..Saved::default() };
    let mut driver = Driver::with(&[20; 5], saved);
    driver.accept(1, known.sighash);
    driver.propose(&tenure_start(3, 21));
    assert_eq!(driver.validations(), [known.sighash]);
    let stored = driver.stored(known.sighash).unwrap();
    assert_eq!(stored.approved_at, known.approved_at);
    assert_eq!(stored.signed_group_at, known.signed_group_at);
    assert_eq!((stored.valid, stored.reject_reason), (None, None));
    assert!(driver.saved.votes.iter().any(|(sighash, ..)| *sighash == known.sighash));
}

#[test]
fn w10_a_block_on_the_chain_stays_on_the_chain_when_it_is_judged_again() {
    let mut known = record(ordinary(3, 22), BlockState::GloballyAccepted);
    (known.valid, known.approved_at, known.signed_group_at) = (None, None, Some(secs_ago(60)));
    let saved = Saved { records: vec![known.clone()], ..Saved::default() };
    let mut driver = Driver::with(&[20; 5], saved);
    driver.propose(&ordinary(3, 22));
    assert_eq!(driver.stored(known.sighash).unwrap().state, BlockState::GloballyAccepted);
}

#[test]
fn w12_a_timeout_is_answered_in_the_blocks_own_cycle() {
    let next = RewardCycle::new(2);
    let at_99 = |node: &mut crate::support::node::Node| {
        node.move_to(98);
        node.move_to(99);
        node.tips.extend([(ch(97), tip(97, 19)), (ch(98), tip(98, 20))]);
    };
    let mut driver = Driver::started(&[20; 5], Saved::default(), at_99);
    driver.agree();
    let old = tenure_start(99, 21);
    driver.propose(&old);
    driver.node.end_tenure(99, 20);
    driver.sent.clear();
    driver.mine_burn_block(100);
    let Some(Sent::Update(_, view)) =
        driver.sent.iter().find(|sent| matches!(sent, Sent::Update(cycle, _) if *cycle == next))
    else {
        panic!("{:?}", driver.sent)
    };
    let view = *view.clone();
    for peer in 1..5 {
        let key = driver.keys[peer].public_key();
        let message = countersign_wire::message::SignerMessage::StateMachineUpdate(view.clone());
        driver.hear_in(next.parity(), key, message);
    }
    driver.sent.clear();
    let new = BlockProposal { reward_cycle: next, ..tenure_start(100, 21) };
    driver.propose(&new);
    assert_eq!(driver.validations(), [], "the old block has the place");
    driver.pass(secs(120));
    assert_eq!(driver.validations().last(), Some(&new.block.sighash()));
    driver.pass(secs(120));
    let rejections: Vec<_> = driver
        .sent
        .iter()
        .filter_map(|sent| match sent {
            Sent::Rejected(cycle, rejected) => Some((cycle.get(), rejected.sighash)),
            _ => None,
        })
        .collect();
    assert_eq!(rejections, [(1, old.block.sighash()), (2, new.block.sighash())]);
}

#[test]
fn w21_a_signature_without_a_promise_is_counted_at_once() {
    let mut driver = Driver::good();
    driver.propose(&tenure_start(3, 21));
    for peer in 1..4 {
        driver.accept(peer, start());
    }
    assert_eq!(driver.uploads(), []);
    driver.accept(4, start());
    assert_eq!(driver.uploads().len(), 1);
    assert_eq!(driver.stored(start()).unwrap().signed_group_at, Some(NOW));
}

#[test]
fn w21_a_signature_counts_as_a_promise() {
    let mut driver = Driver::good();
    driver.promise(&tenure_start(3, 21));
    driver.accept(1, start());
    driver.accept(2, start());
    assert_eq!(driver.orders(), []);
    driver.accept(3, start());
    assert_eq!(driver.acceptances(), [start()]);
    assert_eq!(driver.uploads().len(), 1, "ours is the fourth signature");
}
