//! The file as it is written: types and defaults, no meaning yet.

use std::time::Duration;

use countersign_custody::KeyPlace;
use countersign_node::AuthPassword;
use countersign_ops::config_file;
use countersign_ops::secret::Secret;
use countersign_signer::{DEFAULT_REPLAY_BLOCKS, Millis, Timeouts};
use countersign_wire::{ChainId, Network, PrivateKey};
use serde::Deserialize;

use super::countersign::{self, Countersign};
use super::{Config, DbPath, HostPort, Outline, Problem};

/// Every key of the file with its default. Keys without one are `None` here and refused later.
#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct File {
    node_host: Option<String>,
    endpoint: Option<String>,
    stacks_private_key: Option<Secret<String>>,
    network: Option<String>,
    auth_password: Option<Secret<String>>,
    db_path: Option<String>,
    metrics_endpoint: Option<String>,
    chain_id: Option<u32>,
    event_timeout_ms: u64,
    first_proposal_burn_block_timing_secs: u64,
    block_proposal_timeout_ms: u64,
    tenure_last_block_proposal_timeout_secs: u64,
    block_proposal_validation_timeout_ms: u64,
    tenure_idle_timeout_secs: u64,
    read_count_idle_timeout_secs: u64,
    tenure_idle_timeout_buffer_secs: u64,
    block_proposal_max_age_secs: u64,
    reorg_attempts_activity_timeout_ms: u64,
    proposal_wait_for_parent_time_secs: u64,
    capitulate_miner_view_timeout_secs: u64,
    stackerdb_timeout_secs: u64,
    dry_run: bool,
    validate_with_replay_tx: bool,
    reset_replay_set_after_fork_blocks: u64,
    /// Reserved for what the reference does not have.
    countersign: Countersign,
}

/// The keys of [`File`], for suggestions. A test holds the two together.
pub(super) const KEYS: [&str; 25] = [
    "node_host",
    "endpoint",
    "stacks_private_key",
    "network",
    "auth_password",
    "db_path",
    "metrics_endpoint",
    "chain_id",
    "event_timeout_ms",
    "first_proposal_burn_block_timing_secs",
    "block_proposal_timeout_ms",
    "tenure_last_block_proposal_timeout_secs",
    "block_proposal_validation_timeout_ms",
    "tenure_idle_timeout_secs",
    "read_count_idle_timeout_secs",
    "tenure_idle_timeout_buffer_secs",
    "block_proposal_max_age_secs",
    "reorg_attempts_activity_timeout_ms",
    "proposal_wait_for_parent_time_secs",
    "capitulate_miner_view_timeout_secs",
    "stackerdb_timeout_secs",
    "dry_run",
    "validate_with_replay_tx",
    "reset_replay_set_after_fork_blocks",
    "countersign",
];

impl Default for File {
    fn default() -> Self {
        let timeouts = Timeouts::default();
        Self {
            node_host: None,
            endpoint: None,
            stacks_private_key: None,
            network: None,
            auth_password: None,
            db_path: None,
            metrics_endpoint: None,
            chain_id: None,
            event_timeout_ms: 5_000,
            first_proposal_burn_block_timing_secs: timeouts
                .first_proposal_burn_block_timing
                .ceil_secs(),
            block_proposal_timeout_ms: timeouts.block_proposal.get(),
            tenure_last_block_proposal_timeout_secs: timeouts.tenure_last_block.ceil_secs(),
            block_proposal_validation_timeout_ms: timeouts.validation.get(),
            tenure_idle_timeout_secs: timeouts.tenure_idle.ceil_secs(),
            read_count_idle_timeout_secs: timeouts.read_count_idle.ceil_secs(),
            tenure_idle_timeout_buffer_secs: timeouts.tenure_idle_buffer.ceil_secs(),
            block_proposal_max_age_secs: timeouts.proposal_max_age.ceil_secs(),
            reorg_attempts_activity_timeout_ms: timeouts.reorg_attempts_activity.get(),
            proposal_wait_for_parent_time_secs: timeouts.wait_for_parent.ceil_secs(),
            capitulate_miner_view_timeout_secs: timeouts.capitulate.ceil_secs(),
            stackerdb_timeout_secs: 120,
            dry_run: false,
            validate_with_replay_tx: false,
            reset_replay_set_after_fork_blocks: DEFAULT_REPLAY_BLOCKS,
            countersign: Countersign::default(),
        }
    }
}

