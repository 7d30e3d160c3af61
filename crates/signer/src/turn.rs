//! One event being handled: its time, and the step that it makes.

use crate::note::Note;
use crate::step::{Action, Step, Write};
use crate::time::Timestamp;

/// One event being handled.
#[derive(Debug)]
pub(crate) struct Turn {
    pub(crate) now: Timestamp,
    step: Step,
}

impl Turn {
    pub(crate) fn at(now: Timestamp) -> Self {
        Self { now, step: Step::default() }
    }

    /// The step that all handlers together have made.
    pub(crate) fn into_step(self) -> Step {
        self.step
    }

    pub(crate) fn write(&mut self, write: Write) {
        self.step.writes.push(write);
    }

    pub(crate) fn act(&mut self, action: Action) {
        self.step.actions.push(action);
    }

    pub(crate) fn note(&mut self, note: Note) {
        self.step.notes.push(note);
    }
}
