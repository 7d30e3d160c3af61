//! What needs users, access control lists and programs of the distribution.

mod backups;
mod doctor;
mod firewall;
mod guard;
mod interop;
mod newborn;
mod page;
mod start_page;
mod user;
mod vault;
