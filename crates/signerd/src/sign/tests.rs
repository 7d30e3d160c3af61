#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use countersign_node::{CallbackQueue, QueueLimits};
use countersign_signer::Timestamp;
use countersign_wire::{BurnHeight, NakamotoBlockHeader, PrivateKey};

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

/// Sixty-four threads give the same vault orders for rivals, a thousand times: the queue is the critical
/// section, and one of them gets its signature.
#[test]
fn of_sixty_four_that_order_rivals_at_once_one_gets_its_signature() {
    const THREADS: u64 = 64;
    const ROUNDS: u64 = 1000;
    let (metrics, _) = Metrics::new(CallbackQueue::new(QueueLimits::default()));
    let vault = Vault::in_memory(PrivateKey::from_bytes([9; 32]).unwrap()).unwrap();
    let (inbox, mut events) = mpsc::channel(1);
    let (publisher, _arrivals) = Publisher::new();
    let (vault, _end) = VaultHandle::start(vault, inbox, publisher, Arc::new(metrics)).unwrap();
    let together = Arc::new(std::sync::Barrier::new(65));
    for number in 0..THREADS {
        let (vault, together) = (vault.clone(), Arc::clone(&together));
        std::thread::spawn(move || {
            for height in 1..=ROUNDS {
                let header = NakamotoBlockHeader { burn_spent: number, ..header(1, height) };
                together.wait();
                vault.accept(AcceptanceOrder {
                    sighash: header.sighash(),
                    header: Box::new(header),
                    burn_height: BurnHeight::new(100),
                    overriding: Vec::new(),
                    at: Timestamp::from_secs(1),
                });
            }
        });
    }
    for height in 1..=ROUNDS {
        together.wait();
        let answers: Vec<Event> = (0..THREADS).map(|_| events.blocking_recv().unwrap()).collect();
        let signed = answers.iter().filter(|event| matches!(event, Event::Signed { .. })).count();
        let refused =
            answers.iter().filter(|event| matches!(event, Event::SigningRefused { .. })).count();
        assert_eq!((signed, refused), (1, 63), "at height {height}");
    }
}
