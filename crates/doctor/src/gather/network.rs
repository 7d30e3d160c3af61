//! Sockets that listen and whose they are; the packet filter.

use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::time::Duration;

use super::bounded::{kernel, run, unreadable};
use crate::facts::{Firewall, Listener, Protocol};
use crate::grade::{Fact, Unknown};
use crate::parse::{nft, proc_net};

pub(super) fn listeners() -> Fact<Vec<Listener>> {
    let tables = [
        ("/proc/net/tcp", Protocol::Tcp),
        ("/proc/net/tcp6", Protocol::Tcp),
        ("/proc/net/udp", Protocol::Udp),
        ("/proc/net/udp6", Protocol::Udp),
    ];
    let mut sockets = Vec::new();
    for (path, protocol) in tables {
        match kernel(path) {
            Ok(table) => sockets.extend(proc_net::listening(&table, protocol)),
            // A kernel without IPv6 has no such table.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(unreadable(Path::new(path), &error)),
        }
    }
    let owners = owners();
    let listener = |socket: proc_net::Socket| Listener {
        protocol: socket.protocol,
        address: socket.address,
        port: socket.port,
        program: owners.get(&socket.inode).cloned(),
    };
    Ok(sockets.into_iter().map(listener).collect())
}

/// The names of the programs by the sockets that they hold, as far as we may look.
fn owners() -> HashMap<u64, String> {
    let mut owners = HashMap::new();
    for process in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let folder = process.path();
        let is_process =
            process.file_name().to_str().is_some_and(|name| name.parse::<u32>().is_ok());
        let Ok(descriptors) = fs::read_dir(folder.join("fd")) else { continue };
        if !is_process {
            continue;
        }
        let name = kernel(folder.join("comm")).unwrap_or_default().trim().to_owned();
        for descriptor in descriptors.flatten() {
            let target = fs::read_link(descriptor.path()).unwrap_or_default();
            let inode = target.to_str().and_then(|target| {
                target.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok()
            });
            if let Some(inode) = inode {
                owners.insert(inode, name.clone());
            }
        }
    }
    owners
}

pub(super) async fn firewall(limit: Duration) -> Fact<Firewall> {
    let said = run("nft", &["--json", "list", "ruleset"], limit).await?;
    if !said.is_success {
        let reason = format!("nft does not show its rules: {}", said.err);
        return Err(Unknown::but(reason, "run doctor as root"));
    }
    nft::read(&said.out).ok_or_else(|| Unknown::because("what nft shows is not understood"))
}
