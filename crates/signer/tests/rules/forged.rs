//! What whoever reaches our endpoint may say, and what comes of it (W4).

use countersign_signer::{BlockState, Event, Query, Record, Saved, Vote};
use countersign_wire::message::SignerMessage;
use countersign_wire::{BurnHeight, SlotId, SlotVersion};

use crate::support::chain::{burn_block, burn_hash, burn_height, secs, secs_ago, seen};
use crate::support::{CYCLE, Driver, NOW, Sent, ch, record, tenure_start};

/// Nothing that the node has.
const INVENTED: u8 = 0xdd;

#[test]
fn the_node_corrects_what_an_announcement_said_of_a_burn_block() {
    let mut driver = Driver::good();
    let mut forged = burn_block(4);
    forged.burn_block_hash = burn_hash(INVENTED);
    forged.burn_block_height = BurnHeight::new(103);
    driver.node.end_tenure(3, 21);
    driver.handle(Event::BurnBlock(forged));
    driver.mine_burn_block(4);
    driver.node.end_tenure(4, 22);
    driver.mine_burn_block(5);
    let saved = driver.saved.burn_blocks.iter().find(|seen| seen.consensus_hash == ch(4));
    let found = saved.map(|seen| (seen.hash, seen.height, seen.received_at));
    assert_eq!(found, Some((burn_hash(4), burn_height(4), NOW)));
}

#[test]
fn an_invented_hash_of_a_burn_block_lets_no_signature_go() {
    // Two first blocks of tenure 3 were promised; we have just signed one of them.
    let mut rival =
        record(crate::support::blocks::sibling(tenure_start(3, 21)), BlockState::LocallyAccepted);
    rival.signed_self_at = Some(NOW);
    let block: Record = record(tenure_start(3, 21), BlockState::PreCommitted);
    let sighash = block.sighash;
    let votes = (0..3).map(|slot| (sighash, SlotId::new(slot), Vote::PreCommit)).collect();
    let mut forged = seen(3, secs_ago(60));
    forged.hash = burn_hash(INVENTED);
    let saved =
        Saved { records: vec![block, rival], votes, burn_blocks: vec![forged], ..Saved::default() };
    let mut driver = Driver::started(&[20; 5], saved, |node| node.orphan(INVENTED));
    driver.agree();
    driver.pre_commit(3, sighash);
    assert_eq!(driver.orders(), []);
    assert!(driver.node.asked.contains(&Query::SortitionOf(burn_hash(3))));
}

#[test]
fn views_of_another_cycle_with_high_slot_versions_do_not_make_us_deaf() {
    // What a chunk's signature covers does not say which contract it was for.
    let mut driver = Driver::started(&[20; 5], Saved::default(), |_| {});
    let view = driver.updates().pop().expect("we have a view");
    driver.agree();
    let mut old = view.clone();
    (old.content.burn_block, old.content.burn_height) = (ch(1), burn_height(1));
    let say = |driver: &mut Driver, version: u32, update| {
        for peer in 1..5 {
            driver.handle(Event::Peer {
                parity: CYCLE.parity(),
                from: driver.keys[peer].public_key(),
                version: SlotVersion::new(version),
                message: SignerMessage::StateMachineUpdate(Clone::clone(update)),
            });
        }
    };
    say(&mut driver, 1_000_000, &old);
    driver.sent.clear();
    driver.pass(secs(20));
    assert!(driver.sent.iter().any(|sent| matches!(sent, Sent::ReadSlots)));
    say(&mut driver, 7, &view);
    driver.propose(&tenure_start(3, 21));
    assert_eq!(driver.validations().len(), 1, "the signers agree again");
}
