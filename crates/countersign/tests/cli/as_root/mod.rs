//! What needs users, access control lists and programs of the distribution.

mod firewall;
mod guard;
mod interop;
mod link_page;
mod newborn;
mod page;
mod user;
mod vault;
