//! The verbs of `logs`.

mod decisions;
mod explain;
mod verify;
