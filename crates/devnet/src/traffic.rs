//! What a node and its signer say to each other, and when: for whoever measures a signer.

use std::time::Instant;

use bytes::Bytes;
use tokio::sync::{mpsc, watch};

use crate::dispatcher::Post;

/// Something that was said on the wire between a node and its signer.
#[derive(Clone, Debug)]
pub struct Traffic {
    /// When.
    pub at: Instant,
    /// What.
    pub said: Said,
}

/// Who said what.
#[derive(Clone, Debug)]
pub enum Said {
    /// The node is connected to its signer and begins to write a callback. A callback that is tried
    /// again is said again.
    Callback(Post),
    /// The last byte of a request by the signer has arrived.
    Request {
        /// What it asks for, without the query.
        path: String,
        /// The body; empty for questions.
        body: Bytes,
    },
}

/// The listener's end: who is told, if anybody.
#[derive(Debug)]
pub(crate) struct Tap(watch::Sender<Listener>);

/// The node's end, which says nothing while nobody listens.
#[derive(Clone, Debug)]
pub(crate) struct Ear(watch::Receiver<Listener>);

type Listener = Option<mpsc::UnboundedSender<Traffic>>;

impl Tap {
    /// Both ends, with nobody listening.
    pub(crate) fn new() -> (Self, Ear) {
        let (tap, ear) = watch::channel(None);
        (Self(tap), Ear(ear))
    }

    /// Tells a new listener everything from now on, and the one before nothing more.
    pub(crate) fn listen(&self) -> mpsc::UnboundedReceiver<Traffic> {
        let (listener, traffic) = mpsc::unbounded_channel();
        self.0.send_replace(Some(listener));
        traffic
    }
}

impl Ear {
    /// Says what happens at this moment.
    pub(crate) fn hear(&self, said: impl FnOnce() -> Said) {
        if let Some(listener) = &*self.0.borrow() {
            // Who has stopped listening misses nothing.
            let _ = listener.send(Traffic { at: Instant::now(), said: said() });
        }
    }
}
