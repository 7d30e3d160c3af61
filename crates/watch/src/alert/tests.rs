#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::*;
use crate::registry::{Origin, find_series, own};

#[test]
fn there_are_enough_alerts_and_each_is_complete() {
    let mut names = BTreeSet::new();
    for alert in all() {
        assert!(names.insert(alert.name), "{} is there twice", alert.name);
        let texts = [alert.threshold, alert.source, alert.summary, alert.topic];
        assert!(texts.iter().all(|text| !text.is_empty()), "{}", alert.name);
        let Runbook { meaning, look, commands, mend: _, escalate } = alert.runbook;
        assert!(meaning.len() > 20 && !escalate.is_empty(), "{}", alert.name);
        assert!(!look.is_empty() && !commands.is_empty(), "{}", alert.name);
        assert!(alert.fires_at >= alert.minutes, "{}", alert.name);
    }
    assert!(names.len() >= 35, "{}", names.len());
}

#[test]
fn every_expression_names_only_what_the_registry_has() {
    for alert in all() {
        for named in (alert.when)().named() {
            assert_eq!(named.fault(), None, "{}", alert.name);
        }
        for sample in alert.story {
            let name = format!("{}{}", sample.metric.name, sample.ending);
            assert!(find_series(&name).is_some(), "{}: {name}", alert.name);
        }
    }
}

/// Which origins the rules of a group may name: a host with the reference's signers has nothing of ours.
#[test]
fn a_rule_names_only_metrics_that_its_programs_show() {
    use Origin::{Daemon, Everywhere, Host, Node, Prometheus, Reference, Sbtc};
    for alert in all() {
        let allowed: &[Origin] = match alert.group {
            Group::Signer => &[Reference, Prometheus],
            Group::Countersign => &[Daemon, Everywhere, Reference, Prometheus],
            Group::Upkeep => &[Everywhere, Prometheus],
            Group::Node => &[Node, Prometheus],
            Group::Sbtc => &[Sbtc, Prometheus],
            Group::Host => &[Host, Prometheus],
            Group::Watching => &[Prometheus],
        };
        for named in (alert.when)().named() {
            let is_shown = allowed.contains(&named.metric.origin);
            let is_excuse = EXCUSES.contains(&named.metric.name);
            assert!(is_shown || is_excuse, "{}: {}", alert.name, named.metric.name);
        }
    }
}

/// What only keeps an alert back: a host that does not show it has no excuse.
const EXCUSES: [&str; 2] = [own::SIGNING_ALLOWED.name, own::REGISTERED.name];

#[test]
fn an_excuse_only_keeps_an_alert_back() {
    for alert in all().filter(|alert| alert.group == Group::Signer) {
        let expression = (alert.when)();
        for part in expression.text().split(" unless ").filter(|part| !part.starts_with("on (")) {
            assert!(EXCUSES.iter().all(|name| !part.contains(name)), "{}: {part}", alert.name);
        }
    }
}

#[test]
fn a_summary_names_only_labels_that_its_alert_can_have() {
    for alert in all() {
        let labels: BTreeSet<&str> = (alert.when)()
            .named()
            .iter()
            .flat_map(|named| named.metric.labels.iter().map(|label| label.name))
            .chain(["job", "instance"])
            .collect();
        for part in alert.summary.split("{{ $labels.").skip(1) {
            let label = part.split(' ').next().unwrap();
            assert!(labels.contains(label), "{}: {label}", alert.name);
        }
    }
}

#[test]
fn every_alert_has_its_page_and_there_is_no_other() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut pages = BTreeMap::new();
    for entry in std::fs::read_dir(root.join("docs/operator/runbooks")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        pages.insert(name, std::fs::read_to_string(path).unwrap());
    }
    for alert in all() {
        let name = format!("{}.md", alert.name);
        assert!(page_path(alert).ends_with(&name));
        assert!(
            !page(alert).contains("{{ "),
            "{name} is for people, and {{{{ … }}}} for Prometheus"
        );
        let written = pages.remove(&name).unwrap_or_default();
        assert_eq!(written, page(alert), "docs/operator/runbooks/{name} is not this alert's page");
    }
    let others: Vec<&String> = pages.keys().filter(|name| *name != "README.md").collect();
    assert!(others.is_empty(), "{others:?}");
}

#[test]
fn the_list_of_runbooks_has_every_alert() {
    let list = include_str!("../../../../docs/operator/runbooks/README.md");
    assert!(
        list.contains(&table()),
        "docs/operator/runbooks/README.md lacks this table:\n\n{}",
        table()
    );
}

#[test]
fn the_rules_are_what_is_shown_here() {
    let rules = rules();
    let first: Vec<&str> = rules.lines().take(16).collect();
    insta::assert_snapshot!(first.join("\n"));
    assert_eq!(rules.matches("- alert: ").count(), all().count());
}

/// Each command of the pages, with its alert.
fn printed() -> impl Iterator<Item = (&'static str, &'static str)> {
    all().flat_map(|alert| {
        let commands = alert.runbook.commands.iter().chain(alert.runbook.mend);
        commands.map(|command| (alert.name, *command))
    })
}

/// What is on a host that was installed as docs/operator/start.md says.
const PROGRAMS: [&str; 20] = [
    "apt-get",
    "countersign",
    "curl",
    "df",
    "du",
    "free",
    "grep",
    "head",
    "journalctl",
    "ls",
    "nft",
    "pg_isready",
    "ps",
    "sort",
    "ss",
    "systemctl",
    "tail",
    "timeout",
    "top",
    "vmstat",
];

#[test]
fn a_command_needs_no_program_that_nobody_has_installed() {
    for (name, command) in printed() {
        for part in command.split(" | ") {
            let part = part
                .split_once(" -- ")
                .filter(|_| part.starts_with("runuser "))
                .map_or(part, |it| it.1);
            let program = part.split(' ').next().unwrap();
            assert!(PROGRAMS.contains(&program), "{name}: {command}");
        }
    }
}

#[test]
fn a_command_ends_by_itself_and_waits_for_nobody() {
    for (name, command) in printed() {
        let pages = ["journalctl -u", "journalctl --since", "systemctl status", "systemctl list-"];
        if pages.iter().any(|start| command.starts_with(start)) {
            assert!(command.contains(" --no-pager"), "{name}: {command}");
        }
        // A node that hangs is why the page is read.
        assert!(!command.starts_with("curl ") || command.contains(" -sS -m "), "{name}: {command}");
        let goes_on = [" -f", "--follow", "--watch", "monitor-signers"];
        let is_ended =
            command.starts_with("timeout ") || !goes_on.iter().any(|it| command.contains(it));
        assert!(is_ended, "{name}: {command}");
        // Without it, it knows neither the node nor what belongs here.
        assert!(!command.contains(" doctor") || command.contains(" --site "), "{name}: {command}");
    }
}

#[test]
fn a_page_that_asks_for_a_block_lists_blocks_first() {
    for alert in all() {
        let at = |word: &str| alert.runbook.commands.iter().position(|it| it.contains(word));
        if let Some(block) = at(" BLOCK ") {
            assert!(at(" logs decisions ").is_some_and(|list| list < block), "{}", alert.name);
            assert!(page(alert).contains("\n`BLOCK`: "), "{}", alert.name);
        }
    }
}
