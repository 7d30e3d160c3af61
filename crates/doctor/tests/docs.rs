//! The pages say what the code does.

use countersign_doctor::{Check, Profile, ROWS, all};

/// The lines of the tables of a page, without their heads.
fn lines(page: &str) -> impl Iterator<Item = &str> {
    page.lines().filter(|line| line.starts_with("| `") || line.starts_with("| A") || is_row(line))
}

fn is_row(line: &str) -> bool {
    let id = line.trim_start_matches("| ").split(' ').next().unwrap_or_default();
    ROWS.iter().any(|row| row.id == id)
}

fn profiles(check: &Check) -> String {
    if check.profiles.len() == Profile::ALL.len() {
        return "all".to_owned();
    }
    let names: Vec<&str> = check.profiles.iter().map(|profile| profile.label()).collect();
    names.join(", ")
}

#[test]
fn the_operators_page_lists_every_check() {
    let page = include_str!("../../../docs/operator/doctor.md");
    let documented: Vec<&str> = lines(page).collect();
    let expected: Vec<String> = all()
        .map(|check| {
            let Check { id, title, why, rows, .. } = check;
            format!("| `{id}` | {title} | {why} | {} | {} |", rows.join(" "), profiles(check))
        })
        .collect();
    assert!(documented.iter().eq(expected.iter()), "the table should be:\n{}", expected.join("\n"));
}

#[test]
fn the_page_of_practices_lists_every_row_with_its_checks() {
    let page = include_str!("../../../docs/practices.md");
    let documented: Vec<&str> = lines(page).collect();
    let expected: Vec<String> = ROWS
        .iter()
        .map(|row| {
            let checks = all().filter(|check| check.rows.contains(&row.id));
            let checks: Vec<String> = checks.map(|check| format!("`{}`", check.id)).collect();
            format!("| {} | {} | {} |", row.id, row.asks, checks.join(" "))
        })
        .collect();
    assert!(
        documented.iter().eq(expected.iter()),
        "the tables should be:\n{}",
        expected.join("\n")
    );
}

#[test]
fn the_rows_are_those_of_the_guides_each_once_and_in_order() {
    let numbered =
        |letter: char, count: u32| (1..=count).map(move |number| format!("{letter}{number}"));
    let mut expected: Vec<String> =
        numbered('A', 30).chain(numbered('B', 22)).chain(numbered('C', 9)).collect();
    expected.extend(numbered('D', 12));
    expected.extend(('a'..='h').map(|letter| format!("D13{letter}")));
    expected.extend((14..=18).map(|number| format!("D{number}")));
    expected.extend(numbered('E', 50).chain(numbered('F', 15)));
    let ids: Vec<&str> = ROWS.iter().map(|row| row.id).collect();
    assert_eq!(ids, expected);
}
