//! The one event observer of the real node: it hears everything and passes it on to each signer.
//!
//! A stacks-node has one worker for all its observers, so that one signer which is down holds up the
//! callbacks of all others (`docs/spec-notes.md`). Operators give each signer a node of its own. Here
//! each signer has a queue of its own, and with it what it would have with a node of its own: what it
//! misses while it is down is posted when it is back.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use countersign_wire::event::{
    NEW_BLOCK_PATH, NEW_BURN_BLOCK_PATH, PROPOSAL_RESPONSE_PATH, STACKERDB_CHUNKS_PATH,
};
use tokio::sync::mpsc;

use super::http::{Answer, Answers, Asked};
use crate::dispatcher::{Dispatcher, Health, Post};

/// A callback, and when it came.
#[derive(Debug)]
pub(super) struct Heard {
    pub(super) at: Instant,
    pub(super) post: Post,
}

/// Passes the node's callbacks on.
#[derive(Debug)]
pub(super) struct Observer {
    signers: Vec<Dispatcher>,
    heard: mpsc::UnboundedSender<Heard>,
}

impl Observer {
    /// An observer for these signers, and what it hears.
    pub(super) fn new(signers: Vec<Dispatcher>) -> (Arc<Self>, mpsc::UnboundedReceiver<Heard>) {
        let (heard, queue) = mpsc::unbounded_channel();
        (Arc::new(Self { signers, heard }), queue)
    }

    /// How the callbacks of a signer are taken.
    pub(super) fn health(&self, signer: usize) -> Option<Health> {
        self.signers.get(signer).map(Dispatcher::health)
    }
}

impl Answers for Observer {
    async fn answer(&self, asked: Asked) -> Answer {
        let path =
            [STACKERDB_CHUNKS_PATH, PROPOSAL_RESPONSE_PATH, NEW_BURN_BLOCK_PATH, NEW_BLOCK_PATH]
                .into_iter()
                .find(|path| *path == asked.path);
        // A node says more than signers want to know, and repeats what is not answered with 200.
        if let Some(path) = path {
            let post = Post { path, body: asked.body };
            for signer in &self.signers {
                signer.post(post.clone());
            }
            // At the end of the network nobody listens any more.
            let _ = self.heard.send(Heard { at: Instant::now(), post });
        }
        Answer { status: 200, body: Bytes::new() }
    }
}
