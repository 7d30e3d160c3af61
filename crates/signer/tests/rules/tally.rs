//! Counting signatures and rejections, and what the network decides by them (4.2, 4.5, 4.6, 4.8).

use countersign_signer::{BlockState, Event, Note, Saved};
use countersign_wire::event::NewBlock;
use countersign_wire::message::{RejectReason, SignerMessage};
use countersign_wire::{MessageSignature, PrivateKey, Sighash};

use crate::support::chain::secs;
use crate::support::driver::{acceptance, rejection, writes_record};
use crate::support::{CYCLE, Driver, NOW, block, signed, tenure_start};

fn start() -> Sighash {
    tenure_start(3, 21).block.sighash()
}

fn state(driver: &Driver) -> BlockState {
    driver.stored(start()).unwrap().state
}

/// Five signers, one of whom we are, and a block that is known and not judged.
fn proposed() -> Driver {
    let mut driver = Driver::good();
    driver.propose(&tenure_start(3, 21));
    driver
}

#[test]
fn signatures_are_uploaded_in_the_order_of_the_reward_set() {
    let mut driver = proposed();
    for peer in [4, 2, 3, 1] {
        assert_eq!(driver.uploads().len(), 0);
        driver.accept(peer, start());
    }
    let upload = driver.uploads().pop().unwrap();
    let expected: Vec<_> = (1..5).map(|peer| signed(&driver.keys[peer], &start())).collect();
    assert_eq!(upload.header.signer_signature, expected);
    assert_eq!(upload.transactions, tenure_start(3, 21).block.transactions);
    assert_eq!(driver.stored(start()).unwrap().signed_group_at, Some(NOW));
    assert!(driver.stored(start()).unwrap().uploaded);
}

#[test]
fn a_block_is_uploaded_once() {
    let mut driver = proposed();
    for _ in 0..2 {
        for peer in 1..5 {
            driver.accept(peer, start());
        }
        driver.verdict(start());
    }
    assert_eq!(driver.uploads().len(), 1);
}

#[test]
fn counting_signatures_never_makes_a_block_globally_accepted() {
    let mut driver = proposed();
    for peer in 1..5 {
        driver.accept(peer, start());
    }
    assert_eq!(state(&driver), BlockState::LocallyAccepted);
    driver.announce(&tenure_start(3, 21).block);
    assert_eq!(state(&driver), BlockState::GloballyAccepted);
}

#[test]
fn the_first_signature_of_a_signer_stays() {
    let mut driver = proposed();
    let high = high_s(&signed(&driver.keys[1], &start()));
    assert!(!high.is_low_s());
    driver.hear(1, acceptance(start(), high));
    for peer in 1..5 {
        driver.accept(peer, start());
    }
    assert_eq!(driver.uploads()[0].header.signer_signature[0], high);
}

#[test]
fn the_signature_decides_who_votes_and_the_writer_must_be_a_member() {
    let stranger = PrivateKey::from_bytes([0x99; 32]).unwrap();
    let mut driver = proposed();
    // Relayed by peer 1: the votes of 1 to 3.
    for peer in 1..4 {
        let signature = signed(&driver.keys[peer], &start());
        driver.hear(1, acceptance(start(), signature));
    }
    // A stranger's chunk, a stranger's signature, no signature at all.
    let fourth = signed(&driver.keys[4], &start());
    driver.hear_in(CYCLE.parity(), stranger.public_key(), acceptance(start(), fourth));
    driver.hear(4, acceptance(start(), signed(&stranger, &start())));
    driver.hear(4, acceptance(start(), MessageSignature::EMPTY));
    driver.hear(4, acceptance(start(), signed(&driver.keys[4], &Sighash::ZERO)));
    assert_eq!(driver.uploads().len(), 0);
    driver.hear(2, acceptance(start(), fourth));
    assert_eq!(driver.uploads().len(), 1);
}

#[test]
fn rejections_decide_as_soon_as_approval_is_impossible() {
    let rows: [(&[u32], usize, bool); 5] = [
        (&[20; 5], 1, false),
        (&[20; 5], 2, true),
        (&[1, 30, 69], 1, false),
        (&[1, 31, 68], 1, true),
        (&[u32::MAX / 2, u32::MAX / 2], 1, true),
    ];
    for (weights, count, is_decided) in rows {
        let mut driver = Driver::with(weights, Saved::default());
        driver.propose(&tenure_start(3, 21));
        for peer in 1..=count {
            driver.reject(peer, start());
            driver.reject(peer, start());
        }
        let expected =
            if is_decided { BlockState::GloballyRejected } else { BlockState::Unprocessed };
        assert_eq!(state(&driver), expected, "{count} of {weights:?}");
    }
}

#[test]
fn a_second_reason_replaces_the_first_and_does_not_count_twice() {
    let mut driver = proposed();
    driver.reject_for(1, start(), RejectReason::InvalidMiner);
    driver.reject_for(1, start(), RejectReason::InvalidBitvec);
    assert_eq!(state(&driver), BlockState::Unprocessed);
    let reasons: Vec<_> = driver
        .notes
        .iter()
        .filter_map(|note| match note {
            Note::RejectionReceived { reason, weight, .. } => Some((*reason, weight.get())),
            _ => None,
        })
        .collect();
    let expected = [(RejectReason::InvalidMiner, 20), (RejectReason::InvalidBitvec, 20)];
    assert_eq!(reasons, expected);
}

