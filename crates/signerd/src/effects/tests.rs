#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::net::TcpListener;

use countersign_node::{AuthPassword, CallbackQueue, Deadlines, NodeConfig, QueueLimits};
use countersign_signer::{DEFAULT_REPLAY_BLOCKS, Params, Saved, Signer, Timeouts, Timestamp};
use countersign_vault::Vault;
use countersign_wire::{Network, PrivateKey};

use super::*;
use crate::intake::Intake;
use crate::metrics::Metrics;
use crate::slots::SlotReader;
use crate::upload::Uploader;

/// Hands whose node takes connections and never answers.
fn hands(node: &TcpListener) -> (Effects, mpsc::Receiver<Event>) {
    let (metrics, _) = Metrics::new(CallbackQueue::new(QueueLimits::default()));
    let metrics = Arc::new(metrics);
    let client = NodeClient::new(NodeConfig {
        host: node.local_addr().unwrap().to_string(),
        auth_password: AuthPassword::new("password"),
        boot: Network::Testnet,
        deadlines: Deadlines::default(),
        observer: None,
    });
    let client = client.unwrap();
    let (inbox, events) = mpsc::channel(16);
    let (publisher, _) = Publisher::new();
    let vault = Vault::in_memory(key()).unwrap();
    let (vault, _) =
        VaultHandle::start(vault, inbox.clone(), publisher.clone(), Arc::clone(&metrics)).unwrap();
    let intake = Intake::new(metrics);
    let (slots, _) = SlotReader::new(client.clone(), Network::Testnet, intake, inbox.clone());
    let (uploader, _) = Uploader::new(client.clone(), inbox.clone());
    let chain_id = Network::Testnet.default_chain_id();
    let tasks = Tasks::new(CancellationToken::new());
    (Effects { client, chain_id, inbox, vault, publisher, slots, uploader, tasks }, events)
}

fn key() -> PrivateKey {
    PrivateKey::from_bytes([9; 32]).unwrap()
}

/// The first question of a signer that has just started.
fn question() -> Action {
    let params = Params {
        key: key().public_key(),
        network: Network::Testnet,
        chain_id: Network::Testnet.default_chain_id(),
        server_version: String::new(),
        timeouts: Timeouts::default(),
        validate_with_replay_tx: false,
        reset_replay_set_after_fork_blocks: DEFAULT_REPLAY_BLOCKS,
        is_dry_run: false,
    };
    let (_, step) = Signer::restore(params, Saved::default(), Timestamp::from_secs(1));
    step.actions.into_iter().find(|action| matches!(action, Action::Ask { .. })).unwrap()
}

#[tokio::test]
async fn questions_that_a_hanging_node_never_answers_do_not_pile_up() {
    let node = TcpListener::bind("127.0.0.1:0").unwrap();
    let (mut effects, mut events) = hands(&node);
    for _ in 0..MAX_TASKS + 100 {
        effects.perform(question());
    }
    // Every question is answered: those that are too many at once.
    for _ in 0..100 {
        let answered = events.recv().await.unwrap();
        assert!(matches!(answered, Event::Answered { answer: Err(_), .. }), "{answered:?}");
    }
    assert!(effects.tasks.tracker.len() <= MAX_TASKS);
}
