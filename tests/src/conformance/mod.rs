//! What `docs/conformance.md` says about `docs/spec/signer-behaviour.md`, read from both by machine.
//!
//! A row is a rule of the description: a line of a table, an item of a list, or a section that has
//! neither. It is named by its section and by a key: the number of an item, the first cell of a line,
//! `• n` for the n-th item of a list without numbers, `text` for a section.

mod claims;
mod rules;

pub use claims::{Claim, Evidence, claims};
pub use rules::{Row, rows};

/// The cells of a line of a table; an escaped bar does not end a cell.
fn cells(line: &str) -> Vec<String> {
    let line = line.trim().trim_start_matches('|').replace("\\|", "\u{0}");
    let line = line.strip_suffix('|').unwrap_or(&line).to_owned();
    line.split('|').map(|cell| cell.trim().replace('\u{0}', "|")).collect()
}

/// Whether a line of a table only separates its head from its body.
fn is_separator(line: &str) -> bool {
    line.chars().all(|c| matches!(c, '|' | '-' | ':' | ' '))
}

/// The number of a section from its heading, for headings of the second to the fourth level.
fn section_of(line: &str) -> Option<&str> {
    let title = line.trim_start_matches('#');
    let level = line.len() - title.len();
    let number = title.trim_start().split(' ').next()?.trim_end_matches('.');
    let is_number = !number.is_empty() && number.chars().all(|c| c.is_ascii_digit() || c == '.');
    ((2..=4).contains(&level) && is_number).then_some(number)
}
