//! Where keys live: how they are born, opened, checked, backed up, restored and found.
//!
//! What a key may sign is the vault's business, and none of this crate's. It has no network, and it
//! prints nothing: the command line does that.

pub mod scan;
