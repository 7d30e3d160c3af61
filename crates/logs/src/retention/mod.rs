//! How far back each log reaches, and how far it will.
//!
//! What is configured proves nothing: a limit of another service, a restart or a full disk may have taken away what
//! should be there. So the oldest entry that is there is looked for, the rate is measured from what was written, and what will be
//! is computed from both. Rows A4, B11 and C7 ask for 7 days, and for 90 where there is an sBTC signer.

mod configured;
mod file;
mod journal;
mod judge;
mod propose;
mod report;
mod survey;

pub use configured::{JournalSettings, Rotation, bytes_of, seconds_of};
pub use file::measure_file;
pub use journal::{FileHeader, Journal, UnitEntries};
pub use judge::{Ahead, Known, judge};
pub use propose::{Proposal, ProposalError};
pub use report::{Grade, LogReport, Measured};
pub use survey::{DecisionLog, Subjects, Survey, survey};
