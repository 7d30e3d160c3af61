//! The firewall of a host: nothing comes in, goes out or passes through but the flows of the installation
//! (rows B8, B9, D8, D10, D17, D18).
//!
//! The rules are a table of their own in nftables, beside whatever Docker and others have: in nftables a packet
//! must be accepted by every table that sees it, so a port that Docker publishes is closed until it is a flow.
//!
//! A change that locks its author out undoes itself, without a process that would have to survive: the kernel
//! forgets the elements of a set after a time. The new table refuses only while its set `in_force` has an element,
//! the old one refuses only while its set `suspended` has none, and both elements are put in with the same time to
//! live, in one transaction. [`Live::confirm`] makes the new table permanent and removes the old one.

mod drift;
mod live;
mod rules;

pub use drift::Drift;
pub use live::{FirewallError, Live, State};
pub use rules::{Force, Slot, TUNNEL, ruleset};
