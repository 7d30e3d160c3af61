//! The signer's configuration.

use countersign_node::exposure::{Reach, Verdict};
use countersign_site::install::{Difference, Drift};

use super::{SPLIT, count, reach};
use crate::check::{Check, EVERYBODY, FOR_OTHERS, Source};
use crate::facts::{Facts, SignerConfig};
use crate::grade::{Fact, Outcome};
use crate::shell;

pub(super) const CHECKS: &[Check] = &[
    Check {
        id: "config",
        rows: &["E5", "E7", "E14", "E31"],
        profiles: EVERYBODY,
        title: "the signer starts with its configuration",
        why: "since 4.0.2 a key that is not known keeps the signer from starting; before, it was ignored",
        source: Source::Configs,
        judge: valid,
    },
    Check {
        id: "config-password",
        rows: &["E9", "B10"],
        profiles: EVERYBODY,
        title: "the node's password is no sample",
        why: "the passwords of the official samples are the first that anybody tries",
        source: Source::Configs,
        judge: password,
    },
    Check {
        id: "config-endpoint",
        rows: &["D8", "D9", "E20", "F10"],
        profiles: EVERYBODY,
        title: "events come from known peers",
        why: "whoever reaches the endpoint speaks with the node's voice",
        source: Source::Configs,
        judge: endpoint,
    },
    Check {
        id: "config-metrics",
        rows: &["A3", "B12", "D9"],
        profiles: EVERYBODY,
        title: "metrics are served, and not to everybody",
        why: "a signer that nobody measures fails in silence; one that everybody measures is mapped",
        source: Source::Configs,
        judge: metrics,
    },
    Check {
        id: "config-node-link",
        rows: &["D8", "D9", "E20", "E21", "E22", "E23"],
        profiles: EVERYBODY,
        title: "the node is asked where nobody listens in",
        why: "the node's answers and its password go over the wire in the clear",
        source: Source::Configs,
        judge: node_link,
    },
    Check {
        id: "config-database",
        rows: &["E8"],
        profiles: EVERYBODY,
        title: "what was signed is kept, at a fixed place",
        why: "a signer that forgets what it signed can sign against it",
        source: Source::Configs,
        judge: database,
    },
    Check {
        id: "config-timeouts",
        rows: &["E31"],
        profiles: EVERYBODY,
        title: "timeouts fit the miners'",
        why: "a signer that waits longer than a miner never lets it extend its tenure",
        source: Source::Configs,
        judge: timeouts,
    },
    Check {
        id: "config-dry-run",
        rows: &["E14"],
        profiles: EVERYBODY,
        title: "the signer signs",
        why: "a dry run looks alive and signs nothing",
        source: Source::Configs,
        judge: dry_run,
    },
    Check {
        id: "config-fallback-node",
        rows: &["A2", "A8", "A9", "A19"],
        profiles: FOR_OTHERS,
        title: "a second node takes over",
        why: "a signer with one node is down whenever that node is",
        source: Source::Configs,
        judge: fallback,
    },
    Check {
        id: "config-parity",
        rows: &["A20"],
        profiles: EVERYBODY,
        title: "standby and active instance are configured alike",
        why: "a standby that decides differently from the instance whose place it takes is found out in the emergency",
        source: Source::Configs,
        judge: parity,
    },
    Check {
        id: "files-modes",
        rows: &["D12", "D15", "E11", "F6"],
        profiles: EVERYBODY,
        title: "configurations are nobody else's to read or change",
        why: "they hold passwords, and say where everything is",
        source: Source::Files,
        judge: modes,
    },
    Check {
        id: "files-rendered",
        rows: &["A1", "A20"],
        profiles: EVERYBODY,
        title: "the installed files are what their description says",
        why: "what was changed by hand is nowhere described: the next render takes it away, and the other host does not have it",
        source: Source::Files,
        judge: rendered,
    },
];

