//! Another node is asked: no decision takes facts from both.

use std::collections::BTreeSet;

use countersign_signer::{
    Action, BlockState, Event, Note, Query, QueuedValidation, Record, Saved, Step, Ticket, Vote,
};
use countersign_wire::message::{MinerState, SignerMessage};
use countersign_wire::{ChainId, RewardCycle, Sighash, SlotId, StacksHeight};

use crate::support::chain::{burn_height, secs, secs_ago, seen};
use crate::support::node::Node;
use crate::support::{Driver, NOW, Sent, ch, ordinary, record, tenure_start};

fn start() -> Sighash {
    tenure_start(3, 21).block.sighash()
}

/// Four of five have promised to sign `ordinary(3, 22)` but for the last promise, and we have just
/// signed a block of tenure 2 at its height.
///
/// The node says that the block exceeds its tenure's tip, and that the rival is alive: not to be
/// signed.
fn beside_a_rival() -> Driver {
    let block = record(ordinary(3, 22), BlockState::PreCommitted);
    let mut rival = record(ordinary(2, 22), BlockState::LocallyAccepted);
    rival.signed_self_at = Some(NOW);
    let votes = (0..3).map(|slot| (block.sighash, SlotId::new(slot), Vote::PreCommit)).collect();
    let saved = Saved {
        records: vec![block, rival],
        votes,
        burn_blocks: vec![seen(2, secs_ago(60))],
        ..Saved::default()
    };
    let mut driver = Driver::with(&[20; 5], saved);
    driver.node.end_tenure(2, 20);
    driver
}

/// A node that says the opposite of both: the rival is dead, and the block does not exceed the tip.
fn contrary(node: &Node) -> Node {
    let mut contrary = Node { asked: Vec::new(), ..node.clone() };
    contrary.orphan(2);
    contrary.end_tenure(3, 22);
    contrary
}

/// Hands the oldest open question the answer of `node`.
fn answer(driver: &mut Driver, node: &mut Node) {
    let (ticket, query) = driver.open.remove(0);
    let answer = node.answer(query).expect("the node is not hung");
    driver.handle(Event::Answered { ticket, query, answer });
}

#[test]
fn no_block_is_signed_by_facts_of_two_nodes_that_each_forbid_it() {
    let trigger = ordinary(3, 22).block.sighash();
    let mut is_reached = false;
    for answers in 0..6 {
        let mut driver = beside_a_rival();
        let mut before = driver.node.clone();
        let mut after = contrary(&before);
        driver.node.is_hung = true;
        driver.pre_commit(3, trigger);
        for _ in 0..answers {
            if !driver.open.is_empty() {
                answer(&mut driver, &mut before);
            }
        }
        let late = std::mem::take(&mut driver.open);
        driver.switch_to(Node { is_hung: true, ..after.clone() });
        let anew = std::mem::replace(&mut driver.open, late);
        while !driver.open.is_empty() {
            is_reached = true;
            answer(&mut driver, &mut before);
        }
        driver.open = anew;
        while !driver.open.is_empty() {
            answer(&mut driver, &mut after);
        }
        assert_eq!(driver.orders(), [], "after {answers} answers of the node before");
    }
    assert!(is_reached, "some answers came late");
}

/// The test above would see a mixture: if the core is not told, it makes one.
#[test]
fn facts_of_two_nodes_that_each_forbid_a_block_would_permit_it_together() {
    let mut driver = beside_a_rival();
    let (mut before, mut after) = (driver.node.clone(), contrary(&driver.node));
    driver.node.is_hung = true;
    driver.pre_commit(3, ordinary(3, 22).block.sighash());
    answer(&mut driver, &mut before);
    while !driver.open.is_empty() {
        answer(&mut driver, &mut after);
    }
    assert_eq!(driver.orders().len(), 1);
}

#[test]
fn a_block_is_signed_by_the_word_of_the_new_node_alone() {
    let mut driver = Driver::good();
    driver.promise(&tenure_start(3, 21));
    driver.node.is_hung = true;
    for peer in 1..4 {
        driver.pre_commit(peer, start());
    }
    assert_eq!(driver.orders(), []);
    let node = Node { is_hung: false, asked: Vec::new(), ..driver.node.clone() };
    driver.switch_to(node);
    assert_eq!(driver.acceptances(), [start()]);
    assert!(driver.node.asked.contains(&Query::TenureTip(ch(2))), "{:?}", driver.node.asked);
}

