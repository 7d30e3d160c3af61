//! The node's event dispatcher: one worker per observer, first in, first out, for ever
//! (`signer-wire.md` section 7.2).
//!
//! A payload that the observer does not answer with exactly 200 within the timeout is sent again,
//! with a growing pause, before the next one is tried.
//!
//! Requests are written and answers are read by hand, not by hyper, because the node does so, and
//! signers must cope with just that: its headers, their order and letters, and what it takes for an
//! answer.

mod reply;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

pub use reply::ReplyError;
pub(crate) use reply::is_known_content_type;

use crate::seed::Dice;
use crate::traffic::{Ear, Said};

/// One callback.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Post {
    /// Where it goes, such as `/new_burn_block`.
    pub path: &'static str,
    /// JSON.
    pub body: Bytes,
}

/// What the dispatcher does with its queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Delivers, and retries for ever.
    Deliver,
    /// Keeps everything: the node is down and will send it when it is back.
    Hold,
    /// Throws everything away: the observer is down and shall miss what happens.
    Discard,
}

/// How long one attempt may take, and so how the pauses grow.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// For connecting, sending and receiving together.
    pub timeout: Duration,
    /// The pause after the first failure; doubles with each further one.
    pub first_pause: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self { timeout: Duration::from_secs(1), first_pause: Duration::from_millis(100) }
    }
}

/// How delivery to one observer goes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Health {
    /// Callbacks that the observer answered with 200.
    pub delivered: u64,
    /// Attempts in a row that failed; zero when the last one succeeded.
    pub failures: u64,
    /// Why the last attempt failed.
    pub last_failure: Option<String>,
}

/// The way to one observer. Dropping it stops the worker.
#[derive(Debug)]
pub struct Dispatcher {
    queue: mpsc::Sender<Post>,
    mode: watch::Sender<Mode>,
    health: watch::Receiver<Health>,
    dropped: Arc<AtomicU64>,
    stop: CancellationToken,
}

impl Dispatcher {
    /// Starts a worker that posts to `observer`. `dice` make the jitter of its pauses.
    pub fn start(observer: SocketAddr, patience: Patience, dice: Dice) -> Self {
        Self::start_heard(observer, patience, dice, None)
    }

    /// The same, with somebody who hears what is posted.
    pub(crate) fn start_heard(
        observer: SocketAddr,
        patience: Patience,
        dice: Dice,
        ear: Option<Ear>,
    ) -> Self {
        let (queue, posts) = mpsc::channel(QUEUE_LEN);
        let (mode, mode_seen) = watch::channel(Mode::Deliver);
        let (health_told, health) = watch::channel(Health::default());
        let stop = CancellationToken::new();
        let worker =
            Worker { observer, patience, dice, ear, posts, mode: mode_seen, health: health_told };
        tokio::spawn(stop.clone().run_until_cancelled_owned(worker.run()));
        Self { queue, mode, health, dropped: Arc::default(), stop }
    }

    /// Adds a callback to the queue. A full queue drops it: a real node would stand still instead,
    /// and so would the whole network here, which all signers share.
    pub fn post(&self, post: Post) {
        if self.queue.try_send(post).is_err() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Changes what happens to the queue, from the callback that is under way on.
    pub fn set_mode(&self, mode: Mode) {
        self.mode.send_replace(mode);
    }

    /// How delivery goes.
    pub fn health(&self) -> Health {
        self.health.borrow().clone()
    }

    /// Callbacks that wait for their turn.
    pub fn waiting(&self) -> usize {
        self.queue.max_capacity() - self.queue.capacity()
    }

    /// Callbacks that were lost because the queue was full.
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }
}

