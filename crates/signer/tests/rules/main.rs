//! Every rule of the core, each by a good network in which one thing is spoilt.
//!
//! The modules follow the sections of the behaviour (`docs/spec/signer-behaviour.md`). The tests see the core
//! as the daemon does: events in, steps out, with a scripted node and a vault between.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod support;

mod agreement;
mod capitulation;
mod commit;
mod contents;
mod cycles;
mod dry_run;
mod explained;
mod extend;
mod forged;
mod found_by_simulation;
mod guard;
mod idle;
mod inactivity;
mod intake;
mod ledger;
mod mock;
mod parent_choice;
mod parked;
mod proposal;
mod repeated;
mod replay;
mod replay_agreement;
mod restore;
mod rotation;
mod sortition_v1;
mod states;
mod switch;
mod tally;
mod thresholds;
mod tip;
mod validation;
mod verdict;
mod versions;
mod views;
mod weak_points;
mod wrong_network;
