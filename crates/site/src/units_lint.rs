//! What is wrong with a unit of systemd that systemd itself does not mind: paths that its sandbox hides from the
//! program (fact F8), conditions that skip a start without a word, and services that give up.
//!
//! A pure function over the unit's text, ours or anybody's. What it cannot know, because it sees neither the host nor
//! drop-ins, it does not claim.

mod parse;
mod paths;

use std::fmt;

use parse::Unit;

/// Something about a unit that keeps its service from starting, from staying up, or from being safe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UnitProblem {
    /// The program cannot see a path that it is told to use, or that was checked before its start.
    Hidden {
        /// The key that names it.
        key: String,
        /// The path.
        path: String,
        /// The setting that hides it.
        by: String,
    },
    /// The program cannot write where it keeps what changes.
    ReadOnly {
        /// The key that names it.
        key: String,
        /// The path.
        path: String,
    },
    /// Nothing checks that the configuration is there before the start; something else may be checked.
    Unchecked {
        /// The configuration that the program is started with.
        path: String,
    },
    /// A condition that is not met skips the start, and the unit looks well (row D13b).
    Condition {
        /// The line.
        line: String,
    },
    /// The service is not started again after every end, code 0 included (fact F1).
    NotAlways {
        /// The value of `Restart=`, empty if there is none.
        restart: String,
    },
    /// The service stays down for ever after a few failures in a row (row D13a).
    GivesUp,
    /// The daemon could say that it stands still, and nobody listens (row D13d).
    NoWatchdog,
    /// It runs as root, with all of root's capabilities.
    Root,
}

impl fmt::Display for UnitProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Hidden { key, path, by } => {
                write!(f, "`{key}` names {path}, which {by} hides from the service; move it to /etc or /var/lib")
            }
            Self::ReadOnly { key, path } => write!(
                f,
                "`{key}` names {path}, which ProtectSystem=strict makes read-only; add StateDirectory= or \
                 ReadWritePaths="
            ),
            Self::Unchecked { path } => write!(
                f,
                "the service is started with {path}, and nothing checks that it is there; add \
                 AssertFileNotEmpty={path}"
            ),
            Self::Condition { line } => write!(
                f,
                "`{line}` skips the start if it is not met, and nobody hears of it; write Assert in the place of \
                 Condition"
            ),
            Self::NotAlways { restart } if restart.is_empty() => {
                f.write_str("the service stays down after it ends; write Restart=always")
            }
            Self::NotAlways { restart } => write!(
                f,
                "Restart={restart} leaves the service down after some of its ends; write Restart=always, with \
                 RestartPreventExitStatus= for those that need a human"
            ),
            Self::GivesUp => f.write_str(
                "after a few failures in a row the service stays down for ever; write StartLimitIntervalSec=0, and \
                 alert on its restarts",
            ),
            Self::NoWatchdog => f.write_str(
                "nothing ends the service when it stands still; write WatchdogSec= for a Type=notify",
            ),
            Self::Root => f.write_str("the service runs as root; write User=, or CapabilityBoundingSet= with what it needs"),
        }
    }
}

/// Everything that is wrong with a unit, in the order of [`UnitProblem`]. Units without a `[Service]` have no problems
/// but their conditions.
pub fn unit_problems(text: &str) -> Vec<UnitProblem> {
    let unit = Unit::parse(text);
    let mut problems = paths::problems(&unit);
    problems.extend(conditions(&unit));
    if unit.has_section("Service") {
        problems.extend(lifetime(&unit));
    }
    problems
}

fn conditions(unit: &Unit) -> Vec<UnitProblem> {
    let conditions = unit.lines("Unit").filter(|(key, _)| key.starts_with("Condition"));
    conditions
        .map(|(key, value)| UnitProblem::Condition { line: format!("{key}={value}") })
        .collect()
}

/// Whether it comes back, and as whom. A job that ends by itself is started by its timer.
fn lifetime(unit: &Unit) -> Vec<UnitProblem> {
    let mut problems = Vec::new();
    let kind = unit.last("Service", "Type").unwrap_or("simple");
    if kind != "oneshot" {
        let restart = unit.last("Service", "Restart").unwrap_or_default();
        if restart != "always" {
            problems.push(UnitProblem::NotAlways { restart: restart.to_owned() });
        }
        // Where it stood before systemd 230.
        let limit = ["Unit", "Service"]
            .iter()
            .find_map(|section| unit.last(section, "StartLimitIntervalSec"));
        if !limit.is_some_and(|limit| matches!(limit, "0" | "0s" | "infinity")) {
            problems.push(UnitProblem::GivesUp);
        }
    }
    let watchdog = unit.last("Service", "WatchdogSec").unwrap_or("0");
    let is_ours = unit.list("ExecStart").first().is_some_and(|path| path.ends_with("/countersign"));
    if is_ours && kind.starts_with("notify") && matches!(watchdog, "0" | "") {
        problems.push(UnitProblem::NoWatchdog);
    }
    let is_bounded =
        unit.is_on("DynamicUser") || unit.last("Service", "CapabilityBoundingSet").is_some();
    if !is_bounded && matches!(unit.last("Service", "User"), None | Some("root" | "0")) {
        problems.push(UnitProblem::Root);
    }
    problems
}
