//! Ports, folders and users of everything: each in one table, from which come the fields, what `countersign.toml` may
//! say with which default, and what must differ.

use std::num::NonZeroU16;

use serde::{Deserialize, Serialize};

use crate::check::{port, value};
use crate::choices::Network;
use crate::error::Problem;
use crate::keys::{Key, Kind, key};
use crate::site::{SigningKey, Turn};
use crate::values::{AbsPath, UserName};

/// A port, which is never 0.
pub type Port = NonZeroU16;

/// A default as it is documented.
macro_rules! documented {
    ($port:literal) => {
        concat!("`", $port, "`")
    };
    ($mainnet:literal, $other:literal) => {
        concat!("mainnet: ", $mainnet, ", else ", $other)
    };
}

/// A default that may depend on the network.
macro_rules! default {
    ($network:expr, $port:literal) => {
        $port
    };
    ($network:expr, $mainnet:literal, $other:literal) => {
        if $network == Network::Mainnet { $mainnet } else { $other }
    };
}

macro_rules! ports {
    ($($name:ident = $port:literal $(else $other:literal)?, $meaning:literal;)+) => {
        /// Where everything listens.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub struct Ports {
            $(#[doc = $meaning] pub $name: Port,)+
        }

        /// The table as it is written.
        #[derive(Clone, Debug, Default, Deserialize, Serialize)]
        #[serde(default, deny_unknown_fields)]
        pub(crate) struct PortsTable {
            $($name: Option<u64>,)+
        }

        impl PortsTable {
            pub(crate) fn check(&self, network: Network) -> Result<Ports, Problem> {
                Ok(Ports {
                    $($name: port(
                        concat!("ports.", stringify!($name)),
                        self.$name.unwrap_or(default!(network, $port $(, $other)?)),
                    )?,)+
                })
            }
        }

        impl Ports {
            /// Each with its key.
            pub(crate) fn all(&self) -> Vec<(&'static str, Port)> {
                vec![$((concat!("ports.", stringify!($name)), self.$name),)+]
            }
        }

        /// The keys of the table.
        pub(crate) const PORTS: &[Key] = &[$(key(
            concat!("ports.", stringify!($name)),
            Kind::Number,
            documented!($port $(, $other)?),
            $meaning,
        ),)+];
    };
}

ports! {
    signer = 30000, "callbacks of the node to the signer";
    signer_metrics = 30001, "the signer's metrics and readiness";
    exporter = 30002, "metrics that `countersign exporter` makes for a reference signer";
    status_page = 30003, "the status page, on loopback";
    node_rpc = 20443, "the node's RPC";
    node_p2p = 20444, "the node's peers";
    node_metrics = 9153, "the node's metrics";
    bitcoin_rpc = 8332 else 18443, "bitcoind's RPC";
    bitcoin_p2p = 8333 else 18444, "bitcoind's peers";
    sbtc_p2p = 4122, "peers of the sBTC signer, over TCP and QUIC";
    sbtc_events = 8801, "callbacks of the node to the sBTC signer";
    sbtc_metrics = 9184, "the sBTC signer's metrics";
    postgres = 5432, "PostgreSQL of the sBTC signer";
    link_events = 3443, "nginx and HAProxy: callbacks over TLS, on the signer's host";
    link_rpc = 2443, "all but WireGuard: questions over TLS, on the node's host";
    local_events = 31000, "where the node posts on its own host, if the signer is on another";
    local_rpc = 21443, "nginx and HAProxy: where the signer asks on its own host";
    wireguard = 51820, "WireGuard, over UDP";
    prometheus = 9090, "Prometheus, on loopback";
    alertmanager = 9093, "Alertmanager, on loopback";
    host_metrics = 9100, "node_exporter of the distribution, on loopback";
}

