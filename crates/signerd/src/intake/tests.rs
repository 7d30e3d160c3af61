#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use countersign_node::{CallbackQueue, QueueLimits};
use countersign_wire::event::ContractId;
use countersign_wire::message::{MockBlock, MockProposal, MockSignature, PeerInfo};
use countersign_wire::{
    BurnHeight, ChainId, ConsensusHash, Hash160, Network, PrivateKey, Sighash, SlotId, SlotVersion,
    StacksAddress, StacksHeight, Wire,
};

use super::*;

fn key() -> PrivateKey {
    PrivateKey::from_bytes([7; 32]).unwrap()
}

fn pre_commit() -> SignerMessage {
    SignerMessage::BlockPreCommit(Sighash::new([1; 32]))
}

fn chunk(data: Vec<u8>) -> Chunk {
    Chunk::sign(&key(), SlotId::new(3), SlotVersion::new(9), data)
}

fn chunks(name: &str, modified_slots: Vec<Chunk>) -> StackerDbChunks {
    let contract_id = ContractId { issuer: Network::Testnet.boot_address(), name: name.to_owned() };
    StackerDbChunks { contract_id, modified_slots }
}

/// The events of a callback, and how often each reason for skipping was counted.
fn take(chunks: StackerDbChunks) -> (Vec<Event>, Vec<(&'static str, u64)>) {
    let (metrics, _) = Metrics::new(CallbackQueue::new(QueueLimits::default()));
    let metrics = Arc::new(metrics);
    let reading = Intake::new(Arc::clone(&metrics)).read(Callback::StackerDbChunks(chunks));
    let events = reading.flatten().collect();
    let count = |why: &Skipped| {
        let counted = metrics.chunks_skipped.get_or_create(&vec![("reason", why.label())]).get();
        (why.label(), counted)
    };
    (events, Skipped::ALL.iter().map(count).filter(|(_, counted)| *counted > 0).collect())
}

#[test]
fn a_chunk_in_its_lane_is_its_signers_word() {
    let (events, skipped) = take(chunks("signers-1-3", vec![chunk(pre_commit().to_bytes())]));
    assert!(skipped.is_empty());
    let [Event::Peer { parity: 1, from, version, message }] = &events[..] else {
        panic!("{events:?}")
    };
    assert_eq!((*from, *message == pre_commit()), (key().public_key(), true));
    assert_eq!(version.get(), 9);
}

#[test]
fn of_mock_messages_only_a_miners_proposal_is_passed_on() {
    let proposal = MockProposal {
        peer_info: PeerInfo {
            burn_block_height: BurnHeight::new(1),
            stacks_tip_consensus_hash: ConsensusHash::ZERO,
            stacks_tip: [0; 32],
            stacks_tip_height: StacksHeight::new(1),
            server_version: String::new(),
            pox_consensus: ConsensusHash::ZERO,
            network_id: ChainId::TESTNET,
        },
        signature: countersign_wire::MessageSignature::EMPTY,
    };
    let signature = MockSignature {
        signature: countersign_wire::MessageSignature::EMPTY,
        proposal: proposal.clone(),
        server_version: String::new(),
    };
    let block = MockBlock { proposal: proposal.clone(), signatures: Vec::new() };
    let proposed = SignerMessage::MockProposal(proposal.clone());
    let (events, skipped) = take(chunks("miners", vec![chunk(proposed.to_bytes())]));
    assert!(matches!(&events[..], [Event::MockProposal(read)] if **read == proposal));
    assert!(skipped.is_empty());
    let others = [
        ("miners", SignerMessage::MockBlock(block)),
        ("signers-1-1", SignerMessage::MockSignature(signature)),
    ];
    for (contract, message) in others {
        let (events, skipped) = take(chunks(contract, vec![chunk(message.to_bytes())]));
        assert!(events.is_empty(), "{contract}");
        assert_eq!(skipped, [("mock", 1)], "{contract}");
    }
}

#[test]
fn bytes_after_a_message_are_ignored() {
    let data = [pre_commit().to_bytes(), vec![0xff; 5]].concat();
    assert_eq!(take(chunks("signers-1-3", vec![chunk(data)])).0.len(), 1);
}

#[test]
fn a_chunk_that_cannot_be_used_is_counted_and_does_not_stop_the_others() {
    let good = pre_commit().to_bytes();
    let spoilt_signature = {
        let mut chunk = chunk(good.clone());
        chunk.signature = countersign_wire::MessageSignature::EMPTY;
        chunk
    };
    let rows = [
        ("signers-0-1", chunk(good.clone()), "wrong_lane", "a pre-commit among the responses"),
        ("signers-0-3", chunk(vec![]), "empty", "an empty chunk"),
        ("signers-0-3", chunk(vec![8, 1, 2]), "unknown_type", "a kind of a later version"),
        ("signers-0-3", chunk(vec![0, 1, 2]), "wrong_lane", "a proposal among signers"),
        ("signers-0-3", chunk(vec![7, 1, 2]), "undecodable", "a pre-commit cut short"),
        ("signers-0-3", spoilt_signature, "no_signer", "a signature that is none"),
        ("signers-2-3", chunk(good.clone()), "other_contract", "a parity that does not exist"),
        ("pox-4", chunk(good.clone()), "other_contract", "another contract"),
        ("miners", chunk(good.clone()), "wrong_lane", "a signer's message among the miners"),
        ("miners", chunk(vec![0, 9]), "undecodable", "a proposal cut short"),
    ];
    for (contract, bad, reason, why) in rows {
        let (events, skipped) = take(chunks(contract, vec![bad, chunk(good.clone())]));
        let good_is_read = contract == "signers-0-3";
        assert_eq!(events.len(), usize::from(good_is_read), "{why}");
        assert!(skipped.iter().any(|(counted, _)| *counted == reason), "{why}: {skipped:?}");
        let total: u64 = skipped.iter().map(|(_, counted)| counted).sum();
        assert_eq!(total, if good_is_read { 1 } else { 2 }, "{why}");
    }
}

#[test]
fn a_contract_of_anybody_else_is_not_read() {
    let mut foreign = chunks("signers-1-3", vec![chunk(pre_commit().to_bytes())]);
    foreign.contract_id.issuer = StacksAddress::new(26, Hash160::new([1; 20])).unwrap();
    assert_eq!(take(foreign).1, [("other_contract", 1)]);
}

#[test]
fn a_flood_of_bad_chunks_does_not_fill_the_log() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let log = tracing_subscriber::fmt().with_writer(Arc::new(file.reopen().unwrap())).finish();
    let bad = chunk(vec![0, 1, 2]);
    let (_, skipped) =
        tracing::subscriber::with_default(log, || take(chunks("signers-1-3", vec![bad; 1000])));
    assert_eq!(skipped, [("wrong_lane", 1000)]);
    let text = std::fs::read_to_string(file.path()).unwrap();
    // One line a second, and the machine may be slow.
    assert!((1..100).contains(&text.lines().count()), "{text}");
}
