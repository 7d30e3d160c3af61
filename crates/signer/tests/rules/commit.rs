//! Two-phase commit: promises, then signatures (4.2 and 4.3).

use countersign_signer::{Action, BlockState, Event, Note, WithheldSignature, Write};
use countersign_wire::message::{RejectReason, SignerMessage, ValidateCode};
use countersign_wire::{PrivateKey, Sighash};

use crate::support::chain::secs;
use crate::support::driver::writes_record;
use crate::support::{CYCLE, Driver, NOW, ch, ordinary, signed, tenure_start};

fn start() -> Sighash {
    tenure_start(3, 21).block.sighash()
}

#[test]
fn the_decision_is_on_record_before_the_vault_is_asked() {
    let mut driver = Driver::good();
    driver.is_vault_silent = true;
    driver.promise(&tenure_start(3, 21));
    driver.pre_commit(1, start());
    driver.pre_commit(2, start());
    driver.node.silent.insert(countersign_signer::Query::TenureTip(ch(2)));
    driver.pre_commit(3, start());
    let (ticket, query) = driver.open.remove(0);
    driver.node.silent.clear();
    let answer = driver.node.answer(query).unwrap();
    let step = driver.step(Event::Answered { ticket, query, answer });
    assert!(writes_record(&step, |record| record.state == BlockState::LocallyAccepted
        && record.signed_self_at == Some(NOW)));
    let [Action::SignAcceptance(order)] = step.actions.as_slice() else {
        panic!("{:?}", step.actions)
    };
    assert_eq!((order.sighash, order.height().get(), order.tenure()), (start(), 21, ch(3)));
    assert_eq!(order.overriding, []);
}

#[test]
fn the_signature_is_on_record_in_the_step_that_publishes_it() {
    let mut driver = Driver::good();
    driver.is_vault_silent = true;
    driver.promise(&tenure_start(3, 21));
    for peer in 1..4 {
        driver.pre_commit(peer, start());
    }
    assert_eq!(driver.acceptances(), []);
    let signature = signed(&driver.keys[0], &start());
    let step = driver.step(Event::Signed { sighash: start(), signature });
    assert!(step.writes.iter().any(|write| matches!(
        write,
        Write::Acceptance { sighash, signature: kept, .. } if *sighash == start() && *kept == signature
    )));
    let [Action::Publish { message, .. }] = step.actions.as_slice() else {
        panic!("{:?}", step.actions)
    };
    assert!(matches!(**message, SignerMessage::BlockResponse(_)));
}

#[test]
fn promises_wait_for_our_own_verdict() {
    let mut driver = Driver::good();
    driver.propose(&tenure_start(3, 21));
    for peer in 1..5 {
        driver.pre_commit(peer, start());
    }
    assert_eq!(driver.orders(), []);
    driver.verdict(start());
    assert_eq!(driver.acceptances(), [start()]);
}

#[test]
fn a_block_that_the_node_refuted_is_never_signed() {
    let mut driver = Driver::good();
    driver.propose(&tenure_start(3, 21));
    driver.refute(start(), ValidateCode::BadTransaction);
    for peer in 1..5 {
        driver.pre_commit(peer, start());
    }
    assert_eq!((driver.orders(), driver.acceptances()), (vec![], vec![]));
}

#[test]
fn a_promise_counts_once_and_only_from_a_member() {
    let mut driver = Driver::good();
    driver.promise(&tenure_start(3, 21));
    let stranger = PrivateKey::from_bytes([0x99; 32]).unwrap().public_key();
    for _ in 0..3 {
        driver.pre_commit(1, start());
        driver.pre_commit(2, start());
        let promise = SignerMessage::BlockPreCommit(start());
        driver.hear_in(CYCLE.parity(), stranger, promise.clone());
        driver.hear_in(1 - CYCLE.parity(), driver.keys[3].public_key(), promise);
        driver.pre_commit(0, start());
    }
    assert_eq!(driver.orders(), [], "60 of 100");
    driver.pre_commit(3, start());
    assert_eq!(driver.orders().len(), 1);
}

#[test]
fn the_tip_is_looked_at_again_when_enough_have_promised() {
    let mut driver = Driver::good();
    driver.promise(&tenure_start(3, 21));
    driver.node.end_tenure(2, 21);
    for peer in 1..4 {
        driver.pre_commit(peer, start());
    }
    assert_eq!(driver.orders(), []);
    assert_eq!(driver.reasons(), [RejectReason::SortitionViewMismatch]);
    assert_eq!(driver.stored(start()).unwrap().state, BlockState::LocallyRejected);
    driver.node.end_tenure(2, 20);
    driver.pre_commit(4, start());
    assert_eq!(driver.orders(), [], "the rejection is final");
}

#[test]
fn a_block_that_cannot_be_approved_is_withheld_until_a_rejection_is_taken_back() {
    let mut driver = Driver::good();
    // Promised by three, then rejected by two of them, all before the proposal comes.
    for peer in 1..4 {
        driver.pre_commit(peer, start());
    }
    driver.reject(1, start());
    driver.reject(2, start());
    driver.promise(&tenure_start(3, 21));
    let why = WithheldSignature::BlockedByRejections;
    assert!(driver.notes.contains(&Note::SigningWithheld { sighash: start(), why }));
    assert_eq!(driver.orders(), []);
    driver.accept(1, start());
    assert_eq!(driver.orders().len(), 1, "80 of 100 promise, 20 reject");
}

#[test]
fn a_refusal_of_the_vault_takes_the_decision_back() {
    let mut driver = Driver::good();
    driver.is_vault_silent = true;
    driver.promise(&tenure_start(3, 21));
    for peer in 1..4 {
        driver.pre_commit(peer, start());
    }
    let rival = ordinary(3, 22).block.sighash();
    driver.handle(Event::SigningRefused { sighash: start(), rival });
    assert!(driver.notes.contains(&Note::VaultRefused { sighash: start(), rival }));
    let stored = driver.stored(start()).unwrap();
    assert_eq!((stored.state, stored.signed_self_at), (BlockState::PreCommitted, None));
    assert_eq!(driver.acceptances(), []);
    driver.pass(secs(60));
    assert_eq!(driver.orders().len(), 1, "the vault is not asked over and over");
}

#[test]
fn the_vault_is_asked_once_while_it_has_not_answered() {
    let mut driver = Driver::good();
    driver.is_vault_silent = true;
    driver.promise(&tenure_start(3, 21));
    for peer in 1..5 {
        driver.pre_commit(peer, start());
    }
    driver.propose(&tenure_start(3, 21));
    driver.pass(secs(10));
    assert_eq!(driver.orders().len(), 1);
}

#[test]
fn a_signature_of_a_block_that_was_rejected_meanwhile_is_not_published() {
    let mut driver = Driver::good();
    driver.is_vault_silent = true;
    driver.promise(&tenure_start(3, 21));
    for peer in 1..4 {
        driver.pre_commit(peer, start());
    }
    driver.reject(1, start());
    driver.reject(2, start());
    assert_eq!(driver.stored(start()).unwrap().state, BlockState::GloballyRejected);
    let signature = signed(&driver.keys[0], &start());
    driver.handle(Event::Signed { sighash: start(), signature });
    assert_eq!(driver.acceptances(), []);
}
