//! The signer: its state, and which handler each event goes to.

use crate::event::Event;
use crate::params::Params;
use crate::saved::Saved;
use crate::step::Step;
use crate::time::Timestamp;

/// One key's view of the network, and every decision that it has not finished.
#[derive(Clone, Debug)]
pub struct Signer {
    params: Params,
}

impl Signer {
    /// A signer with what it remembers, and the step that takes up what a stop has interrupted.
    pub fn restore(params: Params, saved: Saved, now: Timestamp) -> (Self, Step) {
        let _ = (saved, now);
        (Self { params }, Step::default())
    }

    /// Takes in one event.
    pub fn handle(&mut self, event: Event, now: Timestamp) -> Step {
        let _ = (event, now, &self.params);
        Step::default()
    }

    /// When [`Event::Deadline`] is due, if nothing else happens before.
    pub fn next_deadline(&self) -> Option<Timestamp> {
        None
    }
}
