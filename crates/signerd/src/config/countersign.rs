//! The table `[countersign]`: what the reference does not have. The reference refuses it.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use countersign_custody::{KEYS as KEY_TABLE, KeyPlace, KeyTable};
use countersign_node::{AllowedPeers, AuthPassword, TlsSettings};
use countersign_ops::control::check_len;
use countersign_ops::secret::Secret;
use countersign_ops::telemetry::check_filter;
use countersign_status::is_loopback;
use countersign_wire::Network;
use serde::Deserialize;

use super::door::{self, TLS_KEYS, TlsTable};
use super::file::{auth_password, unknown_key};
use super::{Caution, HostPort, MEGABYTE, Problem, StatusPage};
use crate::decisions::Limits;
use crate::recorder::Recording;

/// A node that may take the place of the preferred one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FallbackNode {
    /// Where its RPC is.
    pub host: HostPort,
    /// Its password for block validation and upload.
    pub auth_password: AuthPassword,
    /// Mutual TLS with a proxy in front of it, if there is one.
    pub tls: Option<TlsSettings>,
}

/// Every key of the table with its default.
#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Countersign {
    allowed_peers: Vec<String>,
    control_socket: Option<PathBuf>,
    decision_log_days: u64,
    decision_log_mb: u64,
    fallback_nodes: Vec<Fallback>,
    key: Option<KeyTable>,
    listen_before_signing_secs: u64,
    lost_peer_floor_secs: u64,
    next_key: Option<KeyTable>,
    node_probe_ms: u64,
    node_tls: Option<TlsTable>,
    record: Option<PathBuf>,
    record_max_mb: u64,
    log: Option<String>,
    status_page: Option<String>,
    status_page_peer: Option<String>,
    tls: Option<TlsTable>,
}

/// An entry of `fallback_nodes` as it is written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Fallback {
    host: String,
    auth_password: Option<Secret<String>>,
    node_tls: Option<TlsTable>,
    #[serde(default)]
    plain: bool,
}

/// The keys of [`Countersign`], for suggestions. A test holds the two together.
pub(super) const KEYS: [&str; 17] = [
    "allowed_peers",
    "control_socket",
    "decision_log_days",
    "decision_log_mb",
    "fallback_nodes",
    "key",
    "listen_before_signing_secs",
    "log",
    "lost_peer_floor_secs",
    "next_key",
    "node_probe_ms",
    "node_tls",
    "record",
    "record_max_mb",
    "status_page",
    "status_page_peer",
    "tls",
];
/// The keys of [`Fallback`].
const FALLBACK_KEYS: [&str; 4] = ["host", "auth_password", "node_tls", "plain"];

impl Default for Countersign {
    fn default() -> Self {
        Self {
            allowed_peers: Vec::new(),
            control_socket: None,
            decision_log_days: 90,
            decision_log_mb: 2_048,
            fallback_nodes: Vec::new(),
            key: None,
            listen_before_signing_secs: 30,
            log: None,
            lost_peer_floor_secs: FLOOR_SECS,
            next_key: None,
            node_probe_ms: 2_000,
            node_tls: None,
            record: None,
            record_max_mb: 256,
            status_page: None,
            status_page_peer: None,
            tls: None,
        }
    }
}

impl Countersign {
    /// Who may connect to the endpoints.
    pub(super) fn allowed_peers(&self) -> Result<AllowedPeers, Problem> {
        door::allowed_peers(&self.allowed_peers)
    }

    /// Mutual TLS on the endpoint.
    pub(super) fn tls(&self) -> Result<Option<TlsSettings>, Problem> {
        self.tls.as_ref().map(|table| table.settings("countersign.tls")).transpose()
    }

    /// Mutual TLS with what stands in front of the preferred node.
    pub(super) fn node_tls(&self) -> Result<Option<TlsSettings>, Problem> {
        self.node_tls.as_ref().map(|table| table.settings("countersign.node_tls")).transpose()
    }

