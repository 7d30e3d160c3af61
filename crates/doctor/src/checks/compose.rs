//! Compose files.

use std::net::IpAddr;

use countersign_node::exposure::Reach;

use super::SPLIT;
use crate::check::{Check, EVERYBODY, Source};
use crate::facts::{ComposeService, Facts};
use crate::grade::{Fact, Outcome};
use crate::shell;

pub(super) const CHECKS: &[Check] = &[
    Check {
        id: "compose-ports",
        rows: &["B9", "E13", "E33"],
        profiles: EVERYBODY,
        title: "containers publish ports to this machine and private networks only",
        why: "`30000:30000` opens the port to the world, past ufw and past the rules for what comes in",
        source: Source::Configs,
        judge: ports,
    },
    Check {
        id: "compose-images",
        rows: &["E12", "E32", "E36"],
        profiles: EVERYBODY,
        title: "images are named by digest",
        why: "a tag can be moved to another image; `latest` is whatever it is today",
        source: Source::Configs,
        judge: images,
    },
    Check {
        id: "compose-rights",
        rows: &["D14", "E12", "E33"],
        profiles: EVERYBODY,
        title: "containers are not root's and hold no rights",
        why: "a program that breaks out of a container has the rights that it had inside",
        source: Source::Configs,
        judge: rights,
    },
    Check {
        id: "compose-secrets",
        rows: &["B1", "E10", "E35"],
        profiles: EVERYBODY,
        title: "no key is in a container's environment",
        why: "`docker inspect` shows the environment to everybody who may use docker",
        source: Source::Configs,
        judge: secrets,
    },
];

/// Each service that something is wrong with, and in words what.
fn broken(
    services: &[ComposeService],
    what: impl Fn(&ComposeService) -> Option<String>,
) -> Option<(String, String)> {
    let found: Vec<(String, &ComposeService)> =
        services.iter().filter_map(|service| Some((what(service)?, service))).collect();
    let (_, first) = found.first()?;
    let file = shell::path(&first.file);
    let said =
        found.iter().map(|(what, service)| format!("{}: {what}", shell::shown(&service.name)));
    Some((said.collect::<Vec<_>>().join("; "), file))
}

/// P2P is meant to be published.
fn is_public(port: &str) -> bool {
    let port = port.split('/').next().unwrap_or(port);
    matches!(port, "20444" | "8333" | "18444" | "4122" | "2443" | "3443")
}

/// The door of a signer that knows who connects.
fn guarded(facts: &Facts) -> Option<&str> {
    let signer = facts.signer.as_ref().ok()?;
    let (_, port) = signer.endpoint.rsplit_once(':')?;
    (signer.has_tls || signer.has_allowed_peers).then_some(port)
}

fn ports(facts: &Facts) -> Fact<Outcome> {
    let services = facts.compose.as_ref()?;
    let guarded = guarded(facts);
    let found = broken(services, |service| {
        let open: Vec<String> = service
            .published
            .iter()
            .filter(|(address, _)| {
                let reach = address.map_or(Reach::Unspecified, Reach::of);
                matches!(reach, Reach::Unspecified | Reach::Global)
            })
            .filter(|(_, port)| !is_public(port) && guarded != Some(port.as_str()))
            .map(|(_, port)| shell::shown(port))
            .collect();
        (!open.is_empty()).then(|| format!("port {}", open.join(SPLIT)))
    });
    if let Some((what, file)) = found {
        return Ok(Outcome::fail(
            format!("published to everybody: {what}"),
            format!("write \"127.0.0.1:PORT:PORT\" in {file}"),
        ));
    }
    let alone = services.iter().find_map(unreachable);
    Ok(match alone {
        Some(port) if !facts.is_private_network() => Outcome::warn(
            format!("peers' port {port} is published on loopback only: no peer finds this host"),
            "name hosts.signer.public_address (on a node's host hosts.node.public_address) in countersign.toml, then \
             countersign render and docker compose up -d",
        ),
        _ => Outcome::ok(format!(
            "{} publish nothing private",
            super::count(services.len(), "service")
        )),
    })
}

