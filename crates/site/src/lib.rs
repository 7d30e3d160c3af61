//! One description of an installation (`countersign.toml`), and everything else that is rendered from it: the
//! configurations of signer, node and bitcoind, units, firewall, links, monitoring.
//!
//! Values that must match exist once. Rendering is pure; writing, comparing and asking stand apart from it.
