//! What of a node's configuration file matters here.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use countersign_ops::config_file;
use serde::Deserialize;

/// Where a node keeps its chainstate, and where it listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChainstateConfig {
    /// The node's folder, as the file has it.
    pub working_dir: PathBuf,
    /// The folder with the chainstate: in `working_dir`, named after the network.
    pub chainstate: PathBuf,
    /// Where the node's RPC listens.
    pub rpc: SocketAddr,
    /// Where it listens for peers.
    pub p2p: SocketAddr,
}

/// Why a file does not say it.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// It cannot be read.
    #[error("the node's configuration {} cannot be read", path.display())]
    Unread {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        #[source]
        source: io::Error,
    },
    /// It is no TOML.
    #[error("{} is not a node's configuration: line {line}: {what}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// Which line, from 1.
        line: usize,
        /// What is wrong with it. Without the text of the line, which may hold a secret.
        what: String,
    },
    /// `working_dir` is missing: the node would use a new temporary folder at each start.
    #[error("{} has no `working_dir` in [node]; name the folder of the chainstate there", .0.display())]
    NoWorkingDir(PathBuf),
    /// A path that depends on where the node is started.
    #[error("`working_dir` in {} is {dir:?}; write an absolute path", path.display())]
    Relative {
        /// The file.
        path: PathBuf,
        /// The value.
        dir: PathBuf,
    },
    /// A network of no name that we know.
    #[error("`mode` in {} is {mode:?}; the chainstate of mainnet, xenon, krypton, mocknet, helium or nakamoto-neon is known", path.display())]
    Mode {
        /// The file.
        path: PathBuf,
        /// The value.
        mode: String,
    },
}

#[derive(Deserialize)]
struct File {
    node: Option<Node>,
    burnchain: Option<Burnchain>,
}

#[derive(Deserialize)]
struct Node {
    working_dir: Option<PathBuf>,
    rpc_bind: Option<SocketAddr>,
    p2p_bind: Option<SocketAddr>,
}

#[derive(Deserialize)]
struct Burnchain {
    mode: Option<String>,
}

impl ChainstateConfig {
    /// Reads a node's configuration. Whatever else is in it does not matter here.
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        let unread = |source| ConfigError::Unread { path: path.to_owned(), source };
        Self::parse(path, &config_file::read(path).map_err(unread)?)
    }

    /// The same for a text that was in `path`.
    pub fn parse(path: &Path, text: &str) -> Result<Self, ConfigError> {
        let file: File = toml::from_str(text).map_err(|error| ConfigError::Malformed {
            path: path.to_owned(),
            line: config_file::line_at(text, error.span().map_or(0, |span| span.start)),
            what: error.message().split_whitespace().collect::<Vec<_>>().join(" "),
        })?;
        let node = file.node.ok_or_else(|| ConfigError::NoWorkingDir(path.to_owned()))?;
        let dir = node.working_dir.ok_or_else(|| ConfigError::NoWorkingDir(path.to_owned()))?;
        if !dir.is_absolute() {
            return Err(ConfigError::Relative { path: path.to_owned(), dir });
        }
        let mode = file.burnchain.and_then(|burnchain| burnchain.mode);
        let mode = mode.unwrap_or_else(|| "mocknet".to_owned());
        if !MODES.contains(&mode.as_str()) {
            return Err(ConfigError::Mode { path: path.to_owned(), mode });
        }
        Ok(Self {
            chainstate: dir.join(mode),
            working_dir: dir,
            rpc: node.rpc_bind.unwrap_or(SocketAddr::from(([0, 0, 0, 0], 20443))),
            p2p: node.p2p_bind.unwrap_or(SocketAddr::from(([0, 0, 0, 0], 20444))),
        })
    }

    /// The same node in another folder.
    pub fn move_to(&mut self, working_dir: &Path) {
        let network = self.chainstate.file_name().unwrap_or_default();
        self.chainstate = working_dir.join(network);
        working_dir.clone_into(&mut self.working_dir);
    }

    /// Where the RPC is asked from this host.
    pub fn rpc_url(&self) -> String {
        let mut address = self.rpc;
        if address.ip().is_unspecified() {
            let loopback: std::net::IpAddr = match address {
                SocketAddr::V4(_) => std::net::Ipv4Addr::LOCALHOST.into(),
                SocketAddr::V6(_) => std::net::Ipv6Addr::LOCALHOST.into(),
            };
            address.set_ip(loopback);
        }
        format!("http://{address}")
    }
}

/// The values of `mode`, each of which is the name of a folder.
const MODES: [&str; 7] =
    ["mainnet", "xenon", "krypton", "mocknet", "helium", "nakamoto-neon", "neon"];

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    fn parse(text: &str) -> Result<ChainstateConfig, ConfigError> {
        ChainstateConfig::parse(Path::new("node.toml"), text)
    }

    const GOOD: &str = "[node]\nworking_dir = \"/srv/stacks\"\nrpc_bind = \"0.0.0.0:20443\"\n\
                        p2p_bind = \"0.0.0.0:20444\"\nstacker = true\n[burnchain]\nmode = \"mainnet\"\n";

    #[test]
    fn the_folder_is_named_after_the_network_and_the_rpc_is_asked_on_loopback() {
        let config = parse(GOOD).unwrap();
        assert_eq!(config.chainstate, Path::new("/srv/stacks/mainnet"));
        assert_eq!(config.rpc_url(), "http://127.0.0.1:20443");
        let six = parse(&GOOD.replace("0.0.0.0:20443", "[::]:20443")).unwrap();
        assert_eq!(six.rpc_url(), "http://[::1]:20443");
    }

    #[test]
    fn what_is_no_toml_is_named_with_its_line_and_without_its_text() {
        let refused = parse(&format!("{GOOD}[node2]\nseed = 0123456789abcdef\n")).unwrap_err();
        let refused = refused.to_string();
        assert!(
            refused.starts_with("node.toml is not a node's configuration: line 9: "),
            "{refused}"
        );
        assert!(!refused.contains("0123456789"), "{refused}");
    }

    #[test]
    fn a_folder_that_is_not_certain_is_refused() {
        let relative = parse(&GOOD.replace("/srv/stacks", "stacks")).unwrap_err();
        assert!(matches!(relative, ConfigError::Relative { .. }));
        let none = parse("[burnchain]\nmode = \"mainnet\"\n").unwrap_err();
        assert!(matches!(none, ConfigError::NoWorkingDir(_)));
        let hostile = parse(&GOOD.replace("\"mainnet\"", "\"../../etc\"")).unwrap_err();
        assert!(matches!(hostile, ConfigError::Mode { .. }));
    }

    #[test]
    fn an_error_repeats_no_line_of_the_file() {
        let error = parse("[connection_options]\nauth_token = \"hunter2\" x\n").unwrap_err();
        assert!(
            !error.to_string().contains("hunter2") && !format!("{error:?}").contains("hunter2")
        );
    }
}
