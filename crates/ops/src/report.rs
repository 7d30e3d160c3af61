//! How an error reaches whoever started the program.

use std::error::Error;
use std::io::{self, Write};

/// Writes `error` and what caused it: `error: …`, then one `caused by: …` line per source. A cause that the
/// line above ends with already is not said again. What others wrote moves no terminal's cursor.
pub fn report(error: &dyn Error, out: &mut dyn Write) -> io::Result<()> {
    let mut said = shown(error);
    writeln!(out, "error: {said}")?;
    let mut source = error.source();
    while let Some(cause) = source {
        let text = shown(cause);
        if !said.ends_with(&text) {
            writeln!(out, "  caused by: {text}")?;
            said = text;
        }
        source = cause.source();
    }
    Ok(())
}

/// `error` and what caused it, on one line.
pub fn describe(error: &dyn Error) -> String {
    let mut text = shown(error);
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&shown(cause));
        source = cause.source();
    }
    text
}

/// An error's text, which may hold what a server or a file says.
fn shown(error: &dyn Error) -> String {
    let is_harmless = |c: char| !c.is_control() || matches!(c, '\n' | '\t');
    let shown = |c| if is_harmless(c) { c } else { char::REPLACEMENT_CHARACTER };
    error.to_string().chars().map(shown).collect()
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::report;

    #[derive(Debug, thiserror::Error)]
    #[error("the configuration file signer-config.toml cannot be read")]
    struct Outer(#[source] Middle);

    #[derive(Debug, thiserror::Error)]
    #[error("the disk refuses")]
    struct Middle(#[source] io::Error);

    fn reported(error: &dyn std::error::Error) -> String {
        let mut out = Vec::new();
        report(error, &mut out).expect("a vector takes everything");
        String::from_utf8(out).expect("errors are text")
    }

    #[test]
    fn what_would_move_a_terminals_cursor_is_not_passed_on() {
        let error = Outer(Middle(io::Error::other("evil \u{1b}[2J\u{9b}1mwords")));
        let told = reported(&error);
        assert!(told.contains("evil \u{fffd}[2J\u{fffd}1mwords"), "{told}");
        assert!(!super::describe(&error).contains('\u{1b}'));
    }

    #[test]
    fn every_cause_has_a_line() {
        let error = Outer(Middle(io::Error::other("no such device")));
        insta::assert_snapshot!(reported(&error), @r"
        error: the configuration file signer-config.toml cannot be read
          caused by: the disk refuses
          caused by: no such device
        ");
    }

    #[test]
    fn a_cause_that_was_said_already_is_not_repeated() {
        #[derive(Debug, thiserror::Error)]
        #[error("/srv/devnet cannot be used: {0}")]
        struct SaysItAll(#[source] Middle);

        let error = SaysItAll(Middle(io::Error::other("no such device")));
        insta::assert_snapshot!(reported(&error), @r"
        error: /srv/devnet cannot be used: the disk refuses
          caused by: no such device
        ");
    }

    #[test]
    fn an_error_without_a_cause_has_one_line() {
        insta::assert_snapshot!(reported(&io::Error::other("alone")), @"error: alone");
    }
}
