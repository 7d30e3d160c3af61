//! `countersign.toml` as it is written: plain values, with their defaults. `check` makes a [`crate::Site`] of it.

use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct File {
    pub(crate) network: String,
    pub(crate) profile: Option<String>,
    pub(crate) runtime: Option<String>,
    pub(crate) hosts: Hosts,
    pub(crate) signer: Signer,
    pub(crate) node: Node,
    pub(crate) bitcoin: Bitcoin,
    pub(crate) sbtc: Option<Sbtc>,
    pub(crate) link: Option<Link>,
    pub(crate) ports: Ports,
    pub(crate) paths: Paths,
    pub(crate) users: Users,
    pub(crate) logs: Logs,
    pub(crate) alerts: Alerts,
    pub(crate) backups: Option<Backups>,
    pub(crate) access: Access,
    pub(crate) voting_power: VotingPower,
    pub(crate) time: Time,
    pub(crate) monitoring: Monitoring,
    pub(crate) images: Images,
}

#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Hosts {
    pub(crate) signer: Option<Host>,
    pub(crate) node: Option<Host>,
}

#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Host {
    pub(crate) name: Option<String>,
    pub(crate) address: Option<String>,
    pub(crate) public_address: Option<String>,
}

#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Signer {
    pub(crate) key: Option<String>,
    pub(crate) vault: Option<bool>,
    pub(crate) operators: Vec<String>,
    pub(crate) token: Option<Token>,
}

#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Token {
    pub(crate) module: Option<String>,
    pub(crate) label: Option<String>,
    pub(crate) key_label: Option<String>,
    pub(crate) pcscd: bool,
    pub(crate) folders: Vec<String>,
    pub(crate) devices: Vec<String>,
    pub(crate) groups: Vec<String>,
}

#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Node {
    pub(crate) bootstrap: Option<Vec<String>>,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Bitcoin {
    pub(crate) mode: Option<String>,
    pub(crate) prune_mb: u64,
    pub(crate) dbcache_mb: u64,
    pub(crate) rpc_user: String,
    pub(crate) host: Option<String>,
}

#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Sbtc {
    pub(crate) signers: Vec<String>,
    pub(crate) signatures_required: u64,
    pub(crate) deployer: Option<String>,
    pub(crate) seeds: Vec<String>,
    pub(crate) blocklist_url: Option<String>,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Link {
    pub(crate) kind: String,
    pub(crate) signer_pin: Option<String>,
    pub(crate) node_pin: Option<String>,
    pub(crate) signer_wireguard_key: Option<String>,
    pub(crate) node_wireguard_key: Option<String>,
    pub(crate) tunnel: String,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Ports {
    pub(crate) signer: u64,
    pub(crate) signer_metrics: u64,
    pub(crate) exporter: u64,
    pub(crate) status_page: u64,
    pub(crate) node_rpc: u64,
    pub(crate) node_p2p: u64,
    pub(crate) node_metrics: u64,
    pub(crate) bitcoin_rpc: Option<u64>,
    pub(crate) bitcoin_p2p: Option<u64>,
    pub(crate) sbtc_p2p: u64,
    pub(crate) sbtc_events: u64,
    pub(crate) sbtc_metrics: u64,
    pub(crate) postgres: u64,
    pub(crate) link_events: u64,
    pub(crate) link_rpc: u64,
    pub(crate) local_events: u64,
    pub(crate) local_rpc: u64,
    pub(crate) wireguard: u64,
    pub(crate) prometheus: u64,
    pub(crate) alertmanager: u64,
    pub(crate) host_metrics: u64,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Paths {
    pub(crate) config: String,
    pub(crate) state: String,
    pub(crate) vault_state: String,
    pub(crate) node_config: String,
    pub(crate) node_state: String,
    pub(crate) bitcoin_config: String,
    pub(crate) bitcoin_state: String,
    pub(crate) sbtc_config: String,
    pub(crate) sbtc_state: String,
    pub(crate) signer_backups: String,
    pub(crate) bin: String,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Users {
    pub(crate) signer: String,
    pub(crate) vault: String,
    pub(crate) link: String,
    pub(crate) backup: String,
    pub(crate) node: String,
    pub(crate) bitcoin: String,
    pub(crate) sbtc: String,
}

#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Logs {
    pub(crate) retention_days: Option<u64>,
    pub(crate) max_disk_gb: Option<u64>,
}

#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Alerts {
    pub(crate) webhook: Option<Webhook>,
    pub(crate) smtp: Option<Smtp>,
    pub(crate) telegram: Option<Telegram>,
    pub(crate) pagerduty: Option<Pagerduty>,
    pub(crate) deadman: Option<Deadman>,
}

#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Webhook {
    pub(crate) url_file: Option<String>,
}

#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Smtp {
    pub(crate) server: Option<String>,
    pub(crate) from: Option<String>,
    pub(crate) to: Vec<String>,
    pub(crate) user: Option<String>,
    pub(crate) password_file: Option<String>,
}

#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Telegram {
    pub(crate) chat: Option<String>,
    pub(crate) token_file: Option<String>,
}

