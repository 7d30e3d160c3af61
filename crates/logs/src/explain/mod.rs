//! What a log line means and what to do about it.
//!
//! What is known stands in the tables of `corpus/`, a phrase each: fragments of lines, as operators search for them, with
//! our own words about them and where the knowledge comes from. A line is explained by the longest phrase in it.

mod corpus;
mod form;
mod stream;

pub use corpus::{Corpus, Entry, Level, Program, Severity};
pub use form::{Form, MAX_EXAMINED};
pub use stream::{Explainer, Style, Tally};