fn valid(facts: &Facts) -> Fact<Outcome> {
    let signer = facts.signer.as_ref()?;
    let path = shell::path(&signer.path);
    Ok(match &signer.refusal {
        None => Outcome::ok(format!("{} is understood", signer.path.display())),
        Some(why) => {
            Outcome::fail(shell::shown(why), format!("countersign check-config --config {path}"))
        }
    })
}

fn password(facts: &Facts) -> Fact<Outcome> {
    let signer = facts.signer.as_ref()?;
    Ok(match signer.weak_password {
        None => Outcome::ok("auth_password is none of the samples', and long enough"),
        Some(why) => Outcome::fail(
            format!("auth_password {why}"),
            "put the output of `openssl rand -hex 32` into auth_password and into the node's auth_token, and restart both",
        ),
    })
}

fn endpoint(facts: &Facts) -> Fact<Outcome> {
    let signer = facts.signer.as_ref()?;
    let address = &signer.endpoint;
    let is_guarded = signer.has_tls || signer.has_allowed_peers;
    let remedy = "bind 127.0.0.1, or set `tls` or `allowed_peers` in [countersign] (docs/operator/two-hosts.md)";
    Ok(match reach(address).map(|reach| reach.verdict(is_guarded, facts.is_private_network())) {
        Some(Verdict::Fine) if is_guarded => {
            Outcome::ok(format!("endpoint {address} lets in only listed peers"))
        }
        Some(Verdict::Fine) => {
            Outcome::ok(format!("endpoint {address} is reached from this machine only"))
        }
        Some(Verdict::Warn) => {
            Outcome::warn(format!("everybody on its network reaches endpoint {address}"), remedy)
        }
        Some(Verdict::Refuse) => Outcome::fail(
            format!("everybody who can route here reaches endpoint {address}"),
            remedy,
        ),
        None => Outcome::warn(
            format!("endpoint {address} is a name: where it leads is not fixed"),
            remedy,
        ),
    })
}

fn metrics(facts: &Facts) -> Fact<Outcome> {
    let signer = facts.signer.as_ref()?;
    let Some(address) = &signer.metrics else {
        return Ok(Outcome::warn(
            "no metrics_endpoint is set",
            "metrics_endpoint = \"127.0.0.1:30001\" in the signer's configuration",
        ));
    };
    let remedy = "bind metrics_endpoint to 127.0.0.1, and scrape it from this host";
    Ok(match reach(address) {
        Some(Reach::Loopback) => {
            Outcome::ok(format!("metrics at {address}, for this machine only"))
        }
        Some(Reach::Private) | None if !signer.has_allowed_peers => {
            Outcome::warn(format!("metrics at {address} are open to its network"), remedy)
        }
        Some(Reach::Unspecified | Reach::Global) if !signer.has_allowed_peers => Outcome::fail(
            format!("metrics at {address} are open to everybody who can route here"),
            remedy,
        ),
        _ => Outcome::ok(format!("metrics at {address}, for listed peers only")),
    })
}

fn node_link(facts: &Facts) -> Fact<Outcome> {
    let signer = facts.signer.as_ref()?;
    let host = &signer.node_host;
    if signer.has_node_tls {
        return Ok(Outcome::ok(format!("the node at {host} is asked over mutual TLS")));
    }
    let remedy = "countersign tls new, and node_tls in [countersign] (docs/operator/two-hosts.md)";
    Ok(match reach(host) {
        Some(Reach::Loopback) => Outcome::ok(format!("the node at {host} is on this machine")),
        Some(Reach::Private) | None => Outcome::warn(
            format!("the node at {host} is asked in the clear over a network"),
            remedy,
        ),
        _ => Outcome::fail(
            format!("the node at {host} is asked in the clear over the internet"),
            remedy,
        ),
    })
}

fn database(facts: &Facts) -> Fact<Outcome> {
    let SignerConfig { db_path, .. } = facts.signer.as_ref()?;
    Ok(match db_path {
        None => {
            Outcome::fail("db_path is :memory:", "db_path = \"/var/lib/countersign/signer.sqlite\"")
        }
        Some(path) if path.is_relative() => Outcome::warn(
            format!(
                "db_path {} depends on the folder in which the signer is started",
                path.display()
            ),
            "write db_path with a leading slash",
        ),
        Some(path) => Outcome::ok(format!("db_path is {}", path.display())),
    })
}

