//! A node on the wrong network gets no promise and no signature.

use countersign_signer::{Event, Note, Saved};
use countersign_wire::ChainId;

use crate::support::chain::secs;
use crate::support::{Driver, signed, tenure_start};

fn start() -> countersign_wire::Sighash {
    tenure_start(3, 21).block.sighash()
}

/// The node turns out to be on mainnet, and nothing that was sent before matters.
fn strand(driver: &mut Driver) {
    driver.node.network_id = ChainId::MAINNET;
    driver.pass(secs(5));
    let ours = ChainId::TESTNET.get();
    assert!(driver.notes.contains(&Note::WrongNetwork { node: ChainId::MAINNET.get(), ours }));
    driver.sent.clear();
}

#[test]
fn on_the_wrong_network_no_seat_is_taken() {
    let spoil = |node: &mut crate::support::node::Node| node.network_id = ChainId::MAINNET;
    let mut driver = Driver::started(&[20; 5], Saved::default(), spoil);
    driver.pass(secs(60));
    driver.propose(&tenure_start(3, 21));
    assert!(driver.sent.is_empty());
    let is_warning = |note: &&Note| matches!(note, Note::WrongNetwork { .. });
    assert_eq!(driver.notes.iter().filter(is_warning).count(), 1, "it is said once");
    driver.node.network_id = ChainId::TESTNET;
    driver.pass(secs(5));
    assert_eq!(driver.updates().len(), 1);
}

#[test]
fn on_the_wrong_network_no_block_is_validated_promised_or_rejected() {
    let mut driver = Driver::good();
    strand(&mut driver);
    driver.propose(&tenure_start(3, 21));
    driver.verdict(start());
    driver.pass(secs(200));
    assert!(driver.sent.is_empty(), "{:?}", driver.sent);

    let mut driver = Driver::good();
    driver.propose(&tenure_start(3, 21));
    strand(&mut driver);
    driver.verdict(start());
    assert!(driver.sent.is_empty(), "{:?}", driver.sent);
}

#[test]
fn on_the_wrong_network_no_signature_is_ordered_or_published() {
    let mut driver = Driver::good();
    driver.promise(&tenure_start(3, 21));
    strand(&mut driver);
    for peer in 1..5 {
        driver.pre_commit(peer, start());
    }
    assert!(driver.sent.is_empty(), "{:?}", driver.sent);

    let mut driver = Driver::good();
    driver.is_vault_silent = true;
    driver.promise(&tenure_start(3, 21));
    for peer in 1..4 {
        driver.pre_commit(peer, start());
    }
    strand(&mut driver);
    let signature = signed(&driver.keys[0], &start());
    driver.handle(Event::Signed { sighash: start(), signature });
    assert_eq!(driver.acceptances(), []);
}

#[test]
fn back_on_the_right_network_a_repeated_proposal_is_answered() {
    let mut driver = Driver::good();
    strand(&mut driver);
    driver.propose(&tenure_start(3, 21));
    driver.node.network_id = ChainId::TESTNET;
    driver.pass(secs(5));
    driver.promise(&tenure_start(3, 21));
}

#[test]
fn on_the_wrong_network_a_view_that_was_not_echoed_leaves_no_deadline_that_is_always_due() {
    let mut driver = Driver::good();
    driver.is_echo_lost = true;
    driver.node.end_tenure(3, 21);
    driver.mine_burn_block(4);
    strand(&mut driver);
    driver.pass(secs(1000));
    assert_eq!(driver.updates(), []);
    driver.node.network_id = ChainId::TESTNET;
    driver.pass(secs(400));
    assert!(!driver.updates().is_empty(), "it is published again");
}
