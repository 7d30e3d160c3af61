//! What a check comes to.

use std::fmt;
use std::path::PathBuf;

use serde::Serialize;

/// How a check ended, the best first. What could not be measured is worse than a warning, because it can
/// hide a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Grade {
    /// As it should be.
    Ok,
    /// It works, and could be safer.
    Warn,
    /// It could not be measured.
    Unknown,
    /// It does not work, or is not safe.
    Fail,
}

impl Grade {
    /// As it is written in JSON.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warn => "warn",
            Self::Unknown => "unknown",
            Self::Fail => "fail",
        }
    }
}

impl fmt::Display for Grade {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.label())
    }
}

/// Something measured, or why it could not be.
pub type Fact<T> = Result<T, Unknown>;

/// Why something is not known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unknown {
    /// It is not part of what is examined: the check is left out.
    NotHere(String),
    /// It could not be measured.
    Unmeasured {
        /// What stood in the way.
        reason: String,
        /// What would make it measurable: a command or an option.
        how: Option<String>,
    },
}

impl Unknown {
    /// It is not part of what is examined.
    pub fn not_here(reason: impl Into<String>) -> Self {
        Self::NotHere(reason.into())
    }

    /// It could not be measured, and nothing in particular would change that.
    pub fn because(reason: impl Into<String>) -> Self {
        Self::Unmeasured { reason: reason.into(), how: None }
    }

    /// It could not be measured, but `how` would make it so.
    pub fn but(reason: impl Into<String>, how: impl Into<String>) -> Self {
        Self::Unmeasured { reason: reason.into(), how: Some(how.into()) }
    }
}

/// Facts are lent to the checks; what is missing is told by each check that misses it.
impl From<&Self> for Unknown {
    fn from(unknown: &Self) -> Self {
        unknown.clone()
    }
}

/// What a check found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// How it ended.
    pub grade: Grade,
    /// What was measured.
    pub measured: String,
    /// The command that mends it, if something is to be mended.
    pub remedy: Option<String>,
    /// The same as something that can be done for the operator, if it is harmless.
    pub fix: Option<Fix>,
}

impl Outcome {
    /// As it should be.
    pub fn ok(measured: impl Into<String>) -> Self {
        Self { grade: Grade::Ok, measured: measured.into(), remedy: None, fix: None }
    }

    /// It works, and could be safer.
    pub fn warn(measured: impl Into<String>, remedy: impl Into<String>) -> Self {
        let remedy = Some(remedy.into());
        Self { grade: Grade::Warn, measured: measured.into(), remedy, fix: None }
    }

    /// It does not work, or is not safe.
    pub fn fail(measured: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { grade: Grade::Fail, ..Self::warn(measured, remedy) }
    }

    /// The same with something that can be done for the operator.
    #[must_use]
    pub fn with_fix(self, fix: Option<Fix>) -> Self {
        Self { fix, ..self }
    }
}

/// What `doctor --fix` may do: it takes rights to a file away from group and others, and nothing else. No
/// key, no firewall, no content of a file, no service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fix {
    /// The file.
    pub path: PathBuf,
    /// The rights that stay.
    pub mode: u32,
}

impl fmt::Display for Fix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "chmod {:04o} {}", self.mode, crate::shell::path(&self.path))
    }
}

/// As the command that does the same.
impl Serialize for Fix {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
