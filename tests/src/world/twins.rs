//! A second core for each signer, which lives on a recording of the first one's life.

use std::collections::BTreeMap;

use countersign_signer::{Event, Outcome, Params, Recorded as _, Saved, Signer, Step, Timestamp};

/// The second cores, and what came of their last events.
#[derive(Debug, Default)]
pub(super) struct Twins(BTreeMap<usize, (Signer, Outcome)>);

impl Twins {
    /// The signer starts.
    pub(super) fn start(&mut self, signer: usize, params: &Params, saved: &Saved, now: Timestamp) {
        let params = Params::from_recording(&params.to_recording()).unwrap();
        let saved = Saved::from_recording(&saved.to_recording()).unwrap();
        let (twin, step) = Signer::restore(params, saved, now);
        self.0.insert(signer, (twin, Outcome::of(&step)));
    }

    /// The signer is about to take in an event.
    pub(super) fn feed(&mut self, signer: usize, event: &Event, now: Timestamp) {
        let event = Event::from_recording(&event.to_recording()).unwrap();
        let (twin, outcome) = self.0.get_mut(&signer).unwrap();
        *outcome = Outcome::of(&twin.handle(event, now));
    }

    /// Whether the last event came to the same for both.
    pub(super) fn agrees(&self, signer: usize, step: &Step) -> bool {
        self.0[&signer].1 == Outcome::of(step)
    }
}
