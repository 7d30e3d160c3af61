//! The sBTC signer.

use super::{SPLIT, is_wide};
use crate::check::{Check, SBTC, Source};
use crate::facts::Facts;
use crate::grade::{Fact, Outcome, Unknown};
use crate::shell;

pub(super) const CHECKS: &[Check] = &[
    Check {
        id: "sbtc-key",
        rows: &["B1", "B2"],
        profiles: SBTC,
        title: "the sBTC key is in no configuration",
        why: "that key signs, decrypts the shares in the database and is the signer's identity in its network",
        source: Source::Configs,
        judge: key,
    },
    Check {
        id: "sbtc-database-password",
        rows: &["B6", "B10"],
        profiles: SBTC,
        title: "the database has a password of its own and a role that can do little",
        why: "the samples' postgres/postgres is a superuser that everybody knows",
        source: Source::Configs,
        judge: database,
    },
    Check {
        id: "sbtc-observer-bind",
        rows: &["B9", "B12"],
        profiles: SBTC,
        title: "events and metrics of the sBTC signer are for this machine",
        why: "port 8801 takes events from whoever reaches it, and tells the configuration at /info",
        source: Source::Configs,
        judge: binds,
    },
    Check {
        id: "sbtc-p2p",
        rows: &["B8"],
        profiles: SBTC,
        title: "the sBTC signer can be dialled by the others",
        why: "a signer that only dials out is not reached by those that dial, too",
        source: Source::Configs,
        judge: p2p,
    },
    Check {
        id: "sbtc-nodes",
        rows: &["A9", "B14", "B15"],
        profiles: SBTC,
        title: "the sBTC signer has nodes to fall back on",
        why: "it takes lists of Stacks and Bitcoin nodes, and a list of one has no fall-back",
        source: Source::Configs,
        judge: nodes,
    },
    Check {
        id: "sbtc-signing-set",
        rows: &["C1", "C2"],
        profiles: SBTC,
        title: "the signing set makes sense",
        why: "all signers must name exactly the same set, or the next key is never made",
        source: Source::Configs,
        judge: signing_set,
    },
    Check {
        id: "sbtc-aggregate-key",
        rows: &["C2", "C3", "C4"],
        profiles: SBTC,
        title: "the signer's newest key is the contract's",
        why: "a signer whose shares belong to another key cannot sign sweeps",
        source: Source::Sbtc,
        judge: aggregate_key,
    },
];

fn edit(facts: &Facts, what: &str) -> String {
    let path = facts
        .sbtc_config
        .as_ref()
        .map_or_else(|_| "its file".to_owned(), |config| shell::path(&config.path));
    format!("{what} in {path}, and restart the sBTC signer")
}

/// The sBTC signer takes each of its settings from its environment, too.
fn not_in_file(key: &str) -> Unknown {
    Unknown::because(format!("{key} is not in the file; it may be in the environment"))
}

fn key(facts: &Facts) -> Fact<Outcome> {
    let config = facts.sbtc_config.as_ref()?;
    Ok(if config.has_bare_key {
        Outcome::fail(
            format!("signer.private_key stands in {}", config.path.display()),
            "keep the key in a systemd credential, and give it to the service alone (docs/operator/keys.md)",
        )
    } else {
        Outcome::ok("signer.private_key is not in the file")
    })
}

fn database(facts: &Facts) -> Fact<Outcome> {
    let config = facts.sbtc_config.as_ref()?;
    if !config.has_database_login && !config.is_superuser {
        return Err(not_in_file("signer.db_endpoint with a user and a password"));
    }
    Ok(match (config.weak_database_password, config.is_superuser) {
        (Some(why), _) => Outcome::fail(
            format!("the database's password {why}"),
            "ALTER ROLE … PASSWORD with the output of `openssl rand -hex 32`, and the same in db_endpoint",
        ),
        (None, true) => Outcome::warn(
            "the signer is the database's superuser `postgres`",
            "CREATE ROLE sbtc_signer LOGIN, own the database by it, and name it in db_endpoint",
        ),
        (None, false) => Outcome::ok("the database has a role and a password of its own"),
    })
}