#[test]
fn a_rejection_is_by_whoever_signed_it() {
    let mut driver = proposed();
    let stranger = PrivateKey::from_bytes([0x99; 32]).unwrap();
    let strange = rejection(&stranger, start(), RejectReason::InvalidMiner);
    driver.hear(1, strange.clone());
    driver.hear(2, strange);
    assert_eq!(state(&driver), BlockState::Unprocessed);
    for voter in 1..3 {
        let relayed = rejection(&driver.keys[voter], start(), RejectReason::InvalidMiner);
        driver.hear(4, relayed);
    }
    assert_eq!(state(&driver), BlockState::GloballyRejected);
}

#[test]
fn a_signature_overrides_a_rejection_and_never_the_other_way_round() {
    let mut driver = proposed();
    driver.reject(1, start());
    driver.accept(1, start());
    driver.reject(2, start());
    assert_eq!(state(&driver), BlockState::Unprocessed, "only 20 of 100 reject");
    driver.reject(1, start());
    assert_eq!(state(&driver), BlockState::Unprocessed, "a signature is not taken back");
    driver.reject(3, start());
    assert_eq!(state(&driver), BlockState::GloballyRejected);
}

#[test]
fn rejections_do_not_touch_a_block_that_is_on_the_chain() {
    let mut driver = proposed();
    driver.announce(&tenure_start(3, 21).block);
    for peer in 1..5 {
        driver.reject(peer, start());
    }
    assert_eq!(state(&driver), BlockState::GloballyAccepted);
}

#[test]
fn an_announced_block_is_globally_accepted_unless_it_was_globally_rejected() {
    let mut driver = proposed();
    driver.pass(secs(3));
    driver.announce(&tenure_start(3, 21).block);
    let stored = driver.stored(start()).unwrap();
    assert_eq!(stored.state, BlockState::GloballyAccepted);
    assert_eq!(stored.signed_group_at, Some(NOW.plus(secs(3))));

    let mut driver = proposed();
    driver.reject(1, start());
    driver.reject(2, start());
    let block = tenure_start(3, 21).block;
    driver.announce(&block);
    assert_eq!(state(&driver), BlockState::GloballyRejected);
    // The node's tip is looked at every few seconds: what is known of it is not written again.
    let again = driver.step(Event::StacksBlock(NewBlock {
        block_id: block.block_id(),
        sighash: Some(start()),
        consensus_hash: block.header.consensus_hash,
        height: block.header.chain_length,
        txids: Vec::new(),
        signatures: Vec::new(),
        time: None,
    }));
    assert!(!writes_record(&again, |_| true));
}

#[test]
fn a_group_signature_is_stamped_once() {
    let mut driver = proposed();
    for peer in 1..5 {
        driver.accept(peer, start());
    }
    driver.pass(secs(9));
    driver.announce(&tenure_start(3, 21).block);
    assert_eq!(driver.stored(start()).unwrap().signed_group_at, Some(NOW));
}

#[test]
fn a_pushed_block_goes_to_the_node_whatever_we_think_of_it() {
    let mut driver = Driver::good();
    let strange = block(9, 99);
    driver.handle(Event::Pushed(Box::new(strange.clone())));
    assert_eq!(driver.uploads(), [strange]);

    let mut driver = proposed();
    driver.announce(&tenure_start(3, 21).block);
    driver.handle(Event::Pushed(Box::new(tenure_start(3, 21).block)));
    assert_eq!(driver.uploads(), [], "the node has it");
}

#[test]
fn a_writer_without_a_seat_is_noted_and_not_counted() {
    let mut driver = proposed();
    let stranger = PrivateKey::from_bytes([0x99; 32]).unwrap();
    let promise = SignerMessage::BlockPreCommit(start());
    for (key, parity, is_strange) in [
        (stranger.public_key(), CYCLE.parity(), true),
        // No cycle that we know has these lanes, so anybody may write there.
        (stranger.public_key(), 1 - CYCLE.parity(), false),
        (driver.keys[1].public_key(), CYCLE.parity(), false),
    ] {
        driver.notes.clear();
        driver.hear_in(parity, key, promise.clone());
        let noted = driver.notes.contains(&Note::StrangerIgnored { key });
        assert_eq!(noted, is_strange, "{:?}", driver.notes);
        let counted =
            driver.notes.iter().any(|note| matches!(note, Note::PreCommitReceived { .. }));
        assert_eq!(counted, key == driver.keys[1].public_key(), "{:?}", driver.notes);
    }
}

/// The other signature of the same key over the same hash: `s` becomes `n - s`, and the recovery id
/// the other one.
fn high_s(signature: &MessageSignature) -> MessageSignature {
    const ORDER: [u8; 32] = [
        0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
        0xfe, 0xba, 0xae, 0xdc, 0xe6, 0xaf, 0x48, 0xa0, 0x3b, 0xbf, 0xd2, 0x5e, 0x8c, 0xd0, 0x36,
        0x41, 0x41,
    ];
    let mut bytes = *signature.as_bytes();
    bytes[0] ^= 1;
    let mut borrows = false;
    for index in (0..32).rev() {
        let (difference, below) = ORDER[index].overflowing_sub(bytes[33 + index]);
        let (difference, still_below) = difference.overflowing_sub(u8::from(borrows));
        (bytes[33 + index], borrows) = (difference, below || still_below);
    }
    MessageSignature::from_bytes(bytes).unwrap()
}
