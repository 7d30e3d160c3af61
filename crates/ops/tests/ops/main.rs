//! The plumbing at work: real sockets, real signals, tasks that end as they should not.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod control;
mod metrics_server;
mod notify;
#[cfg(target_os = "linux")]
mod sandbox;
mod signals;
mod supervise;
