//! Whether an earlier signature stands in the way of a new one (4.4).
//!
//! Block `h` is the 22nd of tenure 3, valid and promised by three of five; the fourth promise is the
//! trigger. The rival `k` is another block that was signed.

use countersign_signer::{
    BlockState, Millis, Note, OverrideReason, Query, Record, Saved, Superseded, Timestamp, Vote,
    WithheldSignature,
};
use countersign_wire::message::BlockProposal;
use countersign_wire::{BurnHeight, SlotId};

use crate::support::chain::{burn_hash, burn_height, secs, secs_ago, seen};
use crate::support::{Driver, NOW, ch, ordinary, record, tenure_start};

/// A network in which `block` lacks one promise, and `saved` is known besides.
fn waiting(block: BlockProposal, mut saved: Saved) -> Driver {
    let block = record(block, BlockState::PreCommitted);
    let votes = (0..3).map(|slot| (block.sighash, SlotId::new(slot), Vote::PreCommit));
    saved.votes.extend(votes);
    saved.records.push(block);
    let mut driver = Driver::with(&[20; 5], saved);
    driver.node.end_tenure(2, 20);
    driver
}

/// What becomes of `h` beside `rival`, in a network that `spoil` has changed.
fn outcome(rival: Record, saved: Saved, spoil: impl FnOnce(&mut Driver)) -> Outcome {
    let sighash = rival.sighash;
    let mut driver = waiting(ordinary(3, 22), Saved { records: vec![rival], ..saved });
    spoil(&mut driver);
    trigger(&mut driver, &ordinary(3, 22), sighash)
}

fn trigger(
    driver: &mut Driver,
    block: &BlockProposal,
    rival: countersign_wire::Sighash,
) -> Outcome {
    let block = block.block.sighash();
    driver.pre_commit(3, block);
    assert_eq!(driver.rejections(), [], "the guard is silent");
    if let Some(order) = driver.orders().pop() {
        assert_eq!(driver.acceptances(), [block]);
        return match order.overriding.as_slice() {
            [] => Outcome::Clear,
            [(named, reason)] if *named == rival => Outcome::Overrides(*reason),
            other => panic!("{other:?}"),
        };
    }
    let stored = driver.stored(block).unwrap();
    assert_eq!((stored.state, stored.signed_self_at), (BlockState::PreCommitted, None));
    let is_about = |why: WithheldSignature| {
        driver.notes.contains(&Note::SigningWithheld { sighash: block, why })
    };
    if is_about(WithheldSignature::FreshRival(rival)) {
        Outcome::Fresh
    } else if is_about(WithheldSignature::ConfirmedRival(rival)) {
        Outcome::Confirmed
    } else {
        panic!("{:?}", driver.notes)
    }
}

#[derive(Debug, PartialEq)]
enum Outcome {
    Clear,
    Overrides(OverrideReason),
    Fresh,
    Confirmed,
}

/// A rival of another tenure, signed by us just now.
fn rival(height: u64) -> Record {
    signed_at(ordinary(2, height), NOW)
}

fn signed_at(proposal: BlockProposal, at: Timestamp) -> Record {
    let mut record = record(proposal, BlockState::LocallyAccepted);
    record.signed_self_at = Some(at);
    record
}

/// The burn block of the rival's tenure is known.
fn known() -> Saved {
    Saved { burn_blocks: vec![seen(2, secs_ago(60))], ..Saved::default() }
}

#[test]
fn without_a_rival_the_block_is_signed() {
    let unsigned = record(ordinary(2, 22), BlockState::PreCommitted);
    assert_eq!(outcome(unsigned, known(), |_| {}), Outcome::Clear, "a promise is no signature");
    assert_eq!(outcome(rival(21), known(), |_| {}), Outcome::Clear, "a lower block is no rival");
}

#[test]
fn a_rival_counts_whatever_its_state_and_whoever_signed() {
    for state in BlockState::ALL.into_iter().filter(|state| *state != BlockState::GloballyAccepted)
    {
        let own = Record { state, ..rival(22) };
        assert_eq!(outcome(own, known(), |_| {}), Outcome::Fresh, "{state:?}");
    }
    let mut group = rival(22);
    (group.signed_self_at, group.signed_group_at) = (None, Some(NOW));
    assert_eq!(outcome(group, known(), |_| {}), Outcome::Fresh);
}

