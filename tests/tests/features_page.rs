//! `docs/features.md` leaves no feature out, and names only tests that exist.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The cells of each row that has a number.
fn rows() -> Vec<Vec<String>> {
    let page = fs::read_to_string(root().join("docs/features.md")).unwrap();
    let cells = |line: &str| line.split('|').map(|cell| cell.trim().to_owned()).collect();
    let rows: Vec<Vec<String>> = page.lines().map(cells).collect();
    rows.into_iter().filter(|row| row.len() == 8 && row[1].parse::<u8>().is_ok()).collect()
}

fn quoted(cell: &str) -> impl Iterator<Item = &str> {
    cell.split('`').skip(1).step_by(2)
}

fn sources(folder: &Path, found: &mut String) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            found.push_str(&fs::read_to_string(&path).unwrap());
        }
    }
}

#[test]
fn every_feature_has_a_row_in_order_and_a_state() {
    let rows = rows();
    let numbers: Vec<u8> = rows.iter().map(|row| row[1].parse().unwrap()).collect();
    assert_eq!(numbers, (1..=70).collect::<Vec<u8>>());
    for row in &rows {
        let state = &row[4];
        let is_known = state == "done" || state == "later" || state.starts_with("part: ");
        assert!(is_known, "{row:?}");
        let shows = quoted(&row[6]).count();
        assert_eq!(shows > 0, state != "later", "{row:?}");
    }
}

#[test]
fn every_test_that_the_page_names_exists() {
    let mut text = String::new();
    for folder in ["crates", "tests", "xtask"] {
        sources(&root().join(folder), &mut text);
    }
    let rows = rows();
    let named = rows.iter().flat_map(|row| quoted(&row[6]));
    let missing: Vec<&str> = named.filter(|name| !text.contains(&format!("fn {name}("))).collect();
    assert_eq!(missing, Vec::<&str>::new());
}
