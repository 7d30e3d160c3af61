//! What needs users, access control lists and programs of the distribution.

mod backups;
mod guard;
mod interop;
mod page;
mod user;
