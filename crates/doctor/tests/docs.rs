//! The pages say what the code does.

use countersign_doctor::facts::Facts;
use countersign_doctor::{Check, Profile, ROWS, Report, Unknown, all};

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
    let (_, table) = page.split_once("## The checks").expect("the page has this part");
    let documented: Vec<&str> = lines(table).collect();
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

#[test]
fn the_page_about_json_names_every_field() {
    let page = include_str!("../../../docs/doctor-json.md");
    let mut facts = Facts::nothing(Profile::Solo, 7);
    facts.compose = Err(Unknown::not_here("there is none"));
    let report = Report::of(&facts, all());
    let printed = serde_json::to_value(&report).expect("a report is JSON");
    let mut names: Vec<String> = Vec::new();
    let mut add = |value: &serde_json::Value| {
        names.extend(value.as_object().into_iter().flat_map(|table| table.keys().cloned()));
    };
    add(&printed);
    for path in ["/counts", "/checks/0", "/left_out/0"] {
        add(printed.pointer(path).expect("it is in every report"));
    }
    add(&serde_json::to_value(report.rows().first()).expect("a row is JSON"));
    names.extend(["remedy", "fix"].map(str::to_owned));
    let missing: Vec<&String> =
        names.iter().filter(|name| !page.contains(&format!("`{name}`"))).collect();
    assert!(missing.is_empty(), "{missing:?}");
    assert_eq!(printed.get("schema"), Some(&serde_json::json!(1)));
}
