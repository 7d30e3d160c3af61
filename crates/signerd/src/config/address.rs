//! `host:port` values.

use std::fmt;
use std::net::{SocketAddr, ToSocketAddrs as _};

use super::Problem;

/// A host, by name or number, and a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostPort {
    key: &'static str,
    text: String,
}

impl HostPort {
    /// Checks the value of `key`. A missing port or a scheme would be found out only when the first
    /// block is to be signed, so both are refused here.
    pub(super) fn parse(key: &'static str, text: String) -> Result<Self, Problem> {
        let is_node = key == "node_host" || key == super::countersign::FALLBACK_HOST;
        let example = if is_node { "127.0.0.1:20443" } else { "127.0.0.1:30000" };
        let what = match text.rsplit_once(':') {
            _ if text.contains("://") => "begins with a scheme",
            _ if text.contains(['/', ' ', '\t', '@']) => "is not an address",
            None => "has no port",
            Some(("", _)) => "has no host",
            Some((host, _)) if host.contains(':') && !is_bracketed(host) => {
                "has no port, or an IPv6 address without brackets"
            }
            Some((_, port)) if port.parse::<u16>().is_err() => "has no port from 0 to 65535",
            Some(_) => return Ok(Self { key, text }),
        };
        Err(Problem::HostPort { key, value: text, what, example })
    }

    /// The first address that the host has.
    pub fn resolve(&self) -> Result<SocketAddr, Problem> {
        let failed =
            |source| Problem::Unresolved { key: self.key, value: self.text.clone(), source };
        let mut addresses = self.text.to_socket_addrs().map_err(failed)?;
        addresses.next().ok_or_else(|| failed(std::io::Error::other("the host has no address")))
    }

    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The key whose value it is.
    pub const fn key(&self) -> &'static str {
        self.key
    }
}

impl fmt::Display for HostPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

fn is_bracketed(host: &str) -> bool {
    host.starts_with('[') && host.ends_with(']')
}
