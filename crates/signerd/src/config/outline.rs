//! What a file says, key by key, to compare it with what it says later.

use std::collections::BTreeMap;
use std::fmt;
use std::hash::{BuildHasher as _, RandomState};

use super::Problem;

/// Every key of a file with its value. Of keys that are not known to be harmless only a fingerprint is
/// kept, under a number that nobody else has, so it tells whether a secret has changed and nothing else.
#[derive(Clone)]
pub struct Outline {
    values: BTreeMap<String, Value>,
    fingerprints: RandomState,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Value {
    Shown(String),
    Hidden(u64),
}

/// A key whose value is another one than before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The key, such as `countersign.fallback_nodes[0].host`.
    pub key: String,
    /// The old and the new value; `default` where the file does not have the key. None for a secret.
    pub values: Option<(String, String)>,
}

impl Outline {
    /// The outline of a file's text.
    ///
    /// # Errors
    /// If it is no TOML.
    pub fn of(text: &str) -> Result<Self, Problem> {
        let mut outline = Self { values: BTreeMap::new(), fingerprints: RandomState::new() };
        outline.read(text)?;
        Ok(outline)
    }

    /// The outline of another text, to be compared with this one.
    pub(crate) fn like_this(&self, text: &str) -> Result<Self, Problem> {
        let mut outline = Self { values: BTreeMap::new(), fingerprints: self.fingerprints.clone() };
        outline.read(text)?;
        Ok(outline)
    }

    /// What is different in `later`, an outline that [`Self::like_this`] made.
    pub(crate) fn changes(&self, later: &Self) -> Vec<Change> {
        let mut keys: Vec<&String> = self.values.keys().chain(later.values.keys()).collect();
        keys.sort_unstable();
        keys.dedup();
        let change = |key: &String| {
            let (old, new) = (self.values.get(key), later.values.get(key));
            (old != new).then(|| Change { key: key.clone(), values: shown(old).zip(shown(new)) })
        };
        keys.into_iter().filter_map(change).collect()
    }

    /// Takes over a key from `later`.
    pub(crate) fn adopt(&mut self, key: &str, later: &Self) {
        match later.values.get(key) {
            Some(value) => drop(self.values.insert(key.to_owned(), value.clone())),
            None => drop(self.values.remove(key)),
        }
    }

    /// Every key with its value; none where it is not known to be harmless.
    pub fn keys(&self) -> impl Iterator<Item = (&str, Option<&str>)> {
        self.values.iter().map(|(key, value)| match value {
            Value::Shown(text) => (key.as_str(), Some(text.as_str())),
            Value::Hidden(_) => (key.as_str(), None),
        })
    }

    fn read(&mut self, text: &str) -> Result<(), Problem> {
        for (key, value) in super::file::table(text)? {
            self.put(key, &value);
        }
        Ok(())
    }

    fn put(&mut self, key: String, value: &toml::Value) {
        match value {
            toml::Value::Table(table) => {
                for (name, value) in table {
                    self.put(format!("{key}.{name}"), value);
                }
            }
            toml::Value::Array(values) if values.iter().any(toml::Value::is_table) => {
                for (index, value) in values.iter().enumerate() {
                    self.put(format!("{key}[{index}]"), value);
                }
            }
            value => {
                let value = if is_harmless(&key) {
                    Value::Shown(value.to_string())
                } else {
                    Value::Hidden(self.fingerprints.hash_one(value.to_string()))
                };
                self.values.insert(key, value);
            }
        }
    }
}

/// The texts in a file that are not known to be harmless, with their keys, so that they can be kept out of
/// what is shown to others. Of a text that is no TOML, everything between quotes: nobody knows what is what.
pub fn hidden_texts(text: &str) -> Vec<(String, String)> {
    let Ok(table) = super::file::table(text) else {
        let quoted = text.lines().flat_map(|line| line.split(['"', '\'']).skip(1).step_by(2));
        return quoted.map(|value| ("unreadable".to_owned(), value.to_owned())).collect();
    };
    let mut found = Vec::new();
    for (key, value) in table {
        hide(&key, &value, &mut found);
    }
    found
}

fn hide(key: &str, value: &toml::Value, found: &mut Vec<(String, String)>) {
    match value {
        toml::Value::Table(table) => {
            for (name, value) in table {
                hide(&format!("{key}.{name}"), value, found);
            }
        }
        toml::Value::Array(values) => values.iter().for_each(|value| hide(key, value, found)),
        toml::Value::String(text) if !is_harmless(key) => {
            found.push((key.to_owned(), text.clone()));
        }
        _ => {}
    }
}

/// It would show fingerprints, which are nobody's business.
impl fmt::Debug for Outline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outline").field("keys", &self.values.len()).finish_non_exhaustive()
    }
}

/// The value in words, unless it is hidden.
fn shown(value: Option<&Value>) -> Option<String> {
    match value {
        None => Some(ABSENT.to_owned()),
        Some(Value::Shown(text)) => Some(text.clone()),
        Some(Value::Hidden(_)) => None,
    }
}

