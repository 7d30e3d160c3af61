//! How far logs reach back: measured, forecast, judged, and proposed.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod as_root;
mod configured;
mod file;
mod journal;
mod judged;
mod propose;

const DAY: u64 = 86_400_000;
/// 2026-11-27 18:00.
const NOW: u64 = 1_795_802_400_000;
