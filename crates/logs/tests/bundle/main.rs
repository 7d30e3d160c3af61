//! Bundles: what is in them, and what is not.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod archive;
mod host;
mod redact;

use countersign_logs::bundle::{Known, Redactor};

/// Twelve words of the list, which lead to no key of anybody's.
const WORDS: [&str; 14] = [
    "legal", "winner", "thank", "year", "wave", "sausage", "worth", "useful", "legal", "winner",
    "thank", "yellow", "abandon", "zoo",
];

fn redactor(known: &[(&str, &str)]) -> Redactor {
    let known: Vec<Known> = known
        .iter()
        .map(|(name, value)| Known { name: (*name).to_owned(), value: (*value).to_owned() })
        .collect();
    Redactor::new(&known, WORDS)
}
