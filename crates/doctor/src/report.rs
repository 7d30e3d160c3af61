//! What was found, for people and for machines. docs/doctor-json.md describes the JSON.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::check::{Check, Profile};
use crate::facts::Facts;
use crate::grade::{Fix, Grade, Outcome, Unknown};
use crate::rows::{ROWS, Row};
use crate::shell;

/// The version of the JSON. It grows when a field is removed or changes its meaning; new fields may come.
pub const SCHEMA: u32 = 1;

/// What a check came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The check.
    pub id: &'static str,
    /// How it ended.
    pub grade: Grade,
    /// The rows of docs/practices.md that it covers.
    pub rows: &'static [&'static str],
    /// What it asks.
    pub title: &'static str,
    /// What was measured, or why nothing was.
    pub measured: String,
    /// Why it matters.
    pub why: &'static str,
    /// The command that mends it, or that makes it measurable.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
    /// What `--fix` would do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fix: Option<Fix>,
}

/// A check that concerns nothing here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LeftOut {
    /// The check.
    pub id: &'static str,
    /// Why.
    pub because: String,
}

/// How many checks came to each grade.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// As they should be.
    pub ok: usize,
    /// Warnings.
    pub warn: usize,
    /// Not measured.
    pub unknown: usize,
    /// Failures.
    pub fail: usize,
}

/// Everything that was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Report {
    /// [`SCHEMA`].
    pub schema: u32,
    /// When, in seconds since 1970.
    pub at: u64,
    /// Whose installation it is.
    pub profile: Profile,
    /// The worst grade.
    pub grade: Grade,
    /// How many checks came to each grade.
    pub counts: Counts,
    /// The checks, in their order.
    pub checks: Vec<Finding>,
    /// The checks that concern nothing here.
    pub left_out: Vec<LeftOut>,
}

/// Whether a row holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RowState {
    /// The row.
    pub id: &'static str,
    /// What it asks.
    pub asks: &'static str,
    /// The worst grade of its checks; none if none was made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grade: Option<Grade>,
    /// Its checks that were made.
    pub checks: Vec<&'static str>,
}

impl Report {
    /// Judges what was gathered by these checks. Those of other profiles are passed over.
    pub fn of<'a>(facts: &Facts, checks: impl IntoIterator<Item = &'a Check>) -> Self {
        let (mut found, mut left_out) = (Vec::new(), Vec::new());
        for check in checks {
            if !check.profiles.contains(&facts.profile) {
                continue;
            }
            match (check.judge)(facts) {
                Ok(Outcome { grade, measured, remedy, fix }) => {
                    found.push(finding(check, grade, &measured, remedy, fix));
                }
                Err(Unknown::Unmeasured { reason, how }) => {
                    found.push(finding(check, Grade::Unknown, &reason, how, None));
                }
                Err(Unknown::NotHere(because)) => {
                    left_out.push(LeftOut { id: check.id, because: shell::line(&because) });
                }
            }
        }
        let mut counts = Counts::default();
        for Finding { grade, .. } in &found {
            match grade {
                Grade::Ok => counts.ok += 1,
                Grade::Warn => counts.warn += 1,
                Grade::Unknown => counts.unknown += 1,
                Grade::Fail => counts.fail += 1,
            }
        }
        let grade = found.iter().map(|finding| finding.grade).max().unwrap_or(Grade::Ok);
        let (at, profile) = (facts.now, facts.profile);
        Self { schema: SCHEMA, at, profile, grade, counts, checks: found, left_out }
    }

    /// Which rows hold, as far as the checks of this report say.
    pub fn rows(&self) -> Vec<RowState> {
        let mut by_row: BTreeMap<&str, Vec<&Finding>> = BTreeMap::new();
        for finding in &self.checks {
            for row in finding.rows {
                by_row.entry(row).or_default().push(finding);
            }
        }
        let state = |Row { id, asks }: &Row| {
            let findings = by_row.get(id).map(Vec::as_slice).unwrap_or_default();
            RowState {
                id,
                asks,
                grade: findings.iter().map(|finding| finding.grade).max(),
                checks: findings.iter().map(|finding| finding.id).collect(),
            }
        };
        ROWS.iter().map(state).collect()
    }

    /// What `--fix` would do, each thing once.
    pub fn fixes(&self) -> Vec<&Fix> {
        let mut fixes: Vec<&Fix> = Vec::new();
        for fix in self.checks.iter().filter_map(|finding| finding.fix.as_ref()) {
            if !fixes.contains(&fix) {
                fixes.push(fix);
            }
        }
        fixes
    }
}

fn finding(
    check: &Check,
    grade: Grade,
    measured: &str,
    remedy: Option<String>,
    fix: Option<Fix>,
) -> Finding {
    let Check { id, rows, title, why, .. } = *check;
    let measured = shell::line(measured);
    let remedy = remedy.map(|remedy| shell::line(&remedy));
    Finding { id, grade, rows, title, measured, why, remedy, fix }
}
