#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use countersign_node::{CallbackQueue, QueueLimits};
use countersign_signer::Timestamp;
use countersign_vault::Vault;
use countersign_wire::{BurnHeight, PrivateKey};

use super::*;
use crate::test_block::header;

/// What the vault answers to the order to sign a block at `height`.
async fn answer(height: u64) -> Event {
    let (metrics, _) = Metrics::new(CallbackQueue::new(QueueLimits::default()));
    let vault = Vault::in_memory(PrivateKey::from_bytes([9; 32]).unwrap()).unwrap();
    let (inbox, mut events) = mpsc::channel(1);
    let (publisher, _arrivals) = Publisher::new();
    let (vault, _end) = VaultHandle::start(vault, inbox, publisher, Arc::new(metrics)).unwrap();
    let header = header(1, height);
    vault.accept(AcceptanceOrder {
        sighash: header.sighash(),
        header: Box::new(header),
        burn_height: BurnHeight::new(100),
        overriding: Vec::new(),
        at: Timestamp::from_secs(1),
    });
    drop(vault);
    events.recv().await.unwrap()
}

#[tokio::test]
async fn every_order_to_sign_is_answered() {
    assert!(matches!(answer(7).await, Event::Signed { .. }));
    // No journal can hold this height.
    assert!(matches!(answer(u64::MAX).await, Event::SigningRefused { .. }));
}