fn binds(facts: &Facts) -> Fact<Outcome> {
    let config = facts.sbtc_config.as_ref()?;
    let binds = [
        ("event_observer.bind", &config.observer_bind),
        ("prometheus_exporter_endpoint", &config.metrics),
    ];
    let open: Vec<&str> = binds
        .iter()
        .filter(|(_, bind)| bind.as_deref().is_some_and(is_wide))
        .map(|(key, _)| *key)
        .collect();
    if !open.is_empty() {
        return Ok(Outcome::fail(
            format!("for everybody: {}", open.join(SPLIT)),
            edit(facts, "bind them to 127.0.0.1"),
        ));
    }
    if config.observer_bind.is_none() {
        return Err(not_in_file("signer.event_observer.bind"));
    }
    Ok(match &config.metrics {
        None => Outcome::warn(
            "prometheus_exporter_endpoint is not set",
            edit(facts, "`prometheus_exporter_endpoint = \"127.0.0.1:9184\"` under [signer]"),
        ),
        Some(_) => Outcome::ok("events and metrics are for this machine or a private network"),
    })
}

fn p2p(facts: &Facts) -> Fact<Outcome> {
    let config = facts.sbtc_config.as_ref()?;
    if config.listen_on.is_empty() {
        return Err(not_in_file("signer.p2p.listen_on"));
    }
    let listens: Vec<String> = config.listen_on.iter().map(|text| shell::shown(text)).collect();
    let is_dialled = config
        .listen_on
        .iter()
        .any(|text| !text.contains("127.0.0.1") && !text.contains("localhost"));
    Ok(if is_dialled {
        Outcome::ok(format!("it listens on {}", listens.join(SPLIT)))
    } else {
        let remedy = edit(
            facts,
            "`listen_on = [\"tcp://0.0.0.0:4122\", \"quic-v1://0.0.0.0:4122\"]` under [signer.p2p]",
        );
        Outcome::warn("nobody can dial it", remedy)
    })
}

fn nodes(facts: &Facts) -> Fact<Outcome> {
    let config = facts.sbtc_config.as_ref()?;
    let (stacks, bitcoin) = (config.stacks_nodes, config.bitcoin_nodes);
    for (key, count) in [("stacks.endpoints", stacks), ("bitcoin.rpc_endpoints", bitcoin)] {
        if count == 0 {
            return Err(not_in_file(key));
        }
    }
    let measured = format!("{stacks} Stacks and {bitcoin} Bitcoin nodes");
    Ok(if stacks == 1 || bitcoin == 1 {
        Outcome::warn(
            measured,
            edit(facts, "a second node in stacks.endpoints and bitcoin.rpc_endpoints"),
        )
    } else {
        Outcome::ok(measured)
    })
}

/// At most 16 signers; on mainnet 10 signatures of 14 or so.
fn signing_set(facts: &Facts) -> Fact<Outcome> {
    let config = facts.sbtc_config.as_ref()?;
    let Some(required) = config.required else {
        return Err(not_in_file("signer.bootstrap_signatures_required"));
    };
    if config.signers == 0 {
        return Err(not_in_file("signer.bootstrap_signing_set"));
    }
    let signers = u64::try_from(config.signers).unwrap_or(u64::MAX);
    let measured = format!("{required} of {signers} signatures");
    Ok(if signers > 16 || required > signers || required == 0 {
        Outcome::fail(
            measured,
            edit(facts, "exactly the set that was announced as bootstrap_signing_set"),
        )
    } else if required.saturating_mul(2) <= signers {
        Outcome::warn(
            measured,
            edit(facts, "more than half of the set as bootstrap_signatures_required"),
        )
    } else {
        Outcome::ok(measured)
    })
}

fn aggregate_key(facts: &Facts) -> Fact<Outcome> {
    let state = facts.sbtc.as_ref()?;
    let short = |key: &Option<String>| {
        key.as_deref().map_or("none".to_owned(), |key| shell::shown(key).chars().take(16).collect())
    };
    let measured = format!(
        "the signer's key is {}…, the contract's {}…",
        short(&state.current_key),
        short(&state.contract_key)
    );
    Ok(if state.current_key.is_some() && state.current_key == state.contract_key {
        Outcome::ok(measured)
    } else {
        Outcome::fail(
            measured,
            "read the sBTC signer's log for the last DKG; restore the database of that key",
        )
    })
}
