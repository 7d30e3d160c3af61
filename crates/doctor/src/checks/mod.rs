//! The checks, by what they look at.

mod backups;
mod bitcoin;
mod clock;
mod compose;
mod config;
mod daemon;
mod key;
mod logs;
mod machine;
mod network;
mod node;
mod node_config;
mod sbtc;
mod seats;
mod ssh;
mod storage;
#[cfg(test)]
mod tests;
mod units;

use std::net::IpAddr;

use countersign_node::exposure::Reach;

use crate::check::Check;

/// Every check, in the order in which a report shows them.
pub fn all() -> impl Iterator<Item = &'static Check> {
    let groups: [&[Check]; 17] = [
        machine::CHECKS,
        storage::CHECKS,
        clock::CHECKS,
        key::CHECKS,
        config::CHECKS,
        node_config::CHECKS,
        node::CHECKS,
        seats::CHECKS,
        daemon::CHECKS,
        bitcoin::CHECKS,
        sbtc::CHECKS,
        network::CHECKS,
        compose::CHECKS,
        ssh::CHECKS,
        units::CHECKS,
        logs::CHECKS,
        backups::CHECKS,
    ];
    groups.into_iter().flatten()
}

/// The check with this id.
pub fn find(id: &str) -> Option<&'static Check> {
    all().find(|check| check.id == id)
}

/// Who can reach `host:port`, as far as its text tells: a name can be anywhere, but `localhost`.
pub(crate) fn reach(address: &str) -> Option<Reach> {
    let (host, _) = address.rsplit_once(':')?;
    let host = host.trim_start_matches('[').trim_end_matches(']');
    if host == "localhost" {
        return Some(Reach::Loopback);
    }
    host.parse::<IpAddr>().ok().map(Reach::of)
}

/// Whether what is bound to this address, with a port or without, is reached from beyond private networks.
pub(crate) fn is_wide(bind: &str) -> bool {
    let alone = bind.trim_start_matches('[').trim_end_matches(']').parse().ok().map(Reach::of);
    let is_of_any_host = bind.is_empty() || bind.starts_with(':') && !bind.starts_with("::");
    is_of_any_host
        || matches!(alone.or_else(|| reach(bind)), Some(Reach::Unspecified | Reach::Global))
}

/// Bytes in the unit that people read.
pub(crate) fn bytes(count: u64) -> String {
    const GIB: u64 = 1 << 30;
    const MIB: u64 = 1 << 20;
    if count >= GIB {
        format!("{}.{} GiB", count / GIB, count % GIB * 10 / GIB)
    } else {
        format!("{} MiB", count / MIB)
    }
}

/// A span of time in the unit that people read.
pub(crate) fn span(seconds: u64) -> String {
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds / 60),
        7_200..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} days", seconds / 86_400),
    }
}

/// `one thing`, or `2 things`.
pub(crate) fn count(number: usize, thing: &str) -> String {
    if number == 1 { format!("one {thing}") } else { format!("{number} {thing}s") }
}

pub(crate) const DAY: u64 = 86_400;
/// Between things in a list.
pub(crate) const SPLIT: &str = ", ";
