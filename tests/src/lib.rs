//! What the system tests share: a simulated network and recordings of a real one.
//!
//! The tests themselves are in the folder `tests` of this package. Nothing here is part of a program
//! that anybody runs.

pub mod daemons;
pub mod recordings;
pub mod world;
