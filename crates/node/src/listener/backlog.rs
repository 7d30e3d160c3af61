//! Callbacks in the order of their arrival, and which of them goes when there are too many.

use std::collections::VecDeque;
use std::time::SystemTime;

use super::queue::QueueLimits;
use super::room::Reservation;
use super::route::CallbackKind;
use super::stats::DropReason;

/// A callback as it arrived.
#[derive(Debug)]
pub(super) struct RawCallback {
    pub(super) kind: CallbackKind,
    pub(super) body: Vec<u8>,
    pub(super) received_at: SystemTime,
    /// Given back when the body is.
    pub(super) reservation: Reservation,
}

/// The callbacks that wait.
#[derive(Debug, Default)]
pub(super) struct Backlog {
    waiting: VecDeque<RawCallback>,
    bytes: usize,
}

impl Backlog {
    pub(super) fn len(&self) -> usize {
        self.waiting.len()
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// When the one arrived that has waited longest.
    pub(super) fn oldest(&self) -> Option<SystemTime> {
        self.waiting.iter().map(|callback| callback.received_at).min()
    }

    pub(super) fn pop(&mut self) -> Option<RawCallback> {
        let callback = self.waiting.pop_front()?;
        self.bytes -= callback.body.len();
        Some(callback)
    }

    /// Adds a callback, and returns why each was dropped that had to make room.
    ///
    /// When there are too many, the newest burn block also moves to the front: everything else is
    /// judged by it, and a signer that lags should first learn where the chain is.
    pub(super) fn push(&mut self, callback: RawCallback, limits: &QueueLimits) -> Vec<DropReason> {
        self.bytes += callback.body.len();
        self.waiting.push_back(callback);
        let mut dropped = Vec::new();
        while self.exceeds(limits) {
            let Some((index, reason)) = self.least_useful() else { break };
            if let Some(victim) = self.waiting.remove(index) {
                self.bytes -= victim.body.len();
            }
            dropped.push(reason);
        }
        if !dropped.is_empty() {
            self.bring_burn_block_forward();
        }
        dropped
    }

    /// A single callback may be larger than the limit: the listener has bounded it already.
    fn exceeds(&self, limits: &QueueLimits) -> bool {
        self.waiting.len() > 1
            && (self.waiting.len() > limits.callbacks || self.bytes > limits.bytes)
    }

    /// The oldest of the least useful kind. What is lost can be read from the node later: burn blocks
    /// that a newer one has overtaken tell nothing, tips are read when they matter, votes are in their
    /// slots. A verdict comes only once, so it goes last; the newest burn block stays.
    fn least_useful(&self) -> Option<(usize, DropReason)> {
        let newest_burn_block = self.newest_burn_block();
        let rank = |(index, callback): (usize, &RawCallback)| match callback.kind {
            CallbackKind::NewBurnBlock if Some(index) == newest_burn_block => None,
            CallbackKind::NewBurnBlock => Some((0, index, DropReason::Superseded)),
            CallbackKind::NewBlock => Some((1, index, DropReason::QueueFull)),
            CallbackKind::StackerDbChunks => Some((2, index, DropReason::QueueFull)),
            CallbackKind::ProposalResponse => Some((3, index, DropReason::QueueFull)),
        };
        let (_, index, reason) = self.waiting.iter().enumerate().filter_map(rank).min()?;
        Some((index, reason))
    }

    fn bring_burn_block_forward(&mut self) {
        if let Some(burn_block) = self.newest_burn_block().and_then(|at| self.waiting.remove(at)) {
            self.waiting.push_front(burn_block);
        }
    }

    fn newest_burn_block(&self) -> Option<usize> {
        self.waiting.iter().rposition(|callback| callback.kind == CallbackKind::NewBurnBlock)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    use CallbackKind::{NewBlock, NewBurnBlock, ProposalResponse, StackerDbChunks};

    const LIMITS: QueueLimits = QueueLimits { callbacks: 4, bytes: 100, ..QueueLimits::DEFAULT };

    /// Fills a backlog and names what is left by the first byte of each body, in order.
    fn after(arrivals: &[(CallbackKind, &str)]) -> (String, Vec<DropReason>) {
        let mut backlog = Backlog::default();
        let mut dropped = Vec::new();
        for (kind, body) in arrivals {
            dropped.extend(backlog.push(raw(*kind, body), &LIMITS));
        }
        let mut left = String::new();
        while let Some(callback) = backlog.pop() {
            left.push(char::from(*callback.body.first().unwrap()));
        }
        assert_eq!((backlog.len(), backlog.bytes()), (0, 0));
        (left, dropped)
    }

    fn raw(kind: CallbackKind, body: &str) -> RawCallback {
        let body = body.as_bytes().to_vec();
        let received_at = SystemTime::UNIX_EPOCH;
        RawCallback { kind, body, received_at, reservation: Reservation::default() }
    }

    #[test]
    fn order_of_arrival_is_kept_while_there_is_room() {
        let (left, dropped) =
            after(&[(NewBlock, "a"), (StackerDbChunks, "b"), (NewBurnBlock, "c")]);
        assert_eq!((left.as_str(), dropped), ("abc", vec![]));
    }

    #[test]
    fn an_overtaken_burn_block_goes_first_and_the_newest_comes_forward() {
        let (left, dropped) = after(&[
            (StackerDbChunks, "a"),
            (NewBurnBlock, "b"),
            (NewBlock, "c"),
            (NewBurnBlock, "d"),
            (StackerDbChunks, "e"),
        ]);
        assert_eq!((left.as_str(), dropped), ("dace", vec![DropReason::Superseded]));
    }

    #[test]
    fn blocks_go_before_chunks_and_chunks_before_verdicts() {
        let (left, dropped) = after(&[
            (ProposalResponse, "a"),
            (StackerDbChunks, "b"),
            (NewBlock, "c"),
            (ProposalResponse, "d"),
            (StackerDbChunks, "e"),
            (ProposalResponse, "f"),
            (NewBurnBlock, "g"),
        ]);
        assert_eq!((left.as_str(), dropped), ("gadf", vec![DropReason::QueueFull; 3]));
    }

    #[test]
    fn the_newest_burn_block_stays_when_nothing_else_would_fit() {
        let long = "b".repeat(101);
        let (left, dropped) = after(&[(ProposalResponse, "a"), (NewBurnBlock, &long)]);
        assert_eq!((left.as_str(), dropped), ("b", vec![DropReason::QueueFull]));
    }

    #[test]
    fn bytes_are_bounded_as_well_as_callbacks() {
        let half = ["x".repeat(60), "y".repeat(60)];
        let [first, second] = &half;
        let (left, dropped) = after(&[(StackerDbChunks, first), (StackerDbChunks, second)]);
        assert_eq!((left.as_str(), dropped), ("y", vec![DropReason::QueueFull]));
    }
}
