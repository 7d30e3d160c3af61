//! `countersign link`: what stands on the node's host.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use countersign_node::link::{Link, LinkConfig, LinkConfigError, LinkError};
use countersign_ops::config_file;
use countersign_ops::exit::Exit;
use countersign_ops::notify::Notifier;
use countersign_ops::secret::forbid_core_dumps;
use countersign_ops::signals::shutdown_signal;
use countersign_ops::telemetry::{self, TelemetryConfig};
use countersign_ops::watchdog::{Pulses, watch_over};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::cli::{Failed, block_on};

/// What `link` needs to know.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Addresses, certificate and the signer's pin; docs/operator/two-hosts.md has one
    #[arg(short, long, value_name = "FILE")]
    config: PathBuf,
}

pub(crate) const EXAMPLES: &str = "\
Runs until SIGINT or SIGTERM. Holds no key but that of its own certificate, and keeps nothing.

Example:
  countersign link --config /etc/countersign/link.toml
";

/// A configuration that is refused.
#[derive(Debug, thiserror::Error)]
enum ConfigError {
    #[error("{}: the configuration file cannot be read", .0.display())]
    Unreadable(PathBuf, #[source] io::Error),
    #[error("{}: {}", .0.display(), .1)]
    Bad(PathBuf, LinkConfigError),
}

/// Carries both directions until it is told to stop.
pub(crate) fn run(args: &Args, out: &mut dyn Write) -> Result<(), Failed> {
    forbid_core_dumps().map_err(Failed::failure)?;
    let config = load(&args.config).map_err(|error| Failed::new(Exit::Usage, error))?;
    telemetry::init(&TelemetryConfig::from_env())
        .map_err(|error| Failed::new(Exit::Usage, error))?;
    block_on(async {
        let stop = CancellationToken::new();
        tokio::spawn(shutdown_signal(stop.clone()));
        let notifier = Arc::new(Notifier::from_env().map_err(Failed::failure)?);
        let link = Link::bind(&config).await.map_err(|error| {
            let is_bind = matches!(error, LinkError::Bind { .. });
            Failed::new(if is_bind { Exit::Bind } else { Exit::Usage }, error)
        })?;
        // Operators and scripts wait for this line. Nobody may read it, which is no reason to stop.
        let (events, rpc) = (link.events_addr(), link.rpc_addr());
        let _ = writeln!(out, "Link ready: callbacks at {events}, questions at {rpc}");
        let _ = out.flush();
        notifier.ready();
        tokio::spawn(give_signs_of_life(Arc::clone(&notifier), stop.clone()));
        let ended = link.run(stop).await;
        notifier.stopping();
        ended.map_err(Failed::failure)
    })?
}

/// From the thread that carries everything: what holds it up holds these up, too.
async fn give_signs_of_life(notifier: Arc<Notifier>, stop: CancellationToken) {
    let nothing_else = Pulses::new([]);
    let (stuck, _) = watch::channel(None);
    watch_over(nothing_else, notifier, stuck, stop).await;
}

fn load(path: &Path) -> Result<LinkConfig, ConfigError> {
    let text = config_file::read(path)
        .map_err(|source| ConfigError::Unreadable(path.to_owned(), source))?;
    LinkConfig::parse(&text).map_err(|problem| ConfigError::Bad(path.to_owned(), problem))
}
