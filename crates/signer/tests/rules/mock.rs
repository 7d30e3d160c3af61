//! Mock signing in epoch 2.5 (1.6).

use countersign_signer::{Event, Note, Query, Saved};
use countersign_wire::message::{MockProposal, PeerInfo};
use countersign_wire::{ChainId, MessageSignature, RewardCycle, StacksHeight};

use crate::support::chain::burn_height;
use crate::support::{CYCLE, Driver, Sent, ch, miner_key};

/// A mock proposal for burn block `n`, signed by miner `miner`.
fn mock_proposal(n: u8, miner: u8) -> Box<MockProposal> {
    let mut proposal = MockProposal {
        peer_info: PeerInfo {
            burn_block_height: burn_height(n),
            stacks_tip_consensus_hash: ch(n - 1),
            stacks_tip: [n; 32],
            stacks_tip_height: StacksHeight::new(20),
            server_version: "stacks-node".to_owned(),
            pox_consensus: ch(n),
            network_id: ChainId::TESTNET,
        },
        signature: MessageSignature::EMPTY,
    };
    proposal.signature = miner_key(miner).sign(&proposal.digest());
    Box::new(proposal)
}

fn in_epoch(epoch: &'static str) -> Driver {
    let mut driver = Driver::started(&[20; 5], Saved::default(), |node| node.epoch = epoch);
    driver.agree();
    driver.sent.clear();
    driver
}

fn mocks(driver: &Driver) -> Vec<(RewardCycle, Box<MockProposal>)> {
    let mocks = driver.sent.iter().filter_map(|sent| match sent {
        Sent::Mock(cycle, proposal) => Some((*cycle, proposal.clone())),
        _ => None,
    });
    mocks.collect()
}

#[test]
fn a_mock_proposal_of_epoch_25_is_signed_in_the_cycle_that_runs() {
    let mut driver = in_epoch("Epoch25");
    driver.handle(Event::MockProposal(mock_proposal(3, 3)));
    assert_eq!(mocks(&driver), [(CYCLE, mock_proposal(3, 3))]);
    assert!(driver.notes.iter().any(|note| matches!(note, Note::MockSigning { .. })));
}

#[test]
fn a_mock_proposal_of_any_other_epoch_is_not_signed() {
    for epoch in ["Epoch24", "Epoch30", "Epoch33", "Epoch40", ""] {
        let mut driver = in_epoch(epoch);
        driver.handle(Event::MockProposal(mock_proposal(3, 3)));
        assert_eq!(mocks(&driver), [], "{epoch}");
    }
}

#[test]
fn the_epoch_is_asked_for_each_time() {
    let mut driver = in_epoch("Epoch25");
    driver.handle(Event::MockProposal(mock_proposal(3, 3)));
    driver.node.epoch = "Epoch30";
    driver.handle(Event::MockProposal(mock_proposal(4, 3)));
    assert_eq!(mocks(&driver).len(), 1);
    driver.node.epoch = "Epoch25";
    driver.node.fail(Query::Pox);
    driver.handle(Event::MockProposal(mock_proposal(5, 3)));
    assert_eq!(mocks(&driver).len(), 1, "an epoch that is not known is no reason to sign");
}

#[test]
fn each_burn_block_has_one_mock_signature() {
    let mut driver = in_epoch("Epoch25");
    for n in 3..60 {
        for miner in [3, 4] {
            driver.handle(Event::MockProposal(mock_proposal(n, miner)));
            driver.handle(Event::MockProposal(mock_proposal(n, miner)));
        }
    }
    let expected: Vec<_> = (3..60).map(|n| (CYCLE, mock_proposal(n, 3))).collect();
    assert_eq!(mocks(&driver), expected);
}

#[test]
fn a_mock_proposal_that_comes_again_while_the_epoch_is_asked_for_is_signed_once() {
    let mut driver = in_epoch("Epoch25");
    driver.node.silent.insert(Query::Pox);
    driver.handle(Event::MockProposal(mock_proposal(3, 3)));
    driver.handle(Event::MockProposal(mock_proposal(3, 4)));
    driver.node.silent.clear();
    for (ticket, query) in std::mem::take(&mut driver.open) {
        let answer = driver.node.answer(query).expect("the node speaks again");
        driver.handle(Event::Answered { ticket, query, answer });
    }
    assert_eq!(mocks(&driver), [(CYCLE, mock_proposal(3, 3))]);
}

#[test]
fn a_mock_proposal_of_another_chain_or_of_nobody_is_not_signed() {
    let spoilt = |spoil: fn(&mut MockProposal)| {
        let mut proposal = mock_proposal(3, 3);
        spoil(&mut proposal);
        let mut driver = in_epoch("Epoch25");
        driver.handle(Event::MockProposal(proposal));
        mocks(&driver).len()
    };
    assert_eq!(spoilt(|proposal| proposal.signature = MessageSignature::EMPTY), 0);
    assert_eq!(
        spoilt(|proposal| {
            proposal.peer_info.network_id = ChainId::MAINNET;
            proposal.signature = miner_key(3).sign(&proposal.digest());
        }),
        0
    );
    assert_eq!(spoilt(|_| {}), 1);
}

#[test]
fn without_a_seat_or_on_the_wrong_network_no_mock_proposal_is_signed() {
    let mut seatless = Driver::started(&[20; 5], Saved::default(), |node| {
        node.epoch = "Epoch25";
        for facts in node.registrations.values_mut() {
            facts.slots.remove(0);
        }
    });
    seatless.handle(Event::MockProposal(mock_proposal(3, 3)));
    assert_eq!(mocks(&seatless), []);

    let mut lost = in_epoch("Epoch25");
    lost.node.network_id = ChainId::MAINNET;
    lost.pass(crate::support::chain::secs(6));
    lost.handle(Event::MockProposal(mock_proposal(3, 3)));
    assert_eq!(mocks(&lost), []);
}
