//! `countersign logs`: what is kept of the past for people.

use std::io::Write;
use std::path::PathBuf;

use countersign_ops::exit::Exit;
use countersign_signerd::Config;
use countersign_signerd::decisions::Files;

use crate::cli::Failed;
use crate::{logs_decisions, logs_explain, logs_retention, logs_verify};

/// What can be done with logs.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Verb {
    /// Show what was decided, a line each
    #[command(after_help = logs_decisions::EXAMPLES)]
    Decisions(logs_decisions::Args),
    /// Say what log lines mean and what to do about them
    #[command(after_help = logs_explain::EXAMPLES)]
    Explain(logs_explain::Args),
    /// Say how far back each log of this host reaches, how far it will, and what to configure
    #[command(after_help = logs_retention::EXAMPLES)]
    Retention(logs_retention::Args),
    /// Say whether a decision log is whole, or which line was changed, lost or moved
    #[command(after_help = logs_verify::EXAMPLES)]
    Verify(logs_verify::Args),
}

/// Does it.
pub(crate) fn run(verb: Verb, out: &mut dyn Write) -> Result<(), Failed> {
    match verb {
        Verb::Decisions(args) => logs_decisions::run(&args, out),
        Verb::Explain(args) => logs_explain::run(&args, out),
        Verb::Retention(args) => logs_retention::run(&args, out),
        Verb::Verify(args) => logs_verify::run(&args, out),
    }
}

/// Whose decision log it is.
#[derive(Debug, clap::Args)]
pub(crate) struct Whose {
    /// The configuration of the signer whose log it is
    #[arg(short, long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// That signer's store, or its `db_path`
    #[arg(long, value_name = "FILE", conflicts_with = "config")]
    store: Option<PathBuf>,
}

/// A configuration that keeps nothing on disk.
#[derive(Debug, thiserror::Error)]
#[error("this signer keeps its store in memory (`db_path`), so it has no decision log")]
struct NothingKept;

impl Whose {
    /// The log's files; none if nobody is named.
    pub(crate) fn files(&self) -> Result<Option<Files>, Failed> {
        if let Some(store) = &self.store {
            return Ok(Some(Files::of_store(store)));
        }
        let Some(config) = &self.config else { return Ok(None) };
        let config = Config::load(config).map_err(|error| Failed::new(Exit::Usage, error))?;
        let files = config.db_path.decisions();
        files.map(Some).ok_or_else(|| Failed::new(Exit::Usage, NothingKept))
    }
}

/// Writes, and takes a reader that has gone as a reason to stop and none to complain.
pub(crate) fn print(out: &mut dyn Write, text: &str) -> Result<bool, Failed> {
    match out.write_all(text.as_bytes()) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(false),
        Err(error) => Err(Failed::failure(error)),
    }
}
