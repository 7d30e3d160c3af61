//! `link.toml`.

use std::path::PathBuf;
use std::time::Duration;

use hyper::http::uri::Authority;
use serde::Deserialize;

use crate::peers::{AllowedPeers, NotANetwork};
use crate::tls::{SettingsError, TlsSettings};

/// What a link must be told. Reading it opens no file but the configuration and resolves no name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkConfig {
    pub(super) tls: TlsSettings,
    pub(super) events: SideConfig,
    pub(super) rpc: SideConfig,
    pub(super) timeout: Duration,
}

/// One direction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SideConfig {
    pub(super) listen: String,
    pub(super) to: String,
    pub(super) allowed_peers: AllowedPeers,
}

/// Why a configuration is refused.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum LinkConfigError {
    /// It is not TOML, or a key is unknown, missing or of the wrong type.
    #[error("line {line}: {what}")]
    Malformed {
        /// Which line, from 1.
        line: usize,
        /// What is wrong with it.
        what: String,
    },
    /// `certificate`, `key` or `peers` make no sense.
    #[error(transparent)]
    Tls(#[from] SettingsError),
    /// An address is none.
    #[error("`{key}` = `{value}` is not an address; write host:port, such as {example}")]
    Address {
        /// The key.
        key: &'static str,
        /// Its value.
        value: String,
        /// What a value looks like.
        example: &'static str,
    },
    /// A list of peers is none.
    #[error("`{key}`: {source}")]
    Peers {
        /// The key.
        key: &'static str,
        /// Which entry, and why.
        source: NotANetwork,
    },
    /// No exchange could be completed.
    #[error(
        "`timeout_secs` is at least 1, and not less than the signer's `stackerdb_timeout_secs`"
    )]
    Timeout,
}

/// The file as it is written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    certificate: PathBuf,
    key: PathBuf,
    peers: Vec<String>,
    timeout_secs: Option<u64>,
    events: FileSide,
    rpc: FileSide,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct FileSide {
    listen: String,
    to: String,
    #[serde(default)]
    allowed_peers: Vec<String>,
}

impl LinkConfig {
    /// Reads the content of a file.
    pub fn parse(text: &str) -> Result<Self, LinkConfigError> {
        let file: File = toml::from_str(text).map_err(|error| {
            let at = error.span().map_or(0, |span| span.start);
            let line = 1 + text.bytes().take(at).filter(|byte| *byte == b'\n').count();
            let what = error.message().split_whitespace().collect::<Vec<_>>().join(" ");
            LinkConfigError::Malformed { line, what }
        })?;
        let timeout = file.timeout_secs.map_or(DEFAULT_TIMEOUT, Duration::from_secs);
        if timeout.is_zero() {
            return Err(LinkConfigError::Timeout);
        }
        Ok(Self {
            tls: TlsSettings::new(file.certificate, file.key, &file.peers)?,
            events: file.events.into_side(&EVENTS)?,
            rpc: file.rpc.into_side(&RPC)?,
            timeout,
        })
    }
}

/// The keys of a direction and what their values look like.
struct Keys {
    listen: (&'static str, &'static str),
    to: (&'static str, &'static str),
    allowed_peers: &'static str,
}

impl FileSide {
    fn into_side(self, keys: &Keys) -> Result<SideConfig, LinkConfigError> {
        let key = keys.allowed_peers;
        let allowed_peers = AllowedPeers::parse(&self.allowed_peers)
            .map_err(|source| LinkConfigError::Peers { key, source })?;
        let (listen, to) = (address(keys.listen, self.listen)?, address(keys.to, self.to)?);
        Ok(SideConfig { listen, to, allowed_peers })
    }
}

fn address(
    (key, example): (&'static str, &'static str),
    value: String,
) -> Result<String, LinkConfigError> {
    let authority = value.parse::<Authority>().ok();
    let is_address = authority.is_some_and(|authority| {
        authority.port_u16().is_some()
            && !authority.host().is_empty()
            && !authority.as_str().contains('@')
    });
    if is_address { Ok(value) } else { Err(LinkConfigError::Address { key, value, example }) }
}

/// Longer than a signer waits for a StackerDB by default (120 s), so that it is the signer that gives
/// up and says so.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(150);

const EVENTS: Keys = Keys {
    listen: ("events.listen", "127.0.0.1:30000"),
    to: ("events.to", "10.0.0.2:30000"),
    allowed_peers: "events.allowed_peers",
};
const RPC: Keys = Keys {
    listen: ("rpc.listen", "10.0.0.1:20444"),
    to: ("rpc.to", "127.0.0.1:20443"),
    allowed_peers: "rpc.allowed_peers",
};

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    const GOOD: &str = r#"
certificate = "link.crt"
key = "link.key"
peers = ["sha256/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="]
[events]
listen = "127.0.0.1:30000"
to = "signer:30000"
[rpc]
listen = "[fd00::1]:20444"
to = "127.0.0.1:20443"
allowed_peers = ["10.0.0.2"]
"#;

    fn refusal(from: &str, to: &str) -> String {
        assert!(GOOD.contains(from), "{from}");
        LinkConfig::parse(&GOOD.replacen(from, to, 1)).unwrap_err().to_string()
    }

    #[test]
    fn a_good_file_is_read_without_opening_what_it_names() {
        let config = LinkConfig::parse(GOOD).unwrap();
        assert_eq!(config.timeout, DEFAULT_TIMEOUT);
        assert_eq!(config.rpc.listen, "[fd00::1]:20444");
        assert!(config.events.allowed_peers.is_everybody());
        assert!(!config.rpc.allowed_peers.is_everybody());
    }

    #[test]
    fn a_bad_file_is_refused_by_name() {
        let rows = [
            ("[rpc]", "[rcp]", "unknown field `rcp`"),
            ("to = \"signer", "too = \"signer", "line 7: unknown field `too`"),
            ("key = \"link.key\"\n", "", "missing field `key`"),
            ("certificate = \"link.crt\"", "certificate = 1", "line 2: invalid type"),
            ("signer:30000", "signer", "`events.to` = `signer` is not an address"),
            ("127.0.0.1:20443", "http://127.0.0.1:20443", "`rpc.to` = `http:"),
            ("127.0.0.1:30000", "u@h:1", "`events.listen` = `u@h:1` is not an address"),
            ("10.0.0.2", "10.0.0.2/24", "`rpc.allowed_peers`: `10.0.0.2/24` has bits"),
            ("sha256/", "sha1/", "is not a pin"),
            ("link.crt", "", "name files"),
            ("[events]", "timeout_secs = 0\n[events]", "`timeout_secs` is at least 1"),
        ];
        for (from, to, reason) in rows {
            let refusal = refusal(from, to);
            assert!(refusal.contains(reason), "{reason}: {refusal}");
        }
    }
}
