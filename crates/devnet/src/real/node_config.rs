//! The configuration file of a stacks-node that mines alone on regtest.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::Path;

use countersign_wire::{PrivateKey, StacksAddress};

use super::bitcoin::USER;
use super::schedule::Schedule;
use super::wallet::WALLET;

/// What stands in the file.
#[derive(Debug)]
pub(super) struct NodeSettings<'a> {
    /// The node's own folder.
    pub(super) folder: &'a Path,
    pub(super) rpc: SocketAddr,
    pub(super) peer: SocketAddr,
    /// Where it thinks that bitcoind's RPC is.
    pub(super) bitcoin_rpc: SocketAddr,
    pub(super) bitcoin_peer: SocketAddr,
    pub(super) bitcoin_password: &'a str,
    /// Where the seed of the miner's Bitcoin key comes from.
    pub(super) seed: [u8; 32],
    pub(super) peer_seed: [u8; 32],
    pub(super) mining_key: &'a PrivateKey,
    /// What signers show.
    pub(super) auth_password: &'a str,
    /// Where its events go.
    pub(super) observer: SocketAddr,
    pub(super) schedule: Schedule,
    /// The contracts of sBTC's token and registry.
    pub(super) sbtc: [String; 2],
    /// Who has how many µSTX from the start.
    pub(super) balances: &'a [(StacksAddress, u64)],
}

impl NodeSettings<'_> {
    /// The text of the file. What it says is explained in `docs/devnet.md`.
    pub(super) fn to_toml(&self) -> String {
        let mut text = self.node();
        text.push_str(&self.burnchain());
        text.push_str(&self.miner());
        for (epoch, height) in self.schedule.epochs() {
            write_table(
                &mut text,
                "[[burnchain.epochs]]",
                &[("epoch_name", quoted(epoch)), ("start_height", height.to_string())],
            );
        }
        for (address, amount) in self.balances {
            write_table(
                &mut text,
                "[[ustx_balance]]",
                &[("address", quoted(&address.to_string())), ("amount", amount.to_string())],
            );
        }
        text
    }

    fn node(&self) -> String {
        let [token, registry] = &self.sbtc;
        let mut text = String::new();
        write_table(
            &mut text,
            "[node]",
            &[
                ("name", quoted("devnet")),
                ("working_dir", quoted(&self.folder.join("data").to_string_lossy())),
                ("rpc_bind", quoted(&self.rpc.to_string())),
                ("p2p_bind", quoted(&self.peer.to_string())),
                ("data_url", quoted(&format!("http://{}", self.rpc))),
                ("p2p_address", quoted(&self.peer.to_string())),
                ("seed", quoted(&hex::encode(self.seed))),
                ("local_peer_seed", quoted(&hex::encode(self.peer_seed))),
                ("miner", "true".to_owned()),
                ("stacker", "true".to_owned()),
                ("use_test_genesis_chainstate", "true".to_owned()),
                ("pox_sync_sample_secs", "0".to_owned()),
                ("wait_time_for_blocks", "200".to_owned()),
                ("mine_microblocks", "false".to_owned()),
                ("pox_5_sbtc_contract", quoted(token)),
                ("pox_5_sbtc_registry_contract", quoted(registry)),
            ],
        );
        write_table(
            &mut text,
            "[connection_options]",
            &[("auth_token", quoted(self.auth_password))],
        );
        write_table(
            &mut text,
            "[[events_observer]]",
            &[
                ("endpoint", quoted(&self.observer.to_string())),
                ("events_keys", r#"["stackerdb", "block_proposal", "burn_blocks"]"#.to_owned()),
                ("timeout_ms", "5000".to_owned()),
            ],
        );
        text
    }

    fn burnchain(&self) -> String {
        let cycles = self.schedule.cycles();
        let mut text = String::new();
        write_table(
            &mut text,
            "[burnchain]",
            &[
                ("chain", quoted("bitcoin")),
                ("mode", quoted("nakamoto-neon")),
                ("magic_bytes", quoted("T3")),
                ("peer_host", quoted(&self.bitcoin_peer.ip().to_string())),
                ("peer_port", self.bitcoin_peer.port().to_string()),
                ("rpc_port", self.bitcoin_rpc.port().to_string()),
                ("username", quoted(USER)),
                ("password", quoted(self.bitcoin_password)),
                ("wallet_name", quoted(WALLET)),
                ("poll_time_secs", "1".to_owned()),
                ("burn_fee_cap", "20000".to_owned()),
                ("commit_anchor_block_within", "0".to_owned()),
                ("pox_reward_length", cycles.length.to_string()),
                ("pox_prepare_length", cycles.prepare.to_string()),
            ],
        );
        text
    }

    fn miner(&self) -> String {
        let mut text = String::new();
        let vrf = self.folder.join("vrf-key.json");
        write_table(
            &mut text,
            "[miner]",
            &[
                // The 01 says that the public key is compressed.
                ("mining_key", quoted(&format!("{}01", self.mining_key.to_hex().as_str()))),
                // Without it a node that was restarted makes blocks that are not valid.
                ("activated_vrf_key_path", quoted(&vrf.to_string_lossy())),
                ("first_attempt_time_ms", "500".to_owned()),
                ("subsequent_attempt_time_ms", "500".to_owned()),
                ("wait_on_interim_blocks_ms", "100".to_owned()),
                ("block_commit_delay_ms", "1000".to_owned()),
            ],
        );
        text
    }
}

fn write_table(text: &mut String, head: &str, rows: &[(&str, String)]) {
    writeln!(text, "{head}").expect("writing to a string cannot fail");
    for (key, value) in rows {
        writeln!(text, "{key} = {value}").expect("writing to a string cannot fail");
    }
    text.push('\n');
}

/// JSON's strings are TOML's basic strings.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
