//! `countersign.toml` as it is written: plain values, with their defaults. `check` makes a [`crate::Site`] of it.

use serde::{Deserialize, Serialize};

use crate::places::{PathsTable, PortsTable, UsersTable};

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
    pub(crate) ports: PortsTable,
    pub(crate) paths: PathsTable,
    pub(crate) users: UsersTable,
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
    pub(crate) key_name: Option<String>,
    pub(crate) vault: Option<bool>,
    pub(crate) operators: Vec<String>,
    pub(crate) token: Option<Token>,
    pub(crate) next: Option<NextKey>,
}

#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct NextKey {
    pub(crate) key: Option<String>,
    pub(crate) key_name: Option<String>,
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
    pub(crate) host: Option<String>,
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
            host: None,
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
    use super::{Backups, Deadman, File, Link, NextKey, Sbtc, Token};
    use crate::keys::keys;

    /// Every table, with what it says by default.
    fn defaults() -> toml::Table {
        let mut file = File { link: Some(Link::default()), ..File::default() };
        file.backups = Some(Backups::default());
        file.sbtc = Some(Sbtc::default());
        file.signer.token = Some(Token::default());
        file.signer.next = Some(NextKey { token: Some(Token::default()), ..NextKey::default() });
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
        for key in keys() {
            let Some(documented) =
                key.default.strip_prefix('`').and_then(|text| text.strip_suffix('`'))
            else {
                continue;
            };
            // What is given by a `FromStr` type, or stands in the table of the key itself.
            let elsewhere = ["hosts.", "ports.", "paths.", "users."];
            if ["profile", "runtime", "signer.key", "signer.key_name"].contains(&key.path)
                || elsewhere.iter().any(|table| key.path.starts_with(table))
            {
                continue;
            }
            let found = said(key.path).map(|value| value.to_string());
            assert_eq!(found.as_deref(), Some(documented), "{}", key.path);
            compared += 1;
        }
        assert!(compared > 20, "only {compared}");
    }
}