macro_rules! names {
    (
        $(#[$doc:meta])* $struct:ident, $table:ident, $keys:ident, $prefix:literal, $type:ty;
        $($name:ident = $default:literal, $meaning:literal;)+
    ) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub struct $struct {
            $(#[doc = $meaning] pub $name: $type,)+
        }

        /// The table as it is written.
        #[derive(Clone, Debug, Default, Deserialize, Serialize)]
        #[serde(default, deny_unknown_fields)]
        pub(crate) struct $table {
            $($name: Option<String>,)+
        }

        impl $table {
            pub(crate) fn check(&self) -> Result<$struct, Problem> {
                Ok($struct {
                    $($name: value(
                        concat!($prefix, stringify!($name)),
                        self.$name.as_deref().unwrap_or($default),
                    )?,)+
                })
            }
        }

        impl $struct {
            /// Each with its key.
            pub(crate) fn all(&self) -> Vec<(&'static str, &$type)> {
                vec![$((concat!($prefix, stringify!($name)), &self.$name),)+]
            }
        }

        /// The keys of the table.
        pub(crate) const $keys: &[Key] = &[$(key(
            concat!($prefix, stringify!($name)),
            Kind::Text,
            concat!("`\"", $default, "\"`"),
            $meaning,
        ),)+];
    };
}

names! {
    /// Where everything is.
    Paths, PathsTable, PATHS, "paths.", AbsPath;
    config = "/etc/countersign", "configurations of Countersign, this file and its secrets";
    state = "/var/lib/countersign", "what the signer remembers";
    vault_state = "/var/lib/countersign-vault", "the vault's journal";
    node_config = "/etc/stacks-node", "the node's configuration";
    node_state = "/var/lib/stacks-node", "the node's chainstate";
    bitcoin_config = "/etc/bitcoin", "bitcoind's configuration";
    bitcoin_state = "/var/lib/bitcoin", "bitcoind's blocks";
    sbtc_config = "/etc/sbtc-signer", "the sBTC signer's configuration";
    sbtc_state = "/var/lib/sbtc-signer", "the sBTC signer's working folder";
    signer_backups = "/var/backups/countersign-signer", "backups of what the signer remembers, one a day; not with Docker";
    bin = "/usr/bin", "the folder with the programs countersign, stacks-node, bitcoind and sbtc-signer";
}

names! {
    /// Who runs what. Each user has a group of its name.
    Users, UsersTable, USERS, "users.", UserName;
    signer = "countersign", "the user of the signer";
    vault = "countersign-vault", "the user of the vault";
    link = "countersign-link", "the user of the link";
    backup = "countersign-backup", "the user of the backups";
    node = "stacks-node", "the user of the node";
    bitcoin = "bitcoin", "the user of bitcoind";
    sbtc = "sbtc-signer", "the user of the sBTC signer";
}

impl Paths {
    /// The description of the installation itself.
    pub fn description(&self) -> AbsPath {
        self.config.join("countersign.toml")
    }

    /// The signer's configuration.
    pub fn signer_config(&self) -> AbsPath {
        self.config.join("signer-config.toml")
    }

    /// The firewall as it is loaded at boot.
    pub fn firewall(&self) -> AbsPath {
        self.config.join("firewall.nft")
    }

    /// The configuration of the vault with the key whose turn it is.
    pub fn vault_toml(&self, turn: Turn) -> AbsPath {
        self.config.join(match turn {
            Turn::Now => "vault.toml",
            Turn::Next => "vault-next.toml",
        })
    }

    /// The configuration of the link on the node's host.
    pub fn link_toml(&self) -> AbsPath {
        self.config.join("link.toml")
    }

    /// The configuration of nginx as the link.
    pub fn nginx_conf(&self) -> AbsPath {
        self.config.join("nginx.conf")
    }

    /// The configuration of HAProxy as the link.
    pub fn haproxy_cfg(&self) -> AbsPath {
        self.config.join("haproxy.cfg")
    }

    /// The private key of this host's end of a tunnel of WireGuard, root's alone. Not among the secrets, which are the
    /// same on both hosts.
    pub fn wireguard_key(&self) -> AbsPath {
        self.config.join("wireguard.key")
    }

    /// The folder of the encrypted signing key.
    pub fn key_folder(&self) -> AbsPath {
        self.config.join("key")
    }

    /// The encrypted signing key.
    pub fn sealed_key(&self, key: &SigningKey) -> AbsPath {
        self.key_folder().join(&format!("{}.age", key.name))
    }

    /// The passphrase of the signing key, with Docker.
    pub fn passphrase(&self, key: &SigningKey) -> AbsPath {
        self.key_folder().join(&key.passphrase())
    }

    /// The folder with what systemd has sealed to this machine.
    pub fn credstore(&self) -> AbsPath {
        self.config.join("credstore")
    }

    /// The sBTC signer's private key and its key for Emily, as an environment file of root's.
    pub fn sbtc_secrets(&self) -> AbsPath {
        self.sbtc_config.join("secrets.env")
    }

    /// PostgreSQL's files, with Docker.
    pub fn postgres_state(&self) -> AbsPath {
        self.sbtc_state.join("postgres")
    }

    /// The database's name in the signer's configuration; its own files are beside it.
    pub fn signer_db(&self) -> AbsPath {
        self.state.join("signer.sqlite")
    }

    /// The journal of the vault with this key.
    pub fn vault_journal(&self, key: &SigningKey) -> AbsPath {
        self.vault_state.join(&key.vault_journal())
    }

    /// The folder of the jobs' records.
    pub fn records(&self) -> AbsPath {
        self.state.join("records")
    }

    /// The folder with the secrets that were generated, on an installed host.
    pub fn secrets(&self) -> AbsPath {
        self.config.join("secrets")
    }

    /// The folder with certificates and their keys.
    pub fn tls(&self) -> AbsPath {
        self.config.join("tls")
    }

    /// What runs in containers.
    pub fn compose(&self) -> AbsPath {
        self.config.join("compose.yaml")
    }

    /// The node's configuration.
    pub fn node_toml(&self) -> AbsPath {
        self.node_config.join("Config.toml")
    }

    /// bitcoind's configuration.
    pub fn bitcoin_conf(&self) -> AbsPath {
        self.bitcoin_config.join("bitcoin.conf")
    }

    /// The sBTC signer's configuration.
    pub fn sbtc_toml(&self) -> AbsPath {
        self.sbtc_config.join("signer-config.toml")
    }
}
