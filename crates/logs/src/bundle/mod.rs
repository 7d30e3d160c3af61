//! A bundle for those who help: what is wanted to understand a signer from far away, without its secrets.
//!
//! Everything that goes in goes through the [`Redactor`] first: the secrets that the configuration is known to hold are
//! taken out by value, and what looks like a secret besides. The manifest says for each file what was taken out and
//! why, and what could not be had.

mod archive;
mod gather;
mod host;
mod manifest;
mod patterns;
mod redact;

pub use archive::{Bundle, BundleError, Limits};
pub use gather::{host_facts, unit_log, unit_state, versions};
pub use host::{Command, fetch, read_file, unit_names};
pub use manifest::{Cut, FileEntry, Manifest, Missing, Reason};
pub use redact::{Known, Redacted, Redactor};
