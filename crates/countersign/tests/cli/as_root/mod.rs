//! What needs users, access control lists and programs of the distribution.

mod guard;
mod interop;
mod newborn;
mod page;
mod user;
mod vault;
