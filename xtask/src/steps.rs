//! The steps of CI: their names, their order, their times, and how to run one alone.

use std::io::Write;
use std::time::{Duration, Instant};

use crate::cargo::Cargo;
use crate::report::{self, Report, StepError};
use crate::{arrows, deny, lint, suite, tools, vectors};

/// One thing that is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Fmt,
    Lint,
    Arrows,
    Deny,
    Vectors,
    Clippy,
    Doc,
    Test,
}

/// What the command line can change about a step.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Settings {
    /// For the tests: how many seeds each simulation runs.
    pub(crate) seeds: Option<u64>,
    /// For the vectors: write the manifest instead of comparing with it.
    pub(crate) accept: bool,
}

/// A step that was run.
struct Done {
    step: Step,
    took: Duration,
    is_passed: bool,
    summary: String,
}

impl Step {
    /// All steps, those that answer within seconds first.
    pub(crate) const CI: [Self; 8] = [
        Self::Fmt,
        Self::Lint,
        Self::Arrows,
        Self::Deny,
        Self::Vectors,
        Self::Clippy,
        Self::Doc,
        Self::Test,
    ];

    /// The word after `cargo xtask`.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Fmt => "fmt",
            Self::Lint => "lint",
            Self::Arrows => "arrows",
            Self::Deny => "deny",
            Self::Vectors => "vectors",
            Self::Clippy => "clippy",
            Self::Doc => "doc",
            Self::Test => "test",
        }
    }

    fn run(
        self,
        settings: Settings,
        cargo: &Cargo,
        out: &mut dyn Write,
    ) -> Result<Report, StepError> {
        match self {
            Self::Fmt => fmt(cargo),
            Self::Lint => lint::check(cargo.root()),
            Self::Arrows => arrows::check(cargo),
            Self::Deny => deny::check(cargo, out),
            Self::Vectors if settings.accept => vectors::accept(cargo.root()),
            Self::Vectors => vectors::check(cargo.root()),
            Self::Clippy => clippy(cargo),
            Self::Doc => doc(cargo),
            Self::Test => suite::run(settings.seeds, cargo, out),
        }
    }
}

/// Runs each step to its end, whatever the others found. True if all passed.
pub(crate) fn run(
    steps: &[Step],
    settings: Settings,
    cargo: &Cargo,
    out: &mut dyn Write,
) -> Result<bool, StepError> {
    let mut done = Vec::new();
    for &step in steps {
        writeln!(out, "== {}", step.name())?;
        out.flush()?;
        let started = Instant::now();
        let result = step.run(settings, cargo, out);
        done.push(conclude(step, started.elapsed(), result, out)?);
    }
    if steps.len() > 1 {
        overview(&done, out)?;
    }
    // The totals of the tests are the last line, also at the end of ci.
    if let Some(test) = done.iter().find(|done| done.step == Step::Test) {
        writeln!(out, "{}", test.summary)?;
    }
    Ok(done.iter().all(|done| done.is_passed))
}

/// Prints what a step found.
fn conclude(
    step: Step,
    took: Duration,
    result: Result<Report, StepError>,
    out: &mut dyn Write,
) -> Result<Done, StepError> {
    let report = result.unwrap_or_else(|error| Report {
        summary: "not completed".to_owned(),
        findings: vec![report::with_causes(&error)],
    });
    for finding in &report.findings {
        writeln!(out, "{finding}")?;
    }
    let seconds = took.as_secs_f64();
    let is_passed = report.is_passed();
    if is_passed {
        writeln!(out, "   {} ok in {seconds:.1} s: {}", step.name(), report.summary)?;
    } else {
        writeln!(out, "   {} FAILED in {seconds:.1} s: {}", step.name(), report.summary)?;
        writeln!(out, "   to run only this step: cargo xtask {}", step.name())?;
    }
    out.flush()?;
    Ok(Done { step, took, is_passed, summary: report.summary })
}

fn overview(done: &[Done], out: &mut dyn Write) -> Result<(), StepError> {
    writeln!(out, "== summary")?;
    for Done { step, took, is_passed, .. } in done {
        let verdict = if *is_passed { "ok" } else { "FAILED" };
        writeln!(out, "   {:<8} {:>7.1} s  {verdict}", step.name(), took.as_secs_f64())?;
    }
    Ok(())
}

fn fmt(cargo: &Cargo) -> Result<Report, StepError> {
    tools::rustup_component("rustfmt", "fmt", cargo)?;
    let remedy = "some files are not formatted: run `cargo fmt --all`";
    Ok(judged(cargo.run(&["fmt", "--all", "--check"], &[]), "all sources", Some(remedy)))
}

fn clippy(cargo: &Cargo) -> Result<Report, StepError> {
    tools::rustup_component("clippy", "clippy", cargo)?;
    tools::c_compiler()?;
    let args = ["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"];
    Ok(judged(cargo.run(&args, &[]), "all targets", None))
}

fn doc(cargo: &Cargo) -> Result<Report, StepError> {
    tools::c_compiler()?;
    let env = [("RUSTDOCFLAGS", "-D warnings")];
    let result = cargo.run(&["doc", "--workspace", "--no-deps"], &env);
    Ok(judged(result, "see target/doc", None))
}

/// The report on a command that says by itself what is wrong.
fn judged(result: Result<(), StepError>, summary: &str, remedy: Option<&str>) -> Report {
    let mut findings = Vec::new();
    if let Err(error) = result {
        findings.push(report::with_causes(&error));
        findings.extend(remedy.map(str::to_owned));
    }
    let summary = if findings.is_empty() { summary } else { "see above" };
    Report { summary: summary.to_owned(), findings }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn concluded(result: Result<Report, StepError>) -> (Done, String) {
        let mut out = Vec::new();
        let done = conclude(Step::Lint, Duration::from_millis(1500), result, &mut out).unwrap();
        (done, String::from_utf8(out).unwrap())
    }

    #[test]
    fn a_step_without_findings_passes_and_says_how_long_it_took() {
        let report = Report { summary: "3 files".to_owned(), findings: Vec::new() };
        let (done, text) = concluded(Ok(report));
        assert!(done.is_passed);
        assert_eq!(text, "   lint ok in 1.5 s: 3 files\n");
    }

    #[test]
    fn a_finding_fails_the_step_and_names_the_way_to_run_it_alone() {
        let report =
            Report { summary: "3 files".to_owned(), findings: vec!["a:1: b: c".to_owned()] };
        let (done, text) = concluded(Ok(report));
        assert!(!done.is_passed);
        assert!(text.starts_with("a:1: b: c\n"), "{text}");
        assert!(text.ends_with("to run only this step: cargo xtask lint\n"), "{text}");
    }

    #[test]
    fn a_step_that_cannot_look_fails() {
        let (done, text) = concluded(Err(StepError::Missing { tool: "cc", remedy: "install it" }));
        assert!(!done.is_passed);
        assert!(text.starts_with("cc is missing: install it\n"), "{text}");
    }
}
