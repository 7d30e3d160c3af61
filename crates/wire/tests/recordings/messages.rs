//! Chunks and the messages in them.

use std::collections::{BTreeMap, BTreeSet};

use countersign_wire::message::{
    BlockProposalData, BlockResponse, MinerState, RejectReason, SignerMessage,
};
use countersign_wire::rpc::TenureTipResponse;
use countersign_wire::stackerdb::{
    Chunk, ChunkAck, ChunkRefusal, MINERS_CONTRACT, SignersContract,
};
use countersign_wire::{ConsensusHash, Hash160, StacksBlockId, StacksHeight, Wire};

use crate::network::{NETWORKS, Network, assert_same, signer_set, text};

#[test]
fn every_message_encodes_to_the_bytes_of_its_chunk() {
    let mut counts: BTreeMap<&str, u32> = BTreeMap::new();
    for network in NETWORKS.iter() {
        for (contract, chunk) in network.chunks() {
            let message = SignerMessage::from_bytes(&chunk.data)
                .unwrap_or_else(|error| panic!("{}, {contract}: {error}", network.name));
            assert_eq!(message.to_bytes(), chunk.data);
            assert_eq!(Chunk::from_bytes(&chunk.to_bytes()), Ok(chunk));
            let lane = SignersContract::parse(&contract).map(|contract| contract.lane);
            assert_eq!(message.lane(), lane, "{contract}");
            assert_eq!(lane.is_none(), contract == MINERS_CONTRACT, "{contract}");
            *counts.entry(message.label()).or_default() += 1;
        }
    }
    let expected = [
        ("block_pre_commit", 420),
        ("block_proposal", 109),
        ("block_pushed", 84),
        ("block_response", 430),
        ("mock_block", 97),
        ("mock_proposal", 97),
        ("mock_signature", 484),
        ("state_machine_update", 2352),
    ];
    assert_eq!(counts, BTreeMap::from(expected));
}

#[test]
fn every_chunk_is_signed_by_the_owner_of_its_slot() {
    let signers = signer_set();
    let mut slots = BTreeSet::new();
    for network in NETWORKS.iter() {
        let miners = miner_keys(network);
        for (contract, chunk) in network.chunks() {
            let key = chunk.recover().unwrap();
            if contract == MINERS_CONTRACT {
                assert!(miners.contains(&key.hash160()), "{}: {key}", network.name);
                assert!(chunk.slot_id.get() < 4);
            } else {
                assert_eq!(signers.slot_of(&key), Some(chunk.slot_id), "{contract}");
                slots.insert((contract, chunk.slot_id));
            }
        }
    }
    assert_eq!(slots.len(), 6 * 5, "every signer has written to both contracts of all three lanes");
}

#[test]
fn miners_propose_in_even_slots_and_publish_in_odd_ones() {
    let (mut proposals, mut by_driver) = (0, 0);
    for (chunk, message) in NETWORKS.iter().flat_map(Network::messages) {
        let slot = chunk.slot_id.get();
        match message {
            SignerMessage::BlockProposal(proposal) => {
                assert_eq!(slot % 2, 0);
                assert_eq!(proposal.reward_cycle.get(), proposal.burn_height.get() / 20);
                assert!(proposal.block.header.signer_signature.is_empty());
                if let Some(diagnostics) = proposal.data.diagnostics {
                    assert_eq!(proposal.data.version, BlockProposalData::CURRENT_VERSION);
                    assert!(diagnostics.burn_height >= proposal.burn_height);
                } else {
                    // Not by a miner but by the test driver, to be rejected.
                    assert_eq!(proposal.data.version, 1);
                    by_driver += 1;
                }
                proposals += 1;
            }
            SignerMessage::MockProposal(_) => assert_eq!(slot % 2, 0),
            SignerMessage::BlockPushed(_) | SignerMessage::MockBlock(_) => assert_eq!(slot % 2, 1),
            _ => {}
        }
    }
    assert_eq!((proposals, by_driver), (109, 23));
}

#[test]
fn every_answer_to_a_write_tells_what_the_slot_holds() {
    let (mut accepted, mut refused) = (0, 0);
    for line in NETWORKS.iter().flat_map(|network| network.requests("POST", "/v2/stackerdb/")) {
        let chunk: Chunk = serde_json::from_value(line["request"].clone()).unwrap();
        let ack: ChunkAck = assert_same(&line["response"]);
        let metadata = ack.metadata.clone().unwrap();
        if ack.accepted {
            assert_eq!(ack, ChunkAck::accepted(&chunk));
            assert_eq!(metadata.recover(), chunk.recover());
            accepted += 1;
        } else {
            assert_eq!(ack.code, Some(ChunkRefusal::DataAlreadyExists));
            assert!(metadata.slot_version >= chunk.slot_version);
            refused += 1;
        }
    }
    assert!(accepted > 2000, "{accepted}");
    assert!(refused > 20, "{refused}");
}

