//! The verbs of `logs`.

mod decisions;
mod verify;