/// The text as a table of whatever keys it has.
pub(super) fn table(text: &str) -> Result<toml::Table, Problem> {
    text.parse().map_err(|error| not_toml(text, &error))
}

/// Reads the text of a file.
pub(super) fn read(text: &str) -> Result<File, Problem> {
    let table = table(text)?;
    if let Some(key) = table.keys().find(|key| !KEYS.contains(&key.as_str())) {
        return Err(unknown_key("", key, &KEYS));
    }
    if let Some(ours) = table.get("countersign") {
        countersign::check_keys(ours)?;
    }
    table.try_into().map_err(|error: toml::de::Error| {
        let what = error.to_string().split_whitespace().collect::<Vec<_>>().join(" ");
        Problem::WrongType { what }
    })
}

impl File {
    /// Gives every value its meaning.
    pub(super) fn into_config(self, outline: Outline) -> Result<Config, Problem> {
        let timeouts = self.timeouts();
        let network: Network =
            required(self.network, "network", "\"mainnet\"")?.parse().map_err(Problem::Network)?;
        let node_host = required(self.node_host, "node_host", "\"127.0.0.1:20443\"")?;
        let endpoint = required(self.endpoint, "endpoint", "\"127.0.0.1:30000\"")?;
        let key = key(self.stacks_private_key, self.countersign.key()?)?;
        let password =
            required(self.auth_password, "auth_password", "\"<the node's auth_token>\"")?;
        let db_path = required(self.db_path, "db_path", "\"signer.sqlite\"")?;
        let db_path = DbPath::parse(db_path)?;
        if db_path == DbPath::Memory && network == Network::Mainnet {
            return Err(Problem::MemoryOnMainnet);
        }
        let auth_password = auth_password("auth_password", &password)?;
        let node_host = HostPort::parse("node_host", node_host)?;
        Ok(Config {
            fallback_nodes: self.countersign.fallback_nodes(&node_host, &auth_password)?,
            node_probe: self.countersign.node_probe(),
            allowed_peers: self.countersign.allowed_peers()?,
            tls: self.countersign.tls()?,
            node_tls: self.countersign.node_tls()?,
            recording: self.countersign.recording()?,
            decision_log: self.countersign.decision_log()?,
            log: self.countersign.log()?,
            named_control_socket: self.countersign.control_socket()?,
            status_page: self.countersign.status_page()?,
            caution: self.countersign.caution(network)?,
            is_standby: false,
            node_host,
            endpoint: HostPort::parse("endpoint", endpoint)?,
            next_key: self.countersign.next_key()?,
            key,
            path: None,
            network,
            chain_id: self.chain_id.map_or(network.default_chain_id(), ChainId::new),
            auth_password,
            db_path,
            metrics_endpoint: self
                .metrics_endpoint
                .map(|text| HostPort::parse("metrics_endpoint", text))
                .transpose()?,
            event_timeout: Duration::from_millis(self.event_timeout_ms),
            stackerdb_timeout: Duration::from_secs(self.stackerdb_timeout_secs),
            is_dry_run: self.dry_run,
            is_init: false,
            validate_with_replay_tx: self.validate_with_replay_tx,
            reset_replay_set_after_fork_blocks: self.reset_replay_set_after_fork_blocks,
            timeouts,
            outline,
        })
    }

    fn timeouts(&self) -> Timeouts {
        Timeouts {
            block_proposal: Millis::new(self.block_proposal_timeout_ms),
            validation: Millis::new(self.block_proposal_validation_timeout_ms),
            proposal_max_age: Millis::from_secs(self.block_proposal_max_age_secs),
            first_proposal_burn_block_timing: Millis::from_secs(
                self.first_proposal_burn_block_timing_secs,
            ),
            tenure_last_block: Millis::from_secs(self.tenure_last_block_proposal_timeout_secs),
            reorg_attempts_activity: Millis::new(self.reorg_attempts_activity_timeout_ms),
            wait_for_parent: Millis::from_secs(self.proposal_wait_for_parent_time_secs),
            tenure_idle: Millis::from_secs(self.tenure_idle_timeout_secs),
            read_count_idle: Millis::from_secs(self.read_count_idle_timeout_secs),
            tenure_idle_buffer: Millis::from_secs(self.tenure_idle_timeout_buffer_secs),
            capitulate: Millis::from_secs(self.capitulate_miner_view_timeout_secs),
        }
    }
}