/// Miners extend a tenure after 180 s; what they are told must come earlier, by what the docs say at most
/// 118 s. They give a proposal up after 120 s.
fn timeouts(facts: &Facts) -> Fact<Outcome> {
    let signer = facts.signer.as_ref()?;
    let (idle, proposal) = (signer.idle_secs, signer.proposal_timeout_ms);
    if idle > 120 {
        return Ok(Outcome::fail(
            format!("tenure_idle_timeout_secs and its buffer are {idle} s together"),
            "keep tenure_idle_timeout_secs + tenure_idle_timeout_buffer_secs at 120 or less",
        ));
    }
    if proposal > 120_000 {
        return Ok(Outcome::fail(
            format!("block_proposal_timeout_ms is {proposal}"),
            "keep block_proposal_timeout_ms at 120000 or less, the miners' tenure_extend_wait_timeout_ms",
        ));
    }
    Ok(Outcome::ok(format!("idle {idle} s, proposal {} s", proposal / 1_000)))
}

fn dry_run(facts: &Facts) -> Fact<Outcome> {
    let signer = facts.signer.as_ref()?;
    Ok(if signer.is_dry_run {
        Outcome::fail("dry_run = true", "remove dry_run from the configuration, and restart")
    } else {
        Outcome::ok("this is no dry run")
    })
}

fn fallback(facts: &Facts) -> Fact<Outcome> {
    let signer = facts.signer.as_ref()?;
    Ok(match signer.fallback_nodes {
        0 => Outcome::warn(
            "there is one node and no other",
            "fallback_nodes = [{ host = \"10.0.0.2:20443\" }] in [countersign]",
        ),
        nodes => Outcome::ok(count(nodes, "fall-back node")),
    })
}

fn parity(facts: &Facts) -> Fact<Outcome> {
    let parity = facts.parity.as_ref()?;
    Ok(match parity.differing.as_slice() {
        [] => Outcome::ok("both instances say the same, but for addresses and secrets"),
        keys => Outcome::warn(
            format!("the instances differ in {}", keys.join(SPLIT)),
            "render both from one countersign.toml: countersign render --diff",
        ),
    })
}

/// How many files are named.
const NAMED: usize = 5;

fn rendered(facts: &Facts) -> Fact<Outcome> {
    let drift = facts.drift.as_ref()?;
    if drift.is_empty() {
        return Ok(Outcome::ok("every file is as countersign.toml describes it"));
    }
    let named = drift.iter().take(NAMED).map(|Drift { path, differences }| {
        let said: Vec<&str> = differences.iter().map(|difference| difference.name()).collect();
        format!("{}: {}", shell::path(path), said.join(SPLIT))
    });
    let others = drift.len().saturating_sub(NAMED);
    let more = (others > 0).then(|| format!("and {others} more"));
    let measured = named.chain(more).collect::<Vec<_>>().join("; ");
    let remedy =
        "countersign render --diff; then say it in countersign.toml, and: countersign render";
    let is_old = |found: &Drift| found.differences == [Difference::LeftOver];
    Ok(if drift.iter().all(is_old) {
        Outcome::warn(measured, remedy)
    } else {
        Outcome::fail(measured, remedy)
    })
}

fn modes(facts: &Facts) -> Fact<Outcome> {
    let findings = facts.files.as_ref()?;
    Ok(match findings.first() {
        None => Outcome::ok("no file of the installation is open to others"),
        Some(first) => {
            let more = findings.len() - 1;
            let rest = if more == 0 { String::new() } else { format!(" (and {more} more)") };
            Outcome::fail(format!("{}{rest}", first.what), first.remedy.clone())
                .with_fix(first.fix.clone())
        }
    })
}
