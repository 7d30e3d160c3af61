//! The strategies of the wire types' own tests.

#![allow(dead_code, unreachable_pub, reason = "not every strategy is of use here")]

#[path = "../../../wire/tests/support/strategies_consensus.rs"]
pub(crate) mod strategies_consensus;
#[path = "../../../wire/tests/support/strategies_messages.rs"]
pub(crate) mod strategies_messages;
