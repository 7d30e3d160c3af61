//! Which replay set the signers agree on, and what it permits (5.2 and 5.8 e).

use countersign_signer::{BlockState, Record, Saved};
use countersign_wire::message::{BlockProposal, SignerMessage};
use countersign_wire::rpc::TenureTip;
use countersign_wire::transaction::TenureChangeCause::{self, Extended, ExtendedReadCount};

use crate::support::forks::sent;
use crate::support::{Driver, NOW, ch, extend, ordinary, record, tenure_start, tip};

/// The nonces of what each peer wants replayed.
type Sets = [&'static [u64]; 4];

/// Four peers see what we see, and name these sets; we name none.
fn with_sets(weights: &[u32], sets: &[&[u64]]) -> Driver {
    let first = record(tenure_start(3, 21), BlockState::GloballyAccepted);
    let records = vec![Record { proposed_at: NOW, ..first }];
    let saved = Saved { records, ..Saved::default() };
    let mut driver =
        Driver::configured(weights, saved, |params, _| params.validate_with_replay_tx = true);
    driver.node.tips.insert(ch(3), tip(3, 21));
    let own = driver.updates().pop().unwrap();
    for (peer, nonces) in (1..).zip(sets) {
        let mut update = own.clone();
        update.content.replay_transactions = sent(nonces);
        driver.hear(peer, SignerMessage::StateMachineUpdate(update));
    }
    driver.sent.clear();
    driver
}

#[test]
fn the_exact_set_of_enough_signers_or_else_the_longest_common_beginning_is_agreed_on() {
    // Ours is the first weight, and an empty set.
    let rows: [(&[u32], Sets, &[u64]); 9] = [
        (&[20; 5], [&[1, 2], &[1, 2], &[1, 2], &[1, 2]], &[1, 2]),
        (&[30, 20, 20, 20, 10], [&[1, 2], &[1, 2], &[1, 2], &[1, 2]], &[1, 2]),
        (&[32, 20, 20, 20, 10], [&[1, 2], &[1, 2], &[1, 2], &[1, 2]], &[]),
        (&[20; 5], [&[1, 2, 3], &[1, 2], &[1, 2, 3], &[1, 2]], &[1, 2]),
        (&[20; 5], [&[1, 2, 3], &[1, 2], &[1, 2, 3], &[1]], &[1]),
        // The order matters.
        (&[20; 5], [&[1, 2], &[2, 1], &[1, 2], &[2, 1]], &[]),
        // The heaviest set decides what may be a beginning.
        (&[10, 40, 20, 20, 10], [&[7], &[1], &[1], &[1]], &[]),
        (&[10, 10, 20, 20, 40], [&[7], &[1, 2], &[1], &[1, 2, 3]], &[1]),
        (&[20; 5], [&[], &[], &[1], &[1]], &[]),
    ];
    for (weights, sets, expected) in rows {
        let mut driver = with_sets(weights, &sets);
        driver.propose(&ordinary(3, 22));
        let told = driver.replays.last().unwrap().transactions();
        assert_eq!(told, sent(expected), "{weights:?} {sets:?}");
    }
}

#[test]
fn of_sets_of_the_same_weight_the_longer_one_decides() {
    let mut driver = with_sets(&[4, 32, 32, 16, 16], &[&[1], &[1, 2], &[1, 2], &[1]]);
    driver.propose(&ordinary(3, 22));
    assert_eq!(driver.replays.last().unwrap().transactions(), sent(&[1]));
}

fn is_permitted(driver: &mut Driver, proposal: &BlockProposal) -> bool {
    driver.propose(proposal);
    !driver.validations().is_empty()
}

#[test]
fn while_the_signers_agree_on_a_replay_a_tenure_is_extended_at_any_time() {
    let other_view = TenureTip { burn_view: Some(ch(2)), ..tip(3, 21) };
    let rows: [(&str, TenureChangeCause, TenureTip, Sets, bool); 6] = [
        ("full", Extended, tip(3, 21), [&[1]; 4], true),
        ("read count", ExtendedReadCount, tip(3, 21), [&[1]; 4], true),
        ("no replay", Extended, tip(3, 21), [&[]; 4], false),
        ("no agreement", Extended, tip(3, 21), [&[1], &[1], &[1], &[2]], false),
        (
            "a read-count extend with another burn view",
            ExtendedReadCount,
            other_view,
            [&[1]; 4],
            false,
        ),
        ("another dimension", TenureChangeCause::ExtendedRuntime, tip(3, 21), [&[1]; 4], false),
    ];
    for (why, cause, tip, sets, expected) in rows {
        let mut driver = with_sets(&[20; 5], &sets);
        driver.node.tips.insert(ch(3), tip);
        assert_eq!(is_permitted(&mut driver, &extend(3, 22, cause)), expected, "{why}");
    }
}

#[test]
fn a_tenure_is_extended_for_a_replay_of_which_the_node_is_not_told() {
    let set: &[u64] = &[1];
    let mut driver = with_sets(&[20; 5], &[set; 4]);
    driver.reconfigure(|params| params.validate_with_replay_tx = false);
    for peer in 1..5 {
        let update = driver.saved.peer_updates[peer - 1].update.clone();
        driver.hear(peer, SignerMessage::StateMachineUpdate(update));
    }
    assert!(is_permitted(&mut driver, &extend(3, 22, Extended)));
    assert!(driver.replays.last().unwrap().is_empty());
}
