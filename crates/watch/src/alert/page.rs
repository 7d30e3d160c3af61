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
    text.push_str("\n## Commands\n\n");
    text.push_str(&block(runbook.commands));
    if runbook.commands.iter().any(|command| command.split(' ').any(|word| word == BLOCK)) {
        let _ = writeln!(
            text,
            "\n`{BLOCK}`: a block's hash, or how it begins, as the command above lists it."
        );
    }
    if !runbook.mend.is_empty() {
        text.push_str("\n## What mends it\n\nAfter the look:\n\n");
        text.push_str(&block(runbook.mend));
    }
    let _ = write!(text, "\n## When to escalate\n\n{}\n", runbook.escalate);
    text
}

/// What stands in a command in the place of a block's hash.
const BLOCK: &str = "BLOCK";

fn block(commands: &[&str]) -> String {
    format!("```sh\n{}\n```\n", commands.join("\n"))
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
