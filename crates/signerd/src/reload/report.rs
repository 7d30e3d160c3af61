//! What a reload changed.

use std::fmt;

use serde_json::{Value, json};

use crate::config::Change;

/// A key that is different in the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// What is different.
    pub change: Change,
    /// Whether it is in effect now; otherwise it needs a restart.
    pub is_applied: bool,
}

/// What a reload changed, key by key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReloadReport {
    /// The keys that are different.
    pub items: Vec<Item>,
}

impl ReloadReport {
    /// The report for programs.
    pub(crate) fn to_json(&self) -> Value {
        let item = |Item { change, is_applied }: &Item| {
            let (old, new) = change.values.clone().unzip();
            json!({ "key": change.key, "old": old, "new": new, "applied": is_applied })
        };
        let changes: Vec<Value> = self.items.iter().map(item).collect();
        json!({ "changes": changes, "text": self.to_string() })
    }
}

/// A line per key: `key: old → new (applied)`.
impl fmt::Display for ReloadReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.items.is_empty() {
            return f.write_str("nothing has changed");
        }
        for (index, Item { change, is_applied }) in self.items.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            match &change.values {
                Some((old, new)) => write!(f, "{}: {old} → {new}", change.key)?,
                None => write!(f, "{}: changed", change.key)?,
            }
            f.write_str(if *is_applied { " (applied)" } else { " (needs a restart)" })?;
        }
        Ok(())
    }
}
