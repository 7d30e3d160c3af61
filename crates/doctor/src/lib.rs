//! `countersign doctor`: named checks, each with a grade, the rows of the guides that it covers, what was
//! measured, why it matters, and the command that mends it.
//!
//! Gathering and judging are apart. What is gathered is a [`Facts`](facts::Facts): each part was measured
//! within a limit of time, or says why it was not. A [`Check`] judges facts and is pure, so that each has a
//! test of a good and of a bad installation. Nothing is printed here, and nothing is mended that was not
//! asked for.

mod check;
mod checks;
pub mod facts;
mod fix;
mod gather;
mod grade;
pub mod parse;
pub mod proofs;
mod report;
mod rows;
mod shell;
mod target;

pub use check::{Check, NoSuchProfile, Profile, Source};
pub use checks::{all, find};
pub use fix::{FixError, apply};
pub use gather::{Progress, gather};
pub use grade::{Fact, Fix, Grade, Outcome, Unknown};
pub use report::{Counts, Finding, LeftOut, Report, RowState, SCHEMA};
pub use rows::{ROWS, Row, row};
pub use target::{Described, Opened, Signer, Target};
