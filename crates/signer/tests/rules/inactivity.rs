//! A miner that is silent for too long, and who is followed instead (3.4 and 5.5).

use countersign_signer::{BlockState, Millis, Note, Record, Saved};
use countersign_wire::message::{MinerState, SignerMessage};
use countersign_wire::{ConsensusHash, SlotId};

use crate::support::chain::{secs, secs_ago, seen};
use crate::support::{CYCLE, Driver, NOW, ch, ordinary, record, tenure_start, tip};

/// The tenure that we follow by our latest published view.
fn followed(driver: &Driver) -> Option<ConsensusHash> {
    match driver.updates().last()?.content.miner {
        MinerState::Active(miner) => Some(miner.tenure),
        MinerState::NoValidMiner => None,
    }
}

#[test]
fn a_miner_is_silent_after_more_than_two_minutes() {
    let mut driver = Driver::good();
    driver.pass(secs(120));
    assert_eq!(driver.updates(), []);
    driver.pass(Millis::new(1));
    assert_eq!(followed(&driver), Some(ch(2)));
    let MinerState::Active(miner) = driver.updates()[0].content.miner else { panic!() };
    assert_eq!(miner.parent_tenure, ch(1));
    assert_eq!(miner.parent_last_block, tip(1, 10).block_id);
    assert_eq!(driver.updates()[0].content.burn_block, ch(3), "the burn view stays");
    assert!(driver.notes.contains(&Note::MinerInactive { tenure: ch(3), now: Some(ch(2)) }));
}

#[test]
fn the_clock_starts_when_signers_with_agreeing_weight_have_reported_the_burn_block() {
    let mut alone = Driver::started(&[20; 5], Saved::default(), |_| {});
    alone.sent.clear();
    alone.pass(secs(1000));
    assert_eq!(alone.updates(), [], "20 of 100 have reported it");

    let mut late = Driver::started(&[20; 5], Saved::default(), |_| {});
    late.pass(secs(50));
    late.agree();
    late.sent.clear();
    late.pass(secs(120));
    assert_eq!(late.updates(), []);
    late.pass(Millis::new(1));
    assert_eq!(followed(&late), Some(ch(2)));
}

#[test]
fn a_signed_block_ends_the_clock_and_a_promise_does_not() {
    let signed = |state, by_us: bool| {
        let mut record = record(ordinary(3, 22), state);
        let at = Some(secs_ago(60));
        if by_us {
            record.signed_self_at = at;
        } else {
            record.signed_group_at = at;
        }
        record
    };
    let promised = record(ordinary(3, 22), BlockState::PreCommitted);
    let rows: [(&str, Record, bool); 4] = [
        ("signed by us", signed(BlockState::LocallyAccepted, true), false),
        ("signed by the group", signed(BlockState::LocallyAccepted, false), false),
        ("signed and then rejected", signed(BlockState::GloballyRejected, true), false),
        ("promised", promised, true),
    ];
    for (why, record, times_out) in rows {
        let saved = Saved { records: vec![record], ..Saved::default() };
        let mut driver = Driver::with(&[20; 5], saved);
        driver.pass(secs(121));
        assert_eq!(!driver.updates().is_empty(), times_out, "{why}");
    }
}

#[test]
fn activity_replaces_the_start_of_the_clock() {
    for (at, silent_after) in [(secs_ago(100), 20), (secs_ago(30), 90)] {
        let saved = Saved {
            activity: vec![(ch(3), at)],
            burn_blocks: vec![seen(3, NOW)],
            ..Saved::default()
        };
        let mut driver = Driver::with(&[20; 5], saved);
        driver.pass(secs(silent_after));
        assert_eq!(driver.updates(), [], "{silent_after}");
        driver.pass(Millis::new(1));
        assert_eq!(followed(&driver), Some(ch(2)), "{silent_after}");
    }
}

#[test]
fn a_refused_attempt_to_orphan_is_a_sign_of_life() {
    let late = ordinary(2, 21);
    let known = record(late.clone(), BlockState::PreCommitted);
    let mut driver = Driver::with(&[20; 5], Saved { records: vec![known], ..Saved::default() });
    driver.pass(secs(100));
    driver.announce(&late.block);
    driver.agree();
    driver.sent.clear();
    driver.propose(&tenure_start(3, 21));
    driver.pass(secs(120));
    assert_eq!(followed(&driver), Some(ch(3)));
    driver.pass(secs(2));
    assert_eq!(followed(&driver), Some(ch(2)));
}

