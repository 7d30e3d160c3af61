//! How `countersign doctor` shows what it found.

use std::fmt::Write as _;
use std::io::{self, Write};

use countersign_doctor::{Check, Finding, Grade, Report};
use serde_json::json;

/// The findings: the worst last, where a terminal stops.
pub(crate) fn report(report: &Report, verbose: bool, out: &mut dyn Write) -> io::Result<()> {
    let mut text = String::new();
    let mut findings: Vec<&Finding> =
        report.checks.iter().filter(|finding| verbose || finding.grade != Grade::Ok).collect();
    findings.sort_by_key(|finding| finding.grade);
    for finding in findings {
        show(finding, &mut text).expect("writing to a string cannot fail");
    }
    if verbose {
        for left_out in &report.left_out {
            writeln!(text, "-        {:24} {}", left_out.id, left_out.because)
                .expect("writing to a string cannot fail");
        }
    }
    let counts = report.counts;
    writeln!(
        text,
        "{} ok, {} warn, {} unknown, {} fail; {} do not concern this installation",
        counts.ok,
        counts.warn,
        counts.unknown,
        counts.fail,
        report.left_out.len()
    )
    .expect("writing to a string cannot fail");
    out.write_all(text.as_bytes())
}

fn show(finding: &Finding, text: &mut String) -> std::fmt::Result {
    let grade = match finding.grade {
        Grade::Fail => "FAIL",
        grade => grade.label(),
    };
    writeln!(text, "{grade:8} {:24} {}", finding.id, finding.measured)?;
    if finding.grade != Grade::Ok {
        writeln!(text, "{:9}why:  {} ({})", "", finding.why, finding.rows.join(" "))?;
    }
    match &finding.remedy {
        Some(remedy) => writeln!(text, "{:9}mend: {remedy}", ""),
        None => Ok(()),
    }
}

/// The report as one JSON object, as docs/doctor-json.md describes it.
pub(crate) fn json(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "{}", serde_json::to_string(report)?)
}

/// Which rows hold.
pub(crate) fn rows(report: &Report, as_json: bool, out: &mut dyn Write) -> io::Result<()> {
    let rows = report.rows();
    if as_json {
        return writeln!(out, "{}", serde_json::to_string(&rows)?);
    }
    let mut text = String::new();
    for row in &rows {
        let grade = row.grade.map_or("-", Grade::label);
        writeln!(text, "{grade:8} {:5} {}", row.id, row.asks)
            .expect("writing to a string cannot fail");
        if !matches!(row.grade, None | Some(Grade::Ok)) {
            writeln!(text, "{:15}{}", "", row.checks.join(" "))
                .expect("writing to a string cannot fail");
        }
    }
    let hold = rows.iter().filter(|row| row.grade == Some(Grade::Ok)).count();
    let seen = rows.iter().filter(|row| row.grade.is_some()).count();
    writeln!(
        text,
        "{hold} of {seen} rows hold; {} are for something else than checks to show",
        rows.len() - seen
    )
    .expect("writing to a string cannot fail");
    out.write_all(text.as_bytes())
}

/// The checks that there are.
pub(crate) fn list(checks: &[&Check], as_json: bool, out: &mut dyn Write) -> io::Result<()> {
    if as_json {
        let list: Vec<_> = checks
            .iter()
            .map(|check| {
                json!({
                    "id": check.id, "rows": check.rows, "profiles": check.profiles,
                    "title": check.title, "why": check.why,
                })
            })
            .collect();
        return writeln!(out, "{}", serde_json::Value::from(list));
    }
    checks.iter().try_for_each(|check| {
        writeln!(out, "{:24} {} ({})", check.id, check.title, check.rows.join(" "))
    })
}
