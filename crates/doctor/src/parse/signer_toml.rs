//! The signer's configuration, as far as it can be read without being strict: beside a file that our signer
//! refuses, the other checks still say what they see.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use countersign_wire::Network;
use serde::Deserialize;
use serde::de::IgnoredAny;
use toml::{Table, Value};
use zeroize::Zeroizing;

use super::secret::weakness;
use crate::facts::SignerConfig;

/// The keys that are looked at. The signing key is passed over.
#[derive(Deserialize)]
struct File {
    node_host: Option<String>,
    endpoint: Option<String>,
    metrics_endpoint: Option<String>,
    network: Option<String>,
    chain_id: Option<u32>,
    db_path: Option<String>,
    auth_password: Option<Zeroizing<String>>,
    #[serde(default)]
    dry_run: bool,
    tenure_idle_timeout_secs: Option<u64>,
    tenure_idle_timeout_buffer_secs: Option<u64>,
    block_proposal_timeout_ms: Option<u64>,
    #[serde(default)]
    countersign: Ours,
}

#[derive(Default, Deserialize)]
struct Ours {
    allowed_peers: Option<IgnoredAny>,
    #[serde(default)]
    fallback_nodes: Vec<IgnoredAny>,
    tls: Option<Tls>,
    node_tls: Option<Tls>,
}

#[derive(Deserialize)]
struct Tls {
    certificate: Option<PathBuf>,
}

/// What the file says, with its secret apart.
pub struct Read {
    /// What may be shown.
    pub config: SignerConfig,
    /// The node's password.
    pub password: Zeroizing<String>,
    /// The certificates that it names.
    pub certificates: Vec<PathBuf>,
}

/// Reads the configuration.
pub fn read(text: &str, path: &Path) -> Result<Read, toml::de::Error> {
    let file: File = toml::from_str(text)?;
    let network = match file.network.as_deref() {
        Some("mainnet") => Network::Mainnet,
        Some("mocknet") => Network::Mocknet,
        _ => Network::Testnet,
    };
    let password = file.auth_password.unwrap_or_default();
    let idle = file.tenure_idle_timeout_secs.unwrap_or(30);
    let config = SignerConfig {
        path: path.to_owned(),
        refusal: None,
        node_host: file.node_host.unwrap_or_default(),
        endpoint: file.endpoint.unwrap_or_default(),
        metrics: file.metrics_endpoint,
        network,
        chain_id: file.chain_id.unwrap_or_else(|| network.default_chain_id().get()),
        db_path: file.db_path.filter(|path| path != ":memory:").map(PathBuf::from),
        weak_password: weakness(&password),
        is_dry_run: file.dry_run,
        idle_secs: idle.saturating_add(file.tenure_idle_timeout_buffer_secs.unwrap_or(2)),
        proposal_timeout_ms: file.block_proposal_timeout_ms.unwrap_or(120_000),
        fallback_nodes: file.countersign.fallback_nodes.len(),
        has_tls: file.countersign.tls.is_some(),
        has_node_tls: file.countersign.node_tls.is_some(),
        has_allowed_peers: file.countersign.allowed_peers.is_some(),
        public_key: None,
    };
    let tls = [file.countersign.tls, file.countersign.node_tls];
    let certificates = tls.into_iter().flatten().filter_map(|tls| tls.certificate).collect();
    Ok(Read { config, password, certificates })
}

/// The keys whose values differ between two configurations, but for secrets and for what is each
/// instance's own.
pub fn differing(one: &str, other: &str) -> Result<Vec<String>, toml::de::Error> {
    let (one, other): (Table, Table) = (one.parse()?, other.parse()?);
    let ours =
        |table: &Table| table.get(OURS).and_then(Value::as_table).cloned().unwrap_or_default();
    let mut found = unlike(&one, &other);
    found.retain(|key| key != OURS);
    let inner = unlike(&ours(&one), &ours(&other));
    found.extend(inner.into_iter().map(|key| format!("{OURS}.{key}")));
    Ok(found)
}

fn unlike(one: &Table, other: &Table) -> Vec<String> {
    let keys: BTreeSet<&String> = one.keys().chain(other.keys()).collect();
    let differs = |key: &&String| !OWN.contains(&key.as_str()) && one.get(*key) != other.get(*key);
    keys.into_iter().filter(differs).cloned().collect()
}

/// The table of what the reference does not have.
const OURS: &str = "countersign";
/// Secrets, and what belongs to a host.
const OWN: [&str; 14] = [
    "node_host",
    "endpoint",
    "metrics_endpoint",
    "stacks_private_key",
    "auth_password",
    "db_path",
    "allowed_peers",
    "control_socket",
    "fallback_nodes",
    "key",
    "next_key",
    "node_tls",
    "record",
    "tls",
];

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    const GOOD: &str = "node_host = \"127.0.0.1:20443\"\nendpoint = \"127.0.0.1:30000\"\nnetwork = \"mainnet\"\nauth_password = \"12345\"\nstacks_private_key = \"00\"\ndb_path = \":memory:\"\nunheard_of = 1\n[countersign]\ntls = { certificate = \"/c\", key = \"/k\", peers = [] }\n";

    #[test]
    fn a_file_that_the_signer_refuses_is_read_all_the_same() {
        let read = read(GOOD, Path::new("/s")).unwrap();
        assert_eq!(read.config.chain_id, 1);
        assert_eq!(read.config.db_path, None);
        assert_eq!(read.config.weak_password, Some("is a sample of a guide"));
        assert!(read.config.has_tls && !read.config.has_node_tls);
        assert_eq!(read.certificates, [PathBuf::from("/c")]);
        assert_eq!(read.password.as_str(), "12345");
    }

    #[test]
    fn parity_is_about_decisions_not_about_addresses_and_secrets() {
        let other = GOOD
            .replace("127.0.0.1:30000", "10.0.0.1:30000")
            .replace("12345", "54321")
            .replace("unheard_of = 1", "block_proposal_timeout_ms = 1")
            + "log = \"debug\"\n";
        assert_eq!(
            differing(GOOD, &other).unwrap(),
            ["block_proposal_timeout_ms", "unheard_of", "countersign.log"]
        );
        assert_eq!(differing(GOOD, GOOD).unwrap(), Vec::<String>::new());
    }
}
