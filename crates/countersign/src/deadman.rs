//! `countersign deadman`: raises the alarm when nobody watches any more.

use std::io::{self, Write};
use std::path::PathBuf;

use countersign_operator::deadman::{self, Deadman};
use countersign_ops::exit::Exit;
use countersign_ops::secret::forbid_core_dumps;
use countersign_ops::signals::shutdown_signal;
use countersign_ops::telemetry::{self, TelemetryConfig};
use tokio_util::sync::CancellationToken;

use crate::cli::{Failed, block_on};

/// What `deadman` needs to know.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Address, token and who is told; docs/operator/watching.md has one
    #[arg(short, long, value_name = "FILE")]
    config: PathBuf,
}

pub(crate) const EXAMPLES: &str = "\
Belongs on another host than Prometheus and Alertmanager. Waits for their heartbeat, and tells a webhook or runs
a command when it stops, and when it comes back. Runs until SIGINT or SIGTERM.

Example:
  countersign deadman --config /etc/countersign/deadman.toml
";

/// Waits for heartbeats until SIGINT or SIGTERM.
pub(crate) fn run(args: &Args, out: &mut dyn Write) -> Result<(), Failed> {
    forbid_core_dumps().map_err(Failed::failure)?;
    let config = Deadman::load(&args.config).map_err(|error| Failed::new(Exit::Usage, error))?;
    telemetry::init(&TelemetryConfig::from_env())
        .map_err(|error| Failed::new(Exit::Usage, error))?;
    let ended = block_on(async {
        let stop = CancellationToken::new();
        tokio::spawn(shutdown_signal(stop.clone()));
        // Operators and scripts wait for this line. Nobody may read it, which is no reason to stop.
        let tell = |address| {
            let told: io::Result<()> =
                writeln!(out, "Waiting for heartbeats at http://{address}/beat/…");
            let _ = told.and_then(|()| out.flush());
        };
        deadman::run(config, tell, stop).await
    })?;
    ended.map_err(|error| Failed::new(Exit::Bind, error))
}
