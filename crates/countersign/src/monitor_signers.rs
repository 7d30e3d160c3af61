//! `countersign monitor-signers`: a watch over the signers.

use std::io::Write;
use std::time::Duration;

use countersign_operator::monitor::{MonitorConfig, MonitorError, News, monitor};
use countersign_ops::exit::Exit;
use countersign_ops::signals::shutdown_signal;
use countersign_ops::telemetry::{self, TelemetryConfig};
use tokio_util::sync::CancellationToken;

use crate::backup_place::say;
use crate::cli::{Failed, block_on};

/// What `monitor-signers` needs to know.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The node's RPC address
    #[arg(long, value_name = "HOST:PORT")]
    host: String,
    /// Between two looks, in seconds
    #[arg(short, long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=86400))]
    interval: u64,
    /// A signer that has written nothing for this long is stale, in seconds
    #[arg(short, long, value_name = "SECONDS", default_value_t = 1200, value_parser = clap::value_parser!(u64).range(1..=31536000))]
    max_age: u64,
    /// How long the node may take to answer, in seconds
    #[arg(short, long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=3600))]
    stackerdb_timeout_secs: u64,
    /// Print one JSON object a line on stdout instead of logging
    #[arg(long)]
    json: bool,
}

const A_MOMENT: Duration = Duration::from_secs(1);

pub(crate) const EXAMPLES: &str = "\
Runs until SIGINT or SIGTERM and logs which signers are missing, stale or write something unexpected.

Example:
  countersign monitor-signers --host 127.0.0.1:20443 --interval 60 --max-age 1200
";

/// Watches until SIGINT or SIGTERM.
pub(crate) fn run(args: Args, out: &mut dyn Write) -> Result<(), Failed> {
    telemetry::init(&TelemetryConfig::from_env())
        .map_err(|error| Failed::new(Exit::Usage, error))?;
    let Args { host, json, .. } = args;
    let config = MonitorConfig {
        host,
        interval: Duration::from_secs(args.interval),
        max_age: Duration::from_secs(args.max_age),
        stackerdb_timeout: Duration::from_secs(args.stackerdb_timeout_secs),
    };
    // Until the first look is over, nothing is told.
    let waiting = CancellationToken::new();
    let asked = config.host.clone();
    let mut tell = |news: &News| {
        waiting.cancel();
        if json {
            return writeln!(out, "{}", news.to_json()).and_then(|()| out.flush());
        }
        news.log();
        Ok(())
    };
    let ended = block_on(async {
        let stop = CancellationToken::new();
        tokio::spawn(shutdown_signal(stop.clone()));
        tokio::spawn(waiting.clone().run_until_cancelled_owned(async move {
            tokio::time::sleep(A_MOMENT).await;
            say(&format!("asking the node at {asked} …"));
        }));
        monitor(&config, &mut tell, &stop).await
    })?;
    ended.map_err(|error| {
        let is_usage = matches!(error, MonitorError::Config(_));
        Failed::new(if is_usage { Exit::Usage } else { Exit::Failure }, error)
    })
}
