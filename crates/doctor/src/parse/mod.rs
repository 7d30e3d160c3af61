//! Texts of programs, kernels and operators, read without trusting them: pure, total, and fuzzed.

pub mod bitcoin_conf;
pub mod cgroup;
pub mod chrony;
pub mod compose;
pub mod exposition;
pub mod misspelt;
pub mod nft;
pub mod node_toml;
pub mod people;
pub mod proc_net;
pub mod sbtc_toml;
pub mod secret;
pub mod signer_toml;
pub mod sntp;
pub mod sshd;
pub mod unit;
