//! Sockets that listen, and the packet filter.

use std::net::IpAddr;

use countersign_node::exposure::Reach;

use super::SPLIT;
use crate::check::{Check, EVERYBODY, Source};
use crate::facts::{Facts, Firewall, Listener, Policy, Protocol};
use crate::grade::{Fact, Outcome, Unknown};
use crate::shell;

pub(super) const CHECKS: &[Check] = &[
    Check {
        id: "ports-private",
        rows: &["B9", "D9", "D10", "E20", "E45"],
        profiles: EVERYBODY,
        title: "ports that are nobody else's are reached by nobody else",
        why: "the node's RPC, the signer's endpoint, bitcoind's RPC, PostgreSQL and metrics trust whoever connects",
        source: Source::Network,
        judge: private,
    },
    Check {
        id: "ports-others",
        rows: &["B9", "D8", "D10"],
        profiles: EVERYBODY,
        title: "nothing listens that is not part of the stack",
        why: "each open port is one more program that must have no hole",
        source: Source::Network,
        judge: others,
    },
    Check {
        id: "firewall-in",
        rows: &["B9", "D10"],
        profiles: EVERYBODY,
        title: "what comes in is refused unless allowed",
        why: "a port that is opened by mistake stays closed",
        source: Source::Network,
        judge: |facts| firewall(facts, "what comes in", |firewall| firewall.input),
    },
    Check {
        id: "firewall-out",
        rows: &["B9", "D18"],
        profiles: EVERYBODY,
        title: "what goes out is refused unless allowed",
        why: "a program that was taken over cannot send the key home",
        source: Source::Network,
        judge: |facts| firewall(facts, "what goes out", |firewall| firewall.output),
    },
    Check {
        id: "firewall-forward",
        rows: &["B9", "E13"],
        profiles: EVERYBODY,
        title: "what passes through to containers is refused unless allowed",
        why: "docker publishes ports past the rules for what comes in",
        source: Source::Network,
        judge: |facts| firewall(facts, "what passes through", |firewall| firewall.forward),
    },
];

/// What is meant to be reached from everywhere: P2P of the node, of bitcoind, of sBTC, and the doors of
/// mutual TLS.
const PUBLIC: [(Protocol, u16); 7] = [
    (Protocol::Tcp, 20_444),
    (Protocol::Tcp, 8_333),
    (Protocol::Tcp, 18_444),
    (Protocol::Tcp, 4_122),
    (Protocol::Udp, 4_122),
    (Protocol::Tcp, 2_443),
    (Protocol::Tcp, 3_443),
];

/// What is never meant to be.
const PRIVATE: [(u16, &str); 20] = [
    (20_443, "the node's RPC"),
    (30_000, "the signer's events"),
    (31_000, "the events' proxy"),
    (21_443, "the RPC's proxy"),
    (30_001, "the signer's metrics"),
    (9_153, "the node's metrics"),
    (9_154, "the signer's metrics"),
    (8_332, "bitcoind's RPC"),
    (18_443, "bitcoind's RPC"),
    (8_801, "the sBTC signer's events"),
    (9_184, "the sBTC signer's metrics"),
    (5_432, "PostgreSQL"),
    (3_032, "the sBTC blocklist"),
    (3_700, "the API's events"),
    (30_002, "the exporter's metrics"),
    (30_003, "the status page"),
    (9_090, "Prometheus"),
    (9_093, "Alertmanager"),
    (9_100, "node_exporter"),
    (12_345, "Alloy"),
];

fn is_open(listener: &Listener) -> bool {
    matches!(Reach::of(listener.address), Reach::Unspecified | Reach::Global)
}

fn port(address: &str) -> Option<u16> {
    address.rsplit_once(':').and_then(|(_, port)| port.parse().ok())
}

/// The ports that this installation names, with what they are.
fn named(facts: &Facts) -> Vec<(u16, &'static str)> {
    let mut ports = PRIVATE.to_vec();
    if let Ok(signer) = &facts.signer {
        let events = port(&signer.endpoint);
        if signer.has_tls || signer.has_allowed_peers {
            // It knows who connects.
            ports.retain(|(port, _)| Some(*port) != events);
        } else {
            ports.extend(events.map(|port| (port, "the signer's events")));
        }
        ports.extend(
            signer.metrics.as_deref().and_then(port).map(|port| (port, "the signer's metrics")),
        );
    }
    if let Ok(node) = &facts.node_config {
        ports.extend(node.rpc_bind.as_deref().and_then(port).map(|port| (port, "the node's RPC")));
    }
    ports
}

