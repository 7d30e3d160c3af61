//! bitcoin.conf: `key=value` lines, sections in brackets.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::facts::BitcoinConfig;
use crate::parse::secret::weakness;

/// Reads a bitcoin.conf. `section` is the network's (`main`, `test`, `regtest`, …); what stands before any
/// section counts for every network that does not say otherwise. Of a setting that is given twice, bitcoind takes the
/// first in a file, unlike on its command line.
pub fn read(text: &str, path: &Path, section: &str) -> BitcoinConfig {
    let mut config = BitcoinConfig {
        path: path.to_owned(),
        is_server: true,
        shrinks_log: true,
        ..BitcoinConfig::default()
    };
    let mut decided = BTreeSet::new();
    for (key, value) in of_network(text, section) {
        // `noserver=1` is `server=0`.
        let (key, value) = match key.strip_prefix("no") {
            Some(key) if LISTS.contains(&key) => continue,
            Some(key) => (key, if is_on(value) { "0" } else { "1" }),
            None => (key, value),
        };
        if LISTS.contains(&key) || decided.insert(key) {
            set(&mut config, key, value);
        }
    }
    config
}

/// The settings that count for a network: those of its section, then those of every network.
fn of_network<'a>(text: &'a str, section: &str) -> Vec<(&'a str, &'a str)> {
    let (mut own, mut general) = (Vec::new(), Vec::new());
    let mut here = "";
    for line in text.lines() {
        // A password may hold `#`; bitcoind itself refuses that, and takes the rest of the line as a comment.
        let line = line.split('#').next().unwrap_or_default().trim();
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            here = name;
            continue;
        }
        let Some((key, value)) = line.split_once('=') else { continue };
        let (key, value) = (key.trim().trim_start_matches('-'), value.trim());
        let (network, key) = key.split_once('.').unwrap_or((here, key));
        if network == section {
            own.push((key, value));
        } else if network.is_empty() {
            general.push((key, value));
        }
    }
    own.append(&mut general);
    own
}

/// What may be given more than once.
const LISTS: [&str; 2] = ["rpcallowip", "rpcbind"];

/// An empty value is true to bitcoind.
fn is_on(value: &str) -> bool {
    value.is_empty() || value.parse::<i64>().is_ok_and(|number| number != 0)
}

fn set(config: &mut BitcoinConfig, key: &str, value: &str) {
    match key {
        "server" => config.is_server = is_on(value),
        "prune" => config.prune = value.parse().unwrap_or(0),
        "rpcallowip" => {
            config.allows_everybody |= is_everybody(value);
            config.allowed.push(value.to_owned());
        }
        "rpcbind" => config.binds.push(value.to_owned()),
        "rpcpassword" => {
            config.has_plain_password = true;
            config.weak_password = weakness(value);
        }
        "printtoconsole" => config.is_logged_to_console = is_on(value),
        "shrinkdebugfile" => config.shrinks_log = is_on(value),
        "datadir" => config.datadir = Some(PathBuf::from(value)),
        "disablewallet" => config.is_wallet_disabled = is_on(value),
        _ => {}
    }
}

/// Whether a network has an empty prefix, whatever address stands before it.
fn is_everybody(network: &str) -> bool {
    match network.split_once('/') {
        Some((_, prefix)) => matches!(prefix.trim(), "0" | "0.0.0.0" | "::" | "00"),
        None => matches!(network, "0.0.0.0" | "::"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sections_and_prefixes_are_those_of_the_network() {
        let text = "server=1\nprune=1024 # small\nrpcallowip=127.0.0.1/0\n\n[regtest]\nrpcpassword=12345\ntest.rpcbind=0.0.0.0\n[main]\ndisablewallet=1\nprinttoconsole=1\n";
        let config = read(text, Path::new("/b"), "main");
        assert!(config.is_server && config.is_wallet_disabled && config.is_logged_to_console);
        assert_eq!((config.prune, config.allows_everybody), (1024, true));
        assert!(!config.has_plain_password && config.binds.is_empty());
        let config = read(text, Path::new("/b"), "regtest");
        assert_eq!(config.weak_password, Some("is a sample of a guide"));
        assert!(config.shrinks_log);
    }

    #[test]
    fn bitcoind_serves_unless_it_is_told_not_to() {
        let serves = |text| read(text, Path::new("/b"), "main").is_server;
        assert!(serves("txindex=1\n") && serves("server=1\n") && !serves("server=0\n"));
    }

    #[test]
    fn the_first_of_a_setting_counts_its_section_before_the_general_one_and_no_turns_it_round() {
        let config = |text| read(text, Path::new("/b"), "main");
        assert!(!config("server=0\nserver=1\n").is_server);
        assert_eq!(config("prune=0\n[main]\nprune=550\nprune=1\n").prune, 550);
        assert_eq!(config("prune=0\nmain.prune=550\n").prune, 550);
        assert!(!config("noserver=1\n").is_server && config("noserver=0\n").is_server);
        assert_eq!(config("rpcbind=a\nrpcbind=b\n").binds, ["a", "b"]);
    }

    #[test]
    fn everybody_has_many_spellings() {
        for network in ["0.0.0.0/0", "::/0", "127.0.0.1/0", "0.0.0.0", "10.0.0.1/0.0.0.0"] {
            assert!(is_everybody(network), "{network}");
        }
        for network in ["127.0.0.1", "10.0.0.0/8", "10.0.0.0/255.0.0.0", "fd00::/64"] {
            assert!(!is_everybody(network), "{network}");
        }
    }
}
