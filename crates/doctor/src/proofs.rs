//! The record of a proven backup of a signing key: one for each key.

use std::path::Path;

use countersign_custody::{BackupKind, Proof};
use countersign_ops::records::{self, Outcome, Record};
use countersign_wire::PublicKey;

/// The record that says it.
pub fn record(key: &PublicKey, kind: BackupKind, at: u64) -> Record {
    Record::new(job(key), at, Outcome::Ok).with(KIND, kind.as_str())
}

/// What the records say of a key's backup.
pub(crate) fn among(records: &[Record], key: &PublicKey) -> Option<Proof> {
    let job = job(key);
    let is_proof = |record: &&Record| record.job == job && record.outcome == Outcome::Ok;
    let record = records.iter().find(is_proof)?;
    let kind = record.detail.get(KIND).and_then(serde_json::Value::as_str).unwrap_or_default();
    // Somebody else may have written it.
    Some(Proof { proven_at: record.at, kind: crate::shell::shown(kind) })
}

/// The same, out of the folder in which they are.
///
/// # Errors
///
/// In words, if the folder cannot be read.
pub fn read(folder: &Path, key: &PublicKey) -> Result<Option<Proof>, String> {
    let reading = records::read_all(folder)
        .map_err(|error| format!("the records in {} cannot be read: {error}", folder.display()))?;
    Ok(among(&reading.records, key))
}

fn job(key: &PublicKey) -> String {
    format!("key-backup.{key}")
}

const KIND: &str = "kind";
