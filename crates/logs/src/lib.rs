//! What is kept of the past for people: a log of decisions that shows whether it was changed, how far back each
//! log reaches, what a line means, and a bundle for those who help.

pub mod bundle;
pub mod chain;
pub mod explain;
pub mod retention;
pub mod time;
