//! What the sBTC signer says at `/info`.

use std::time::Duration;

use serde_json::Value;

use super::http::{Question, exchange};
use crate::facts::{SbtcConfig, SbtcState};
use crate::grade::{Fact, Unknown};

pub(super) async fn gather(config: &Fact<SbtcConfig>, limit: Duration) -> Fact<SbtcState> {
    let bind = config.as_ref()?.observer_bind.as_deref();
    let bind = bind.ok_or_else(|| Unknown::because("signer.event_observer.bind is not set"))?;
    let port = bind.rsplit_once(':').map_or("8801", |(_, port)| port);
    let is_everywhere = bind.starts_with("0.0.0.0") || bind.starts_with("[::]");
    let address = if is_everywhere { format!("127.0.0.1:{port}") } else { bind.to_owned() };
    let answer = exchange(Question::get(&address, "/info"), limit)
        .await
        .map_err(|error| Unknown::because(error.to_string()))?;
    let body: Value = serde_json::from_str(&answer.body).map_err(|_| {
        Unknown::because(format!("{address}/info answers {} and no JSON", answer.status))
    })?;
    let key = |name: &str| find(&body, name, 0).and_then(Value::as_str).map(str::to_owned);
    Ok(SbtcState {
        current_key: key("current_aggregate_key"),
        contract_key: key("contract_aggregate_key"),
    })
}

/// The value of a name, wherever it is: releases have moved it.
fn find<'a>(value: &'a Value, name: &str, depth: u8) -> Option<&'a Value> {
    if depth > 4 {
        return None;
    }
    let table = value.as_object()?;
    table.get(name).or_else(|| table.values().find_map(|inner| find(inner, name, depth + 1)))
}
