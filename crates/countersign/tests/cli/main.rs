//! The program from outside: what it prints and how it ends.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod as_root;
mod backup_signer;
#[path = "../support/blocks.rs"]
mod blocks;
#[path = "../../../backup/tests/support/ceremony.rs"]
mod ceremony;
mod chainstate;
mod check_config;
mod chunks;
#[path = "../../../backup/tests/support/cluster.rs"]
mod cluster;
mod doctor;
mod door;
mod explain;
#[expect(dead_code, reason = "it can say more than these tests have it say")]
#[path = "../../../backup/tests/chainstate/node.rs"]
mod fake_node;
mod flood;
mod help;
mod https;
mod import;
mod journal;
mod keys;
mod keys_backup;
mod keys_doctor;
mod keys_scan;
mod logs;
mod name;
mod newcomer;
mod page;
mod replay;
mod restore_vault;
#[path = "../../../backup/tests/chainstate/server.rs"]
mod server;
mod site;
mod start;
mod support;
mod support_bundle;
mod vault;
mod verbs;
