//! The verbs of `logs`.

mod decisions;
mod explain;
mod page;
mod retention;
mod verify;
