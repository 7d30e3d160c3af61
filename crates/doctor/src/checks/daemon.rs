//! The signer's daemon.

use std::path::Path;

use crate::check::{Check, EVERYBODY, Source};
use crate::facts::{Facts, Program};
use crate::grade::{Fact, Outcome, Unknown};
use crate::shell;

pub(super) const CHECKS: &[Check] = &[
    Check {
        id: "daemon-running",
        rows: &["E15", "E37", "E38", "F2"],
        profiles: EVERYBODY,
        title: "the signer runs and answers",
        why: "a process that is there may be deaf",
        source: Source::Daemon,
        judge: running,
    },
    Check {
        id: "daemon-ready",
        rows: &["E38", "E37"],
        profiles: EVERYBODY,
        title: "the signer is ready",
        why: "running and signing are two things",
        source: Source::Daemon,
        judge: ready,
    },
    Check {
        id: "events-arrive",
        rows: &["E6", "E15", "E17", "E30", "E48", "A21"],
        profiles: EVERYBODY,
        title: "the node's events reach the signer",
        why: "an observer that is configured may still not deliver; only an event that came proves it",
        source: Source::Daemon,
        judge: events,
    },
    Check {
        id: "one-instance",
        rows: &["A23", "A25"],
        profiles: EVERYBODY,
        title: "this instance may sign",
        why: "exactly one instance signs with a key; a frozen one saw another",
        source: Source::Daemon,
        judge: instance,
    },
    Check {
        id: "metrics-served",
        rows: &["A3", "B12", "B13", "F15"],
        profiles: EVERYBODY,
        title: "the metrics are really served",
        why: "a stacks-signer without the feature `monitoring_prom` takes the setting and serves nothing",
        source: Source::Daemon,
        judge: metrics,
    },
];

fn running(facts: &Facts) -> Fact<Outcome> {
    let state = match &facts.daemon {
        Ok(state) => state,
        Err(unknown) => return reference(facts, unknown),
    };
    let rungs = state.rungs.len();
    Ok(Outcome::ok(format!("it answers on its control socket, with {rungs} rungs of its ladder")))
}

/// Without our control socket it may be the reference: then only the process can be seen, if it runs with the
/// configuration that is examined.
fn reference(facts: &Facts, unknown: &Unknown) -> Fact<Outcome> {
    let running = facts.running_signer.as_ref()?.as_ref();
    if let Some(process) = running.filter(|process| process.program == Program::StacksSigner) {
        return Ok(Outcome::ok(format!("stacks-signer runs as process {}", process.pid)));
    }
    let Unknown::Unmeasured { reason, .. } = unknown else { return Err(unknown.clone()) };
    if reason.contains("may not use") {
        return Err(unknown.clone());
    }
    let config = facts.signer.as_ref().map(|signer| signer.path.clone());
    let config = shell::path(config.as_deref().unwrap_or(Path::new("signer-config.toml")));
    Ok(Outcome::fail(
        reason.clone(),
        format!("systemctl start countersign, or countersign run --config {config}"),
    ))
}

fn ready(facts: &Facts) -> Fact<Outcome> {
    let state = facts.daemon.as_ref()?;
    let Some(missing) = state.rungs.iter().find(|rung| !rung.holds) else {
        return Ok(Outcome::ok("every rung of the ladder holds"));
    };
    let measured = format!("{}: {}", shell::shown(&missing.name), shell::shown(&missing.text));
    let remedy = missing.remedy.as_deref().map_or("countersign status".to_owned(), shell::shown);
    Ok(match missing.code.as_str() {
        // These end by themselves.
        "listening" | "waiting" | "no_proposal_yet" | "node_not_heard" | "tip_unknown"
        | "cycle_unknown" | "seat_unknown" | "standby" => Outcome::warn(measured, remedy),
        _ => Outcome::fail(measured, remedy),
    })
}

fn events(facts: &Facts) -> Fact<Outcome> {
    let judged = facts.daemon.as_ref().ok().and_then(|state| state.rung("deciding"));
    let judged = judged.filter(|rung| rung.holds).map(|rung| shell::shown(&rung.text));
    let flow = match (&facts.events, judged) {
        (Ok(flow), None) => flow,
        (Ok(flow), Some(_)) if flow.came > 0 => flow,
        // A quiet chain sends nothing for a while; what was judged lately came from the node, too.
        (Ok(_), Some(text)) => {
            return Ok(Outcome::ok(format!("none came while we waited, but {text}")));
        }
        (Err(_), Some(text)) => return Ok(Outcome::ok(text)),
        (Err(unknown), None) => return Err(unknown.clone()),
    };
    let waited = format!("{}.{} s", flow.waited_ms / 1_000, flow.waited_ms % 1_000 / 100);
    let remedy = "add [[events_observer]] with the signer's endpoint to the node's configuration, and restart the node";
    Ok(match (flow.came, flow.before) {
        (0, 0) => Outcome::fail(
            format!("no callback of the node came since the start, none within {waited}"),
            remedy,
        ),
        (0, before) => {
            Outcome::warn(format!("{before} callbacks came before, none within {waited}"), remedy)
        }
        (came, _) => Outcome::ok(format!("{came} callbacks of the node came within {waited}")),
    })
}

fn instance(facts: &Facts) -> Fact<Outcome> {
    let state = facts.daemon.as_ref()?;
    let Some(rung) = state.rung("allowed_to_sign") else {
        return Err(Unknown::because("the daemon does not say whether it may sign"));
    };
    let text = shell::shown(&rung.text);
    Ok(match rung.code.as_str() {
        "active" => Outcome::ok(text),
        "standby" | "listening" | "waiting" => Outcome::warn(text, "countersign status"),
        "frozen" => Outcome::fail(
            text,
            "find the other signer with this key and stop it, then: countersign promote (docs/operator/one-instance.md)",
        ),
        _ => Outcome::fail(
            text,
            "countersign promote, if no other instance signs (docs/operator/one-instance.md)",
        ),
    })
}

fn metrics(facts: &Facts) -> Fact<Outcome> {
    let page = facts.metrics.as_ref()?;
    let ours = page.names.iter().filter(|name| name.starts_with("stacks_signer_")).count();
    Ok(if ours == 0 {
        Outcome::fail(
            format!("the page has {} metrics, none of a signer", page.names.len()),
            "install a build with metrics: the reference needs its feature `monitoring_prom`",
        )
    } else if page.millis > 1_000 {
        Outcome::warn(
            format!("{ours} metrics of a signer, after {} ms", page.millis),
            "countersign status",
        )
    } else {
        Outcome::ok(format!("{ours} metrics of a signer, after {} ms", page.millis))
    })
}
