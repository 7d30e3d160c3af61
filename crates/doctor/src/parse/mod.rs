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

use std::path::Path;
use std::time::Duration;

use crate::facts::Protocol;

/// Gives the same bytes to every reader, for fuzzing: they may refuse them, and must not panic.
pub fn everything(bytes: &[u8]) {
    let _ = sntp::offset(bytes, 7, Duration::ZERO, Duration::MAX);
    let text = String::from_utf8_lossy(bytes);
    let (text, path) = (&*text, Path::new("/any"));
    let _ = (cgroup::groups(text), cgroup::cpu_max(text), cgroup::cfs(text, text));
    let _ = (cgroup::memory_max(text), cgroup::meminfo(text, "MemTotal"));
    let _ = (chrony::tracking(text), chrony::timedatectl(text));
    let _ = (exposition::names(text), exposition::sum(text, "a"));
    let _ = (nft::read(text), sshd::read(text), unit::exposure(text));
    let _ = (people::admins(text, text), people::key_kinds(text));
    let _ = proc_net::listening(text, Protocol::Tcp);
    let _ = (secret::weakness(text), bitcoin_conf::read(text, path, "main"));
    let _ = (compose::read(text, path), sbtc_toml::read(text, path));
    let _ = (node_toml::read(text, path, Some(text)), node_toml::bitcoin_login(text));
    let _ = (signer_toml::read(text, path), signer_toml::differing(text, text));
    unit::read(text, &mut unit::Values::new());
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::everything;

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(bytes: Vec<u8>) {
            everything(&bytes);
        }

        /// Texts that come further than noise: made of what the readers look for.
        #[test]
        fn texts_of_their_own_words_never_panic(
            words in prop::collection::vec(
                prop::sample::select(vec![
                    "[", "]", "{", "}", "=", ":", ",", "\n", " ", "/", "\"", "\\", "0", "0A", "-1", "é",
                    "services", "ports", "node", "auth_token", "chain", "hook", "nftables", "port ",
                    "permitrootlogin ", "Uid:", "0::", "max", "*a", "&a", "- ", "rpcallowip", "MemTotal",
                    "Overall exposure level", ": ", "18446744073709551616", "{\"nftables\":[",
                ]),
                0..40,
            )
        ) {
            everything(words.concat().as_bytes());
        }
    }
}
