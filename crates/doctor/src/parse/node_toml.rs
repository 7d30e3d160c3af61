//! The node's configuration.

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

use toml::{Table, Value};

use super::misspelt::{self, Known, Misplaced};
use super::secret::weakness;
use crate::facts::{NodeConfig, NodeObserver, Token};

/// What is needed to ask the node's bitcoind. Never printed.
pub struct BitcoinLogin {
    /// `host:port`.
    pub address: String,
    /// `username`.
    pub user: String,
    /// `password`.
    pub password: zeroize::Zeroizing<String>,
}

/// Reads the configuration. `password` is the signer's, to compare.
pub fn read(
    text: &str,
    path: &Path,
    password: Option<&str>,
) -> Result<NodeConfig, toml::de::Error> {
    let table: Table = text.parse()?;
    let section = |name: &str| table.get(name).and_then(Value::as_table);
    let (node, burnchain) = (section("node"), section("burnchain"));
    let flag =
        |name: &str| node.and_then(|node| node.get(name)).and_then(Value::as_bool).unwrap_or(false);
    let text = |table: Option<&Table>, name: &str| {
        table.and_then(|table| table.get(name)).and_then(Value::as_str).map(str::to_owned)
    };
    let token = text(section("connection_options"), "auth_token");
    Ok(NodeConfig {
        path: path.to_owned(),
        misspelt: misspelt::find(&table, KNOWN, MISPLACED),
        is_stacker: flag("stacker"),
        is_miner: flag("miner"),
        is_mock_mining: flag("mock_mining"),
        rpc_bind: text(node, "rpc_bind"),
        prometheus_bind: text(node, "prometheus_bind"),
        working_dir: text(node, "working_dir").map(PathBuf::from),
        has_bootstrap: text(node, "bootstrap_node").is_some_and(|peers| !peers.is_empty()),
        mode: text(burnchain, "mode"),
        bitcoin_host: text(burnchain, "peer_host"),
        bitcoin_port: port(burnchain),
        token: match token {
            None => Token::Absent,
            Some(token) => Token::Present {
                weakness: weakness(&token),
                is_ours: password.map(|password| password == token),
            },
        },
        observers: misspelt::tables(&table, "events_observer").into_iter().map(observer).collect(),
    })
}

fn port(burnchain: Option<&Table>) -> Option<u16> {
    let port = burnchain?.get("rpc_port")?.as_integer()?;
    u16::try_from(port).ok()
}

fn observer(table: &Table) -> NodeObserver {
    let keys = table.get("events_keys").and_then(Value::as_array);
    let keys = keys.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect();
    let timeout = table.get("timeout_ms").and_then(Value::as_integer);
    NodeObserver {
        endpoint: table.get("endpoint").and_then(Value::as_str).unwrap_or_default().to_owned(),
        keys,
        timeout_ms: timeout.and_then(|timeout| u64::try_from(timeout).ok()),
        disable_retries: table.get("disable_retries").and_then(Value::as_bool).unwrap_or(false),
    }
}

/// How the node's bitcoind is asked, if the configuration says so.
pub fn bitcoin_login(text: &str) -> Option<BitcoinLogin> {
    let table: Table = text.parse().ok()?;
    let burnchain = table.get("burnchain")?.as_table()?;
    let word = |name: &str| burnchain.get(name).and_then(Value::as_str);
    let port = port(Some(burnchain)).unwrap_or(8_332);
    Some(BitcoinLogin {
        address: address(word("peer_host")?, port),
        user: word("username").unwrap_or_default().to_owned(),
        password: word("password").unwrap_or_default().to_owned().into(),
    })
}

/// A host and a port; an address of IPv6 stands in brackets before its port.
fn address(host: &str, port: u16) -> String {
    match host.parse::<IpAddr>() {
        Ok(ip) => SocketAddr::new(ip, port).to_string(),
        Err(_) => format!("{host}:{port}"),
    }
}

const MISPLACED: &[Misplaced] = &[
    Misplaced { table: "", key: "auth_token", meant: "connection_options.auth_token" },
    Misplaced { table: "node", key: "auth_token", meant: "connection_options.auth_token" },
    Misplaced { table: "burnchain", key: "auth_token", meant: "connection_options.auth_token" },
    Misplaced {
        table: "connection_options",
        key: "block_proposal_token",
        meant: "connection_options.auth_token",
    },
    Misplaced {
        table: "connection_options",
        key: "auth_password",
        meant: "connection_options.auth_token",
    },
    Misplaced { table: "", key: "stacker", meant: "node.stacker" },
    Misplaced { table: "connection_options", key: "stacker", meant: "node.stacker" },
    Misplaced { table: "node", key: "events_observer", meant: "events_observer" },
];

