//! The signer's daemon: its control socket, its page of metrics, and whether events come.

use std::path::Path;
use std::time::{Duration, Instant};

use countersign_ops::control::{self, Method};
use countersign_wire::PublicKey;
use serde_json::Value;

use super::http::{Question, exchange};
use crate::facts::{DaemonState, EventFlow, MetricsPage, Rung};
use crate::grade::{Fact, Unknown};
use crate::parse::exposition;

pub(super) async fn status(socket: Fact<Option<&Path>>, limit: Duration) -> Fact<DaemonState> {
    let socket = socket?.ok_or_else(|| {
        Unknown::not_here("a dry run and a signer that keeps nothing have no control socket")
    })?;
    let answer = control::ask(socket, Method::Get, "/status", &Value::Null, limit).await;
    let answer = answer.map_err(|error| match error {
        control::AskError::Forbidden(_) => Unknown::but(error.to_string(), "run doctor as root"),
        error => Unknown::because(error.to_string()),
    })?;
    if !answer.is_success() {
        return Err(Unknown::because(crate::shell::shown(&answer.text())));
    }
    let rungs = answer.body.pointer("/readiness/rungs").cloned().unwrap_or_default();
    let rungs: Vec<Rung> = serde_json::from_value(rungs)
        .map_err(|_| Unknown::because("the daemon's answer has no ladder of readiness"))?;
    Ok(DaemonState { is_ready: !rungs.is_empty() && rungs.iter().all(|rung| rung.holds), rungs })
}

/// The key that a running signer signs with (`public_key`), or that is to take its place (`next_public_key`).
pub(super) async fn public_key(socket: &Path, which: &str, limit: Duration) -> Option<PublicKey> {
    let answer = control::ask(socket, Method::Get, "/status", &Value::Null, limit).await.ok()?;
    answer.body.get("signer")?.get(which)?.as_str()?.parse().ok()
}

/// The page of metrics, with its text for whoever counts in it.
async fn page(address: Option<&str>, limit: Duration) -> Fact<(MetricsPage, String)> {
    let address = address.ok_or_else(|| {
        Unknown::but(
            "no metrics_endpoint is set",
            "metrics_endpoint = \"127.0.0.1:30001\" in the signer's configuration",
        )
    })?;
    let started = Instant::now();
    let answer = exchange(Question::get(address, "/metrics"), limit)
        .await
        .map_err(|error| Unknown::because(error.to_string()))?;
    if answer.status != 200 {
        return Err(Unknown::because(format!("{address}/metrics answers {}", answer.status)));
    }
    let millis = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    Ok((MetricsPage { names: exposition::names(&answer.body), millis }, answer.body))
}

/// The page of metrics, and whether its count of callbacks grows. It is looked at until an event has come,
/// or until the wait is over.
pub(super) async fn metrics_and_events(
    address: Option<&str>,
    wait: Duration,
    limit: Duration,
) -> (Fact<MetricsPage>, Fact<EventFlow>) {
    let (metrics, text) = match page(address, limit).await {
        Ok(page) => page,
        Err(unknown) => return (Err(unknown.clone()), Err(unknown)),
    };
    let Some(before) = callbacks(&text) else {
        let reason = "the metrics count no callbacks";
        return (Ok(metrics), Err(Unknown::because(reason)));
    };
    let begun = Instant::now();
    let mut came = 0;
    while came == 0 && begun.elapsed() < wait {
        tokio::time::sleep(PAUSE.min(wait)).await;
        match page(address, limit).await.map(|(_, text)| callbacks(&text).unwrap_or(before)) {
            Ok(now) => came = now.saturating_sub(before),
            Err(unknown) => return (Ok(metrics), Err(unknown)),
        }
    }
    let waited_ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
    (Ok(metrics), Ok(EventFlow { before, came, waited_ms }))
}

/// How many callbacks came. The reference does not count them, but what they lead to.
fn callbacks(page: &str) -> Option<u64> {
    let ours = exposition::sum(page, "countersign_callbacks_received");
    let theirs = || {
        let names = [
            "stacks_signer_block_proposals_received",
            "stacks_signer_block_validation_responses",
            "stacks_signer_agreement_state_change_reasons",
        ];
        names.iter().filter_map(|name| exposition::sum(page, name)).reduce(u64::saturating_add)
    };
    ours.or_else(theirs)
}

/// Between two looks.
const PAUSE: Duration = Duration::from_millis(200);