/// Whether the values of a key may be shown. A key that nobody has listed counts as a secret.
fn is_harmless(key: &str) -> bool {
    let plain: String = strip_indices(key);
    HARMLESS.contains(&plain.as_str())
}

/// `nodes[0].host` as `nodes.host`.
pub(crate) fn strip_indices(key: &str) -> String {
    let mut plain = String::with_capacity(key.len());
    let mut is_index = false;
    for c in key.chars() {
        match c {
            '[' => is_index = true,
            ']' => is_index = false,
            c if !is_index => plain.push(c),
            _ => {}
        }
    }
    plain
}

const ABSENT: &str = "default";

/// The keys whose values are no secrets.
const HARMLESS: [&str; 33] = [
    "node_host",
    "endpoint",
    "network",
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
    "countersign.decision_log_days",
    "countersign.decision_log_mb",
    "countersign.fallback_nodes.host",
    "countersign.node_probe_ms",
    "countersign.record",
    "countersign.record_max_mb",
    "countersign.control_socket",
    "countersign.status_page",
    "countersign.status_page_peer",
    "countersign.log",
    "countersign.allowed_peers",
];

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    const BEFORE: &str = "stackerdb_timeout_secs = 120\nauth_password = \"horse\"\n\
                          [countersign]\nfallback_nodes = [{ host = \"a:1\", auth_password = \"p\" }]\n";

    fn changes(after: &str) -> Vec<Change> {
        let before = Outline::of(BEFORE).unwrap();
        before.changes(&before.like_this(after).unwrap())
    }

    fn change(key: &str, values: Option<(&str, &str)>) -> Change {
        let values = values.map(|(old, new)| (old.to_owned(), new.to_owned()));
        Change { key: key.to_owned(), values }
    }

    #[test]
    fn the_same_file_in_another_form_has_no_changes() {
        assert_eq!(changes(BEFORE), []);
        let same = "# a comment\nauth_password = 'horse'\nstackerdb_timeout_secs = 1_20\n\
                    [[countersign.fallback_nodes]]\nauth_password = \"p\"\nhost = \"a:1\"\n";
        assert_eq!(changes(same), []);
    }

    #[test]
    fn values_are_shown_and_secrets_are_not() {
        let after =
            BEFORE.replace("120", "60").replace("horse", "staple").replace("\"p\"", "\"q\"");
        let expected = [
            change("auth_password", None),
            change("countersign.fallback_nodes[0].auth_password", None),
            change("stackerdb_timeout_secs", Some(("120", "60"))),
        ];
        assert_eq!(changes(&after), expected);
        let before = Outline::of(BEFORE).unwrap();
        assert!(!format!("{before:?}").contains("horse"));
    }

    #[test]
    fn the_texts_that_may_be_secrets_are_those_of_keys_that_nobody_has_listed() {
        let hidden = |text: &str| -> Vec<(String, String)> { hidden_texts(text) };
        let row = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        let expected =
            [row("auth_password", "horse"), row("countersign.fallback_nodes.auth_password", "p")];
        assert_eq!(hidden(BEFORE), expected);
        assert_eq!(hidden("a = \"b\"\nbroken"), [row("unreadable", "b")]);
        assert_eq!(hidden("x = ['one', 'two']").len(), 2);
    }

    #[test]
    fn every_key_is_shown_with_its_value_or_none() {
        let outline =
            Outline::of("auth_password = \"horse\"\nstackerdb_timeout_secs = 120").unwrap();
        let keys: Vec<_> = outline.keys().collect();
        assert_eq!(keys, [("auth_password", None), ("stackerdb_timeout_secs", Some("120"))]);
    }

    #[test]
    fn a_key_that_comes_or_goes_had_or_has_its_default() {
        let after = BEFORE.replace("stackerdb_timeout_secs = 120", "event_timeout_ms = 7");
        let expected = [
            change("event_timeout_ms", Some(("default", "7"))),
            change("stackerdb_timeout_secs", Some(("120", "default"))),
        ];
        assert_eq!(changes(&after), expected);
    }

    #[test]
    fn a_key_that_nobody_has_listed_counts_as_a_secret() {
        let after = format!("{BEFORE}passphrase = \"correct\"\n");
        assert_eq!(changes(&after), [change("countersign.passphrase", None)]);
    }

    #[test]
    fn fingerprints_of_two_runs_have_nothing_to_do_with_each_other() {
        let (one, other) = (Outline::of(BEFORE).unwrap(), Outline::of(BEFORE).unwrap());
        assert_eq!(
            one.changes(&other),
            changes(&BEFORE.replace("horse", "x").replace("\"p\"", "1"))
        );
    }

    #[test]
    fn the_secrets_of_the_file_are_not_among_the_harmless_keys() {
        let known = super::super::file::KEYS;
        let hidden: Vec<_> = known.into_iter().filter(|key| !HARMLESS.contains(key)).collect();
        assert_eq!(hidden, ["stacks_private_key", "auth_password", "countersign"]);
    }
}
