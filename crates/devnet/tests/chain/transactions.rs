//! What a block may contain: signatures, nonces, balances.

use countersign_devnet::chain::{BuildError, Spending, TransactionDomain, TransactionError};
use countersign_wire::clarity::Principal;
use countersign_wire::message::ValidateCode;
use countersign_wire::transaction::{SpendingKind, StacksTransaction, TransactionAuth};
use countersign_wire::{
    ChainId, MessageSignature, NakamotoBlock, Network, PrivateKey, StacksAddress,
};

use crate::stage::{Stage, key};

const DOMAIN: TransactionDomain =
    TransactionDomain { network: Network::Testnet, chain_id: ChainId::TESTNET };

fn transfer(from: &PrivateKey, nonce: u64, amount: u64) -> StacksTransaction {
    let to = StacksAddress::single_sig(Network::Testnet, &key("payee").public_key());
    DOMAIN.transfer(from, Spending { nonce, fee: 180 }, Principal::Standard(to), amount)
}

/// A stage whose next block's last transaction was spoilt, after which the block was sealed again.
fn spoilt(spoil: impl FnOnce(&mut StacksTransaction)) -> (Stage, NakamotoBlock) {
    let mut stage = Stage::new();
    let tenure = stage.tenure(0);
    let mut block = stage.next(0, &tenure);
    spoil(block.transactions.last_mut().unwrap());
    stage.chain.seal(&mut block, &stage.miners[0]);
    (stage, block)
}

#[track_caller]
fn assert_blamed(stage: &Stage, block: &NakamotoBlock) {
    let reject = stage.refuses(block, ValidateCode::BadTransaction);
    assert_eq!(reject.failed_txid, block.txids().last().copied());
}

fn signature(transaction: &mut StacksTransaction) -> &mut MessageSignature {
    match &mut transaction.auth {
        TransactionAuth::Standard(condition) => match &mut condition.kind {
            SpendingKind::SingleSig { signature, .. } => signature,
            SpendingKind::MultiSig { .. } => panic!("the faucet has single-signature accounts"),
        },
        TransactionAuth::Sponsored { .. } => panic!("the faucet pays for itself"),
    }
}

#[test]
fn a_transaction_without_signature_is_blamed() {
    let (stage, block) = spoilt(|transaction| *signature(transaction) = MessageSignature::EMPTY);
    assert_blamed(&stage, &block);
}

#[test]
fn a_transaction_with_high_s_is_blamed() {
    let (stage, block) = spoilt(|transaction| {
        let signature = signature(transaction);
        *signature = with_high_s(signature);
        assert!(!signature.is_low_s());
    });
    assert_blamed(&stage, &block);
}

#[test]
fn a_transaction_with_a_used_nonce_is_blamed() {
    let (stage, block) = spoilt(|transaction| *transaction = transfer(&key("nobody"), 1, 1));
    assert_blamed(&stage, &block);
}

#[test]
fn an_account_without_balance_is_blamed() {
    let (stage, block) = spoilt(|transaction| *transaction = transfer(&key("nobody"), 0, 1));
    assert_blamed(&stage, &block);
}

#[test]
fn a_builder_names_the_transaction_that_does_not_fit() {
    let mut stage = Stage::new();
    let tenure = stage.tenure(0);
    let poor = transfer(&key("nobody"), 0, 1);
    let txid = poor.txid();
    let built = stage.chain.build_next(&stage.miners[0], &tenure, stage.at(), vec![poor]);
    let needed = TransactionError::Balance { needed: 180, balance: 0 };
    assert_eq!(built, Err(BuildError::Transaction { txid, source: needed }));
}

#[test]
fn transfers_move_money_and_nonces() {
    let mut stage = Stage::new();
    let tenure = stage.tenure(0);
    let accounts = stage.faucet.addresses(Network::Testnet);
    stage.now += 1;
    let transfers = stage.transfers(&tenure, 9);
    let block = stage.chain.build_next(&stage.miners[0], &tenure, stage.at(), transfers).unwrap();
    stage.adopt(&block);
    // Nine transfers of 1,000 around a ring of four: the first account acts three times, the others
    // twice, and so the second is paid once more than it pays.
    let rows = [(0, 3, 1_000_000_000 - 1_000 - 3 * 180), (1, 2, 1_000_000_000 + 1_000 - 2 * 180)];
    for (account, nonce, balance) in rows {
        let account = stage.chain.account(&accounts[account]);
        assert_eq!(account.nonce, nonce);
        assert_eq!(account.balance, format!("0x{balance:032x}"));
    }
}

/// The same signature with `n - s` for `s`.
fn with_high_s(signature: &MessageSignature) -> MessageSignature {
    let order = hex::decode("fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141");
    let order = order.unwrap();
    let mut bytes = *signature.as_bytes();
    bytes[0] ^= 1;
    let mut borrow = 0;
    for index in (0..32).rev() {
        let difference = i32::from(order[index]) - i32::from(bytes[33 + index]) - borrow;
        borrow = i32::from(difference < 0);
        bytes[33 + index] = u8::try_from(difference.rem_euclid(256)).unwrap();
    }
    MessageSignature::from_bytes(bytes).unwrap()
}
