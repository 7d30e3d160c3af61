//! Callbacks that a node would not send, and forms that a later node may send.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use countersign_wire::event::{Callback, ProposalResponse};
use countersign_wire::message::ValidateCode;
use serde_json::{Value, json};

fn burn_block() -> Value {
    json!({
        "burn_block_hash": format!("0x{}", "0a".repeat(32)),
        "burn_block_height": 215,
        "consensus_hash": format!("0x{}", "28".repeat(20)),
        "parent_burn_block_hash": format!("0x{}", "50".repeat(32)),
    })
}

fn chunks() -> Value {
    json!({
        "contract_id": {"issuer": [26, vec![0; 20]], "name": "signers-1-2"},
        "modified_slots": [
            {"slot_id": 2, "slot_version": 1, "sig": "00".repeat(65), "data": "07"},
        ],
    })
}

fn rejection() -> Value {
    json!({
        "result": "Reject",
        "signer_signature_hash": "ab".repeat(32),
        "reason": "for people",
        "reason_code": "BadTransaction",
        "failed_txid": "cd".repeat(32),
    })
}

fn label(path: &str, body: &[u8]) -> &'static str {
    Callback::parse(path, body).map_or_else(|error| error.label(), |_| "read")
}

#[test]
fn only_the_keys_that_are_used_are_required() {
    let good = burn_block();
    assert_eq!(label("/new_burn_block", good.to_string().as_bytes()), "read");
    for key in good.as_object().unwrap().keys() {
        let mut spoilt = good.clone();
        spoilt.as_object_mut().unwrap().remove(key);
        let kind = label("/new_burn_block", spoilt.to_string().as_bytes());
        assert_eq!(kind, "wrong_shape", "{key}");
    }
}

#[test]
fn bare_hashes_are_read_too() {
    let bare = burn_block().to_string().replace("0x", "");
    let read = Callback::parse("/new_burn_block", bare.as_bytes()).unwrap();
    let prefixed = burn_block().to_string();
    assert_eq!(read, Callback::parse("/new_burn_block", prefixed.as_bytes()).unwrap());
}

#[test]
fn what_is_wrong_with_a_body_is_told_by_kind() {
    let good = chunks().to_string();
    let rows: [(&str, &str, Vec<u8>); 9] = [
        ("the good one", "read", good.clone().into()),
        ("cut off", "not_json", good[..good.len() - 1].into()),
        ("nothing", "not_json", Vec::new()),
        ("not text", "not_utf8", [good.as_bytes(), &[0xff]].concat()),
        ("zeros", "not_json", vec![0; 1000]),
        ("nested without end", "not_json", format!("{{\"x\":{}", "[".repeat(100_000)).into()),
        ("another shape", "wrong_shape", burn_block().to_string().into()),
        ("an odd digit", "wrong_shape", good.replace("\"07\"", "\"7\"").into()),
        ("an address version of 32", "wrong_shape", good.replace("[26,", "[32,").into()),
    ];
    for (why, kind, body) in rows {
        assert_eq!(label("/stackerdb_chunks", &body), kind, "{why}");
    }
    assert_eq!(label("/stackerdb_chunks?", good.as_bytes()), "unknown_path");
    assert_eq!(label("/shutdown", good.as_bytes()), "unknown_path");
}

#[test]
fn lanes_are_told_by_issuer_and_name() {
    let rows = [
        ("signers-1-2", 0, true),
        ("signers-1-0", 0, false),
        ("signers-2-1", 0, false),
        ("signers-1-2-3", 0, false),
        ("signers", 0, false),
        ("miners", 0, false),
        ("signers-1-2", 7, false),
    ];
    for (name, byte, is_lane) in rows {
        let mut body = chunks();
        body["contract_id"] = json!({"issuer": [26, vec![byte; 20]], "name": name});
        let parsed = Callback::parse("/stackerdb_chunks", body.to_string().as_bytes());
        let Ok(Callback::StackerDbChunks(event)) = parsed else { panic!("{parsed:?}") };
        assert_eq!(event.contract_id.signers_contract().is_some(), is_lane, "{name} {byte}");
        assert_eq!(event.contract_id.is_miners(), name == "miners");
    }
}

#[test]
fn a_rejection_is_read_and_written_as_the_node_writes_it() {
    let response: ProposalResponse = serde_json::from_value(rejection()).unwrap();
    assert_eq!(serde_json::to_value(&response).unwrap(), rejection());
    let ProposalResponse::Reject(reject) = response else { panic!("{response:?}") };
    assert_eq!(reject.code, ValidateCode::BadTransaction);
    assert!(reject.failed_txid.is_some());
}

#[test]
fn a_rejection_for_a_reason_of_a_later_node_is_still_a_rejection() {
    let mut body = rejection();
    body["reason_code"] = "WrongPhaseOfTheMoon".into();
    body.as_object_mut().unwrap().remove("failed_txid");
    let response: ProposalResponse = serde_json::from_value(body).unwrap();
    let ProposalResponse::Reject(reject) = response else { panic!("{response:?}") };
    assert_eq!(reject.code, ValidateCode::Unknown(255));
    assert_eq!(reject.failed_txid, None);
}

#[test]
fn a_block_keeps_the_event_when_a_transaction_does_not_decode() {
    let body = json!({
        "index_block_hash": format!("0x{}", "11".repeat(32)),
        "consensus_hash": format!("0x{}", "22".repeat(20)),
        "block_height": 7,
        "transactions": [{"raw_tx": "0x00"}, {"raw_tx": "0xzz"}, {"raw_tx": "0x80"}, {}],
    });
    let parsed = Callback::parse("/new_block", body.to_string().as_bytes());
    let Ok(Callback::NewBlock(block)) = parsed else { panic!("{parsed:?}") };
    assert_eq!(block.sighash, None);
    assert_eq!(block.txids, []);
}

#[test]
fn a_block_says_who_signed_it_as_far_as_that_decodes() {
    let signature = format!("00{}{}", "11".repeat(32), "22".repeat(32));
    let block = |signatures: serde_json::Value, time: serde_json::Value| {
        let body = json!({
            "index_block_hash": format!("0x{}", "11".repeat(32)),
            "consensus_hash": format!("0x{}", "22".repeat(20)),
            "block_height": 7,
            "signer_signature": signatures,
            "block_time": time,
        });
        match Callback::parse("/new_block", body.to_string().as_bytes()) {
            Ok(Callback::NewBlock(block)) => block,
            other => panic!("{other:?}"),
        }
    };
    let known = block(json!([signature, format!("0x{signature}"), "zz", 7, "09"]), json!(5));
    assert_eq!(known.signatures.len(), 2);
    assert!(known.signatures.iter().all(|each| each.to_string() == signature));
    assert_eq!(known.time.map(countersign_wire::UnixSeconds::get), Some(5));
    let odd = block(serde_json::Value::Null, json!("noon"));
    assert_eq!((odd.signatures.len(), odd.time), (0, None), "the event itself must not be lost");
    for other in
        [json!(null), json!(-1), json!(1.5), json!(true), json!([[7], {}]), json!({"a": []})]
    {
        let odd = block(json!([other, signature]), other.clone());
        assert_eq!((odd.signatures.len(), odd.time), (1, None), "{other}");
    }
    let many = vec![signature; 5000];
    assert_eq!(block(json!(many), json!(5)).signatures.len(), 4000);
}
