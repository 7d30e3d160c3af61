//! What must differ, and what contradicts what.

use std::path::Path;

use crate::choices::HostRole;
use crate::error::Problem;
use crate::site::{Link, Site, Turn};
use crate::values::AbsPath;

pub(super) fn check(site: &Site) -> Result<(), Problem> {
    hosts(site)?;
    ports(site)?;
    monitoring(site)?;
    users(site)?;
    paths(site)?;
    if site.signer.operators.contains(&site.users.signer) {
        let what = "whoever takes over the signer would be an operator, too; name other users than its own";
        return Err(Problem::Contradiction { key: "signer.operators", what });
    }
    let tunnelled = matches!(site.link, None | Some(Link::Wireguard { .. }));
    if site.sbtc.is_some() && !tunnelled {
        let what = "the sBTC signer also needs the node's bitcoind, which has no TLS; with two hosts write \
                    \"wireguard\"";
        return Err(Problem::Contradiction { key: "link.kind", what });
    }
    Ok(())
}

fn hosts(site: &Site) -> Result<(), Problem> {
    let Some(node) = &site.hosts.node else { return Ok(()) };
    let signer = &site.hosts.signer;
    let addresses =
        [("hosts.signer.address", signer.address), ("hosts.node.address", node.address)];
    for (key, address) in addresses {
        if address.is_loopback() {
            let what = "with two hosts each has an address at which the other reaches it";
            return Err(Problem::Contradiction { key, what });
        }
    }
    let (one, other) = ("hosts.signer.address", "hosts.node.address");
    if signer.address == node.address {
        let found = signer.address.to_string();
        let remedy = "remove [hosts.node] if there is one host";
        return Err(Problem::Same { one, other, found, remedy });
    }
    if signer.address.is_ipv4() != node.address.is_ipv4() {
        let what = "both hosts have an address of the same family, IPv4 or IPv6";
        return Err(Problem::Contradiction { key: other, what });
    }
    if signer.name == node.name {
        let (one, other) = ("hosts.signer.name", "hosts.node.name");
        let remedy = "the name says which host is which; give each its own";
        return Err(Problem::Same { one, other, found: signer.name.to_string(), remedy });
    }
    Ok(())
}

fn monitoring(site: &Site) -> Result<(), Problem> {
    let is_local = |role: &&HostRole| site.host(**role).address.is_loopback();
    if site.shows_metrics() && site.roles().iter().any(|role| is_local(&role)) {
        let what =
            "metrics are read at the private address of each host; write `hosts.signer.address`";
        return Err(Problem::Contradiction { key: "monitoring.sources", what });
    }
    Ok(())
}

fn ports(site: &Site) -> Result<(), Problem> {
    let mut all = site.ports.all();
    all.push(("access.ssh_port", site.access.ssh_port));
    different(&all, "give each service a port of its own")
}

fn users(site: &Site) -> Result<(), Problem> {
    let all = site.users.all();
    different(&all, "give each program a user of its own, so that none can read the other's files")
}

fn different<T: PartialEq + ToString>(
    all: &[(&'static str, T)],
    remedy: &'static str,
) -> Result<(), Problem> {
    for (position, (one, value)) in all.iter().enumerate() {
        let mut later = all.iter().skip(position + 1);
        if let Some((other, _)) = later.find(|(_, other)| other == value) {
            return Err(Problem::Same { one, other, found: value.to_string(), remedy });
        }
    }
    Ok(())
}

/// Folders that the sandbox of a unit hides or replaces, or that nobody may write into (fact F8).
const HIDDEN: &[&str] =
    &["/home", "/root", "/run", "/tmp", "/var/tmp", "/dev", "/proc", "/sys", "/boot", "/efi"];

fn paths(site: &Site) -> Result<(), Problem> {
    let mut all = site.paths.all();
    all.extend(site.backups.as_ref().map(|backups| ("backups.folder", &backups.folder)));
    let of_token = site.signer.keys().filter_map(|(turn, key)| Some((turn, key.token()?)));
    let of_token = of_token.flat_map(|(turn, token)| {
        let (module, folders) = match turn {
            Turn::Now => ("signer.token.module", "signer.token.folders"),
            Turn::Next => ("signer.next.token.module", "signer.next.token.folders"),
        };
        let folders = token.folders.iter().map(move |folder| (folders, folder));
        folders.chain([(module, &token.module)])
    });
    for (key, path) in all.iter().copied().chain(of_token) {
        if HIDDEN.iter().any(|hidden| path.as_path().starts_with(hidden)) {
            let remedy = "the services' sandbox hides home folders, /tmp, /run and the like; write a \
                          folder in /etc, /var/lib, /srv or /opt";
            return Err(Problem::Value { key, found: path.to_string(), remedy });
        }
    }
    for (position, (one, path)) in all.iter().enumerate() {
        let inside = |outer: &Path, inner: &Path| inner.starts_with(outer);
        let mut later = all.iter().skip(position + 1);
        let is_nested = |other: &AbsPath| {
            inside(path.as_path(), other.as_path()) || inside(other.as_path(), path.as_path())
        };
        if let Some((other, _)) = later.find(|(_, other)| is_nested(other)) {
            let remedy =
                "neither may be inside of the other, because they belong to different users";
            return Err(Problem::Same { one, other, found: path.to_string(), remedy });
        }
    }
    Ok(())
}