#[test]
fn a_rival_is_fresh_for_30_seconds_from_its_later_signature() {
    let stale = Outcome::Overrides(OverrideReason::Stale);
    for (age, expected) in [(29_999, Outcome::Fresh), (30_000, stale)] {
        let later = |driver: &mut Driver| driver.now = NOW.plus(Millis::new(age));
        assert_eq!(outcome(rival(22), known(), later), expected);
    }
    let mut group = signed_at(ordinary(2, 22), secs_ago(100));
    group.signed_group_at = Some(NOW);
    assert_eq!(outcome(group, known(), |_| {}), Outcome::Fresh);
}

#[test]
fn what_was_signed_before_a_start_is_as_fresh_as_if_it_were_signed_then() {
    // The machine's clock may have been set while the signer was down.
    for at in [secs_ago(1_000_000), NOW.plus(secs(1_000_000))] {
        let old = || signed_at(ordinary(2, 22), at);
        assert_eq!(outcome(old(), known(), |_| {}), Outcome::Fresh);
        let later = |driver: &mut Driver| driver.now = NOW.plus(secs(30));
        let stale = Outcome::Overrides(OverrideReason::Stale);
        assert_eq!(outcome(old(), known(), later), stale);
    }
}

type Spoil = fn(&mut Driver);

#[test]
fn a_fresh_rival_is_live_or_not_as_in_the_table() {
    let dead = || Outcome::Overrides(OverrideReason::NotLive);
    let accepted = || Record { state: BlockState::GloballyAccepted, ..rival(22) };
    let confirmed: Spoil = |driver| driver.node.end_tenure(2, 22);
    let orphaned: Spoil = |driver| driver.node.orphan(2);
    let gone: Spoil = |driver| driver.node.forget_tenure(2);
    let tip_fails: Spoil = |driver| driver.node.fail(Query::TenureTip(ch(2)));
    let below: Spoil = |driver| {
        driver.node.orphan(2);
        driver.node.burn_height = BurnHeight::new(101);
    };
    let height_unknown: Spoil = |driver| {
        driver.node.orphan(2);
        driver.node.fail(Query::Info);
    };
    let burn_fails: Spoil = |driver| driver.node.fail(Query::SortitionOf(burn_hash(2)));
    let same: Spoil = |_| {};
    let rows: [(&str, Record, Saved, Spoil, Outcome); 14] = [
        ("burn block unknown, confirmed", rival(22), Saved::default(), confirmed, Outcome::Fresh),
        ("burn block unknown, moved past", accepted(), Saved::default(), same, dead()),
        ("resolves, confirmed", rival(22), known(), confirmed, Outcome::Fresh),
        (
            "resolves, confirmed above us",
            rival(23),
            known(),
            |d| {
                d.node.end_tenure(2, 23);
            },
            Outcome::Fresh,
        ),
        ("404, node is there", rival(22), known(), orphaned, dead()),
        ("404, node still below", rival(22), known(), below, Outcome::Fresh),
        ("404, height unknown", rival(22), known(), height_unknown, Outcome::Fresh),
        ("burn block cannot be asked", rival(22), known(), burn_fails, Outcome::Fresh),
        ("tip cannot be asked", accepted(), known(), tip_fails, Outcome::Fresh),
        ("no tip, was accepted", accepted(), known(), gone, dead()),
        ("lower tip, was accepted", accepted(), known(), same, dead()),
        ("lower tip, never accepted, sibling", rival(22), known(), same, Outcome::Fresh),
        ("no tip, never accepted, sibling", rival(22), known(), gone, Outcome::Fresh),
        ("lower tip, never accepted, above us", rival(23), known(), same, dead()),
    ];
    for (why, rival, saved, spoil, expected) in rows {
        assert_eq!(outcome(rival, saved, spoil), expected, "{why}");
    }
}

