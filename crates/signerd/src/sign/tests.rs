#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use countersign_node::{CallbackQueue, QueueLimits};
use countersign_ops::watchdog::Pulses;
use countersign_signer::Timestamp;
use countersign_vault::Vault;
use countersign_wire::{BurnHeight, PrivateKey};

use super::*;
use crate::test_block::header;

fn key() -> PrivateKey {
    PrivateKey::from_bytes([9; 32]).unwrap()
}

fn order(height: u64) -> AcceptanceOrder {
    let header = header(1, height);
    AcceptanceOrder {
        key: key().public_key(),
        sighash: header.sighash(),
        header: Box::new(header),
        burn_height: BurnHeight::new(100),
        overriding: Vec::new(),
        at: Timestamp::from_secs(1),
    }
}

/// What the vault answers to the order to sign a block at `height`.
async fn answer(height: u64) -> Event {
    let (metrics, _) = Metrics::new(CallbackQueue::new(QueueLimits::default()));
    let vault = Vault::in_memory(key()).unwrap();
    let (inbox, mut events) = mpsc::channel(1);
    let (publisher, _arrivals) = Publisher::new();
    let (vault, _end) = VaultHandle::start(vault, inbox, publisher, Arc::new(metrics)).unwrap();
    vault.accept(order(height));
    drop(vault);
    events.recv().await.unwrap()
}

#[tokio::test]
async fn every_order_to_sign_is_answered() {
    assert!(matches!(answer(7).await, Event::Signed { .. }));
    // No journal can hold this height.
    assert!(matches!(answer(u64::MAX).await, Event::SigningRefused { .. }));
}

/// The thread stands still because nobody takes its answers. To the watchdog it is the same as a disk
/// that does not come back from a sync.
#[tokio::test]
async fn a_vault_that_stands_still_has_no_pulse() {
    let (metrics, _) = Metrics::new(CallbackQueue::new(QueueLimits::default()));
    let vault = Vault::in_memory(key()).unwrap();
    let (inbox, mut events) = mpsc::channel(1);
    let (publisher, _arrivals) = Publisher::new();
    let (vault, _end) = VaultHandle::start(vault, inbox, publisher, Arc::new(metrics)).unwrap();
    let mut pulses = Pulses::new([vault.pulse()]);
    assert_eq!((pulses.stuck(), pulses.stuck()), (None, None));
    vault.accept(order(7));
    vault.accept(order(7));
    let limit = Instant::now() + Duration::from_secs(20);
    while pulses.stuck() != Some("the vault") {
        assert!(Instant::now() < limit, "the vault still has a pulse");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    events.recv().await.unwrap();
    events.recv().await.unwrap();
    while pulses.stuck().is_some() {
        assert!(Instant::now() < limit, "the vault has no pulse any more");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
