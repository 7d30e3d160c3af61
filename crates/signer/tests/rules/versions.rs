//! Protocol versions go down and up again, and blocks are signed throughout (5.3 and the scenarios
//! of 11.1 and 11.6).

use countersign_signer::Saved;
use countersign_wire::message::{RejectReason, SignerMessage, StateMachineUpdate};
use countersign_wire::{Sighash, Wire as _};

use crate::support::{Driver, ordinary};

/// Ten signers of equal weight; we are the first.
fn ten() -> Driver {
    Driver::with(&[10; 10], Saved::default())
}

/// The peers from `first` on support this version and see what we see.
fn support(driver: &mut Driver, peers: std::ops::Range<usize>, version: u64) {
    let own = driver.updates().pop().unwrap_or_else(|| driver.saved.peer_updates[0].update.clone());
    let update = StateMachineUpdate {
        active_version: version.min(own.active_version),
        supported_version: version,
        content: own.content,
    };
    for peer in peers {
        driver.hear(peer, SignerMessage::StateMachineUpdate(update.clone()));
    }
}

fn active(driver: &Driver) -> u64 {
    driver.updates().last().map_or(2, |update| update.active_version)
}

/// A block of this height is promised, and signed when six peers have promised, too.
fn sign(driver: &mut Driver, height: u64) -> Sighash {
    let sighash = driver.promise(&ordinary(3, height));
    for peer in 1..7 {
        driver.pre_commit(peer, sighash);
    }
    assert!(driver.acceptances().contains(&sighash), "height {height}: {:?}", driver.notes);
    for peer in 1..7 {
        driver.accept(peer, sighash);
    }
    sighash
}

#[test]
fn a_downgrade_of_over_three_tenths_takes_everybody_down_and_back_up() {
    let mut driver = ten();
    let rows = [(1..4, 1, 2), (4..5, 1, 1), (1..2, 2, 2), (1..5, 2, 2)];
    for (height, (peers, supported, expected)) in (22..).zip(rows) {
        support(&mut driver, peers.clone(), supported);
        assert_eq!(active(&driver), expected, "{peers:?} support {supported}");
        sign(&mut driver, height);
    }
    assert_eq!(driver.rejections(), []);
}

#[test]
fn an_upgrade_is_signed_through_at_every_stage() {
    let mut driver = ten();
    support(&mut driver, 1..10, 1);
    assert_eq!(active(&driver), 1);
    let rows = [(1..3, 1), (3..4, 1), (4..6, 1), (6..7, 2), (7..10, 2)];
    for (height, (peers, expected)) in (22..).zip(rows) {
        support(&mut driver, peers.clone(), 2);
        assert_eq!(active(&driver), expected, "{peers:?}");
        sign(&mut driver, height);
    }
    assert_eq!(driver.rejections(), []);
}

#[test]
fn an_update_is_written_in_the_layout_of_the_lower_of_both_versions() {
    for (supported, layout) in [(0, 0), (1, 1), (2, 2)] {
        let mut driver = ten();
        support(&mut driver, 1..10, supported);
        let own = driver.updates().pop().unwrap_or_else(|| {
            let first = Driver::started(&[10; 10], Saved::default(), |_| {});
            first.updates().pop().expect("a view is published at the start")
        });
        assert_eq!((own.active_version, own.supported_version), (supported, 2));
        assert_eq!(own.content_version(), layout);
        assert_eq!(StateMachineUpdate::from_bytes(&own.to_bytes()), Ok(own));
    }
    // Others may agree on a version that we do not support: then our highest layout is used.
    let mut driver = ten();
    let mut update = driver.saved.peer_updates[0].update.clone();
    (update.active_version, update.supported_version) = (2, 3);
    for peer in 1..10 {
        driver.hear(peer, SignerMessage::StateMachineUpdate(update.clone()));
    }
    let own = driver.updates().pop().unwrap();
    assert_eq!((own.active_version, own.content_version()), (3, 2));
}

#[test]
fn signers_without_an_agreed_version_go_on_by_an_old_one_and_not_by_the_newest() {
    let mut driver = ten();
    support(&mut driver, 1..10, 1);
    // Six peers fall silent, as far as we know: a start without what they said.
    driver.saved.peer_updates.retain(|saved| saved.from.get() < 4);
    driver.restart();
    driver.propose(&ordinary(3, 22));
    driver.pass(countersign_signer::Millis::from_secs(2));
    assert_eq!(driver.reasons(), [RejectReason::NoSignerConsensus], "a start supposes the newest");
}
