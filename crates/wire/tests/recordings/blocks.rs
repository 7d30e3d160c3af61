//! Blocks: proposed, judged, signed, pushed, processed.

use std::collections::{BTreeMap, BTreeSet};

use countersign_wire::event::ProposalResponse;
use countersign_wire::rpc::{BlockUploadResponse, BlockValidationRequest};
use countersign_wire::transaction::StacksTransaction;
use countersign_wire::{ChainId, NakamotoBlock, Weight, Wire};
use serde_json::Value;

use crate::network::{NETWORKS, Network, assert_same, signer_set, text};

#[test]
fn every_block_encodes_to_the_bytes_that_were_sent() {
    let mut versions = BTreeSet::new();
    let (mut validated, mut uploaded) = (0, 0);
    for network in NETWORKS.iter() {
        for line in network.requests("POST", "/v3/block_proposal") {
            let request: BlockValidationRequest = assert_same(&line["request"]);
            let block = NakamotoBlock::from_bytes(&request.block).unwrap();
            assert_eq!(block.to_bytes(), request.block);
            assert_eq!(request.chain_id, ChainId::TESTNET);
            versions.insert(block.header.header_version());
            validated += 1;
        }
        for line in network.requests("POST", "/v3/blocks/upload/") {
            let bytes = hex::decode(text(&line["request"])).unwrap();
            let block = NakamotoBlock::from_bytes(&bytes).unwrap();
            assert_eq!(block.to_bytes(), bytes);
            // The programs were stopped while the last uploads of one recording were on their way.
            if line["status"] == "200" {
                let response: BlockUploadResponse = assert_same(&line["response"]);
                assert_eq!(response.stacks_block_id, block.block_id());
                uploaded += 1;
            }
        }
    }
    assert_eq!(versions, BTreeSet::from([0, 1]));
    assert!(validated > 400, "{validated}");
    assert!(uploaded > 400, "{uploaded}");
}

#[test]
fn every_block_is_signed_by_the_winner_of_its_tenure() {
    let mut blocks = 0;
    for network in NETWORKS.iter() {
        let winners = network.winners();
        for block in network.blocks() {
            let winner = &winners[&block.header.consensus_hash];
            let miner = block.header.recover_miner().unwrap();
            assert_eq!(miner.hash160(), winner.key_hash, "{}", network.name);
            assert!(block.header.pox_treatment.is_all_set());
            blocks += 1;
        }
    }
    assert!(blocks > 1000, "{blocks}");
}

#[test]
fn every_signed_block_has_seven_tenths_in_the_order_of_the_slots() {
    let signers = signer_set();
    let mut blocks = 0;
    for block in NETWORKS.iter().flat_map(Network::blocks) {
        if block.header.signer_signature.is_empty() {
            continue;
        }
        let sighash = block.sighash();
        let slots: Vec<_> = block
            .header
            .signer_signature
            .iter()
            .map(|signature| signature.recover(sighash.as_bytes()).unwrap())
            .map(|key| signers.slot_of(&key).unwrap())
            .collect();
        assert!(slots.is_sorted_by(|one, next| one < next), "{slots:?}");
        let weight: Weight = slots.iter().map(|slot| signers.weight_of(*slot)).sum();
        assert!(weight.approves(signers.total()), "{slots:?}");
        blocks += 1;
    }
    assert!(blocks > 400, "{blocks}");
}

#[test]
fn every_verdict_is_about_a_block_with_the_hash_that_the_node_computed() {
    let mut verdicts = 0;
    for network in NETWORKS.iter() {
        let proposed = network.sighashes();
        for body in network.events("/proposal_response") {
            let verdict: ProposalResponse = assert_same(body);
            assert!(proposed.contains(verdict.sighash()), "{}", network.name);
            verdicts += 1;
        }
    }
    assert!(verdicts > 100, "{verdicts}");
}

#[test]
fn every_processed_block_has_the_hashes_that_the_node_computed() {
    let mut processed = 0;
    for network in NETWORKS.iter() {
        let blocks: BTreeMap<_, _> = network
            .blocks()
            .into_iter()
            .map(|block| (block.sighash().to_string(), block))
            .collect();
        for body in network.events("/new_block") {
            let Some(sighash) = body["signer_signature_hash"].as_str() else { continue };
            assert_eq!(body["block_hash"], sighash, "what is signed is the block hash");
            let block = &blocks[bare(sighash)];
            assert_eq!(bare(text(&body["index_block_hash"])), block.block_id().to_string());
            assert_eq!(body["block_height"], block.header.chain_length.get());
            assert_eq!(
                bare(text(&body["miner_signature"])),
                block.header.miner_signature.to_string()
            );
            assert_txids(body, block);
            processed += 1;
        }
    }
    assert!(processed > 20, "{processed}");
}

#[test]
fn every_transaction_that_was_sent_has_the_id_that_the_node_computed() {
    let mut transactions = 0;
    for line in NETWORKS.iter().flat_map(|network| network.requests("POST", "/v2/transactions")) {
        let bytes = hex::decode(text(&line["request"])).unwrap();
        let transaction = StacksTransaction::from_bytes(&bytes).unwrap();
        assert_eq!(transaction.to_bytes(), bytes);
        assert_eq!(line["response"], transaction.txid().to_string());
        assert!(transaction.verify().is_ok());
        transactions += 1;
    }
    assert!(transactions > 20, "{transactions}");
}

fn assert_txids(body: &Value, block: &NakamotoBlock) {
    let told = body["transactions"].as_array().unwrap().iter();
    let told: Vec<_> = told.map(|transaction| bare(text(&transaction["txid"]))).collect();
    let ours: Vec<_> = block.txids().iter().map(ToString::to_string).collect();
    for txid in &ours {
        assert!(told.contains(&txid.as_str()), "{txid}");
    }
}

fn bare(hash: &str) -> &str {
    hash.strip_prefix("0x").unwrap_or(hash)
}
