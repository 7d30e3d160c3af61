//! The nodes that may be asked, and the one that is.
//!
//! One node is active; everything is asked of it and written to it. [`watch`] looks at all of them and
//! says when another one should be; the loop switches, so that the core and its questions change over
//! in one step (`Event::NodeSwitched`), and everybody else follows.

mod score;
mod sight;
pub(crate) mod watch;

use std::sync::Arc;

use countersign_node::NodeClient;
use tokio::sync::watch::{Receiver, Sender, channel};

pub(crate) use score::Reason as SwitchReason;

/// A node and what it is called.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    /// `host:port`, as it was configured.
    pub(crate) host: String,
    /// Asks it.
    pub(crate) client: NodeClient,
    /// Looks at it from time to time, with little patience.
    pub(crate) glance: NodeClient,
}

/// All nodes, of which one is active. A clone is another handle to the same.
#[derive(Clone, Debug)]
pub(crate) struct Nodes {
    all: Arc<[Node]>,
    active: Sender<usize>,
    wanted: Sender<usize>,
}

impl Nodes {
    /// The preferred node, which is active at first, and its fall-backs in their order.
    pub(crate) fn new(preferred: Node, fallbacks: impl IntoIterator<Item = Node>) -> Self {
        let all = std::iter::once(preferred).chain(fallbacks).collect();
        Self { all, active: channel(PREFERRED).0, wanted: channel(PREFERRED).0 }
    }

    /// One node under a name for tests.
    #[cfg(test)]
    pub(crate) fn only(client: NodeClient) -> Self {
        Self::new(Node { host: "node".to_owned(), glance: client.clone(), client }, [])
    }

    /// Every node, the preferred one first.
    pub(crate) fn all(&self) -> &[Node] {
        &self.all
    }

    /// The place of the active node.
    pub(crate) fn active_index(&self) -> usize {
        *self.active.borrow()
    }

    /// The active node's client.
    pub(crate) fn active(&self) -> NodeClient {
        self.client(self.active_index())
    }

    /// Does `work` with the active node, and says which one that is. Nothing if another node becomes
    /// active before it is done: the node before may hang, and its answer would come too late.
    pub(crate) async fn with_active<T, F: Future<Output = T>>(
        &self,
        work: impl FnOnce(usize, NodeClient) -> F,
    ) -> Option<T> {
        let mut active = self.active.subscribe();
        let index = *active.borrow_and_update();
        tokio::select! {
            biased;
            done = work(index, self.client(index)) => Some(done),
            // It cannot fail: this handle keeps the other end.
            _ = active.changed() => None,
        }
    }

    /// The same, begun again with each node that becomes active, until one is done.
    pub(crate) async fn with_any<T, F: Future<Output = T>>(
        &self,
        mut work: impl FnMut(NodeClient) -> F,
    ) -> T {
        loop {
            if let Some(done) = self.with_active(|_, client| work(client)).await {
                return done;
            }
        }
    }

    /// Asks for this node to become the active one. The loop does it.
    pub(crate) fn want(&self, index: usize) {
        self.wanted.send_replace(index);
    }

    /// What is wanted from now on.
    pub(crate) fn wishes(&self) -> Receiver<usize> {
        self.wanted.subscribe()
    }

    /// Makes this node the active one; the loop does it in the step that tells the core.
    pub(crate) fn activate(&self, index: usize) {
        self.active.send_replace(index);
    }

    fn client(&self, index: usize) -> NodeClient {
        let node = self.all.get(index).or_else(|| self.all.first());
        node.expect("there is a preferred node").client.clone()
    }
}

/// The place of the node that `node_host` names.
const PREFERRED: usize = 0;

#[cfg(test)]
mod tests;
