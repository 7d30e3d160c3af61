//! The alerts as a file of rules for Prometheus.

use std::fmt::Write as _;

use super::{Alert, Group, Severity, WeightCap, all, page_path};
use crate::text::quoted;

/// Every alert as a rule, for `rule_files` of `prometheus.yml`, with the default cap of the weight.
pub fn rules() -> String {
    rules_with(Some(WeightCap::default()))
}

/// Every alert as a rule, with the cap that an installation has given itself. Without one, as on a network of one's own
/// whose few signers share all of the weight, the alerts that depend on it are left out.
pub fn rules_with(cap: Option<WeightCap>) -> String {
    let mut text = String::from(HEAD);
    for group in Group::ALL {
        let _ = write!(text, "  - name: {}\n    rules:\n", group.label());
        for alert in all().filter(|alert| alert.group == group) {
            match (WeightCap::default().of(alert), cap) {
                (Some(_), None) => {}
                (_, cap) => rule(alert, cap.unwrap_or_default(), &mut text),
            }
        }
    }
    text
}

fn rule(alert: &Alert, cap: WeightCap, text: &mut String) {
    let Alert { name, severity, topic, minutes, summary, .. } = alert;
    let (expression, threshold) =
        cap.of(alert).unwrap_or_else(|| ((alert.when)(), alert.threshold.to_owned()));
    let _ = write!(
        text,
        "      - alert: {name}\n        expr: {}\n        for: {minutes}m\n        labels:\n          \
         severity: {}\n          group: {}\n          topic: {topic}\n        annotations:\n          \
         summary: {}\n",
        quoted(expression.text()),
        severity.label(),
        alert.group.label(),
        quoted(summary),
    );
    if *severity != Severity::Heartbeat {
        let _ = writeln!(text, "          threshold: {}", quoted(&threshold));
    }
    let _ = writeln!(text, "          runbook_url: {}", page_path(alert));
    let _ = writeln!(text, "          command: countersign alerts list {name}");
}

const HEAD: &str = "# Made by countersign from its registry of metrics; do not edit.\ngroups:\n";