#[test]
fn every_vote_is_signed_by_a_signer_over_a_proposed_block() {
    let signers = signer_set();
    let (mut accepted, mut rejected) = (0, 0);
    for network in NETWORKS.iter() {
        let proposed = network.sighashes();
        for (chunk, message) in network.messages() {
            match message {
                SignerMessage::BlockPreCommit(sighash) => assert!(proposed.contains(&sighash)),
                SignerMessage::BlockResponse(response) => {
                    assert!(proposed.contains(response.sighash()));
                    let voter = signers.slot_of(&response.recover().unwrap());
                    assert_eq!(voter, Some(chunk.slot_id));
                    match &response {
                        BlockResponse::Accepted(accept) => {
                            assert!(accept.signature.is_low_s());
                            assert_eq!(accept.data.reason, RejectReason::NotRejected);
                            accepted += 1;
                        }
                        BlockResponse::Rejected(reject) => {
                            assert_eq!(reject.code, reject.data.reason.legacy_code());
                            rejected += 1;
                        }
                    }
                    assert_eq!(response.data().version, 5);
                }
                _ => {}
            }
        }
    }
    assert!(accepted > 350, "{accepted}");
    assert!(rejected >= 10, "{rejected}");
}

#[test]
fn every_mock_is_signed_by_a_miner_and_by_signers() {
    let signers = signer_set();
    let (mut proposals, mut signatures, mut in_blocks) = (0, 0, 0);
    for network in NETWORKS.iter() {
        let miners = miner_keys(network);
        for (chunk, message) in network.messages() {
            match message {
                SignerMessage::MockProposal(proposal) => {
                    assert!(miners.contains(&proposal.recover().unwrap().hash160()));
                    proposals += 1;
                }
                SignerMessage::MockSignature(mock) => {
                    assert!(miners.contains(&mock.proposal.recover().unwrap().hash160()));
                    assert_eq!(signers.slot_of(&mock.recover().unwrap()), Some(chunk.slot_id));
                    signatures += 1;
                }
                SignerMessage::MockBlock(block) => {
                    for mock in block.signatures {
                        assert_eq!(mock.proposal, block.proposal);
                        assert!(signers.slot_of(&mock.recover().unwrap()).is_some());
                        in_blocks += 1;
                    }
                }
                _ => {}
            }
        }
    }
    assert!(proposals > 80, "{proposals}");
    assert!(signatures > 300, "{signatures}");
    assert!(in_blocks > 200, "{in_blocks}");
}

/// The parent of a tenure is a block whose header the node told; of epoch 2 for the first ones. Its
/// hash is not told, so this checks how both kinds of header are hashed.
#[test]
fn every_state_update_names_a_winner_and_the_tip_of_its_parent_tenure() {
    let (mut nakamoto, mut epoch2) = (0, 0);
    for network in NETWORKS.iter() {
        let winners = network.winners();
        let tips = tips(network);
        for (_, message) in network.messages() {
            let SignerMessage::StateMachineUpdate(update) = message else { continue };
            assert_eq!((update.content_version(), update.active_version), (2, 2));
            let MinerState::Active(miner) = update.content.miner else { continue };
            let winner = &winners[&miner.tenure];
            assert_eq!(winner.key_hash, miner.key_hash);
            assert_eq!(winner.parent_tenure, miner.parent_tenure);
            let (height, is_nakamoto) = tips[&(miner.parent_tenure, miner.parent_last_block)];
            assert_eq!(height, miner.parent_last_height);
            if is_nakamoto { nakamoto += 1 } else { epoch2 += 1 }
        }
    }
    assert_eq!((nakamoto, epoch2), (390, 1962));
}

/// Height and epoch of each tenure tip that the node told.
fn tips(network: &Network) -> BTreeMap<(ConsensusHash, StacksBlockId), (StacksHeight, bool)> {
    let told = network.requests("GET", "/v3/tenures/tip_metadata/");
    told.map(|line| {
        let tenure = text(&line["path"]).rsplit('/').next().unwrap().parse().unwrap();
        let response: TenureTipResponse = serde_json::from_value(line["response"].clone()).unwrap();
        let tip = response.tip(&tenure);
        ((tenure, tip.block_id), (tip.height, tip.sighash.is_some()))
    })
    .collect()
}

/// Hashes of the keys that ever won a sortition.
fn miner_keys(network: &Network) -> BTreeSet<Hash160> {
    network.winners().values().map(|winner| winner.key_hash).collect()
}