#[test]
fn what_happened_in_the_future_by_a_clock_that_was_set_back_counts_as_of_the_start() {
    let saved = Saved {
        activity: vec![(ch(3), NOW.plus(secs(1_000_000)))],
        burn_blocks: vec![seen(3, NOW)],
        ..Saved::default()
    };
    let mut driver = Driver::with(&[20; 5], saved);
    driver.pass(secs(120));
    assert_eq!(driver.updates(), []);
    driver.pass(Millis::new(1));
    assert_eq!(followed(&driver), Some(ch(2)));
}

/// A network without another valid miner, as `spoil` has it, keeps the silent one.
fn keeps(spoil: impl FnOnce(&mut Driver)) -> bool {
    let mut driver = Driver::good();
    spoil(&mut driver);
    driver.pass(secs(130));
    assert!(
        driver.notes.contains(&Note::MinerInactive { tenure: ch(3), now: None })
            || !driver.updates().is_empty()
    );
    driver.updates().is_empty()
}

#[test]
fn without_another_valid_miner_the_silent_one_is_kept() {
    assert!(keeps(|driver| driver.node.last = None));
    assert!(keeps(|driver| driver.node.last = Some(driver.node.latest.clone())));
    assert!(keeps(|driver| {
        // The one before may not build where it committed to.
        let mut last = crate::support::sortition(2, 1);
        last.stacks_parent_ch = Some(ch(9));
        driver.node.last = Some(last);
    }));
    assert!(keeps(|driver| driver.node.forget_tenure(1)), "its parent has no tip");
    assert!(!keeps(|_| {}));
}

#[test]
fn a_miner_that_was_silent_before_is_not_followed_instead() {
    let reports = (1..5).map(|slot| (CYCLE, ch(2), SlotId::new(slot), secs_ago(60)));
    let saved = Saved { burn_reports: reports.collect(), ..Saved::default() };
    let mut driver = Driver::with(&[20; 5], saved);
    driver.pass(secs(130));
    assert_eq!(driver.updates(), []);
    assert!(driver.notes.contains(&Note::MinerInactive { tenure: ch(3), now: None }));
}

#[test]
fn there_is_no_way_back_until_the_next_burn_block() {
    let mut driver = Driver::good();
    driver.pass(secs(121));
    assert_eq!(followed(&driver), Some(ch(2)));
    driver.agree();
    driver.handle(countersign_signer::Event::Deadline);
    driver.pass(secs(600));
    assert_eq!(driver.updates().len(), 1);
    driver.node.end_tenure(3, 21);
    driver.mine_burn_block(4);
    assert_eq!(followed(&driver), Some(ch(4)));
}

#[test]
fn the_fall_back_leaves_no_deadline_that_is_always_due() {
    let mut own = record(ordinary(2, 20), BlockState::GloballyAccepted);
    own.signed_group_at = Some(secs_ago(300));
    let saved = Saved { records: vec![own], ..Saved::default() };
    let mut driver = Driver::with(&[20; 5], saved);
    driver.pass(secs(121));
    assert_eq!(followed(&driver), Some(ch(2)));
    // The tenure that is followed now has a signed block, so nothing can time out; the driver
    // checks after every event that no deadline is in the past.
    driver.pass(secs(600));
}

#[test]
fn no_signer_can_make_the_reports_of_others_be_forgotten() {
    let mut driver = Driver::started(&[20; 5], Saved::default(), |_| {});
    let view = driver.updates()[0].clone();
    driver.agree();
    driver.sent.clear();
    for n in 0..300_u16 {
        let mut update = view.clone();
        let mut invented = [0xee; 20];
        invented[..2].copy_from_slice(&n.to_be_bytes());
        update.content.burn_block = ConsensusHash::new(invented);
        driver.hear(4, SignerMessage::StateMachineUpdate(update));
    }
    driver.pass(secs(121));
    assert_eq!(followed(&driver), Some(ch(2)));
}
