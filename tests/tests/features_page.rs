//! `docs/features.md` leaves no feature out, and names only tests that exist.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::fs;

use system_tests::sources::{missing_functions, root};

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
    let rows = rows();
    let named = rows.iter().flat_map(|row| quoted(&row[6]));
    assert_eq!(missing_functions(named), Vec::<&str>::new());
}
