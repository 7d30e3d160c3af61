//! The picture in a terminal, and the form of the JSON.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use countersign_status::draw::{Canvas, draw};
use countersign_status::{Snapshot, State};

fn signing() -> Snapshot {
    serde_json::from_str(include_str!("signing.json")).unwrap()
}

fn troubled() -> Snapshot {
    serde_json::from_str(include_str!("troubled.json")).unwrap()
}

fn canvas(snapshot: &Snapshot, width: usize) -> Canvas {
    Canvas { width, in_colour: false, now: snapshot.made_at + 1_500, rows: 6 }
}

#[test]
fn a_signer_that_signs_in_a_wide_terminal() {
    let snapshot = signing();
    insta::assert_snapshot!(draw(&snapshot, canvas(&snapshot, 100)));
}

#[test]
fn a_signer_that_does_not_sign_in_a_narrow_one() {
    let snapshot = troubled();
    insta::assert_snapshot!(draw(&snapshot, canvas(&snapshot, 44)));
}

#[test]
fn no_line_is_wider_than_the_terminal() {
    for snapshot in [signing(), troubled()] {
        for width in [44, 60, 72, 80, 89, 90, 100, 132, 200] {
            let picture = draw(&snapshot, canvas(&snapshot, width));
            let widest = picture.lines().map(|line| line.chars().count()).max().unwrap();
            assert!(widest <= width, "{widest} of {width}:\n{picture}");
        }
    }
}

#[test]
fn colours_are_for_terminals_and_say_nothing_that_words_do_not() {
    let snapshot = troubled();
    let plain = draw(&snapshot, canvas(&snapshot, 100));
    assert!(!plain.contains('\u{1b}'));
    assert!(plain.contains("NOT SIGNING") && plain.contains("critical"));
    let coloured = draw(&snapshot, Canvas { in_colour: true, ..canvas(&snapshot, 100) });
    assert!(coloured.contains("\u{1b}[31m✘ NOT SIGNING\u{1b}[0m"));
}

#[test]
fn a_snapshot_survives_its_json_and_unknown_fields_are_ignored() {
    let text = include_str!("signing.json");
    let mut value: serde_json::Value = serde_json::from_str(text).unwrap();
    assert_eq!(serde_json::to_value(signing()).unwrap(), value);
    value["from_a_later_version"] = 1.into();
    let read: Snapshot = serde_json::from_value(value).unwrap();
    assert_eq!((read.schema, read.state), (1, State::Signing));
}

#[test]
fn what_others_say_does_not_reach_the_terminal_as_orders() {
    let mut snapshot = troubled();
    snapshot.headline = "the node says \u{1b}[2J\u{9b}31m\u{7}gone".to_owned();
    snapshot.peers[1].version = Some("x\u{1b}]0;title\u{7}".to_owned());
    let picture = draw(&snapshot, canvas(&snapshot, 100));
    assert!(!picture.chars().any(|char| char.is_control() && char != '\n'), "{picture:?}");
}

#[test]
fn ages_are_short() {
    let ages: Vec<_> =
        [0, 119, 120, 7_199, 7_200, 172_799, 172_800].map(countersign_status::draw::age).into();
    assert_eq!(ages, ["0 s", "119 s", "2 min", "119 min", "2 h", "47 h", "2 d"]);
}
