//! What waits for its lane.

use std::collections::VecDeque;

use countersign_wire::stackerdb::Lane;

use super::Outgoing;

/// Messages of one lane in the order in which they were sent.
#[derive(Debug)]
pub(super) struct Queue {
    lane: Lane,
    waiting: VecDeque<Outgoing>,
}

impl Queue {
    pub(super) const fn new(lane: Lane) -> Self {
        Self { lane, waiting: VecDeque::new() }
    }

    /// Adds a message. Returns how many others are given up for it: of our views of the network only
    /// the newest counts, of other messages at most [`MAX_WAITING`] wait.
    #[must_use]
    pub(super) fn push(&mut self, outgoing: Outgoing) -> u64 {
        let before = self.waiting.len();
        if self.lane == Lane::StateUpdates {
            self.waiting.retain(|waiting| waiting.desk.cycle != outgoing.desk.cycle);
            self.waiting.push_back(outgoing);
            // To be overtaken by one's own newer view is no loss.
            return 0;
        }
        if before >= MAX_WAITING {
            self.waiting.pop_front();
        }
        self.waiting.push_back(outgoing);
        u64::from(before >= MAX_WAITING)
    }

    /// The next message.
    pub(super) fn pop(&mut self) -> Option<Outgoing> {
        self.waiting.pop_front()
    }

    /// Whether a message that waits says better what `underway` says.
    pub(super) fn overtakes(&self, underway: &Outgoing) -> bool {
        self.lane == Lane::StateUpdates
            && self.waiting.iter().any(|waiting| waiting.desk.cycle == underway.desk.cycle)
    }
}

/// Far more than a signer says while a node restarts. Older promises and responses are worth less
/// than newer ones.
const MAX_WAITING: usize = 64;

#[cfg(test)]
mod tests {
    use countersign_wire::message::SignerMessage;
    use countersign_wire::{PrivateKey, PublicKey, RewardCycle, Sighash, SlotId};

    use super::*;
    use crate::sign::Desk;

    fn key() -> PublicKey {
        PrivateKey::from_bytes([9; 32]).expect("a number below the order").public_key()
    }

    fn outgoing(cycle: u64, number: u8) -> Outgoing {
        let message = SignerMessage::BlockPreCommit(Sighash::new([number; 32]));
        let desk = Desk { cycle: RewardCycle::new(cycle), slot: SlotId::new(0), key: key() };
        Outgoing::new(desk, message)
    }

    #[tokio::test]
    async fn a_newer_view_takes_the_place_of_the_older_one_of_its_cycle() {
        let mut queue = Queue::new(Lane::StateUpdates);
        for (cycle, number) in [(7, 1), (8, 2), (7, 3)] {
            assert_eq!(queue.push(outgoing(cycle, number)), 0);
        }
        assert!(queue.overtakes(&outgoing(8, 0)) && !queue.overtakes(&outgoing(9, 0)));
        let order: Vec<_> = std::iter::from_fn(|| queue.pop()).map(|sent| sent.message).collect();
        assert_eq!(order, [outgoing(8, 2).message, outgoing(7, 3).message]);
    }

    #[tokio::test]
    async fn a_full_queue_gives_up_its_oldest_message() {
        let mut queue = Queue::new(Lane::Responses);
        let lost: u64 = (0..70).map(|number| queue.push(outgoing(1, number))).sum();
        assert_eq!(lost, 6);
        assert_eq!(queue.pop().map(|sent| sent.message), Some(outgoing(1, 6).message));
        assert!(!queue.overtakes(&outgoing(1, 9)));
    }
}
