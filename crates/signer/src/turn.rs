//! One event being handled: its time, and the step that it makes.

use crate::ledger::Forgotten;
use crate::note::Note;
use crate::step::{Action, Step, Write};
use crate::time::Timestamp;

/// One event being handled.
#[derive(Debug)]
pub(crate) struct Turn {
    /// By the steady clock, which rules about elapsed time go by.
    pub(crate) now: Timestamp,
    /// How far the wall clock is ahead of the steady one, in milliseconds.
    pub(crate) wall_ahead: i64,
    step: Step,
}

impl Turn {
    pub(crate) fn at(now: Timestamp, wall_ahead: i64) -> Self {
        Self { now, wall_ahead, step: Step::default() }
    }

    /// The time of the world, which blocks and messages carry.
    pub(crate) const fn wall(&self) -> Timestamp {
        self.now.shifted(self.wall_ahead)
    }

    /// The step that all handlers together have made.
    pub(crate) fn into_step(self) -> Step {
        self.step
    }

    pub(crate) fn write(&mut self, write: Write) {
        self.step.writes.push(write);
    }

    /// Has everything deleted that the ledger let go.
    pub(crate) fn forget(&mut self, forgotten: Forgotten) {
        let records = forgotten.records.into_iter().map(Write::ForgetRecord);
        let contents = forgotten.contents.into_iter().map(Write::ForgetContent);
        let votes = forgotten.votes.into_iter().map(Write::ForgetVotes);
        self.step.writes.extend(records.chain(contents).chain(votes));
    }

    pub(crate) fn act(&mut self, action: Action) {
        self.step.actions.push(action);
    }

    pub(crate) fn note(&mut self, note: Note) {
        self.step.notes.push(note);
    }
}
