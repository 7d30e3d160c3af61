//! What one node posts to its observer, and when it may.

use std::collections::VecDeque;

use countersign_wire::BurnHeight;
use tokio::sync::watch;

use crate::dispatcher::{Dispatcher, Health, Mode, Post};
use crate::view::{MAX_LAG, Validation, View};

/// One node's side of the shared chain.
#[derive(Debug)]
pub(crate) struct NodeFeed {
    dispatcher: Dispatcher,
    view: watch::Sender<View>,
    /// Callbacks that the node does not know of yet, with the burn height at which they happened.
    unseen: VecDeque<(BurnHeight, Post)>,
}

impl NodeFeed {
    /// A node that sees everything at once, and where its view can be watched.
    pub(crate) fn new(dispatcher: Dispatcher) -> (Self, watch::Receiver<View>) {
        let (view, seen) = watch::channel(View::default());
        (Self { dispatcher, view, unseen: VecDeque::new() }, seen)
    }

    pub(crate) fn lag(&self) -> u64 {
        self.view.borrow().burn_lag.min(MAX_LAG)
    }

    pub(crate) fn validation(&self) -> Validation {
        self.view.borrow().validation
    }

    pub(crate) fn hides(&self, tenure: &countersign_wire::ConsensusHash) -> bool {
        self.view.borrow().hidden_tenures.contains(tenure)
    }

    pub(super) fn set_view(&mut self, view: View) {
        self.view.send_replace(view);
    }

    /// What happens to the queue.
    pub(crate) fn set_mode(&self, mode: Mode) {
        self.dispatcher.set_mode(mode);
    }

    /// How delivery goes.
    pub(crate) fn health(&self) -> Health {
        self.dispatcher.health()
    }

    /// Posts what does not depend on the node's burn view.
    pub(super) fn post_now(&self, post: Post) {
        self.dispatcher.post(post);
    }

    /// Keeps what happened at a burn height until the node sees it.
    pub(super) fn post_when_seen(&mut self, height: BurnHeight, post: Post) {
        self.unseen.push_back((height, post));
    }

    /// Posts what the node sees when the burn tip is at `tip`.
    pub(super) fn release(&mut self, tip: BurnHeight) {
        let seen = tip.get().saturating_sub(self.lag());
        while self.unseen.front().is_some_and(|(height, _)| height.get() <= seen) {
            if let Some((_, post)) = self.unseen.pop_front() {
                self.dispatcher.post(post);
            }
        }
    }
}
