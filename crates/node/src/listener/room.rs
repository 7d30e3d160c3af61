//! How many bytes of bodies may be in memory at once.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// A budget that all bodies share: those that arrive, those that wait, and the one that is decoded.
#[derive(Clone, Debug)]
pub(super) struct Room(Arc<Semaphore>);

/// One body's part of the budget, given back when dropped.
#[derive(Debug, Default)]
pub(super) struct Reservation {
    permit: Option<OwnedSemaphorePermit>,
}

impl Room {
    /// A budget of about `bytes`.
    pub(super) fn new(bytes: usize) -> Self {
        Self(Arc::new(Semaphore::new(bytes / UNIT)))
    }

    /// Waits until `reservation` covers a body of `len` bytes.
    ///
    /// The first part of every body is free, so that a burn block or a verdict never waits behind a
    /// flood of large bodies. The number of connections and the queue's limits bound these parts.
    pub(super) async fn cover(&self, reservation: &mut Reservation, len: usize) {
        let needed = len.saturating_sub(FREE).div_ceil(UNIT);
        let held = reservation.permit.as_ref().map_or(0, OwnedSemaphorePermit::num_permits);
        if needed <= held {
            return;
        }
        let more = u32::try_from(needed - held).expect("bodies are bounded far below 4 GiB");
        let permit = Arc::clone(&self.0)
            .acquire_many_owned(more)
            .await
            .expect("the semaphore is never closed");
        match &mut reservation.permit {
            Some(held) => held.merge(permit),
            none => *none = Some(permit),
        }
    }
}

/// What is reserved at a time, in bytes.
const UNIT: usize = 64 * 1024;
/// What needs no reservation, in bytes.
const FREE: usize = 64 * 1024;
