//! What needs users, access control lists and programs of the distribution.

mod backups;
mod booted;
mod chain;
mod docker;
mod doctor;
mod firewall;
mod full_disk;
mod guard;
mod installed_pages;
mod interop;
mod link_page;
mod newborn;
mod page;
mod runbooks;
mod site;
mod start_page;
mod two_hosts_page;
mod units;
mod user;
mod vault;