    /// The fall-backs in their order. One without a password or TLS has that of the preferred node.
    pub(super) fn fallback_nodes(
        &self,
        preferred: &HostPort,
        password: &AuthPassword,
    ) -> Result<Vec<FallbackNode>, Problem> {
        let count = self.fallback_nodes.len();
        if count > MAX_FALLBACKS {
            return Err(Problem::TooManyNodes { key: FALLBACKS, count, most: MAX_FALLBACKS });
        }
        let mut nodes: Vec<FallbackNode> = Vec::new();
        for fallback in &self.fallback_nodes {
            let host = HostPort::parse(FALLBACK_HOST, fallback.host.clone())?;
            let is_known = |known: &HostPort| known.as_str() == host.as_str();
            if is_known(preferred) || nodes.iter().any(|node| is_known(&node.host)) {
                return Err(Problem::NodeTwice { host: host.to_string(), key: FALLBACKS });
            }
            let auth_password = match &fallback.auth_password {
                Some(own) => auth_password(FALLBACK_PASSWORD, own)?,
                None => password.clone(),
            };
            let tls = self.fallback_tls(fallback)?;
            nodes.push(FallbackNode { host, auth_password, tls });
        }
        Ok(nodes)
    }

    fn fallback_tls(&self, fallback: &Fallback) -> Result<Option<TlsSettings>, Problem> {
        match (&fallback.node_tls, fallback.plain) {
            (Some(_), true) => {
                Err(Problem::PlainAndTls { key: FALLBACKS, host: fallback.host.clone() })
            }
            (Some(own), false) => own.settings(FALLBACK_TLS).map(Some),
            (None, true) => Ok(None),
            (None, false) => self.node_tls(),
        }
    }

    /// Where the key is kept, if not in the file itself.
    pub(super) fn key(&self) -> Result<Option<KeyPlace>, Problem> {
        let place = self.key.clone().map(KeyTable::place).transpose();
        place.map_err(Problem::KeyPlace)
    }

    /// Where the key is kept that is to take the other's place.
    pub(super) fn next_key(&self) -> Result<Option<KeyPlace>, Problem> {
        let place = self.next_key.clone().map(KeyTable::place).transpose();
        place.map_err(Problem::NextKeyPlace)
    }

    /// Where is recorded, and how much.
    pub(super) fn recording(&self) -> Result<Option<Recording>, Problem> {
        let Some(folder) = &self.record else { return Ok(None) };
        if folder.as_os_str().is_empty() || self.record_max_mb == 0 {
            return Err(Problem::Recording);
        }
        let max_bytes = self.record_max_mb.saturating_mul(MEGABYTE);
        Ok(Some(Recording { folder: folder.clone(), max_bytes }))
    }

    /// How much of what was decided is kept. The file that is written is full at a sixteenth of it at most.
    pub(super) fn decision_log(&self) -> Result<Limits, Problem> {
        let (megabytes, days) = (self.decision_log_mb, self.decision_log_days);
        if megabytes == 0 || days == 0 {
            return Err(Problem::DecisionLog);
        }
        let usual = Limits::keeping(megabytes.saturating_mul(MEGABYTE), days);
        Ok(Limits { file_bytes: usual.file_bytes.min(usual.total_bytes / 16), ..usual })
    }

    /// Where commands reach the daemon, if it is not the usual place.
    pub(super) fn control_socket(&self) -> Result<Option<PathBuf>, Problem> {
        let Some(path) = &self.control_socket else { return Ok(None) };
        if path.file_name().is_none() {
            return Err(Problem::ControlSocket(path.clone()));
        }
        check_len(path)?;
        Ok(Some(path.clone()))
    }

    /// How long this signer keeps from signing when nobody can say that it is the only one.
    pub(super) fn caution(&self, network: Network) -> Result<Caution, Problem> {
        let floor = self.lost_peer_floor_secs;
        if floor < FLOOR_SECS && network != Network::Mocknet {
            return Err(Problem::Floor { floor, least: FLOOR_SECS });
        }
        Ok(Caution {
            listening: Duration::from_secs(self.listen_before_signing_secs),
            floor: Duration::from_secs(floor),
        })
    }