const KNOWN: &[Known] = &[
    Known {
        table: "",
        keys: &[
            "atlas",
            "burnchain",
            "connection_options",
            "events_observer",
            "fee_estimation",
            "miner",
            "node",
            "ustx_balance",
        ],
    },
    Known {
        table: "node",
        keys: &[
            "bootstrap_node",
            "chain_liveness_poll_time_secs",
            "data_url",
            "deny_nodes",
            "event_dispatcher_blocking",
            "event_dispatcher_queue_size",
            "local_peer_seed",
            "marf_cache_strategy",
            "marf_defer_hashing",
            "max_microblocks",
            "microblock_frequency",
            "mine_microblocks",
            "miner",
            "mock_mining",
            "mock_mining_output_dir",
            "name",
            "next_initiative_delay",
            "p2p_address",
            "p2p_bind",
            "pox_sync_sample_secs",
            "prometheus_bind",
            "rpc_bind",
            "seed",
            "stacker",
            "stacker_dbs",
            "txindex",
            "use_test_genesis_chainstate",
            "wait_time_for_blocks",
            "wait_time_for_microblocks",
            "working_dir",
        ],
    },
    Known {
        table: "burnchain",
        keys: &[
            "chain",
            "chain_id",
            "epochs",
            "first_burn_block_hash",
            "first_burn_block_height",
            "first_burn_block_timestamp",
            "magic_bytes",
            "mode",
            "password",
            "peer_host",
            "peer_port",
            "peer_version",
            "poll_time_secs",
            "pox_2_activation",
            "pox_5_bond_admin",
            "pox_5_sbtc_contract",
            "pox_5_sbtc_registry_contract",
            "pox_prepare_length",
            "pox_reward_length",
            "rpc_port",
            "rpc_ssl",
            "socket_timeout",
            "timeout",
            "username",
            "wallet_name",
        ],
    },
    Known {
        table: "connection_options",
        keys: &[
            "antientropy_public",
            "antientropy_retry",
            "auth_token",
            "block_proposal_max_age_secs",
            "block_proposal_max_tx_execution_time_secs",
            "block_proposal_validation_timeout_secs",
            "connect_timeout",
            "disable_block_download",
            "disable_inbound_handshakes",
            "disable_inbound_walks",
            "dns_timeout",
            "handshake_timeout",
            "heartbeat",
            "idle_timeout",
            "inbox_maxlen",
            "inv_sync_interval",
            "max_clients_per_host",
            "max_http_clients",
            "max_inflight_blocks",
            "max_neighbors_per_host",
            "max_sockets",
            "maximum_call_argument_size",
            "num_clients",
            "num_neighbors",
            "outbox_maxlen",
            "private_key_lifetime",
            "private_neighbors",
            "public_ip_address",
            "read_only_call_limit_read_count",
            "read_only_call_limit_read_length",
            "read_only_call_limit_runtime",
            "read_only_call_limit_write_count",
            "read_only_call_limit_write_length",
            "soft_max_clients_per_host",
            "soft_max_neighbors_per_host",
            "soft_max_neighbors_per_org",
            "soft_num_clients",
            "soft_num_neighbors",
            "timeout",
            "walk_interval",
        ],
    },
    Known {
        table: "events_observer",
        keys: &[
            "disable_contract_interface",
            "disable_retries",
            "endpoint",
            "events_keys",
            "timeout_ms",
        ],
    },
];

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    const GOOD: &str = r#"
[node]
stacker = true
rpc_bind = "127.0.0.1:20443"
working_dir = "/var/lib/stacks-node"
bootstrap_node = "a@b:1"
[burnchain]
mode = "mainnet"
peer_host = "127.0.0.1"
rpc_port = 8332
username = "node"
password = "secret of bitcoind"
[connection_options]
auth_token = "9c6b0b5b98c71da2f1507e24d01893b3"
[[events_observer]]
endpoint = "127.0.0.1:30000"
events_keys = ["stackerdb", "block_proposal", "burn_blocks"]
timeout_ms = 2000
"#;

    #[test]
    fn a_good_configuration_is_read() {
        let config = read(GOOD, Path::new("/n"), Some("9c6b0b5b98c71da2f1507e24d01893b3")).unwrap();
        assert_eq!(config.misspelt, []);
        assert!(config.is_stacker && config.has_bootstrap && !config.is_miner);
        assert_eq!(config.token, Token::Present { weakness: None, is_ours: Some(true) });
        let observer = config.observers.first().unwrap();
        assert_eq!((observer.keys.len(), observer.timeout_ms), (3, Some(2_000)));
        assert_eq!(config.bitcoin_port, Some(8_332));
    }

    #[test]
    fn the_login_of_bitcoind_is_found() {
        let login = bitcoin_login(GOOD).unwrap();
        assert_eq!((login.address.as_str(), login.user.as_str()), ("127.0.0.1:8332", "node"));
        for (host, address) in [("::1", "[::1]:8332"), ("bitcoin.example", "bitcoin.example:8332")]
        {
            let text =
                GOOD.replace("peer_host = \"127.0.0.1\"", &format!("peer_host = \"{host}\""));
            assert_eq!(bitcoin_login(&text).unwrap().address, address);
        }
    }

    #[test]
    fn nothing_known_is_a_slip_of_something_else_known() {
        for Known { table, keys } in KNOWN {
            for key in *keys {
                let text = if table.is_empty() {
                    format!("{key} = 1")
                } else {
                    format!("[{table}]\n{key} = 1")
                };
                let table: Table = text.parse().unwrap();
                assert_eq!(misspelt::find(&table, KNOWN, &[]), [], "{key}");
            }
        }
    }
}
