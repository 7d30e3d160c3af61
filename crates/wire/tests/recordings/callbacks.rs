//! What the node posted to a signer.

use std::collections::BTreeMap;

use countersign_wire::event::{Callback, CallbackError, NewBlock, NewBurnBlock, StackerDbChunks};
use serde_json::Value;

use crate::network::{NETWORKS, assert_same, text};

#[test]
fn every_callback_is_read() {
    let mut counts: BTreeMap<&str, u32> = BTreeMap::new();
    for line in NETWORKS.iter().flat_map(|network| &network.lines) {
        if line["kind"] != "event" {
            continue;
        }
        let path = text(&line["path"]);
        let body = line["body"].to_string();
        let kind = match Callback::parse(path, body.as_bytes()) {
            Ok(Callback::StackerDbChunks(_)) => "chunks",
            Ok(Callback::ProposalResponse(_)) => "verdict",
            Ok(Callback::NewBurnBlock(_)) => "burn block",
            Ok(Callback::NewBlock(_)) => "block",
            // The test that made the recording ends a reference signer in this way.
            Err(CallbackError::UnknownPath) if path == "/shutdown" => "shutdown",
            Err(error) => panic!("{path}: {error:?}"),
        };
        *counts.entry(kind).or_default() += 1;
    }
    for (kind, at_least) in
        [("chunks", 1500), ("verdict", 120), ("burn block", 130), ("block", 120)]
    {
        assert!(counts[kind] >= at_least, "{kind}: {counts:?}");
    }
}

#[test]
fn chunks_are_written_as_the_node_writes_them() {
    for body in NETWORKS.iter().flat_map(|network| network.events("/stackerdb_chunks")) {
        let event: StackerDbChunks = assert_same(body);
        let contract = event.contract_id;
        assert_ne!(contract.is_miners(), contract.signers_contract().is_some(), "{contract:?}");
    }
}

#[test]
fn burn_blocks_are_written_with_the_keys_that_the_node_writes() {
    let keys = |json: &Value| json.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    for body in NETWORKS.iter().flat_map(|network| network.events("/new_burn_block")) {
        let event: NewBurnBlock = serde_json::from_value(body.clone()).unwrap();
        let mut written = serde_json::to_value(&event).unwrap();
        assert_eq!(keys(&written), keys(body));
        for unused in
            ["burn_amount", "pox_transactions", "reward_recipients", "reward_slot_holders"]
        {
            written[unused] = body[unused].clone();
        }
        assert_eq!(written, *body);
    }
}

#[test]
fn a_new_block_keeps_every_transaction_that_is_one() {
    let (mut nakamoto, mut epoch2, mut transactions) = (0, 0, 0);
    for body in NETWORKS.iter().flat_map(|network| network.events("/new_block")) {
        let block: NewBlock = serde_json::from_value(body.clone()).unwrap();
        let told = body["transactions"].as_array().unwrap().iter();
        let told: Vec<_> = told
            .filter(|transaction| transaction["raw_tx"] != "0x00")
            .map(|transaction| text(&transaction["txid"]).to_owned())
            .collect();
        let read: Vec<_> = block.txids.iter().map(|txid| format!("0x{txid}")).collect();
        assert_eq!(read, told);
        transactions += read.len();
        match block.sighash {
            Some(_) => nakamoto += 1,
            None => epoch2 += 1,
        }
    }
    assert!(nakamoto > 20 && epoch2 > 50, "{nakamoto} {epoch2}");
    assert!(transactions > 150, "{transactions}");
}