    /// What is logged, if the environment does not decide.
    pub(super) fn log(&self) -> Result<Option<String>, Problem> {
        let Some(filter) = &self.log else { return Ok(None) };
        check_filter(filter).map_err(|source| Problem::Log { source })?;
        Ok(Some(filter.clone()))
    }

    /// Where the status page is: on this machine, where nobody else can see it, or in a container, for one address.
    pub(super) fn status_page(&self) -> Result<Option<StatusPage>, Problem> {
        let (value, peer) = match (&self.status_page, &self.status_page_peer) {
            (None, None) => return Ok(None),
            (Some(value), peer) => (value, peer.as_ref()),
            (None, Some(peer)) => return Err(Problem::StatusPagePeer { value: peer.clone() }),
        };
        let outside = || Problem::StatusPage { value: value.clone() };
        let address: SocketAddr = value.parse().map_err(|_| outside())?;
        let Some(peer) = peer else {
            let is_here = is_loopback(&address);
            return if is_here {
                Ok(Some(StatusPage { address, peer: None }))
            } else {
                Err(outside())
            };
        };
        let alien = || Problem::StatusPagePeer { value: peer.clone() };
        let only: IpAddr = peer.parse().map_err(|_| alien())?;
        if is_loopback(&address) || address.ip().is_unspecified() || only.is_unspecified() {
            return Err(alien());
        }
        Ok(Some(StatusPage { address, peer: Some(only) }))
    }

    /// How often each node is looked at.
    pub(super) const fn node_probe(&self) -> Duration {
        Duration::from_millis(self.node_probe_ms)
    }
}

/// Refuses keys that nobody knows, by name and with a suggestion.
pub(super) fn check_keys(ours: &toml::Value) -> Result<(), Problem> {
    let Some(table) = ours.as_table() else { return Ok(()) };
    if let Some(key) = table.keys().find(|key| !KEYS.contains(&key.as_str())) {
        return Err(unknown_key("countersign.", key, &KEYS));
    }
    check_tls_keys(table, "tls", "countersign.tls.")?;
    check_tls_keys(table, "node_tls", "countersign.node_tls.")?;
    check_place_keys(table, "key", "countersign.key.")?;
    check_place_keys(table, "next_key", "countersign.next_key.")?;
    let fallbacks = table.get("fallback_nodes").and_then(toml::Value::as_array);
    for fallback in fallbacks.into_iter().flatten().filter_map(toml::Value::as_table) {
        if let Some(key) = fallback.keys().find(|key| !FALLBACK_KEYS.contains(&key.as_str())) {
            return Err(unknown_key("countersign.fallback_nodes.", key, &FALLBACK_KEYS));
        }
        check_tls_keys(fallback, "node_tls", "countersign.fallback_nodes.node_tls.")?;
    }
    Ok(())
}

/// The same for the table `name` in `table`, which `path` leads to.
fn check_tls_keys(table: &toml::Table, name: &str, path: &str) -> Result<(), Problem> {
    let keys = table.get(name).and_then(toml::Value::as_table).map(toml::Table::keys);
    match keys.into_iter().flatten().find(|key| !TLS_KEYS.contains(&key.as_str())) {
        Some(key) => Err(unknown_key(path, key, &TLS_KEYS)),
        None => Ok(()),
    }
}

/// The same for the place of a key that the table `name` says.
fn check_place_keys(table: &toml::Table, name: &str, path: &str) -> Result<(), Problem> {
    let keys = table.get(name).and_then(toml::Value::as_table).map(toml::Table::keys);
    match keys.into_iter().flatten().find(|key| !KEY_TABLE.contains(&key.as_str())) {
        Some(key) => Err(unknown_key(path, key, &KEY_TABLE)),
        None => Ok(()),
    }
}

