//! `docs/conformance.md` leaves no rule of the behaviour description out, and names only tests that
//! exist.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use system_tests::conformance::{Claim, Evidence, Row, claims, rows};

/// How many words a reason has at least.
const REASON: usize = 4;

fn read(path: &str) -> Option<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    std::fs::read_to_string(root.join(path)).ok()
}

fn description() -> Vec<Row> {
    rows(&read("docs/spec/signer-behaviour.md").unwrap())
}

fn document() -> Vec<Claim> {
    claims(&read("docs/conformance.md").unwrap())
}

/// The row that a claim is about: the one with its key, or with its beginning if that is cut off.
fn meant<'a>(claim: &Claim, all: &'a [Row]) -> Vec<&'a Row> {
    let is_meant = |row: &&Row| {
        let begins = |key: &str| row.key.starts_with(key);
        row.section == claim.row.section
            && (row.key == claim.row.key || claim.row.key.strip_suffix('…').is_some_and(begins))
    };
    all.iter().filter(is_meant).collect()
}

#[test]
fn every_rule_of_the_description_is_shown_once() {
    let all = description();
    let mut shown: BTreeMap<&Row, usize> = BTreeMap::new();
    let mut stray = Vec::new();
    for claim in document() {
        match meant(&claim, &all).as_slice() {
            [row] => *shown.entry(row).or_default() += 1,
            none_or_many => {
                stray.push(format!("{:?} means {} rows", claim.row, none_or_many.len()));
            }
        }
    }
    assert_eq!(stray, Vec::<String>::new());
    let not_once: Vec<&Row> = all.iter().filter(|row| shown.get(row).copied() != Some(1)).collect();
    assert_eq!(not_once, Vec::<&Row>::new(), "rows that are missing or shown twice");
}

#[test]
fn every_test_that_is_named_exists() {
    let mut files: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut missing = Vec::new();
    for claim in document() {
        let Evidence::Tests(tests) = &claim.evidence else { continue };
        for (file, name) in tests {
            let known = files
                .entry(file.clone())
                .or_insert_with(|| tests_in(&read(file).unwrap_or_default()));
            if !known.contains(name) {
                missing.push(format!("{} {}: {file}: {name}", claim.row.section, claim.row.key));
            }
        }
    }
    assert_eq!(missing, Vec::<String>::new());
}

#[test]
fn what_no_test_shows_has_a_reason() {
    let is_unfounded = |claim: &Claim| match &claim.evidence {
        Evidence::Tests(_) => false,
        Evidence::NotApplicable(reason) => reason.split_whitespace().count() < REASON,
        Evidence::Nothing(_) => true,
    };
    let unfounded: Vec<Claim> = document().into_iter().filter(is_unfounded).collect();
    assert_eq!(unfounded, Vec::<Claim>::new());
}

/// The reader is held to what anybody can count in the description.
#[test]
fn tables_lists_and_bare_sections_are_read() {
    let all = description();
    let count = |section: &str| all.iter().filter(|row| row.section == section).count();
    assert_eq!(count("2.4"), 7, "a numbered table");
    assert_eq!(count("4.3"), 12, "a list with two items on one line");
    assert_eq!(count("9.1"), 12, "W1 to W12");
    assert_eq!(count("1.8"), 1, "a section without rows");
    assert_eq!(count("5.6"), 8, "a list within a list");
    assert_eq!(count("10"), 0, "log phrases are shown by their own document");
    assert!(all.len() > 500, "{} rows", all.len());
}

/// The names of the functions that are marked as tests.
fn tests_in(source: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let mut is_marked = false;
    for line in source.lines().map(str::trim_start) {
        if line.starts_with("#[test]") || line.starts_with("#[tokio::test") {
            is_marked = true;
        }
        let function = line.strip_prefix("async ").unwrap_or(line).strip_prefix("fn ");
        if let Some(function) = function
            && std::mem::take(&mut is_marked)
        {
            let is_letter = |c: char| c.is_ascii_alphanumeric() || c == '_';
            names.insert(function.chars().take_while(|c| is_letter(*c)).collect());
        }
    }
    names
}