/// Which tickets a step asks with.
fn tickets(step: &Step) -> BTreeSet<Ticket> {
    let asked = step.actions.iter().filter_map(|action| match action {
        Action::Ask { ticket, .. } => Some(*ticket),
        _ => None,
    });
    asked.collect()
}

#[test]
fn no_ticket_is_used_with_two_nodes() {
    let mut driver = Driver::good();
    driver.promise(&tenure_start(3, 21));
    driver.node.is_hung = true;
    driver.propose(&tenure_start(3, 22));
    driver.mine_burn_block(4);
    for peer in 1..4 {
        driver.pre_commit(peer, start());
    }
    let before: BTreeSet<Ticket> = driver.open.iter().map(|(ticket, _)| *ticket).collect();
    assert!(before.len() >= 4, "{:?}", driver.open);
    let step = driver.step(Event::NodeSwitched);
    let after = tickets(&step);
    assert!(after.len() >= 4, "{:?}", step.actions);
    assert!(after.is_disjoint(&before));
}

#[test]
fn the_new_node_is_asked_for_its_network_its_tip_and_the_view_and_the_slots_are_read() {
    let mut driver = Driver::good();
    let node = Node { asked: Vec::new(), ..driver.node.clone() };
    driver.switch_to(node);
    assert_eq!(driver.node.asked.first(), Some(&Query::Info));
    assert!(driver.node.asked.contains(&Query::BurnView));
    assert!(driver.sent.iter().any(|sent| matches!(sent, Sent::ReadSlots)));
    assert_eq!(driver.updates(), [], "the new node says the same, so nothing is published");
}

#[test]
fn what_the_old_node_was_validating_is_handed_to_the_new_one_before_what_waits() {
    let mut driver = Driver::good();
    driver.propose(&tenure_start(3, 21));
    driver.propose(&ordinary(3, 22));
    assert_eq!(driver.validations(), [start()]);
    let node = driver.node.clone();
    driver.switch_to(node);
    assert_eq!(driver.validations(), [start(), start()]);
    driver.verdict(start());
    assert_eq!(driver.pre_commits(), [start()]);
    assert_eq!(driver.validations().last(), Some(&ordinary(3, 22).block.sighash()));
}

#[test]
fn a_block_waits_until_the_new_node_knows_its_parent() {
    let mut driver = Driver::good();
    let node = Node { stacks_height: StacksHeight::new(19), ..driver.node.clone() };
    driver.switch_to(node);
    driver.propose(&tenure_start(3, 21));
    assert_eq!(driver.validations(), [], "what the old node knew does not count");
    let why = QueuedValidation::ParentUnknown;
    assert!(driver.notes.contains(&Note::ValidationQueued { sighash: start(), why }));
    driver.node.stacks_height = StacksHeight::new(20);
    driver.pass(secs(6));
    assert_eq!(driver.validations(), [start()]);
}

#[test]
fn a_refusal_of_the_old_node_does_not_delay_the_new_one() {
    let mut driver = Driver::good();
    driver.node.submissions = [countersign_signer::Submission::Refused("401".to_owned())].into();
    driver.propose(&tenure_start(3, 21));
    let node = driver.node.clone();
    driver.switch_to(node);
    assert_eq!(driver.validations(), [start(), start()]);
}

#[test]
fn our_view_does_not_go_back_while_the_new_node_catches_up() {
    let mut driver = Driver::good();
    driver.node.end_tenure(3, 21);
    driver.mine_burn_block(4);
    let caught_up = driver.node.clone();
    driver.sent.clear();
    let mut behind = caught_up.clone();
    (behind.burn_height, behind.burn_tip) = (burn_height(3), ch(3));
    (behind.latest, behind.last) =
        (crate::support::sortition(3, 2), Some(crate::support::sortition(2, 1)));
    // It does not know the burn block that we were at, which is no fork.
    behind.orphan(4);
    driver.switch_to(behind.clone());
    driver.pass(secs(20));
    assert_eq!(driver.updates(), []);
    let is_replay = |note: &Note| matches!(note, Note::ReplayChanged { .. });
    assert!(!driver.notes.iter().any(is_replay), "{:?}", driver.notes);
    driver.node = caught_up;
    driver.pass(secs(6));
    assert_eq!(driver.updates(), [], "it arrives where we were");

    driver.switch_to(behind);
    driver.pass(secs(40));
    let burn_heights: Vec<_> =
        driver.updates().iter().map(|update| update.content.burn_height).collect();
    assert_eq!(burn_heights, [burn_height(3)], "a node that stays there is believed in the end");
}

