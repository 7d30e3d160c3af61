//! What bitcoind answers.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::http::{Question, exchange};
use crate::facts::BitcoinState;
use crate::grade::{Fact, Unknown};
use crate::parse::node_toml::BitcoinLogin;

pub(super) async fn gather(login: Option<&BitcoinLogin>, limit: Duration) -> Fact<BitcoinState> {
    let login = login.ok_or_else(|| {
        Unknown::not_here(
            "no bitcoind is known: the node's configuration was not found (--node-config)",
        )
    })?;
    let (chain, network) =
        tokio::join!(ask(login, "getblockchaininfo", limit), ask(login, "getnetworkinfo", limit));
    let chain = chain?;
    let number = |name: &str| chain.get(name).and_then(Value::as_u64);
    let flag = |name: &str| chain.get(name).and_then(Value::as_bool);
    let strange = || Unknown::because(format!("what answers at {} is no bitcoind", login.address));
    Ok(BitcoinState {
        chain: chain.get("chain").and_then(Value::as_str).ok_or_else(strange)?.to_owned(),
        blocks: number("blocks").ok_or_else(strange)?,
        headers: number("headers").ok_or_else(strange)?,
        is_loading: flag("initialblockdownload").ok_or_else(strange)?,
        is_pruned: flag("pruned").ok_or_else(strange)?,
        prune_height: number("pruneheight"),
        version: network?.get("version").and_then(Value::as_u64).unwrap_or(0),
    })
}

async fn ask(login: &BitcoinLogin, method: &str, limit: Duration) -> Fact<Value> {
    let pair = Zeroizing::new(format!("{}:{}", login.user, login.password.as_str()));
    let question = Question {
        address: &login.address,
        path: "/",
        json: Some(json!({ "id": 0, "method": method, "params": [] }).to_string()),
        login: Some(Zeroizing::new(format!("Basic {}", STANDARD.encode(pair.as_bytes())))),
    };
    let answer =
        exchange(question, limit).await.map_err(|error| Unknown::because(error.to_string()))?;
    if matches!(answer.status, 401 | 403) {
        return Err(Unknown::but(
            format!("bitcoind at {} refuses the node's login ({})", login.address, answer.status),
            "set username and password under [burnchain] of the node to those of bitcoind",
        ));
    }
    let body: Value = serde_json::from_str(&answer.body).map_err(|_| {
        Unknown::because(format!("{} answers {} and no JSON", login.address, answer.status))
    })?;
    body.get("result").filter(|result| !result.is_null()).cloned().ok_or_else(|| {
        let error = body.pointer("/error/message").and_then(Value::as_str).unwrap_or("no result");
        Unknown::because(format!("bitcoind says: {}", crate::shell::shown(error)))
    })
}
