//! `countersign run`: the signer.

use std::path::PathBuf;

use countersign_ops::exit::Exit;
use countersign_ops::inherited::Inherited;
use countersign_ops::notify::Notifier;
use countersign_ops::secret::forbid_core_dumps;
use countersign_ops::signals::{Hangups, shutdown_signal};
use countersign_ops::telemetry::{self, TelemetryConfig};
use countersign_signerd::{Config, RunError, Surroundings};
use tokio_util::sync::CancellationToken;

use crate::cli::{Failed, open_holders};

/// What `run` needs to know.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The signer's configuration, the same file that the reference signer reads
    #[arg(short, long, value_name = "FILE")]
    config: PathBuf,
    /// Begin a signing journal: what this key has signed is not known, or it has signed nothing. Nothing is
    /// signed for ten minutes. Refused if there is a journal
    #[arg(long)]
    init: bool,
}

pub(crate) const EXAMPLES: &str = "\
Runs until SIGTERM or SIGINT. `countersign status` says whether it signs, and if not, why.

Examples:
  countersign run --config signer-config.toml
  countersign run --config signer-config.toml --init   (once, for a key that has signed nothing)
";

/// Runs until SIGTERM or SIGINT, or until something fails that a human must look at.
///
/// One thread does everything but sign: what it waits for is the node, not the processor.
pub(crate) fn run(args: &Args) -> Result<(), Failed> {
    start(args, Part::Active)
}

/// What is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// The instance that signs.
    Active,
    /// One that is ready to.
    Standby,
}

/// Runs this part.
pub(crate) fn start(args: &Args, part: Part) -> Result<(), Failed> {
    forbid_core_dumps().map_err(|error| Failed::new(Exit::Failure, error))?;
    let mut config = Config::load(&args.config).map_err(|error| Failed::new(Exit::Usage, error))?;
    config.is_standby = part == Part::Standby;
    config.is_init = args.init;
    // What is wrong with the file is said before anybody is asked for a passphrase.
    config.doors().map_err(|problem| Failed::new(Exit::Usage, problem.in_file(&args.config)))?;
    let keys = open_holders(&config)?;
    let usual = TelemetryConfig::from_env();
    let filter = config.log.clone().unwrap_or_else(|| usual.filter.clone());
    let log = telemetry::init(&TelemetryConfig { filter, ..usual.clone() })
        .map_err(|error| Failed::new(Exit::Usage, error))?;
    // It changes the environment, which is safe while there is one thread.
    let inherited = Inherited::from_env().map_err(|error| Failed::new(Exit::Bind, error))?;
    let notifier = Notifier::from_env().map_err(|error| Failed::new(Exit::Usage, error))?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failed::new(Exit::Failure, error))?;
    let stop = CancellationToken::new();
    let ended = runtime.block_on(async {
        tokio::spawn(shutdown_signal(stop.clone()));
        // It takes charge of the signals when it is first polled, which is to be before anything
        // else happens.
        tokio::task::yield_now().await;
        let surroundings = Surroundings {
            config_file: args.config.clone(),
            inherited,
            notifier,
            hangups: Hangups::new().map_err(RunError::Signals)?,
            log: Some(log),
            usual_log: usual.filter,
        };
        countersign_signerd::run(config, keys, surroundings, stop).await
    });
    // A body that is still being decoded is of no use any more.
    runtime.shutdown_background();
    ended.map_err(|error| Failed::new(error.exit(), error))
}