#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Pagerduty {
    pub(crate) key_file: Option<String>,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Deadman {
    pub(crate) url_file: Option<String>,
    pub(crate) every_secs: u64,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Backups {
    pub(crate) recipients: Vec<String>,
    pub(crate) folder: String,
    pub(crate) daily: u64,
    pub(crate) weekly: u64,
    pub(crate) monthly: u64,
    pub(crate) off_host: Vec<String>,
    pub(crate) verify: Verify,
    pub(crate) database: Database,
}

#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Verify {
    pub(crate) identity: Option<String>,
    pub(crate) key: Option<String>,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Database {
    pub(crate) host: String,
    pub(crate) name: String,
    pub(crate) user: String,
    pub(crate) password_file: Option<String>,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Access {
    pub(crate) ssh_port: u64,
    pub(crate) admin_networks: Vec<String>,
    pub(crate) admins: Vec<String>,
    pub(crate) hardware_keys: bool,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct VotingPower {
    pub(crate) soft_percent: u64,
    pub(crate) hard_percent: u64,
}

#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Time {
    pub(crate) servers: Vec<String>,
}

#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Monitoring {
    pub(crate) sources: Vec<String>,
    pub(crate) remote_write_url: Option<String>,
    pub(crate) remote_write_user: Option<String>,
    pub(crate) remote_write_password_file: Option<String>,
}

#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Images {
    pub(crate) countersign: Option<String>,
    pub(crate) node: Option<String>,
    pub(crate) bitcoin: Option<String>,
    pub(crate) sbtc: Option<String>,
    pub(crate) postgres: Option<String>,
}

impl Default for Bitcoin {
    fn default() -> Self {
        let rpc_user = "countersign".to_owned();
        Self { mode: None, prune_mb: 1024, dbcache_mb: 4096, rpc_user, host: None }
    }
}

impl Default for Link {
    fn default() -> Self {
        Self {
            kind: "countersign".to_owned(),
            signer_pin: None,
            node_pin: None,
            signer_wireguard_key: None,
            node_wireguard_key: None,
            tunnel: "10.73.0.0/30".to_owned(),
        }
    }
}

impl Default for Ports {
    fn default() -> Self {
        Self {
            signer: 30000,
            signer_metrics: 30001,
            exporter: 30002,
            status_page: 30003,
            node_rpc: 20443,
            node_p2p: 20444,
            node_metrics: 9153,
            bitcoin_rpc: None,
            bitcoin_p2p: None,
            sbtc_p2p: 4122,
            sbtc_events: 8801,
            sbtc_metrics: 9184,
            postgres: 5432,
            link_events: 3443,
            link_rpc: 2443,
            local_events: 31000,
            local_rpc: 21443,
            wireguard: 51820,
            prometheus: 9090,
            alertmanager: 9093,
            host_metrics: 9100,
        }
    }
}

impl Default for Paths {
    fn default() -> Self {
        Self {
            config: "/etc/countersign".to_owned(),
            state: "/var/lib/countersign".to_owned(),
            vault_state: "/var/lib/countersign-vault".to_owned(),
            node_config: "/etc/stacks-node".to_owned(),
            node_state: "/var/lib/stacks-node".to_owned(),
            bitcoin_config: "/etc/bitcoin".to_owned(),
            bitcoin_state: "/var/lib/bitcoin".to_owned(),
            sbtc_config: "/etc/sbtc-signer".to_owned(),
            sbtc_state: "/var/lib/sbtc-signer".to_owned(),
            signer_backups: "/var/backups/countersign-signer".to_owned(),
            bin: "/usr/bin".to_owned(),
        }
    }
}

impl Default for Users {
    fn default() -> Self {
        Self {
            signer: "countersign".to_owned(),
            vault: "countersign-vault".to_owned(),
            link: "countersign-link".to_owned(),
            backup: "countersign-backup".to_owned(),
            node: "stacks-node".to_owned(),
            bitcoin: "bitcoin".to_owned(),
            sbtc: "sbtc-signer".to_owned(),
        }
    }
}

impl Default for Deadman {
    fn default() -> Self {
        Self { url_file: None, every_secs: 60 }
    }
}

impl Default for Backups {
    fn default() -> Self {
        Self {
            recipients: Vec::new(),
            folder: "/var/backups/countersign".to_owned(),
            daily: 7,
            weekly: 5,
            monthly: 12,
            off_host: Vec::new(),
            verify: Verify::default(),
            database: Database::default(),
        }
    }
}

impl Default for Database {
    fn default() -> Self {
        Self {
            host: "/run/postgresql".to_owned(),
            name: "sbtc".to_owned(),
            user: "countersign_backup".to_owned(),
            password_file: None,
        }
    }
}

impl Default for Access {
    fn default() -> Self {
        Self { ssh_port: 22, admin_networks: Vec::new(), admins: Vec::new(), hardware_keys: false }
    }
}

impl Default for VotingPower {
    fn default() -> Self {
        Self { soft_percent: 10, hard_percent: 15 }
    }
}

#[cfg(test)]
mod tests {
    use super::{Backups, Deadman, File, Link, Sbtc, Token};
    use crate::keys::KEYS;

    /// Every table, with what it says by default.
    fn defaults() -> toml::Table {
        let mut file = File { link: Some(Link::default()), ..File::default() };
        file.backups = Some(Backups::default());
        file.sbtc = Some(Sbtc::default());
        file.signer.token = Some(Token::default());
        file.alerts.deadman = Some(Deadman::default());
        toml::Table::try_from(&file).unwrap()
    }

    fn said(path: &str) -> Option<toml::Value> {
        path.split('.')
            .try_fold(toml::Value::Table(defaults()), |value, part| value.get(part).cloned())
    }

    #[test]
    fn every_default_that_is_documented_as_a_value_is_the_one_in_force() {
        let mut compared = 0;
        for key in KEYS {
            let Some(documented) =
                key.default.strip_prefix('`').and_then(|text| text.strip_suffix('`'))
            else {
                continue;
            };
            // What is given by a `FromStr` type instead.
            if ["profile", "runtime", "signer.key"].contains(&key.path)
                || key.path.starts_with("hosts.")
            {
                continue;
            }
            let found = said(key.path).map(|value| value.to_string());
            assert_eq!(found.as_deref(), Some(documented), "{}", key.path);
            compared += 1;
        }
        assert!(compared > 50, "only {compared}");
    }
}
