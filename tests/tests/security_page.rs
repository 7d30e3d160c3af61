//! `docs/security.md` leaves no practice out, and names only tests that exist.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::fs;

use system_tests::sources::{missing_functions, root};

/// The cells of each row of each table of the page, without the head.
fn rows() -> Vec<Vec<String>> {
    let page = fs::read_to_string(root().join("docs/security.md")).unwrap();
    page.lines()
        .filter_map(|line| line.strip_prefix("| ")?.strip_suffix(" |"))
        .map(|line| line.split(" | ").map(str::to_owned).collect())
        .collect()
}

/// The names in backticks in the last cell of the tables that show something.
fn named_tests() -> BTreeSet<String> {
    let mut shows = false;
    let mut named = BTreeSet::new();
    for row in rows() {
        let last = row.last().unwrap();
        if row.first().unwrap().starts_with("---") {
            continue;
        }
        if ["who", "id", "threat"].contains(&row.first().unwrap().as_str()) {
            shows = last == "shown by";
        } else if shows {
            named.extend(last.split('`').skip(1).step_by(2).map(str::to_owned));
        }
    }
    named
}

#[test]
fn every_test_that_the_page_names_exists() {
    let named = named_tests();
    assert!(named.len() > 40, "the page names {} tests", named.len());
    let missing = missing_functions(named.iter().map(String::as_str));
    assert_eq!(missing, Vec::<&str>::new());
}

#[test]
fn every_practice_of_the_guides_has_a_row() {
    let ids: BTreeSet<String> = rows().iter().map(|row| row.first().unwrap().clone()).collect();
    let asked = (22..=30).map(|number| format!("A{number}"));
    let asked = asked.chain((1..=2).map(|number| format!("B{number}")));
    let asked = asked.chain((1..=16).map(|number| format!("D{number}")));
    let missing: Vec<String> = asked.filter(|id| !ids.contains(id)).collect();
    assert_eq!(missing, Vec::<String>::new());
}

#[test]
fn what_no_test_shows_is_said_plainly() {
    for row in rows().iter().filter(|row| row.len() == 4 && row.last().unwrap() == "–") {
        let how = row.get(2).unwrap();
        assert!(how.contains("not "), "{row:?}");
    }
}
