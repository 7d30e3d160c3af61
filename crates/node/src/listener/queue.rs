//! The bounded queue between the listener and whoever decides.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Instant, SystemTime};

use countersign_wire::event::{Callback, CallbackError};
use tokio::sync::{Mutex as AsyncMutex, Notify};
use tokio::task::{JoinHandle, spawn_blocking};

use super::backlog::{Backlog, RawCallback};
use super::room::Room;
use super::stats::{DropReason, QueueStats};

/// Callbacks that the listener has taken and nobody has read yet. A clone is another handle to the
/// same queue.
///
/// Bodies are decoded when they are asked for, so that the node's answer never waits for it.
#[derive(Clone, Debug)]
pub struct CallbackQueue {
    shared: Arc<Shared>,
}

/// A callback that decoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Incoming {
    /// What the node says.
    pub callback: Callback,
    /// When its last byte arrived.
    pub received_at: SystemTime,
}

/// How much may wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueueLimits {
    /// How many callbacks may wait.
    pub callbacks: usize,
    /// How many bytes their bodies may have together; a single body may have more.
    pub bytes: usize,
    /// How many bytes of bodies may be in memory in all: arriving, waiting and being decoded.
    pub memory: usize,
}

impl QueueLimits {
    /// Enough for every honest node: a hundred signers send a few hundred small callbacks per block.
    /// With the largest body being decoded the process stays under 200 MB.
    pub const DEFAULT: Self = Self { callbacks: 4096, bytes: 40 * MIB, memory: 80 * MIB };
}

impl Default for QueueLimits {
    fn default() -> Self {
        Self::DEFAULT
    }
}

#[derive(Debug)]
struct Shared {
    limits: QueueLimits,
    room: Room,
    state: Mutex<State>,
    arrived: Notify,
    /// A large body that is being decoded. It is kept here and not in the future that waits for it,
    /// so that dropping that future loses nothing.
    decoding: AsyncMutex<Option<JoinHandle<Decoded>>>,
}

#[derive(Debug, Default)]
struct State {
    backlog: Backlog,
    stats: QueueStats,
}

type Decoded = Result<Incoming, CallbackError>;

impl CallbackQueue {
    /// An empty queue.
    pub fn new(limits: QueueLimits) -> Self {
        let shared = Shared {
            limits,
            room: Room::new(limits.memory),
            state: Mutex::default(),
            arrived: Notify::new(),
            decoding: AsyncMutex::default(),
        };
        Self { shared: Arc::new(shared) }
    }

    /// The next callback that decodes, in the order of arrival. What does not decode is counted and
    /// skipped.
    ///
    /// Cancel safe: dropping the future loses no callback. Large bodies are decoded on tokio's
    /// blocking threads.
    pub async fn next(&self) -> Incoming {
        let mut decoding = self.shared.decoding.lock().await;
        loop {
            let decoded = if let Some(task) = decoding.as_mut() {
                let decoded = task.await;
                *decoding = None;
                // The task cannot panic and is never aborted; at worst the runtime is going away.
                let Ok(decoded) = decoded else { continue };
                decoded
            } else {
                let raw = self.pop().await;
                if raw.body.len() > MAX_INLINE_LEN {
                    *decoding = Some(spawn_blocking(move || decode(raw)));
                    continue;
                }
                decode(raw)
            };
            match decoded {
                Ok(incoming) => {
                    self.state().stats.delivered += 1;
                    return incoming;
                }
                Err(error) => self.drop_undecodable(&error),
            }
        }
    }

    /// What became of the requests so far.
    pub fn stats(&self) -> QueueStats {
        let state = self.state();
        let (waiting, waiting_bytes) = (state.backlog.len(), state.backlog.bytes());
        let oldest = state.backlog.oldest();
        // A clock that was set back makes it look as if nothing had waited.
        let oldest_waits = oldest.and_then(|at| at.elapsed().ok()).unwrap_or_default();
        QueueStats { waiting, waiting_bytes, oldest_waits, ..state.stats.clone() }
    }

    pub(super) fn room(&self) -> &Room {
        &self.shared.room
    }

    pub(super) fn push(&self, callback: RawCallback) {
        let mut state = self.state();
        state.stats.received += 1;
        state.stats.last_arrival.insert(callback.kind.path(), Instant::now());
        let dropped = state.backlog.push(callback, &self.shared.limits);
        for reason in dropped {
            *state.stats.dropped.entry(reason).or_default() += 1;
        }
        drop(state);
        self.shared.arrived.notify_one();
    }

    pub(super) fn count(&self, reason: DropReason) {
        *self.state().stats.dropped.entry(reason).or_default() += 1;
    }

    async fn pop(&self) -> RawCallback {
        loop {
            let popped = self.state().backlog.pop();
            match popped {
                Some(raw) => return raw,
                // A callback that arrives before this line has left its notice.
                None => self.shared.arrived.notified().await,
            }
        }
    }

    fn drop_undecodable(&self, error: &CallbackError) {
        let reason = match error {
            CallbackError::UnknownPath => DropReason::UnknownPath,
            CallbackError::NotUtf8(_) => DropReason::NotUtf8,
            CallbackError::NotJson(_) => DropReason::NotJson,
            CallbackError::WrongShape(_) => DropReason::WrongShape,
        };
        tracing::debug!(reason = reason.label(), %error, "dropped a callback");
        self.count(reason);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.shared.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn decode(raw: RawCallback) -> Decoded {
    let RawCallback { kind, body, received_at, reservation } = raw;
    let callback = Callback::parse(kind.path(), &body);
    drop(body);
    drop(reservation);
    Ok(Incoming { callback: callback?, received_at })
}

/// Decoding this many bytes takes less than a millisecond.
const MAX_INLINE_LEN: usize = 64 * 1024;
const MIB: usize = 1024 * 1024;
