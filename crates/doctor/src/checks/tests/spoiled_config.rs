//! What can be wrong with configurations.

use std::path::PathBuf;

use countersign_site::install::{Difference, Drift};

use super::Spoiled;
use crate::facts::*;
use crate::grade::Fix;
use crate::grade::Grade::{Fail, Warn};

fn signer(facts: &mut Facts) -> &mut SignerConfig {
    facts.signer.as_mut().unwrap()
}

fn node(facts: &mut Facts) -> &mut NodeConfig {
    facts.node_config.as_mut().unwrap()
}

fn observer(facts: &mut Facts) -> &mut NodeObserver {
    node(facts).observers.first_mut().unwrap()
}

fn bitcoin(facts: &mut Facts) -> &mut BitcoinConfig {
    facts.bitcoin_config.as_mut().unwrap()
}

fn sbtc(facts: &mut Facts) -> &mut SbtcConfig {
    facts.sbtc_config.as_mut().unwrap()
}

fn service(facts: &mut Facts) -> &mut ComposeService {
    facts.compose.as_mut().unwrap().first_mut().unwrap()
}

fn drift(difference: Difference) -> Drift {
    let path = PathBuf::from("/etc/stacks-node/Config.toml");
    Drift { path, differences: vec![difference] }
}

const WEAK: Option<&str> = Some("is a sample of a guide");

