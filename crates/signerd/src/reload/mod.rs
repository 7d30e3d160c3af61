//! Reading the configuration again: the safe part of it takes effect, the rest is named.
//!
//! Safe is what neither the core nor the vault knows. The core's parameters are part of every recording,
//! and a decision that is under way was begun with them, so they change only with a restart.

mod report;
#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use countersign_node::AuthPassword;
use countersign_ops::notify::Notifier;
use countersign_ops::signals::Hangups;
use countersign_ops::telemetry::LogFilter;
use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;

use crate::config::{Config, ConfigError, Outline, Problem, strip_indices};
use crate::nodes::Nodes;

pub use report::{Item, ReloadReport};

/// Keys that take effect without a restart. `docs/config.md` has the same list, and a test compares.
pub(crate) const RELOADED: [&str; 5] = [
    "event_timeout_ms",
    "stackerdb_timeout_secs",
    "auth_password",
    "countersign.fallback_nodes.auth_password",
    "countersign.log",
];

/// What a reload may change.
#[derive(Clone, Debug)]
pub(crate) struct Adjustable {
    /// The loop's tick.
    pub(crate) tick: watch::Sender<Duration>,
    /// The nodes' passwords and patience.
    pub(crate) nodes: Nodes,
    /// What is logged; none where somebody else has the log.
    pub(crate) log: Option<LogFilter>,
    /// What is logged if the file does not say.
    pub(crate) usual_log: String,
}

/// Reads the configuration again when it is asked to.
pub(crate) struct Reloader {
    file: PathBuf,
    /// What is in effect.
    running: Outline,
    adjustable: Adjustable,
    requests: mpsc::Receiver<Request>,
}

/// Asks for a reload.
#[derive(Clone, Debug)]
pub(crate) struct ReloadHandle(mpsc::Sender<Request>);

type Request = oneshot::Sender<Result<ReloadReport, ConfigError>>;

impl ReloadHandle {
    /// Has the configuration read again, and says what that changed. Nothing if the daemon ends.
    pub(crate) async fn reload(&self) -> Option<Result<ReloadReport, ConfigError>> {
        let (reply, answer) = oneshot::channel();
        self.0.send(reply).await.ok()?;
        answer.await.ok()
    }
}

impl Reloader {
    /// A reloader of the configuration in `file`, of which `running` is in effect.
    pub(crate) fn new(
        file: PathBuf,
        running: Outline,
        adjustable: Adjustable,
    ) -> (Self, ReloadHandle) {
        let (handle, requests) = mpsc::channel(1);
        (Self { file, running, adjustable, requests }, ReloadHandle(handle))
    }

    /// Serves SIGHUP and requests until `stop` is cancelled.
    pub(crate) async fn run(
        mut self,
        mut hangups: Hangups,
        notifier: Arc<Notifier>,
        stop: CancellationToken,
    ) {
        loop {
            let request = tokio::select! {
                () = stop.cancelled() => return,
                () = hangups.next() => None,
                Some(request) = self.requests.recv() => Some(request),
            };
            notifier.reloading();
            let outcome = self.reload();
            notifier.ready();
            match &outcome {
                Ok(report) => tracing::info!("the configuration was read again:\n{report}"),
                Err(error) => tracing::error!(
                    %error,
                    "the configuration was read again and is refused; everything stays as it was"
                ),
            }
            if let Some(request) = request {
                // Whoever asked may have gone.
                let _ = request.send(outcome);
            }
        }
    }

    /// Reads the file. A file that is refused changes nothing.
    fn reload(&mut self) -> Result<ReloadReport, ConfigError> {
        let config = Config::load_beside(&self.file, &self.running)?;
        let changes = self.running.changes(&config.outline);
        // Passwords belong to nodes, and those stay as they are until a restart.
        let has_other_nodes =
            changes.iter().any(|change| strip_indices(&change.key).ends_with(HOST));
        let takes_effect = |key: &str| {
            let key = strip_indices(key);
            RELOADED.contains(&key.as_str()) && !(key.ends_with(PASSWORD) && has_other_nodes)
        };
        let items: Vec<Item> = changes
            .into_iter()
            .map(|change| Item { is_applied: takes_effect(&change.key), change })
            .collect();
        let applied = self.adjustable.apply(&config, !has_other_nodes);
        applied.map_err(|problem| problem.in_file(&self.file))?;
        for Item { change, .. } in items.iter().filter(|item| item.is_applied) {
            self.running.adopt(&change.key, &config.outline);
        }
        Ok(ReloadReport { items })
    }
}

impl Adjustable {
    /// Puts into effect what can be. The file was checked, so what can fail does not.
    fn apply(&self, config: &Config, with_passwords: bool) -> Result<(), Problem> {
        if let Some(log) = &self.log {
            let filter = config.log.as_deref().unwrap_or(&self.usual_log);
            log.set(filter).map_err(|source| Problem::Log { source })?;
        }
        for node in self.nodes.all() {
            node.client.set_stackerdb_deadline(config.stackerdb_timeout);
            if let Some(password) = password_of(&node.host, config).filter(|_| with_passwords) {
                let set = node.client.set_password(password);
                set.map_err(|_| Problem::Password { key: PASSWORD })?;
            }
        }
        self.tick.send_replace(config.event_timeout);
        Ok(())
    }
}

fn password_of<'a>(host: &str, config: &'a Config) -> Option<&'a AuthPassword> {
    let fallbacks = config.fallback_nodes.iter().map(|node| (&node.host, &node.auth_password));
    let mut nodes = fallbacks.chain([(&config.node_host, &config.auth_password)]);
    nodes.find(|(known, _)| known.as_str() == host).map(|(_, password)| password)
}

/// How the keys end that name a node.
const HOST: &str = "host";
/// How the keys end that hold a node's password.
const PASSWORD: &str = "auth_password";
