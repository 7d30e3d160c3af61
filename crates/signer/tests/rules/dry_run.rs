//! A dry run: everything is done but what others see, with a key that has no seat (1.4 rows 5' to 7',
//! and 1.8).

use countersign_signer::{NotRegisteredReason, Note, Params, Saved};
use countersign_wire::PrivateKey;

use crate::support::chain::secs;
use crate::support::node::Node;
use crate::support::{Driver, Sent, tenure_start, tip};

/// The key of a dry run that has no seat.
fn unseated(params: &mut Params, _: &mut Node) {
    params.is_dry_run = true;
    params.key = PrivateKey::from_bytes([0x99; 32]).unwrap().public_key();
}

/// A dry run beside five signers who agree with it; all of them are peers.
fn watching() -> Driver {
    let mut driver = Driver::configured(&[20; 5], Saved::default(), unseated);
    driver.agree();
    let update = driver.updates().pop().unwrap();
    let message = countersign_wire::message::SignerMessage::StateMachineUpdate(update);
    driver.hear(0, message);
    driver
}

fn reasons(driver: &Driver) -> Vec<NotRegisteredReason> {
    let reasons = driver.notes.iter().filter_map(|note| match note {
        Note::NotRegistered { reason, .. } => Some(*reason),
        _ => None,
    });
    reasons.collect()
}

#[test]
fn a_registered_key_is_refused_at_every_burn_block() {
    let mut driver =
        Driver::configured(&[20; 5], Saved::default(), |params, _| params.is_dry_run = true);
    assert_eq!(reasons(&driver), [NotRegisteredReason::DryRunOwnsSlot]);
    driver.node.end_tenure(3, 25);
    driver.mine_burn_block(4);
    driver.mine_burn_block(5);
    assert_eq!(reasons(&driver), [NotRegisteredReason::DryRunOwnsSlot; 3]);
    driver.propose(&tenure_start(3, 21));
    assert_eq!(driver.updates(), []);
    assert!(driver.validations().is_empty() && driver.is_silent());
}

#[test]
fn a_key_in_the_reward_set_that_has_no_slot_is_not_watched_with() {
    let driver = Driver::configured(&[20; 5], Saved::default(), |params, node| {
        params.is_dry_run = true;
        for facts in node.registrations.values_mut() {
            facts.slots.remove(0);
        }
    });
    assert_eq!(reasons(&driver), [NotRegisteredReason::DryRunInRewardSet]);
    assert_eq!(driver.updates(), []);
}

#[test]
fn a_key_without_a_seat_follows_the_whole_set_and_weighs_nothing_in_it() {
    let mut driver = watching();
    assert!(driver.notes.iter().any(|note| matches!(note, Note::Watching { .. })));
    let proposal = tenure_start(3, 21);
    let sighash = driver.promise(&proposal);
    for peer in 0..3 {
        driver.pre_commit(peer, sighash);
    }
    assert_eq!(driver.orders(), [], "three of five are not seven tenths");
    driver.pre_commit(3, sighash);
    assert_eq!(driver.acceptances(), [sighash], "as a signer would");
    driver.pre_commit(4, sighash);
    assert_eq!(driver.acceptances(), [sighash], "once");
}

#[test]
fn the_views_of_the_others_alone_decide_what_is_agreed() {
    let mut driver = Driver::configured(&[20; 5], Saved::default(), unseated);
    let update = driver.updates().pop().unwrap();
    for peer in 0..3 {
        let update = update.clone();
        driver.hear(peer, countersign_wire::message::SignerMessage::StateMachineUpdate(update));
    }
    driver.propose(&tenure_start(3, 21));
    assert_eq!(driver.validations(), []);
    driver.hear(3, countersign_wire::message::SignerMessage::StateMachineUpdate(update));
    assert_eq!(driver.validations(), [tenure_start(3, 21).block.sighash()]);
}

#[test]
fn a_signed_block_is_uploaded_without_the_signature_that_nobody_may_see() {
    let mut driver = watching();
    let sighash = driver.promise(&tenure_start(3, 21));
    for peer in 0..4 {
        driver.pre_commit(peer, sighash);
    }
    for peer in 0..4 {
        driver.accept(peer, sighash);
    }
    let uploads = driver.uploads();
    assert_eq!(uploads.len(), 1);
    assert_eq!(uploads[0].header.signer_signature.len(), 4);
}

#[test]
fn a_view_that_nobody_echoes_is_not_logged_again() {
    let mut driver = watching();
    let said = driver.updates().len();
    driver.pass(secs(100));
    assert_eq!(driver.updates().len(), said);
}

#[test]
fn a_restarted_dry_run_goes_on() {
    let mut driver = watching();
    let sighash = driver.promise(&tenure_start(3, 21));
    driver.restart();
    driver.node.tips.insert(crate::support::ch(3), tip(3, 20));
    for peer in 0..4 {
        driver.pre_commit(peer, sighash);
    }
    assert_eq!(driver.acceptances(), [sighash]);
    let is_ours = |sent: &&Sent| matches!(sent, Sent::PreCommit(..));
    assert_eq!(driver.sent.iter().filter(is_ours).count(), 1);
}
