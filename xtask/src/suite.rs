//! Running every test of the workspace and adding up what the test programs say.

use std::env;
use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Write};
use std::process::{ExitStatus, Stdio};

use crate::cargo::Cargo;
use crate::report::{Report, StepError};
use crate::tools;

/// How many seeds each simulation runs; read by the simulations in `tests/`.
const SEEDS: &str = "COUNTERSIGN_SEEDS";

const TEST: [&str; 3] = ["test", "--workspace", "--no-fail-fast"];

/// Tests that need something that is not part of the workspace, and how they are run where it is there.
/// Elsewhere they are ignored with a reason that begins with [`NEEDS`], and reported as skipped.
const OUTSIDE: [(Need, &[&str]); 3] = [
    (
        Need::Variable("COUNTERSIGN_REFERENCE_SIGNER"),
        &["test", "--package", "system-tests", "--test", "reference_cli", "--", "--ignored"],
    ),
    (
        Need::Variable("COUNTERSIGN_STACKS_NODE"),
        &["test", "--package", "system-tests", "--test", "real_network", "--", "--ignored"],
    ),
    (Need::Root, &["test", "--workspace", "--no-fail-fast", "--", "--ignored", "as_root"]),
];

/// What a test needs.
#[derive(Clone, Copy, Debug)]
enum Need {
    /// A program that this variable names.
    Variable(&'static str),
    /// To make users, mounts and namespaces, and to install programs from the distribution. Such a test
    /// has `as_root` in its path.
    Root,
}

impl Need {
    fn is_met(self) -> bool {
        match self {
            Self::Variable(name) => env::var_os(name).is_some(),
            Self::Root => tools::is_root(),
        }
    }
}

/// How the reason of a skipped test begins. Other ignored tests are bodies of child processes.
const NEEDS: &str = "needs ";

/// What the test programs reported so far.
#[derive(Debug, Default, PartialEq, Eq)]
struct Totals {
    passed: u64,
    failed: u64,
    ignored: u64,
    /// The names of the tests that were skipped, each with what it needs.
    skipped: Vec<(String, String)>,
    /// The names of the tests that failed.
    failures: Vec<String>,
}

/// Builds the program, then builds and runs all tests.
pub(crate) fn run(
    seeds: Option<u64>,
    cargo: &Cargo,
    out: &mut dyn Write,
) -> Result<Report, StepError> {
    tools::c_compiler()?;
    if Need::Root.is_met() {
        tools::distribution_programs()?;
    }
    // The system tests start the program as a process and look for it beside their own executable;
    // cargo builds it for the tests of its own package only.
    let build = ["build", "--package", "countersign"];
    writeln!(out, "   {}", cargo.line(&build))?;
    out.flush()?;
    cargo.run(&build, &[])?;

    let mut totals = Totals::default();
    let mut status = stream(&TEST, seeds, cargo, &mut totals, out)?;
    for (need, args) in OUTSIDE {
        if need.is_met() {
            let ended = stream(args, seeds, cargo, &mut totals, out)?;
            status = if status.success() { ended } else { status };
        }
    }
    if totals.ignored > 0 {
        writeln!(out, "   {} ignored", totals.ignored)?;
    }
    for (name, needs) in &totals.skipped {
        writeln!(out, "   skipped: {name}: {needs}")?;
    }
    Ok(totals.report(status))
}

/// Runs the tests; each line is shown and counted as it comes.
fn stream(
    args: &[&str],
    seeds: Option<u64>,
    cargo: &Cargo,
    totals: &mut Totals,
    out: &mut dyn Write,
) -> Result<ExitStatus, StepError> {
    writeln!(out, "   {}", cargo.line(args))?;
    out.flush()?;
    let start_error = |source| StepError::Start { command: cargo.line(args), source };
    let mut command = cargo.command(args);
    command.stdout(Stdio::piped());
    if let Some(seeds) = seeds {
        command.env(SEEDS, seeds.to_string());
    }
    let mut child = command.spawn().map_err(start_error)?;
    let stdout = child.stdout.take().expect("stdout is piped four lines above");
    // Tests may print anything, so lines are bytes.
    for line in BufReader::new(stdout).split(b'\n') {
        let line = line?;
        out.write_all(&line)?;
        out.write_all(b"\n")?;
        totals.read(&String::from_utf8_lossy(&line));
    }
    child.wait().map_err(start_error)
}

impl Totals {
    /// Takes in one line of a test program's output.
    fn read(&mut self, line: &str) {
        if let Some(counts) = line.strip_prefix("test result: ") {
            self.passed += count(counts, "passed");
            self.failed += count(counts, "failed");
            self.ignored += count(counts, "ignored");
        } else if let Some(name) = failed_test(line) {
            self.skipped.retain(|(skipped, _)| skipped != name);
            self.failures.push(name.to_owned());
        } else if let Some((name, needs)) = skipped_test(line) {
            self.skipped.push((name.to_owned(), needs.to_owned()));
        } else if let Some(name) = passed_test(line) {
            self.skipped.retain(|(skipped, _)| skipped != name);
        }
    }

