//! How far back logs reach.

use super::{DAY, span};
use crate::check::{Check, EVERYBODY, SBTC, Source};
use crate::facts::{Facts, LogReach};
use crate::grade::{Fact, Outcome};
use crate::shell;

pub(super) const CHECKS: &[Check] = &[
    Check {
        id: "log-signer",
        rows: &["A4", "B11", "C7"],
        profiles: EVERYBODY,
        title: "the signer's log reaches back far enough",
        why: "what a block was refused for is asked days later; a setting proves nothing, the oldest entry does",
        source: Source::Logs,
        judge: |facts| reach(facts, &facts.logs.signer),
    },
    Check {
        id: "log-node",
        rows: &["A4", "B11", "C7", "E48"],
        profiles: EVERYBODY,
        title: "the node's log reaches back far enough",
        why: "most of what goes wrong with a signer is in its node's log",
        source: Source::Logs,
        judge: |facts| reach(facts, &facts.logs.node),
    },
    Check {
        id: "log-bitcoin",
        rows: &["B11", "C7"],
        profiles: EVERYBODY,
        title: "bitcoind's log reaches back far enough",
        why: "a fork of Bitcoin is explained by its log alone",
        source: Source::Logs,
        judge: |facts| reach(facts, &facts.logs.bitcoin),
    },
    Check {
        id: "log-sbtc",
        rows: &["B11", "C7"],
        profiles: SBTC,
        title: "the sBTC signer's log reaches back far enough",
        why: "a deposit that was refused is asked about for months",
        source: Source::Logs,
        judge: |facts| reach(facts, &facts.logs.sbtc),
    },
    Check {
        id: "log-journal",
        rows: &["A4", "C7"],
        profiles: EVERYBODY,
        title: "the journal survives a restart",
        why: "a journal in /run is gone after the restart that one wants to understand",
        source: Source::Logs,
        judge: journal,
    },
    Check {
        id: "log-bitcoin-shrink",
        rows: &["C7"],
        profiles: EVERYBODY,
        title: "bitcoind keeps its log when it starts",
        why: "without shrinkdebugfile=0 bitcoind cuts debug.log at each start",
        source: Source::Configs,
        judge: shrink,
    },
];

/// The oldest entry found, against what is to be kept. A log that is younger than its service cannot be
/// told from one that was cut, so a short one is a warning until the time has passed.
fn reach(facts: &Facts, log: &Fact<LogReach>) -> Fact<Outcome> {
    let log = log.as_ref()?;
    let wanted = facts.bounds.log_retention;
    let place = shell::shown(&log.place);
    let remedy = format!(
        "MaxRetentionSec={}day and SystemMaxUse= in /etc/systemd/journald.conf.d/50-countersign.conf (countersign render)",
        wanted / DAY
    );
    let Some(oldest) = log.oldest else {
        return Ok(Outcome::fail(format!("{place} is empty"), remedy));
    };
    let age = facts.now.saturating_sub(oldest);
    let measured =
        format!("the oldest entry of {place} is {} old, {} are asked for", span(age), span(wanted));
    Ok(if age >= wanted {
        Outcome::ok(measured)
    } else if facts.is_private_network() {
        Outcome::ok(format!("{measured} of a network with stake"))
    } else {
        Outcome::warn(measured, remedy)
    })
}

fn journal(facts: &Facts) -> Fact<Outcome> {
    let journal = facts.logs.journal.as_ref()?;
    let folder = journal.folder.display();
    Ok(if journal.is_persistent {
        Outcome::ok(format!("the journal is in {folder}"))
    } else {
        Outcome::fail(
            format!("the journal is in {folder}, which a restart empties"),
            "mkdir -p /var/log/journal && systemctl restart systemd-journald && journalctl --flush",
        )
    })
}

fn shrink(facts: &Facts) -> Fact<Outcome> {
    let config = facts.bitcoin_config.as_ref()?;
    Ok(match (config.is_logged_to_console, config.shrinks_log) {
        (true, _) => Outcome::ok("bitcoind logs to the journal (printtoconsole=1)"),
        (false, false) => Outcome::ok("shrinkdebugfile=0"),
        (false, true) => Outcome::warn(
            "bitcoind cuts debug.log at each start",
            format!("`printtoconsole=1` or `shrinkdebugfile=0` in {}", shell::path(&config.path)),
        ),
    })
}
