//! The rows of the conformance document.

use std::collections::BTreeMap;

use super::{Row, cells, is_separator, section_of};

/// What is claimed about a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// The row, whose key may be cut off with `…`.
    pub row: Row,
    /// What shows it.
    pub evidence: Evidence,
}

/// What shows a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Evidence {
    /// Tests, each with the path of its file from the root of the repository.
    Tests(Vec<(String, String)>),
    /// It does not apply, for this reason.
    NotApplicable(String),
    /// Neither a test nor a reason.
    Nothing(String),
}

/// Everything that the document claims, in its order.
pub fn claims(document: &str) -> Vec<Claim> {
    let mut folders = BTreeMap::new();
    let mut section: Option<String> = None;
    let mut claims = Vec::new();
    for line in document.lines() {
        if let Some(number) = section_of(line) {
            section = Some(number.to_owned());
        }
        if !line.starts_with('|') || is_separator(line) {
            continue;
        }
        let cells = cells(line);
        let [first, second] = cells.as_slice() else { continue };
        match &section {
            None => {
                let bare = |cell: &str| cell.trim_matches('`').to_owned();
                folders.insert(bare(first), bare(second));
            }
            Some(_) if first == "row" => {}
            Some(section) => {
                let row = Row { section: section.clone(), key: first.clone() };
                claims.push(Claim { row, evidence: evidence(second, &folders) });
            }
        }
    }
    claims
}

fn evidence(cell: &str, folders: &BTreeMap<String, String>) -> Evidence {
    if let Some(reason) = cell.strip_prefix("n/a: ") {
        return Evidence::NotApplicable(reason.to_owned());
    }
    let mut file = None;
    let mut tests = Vec::new();
    // Every other piece between backticks is quoted.
    for quoted in cell.split('`').skip(1).step_by(2) {
        let is_name =
            quoted.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
        if quoted.strip_suffix(".rs").is_some() {
            file = Some(path(quoted, folders));
        } else if let Some(file) = &file
            && is_name
        {
            tests.push((file.clone(), quoted.to_owned()));
        }
    }
    if tests.is_empty() { Evidence::Nothing(cell.to_owned()) } else { Evidence::Tests(tests) }
}

/// The path of a file whose first folder may be a short one.
fn path(short: &str, folders: &BTreeMap<String, String>) -> String {
    let (folder, rest) = short.split_once('/').unwrap_or(("", short));
    match folders.get(&format!("{folder}/")) {
        Some(folder) => format!("{folder}{rest}"),
        None => short.to_owned(),
    }
}