#[test]
fn our_view_follows_a_new_node_that_is_ahead() {
    let mut driver = Driver::good();
    let mut ahead = driver.node.clone();
    ahead.end_tenure(3, 21);
    ahead.move_to(4);
    driver.switch_to(ahead);
    let views: Vec<_> = driver
        .updates()
        .iter()
        .map(|update| match update.content.miner {
            MinerState::Active(miner) => Some(miner.tenure),
            MinerState::NoValidMiner => None,
        })
        .collect();
    assert_eq!(views, [Some(ch(4))]);
}

#[test]
fn a_new_node_on_the_wrong_network_gets_no_promise_and_no_signature() {
    let mut driver = Driver::good();
    driver.promise(&tenure_start(3, 21));
    let wrong = Node { network_id: ChainId::MAINNET, ..driver.node.clone() };
    driver.switch_to(wrong);
    driver.sent.clear();
    for peer in 1..5 {
        driver.pre_commit(peer, start());
    }
    driver.propose(&ordinary(3, 22));
    assert!(driver.sent.is_empty(), "{:?}", driver.sent);
}

#[test]
fn a_new_node_on_the_right_network_ends_the_silence_at_once() {
    let wrong = |node: &mut Node| node.network_id = ChainId::MAINNET;
    let mut driver = Driver::started(&[20; 5], Saved::default(), wrong);
    assert!(driver.sent.is_empty());
    let right = Node { network_id: ChainId::TESTNET, ..driver.node.clone() };
    driver.switch_to(right);
    assert_eq!(driver.updates().len(), 1);
}

#[test]
fn a_block_that_the_old_nodes_word_kept_from_a_signature_is_weighed_again() {
    let mut driver = beside_a_rival();
    let block: Record = record(ordinary(3, 22), BlockState::PreCommitted);
    driver.pre_commit(3, block.sighash);
    assert_eq!(driver.orders(), []);
    let mut other = driver.node.clone();
    other.orphan(2);
    driver.switch_to(other);
    assert_eq!(driver.acceptances(), [block.sighash]);
}

#[test]
fn a_seat_that_the_old_node_did_not_know_of_is_looked_for_at_the_new_one() {
    let stranger = |node: &mut Node| {
        node.registrations.get_mut(&RewardCycle::new(1)).unwrap().slots.clear();
    };
    let mut driver = Driver::started(&[20; 5], Saved::default(), stranger);
    assert_eq!(driver.updates(), []);
    let good = Node::good(&driver.set);
    driver.switch_to(good);
    assert_eq!(driver.updates().len(), 1);
}

#[test]
fn questions_that_failed_at_the_old_node_are_asked_at_once() {
    let failing = |node: &mut Node| {
        node.fail(Query::Pox);
        node.fail(Query::Info);
    };
    let mut driver = Driver::started(&[20; 5], Saved::default(), failing);
    let good = Node::good(&driver.set);
    driver.switch_to(good);
    assert_eq!(driver.updates().len(), 1);
}

#[test]
fn a_signature_that_was_ordered_by_the_old_nodes_word_is_published() {
    let mut driver = Driver::good();
    driver.is_vault_silent = true;
    driver.promise(&tenure_start(3, 21));
    for peer in 1..4 {
        driver.pre_commit(peer, start());
    }
    let node = driver.node.clone();
    driver.switch_to(node);
    assert_eq!(driver.orders().len(), 1, "it is not ordered twice");
    let signature = crate::support::signed(&driver.keys[0], &start());
    driver.handle(Event::Signed { sighash: start(), signature });
    assert_eq!(driver.acceptances(), [start()]);
}

#[test]
fn a_proposal_that_waits_for_agreement_is_judged_by_the_new_node() {
    let mut driver = Driver::started(&[20; 5], Saved::default(), |_| {});
    driver.propose(&tenure_start(3, 21));
    assert!(driver.notes.contains(&Note::ProposalHeld { sighash: start() }));
    let update = driver.updates().last().cloned().unwrap();
    let node = Node { asked: Vec::new(), ..driver.node.clone() };
    driver.switch_to(node);
    for peer in 1..5 {
        driver.hear(peer, SignerMessage::StateMachineUpdate(update.clone()));
    }
    assert_eq!(driver.validations(), [start()]);
    assert!(driver.node.asked.contains(&Query::TenureTip(ch(2))));
}
