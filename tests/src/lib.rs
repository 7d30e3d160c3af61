//! What the system tests share: a simulated network, recordings of a real one, and the reader
//! of the conformance document.
//!
//! The tests themselves are in the folder `tests` of this package. Nothing here is part of a program
//! that anybody runs.

pub mod browser;
pub mod conformance;
pub mod daemons;
#[cfg(target_os = "linux")]
pub mod faultfs;
pub mod recordings;
pub mod sources;
pub mod world;
