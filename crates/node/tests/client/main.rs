//! The client against a scripted node.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod faults;
mod recordings;
#[path = "../support/scripted_node.rs"]
mod scripted_node;

use countersign_node::NodeClient;

use scripted_node::{ScriptedNode, config};

impl ScriptedNode {
    fn client(&self) -> NodeClient {
        NodeClient::new(config(self.host())).unwrap()
    }
}
