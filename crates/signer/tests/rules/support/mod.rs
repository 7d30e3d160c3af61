//! A good network that a test spoils in one thing, and a driver that runs the core on it.

pub(crate) mod blocks;
pub(crate) mod chain;
pub(crate) mod driver;
pub(crate) mod forks;
pub(crate) mod node;
pub(crate) mod store;

pub(crate) use blocks::{block, extend, ordinary, record, spoilt, tenure_start};
pub(crate) use chain::{CYCLE, NOW, burn_block, ch, miner_key, signed, sortition, tip};
pub(crate) use driver::{Driver, Sent, next_key};
