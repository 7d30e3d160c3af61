//! Who may come in: allowed peers, mutual TLS, and addresses that nobody should listen on without.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;

use countersign_node::exposure::{Reach, Verdict};
use countersign_node::{AllowedPeers, TlsSettings};
use countersign_wire::Network;
use serde::Deserialize;

use super::{Config, HostPort, Problem};

/// A table with a certificate, its key and the pins of who is accepted, as it is written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TlsTable {
    certificate: PathBuf,
    key: PathBuf,
    peers: Vec<String>,
}

/// The keys of [`TlsTable`].
pub(super) const TLS_KEYS: [&str; 3] = ["certificate", "key", "peers"];

impl TlsTable {
    /// What the table at `key` means.
    pub(super) fn settings(&self, key: &'static str) -> Result<TlsSettings, Problem> {
        TlsSettings::new(self.certificate.clone(), self.key.clone(), &self.peers)
            .map_err(|source| Problem::Tls { key, source })
    }
}

/// What `allowed_peers` means.
pub(super) fn allowed_peers(list: &[String]) -> Result<AllowedPeers, Problem> {
    AllowedPeers::parse(list).map_err(|source| Problem::Peers { source })
}

/// The addresses that the signer listens on, none of them open to everybody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Doors {
    /// For the node's callbacks.
    pub endpoint: SocketAddr,
    /// For metrics.
    pub metrics: Option<SocketAddr>,
}

/// One of the addresses, for messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Door {
    /// `endpoint`.
    Endpoint,
    /// `metrics_endpoint`.
    Metrics,
}

/// What is at stake and what to do about it.
impl fmt::Display for Door {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Endpoint => {
                "whoever reaches it speaks with the node's voice; write a loopback or private address, list \
                 the node in `countersign.allowed_peers`, or set `countersign.tls`"
            }
            Self::Metrics => {
                "whoever reaches it learns what this signer does; write a loopback or private address, or \
                 list who may read it in `countersign.allowed_peers`"
            }
        })
    }
}

impl Config {
    /// Resolves the addresses to listen on. Refused if everybody could reach one of them and nothing
    /// stands in the door; on a network for development, all addresses of the machine will do.
    pub fn doors(&self) -> Result<Doors, Problem> {
        let by_address = !self.allowed_peers.is_everybody();
        let endpoint =
            self.door(Door::Endpoint, &self.endpoint, by_address || self.tls.is_some())?;
        let metrics = self.metrics_endpoint.as_ref();
        let metrics =
            metrics.map(|metrics| self.door(Door::Metrics, metrics, by_address)).transpose()?;
        Ok(Doors { endpoint, metrics })
    }