/// Tenure 2 may be orphaned by burn block 3.
fn permitted() -> Saved {
    let superseded = Superseded {
        tenure: ch(2),
        burn_height: burn_height(2),
        by: ch(3),
        by_burn_block: burn_hash(3),
        at: NOW,
    };
    Saved { superseded: vec![superseded], ..known() }
}

#[test]
fn a_permission_stands_while_the_node_has_the_burn_block_that_it_was_given_for() {
    let live: Spoil = |driver| driver.node.end_tenure(2, 22);
    let allowed = Outcome::Overrides(OverrideReason::Permitted);
    assert_eq!(outcome(rival(22), permitted(), live), allowed);
    let orphaned: Spoil = |driver| driver.node.orphan(3);
    assert_eq!(outcome(rival(22), permitted(), orphaned), Outcome::Fresh);
    let failing: Spoil = |driver| driver.node.fail(Query::SortitionOf(burn_hash(3)));
    assert_eq!(outcome(rival(22), permitted(), failing), Outcome::Fresh);
}

/// A stale sibling of a tenure's first block, whose tenure the node answers for as `spoil` says.
fn stale_sibling(spoil: impl FnOnce(&mut Driver)) -> Outcome {
    let sibling = crate::support::blocks::sibling(tenure_start(3, 21));
    let sibling = signed_at(sibling, NOW);
    let sighash = sibling.sighash;
    let saved = Saved { records: vec![sibling], ..Saved::default() };
    let mut driver = waiting(tenure_start(3, 21), saved);
    driver.now = NOW.plus(secs(31));
    spoil(&mut driver);
    trigger(&mut driver, &tenure_start(3, 21), sighash)
}

#[test]
fn a_stale_rival_of_the_same_tenure_blocks_only_if_the_nodes_tip_is_that_high() {
    let stale = || Outcome::Overrides(OverrideReason::Stale);
    assert_eq!(stale_sibling(|driver| driver.node.end_tenure(3, 21)), Outcome::Confirmed);
    assert_eq!(stale_sibling(|driver| driver.node.end_tenure(3, 20)), stale());
    assert_eq!(stale_sibling(|_| {}), stale(), "the tenure has no block");
    let failing = |driver: &mut Driver| driver.node.fail(Query::TenureTip(ch(3)));
    assert_eq!(stale_sibling(failing), stale(), "the tip cannot be had");
}

#[test]
fn a_withheld_signature_is_made_by_itself_once_the_rival_is_stale() {
    let rival = rival(22);
    let mut driver = waiting(ordinary(3, 22), Saved { records: vec![rival.clone()], ..known() });
    assert_eq!(trigger(&mut driver, &ordinary(3, 22), rival.sighash), Outcome::Fresh);
    driver.pass(secs(30));
    assert_eq!(driver.orders(), []);
    driver.pass(Millis::new(1));
    let orders = driver.orders();
    assert_eq!(orders.len(), 1);
    assert_eq!(orders[0].overriding, [(rival.sighash, OverrideReason::Stale)]);
}

#[test]
fn every_overridden_signature_is_named() {
    let (one, other) = (rival(23), signed_at(ordinary(1, 24), NOW));
    let expected =
        [(one.sighash, OverrideReason::NotLive), (other.sighash, OverrideReason::Permitted)];
    let permission = Superseded {
        tenure: ch(1),
        burn_height: burn_height(1),
        by: ch(3),
        by_burn_block: burn_hash(3),
        at: NOW,
    };
    let (records, superseded) = (vec![one, other], vec![permission]);
    let mut driver = waiting(ordinary(3, 22), Saved { records, superseded, ..known() });
    driver.pre_commit(3, ordinary(3, 22).block.sighash());
    assert_eq!(driver.orders()[0].overriding, expected);
}

#[test]
fn a_repeated_proposal_does_not_get_round_a_fresh_rival() {
    let rival = rival(22);
    let mut driver = waiting(ordinary(3, 22), Saved { records: vec![rival.clone()], ..known() });
    assert_eq!(trigger(&mut driver, &ordinary(3, 22), rival.sighash), Outcome::Fresh);
    driver.propose(&ordinary(3, 22));
    assert_eq!(driver.orders(), []);
    assert_eq!(driver.pre_commits(), [ordinary(3, 22).block.sighash()]);
}
