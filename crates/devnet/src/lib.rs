//! A Stacks network on one machine.

pub mod chain;