pub(super) const TABLE: &[Spoiled] = &[
    ("config", Fail, |facts| signer(facts).refusal = Some("unknown key".to_owned())),
    ("config-password", Fail, |facts| signer(facts).weak_password = WEAK),
    ("config-endpoint", Warn, |facts| "10.0.0.1:30000".clone_into(&mut signer(facts).endpoint)),
    ("config-endpoint", Fail, |facts| "0.0.0.0:30000".clone_into(&mut signer(facts).endpoint)),
    ("config-endpoint", Fail, |facts| "203.0.113.1:30000".clone_into(&mut signer(facts).endpoint)),
    ("config-endpoint", Warn, |facts| {
        "signer.example:30000".clone_into(&mut signer(facts).endpoint);
    }),
    ("config-metrics", Warn, |facts| signer(facts).metrics = None),
    ("config-metrics", Warn, |facts| signer(facts).metrics = Some("10.0.0.1:30001".to_owned())),
    ("config-metrics", Fail, |facts| signer(facts).metrics = Some("0.0.0.0:30001".to_owned())),
    ("config-node-link", Warn, |facts| "10.0.0.2:20443".clone_into(&mut signer(facts).node_host)),
    ("config-node-link", Fail, |facts| {
        "203.0.113.2:20443".clone_into(&mut signer(facts).node_host);
    }),
    ("config-database", Fail, |facts| signer(facts).db_path = None),
    ("config-database", Warn, |facts| signer(facts).db_path = Some(PathBuf::from("signer.sqlite"))),
    ("config-timeouts", Fail, |facts| signer(facts).idle_secs = 121),
    ("config-timeouts", Fail, |facts| signer(facts).proposal_timeout_ms = 120_001),
    ("config-dry-run", Fail, |facts| signer(facts).is_dry_run = true),
    ("config-fallback-node", Warn, |facts| signer(facts).fallback_nodes = 0),
    ("config-parity", Warn, |facts| {
        facts.parity = Ok(Parity { differing: vec!["block_proposal_timeout_ms".to_owned()] });
    }),
    ("files-modes", Fail, |facts| {
        let path = PathBuf::from("/etc/stacks-node/config.toml");
        let fix = Fix { path: path.clone(), mode: 0o600 };
        let (what, remedy) = ("others can read it".to_owned(), fix.to_string());
        facts.files = Ok(vec![FileFinding { path, kind: "mode", what, remedy, fix: Some(fix) }]);
    }),
    ("files-rendered", Fail, |facts| facts.drift = Ok(vec![drift(Difference::Contents)])),
    ("files-rendered", Fail, |facts| facts.drift = Ok(vec![drift(Difference::Mode)])),
    ("files-rendered", Warn, |facts| facts.drift = Ok(vec![drift(Difference::LeftOver)])),
    ("node-config-keys", Fail, |facts| {
        let (key, meant) = ("connection_options.sauth_token", "connection_options.auth_token");
        node(facts).misspelt = vec![Misspelt { key: key.to_owned(), meant: meant.to_owned() }];
    }),
    ("node-config-stacker", Fail, |facts| node(facts).is_stacker = false),
    ("node-config-token", Fail, |facts| node(facts).token = Token::Absent),
    ("node-config-token", Fail, |facts| {
        node(facts).token = Token::Present { weakness: None, is_ours: Some(false) };
    }),
    ("node-config-token", Fail, |facts| {
        node(facts).token = Token::Present { weakness: WEAK, is_ours: Some(true) };
    }),
    ("node-config-observer", Fail, |facts| node(facts).observers.clear()),
    ("node-config-observer", Fail, |facts| observer(facts).keys.truncate(2)),
    ("node-config-retries", Warn, |facts| observer(facts).disable_retries = true),
    ("node-config-retries", Warn, |facts| observer(facts).timeout_ms = Some(100)),
    ("node-config-retries", Warn, |facts| observer(facts).timeout_ms = Some(60_000)),
    ("node-config-others", Warn, |facts| {
        let api = NodeObserver { endpoint: "127.0.0.1:3700".to_owned(), ..observer(facts).clone() };
        node(facts).observers.push(api);
    }),
    ("node-config-mining", Warn, |facts| node(facts).is_miner = true),
    ("node-config-mining", Warn, |facts| node(facts).is_mock_mining = true),
    ("node-config-rpc", Warn, |facts| node(facts).rpc_bind = Some("0.0.0.0:20443".to_owned())),
    ("node-config-rpc", Warn, |facts| node(facts).prometheus_bind = Some("[::]:9153".to_owned())),
    // A node that is not told otherwise listens on every address.
    ("node-config-rpc", Warn, |facts| node(facts).rpc_bind = None),
    ("node-config-rpc", Warn, |facts| node(facts).rpc_bind = Some("203.0.113.4:20443".to_owned())),
    ("node-config-network", Fail, |facts| node(facts).mode = Some("krypton".to_owned())),
    ("node-config-network", Warn, |facts| node(facts).mode = None),
    ("node-config-folder", Fail, |facts| node(facts).working_dir = None),
    ("node-config-folder", Fail, |facts| {
        node(facts).working_dir = Some(PathBuf::from("/tmp/stacks"));
    }),
    ("bitcoin-config-open", Fail, |facts| bitcoin(facts).allows_everybody = true),
    ("bitcoin-config-open", Warn, |facts| bitcoin(facts).binds = vec!["0.0.0.0".to_owned()]),
    ("bitcoin-config-open", Warn, |facts| bitcoin(facts).binds = vec!["[::]:8332".to_owned()]),
    ("bitcoin-config-password", Fail, |facts| bitcoin(facts).weak_password = WEAK),
    ("bitcoin-config-password", Warn, |facts| bitcoin(facts).has_plain_password = true),
    ("bitcoin-config-server", Fail, |facts| bitcoin(facts).is_server = false),
    ("bitcoin-config-server", Warn, |facts| bitcoin(facts).is_wallet_disabled = false),
    ("log-bitcoin-shrink", Warn, |facts| {
        (bitcoin(facts).is_logged_to_console, bitcoin(facts).shrinks_log) = (false, true);
    }),
    ("sbtc-key", Fail, |facts| sbtc(facts).has_bare_key = true),
    ("sbtc-database-password", Fail, |facts| sbtc(facts).weak_database_password = WEAK),
    ("sbtc-database-password", Warn, |facts| sbtc(facts).is_superuser = true),
    ("sbtc-observer-bind", Fail, |facts| {
        sbtc(facts).observer_bind = Some("0.0.0.0:8801".to_owned());
    }),
    ("sbtc-observer-bind", Fail, |facts| {
        sbtc(facts).observer_bind = Some("203.0.113.4:8801".to_owned());
    }),
    ("sbtc-observer-bind", Fail, |facts| sbtc(facts).metrics = Some(":9184".to_owned())),
    ("sbtc-observer-bind", Warn, |facts| sbtc(facts).metrics = None),
    ("sbtc-p2p", Warn, |facts| sbtc(facts).listen_on = vec!["tcp://127.0.0.1:4122".to_owned()]),
    ("sbtc-nodes", Warn, |facts| sbtc(facts).bitcoin_nodes = 1),
    ("sbtc-nodes", Warn, |facts| sbtc(facts).stacks_nodes = 1),
    ("sbtc-signing-set", Fail, |facts| sbtc(facts).signers = 17),
    ("sbtc-signing-set", Fail, |facts| sbtc(facts).required = Some(15)),
    ("sbtc-signing-set", Warn, |facts| sbtc(facts).required = Some(7)),
    ("compose-ports", Fail, |facts| service(facts).published = vec![(None, "30000".to_owned())]),
    ("compose-ports", Warn, |facts| {
        service(facts).published = vec![(Some([127, 0, 0, 1].into()), "20444".to_owned())];
    }),
    ("compose-images", Fail, |facts| {
        service(facts).image = Some("blockstack/stacks-signer:3.1.0.0.5.0".to_owned());
    }),
    ("compose-images", Warn, |facts| service(facts).image = Some("x:latest".to_owned())),
    ("compose-rights", Warn, |facts| service(facts).user = None),
    ("compose-rights", Warn, |facts| service(facts).user = Some("0:0".to_owned())),
    ("compose-rights", Warn, |facts| service(facts).is_read_only = false),
    ("compose-rights", Warn, |facts| service(facts).drops_capabilities = false),
    ("compose-rights", Fail, |facts| service(facts).is_privileged = true),
    ("compose-secrets", Fail, |facts| service(facts).key_variables = vec!["KEY".to_owned()]),
];
