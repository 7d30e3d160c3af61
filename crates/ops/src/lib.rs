//! The plumbing of a daemon: logs, the metrics page, the control socket, supervision of tasks, exit
//! codes, secrets.
//!
//! This crate knows no block, no key and no node. It decides nothing about signing, and it has no
//! global state but the one that `tracing` has: the subscriber that [`telemetry::init`] installs.

pub mod config_file;
pub mod control;
pub mod exit;
pub mod http;
pub mod inherited;
pub mod metrics;
pub mod notify;
pub mod records;
pub mod report;
pub mod sandbox;
pub mod secret;
pub mod signals;
pub mod supervise;
pub mod telemetry;
pub mod watchdog;
