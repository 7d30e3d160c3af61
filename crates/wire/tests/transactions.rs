//! Signing transactions and refusing signatures that are not those of the account.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use countersign_wire::clarity::Principal;
use countersign_wire::transaction::{
    AnchorMode, AuthField, AuthFlag, KeyEncoding, PostConditionMode, SignError, SpendingCondition,
    SpendingKind, StacksTransaction, TransactionAuth, TransactionPayload, VerifyError, VrfProof,
    presign,
};
use countersign_wire::{ChainId, Hash160, MessageSignature, PrivateKey, StacksAddress, Wire};

fn key(byte: u8) -> PrivateKey {
    PrivateKey::from_bytes([byte; 32]).unwrap()
}

/// A transfer that `key(1)` has signed.
fn good() -> StacksTransaction {
    let mut transaction = StacksTransaction {
        is_mainnet: false,
        chain_id: ChainId::TESTNET,
        auth: TransactionAuth::Standard(SpendingCondition::p2pkh(&key(1).public_key(), 4, 250)),
        anchor_mode: AnchorMode::Any,
        post_condition_mode: PostConditionMode::Deny,
        post_conditions: Vec::new(),
        payload: TransactionPayload::TokenTransfer {
            recipient: Principal::Standard(StacksAddress::new(26, Hash160::new([7; 20])).unwrap()),
            amount: 1,
            memo: [0; 34],
        },
    };
    transaction.sign_origin(&key(1)).unwrap();
    transaction
}

fn origin(transaction: &mut StacksTransaction) -> &mut SpendingCondition {
    let TransactionAuth::Standard(origin) = &mut transaction.auth else {
        panic!("the transaction is not sponsored")
    };
    origin
}

fn signature(transaction: &mut StacksTransaction) -> &mut MessageSignature {
    let SpendingKind::SingleSig { signature, .. } = &mut origin(transaction).kind else {
        panic!("the account has one key")
    };
    signature
}

#[test]
fn a_signed_transaction_verifies() {
    assert_eq!(good().verify(), Ok(()));
}

#[test]
fn signing_does_not_change_what_is_signed() {
    let mut again = good();
    let before = again.initial_sighash();
    again.sign_origin(&key(1)).unwrap();
    assert_eq!(again.initial_sighash(), before);
    assert_eq!(again, good());
}

#[test]
fn a_changed_payload_breaks_the_signature() {
    let mut spoilt = good();
    spoilt.chain_id = ChainId::MAINNET;
    assert!(matches!(spoilt.verify(), Err(VerifyError::WrongAccount { .. })));
}

#[test]
fn a_changed_nonce_or_fee_breaks_the_signature() {
    let mut spoilt = good();
    origin(&mut spoilt).nonce += 1;
    assert!(matches!(spoilt.verify(), Err(VerifyError::WrongAccount { .. })));
    let mut spoilt = good();
    origin(&mut spoilt).fee += 1;
    assert!(matches!(spoilt.verify(), Err(VerifyError::WrongAccount { .. })));
}

#[test]
fn an_absent_signature_recovers_no_key() {
    let mut spoilt = good();
    *signature(&mut spoilt) = MessageSignature::EMPTY;
    assert_eq!(spoilt.verify(), Err(VerifyError::Unrecoverable));
}

#[test]
fn a_high_s_is_refused_although_it_recovers_the_key() {
    let mut spoilt = good();
    let high = with_high_s(signature(&mut spoilt));
    *signature(&mut spoilt) = high;
    let TransactionAuth::Standard(account) = &spoilt.auth else { panic!("not sponsored") };
    let digest = presign(&spoilt.initial_sighash(), AuthFlag::Origin, account.fee, account.nonce);
    assert_eq!(high.recover(&digest), Some(key(1).public_key()));
    assert!(!high.is_low_s());
    assert_eq!(spoilt.verify(), Err(VerifyError::HighS));
}

/// The other signature of the same key: s from the order of the curve, and the other parity.
fn with_high_s(signature: &MessageSignature) -> MessageSignature {
    let order =
        hex::decode("fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141").unwrap();
    let mut bytes = *signature.as_bytes();
    bytes[0] ^= 1;
    let mut borrow = 0;
    for at in (0..32).rev() {
        let difference = i16::from(order[at]) - i16::from(bytes[33 + at]) - borrow;
        borrow = i16::from(difference < 0);
        bytes[33 + at] = u8::try_from(difference.rem_euclid(256)).unwrap();
    }
    MessageSignature::from_bytes(bytes).unwrap()
}

#[test]
fn another_key_cannot_sign() {
    assert_eq!(good().sign_origin(&key(2)), Err(SignError::WrongKey));
}

#[test]
fn one_key_cannot_sign_for_a_multi_signature_account() {
    let mut transaction = good();
    origin(&mut transaction).kind = multi_sig(1);
    assert_eq!(transaction.sign_origin(&key(1)), Err(SignError::MultiSig));
}

#[test]
fn too_few_signatures_are_refused_even_if_the_transaction_was_never_encoded() {
    let mut transaction = good();
    origin(&mut transaction).kind = multi_sig(1);
    assert_eq!(transaction.verify(), Err(VerifyError::SignatureCount { found: 0, required: 1 }));
    assert!(StacksTransaction::from_bytes(&transaction.to_bytes()).is_err());
}

fn multi_sig(signatures_required: u16) -> SpendingKind {
    SpendingKind::MultiSig {
        is_segwit: false,
        is_order_independent: true,
        fields: vec![AuthField::PublicKey(KeyEncoding::Compressed, key(1).public_key())],
        signatures_required,
    }
}

#[test]
fn well_formed_proofs_differ_by_seed_and_decode() {
    let proof = VrfProof::well_formed(&[1; 32]);
    assert_eq!(VrfProof::from_bytes(*proof.as_bytes()), Some(proof));
    assert_eq!(VrfProof::well_formed(&[1; 32]), proof);
    assert_ne!(VrfProof::well_formed(&[2; 32]), proof);
}
