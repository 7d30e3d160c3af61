//! What a step hands back: findings, or the reason why it could not look.

use std::error::Error;
use std::io;
use std::path::PathBuf;
use std::process::ExitStatus;

use thiserror::Error;

/// The outcome of a step that ran to its end. It passed if it found nothing.
#[derive(Debug)]
#[must_use]
pub(crate) struct Report {
    /// One line on what was looked at, or the totals.
    pub(crate) summary: String,
    /// One line for each thing that is wrong: where, what, remedy.
    pub(crate) findings: Vec<String>,
}

impl Report {
    pub(crate) fn is_passed(&self) -> bool {
        self.findings.is_empty()
    }
}

/// Why a step could not do its work.
#[derive(Debug, Error)]
pub(crate) enum StepError {
    #[error("`{command}` cannot be started")]
    Start { command: String, source: io::Error },
    #[error("`{command}` ended with {status}, see above")]
    Command { command: String, status: ExitStatus },
    #[error("{tool} is missing: {remedy}")]
    Missing { tool: &'static str, remedy: &'static str },
    #[error("{} cannot be read", path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("{} cannot be written", path.display())]
    Write { path: PathBuf, source: io::Error },
    #[error("{what} is not understood: {reason}")]
    Malformed { what: String, reason: String },
    #[error("the terminal cannot be written to")]
    Print(#[from] io::Error),
}

/// The error and its causes in one line.
pub(crate) fn with_causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    text
}