fn shown(listener: &Listener) -> String {
    let Listener { protocol, address, port, program } = listener;
    let program =
        program.as_deref().map_or(String::new(), |name| format!(" ({})", shell::shown(name)));
    match address {
        IpAddr::V6(address) => format!("{protocol} [{address}]:{port}{program}"),
        IpAddr::V4(address) => format!("{protocol} {address}:{port}{program}"),
    }
}

fn private(facts: &Facts) -> Fact<Outcome> {
    let listeners = facts.listeners.as_ref()?;
    let named = named(facts);
    let open: Vec<(&Listener, &str)> = listeners
        .iter()
        .filter(|listener| listener.protocol == Protocol::Tcp && is_open(listener))
        .filter_map(|listener| {
            let (_, what) = named.iter().find(|(port, _)| *port == listener.port)?;
            Some((listener, *what))
        })
        .collect();
    if open.is_empty() {
        return Ok(Outcome::ok(format!(
            "{} sockets listen, none of them private and open",
            listeners.len()
        )));
    }
    let measured: Vec<String> =
        open.iter().map(|(listener, what)| format!("{what} at {}", shown(listener))).collect();
    let measured = measured.join(SPLIT);
    let remedy = "bind it to 127.0.0.1, or: countersign firewall apply";
    let is_shielded = facts.firewall.as_ref().is_ok_and(|firewall| firewall.input == Policy::Drop);
    Ok(if is_shielded || facts.is_private_network() {
        Outcome::warn(format!("{measured}; only the firewall keeps others out"), remedy)
    } else {
        Outcome::fail(measured, remedy)
    })
}

fn others(facts: &Facts) -> Fact<Outcome> {
    let listeners = facts.listeners.as_ref()?;
    let named = named(facts);
    let ssh: Vec<u16> = facts.ssh.as_ref().map_or_else(|_| vec![22], |ssh| ssh.ports.clone());
    let events = facts.signer.as_ref().ok().and_then(|signer| port(&signer.endpoint));
    let is_known = |listener: &Listener| {
        PUBLIC.contains(&(listener.protocol, listener.port))
            || named.iter().any(|(port, _)| *port == listener.port)
            || (listener.protocol == Protocol::Tcp
                && (ssh.contains(&listener.port) || Some(listener.port) == events))
            || listener.program.as_deref() == Some("sshd")
            // DHCP and the clock answer nobody.
            || (listener.protocol == Protocol::Udp && matches!(listener.port, 68 | 123 | 323 | 546))
            || listener.program.as_deref() == Some("countersign")
    };
    let strangers: Vec<String> = listeners
        .iter()
        .filter(|listener| is_open(listener) && !is_known(listener))
        // What a program dials out from is an open UDP socket, too.
        .filter(|listener| listener.protocol == Protocol::Tcp || listener.port < 32_768)
        .map(shown)
        .collect();
    Ok(match strangers.as_slice() {
        [] => Outcome::ok("every open port is part of the stack"),
        strangers => Outcome::warn(
            format!("open to everybody: {}", strangers.join(SPLIT)),
            "ss -tulpn; stop what is not needed, or bind it to 127.0.0.1",
        ),
    })
}

fn firewall(facts: &Facts, what: &str, policy: impl Fn(&Firewall) -> Policy) -> Fact<Outcome> {
    if facts.is_private_network() {
        return Err(Unknown::not_here("nothing is at stake on a private network"));
    }
    let firewall = facts.firewall.as_ref()?;
    Ok(match policy(firewall) {
        Policy::Drop => Outcome::ok(format!("{what} is refused unless a rule allows it")),
        Policy::Accept => Outcome::warn(
            format!("{what} is let through unless a rule refuses it"),
            "countersign firewall apply, and from a new login: countersign firewall confirm",
        ),
    })
}
