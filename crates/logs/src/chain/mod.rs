//! A log whose lines are chained by hashes, so that it shows whether it was changed.
//!
//! Each line is a JSON object that begins with its version, its number, and the SHA-256 of the line before; what
//! else is in it is the writer's business. A line that is changed, taken out, put in or moved breaks the chain at
//! that place, and [`verify`] names it, with nothing but the files. The number and the hash of the last line are kept in
//! a file beside the log (the head), so that lines that are missing at the end are noticed, too.
//!
//! There is no key in it: whoever can write the files can write another chain, and another head with it. What
//! protects against that is a head that was noted elsewhere; the daemon puts it into its log.
//! `docs/decision-log.md` describes the format and what it cannot show.

mod files;
mod head;
mod line;
mod lines;
mod verify;
mod writer;

pub use files::Files;
pub use head::{Head, HeadError};
pub use line::{Frame, FrameError, LineHash, VERSION};
pub use lines::{Lines, MAX_LINE, Piece};
pub use verify::{Break, Fault, Report, Sources, VerifyError, verify, verify_log, verify_stream};
pub use writer::{ChainWriter, Limits, Opened};
