//! Why a `countersign.toml` is refused: one line each, which names the key and what mends it.

use std::error::Error;
use std::fmt;
use std::io;
use std::path::PathBuf;

/// A `countersign.toml` that is refused.
#[derive(Debug)]
pub struct SiteError {
    /// The file.
    pub path: PathBuf,
    /// What is wrong with it.
    pub problem: Problem,
}

impl fmt::Display for SiteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path.display(), self.problem)
    }
}

impl Error for SiteError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.problem.source()
    }
}

/// What to do about a file that cannot be read, if there is something.
fn remedy_of(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::NotFound => "; `countersign init` writes one",
        io::ErrorKind::IsADirectory => "; name the file in it, countersign.toml",
        _ => "",
    }
}

/// What is wrong with a `countersign.toml`.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    /// It cannot be read.
    #[error("the file cannot be read{}", remedy_of(.0))]
    Unreadable(#[source] io::Error),
    /// It is not TOML.
    #[error("line {line} is not TOML: {what}")]
    NotToml {
        /// Which line, from 1.
        line: usize,
        /// What the parser missed.
        what: String,
    },
    /// A key or a table that nobody knows.
    #[error("unknown key {}{}", Shown(key), suggestion(key, *.meant))]
    UnknownKey {
        /// The key, with its table.
        key: String,
        /// The known key that is most like it.
        meant: Option<&'static str>,
    },
    /// A key that must be there.
    #[error("`{key}` is missing; {remedy}")]
    Missing {
        /// The key.
        key: &'static str,
        /// What to write.
        remedy: &'static str,
    },
    /// A value of another type.
    #[error("`{key}` is not a {expected}; see docs/operator/countersign-toml.md")]
    WrongType {
        /// The key.
        key: &'static str,
        /// What it is to be.
        expected: &'static str,
    },
    /// A value that makes no sense, or that would mean something else in another program's file.
    #[error("`{key}` = {} is refused; {remedy}", Shown(found))]
    Value {
        /// The key.
        key: &'static str,
        /// What is there.
        found: String,
        /// What to write.
        remedy: &'static str,
    },
    /// A number out of its range.
    #[error("`{key}` = {found} is refused; it is from {least} to {most}")]
    Range {
        /// The key.
        key: &'static str,
        /// What is there.
        found: u64,
        /// The least.
        least: u64,
        /// The most.
        most: u64,
    },
    /// Two keys that must differ.
    #[error("`{one}` and `{other}` are both {}; {remedy}", Shown(found))]
    Same {
        /// The one.
        one: &'static str,
        /// The other.
        other: &'static str,
        /// What both are.
        found: String,
        /// What to do.
        remedy: &'static str,
    },
    /// Two keys that contradict each other.
    #[error("`{key}`: {what}")]
    Contradiction {
        /// The key.
        key: &'static str,
        /// Why, and what to do.
        what: &'static str,
    },
}

fn suggestion(key: &str, meant: Option<&'static str>) -> String {
    match meant {
        Some(meant) => format!("; did you mean `{meant}`?"),
        None if OF_A_SIGNER.contains(&key) => {
            "; is this a signer's configuration? name the countersign.toml that it is rendered from"
                .to_owned()
        }
        None => String::new(),
    }
}

/// Keys of a signer's configuration, which is easily named by mistake.
const OF_A_SIGNER: [&str; 5] =
    ["auth_password", "countersign", "db_path", "node_host", "stacks_private_key"];

/// A value from outside in a message: on one line, without control characters, and not too long.
struct Shown<'a>(&'a str);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let short: String = self.0.chars().take(80).collect();
        let dots = if short.len() < self.0.len() { "…" } else { "" };
        write!(f, "\"{}{dots}\"", short.escape_debug())
    }
}