    fn door(&self, door: Door, host: &HostPort, is_guarded: bool) -> Result<SocketAddr, Problem> {
        let address = host.resolve()?;
        match Reach::of(address.ip()).verdict(is_guarded, self.network == Network::Mocknet) {
            Verdict::Fine => {}
            Verdict::Warn => tracing::warn!(
                "`{}` = {address} is open to everybody on its network: {door}",
                host.key()
            ),
            Verdict::Refuse => {
                let key = host.key();
                return Err(Problem::OpenDoor { key, address, door });
            }
        }
        Ok(address)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    const PIN: &str = "sha256/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";

    fn config(
        network: &str,
        endpoint: &str,
        metrics: &str,
        table: &str,
    ) -> Result<Config, Problem> {
        Config::parse(&format!(
            "node_host = \"127.0.0.1:20443\"\nendpoint = \"{endpoint}\"\n\
             metrics_endpoint = \"{metrics}\"\nstacks_private_key = \"{}\"\n\
             network = \"{network}\"\nauth_password = \"first\"\ndb_path = \"signer.db\"\n\
             [countersign]\n{table}",
            "01".repeat(32)
        ))
    }

    fn tls() -> String {
        format!("tls = {{ certificate = \"c\", key = \"k\", peers = [\"{PIN}\"] }}")
    }

    #[test]
    fn a_routable_address_needs_somebody_in_the_door() {
        const HOME: &str = "127.0.0.1:30000";
        const LIST: &str = "allowed_peers = [\"10.0.0.2\"]";
        let tls = tls();
        let rows = [
            ("mainnet", HOME, HOME, "", None, "loopback"),
            ("mainnet", "10.0.0.1:1", "172.17.0.2:2", "", None, "private"),
            ("mainnet", "8.8.8.8:1", HOME, "", Some("endpoint"), "global"),
            ("mainnet", "8.8.8.8:1", HOME, tls.as_str(), None, "global with TLS"),
            ("mainnet", "8.8.8.8:1", HOME, LIST, None, "global with a list"),
            ("mainnet", "8.8.8.8:1", HOME, "allowed_peers = []", Some("endpoint"), "an empty list"),
            ("mainnet", "0.0.0.0:1", HOME, "", Some("endpoint"), "all addresses"),
            ("testnet", "[::]:1", HOME, "", Some("endpoint"), "all addresses, IPv6"),
            ("mocknet", "0.0.0.0:1", "[::]:1", "", None, "all addresses, for development"),
            ("mocknet", "8.8.8.8:1", HOME, "", Some("endpoint"), "global, for development"),
            ("mainnet", HOME, "0.0.0.0:1", "", Some("metrics_endpoint"), "metrics for all"),
            ("mainnet", HOME, "0.0.0.0:1", tls.as_str(), Some("metrics_endpoint"), "no TLS there"),
            ("mainnet", HOME, "0.0.0.0:1", LIST, None, "metrics with a list"),
        ];
        for (network, endpoint, metrics, table, refused, why) in rows {
            let doors = config(network, endpoint, metrics, table).unwrap().doors();
            match (refused, doors) {
                (None, doors) => {
                    let expected = Doors {
                        endpoint: endpoint.parse().unwrap(),
                        metrics: Some(metrics.parse().unwrap()),
                    };
                    assert_eq!(doors.unwrap(), expected, "{why}");
                }
                (Some(key), doors) => {
                    let refusal = doors.unwrap_err().to_string();
                    assert!(refusal.starts_with(&format!("`{key}` = ")), "{why}: {refusal}");
                    assert!(refusal.contains("countersign.allowed_peers"), "{why}: {refusal}");
                    assert_eq!(refusal.contains("countersign.tls"), key == "endpoint", "{why}");
                }
            }
        }
    }

    #[test]
    fn peers_and_tls_are_read_and_shown_without_opening_a_file() {
        let table = format!(
            "allowed_peers = [\"10.0.0.2\", \"10.1.0.0/24\"]\n{}\nnode_{}\n\
             fallback_nodes = [{{ host = \"a:1\" }}, {{ host = \"b:1\", plain = true }}, \
             {{ host = \"c:1\", node_tls = {{ certificate = \"d\", key = \"e\", peers = [\"{PIN}\"] }} }}]",
            tls(),
            tls()
        );
        let config = config("mainnet", "10.0.0.1:1", "10.0.0.1:2", &table).unwrap();
        let settings = |certificate: &str, key: &str| {
            TlsSettings::new(certificate.into(), key.into(), &[PIN.to_owned()])
        };
        assert_eq!(config.tls, settings("c", "k").ok());
        assert_eq!(config.node_tls, config.tls);
        let fallbacks: Vec<_> = config.fallback_nodes.iter().map(|node| node.tls.clone()).collect();
        assert_eq!(fallbacks, [config.tls.clone(), None, settings("d", "e").ok()]);
        let shown = config.to_string();
        for line in [
            "Signer endpoint: 10.0.0.1:1, with TLS for 1 pinned peer\n",
            "Allowed peers: 10.0.0.2/32, 10.1.0.0/24\n",
            "Stacks node host: 127.0.0.1:20443, with TLS for 1 pinned peer\n",
            "Fall-back node: b:1\n",
        ] {
            assert!(shown.contains(line), "{line}{shown}");
        }
    }

    #[test]
    fn bad_peers_and_bad_tables_are_refused_by_name() {
        let rows = [
            (
                "allowed_peers = [\"10.0.0.2/24\"]",
                "`countersign.allowed_peers`: `10.0.0.2/24` has bits",
            ),
            (
                "allowed_peers = [\"node\"]",
                "`countersign.allowed_peers`: `node` is not an IP address",
            ),
            (
                "allowed_peer = []",
                "unknown key `countersign.allowed_peer`; did you mean `allowed_peers`?",
            ),
            (
                "tls = { certificat = \"c\", key = \"k\", peers = [] }",
                "unknown key `countersign.tls.certificat`; did you mean `certificate`?",
            ),
            (
                "node_tls = { certificate = \"c\", key = \"k\", pers = [] }",
                "unknown key `countersign.node_tls.pers`; did you mean `peers`?",
            ),
            (
                "fallback_nodes = [{ host = \"a:1\", node_tls = { keys = \"k\" } }]",
                "unknown key `countersign.fallback_nodes.node_tls.keys`; did you mean `key`?",
            ),
            (
                "tls = { certificate = \"c\", key = \"k\", peers = [] }",
                "`countersign.tls`: `peers` is empty",
            ),
            (
                "tls = { certificate = \"c\", key = \"k\", peers = [\"sha256/x\"] }",
                "`countersign.tls`: `sha256/…` is not a pin",
            ),
            (
                "node_tls = { certificate = \"\", key = \"k\", peers = [] }",
                "`countersign.node_tls`: `certificate` and `key` name files",
            ),
            ("tls = { certificate = \"c\", peers = [] }", "missing field `key`"),
            (
                "fallback_nodes = [{ host = \"a:1\", plain = true, node_tls = { certificate = \"c\", \
                 key = \"k\", peers = [\"x\"] } }]",
                "`countersign.fallback_nodes` has `plain` and `node_tls` for a:1",
            ),
        ];
        for (table, reason) in rows {
            let refusal = config("mainnet", "10.0.0.1:1", "10.0.0.1:2", table).unwrap_err();
            assert!(refusal.to_string().contains(reason), "{reason}: {refusal}");
        }
    }
}
