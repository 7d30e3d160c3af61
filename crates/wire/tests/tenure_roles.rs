//! What a block does to its tenure, and how little it takes to be nothing.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

#[path = "support/header.rs"]
mod header;

use countersign_wire::block::{BitVec, TenureRole};
use countersign_wire::transaction::{
    AnchorMode, PostConditionMode, SpendingCondition, StacksTransaction, TenureChange,
    TenureChangeCause, TransactionAuth, TransactionPayload, VrfProof,
};
use countersign_wire::{
    ChainId, ConsensusHash, Hash160, NakamotoBlock, NakamotoBlockHeader, PrivateKey, StacksBlockId,
};

use header::header;

const TENURE: ConsensusHash = ConsensusHash::new([1; 20]);
const PARENT: StacksBlockId = StacksBlockId::new([2; 32]);

fn block(payloads: Vec<TransactionPayload>) -> NakamotoBlock {
    let header = NakamotoBlockHeader {
        version: 1,
        consensus_hash: TENURE,
        parent_block_id: PARENT,
        ..header(0, 10)
    };
    NakamotoBlock { header, transactions: payloads.into_iter().map(transaction).collect() }
}

fn transaction(payload: TransactionPayload) -> StacksTransaction {
    let key = PrivateKey::from_bytes([3; 32]).unwrap().public_key();
    StacksTransaction {
        is_mainnet: false,
        chain_id: ChainId::TESTNET,
        auth: TransactionAuth::Standard(SpendingCondition::p2pkh(&key, 0, 0)),
        anchor_mode: AnchorMode::OnChainOnly,
        post_condition_mode: PostConditionMode::Deny,
        post_conditions: Vec::new(),
        payload,
    }
}

fn change(cause: TenureChangeCause) -> TenureChange {
    let previous_tenure = if cause.is_extend() { TENURE } else { ConsensusHash::new([4; 20]) };
    TenureChange {
        tenure: TENURE,
        previous_tenure,
        burn_view: TENURE,
        previous_tenure_end: PARENT,
        previous_tenure_blocks: 5,
        cause,
        key_hash: Hash160::ZERO,
    }
}

fn start() -> TransactionPayload {
    TransactionPayload::TenureChange(change(TenureChangeCause::BlockFound))
}

fn extend() -> TransactionPayload {
    TransactionPayload::TenureChange(change(TenureChangeCause::Extended))
}

fn coinbase() -> TransactionPayload {
    let vrf_proof = VrfProof::well_formed(&[0; 32]);
    TransactionPayload::NakamotoCoinbase { memo: [0; 32], recipient: None, vrf_proof }
}

fn transfer() -> TransactionPayload {
    TransactionPayload::SmartContract {
        clarity_version: None,
        name: "hello".parse().unwrap(),
        code: String::new(),
    }
}

#[test]
fn a_change_and_a_coinbase_start_a_tenure() {
    let block = block(vec![start(), coinbase(), transfer()]);
    assert_eq!(block.tenure_role(), TenureRole::Start);
    assert_eq!(block.tenure_start(), Some(&change(TenureChangeCause::BlockFound)));
    assert_eq!(block.tenure_extend(), None);
}

#[test]
fn a_change_inside_the_tenure_extends_it() {
    for cause in (1..7).filter_map(TenureChangeCause::from_u8) {
        let block = block(vec![TransactionPayload::TenureChange(change(cause)), transfer()]);
        assert_eq!(block.tenure_role(), TenureRole::Extend(cause));
        assert_eq!(block.tenure_extend(), Some(&change(cause)));
        assert_eq!(block.tenure_start(), None);
    }
}

#[test]
fn malformed_starts_and_extends_are_neither() {
    let off_parent = |cause| {
        let previous_tenure_end = StacksBlockId::ZERO;
        TransactionPayload::TenureChange(TenureChange { previous_tenure_end, ..change(cause) })
    };
    let extend_with = |spoil: fn(&mut TenureChange)| {
        let mut spoilt = change(TenureChangeCause::Extended);
        spoil(&mut spoilt);
        TransactionPayload::TenureChange(spoilt)
    };
    let rows = [
        ("no transactions", vec![]),
        ("only a transfer", vec![transfer()]),
        ("start without a coinbase", vec![start(), transfer()]),
        ("start alone", vec![start()]),
        ("coinbase first", vec![coinbase(), start()]),
        ("transfer first", vec![transfer(), start(), coinbase()]),
        ("two coinbases", vec![start(), coinbase(), coinbase()]),
        ("two starts", vec![start(), coinbase(), start()]),
        ("an old coinbase", vec![start(), TransactionPayload::Coinbase([0; 32])]),
        ("start off the parent", vec![off_parent(TenureChangeCause::BlockFound), coinbase()]),
        ("extend off the parent", vec![off_parent(TenureChangeCause::Extended)]),
        ("extend with a coinbase", vec![extend(), coinbase()]),
        ("two extends", vec![extend(), extend()]),
        ("extend second", vec![transfer(), extend()]),
        (
            "extend of another tenure",
            vec![extend_with(|change| change.tenure = ConsensusHash::ZERO)],
        ),
        (
            "extend after another tenure",
            vec![extend_with(|change| change.previous_tenure = ConsensusHash::ZERO)],
        ),
    ];
    for (why, payloads) in rows {
        assert_eq!(block(payloads).tenure_role(), TenureRole::Ordinary, "{why}");
    }
}

#[test]
fn bit_vectors_have_between_one_and_4000_bits() {
    assert_eq!(BitVec::new(0), None);
    assert_eq!(BitVec::all_set(4001), None);
    let mut bits = BitVec::all_set(9).unwrap();
    assert!(bits.is_all_set());
    assert_eq!((bits.get(8), bits.get(9)), (Some(true), None));
    assert!(bits.set(8, false) && !bits.set(9, false));
    assert!(!bits.is_all_set());
    assert_eq!(bits.to_string(), "000900000002ff00");
}
