#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::future::pending;

use countersign_node::{AuthPassword, Deadlines, NodeConfig};

use super::*;

/// Three nodes that nobody asks.
fn nodes() -> Nodes {
    let node = |port: u16| {
        let client = NodeClient::new(NodeConfig {
            host: format!("127.0.0.1:{port}"),
            tls: None,
            auth_password: AuthPassword::new("password"),
            boot: countersign_wire::Network::Testnet,
            deadlines: Deadlines::default(),
            observer: None,
        });
        let client = client.unwrap();
        Node { host: port.to_string(), glance: client.clone(), client }
    };
    Nodes::new(node(1), [node(2), node(3)])
}

#[test]
fn the_preferred_node_is_active_at_first() {
    let nodes = nodes();
    assert_eq!(nodes.active_index(), 0);
    let hosts: Vec<_> = nodes.all().iter().map(|node| node.host.as_str()).collect();
    assert_eq!(hosts, ["1", "2", "3"]);
}

#[tokio::test]
async fn work_that_hangs_at_one_node_ends_when_another_becomes_active() {
    let nodes = nodes();
    let hanging = nodes.with_active(|_, _| pending::<()>());
    let switch = async { nodes.activate(1) };
    assert_eq!(tokio::join!(hanging, switch).0, None);
    assert_eq!(nodes.with_active(|index, _| async move { index }).await, Some(1));
}

#[tokio::test]
async fn work_is_begun_again_with_each_node_that_becomes_active() {
    let nodes = nodes();
    let mut tried = Vec::new();
    let done = nodes.with_any(|client| {
        tried.push(format!("{client:?}"));
        let next = tried.len();
        let nodes = &nodes;
        async move {
            if next < 3 {
                nodes.activate(next);
                pending::<()>().await;
            }
            next
        }
    });
    assert_eq!(done.await, 3);
    assert!(tried.iter().zip(1..).all(|(client, port)| client.contains(&format!(":{port}\""))));
}
