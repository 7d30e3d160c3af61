//! Asking a running daemon over its control socket.

use std::path::PathBuf;
use std::time::Duration;

use countersign_ops::control::{Answer, AskError, ask};
use countersign_ops::exit::Exit;
use countersign_signerd::control::Route;
use countersign_signerd::{Config, Holders};
use serde_json::Value;

use crate::cli::{Failed, block_on, load, open_holders};

/// Which daemon is asked.
#[derive(Debug, clap::Args)]
pub(crate) struct Which {
    /// The configuration that the signer runs with
    #[arg(short, long, value_name = "FILE", required_unless_present = "socket")]
    config: Option<PathBuf>,
    /// The signer's control socket, instead of a configuration
    #[arg(long, value_name = "PATH", conflicts_with = "config")]
    socket: Option<PathBuf>,
}

/// A configuration without a control socket.
#[derive(Debug, thiserror::Error)]
#[error(
    "a dry run and a signer that keeps nothing on disk have no control socket, unless `control_socket` \
     of the table [countersign] names one"
)]
struct NoSocket;

impl Which {
    /// The daemon that runs with this configuration.
    pub(crate) const fn of(config: PathBuf) -> Self {
        Self { config: Some(config), socket: None }
    }

    /// Asks the daemon. A body of `null` is not sent.
    pub(crate) fn ask(
        &self,
        route: Route,
        body: &Value,
        limit: Duration,
    ) -> Result<Answer, Failed> {
        let socket = self.socket()?;
        let (method, path) = route.line();
        let answer = block_on(ask(&socket, method, path, body, limit))?;
        answer.map_err(|error| {
            let exit = match error {
                AskError::TooLong(_) => Exit::Usage,
                AskError::NotRunning(_) | AskError::Forbidden(_) => Exit::NoDaemon,
                AskError::Silent { .. } | AskError::Broken { .. } => Exit::Failure,
            };
            Failed::new(exit, error)
        })
    }

    /// The configuration and its keys, for what can be done while the daemon does not run; nothing if only a
    /// socket was named.
    pub(crate) fn keys(&self) -> Result<Option<(Config, Holders)>, Failed> {
        let Some(file) = &self.config else { return Ok(None) };
        let config = load(file)?;
        let keys = open_holders(&config)?;
        Ok(Some((config, keys)))
    }

    /// The folder of the daemon's records; none if only a socket was named, or nothing is kept on disk.
    pub(crate) fn records(&self) -> Result<Option<PathBuf>, Failed> {
        let Some(file) = &self.config else { return Ok(None) };
        Ok(load(file)?.db_path.records())
    }

    fn socket(&self) -> Result<PathBuf, Failed> {
        if let Some(socket) = &self.socket {
            return Ok(socket.clone());
        }
        let file = self.config.as_deref().expect("clap asks for a configuration or a socket");
        load(file)?.control_socket().ok_or_else(|| Failed::new(Exit::Usage, NoSocket))
    }
}
