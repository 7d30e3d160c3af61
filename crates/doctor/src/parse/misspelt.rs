//! Keys that no program reads, but that are almost ones that it does.
//!
//! A stacks-node reads far more keys than a signer's operator needs, and new ones come with each release. So
//! a key is not wrong because it is unknown here; it is if it is a slip away from one that is known.

use toml::{Table, Value};

use crate::facts::Misspelt;

/// The keys of a table that are known.
pub struct Known {
    /// The table's name; empty at the top.
    pub table: &'static str,
    /// Its keys.
    pub keys: &'static [&'static str],
}

/// A key that stands in the wrong table.
pub struct Misplaced {
    /// Where it stands.
    pub table: &'static str,
    /// The key.
    pub key: &'static str,
    /// Where it belongs, in full.
    pub meant: &'static str,
}

/// The keys that are slips, or that stand in the wrong place.
pub fn find(table: &Table, known: &[Known], misplaced: &[Misplaced]) -> Vec<Misspelt> {
    let mut found = Vec::new();
    let full = |table: &str, key: &str| {
        if table.is_empty() { key.to_owned() } else { format!("{table}.{key}") }
    };
    for Known { table: name, keys } in known {
        for table in tables(table, name) {
            for key in table.keys().filter(|key| !keys.contains(&key.as_str())) {
                if let Some(meant) = keys.iter().find(|known| is_slip(key, known)) {
                    found.push(Misspelt { key: full(name, key), meant: full(name, meant) });
                }
            }
        }
    }
    for Misplaced { table: name, key, meant } in misplaced {
        if tables(table, name).iter().any(|table| table.contains_key(*key)) {
            found.push(Misspelt { key: full(name, key), meant: (*meant).to_owned() });
        }
    }
    found
}

/// The table of this name; several if it is an array of tables.
pub(super) fn tables<'a>(table: &'a Table, name: &str) -> Vec<&'a Table> {
    if name.is_empty() {
        return vec![table];
    }
    match table.get(name) {
        Some(Value::Table(table)) => vec![table],
        Some(Value::Array(items)) => items.iter().filter_map(Value::as_table).collect(),
        _ => Vec::new(),
    }
}

/// Whether one or two letters make one key of the other.
fn is_slip(key: &str, known: &str) -> bool {
    let limit = if known.len() < 6 { 1 } else { 2 };
    key.len().abs_diff(known.len()) <= limit && strsim::osa_distance(key, known) <= limit
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[test]
    fn the_guides_own_slip_is_found_and_what_is_merely_new_is_not() {
        let known = [Known { table: "connection_options", keys: &["auth_token", "num_clients"] }];
        let misplaced = [Misplaced {
            table: "node",
            key: "auth_token",
            meant: "connection_options.auth_token",
        }];
        let text = "[connection_options]\nsauth_token = \"x\"\nxyz = 1\n[node]\nauth_token = 1";
        let table: Table = text.parse().unwrap();
        let found = find(&table, &known, &misplaced);
        let said: Vec<(&str, &str)> =
            found.iter().map(|one| (one.key.as_str(), one.meant.as_str())).collect();
        let meant = "connection_options.auth_token";
        assert_eq!(said, [("connection_options.sauth_token", meant), ("node.auth_token", meant)]);
    }
}
