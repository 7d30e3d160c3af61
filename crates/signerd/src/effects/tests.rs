#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::net::TcpListener;

use countersign_node::{AuthPassword, CallbackQueue, Deadlines, NodeConfig, QueueLimits};
use countersign_signer::{DEFAULT_REPLAY_BLOCKS, Params, Saved, Signer, Timeouts, Timestamp};
use countersign_vault::Vault;
use countersign_wire::{Network, PrivateKey};

use tokio::sync::mpsc;

use super::*;
use crate::intake::Intake;
use crate::metrics::Metrics;
use crate::nodes::Node;
use crate::sign::Post;
use crate::slots::SlotReader;
use crate::test_node::{self, Asked, Reply};
use crate::upload::Uploader;

/// Hands whose node takes connections and never answers.
fn hands(node: &TcpListener) -> Effects {
    let (metrics, _) = Metrics::new(CallbackQueue::new(QueueLimits::default()));
    let metrics = Arc::new(metrics);
    let client = NodeClient::new(NodeConfig {
        host: node.local_addr().unwrap().to_string(),
        tls: None,
        auth_password: AuthPassword::new("password"),
        boot: Network::Testnet,
        deadlines: Deadlines::default(),
        observer: None,
    });
    let client = client.unwrap();
    let (inbox, _) = mpsc::channel(16);
    let (publisher, _) = Publisher::new();
    let vault = Vault::in_memory(key()).unwrap();
    let (post, counted) = (Post::open(&metrics), Arc::clone(&metrics));
    let (vault, _) =
        VaultHandle::start(vault, post, inbox.clone(), publisher.clone(), counted).unwrap();
    let intake = Intake::new(metrics);
    let nodes = Nodes::only(client);
    let (slots, _) = SlotReader::new(nodes.clone(), Network::Testnet, intake, inbox.clone());
    let (uploader, _) = Uploader::new(nodes.clone(), inbox.clone());
    let chain_id = Network::Testnet.default_chain_id();
    let tasks = Tasks::new(&nodes, CancellationToken::new());
    Effects { nodes, chain_id, vault, publisher, slots, uploader, tasks }
}

fn key() -> PrivateKey {
    PrivateKey::from_bytes([9; 32]).unwrap()
}

/// The first question of a signer that has just started.
fn question() -> Action {
    let params = Params {
        key: key().public_key(),
        next_key: None,
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
    let mut effects = hands(&node);
    for _ in 0..MAX_TASKS + 100 {
        effects.perform(question());
    }
    // Every question is answered: those that are too many at once.
    for _ in 0..100 {
        let answered = effects.next_event().await;
        assert!(matches!(answered, Event::Answered { answer: Err(_), .. }), "{answered:?}");
    }
    assert!(effects.tasks.tracker.len() <= MAX_TASKS);
}

/// A node that refuses every question with this word.
fn refusing(word: &'static str) -> (Node, mpsc::UnboundedReceiver<Asked>) {
    let (client, asked) = test_node::start(move |_| Reply::Json(404, word.to_owned()));
    (Node { host: word.to_owned(), glance: client.clone(), client }, asked)
}

fn refusal(event: &Event) -> Option<&str> {
    match event {
        Event::Answered { answer: Err(failure), .. } => Some(&failure.text),
        _ => None,
    }
}

#[tokio::test]
async fn what_the_old_node_says_after_the_switch_is_not_heard() {
    let idle = TcpListener::bind("127.0.0.1:0").unwrap();
    let ((old, _), (new, _)) = (refusing("old"), refusing("new"));
    let nodes = Nodes::new(old, [new]);
    let tasks = Tasks::new(&nodes, CancellationToken::new());
    let mut effects = Effects { nodes: nodes.clone(), tasks, ..hands(&idle) };
    effects.perform(question());
    // The old node's answer waits for the loop.
    while !effects.tasks.tracker.is_empty() {
        tokio::task::yield_now().await;
    }
    nodes.want(1);
    let event = effects.next_event().await;
    assert!(matches!(event, Event::NodeSwitched), "{event:?}");
    assert_eq!(nodes.active_index(), 1);
    effects.perform(question());
    let event = effects.next_event().await;
    assert!(refusal(&event).unwrap().contains("new"), "{event:?}");
}

#[tokio::test]
async fn questions_that_hang_at_the_old_node_end_with_the_switch() {
    let hanging = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut effects = hands(&hanging);
    let hung = effects.nodes.all()[0].clone();
    let (new, _) = refusing("new");
    effects.nodes = Nodes::new(hung, [new]);
    effects.tasks = Tasks::new(&effects.nodes, CancellationToken::new());
    for _ in 0..MAX_TASKS {
        effects.perform(question());
    }
    effects.nodes.want(1);
    assert!(matches!(effects.next_event().await, Event::NodeSwitched));
    effects.tasks.tracker.close();
    effects.tasks.tracker.wait().await;
    effects.perform(question());
    let event = effects.next_event().await;
    assert!(refusal(&event).unwrap().contains("new"), "{event:?}");
}

#[tokio::test]
async fn a_wish_that_is_taken_back_in_time_changes_nothing() {
    let idle = TcpListener::bind("127.0.0.1:0").unwrap();
    let ((old, _), (new, _)) = (refusing("old"), refusing("new"));
    let nodes = Nodes::new(old, [new]);
    let tasks = Tasks::new(&nodes, CancellationToken::new());
    let mut effects = Effects { nodes: nodes.clone(), tasks, ..hands(&idle) };
    nodes.want(1);
    nodes.want(0);
    effects.perform(question());
    let event = effects.next_event().await;
    assert!(refusal(&event).unwrap().contains("old"), "{event:?}");
}