fn required<T>(value: Option<T>, key: &'static str, example: &'static str) -> Result<T, Problem> {
    value.ok_or(Problem::MissingKey { key, example })
}

/// The key stands in the file, as the reference's does, or is kept elsewhere.
fn key(plain: Option<Secret<String>>, place: Option<KeyPlace>) -> Result<KeyPlace, Problem> {
    match (plain, place) {
        (Some(_), Some(_)) => Err(Problem::TwoKeys),
        (None, Some(place)) => Ok(place),
        (plain, None) => {
            let plain = required(plain, "stacks_private_key", "\"<64 hex digits>\"")?;
            let key = PrivateKey::from_hex(plain.expose()).map_err(Problem::PrivateKey)?;
            Ok(KeyPlace::Plain(key))
        }
    }
}

/// It is sent as a header, which takes visible ASCII and spaces.
pub(super) fn auth_password(
    key: &'static str,
    password: &Secret<String>,
) -> Result<AuthPassword, Problem> {
    if password.expose().bytes().any(|byte| !(0x20..0x7f).contains(&byte)) {
        return Err(Problem::Password { key });
    }
    Ok(AuthPassword::new(password.expose().as_str()))
}

/// The parser's own message shows the line, which may hold the private key.
fn not_toml(text: &str, error: &toml::de::Error) -> Problem {
    let at = error.span().map_or(0, |span| span.start);
    let line = config_file::line_at(text, at);
    let what = error.message().lines().next().unwrap_or("it cannot be parsed").to_owned();
    Problem::NotToml { line, what }
}

/// The refusal of `key` in the table that `path` leads to, which has the keys `known`.
pub(super) fn unknown_key(path: &str, key: &str, known: &[&'static str]) -> Problem {
    let likeness = |known: &&str| strsim::jaro_winkler(key, known);
    let meant = known
        .iter()
        .copied()
        .max_by(|one, other| likeness(one).total_cmp(&likeness(other)))
        .filter(|known| likeness(known) > 0.85);
    Problem::UnknownKey { key: format!("{path}{key}"), meant }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[test]
    fn the_keys_for_suggestions_are_the_keys_that_are_read() {
        let table: toml::Table = "unheard_of = 1".parse().unwrap();
        let refusal = table.try_into::<File>().unwrap_err().to_string();
        let expected: Vec<_> = refusal
            .split_once("expected one of")
            .unwrap()
            .1
            .split('`')
            .skip(1)
            .step_by(2)
            .filter(|key| *key != "unheard_of")
            .collect();
        assert_eq!(expected.get(..KEYS.len()).unwrap(), KEYS);
    }

    #[test]
    fn the_documentation_lists_every_key_once() {
        let doc = include_str!("../../../../docs/config.md");
        let (tables, _) = doc.split_once("## Keys of Countersign").unwrap();
        let mut documented: Vec<&str> =
            tables.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next()).collect();
        let mut keys = KEYS.to_vec();
        documented.sort_unstable();
        keys.sort_unstable();
        assert_eq!(documented, keys);
    }

    #[test]
    fn the_documented_defaults_are_those_of_the_code() {
        let doc = include_str!("../../../../docs/config.md");
        let said = format!("{:?}", File::default());
        for line in doc.lines() {
            let mut cells = line.split('|').skip(1).map(str::trim);
            let (Some(key), Some(default)) = (cells.next(), cells.next()) else { continue };
            if default.parse::<u64>().is_ok() {
                let expected = format!("{}: {default}", key.trim_matches('`'));
                assert!(said.contains(&expected), "{expected} is not in {said}");
            }
        }
    }
}
