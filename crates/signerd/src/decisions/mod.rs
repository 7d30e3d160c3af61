//! The decision log: what was decided about each block, by which rule and facts, and who voted what.
//!
//! It is a file of its own beside the store, one JSON object a line. The store is locked for as long
//! as the signer runs, and a lock that readers could pass would cost every commit system calls; lines
//! that are only ever appended can be read by anybody at any time, of a running signer and of a stopped
//! one, without a lock and without writing. The lines of a step are written after its writes are
//! committed and handed to the thread that writes before its actions are performed, so only a process that is
//! killed in that moment leaves something unexplained.
//!
//! The lines are chained by hashes ([`countersign_logs::chain`]), so that the log shows whether it was changed.
//! A log with a hole proves nothing, so a failed write ends the daemon, as a failed write of the store does.

mod entry;
mod listing;
mod log;
mod read;
mod story;
mod translate;

pub use countersign_logs::chain::{Files, Limits};
pub use entry::{AgreedView, Entry, Fact, Judgement, Rival, VoteKind, What};
pub use listing::{Listed, Wanted, list};
pub use log::{DecisionLog, LogError};
pub use read::{Explanation, Near, ReadError, explain};
pub(crate) use story::{told_of, utc};
