//! What a bundle says about itself.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The file `manifest.json` of a bundle.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// `countersign-support-bundle`.
    pub what: String,
    /// The version of this format: 1.
    pub version: u64,
    /// Which program made it.
    pub made_by: String,
    /// When, in words.
    pub made_at: String,
    /// The files, by name.
    pub files: Vec<FileEntry>,
    /// What was wanted and could not be had.
    pub missing: Vec<Missing>,
    /// Every kind of thing that is taken out, and why, whether it was found or not.
    pub redaction: Vec<Reason>,
}

/// A file of a bundle.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileEntry {
    /// Its name in the bundle.
    pub name: String,
    /// What it is.
    pub about: String,
    /// Its length.
    pub bytes: u64,
    /// Its SHA-256, in hex.
    pub sha256: String,
    /// How often something of a kind was taken out.
    pub redacted: BTreeMap<String, u64>,
    /// What was left out for want of room.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cut: Option<Cut>,
}

/// What was left out of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cut {
    /// So many bytes at its beginning: what is latest matters most.
    Beginning(u64),
}

/// Something that could not be had.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Missing {
    /// The file that it would be.
    pub name: String,
    /// Why it is not there.
    pub why: String,
}

/// Why a kind of thing is taken out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reason {
    /// Its name.
    pub kind: String,
    /// Why.
    pub why: String,
}
