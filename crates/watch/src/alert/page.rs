//! The page of an alert, for whoever is called at night.

use std::fmt::Write as _;

use super::{Alert, Severity, all};

/// Where the page is, below the folder that the documentation is in.
pub fn page_path(alert: &Alert) -> String {
    format!("docs/operator/runbooks/{}.md", alert.name)
}

/// The page in Markdown.
pub fn page(alert: &Alert) -> String {
    let Alert { name, runbook, summary, threshold, source, minutes, .. } = alert;
    let severity = match alert.severity {
        Severity::Page => "page: wake somebody",
        Severity::Ticket => "ticket: within the working day",
        Severity::Info => "info",
        Severity::Heartbeat => "heartbeat: it always fires, and its silence is the alarm",
    };
    let plain = summary.replace("{{ $labels.", "<").replace("{{ $", "<").replace(" }}", ">");
    let mut text = format!(
        "# {name}\n\n{plain}\n\n- Severity: {severity}\n- Fires when: {threshold}, for {minutes} min\n\
         - Threshold from: {source}\n- Expression: `{}`\n\n## What it means\n\n{}\n\n## What to look at\n\n",
        (alert.when)().text(),
        runbook.meaning,
    );
    for (number, step) in (1..).zip(runbook.look) {
        let _ = writeln!(text, "{number}. {step}");
    }
    text.push_str("\n## Commands\n\n```sh\n");
    for command in runbook.commands {
        let _ = writeln!(text, "{command}");
    }
    let _ = write!(text, "```\n\n## When to escalate\n\n{}\n", runbook.escalate);
    text
}

/// Every alert in one table, as it stands in the list of the pages.
pub fn table() -> String {
    let mut text =
        String::from("| alert | severity | fires when | for |\n| --- | --- | --- | --- |\n");
    for alert in all() {
        let Alert { name, severity, threshold, minutes, .. } = alert;
        let severity = severity.label();
        let _ =
            writeln!(text, "| [{name}]({name}.md) | {severity} | {threshold} | {minutes} min |");
    }
    text
}