impl Drop for Dispatcher {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// Why one attempt to deliver failed.
#[derive(Debug, thiserror::Error)]
pub enum DeliveryError {
    /// Connect, send and receive together took too long.
    #[error("no complete answer within {} ms", .0.as_millis())]
    Timeout(Duration),
    /// The connection failed.
    #[error("the connection failed: {0}")]
    Io(#[from] std::io::Error),
    /// The answer is not one that a node understands.
    #[error("the answer is not understood: {0}")]
    Reply(#[from] ReplyError),
    /// The answer is understood and is not 200.
    #[error("the answer is {0}, not 200")]
    Status(u16),
}

/// Posts `post` to `observer` once, as a node does: one connection, closed afterwards.
pub async fn deliver_once(
    observer: SocketAddr,
    post: &Post,
    timeout: Duration,
) -> Result<(), DeliveryError> {
    deliver_heard(observer, post, timeout, None).await
}

async fn deliver_heard(
    observer: SocketAddr,
    post: &Post,
    timeout: Duration,
    ear: Option<&Ear>,
) -> Result<(), DeliveryError> {
    let status = tokio::time::timeout(timeout, exchange(observer, post, ear))
        .await
        .map_err(|_| DeliveryError::Timeout(timeout))??;
    if status == 200 { Ok(()) } else { Err(DeliveryError::Status(status)) }
}

async fn exchange(
    observer: SocketAddr,
    post: &Post,
    ear: Option<&Ear>,
) -> Result<u16, DeliveryError> {
    let mut stream = TcpStream::connect(observer).await?;
    let mut request = format!(
        "POST {} HTTP/1.1\r\nUser-Agent: stacks/3.0\r\nHost: {observer}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\nconnection: close\r\n\
         Accept: */*\r\n\r\n",
        post.path,
        post.body.len()
    )
    .into_bytes();
    request.extend_from_slice(&post.body);
    if let Some(ear) = ear {
        ear.hear(|| Said::Callback(post.clone()));
    }
    stream.write_all(&request).await?;
    let mut received = Vec::new();
    loop {
        if let Some(status) = reply::status_of(&received)? {
            return Ok(status);
        }
        if received.len() > MAX_REPLY_LEN {
            return Err(ReplyError::TooLong.into());
        }
        if stream.read_buf(&mut received).await? == 0 {
            return Err(ReplyError::Incomplete.into());
        }
    }
}

struct Worker {
    observer: SocketAddr,
    patience: Patience,
    dice: Dice,
    ear: Option<Ear>,
    posts: mpsc::Receiver<Post>,
    mode: watch::Receiver<Mode>,
    health: watch::Sender<Health>,
}

impl Worker {
    async fn run(mut self) {
        while let Some(post) = self.posts.recv().await {
            self.deliver(&post).await;
        }
    }

    async fn deliver(&mut self, post: &Post) {
        let mut pause = self.patience.first_pause;
        loop {
            let mode = *self.mode.borrow_and_update();
            match mode {
                Mode::Discard => return,
                Mode::Hold => {
                    if self.mode.changed().await.is_err() {
                        return;
                    }
                    continue;
                }
                Mode::Deliver => {}
            }
            let (timeout, ear) = (self.patience.timeout, self.ear.as_ref());
            match deliver_heard(self.observer, post, timeout, ear).await {
                Ok(()) => {
                    self.health.send_modify(|health| {
                        health.delivered += 1;
                        health.failures = 0;
                        health.last_failure = None;
                    });
                    return;
                }
                Err(error) => self.health.send_modify(|health| {
                    health.failures += 1;
                    health.last_failure = Some(error.to_string());
                }),
            }
            self.wait(pause).await;
            pause = (pause * 2).min(self.patience.timeout * 3);
        }
    }

    /// Waits for the pause and its jitter, but not longer than the mode stays the same.
    async fn wait(&mut self, pause: Duration) {
        let jitter = Duration::from_millis(self.dice.below(MAX_JITTER_MS));
        let pause = (pause + jitter).min(self.patience.timeout * 3);
        // Both ends of the wait lead to another look at the mode.
        let _ = tokio::time::timeout(pause, self.mode.changed()).await;
    }
}

/// A devnet of a hundred signers makes a few hundred callbacks for each block.
const QUEUE_LEN: usize = 10_000;
const MAX_REPLY_LEN: usize = 64 * 1024;
const MAX_JITTER_MS: u64 = 100;
