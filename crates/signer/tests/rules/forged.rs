//! What whoever reaches our endpoint may say, and what comes of it (W4).

use countersign_signer::{BlockState, Event, Query, Record, Saved, Vote};
use countersign_wire::{BurnHeight, SlotId};

use crate::support::chain::{burn_block, burn_hash, burn_height, secs_ago, seen};
use crate::support::{Driver, NOW, ch, record, tenure_start};

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
