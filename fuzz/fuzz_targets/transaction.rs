//! Transactions: decoding, and the check of their signatures.

#![no_main]

use countersign_fuzz::{canonical, tolerant};
use countersign_wire::Wire;
use countersign_wire::transaction::{
    PostCondition, StacksTransaction, TransactionAuth, TransactionPayload,
};

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    tolerant::<StacksTransaction>(data);
    tolerant::<PostCondition>(data);
    tolerant::<TransactionPayload>(data);
    canonical::<TransactionAuth>(data);
    if let Ok(transaction) = StacksTransaction::from_bytes(data) {
        let _ = transaction.verify();
    }
});
