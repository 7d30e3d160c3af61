//! (being written)

pub mod recordings;
