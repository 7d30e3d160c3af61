//! The decision log: what was decided about each block, by which rule and facts, and who voted what.
//!
//! It is a file of its own beside the store, one JSON object a line. The store is locked for as long
//! as the signer runs, and a lock that readers could pass would cost every commit system calls; lines
//! that are only ever appended can be read by anybody at any time, of a running signer and of a stopped
//! one, without a lock and without writing. The lines of a step are written after its writes are
//! committed and before its actions are performed, so whatever leaves has its explanation on file.
//!
//! Nothing depends on the log: if it cannot be written, that is told once, and the signer goes on.
//! It is bounded: two files of [`MAX_FILE_LEN`] bytes, of which the older one is dropped.

mod entry;
mod log;
mod read;
mod story;
mod translate;

pub use entry::{AgreedView, Entry, Fact, Judgement, Rival, VoteKind, What};
pub use log::{DecisionLog, MAX_FILE_LEN, Paths};
pub use read::{Explanation, Near, ReadError, explain};
pub(crate) use story::{told_of, utc};