/// The port for peers of the network that a service publishes where none of them is.
fn unreachable(service: &ComposeService) -> Option<&'static str> {
    ["20444", "4122"].into_iter().find(|peers| {
        let of_peers = |port: &str| port.split('/').next() == Some(*peers);
        let mut addresses = service
            .published
            .iter()
            .filter(|(_, port)| of_peers(port))
            .map(|(to, _)| to)
            .peekable();
        addresses.peek().is_some()
            && addresses.all(|to| to.is_some_and(|address: IpAddr| address.is_loopback()))
    })
}

fn images(facts: &Facts) -> Fact<Outcome> {
    let services = facts.compose.as_ref()?;
    let stale = broken(services, |service| {
        let image = service.image.as_deref()?;
        is_stale(image).then(|| shell::shown(image))
    });
    if let Some((what, file)) = stale {
        return Ok(Outcome::fail(
            format!("older than the network's epoch: {what}"),
            format!("name a release of 4.0.1 or later in {file}"),
        ));
    }
    let loose = broken(services, |service| {
        let image = service.image.as_deref()?;
        (!image.contains("@sha256:")).then(|| shell::shown(image))
    });
    Ok(match loose {
        None => Outcome::ok("every image is named by digest"),
        Some((what, file)) => Outcome::warn(
            format!("not by digest: {what}"),
            format!("docker buildx imagetools inspect IMAGE, and write IMAGE@sha256:… in {file}"),
        ),
    })
}

/// An image of the reference whose release does not know epoch 4.0.
fn is_stale(image: &str) -> bool {
    let (name, _) = image.split_once('@').unwrap_or((image, ""));
    let Some((name, tag)) = name.rsplit_once(':') else { return false };
    let is_theirs = name.ends_with("stacks-signer") || name.ends_with("stacks-core");
    let major = tag.split('.').next().and_then(|major| major.parse::<u64>().ok());
    is_theirs && major.is_some_and(|major| (1..4).contains(&major))
}

fn rights(facts: &Facts) -> Fact<Outcome> {
    let services = facts.compose.as_ref()?;
    let found = broken(services, |service| {
        let is_root = service
            .user
            .as_deref()
            .is_none_or(|user| matches!(user.split(':').next(), Some("0" | "root")));
        let reasons = [
            (service.is_privileged, "privileged or on the host's network"),
            (is_root, "root's"),
            (!service.is_read_only, "writable"),
            (!service.drops_capabilities, "with capabilities"),
        ];
        let reasons: Vec<&str> =
            reasons.iter().filter(|(is_so, _)| *is_so).map(|(_, reason)| *reason).collect();
        (!reasons.is_empty()).then(|| reasons.join(SPLIT))
    });
    let is_privileged = services.iter().any(|service| service.is_privileged);
    Ok(match found {
        None => {
            Outcome::ok("every service has a user of its own, no capability and a read-only image")
        }
        Some((what, file)) => {
            let remedy = format!("`user:`, `read_only: true`, `cap_drop: [ALL]` in {file}");
            if is_privileged { Outcome::fail(what, remedy) } else { Outcome::warn(what, remedy) }
        }
    })
}

fn secrets(facts: &Facts) -> Fact<Outcome> {
    let services = facts.compose.as_ref()?;
    let found = broken(services, |service| {
        (!service.key_variables.is_empty()).then(|| service.key_variables.join(SPLIT))
    });
    Ok(match found {
        None => Outcome::ok("no variable holds a key"),
        Some((what, file)) => Outcome::fail(
            format!("a key is in the environment of {what}"),
            format!("use `secrets:` in {file}, and rotate the key"),
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_is_stale_by_its_own_release_only() {
        assert!(is_stale("blockstack/stacks-signer:3.1.0.0.5.0"));
        assert!(is_stale("blockstack/stacks-core:3.1.0.0.13@sha256:00"));
        assert!(!is_stale("ghcr.io/stacks-network/stacks-signer:4.0.1"));
        assert!(!is_stale("postgres:16.6"));
        assert!(!is_stale("prom/prometheus:2.42"));
        assert!(!is_stale("stacks-core"));
    }
}
