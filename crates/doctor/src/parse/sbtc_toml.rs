//! The sBTC signer's configuration.

use std::path::Path;

use toml::{Table, Value};

use super::secret::weakness;
use crate::facts::SbtcConfig;

/// Reads the configuration.
pub fn read(text: &str, path: &Path) -> Result<SbtcConfig, toml::de::Error> {
    let table: Table = text.parse()?;
    let at = |path: &[&str]| {
        let (last, folders) = path.split_last()?;
        let mut here = &table;
        for name in folders {
            here = here.get(*name)?.as_table()?;
        }
        here.get(*last)
    };
    let text = |path: &[&str]| at(path).and_then(Value::as_str).map(str::to_owned);
    let list = |path: &[&str]| at(path).and_then(Value::as_array).cloned().unwrap_or_default();
    let database = text(&["signer", "db_endpoint"]);
    let (user, password) = database.as_deref().map_or((None, None), login);
    let listen_on = list(&["signer", "p2p", "listen_on"]);
    let required = at(&["signer", "bootstrap_signatures_required"]).and_then(Value::as_integer);
    Ok(SbtcConfig {
        path: path.to_owned(),
        has_bare_key: text(&["signer", "private_key"]).is_some_and(|key| !key.is_empty()),
        network: text(&["signer", "network"]),
        observer_bind: text(&["signer", "event_observer", "bind"]),
        metrics: text(&["signer", "prometheus_exporter_endpoint"]),
        listen_on: listen_on.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        has_database_login: user.is_some() && password.is_some(),
        weak_database_password: password.and_then(weakness),
        is_superuser: user == Some("postgres"),
        stacks_nodes: list(&["stacks", "endpoints"]).len(),
        bitcoin_nodes: list(&["bitcoin", "rpc_endpoints"]).len(),
        required: required.and_then(|required| u64::try_from(required).ok()),
        signers: list(&["signer", "bootstrap_signing_set"]).len(),
    })
}

/// User and password of a URL.
fn login(url: &str) -> (Option<&str>, Option<&str>) {
    let Some((_, rest)) = url.split_once("://") else { return (None, None) };
    let authority = rest.split(['/', '?']).next().unwrap_or(rest);
    let Some((login, _)) = authority.rsplit_once('@') else { return (None, None) };
    match login.split_once(':') {
        Some((user, password)) => (Some(user), Some(password)),
        None => (Some(login), None),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[test]
    fn the_sample_of_the_guide_is_read() {
        let text = r#"
[bitcoin]
rpc_endpoints = ["http://devnet:devnet@bitcoin:18443"]
[stacks]
endpoints = ["http://a:20443", "http://b:20443"]
[signer]
private_key = "41634762d89dfa09133a4a8e9c1378d0161d29cd0a9433b51f1e3d32947a73dc"
network = "mainnet"
db_endpoint = "postgresql://postgres:postgres@postgres:5432/signer"
bootstrap_signing_set = ["02aa", "02bb", "02cc"]
bootstrap_signatures_required = 2
[signer.p2p]
listen_on = ["tcp://0.0.0.0:4122"]
[signer.event_observer]
bind = "0.0.0.0:8801"
"#;
        let config = read(text, Path::new("/s")).unwrap();
        assert!(config.has_bare_key && config.is_superuser);
        assert_eq!(config.weak_database_password, Some("is a sample of a guide"));
        assert_eq!((config.stacks_nodes, config.bitcoin_nodes), (2, 1));
        assert_eq!((config.required, config.signers), (Some(2), 3));
        assert_eq!(config.observer_bind.as_deref(), Some("0.0.0.0:8801"));
    }

    #[test]
    fn a_password_that_is_elsewhere_is_not_judged() {
        let has_login = |url: &str| {
            let text = format!("[signer]\ndb_endpoint = \"{url}\"\n");
            read(&text, Path::new("/s")).unwrap().has_database_login
        };
        assert!(has_login("postgresql://sbtc:secret@db/signer"));
        assert!(!has_login("postgresql://sbtc@db/signer") && !has_login("postgresql:///signer"));
    }

    #[test]
    fn a_login_may_be_missing() {
        assert_eq!(login("postgresql://host/db"), (None, None));
        assert_eq!(login("postgresql://user@host/db"), (Some("user"), None));
        assert_eq!(login("nonsense"), (None, None));
    }
}
