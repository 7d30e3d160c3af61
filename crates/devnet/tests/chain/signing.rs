//! Which signed blocks become part of the chain.

use countersign_devnet::chain::{SignatureError, SubmitError};
use countersign_wire::{MessageSignature, NakamotoBlock, StacksHeight, Weight};

use crate::stage::{Stage, key, sign_header};

/// A stage with a running tenure of miner 0 and its next block, unsigned. The signers' weights are
/// 30, 25, 20, 15 and 10.
fn good() -> (Stage, NakamotoBlock) {
    let mut stage = Stage::new();
    let tenure = stage.tenure(0);
    let block = stage.next(0, &tenure);
    (stage, block)
}

#[test]
fn exactly_seven_tenths_of_the_weight_suffice() {
    let (mut stage, block) = good();
    let short = stage.signed_by(&block, &[0, 2, 3]);
    let missing = SignatureError::Weight { signed: Weight::new(65), total: Weight::new(100) };
    assert_eq!(stage.chain.submit(&short), Err(SubmitError::Signatures(missing)));
    let enough = stage.signed_by(&block, &[1, 0, 3]);
    let outcome = stage.chain.submit(&enough).unwrap();
    assert!(outcome.accepted);
    assert_eq!(stage.chain.stacks_tip(), &enough);
}

#[test]
fn a_processed_block_comes_with_its_facts_and_only_once() {
    let (mut stage, block) = good();
    let parent = stage.chain.stacks_tip().sighash();
    let outcome = stage.adopt(&block);
    let [facts] = &outcome.processed[..] else { panic!("one block was processed") };
    assert_eq!((facts.block_id, facts.sighash), (block.block_id(), block.sighash()));
    assert_eq!(facts.parent_sighash, parent);
    assert_eq!(facts.tenure.consensus_hash, block.header.consensus_hash);
    assert_eq!(facts.burn_view, facts.tenure);
    // Three tenures of the history and one since.
    assert_eq!(facts.tenure_height, 4);
    let txids: Vec<_> = facts.transactions.iter().map(|transaction| transaction.txid).collect();
    assert_eq!(txids, block.txids());
    let again = stage.adopt(&block);
    assert!(!again.accepted && again.processed.is_empty());
}

#[test]
fn signatures_stand_in_the_strict_order_of_the_reward_set() {
    let (mut stage, block) = good();
    let mut swapped = stage.signed(&block);
    swapped.header.signer_signature.swap(1, 2);
    assert!(matches!(order_error(&mut stage, &swapped), SignatureError::Order(_)));
    let mut doubled = stage.signed(&block);
    let first = doubled.header.signer_signature[0];
    doubled.header.signer_signature.insert(0, first);
    assert!(matches!(order_error(&mut stage, &doubled), SignatureError::Order(_)));
}

#[test]
fn a_strangers_signature_spoils_a_block() {
    let (mut stage, block) = good();
    let stranger = key("stranger");
    let mut signed = stage.signed(&block);
    signed.header.signer_signature.push(stranger.sign(block.sighash().as_bytes()));
    let error = SignatureError::Stranger(stranger.public_key());
    assert_eq!(order_error(&mut stage, &signed), error);
}

#[test]
fn a_signature_without_key_spoils_a_block() {
    let (mut stage, block) = good();
    let mut signed = stage.signed(&block);
    signed.header.signer_signature.insert(0, MessageSignature::EMPTY);
    assert_eq!(order_error(&mut stage, &signed), SignatureError::Unrecoverable { index: 0 });
}

fn order_error(stage: &mut Stage, block: &NakamotoBlock) -> SignatureError {
    match stage.chain.submit(block) {
        Err(SubmitError::Signatures(error)) => error,
        other => panic!("the signatures should have been refused: {other:?}"),
    }
}

#[test]
fn signatures_do_not_make_an_invalid_block_valid() {
    let (mut stage, mut block) = good();
    block.header.chain_length = StacksHeight::new(99);
    sign_header(&mut block, &stage.miners[0]);
    let signed = stage.signed(&block);
    assert!(matches!(stage.chain.submit(&signed), Err(SubmitError::Invalid { .. })));
    assert!(stage.chain.block(&signed.block_id()).is_none());
}

#[test]
fn a_block_of_an_unknown_tenure_is_refused() {
    let (mut stage, mut block) = good();
    let signed = stage.signed(&block);
    block.header.consensus_hash = countersign_wire::ConsensusHash::new([9; 20]);
    sign_header(&mut block, &stage.miners[0]);
    block.header.signer_signature = signed.header.signer_signature;
    assert_eq!(stage.chain.submit(&block), Err(SubmitError::NonCanonicalTenure));
}

#[test]
fn a_block_waits_for_its_parent_and_is_the_tenures_tip_meanwhile() {
    let (stage, first) = good();
    let mut ahead = Stage { chain: stage.chain.clone(), ..Stage::new() };
    ahead.now = stage.now;
    ahead.adopt(&first);
    let tenure = first.header.consensus_hash;
    let second = ahead.next(0, &tenure);
    let mut behind = stage;
    let outcome = behind.adopt(&second);
    assert!(outcome.accepted && outcome.processed.is_empty());
    assert_eq!(behind.chain.tenure_tip(&tenure).unwrap().sighash(), second.sighash());
    assert_ne!(behind.chain.stacks_tip().sighash(), second.sighash());
    let outcome = behind.adopt(&first);
    let processed: Vec<_> = outcome.processed.iter().map(|facts| facts.sighash).collect();
    assert_eq!(processed, [first.sighash(), second.sighash()]);
    assert_eq!(behind.chain.stacks_tip().sighash(), second.sighash());
}

#[test]
fn of_two_signed_siblings_the_first_stays_the_tip_until_one_grows() {
    let (mut stage, first) = good();
    let tenure = first.header.consensus_hash;
    let second = stage.next(0, &tenure);
    stage.adopt(&first);
    stage.adopt(&second);
    assert_eq!(stage.chain.stacks_tip().sighash(), first.sighash());
    assert_eq!(stage.chain.tenure_tip(&tenure).unwrap().sighash(), first.sighash());
    let child = stage.next(0, &tenure);
    assert_eq!(child.header.parent_block_id, first.block_id());
    stage.adopt(&child);
    assert_eq!(stage.chain.stacks_tip().sighash(), child.sighash());
}