/// A proposal that is older than this is dropped unanswered (`block_proposal_max_age_secs`): whatever the
/// lost instance has signed, nobody asks for its rival any more.
const FLOOR_SECS: u64 = 600;
/// Each is looked at every few seconds.
const MAX_FALLBACKS: usize = 8;

const FALLBACKS: &str = "countersign.fallback_nodes";
pub(super) const FALLBACK_HOST: &str = "countersign.fallback_nodes.host";
const FALLBACK_TLS: &str = "countersign.fallback_nodes.node_tls";
const FALLBACK_PASSWORD: &str = "countersign.fallback_nodes.auth_password";

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

    use super::super::Config;
    use super::*;

    fn with_table(table: &str) -> Result<Config, Problem> {
        Config::parse(&format!(
            "node_host = \"127.0.0.1:20443\"\nendpoint = \"127.0.0.1:30000\"\n\
             stacks_private_key = \"{}\"\nnetwork = \"testnet\"\nauth_password = \"first\"\n\
             db_path = \":memory:\"\n{table}",
            "01".repeat(32)
        ))
    }

    fn refusal(table: &str) -> String {
        with_table(table).unwrap_err().to_string()
    }

    #[test]
    fn a_plain_file_has_no_fall_back() {
        let config = with_table("").unwrap();
        assert_eq!((config.fallback_nodes.len(), config.node_probe.as_millis()), (0, 2000));
        assert!(!config.to_string().contains("Fall-back"));
    }

    #[test]
    fn fall_backs_are_read_in_their_order_with_their_own_password_or_the_first() {
        let config = with_table(
            "[countersign]\nnode_probe_ms = 500\nfallback_nodes = [{ host = \"10.0.0.2:20443\", \
             auth_password = \"second\" }, { host = \"node3:20443\" }]",
        )
        .unwrap();
        let [second, third] = config.fallback_nodes.as_slice() else { unreachable!() };
        assert_eq!(second.host.as_str(), "10.0.0.2:20443");
        assert_eq!(second.auth_password, AuthPassword::new("second"));
        assert_eq!(third.host.as_str(), "node3:20443");
        assert_eq!(third.auth_password, AuthPassword::new("first"));
        assert_eq!(config.node_probe.as_millis(), 500);
        let shown = config.to_string();
        assert!(shown.contains("Fall-back node: 10.0.0.2:20443\nFall-back node: node3:20443\n"));
        assert!(!format!("{config:?}{shown}").contains("second\""), "{config:?}");
    }

    #[test]
    fn nothing_is_recorded_unless_a_folder_is_named() {
        assert_eq!(with_table("[countersign]\nrecord_max_mb = 5").unwrap().recording, None);
        let config = with_table("[countersign]\nrecord = \"tapes\"\nrecord_max_mb = 5").unwrap();
        assert!(config.to_string().contains("Recordings: tapes, 5 MB each\n"), "{config}");
        let recording = Recording { folder: "tapes".into(), max_bytes: 5 * 1024 * 1024 };
        assert_eq!(config.recording, Some(recording));
        for spoilt in ["record = \"\"", "record = \"tapes\"\nrecord_max_mb = 0"] {
            let refusal = refusal(&format!("[countersign]\n{spoilt}"));
            assert!(refusal.contains("`countersign.record` names a folder"), "{refusal}");
        }
    }

    #[test]
    fn the_control_socket_is_beside_the_store_of_a_signer_that_keeps_one() {
        let socket = |file: &str, dry_run: bool| {
            let text = format!(
                "node_host = \"a:1\"\nendpoint = \"a:2\"\nstacks_private_key = \"{}\"\n\
                 network = \"testnet\"\nauth_password = \"x\"\ndb_path = \"{file}\"\n\
                 dry_run = {dry_run}\n",
                "01".repeat(32)
            );
            Config::parse(&text).unwrap().control_socket()
        };
        let usual = Some("/var/lib/signer.countersign-control.sock".into());
        assert_eq!(socket("/var/lib/signer.db", false), usual);
        assert_eq!(socket("/var/lib/signer.db", true), None);
        assert_eq!(socket(":memory:", false), None);
    }

    #[test]
    fn a_control_socket_that_cannot_be_is_refused() {
        let named = with_table("[countersign]\ncontrol_socket = \"/run/c/s.sock\"").unwrap();
        assert_eq!(named.control_socket(), Some("/run/c/s.sock".into()));
        let name = "s".repeat(104);
        let refused = refusal(&format!("[countersign]\ncontrol_socket = \"/run/{name}\""));
        assert!(refused.contains("has 109 bytes, and the kernel takes at most 107"), "{refused}");
        let refused = refusal("[countersign]\ncontrol_socket = \"/\"");
        assert_eq!(refused, "`countersign.control_socket` = `/` does not name a file");
    }

    #[test]
    fn the_status_page_is_off_unless_it_is_named_and_nowhere_but_on_this_machine() {
        assert_eq!(with_table("").unwrap().status_page, None);
        for address in ["127.0.0.1:30002", "[::1]:30002", "127.0.0.1:0"] {
            let config =
                with_table(&format!("[countersign]\nstatus_page = \"{address}\"")).unwrap();
            let page = StatusPage { address: address.parse().unwrap(), peer: None };
            assert_eq!(config.status_page, Some(page));
            assert!(config.to_string().contains(&format!("Status page: http://{address}/\n")));
        }
        for outside in ["0.0.0.0:1", "10.0.0.1:1", "[::]:1", "localhost:1", "30002", "\\n"] {
            let refused = refusal(&format!("[countersign]\nstatus_page = \"{outside}\""));
            assert!(refused.contains("`countersign.status_page` = "), "{refused}");
            assert!(!refused.contains('\n'), "{refused}");
        }
    }

    #[test]
    fn a_status_page_in_a_container_is_for_one_address() {
        let said = |page: &str, peer: &str| {
            format!("[countersign]\nstatus_page = \"{page}\"\nstatus_page_peer = \"{peer}\"")
        };
        let page = with_table(&said("172.30.94.2:30003", "172.30.94.1")).unwrap().status_page;
        let address = "172.30.94.2:30003".parse().unwrap();
        let peer = Some("172.30.94.1".parse().unwrap());
        assert_eq!(page, Some(StatusPage { address, peer }));
        for (page, peer) in [
            ("0.0.0.0:30003", "172.30.94.1"),
            ("172.30.94.2:30003", "0.0.0.0"),
            ("172.30.94.2:30003", "172.30.94.0/28"),
            ("127.0.0.1:30003", "172.30.94.1"),
        ] {
            let refused = refusal(&said(page, peer));
            assert!(refused.contains("`countersign.status_page_peer` = "), "{refused}");
        }
        let alone = refusal("[countersign]\nstatus_page_peer = \"172.30.94.1\"");
        assert!(alone.contains("`countersign.status_page_peer` = "), "{alone}");
    }

    #[test]
    fn only_a_mocknet_does_without_the_floor() {
        let usual = with_table("").unwrap().caution;
        assert_eq!((usual.listening.as_secs(), usual.floor.as_secs()), (30, 600));
        let table = "[countersign]\nlost_peer_floor_secs = 599\nlisten_before_signing_secs = 0";
        let refused = refusal(table);
        assert!(
            refused.contains("`countersign.lost_peer_floor_secs` = 599 is too short"),
            "{refused}"
        );
    }

    #[test]
    fn a_key_stands_in_the_file_or_is_kept_elsewhere() {
        assert!(matches!(with_table("").unwrap().key, KeyPlace::Plain(_)));
        let both = refusal("[countersign]\nkey = { credential = \"signer-key\" }");
        assert!(both.contains("`stacks_private_key` and `countersign.key`"), "{both}");
        let text = "node_host = \"127.0.0.1:20443\"\nendpoint = \"127.0.0.1:30000\"\n\
                    network = \"testnet\"\nauth_password = \"first\"\ndb_path = \":memory:\"\n";
        let neither = Config::parse(text).unwrap_err().to_string();
        assert!(neither.starts_with("the key `stacks_private_key` is missing"), "{neither}");
        let kept = |place: &str| Config::parse(&format!("{text}[countersign]\nkey = {place}"));
        let config = kept("{ credential = \"signer-key\" }").unwrap();
        assert!(matches!(&config.key, KeyPlace::Credential(name) if name == "signer-key"));
        assert!(config.to_string().contains("Key: credential signer-key\n"), "{config}");
        let refused = kept("{ credential = \"signer-key\", age = \"k\" }").unwrap_err();
        assert_eq!(
            refused.to_string(),
            "`countersign.key`: name one place: `age`, `credential`, `pkcs11` or `vault`"
        );
    }

    #[test]
    fn unknown_keys_are_refused_with_a_suggestion() {
        assert_eq!(
            refusal("[countersign]\nfallback_node = []"),
            "unknown key `countersign.fallback_node`; did you mean `fallback_nodes`?"
        );
        assert_eq!(
            refusal("[countersign]\nfallback_nodes = [{ host = \"a:1\", auth_pasword = \"x\" }]"),
            "unknown key `countersign.fallback_nodes.auth_pasword`; did you mean `auth_password`?"
        );
        assert_eq!(
            refusal("[countersign]\nkey = { age = \"k\", identitty = \"i\" }"),
            "unknown key `countersign.key.identitty`; did you mean `identity`?"
        );
        assert_eq!(refusal("[countersign]\ncolour = 1"), "unknown key `countersign.colour`");
    }

    #[test]
    fn a_bad_fall_back_is_refused_by_name() {
        let entry = |entry: &str| refusal(&format!("[countersign]\nfallback_nodes = [{entry}]"));
        assert_eq!(
            entry("{ host = \"10.0.0.2\" }"),
            "`countersign.fallback_nodes.host` = `10.0.0.2` has no port; write host:port, such as \
             127.0.0.1:20443"
        );
        let twice = "is listed twice; name each node once, in `node_host` or in \
                     `countersign.fallback_nodes`";
        assert_eq!(
            entry("{ host = \"127.0.0.1:20443\" }"),
            format!("the node `127.0.0.1:20443` {twice}")
        );
        assert_eq!(
            entry("{ host = \"a:1\" }, { host = \"a:1\" }"),
            format!("the node `a:1` {twice}")
        );
        assert_eq!(
            entry("{ host = \"a:1\", auth_password = \"\u{e9}\" }"),
            "`countersign.fallback_nodes.auth_password` may hold only visible ASCII characters; it \
             is not shown here"
        );
        let many: Vec<_> = (1..=9).map(|port| format!("{{ host = \"a:{port}\" }}")).collect();
        assert_eq!(
            entry(&many.join(", ")),
            "`countersign.fallback_nodes` lists 9 nodes; list at most 8"
        );
        assert!(entry("\"a:1\"").contains("wrong type"), "{}", entry("\"a:1\""));
        assert!(entry("{}").contains("host"), "{}", entry("{}"));
    }

    #[test]
    fn the_documentation_lists_every_key_of_the_table_once() {
        let doc = include_str!("../../../../docs/config.md");
        let (_, rest) = doc.split_once("## Keys of Countersign").unwrap();
        let (table, _) = rest.split_once("\n## ").unwrap();
        let documented: Vec<&str> =
            table.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next()).collect();
        assert_eq!(documented, KEYS);
    }

    #[test]
    fn the_keys_for_suggestions_are_the_keys_that_are_read() {
        let table: toml::Table = "unheard_of = 1".parse().unwrap();
        let refusal = table.try_into::<Countersign>().unwrap_err().to_string();
        let named = refusal.split_once("expected").unwrap().1;
        assert!(KEYS.iter().all(|key| named.contains(&format!("`{key}`"))), "{refusal}");
        assert_eq!(named.matches('`').count(), 2 * KEYS.len(), "{refusal}");
    }
}
