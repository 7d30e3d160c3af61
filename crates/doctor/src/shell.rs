//! Paths and words in commands that an operator pastes into a shell.

use std::path::Path;

/// A path as one word.
pub(crate) fn path(path: &Path) -> String {
    word(&path.display().to_string())
}

/// A text as one word.
pub(crate) fn word(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-+@%:,=".contains(c);
    if !text.is_empty() && text.chars().all(is_plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', "'\\''"))
    }
}

/// What somebody else wrote, fit for a part of a line.
pub(crate) fn shown(text: &str) -> String {
    shortened(text, MAX_SHOWN)
}

/// A text as one line of a report: paths and errors may hold what moves a terminal's cursor.
pub(crate) fn line(text: &str) -> String {
    shortened(text, MAX_LINE)
}

/// Without control characters and line ends, and not too long.
fn shortened(text: &str, limit: usize) -> String {
    let mut words: Vec<&str> = text.split(|c: char| c.is_whitespace() || c.is_control()).collect();
    words.retain(|word| !word.is_empty());
    let line = words.join(" ");
    match line.char_indices().nth(limit) {
        Some((end, _)) => format!("{}…", line.get(..end).unwrap_or_default()),
        None => line,
    }
}

const MAX_SHOWN: usize = 200;
const MAX_LINE: usize = 2_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_can_be_pasted_into_a_shell() {
        assert_eq!(path(Path::new("/etc/countersign/a.toml")), "/etc/countersign/a.toml");
        assert_eq!(path(Path::new("/a b/$(reboot)")), "'/a b/$(reboot)'");
        assert_eq!(word("it's"), "'it'\\''s'");
        assert_eq!(word(""), "''");
    }

    #[test]
    fn what_others_wrote_has_one_line() {
        assert_eq!(shown("a\n\u{1b}[31mb\0  c"), "a [31mb c");
        assert_eq!(shown(&"x".repeat(300)).chars().count(), 201);
    }
}
