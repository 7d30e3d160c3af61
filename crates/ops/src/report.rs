//! How an error reaches whoever started the program.

use std::error::Error;
use std::io::{self, Write};

/// Writes `error` and what caused it: `error: …`, then one `caused by: …` line per source.
pub fn report(error: &dyn Error, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "error: {error}")?;
    let mut source = error.source();
    while let Some(cause) = source {
        writeln!(out, "  caused by: {cause}")?;
        source = cause.source();
    }
    Ok(())
}

/// `error` and what caused it, on one line.
pub fn describe(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
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
    fn every_cause_has_a_line() {
        let error = Outer(Middle(io::Error::other("no such device")));
        insta::assert_snapshot!(reported(&error), @r"
        error: the configuration file signer-config.toml cannot be read
          caused by: the disk refuses
          caused by: no such device
        ");
    }

    #[test]
    fn an_error_without_a_cause_has_one_line() {
        insta::assert_snapshot!(reported(&io::Error::other("alone")), @"error: alone");
    }
}
