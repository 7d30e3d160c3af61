//! Ports, folders and users of everything.

use std::num::NonZeroU16;

use crate::values::{AbsPath, UserName};

/// A port, which is never 0.
pub type Port = NonZeroU16;

/// Where everything listens. The meaning of each is in [`crate::KEYS`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the table of keys documents each port")]
pub struct Ports {
    pub signer: Port,
    pub signer_metrics: Port,
    pub exporter: Port,
    pub status_page: Port,
    pub node_rpc: Port,
    pub node_p2p: Port,
    pub node_metrics: Port,
    pub bitcoin_rpc: Port,
    pub bitcoin_p2p: Port,
    pub sbtc_p2p: Port,
    pub sbtc_events: Port,
    pub sbtc_metrics: Port,
    pub postgres: Port,
    pub link_events: Port,
    pub link_rpc: Port,
    pub local_events: Port,
    pub local_rpc: Port,
    pub wireguard: Port,
    pub prometheus: Port,
    pub alertmanager: Port,
    pub host_metrics: Port,
}

/// Where everything is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Paths {
    /// Configurations of Countersign.
    pub config: AbsPath,
    /// What the signer remembers.
    pub state: AbsPath,
    /// The vault's journal.
    pub vault_state: AbsPath,
    /// The folder of the node's configuration.
    pub node_config: AbsPath,
    /// The node's chainstate.
    pub node_state: AbsPath,
    /// The folder of bitcoind's configuration.
    pub bitcoin_config: AbsPath,
    /// bitcoind's blocks.
    pub bitcoin_state: AbsPath,
    /// The folder of the sBTC signer's configuration.
    pub sbtc_config: AbsPath,
    /// The sBTC signer's working folder.
    pub sbtc_state: AbsPath,
    /// Backups of what the signer remembers.
    pub signer_backups: AbsPath,
    /// The programs.
    pub bin: AbsPath,
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

    /// The vault's configuration.
    pub fn vault_toml(&self) -> AbsPath {
        self.config.join("vault.toml")
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
    pub fn sealed_key(&self) -> AbsPath {
        self.key_folder().join("signer.age")
    }

    /// The passphrase of the signing key, with Docker.
    pub fn passphrase(&self) -> AbsPath {
        self.key_folder().join("signer-passphrase")
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

    /// The vault's journal.
    pub fn vault_journal(&self) -> AbsPath {
        self.vault_state.join("journal.sqlite")
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

/// Who runs what. Each user has a group of its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Users {
    /// The signer.
    pub signer: UserName,
    /// The vault.
    pub vault: UserName,
    /// The link: on the node's host, with nginx and HAProxy on both.
    pub link: UserName,
    /// The backups.
    pub backup: UserName,
    /// The node.
    pub node: UserName,
    /// bitcoind.
    pub bitcoin: UserName,
    /// The sBTC signer.
    pub sbtc: UserName,
}
