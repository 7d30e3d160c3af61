//! The chain in the recordings of a real network: its transactions, blocks and epoch-2 headers
//! decode, encode to the same bytes, are signed, and have the ids that the node reported.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]
#![allow(clippy::disallowed_methods, reason = "a test reads its recordings from files")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use countersign_wire::block::Epoch2Header;
use countersign_wire::transaction::{StacksTransaction, VerifyError};
use countersign_wire::{
    ConsensusHash, Hash160, NakamotoBlock, NakamotoBlockHeader, Sighash, StacksBlockId, Txid, Wire,
};
use serde_json::Value;

const RECORDINGS: [&str; 4] = [
    "miner_gather_signatures",
    "mock_sign_epoch_25",
    "problematic_txs",
    "tenure_extend_after_idle_signers",
];

#[test]
fn every_transaction_has_the_id_that_the_node_reported() {
    let mut txids = BTreeSet::new();
    for line in all_lines().filter(|line| line["path"] == "/new_block") {
        for transaction in line["body"]["transactions"].as_array().unwrap() {
            let raw = hex_field(&transaction["raw_tx"]);
            if raw == [0] {
                continue; // An operation on the burn chain: no transaction of this chain.
            }
            let txid: Txid = field(&transaction["txid"]);
            if !txids.insert(txid) {
                continue;
            }
            let transaction = StacksTransaction::from_bytes(&raw).unwrap();
            assert_eq!(transaction.txid(), txid);
            assert_eq!(transaction.to_bytes(), raw);
            check_signatures(&transaction);
        }
    }
    assert!(txids.len() > 140, "{} transactions", txids.len());
}

/// What the boot account does is part of the protocol: the node reports it as transactions, which
/// nobody signs.
fn check_signatures(transaction: &StacksTransaction) {
    let expected = match transaction.auth.origin().signer {
        Hash160::ZERO => Err(VerifyError::Unrecoverable),
        _ => Ok(()),
    };
    assert_eq!(transaction.verify(), expected, "{}", transaction.txid());
}

#[test]
fn every_block_has_the_hashes_that_the_node_reported() {
    let mut blocks = BTreeMap::new();
    let mut verdicts = BTreeSet::<Sighash>::new();
    let mut ids = BTreeMap::<Sighash, StacksBlockId>::new();
    for line in all_lines() {
        match line["path"].as_str().unwrap_or_default() {
            "/v3/block_proposal" => {
                let block = decode_block(&hex_field(&line["request"]["block"]));
                blocks.insert(block.sighash(), block);
            }
            path if path.starts_with("/v3/blocks/upload") => {
                let block = decode_block(&hex_field(&line["request"]));
                blocks.insert(block.sighash(), block);
            }
            "/proposal_response" => {
                verdicts.insert(field(&line["body"]["signer_signature_hash"]));
            }
            "/new_block" => {
                let body = &line["body"];
                ids.insert(field(&body["block_hash"]), field(&body["index_block_hash"]));
            }
            _ => {}
        }
    }
    assert!(verdicts.len() > 40 && verdicts.iter().all(|sighash| blocks.contains_key(sighash)));
    let known = blocks.iter().filter_map(|(sighash, block)| Some((ids.get(sighash)?, block)));
    let known = known.inspect(|(id, block)| assert_eq!(**id, block.block_id())).count();
    assert!(known > 35, "{known} blocks were both uploaded and announced");
}

fn decode_block(bytes: &[u8]) -> NakamotoBlock {
    let block = NakamotoBlock::from_bytes(bytes).unwrap();
    assert_eq!(block.to_bytes(), bytes);
    assert!(block.header.recover_miner().is_some());
    for transaction in &block.transactions {
        check_signatures(transaction);
    }
    let json = serde_json::to_value(&block.header).unwrap();
    assert_eq!(serde_json::from_value::<NakamotoBlockHeader>(json).unwrap(), block.header);
    block
}

#[test]
fn every_epoch_2_header_has_the_id_that_its_child_names() {
    let mut headers = BTreeMap::<ConsensusHash, Epoch2Header>::new();
    let mut ids = BTreeMap::<ConsensusHash, StacksBlockId>::new();
    for line in all_lines() {
        let path = line["path"].as_str().unwrap_or_default();
        if let Some(tenure) = path.strip_prefix("/v3/tenures/tip_metadata/") {
            let header = &line["response"]["anchored_header"]["Epoch2"];
            if header.is_object() {
                let parsed: Epoch2Header = serde_json::from_value(header.clone()).unwrap();
                assert_eq!(serde_json::to_value(&parsed).unwrap(), *header);
                headers.insert(tenure.parse().unwrap(), parsed);
            }
        }
        if path == "/new_block" && line["body"]["signer_signature_hash"].is_null() {
            let body = &line["body"];
            ids.insert(field(&body["consensus_hash"]), field(&body["index_block_hash"]));
        }
    }
    let mut known = 0;
    for (tenure, header) in &headers {
        if let Some(id) = ids.get(tenure) {
            assert_eq!(header.block_id(tenure), *id);
            known += 1;
        }
    }
    assert!(known > 30, "{known} of {} headers were announced", headers.len());
}

fn all_lines() -> impl Iterator<Item = Value> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../vectors/recordings");
    RECORDINGS.into_iter().flat_map(move |name| {
        let text = std::fs::read_to_string(folder.join(format!("{name}.jsonl"))).unwrap();
        let lines: Vec<Value> =
            text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        lines
    })
}

fn hex_field(value: &Value) -> Vec<u8> {
    let text = value.as_str().unwrap();
    hex::decode(text.strip_prefix("0x").unwrap_or(text)).unwrap()
}

fn field<T: serde::de::DeserializeOwned>(value: &Value) -> T {
    serde_json::from_value(value.clone()).unwrap()
}
