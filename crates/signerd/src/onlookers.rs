//! Those who only look on: they hear what the loop hears, and count. No decision depends on them.

use countersign_signer::{Event, Note, Timestamp};

use crate::attendance::{Attendance, Counted};
use crate::peers::Peers;

/// Everybody who only looks on.
#[derive(Debug)]
pub(crate) struct Onlookers {
    /// Which blocks have our signature.
    pub(crate) attendance: Attendance,
    /// What the others run.
    pub(crate) peers: Peers,
}

impl Onlookers {
    /// An event on its way to the core.
    pub(crate) fn hear(&mut self, event: &Event, at: Timestamp) {
        self.attendance.hear(event, at);
        self.peers.hear(event);
    }

    /// What the core has to say. Gives back what is to be remembered.
    #[must_use]
    pub(crate) fn note(&mut self, notes: &[Note]) -> Vec<Counted> {
        self.attendance.note(notes);
        self.peers.note(notes);
        self.attendance.settle()
    }
}
