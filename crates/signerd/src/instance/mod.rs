//! That one instance signs with a key, and this one only if it is that one.
//!
//! Four things keep two instances apart (`docs/operator/one-instance.md`): the lock on the machine
//! (`countersign_vault::HostLock`), the [gate](Gate) before the vault, the [book](Book) that tells a chunk of
//! somebody else from our own, and a [start](Why) that listens first. Whoever moves a signer by hand turns
//! the gate; a lease that several stores hold, from which it could be turned without hands, would come in
//! beside [`Warden::promote`] and [`Warden::close`].

mod book;
mod compare;
mod gate;
mod lookout;
mod seen;
mod view;
mod warden;

pub(crate) use book::{Book, BookError};
pub(crate) use compare::Decision;
#[cfg(test)]
pub(crate) use compare::Outcome;
pub use gate::GateState;
pub(crate) use gate::{Gate, Why};
pub(crate) use lookout::Lookout;
pub(crate) use seen::{Seen, decision};
pub(crate) use view::InstanceView;
pub(crate) use warden::{Finding, Looked, Warden};