    fn report(self, status: ExitStatus) -> Report {
        let mut findings: Vec<String> = self
            .failures
            .iter()
            .map(|name| format!("{name}: failed: run it alone: cargo test --workspace -- {name}"))
            .collect();
        if findings.is_empty() && !status.success() {
            findings.push(format!(
                "cargo test ended with {status}, yet no test is reported as failed: \
                 the tests do not compile, or a test program died: see above"
            ));
        }
        let mut summary = format!("{} passed, {} failed", self.passed, self.failed);
        if !self.skipped.is_empty() {
            write!(summary, ", {} skipped", self.skipped.len())
                .expect("writing to a string cannot fail");
        }
        Report { summary, findings }
    }
}

/// The number before `word;` in `ok. 3 passed; 0 failed; …`.
fn count(counts: &str, word: &str) -> u64 {
    let mut words = counts.split([' ', ';']).filter(|word| !word.is_empty()).peekable();
    while let Some(number) = words.next() {
        if words.peek() == Some(&word) {
            return number.parse().unwrap_or(0);
        }
    }
    0
}

/// The name in `test some::name ... FAILED`.
fn failed_test(line: &str) -> Option<&str> {
    let name = line.strip_prefix("test ")?.strip_suffix(" ... FAILED")?;
    Some(name.strip_suffix(" - should panic").unwrap_or(name))
}

/// The name in `test some::name ... ok`.
fn passed_test(line: &str) -> Option<&str> {
    line.strip_prefix("test ")?.strip_suffix(" ... ok")
}

/// Name and reason in `test some::name ... ignored, needs something`.
fn skipped_test(line: &str) -> Option<(&str, &str)> {
    let (name, reason) = line.strip_prefix("test ")?.split_once(" ... ignored, ")?;
    reason.starts_with(NEEDS).then_some((name, reason))
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt;

    use super::*;

    fn totals(lines: &[&str]) -> Totals {
        let mut totals = Totals::default();
        for line in lines {
            totals.read(line);
        }
        totals
    }

    const GOOD: [&str; 3] = [
        "test a::works ... ok",
        "test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 3 filtered out; finished in 0.01s",
        "test result: ok. 30 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.01s",
    ];

    #[test]
    fn the_totals_of_all_test_programs_are_added_up() {
        assert_eq!(totals(&GOOD).ignored, 1);
        let report = totals(&GOOD).report(ExitStatus::from_raw(0));
        assert!(report.is_passed());
        assert_eq!(report.summary, "42 passed, 0 failed");
    }

    #[test]
    fn a_failed_test_is_named_with_the_command_that_runs_it() {
        let mut lines = GOOD.to_vec();
        lines.push("test b::breaks ... FAILED");
        lines
            .push("test result: FAILED. 1 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out");
        let report = totals(&lines).report(ExitStatus::from_raw(101 << 8));
        assert_eq!(report.summary, "43 passed, 1 failed");
        assert_eq!(
            report.findings,
            ["b::breaks: failed: run it alone: cargo test --workspace -- b::breaks"]
        );
    }

    #[test]
    fn a_test_that_needs_another_program_is_skipped_by_name_until_it_has_run() {
        let mut lines = GOOD.to_vec();
        lines.push("test compares ... ignored, needs PROGRAM, a path");
        lines.push("test child ... ignored, runs as a child of another test");
        let skipped = totals(&lines);
        assert_eq!(skipped.skipped, [("compares".to_owned(), "needs PROGRAM, a path".to_owned())]);
        let report = skipped.report(ExitStatus::from_raw(0));
        assert!(report.is_passed());
        assert_eq!(report.summary, "42 passed, 0 failed, 1 skipped");
        lines.push("test compares ... ok");
        assert!(totals(&lines).skipped.is_empty());
    }

    #[test]
    fn a_test_program_that_dies_without_a_word_fails_the_step() {
        let report = totals(&GOOD).report(ExitStatus::from_raw(101 << 8));
        assert!(!report.is_passed());
    }
}
