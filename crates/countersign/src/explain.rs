//! `countersign explain`: what was decided about a block, and why.

use std::io::{self, ErrorKind, IsTerminal as _, Write};
use std::path::PathBuf;

use countersign_ops::exit::Exit;
use countersign_signerd::Config;
use countersign_signerd::decisions::{Files, ReadError, explain};

use crate::cli::Failed;

/// What `explain` needs to know.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The block's hash (sighash) or block id, or the beginning of one
    #[arg(value_name = "HASH")]
    hash: String,
    /// The configuration of the signer whose decision it was
    #[arg(short, long, value_name = "FILE", required_unless_present = "store")]
    config: Option<PathBuf>,
    /// That signer's store, or its `db_path`
    #[arg(long, value_name = "FILE", conflicts_with = "config")]
    store: Option<PathBuf>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

pub(crate) const EXAMPLES: &str = "\
Example:
  countersign explain 3f9c21 --config signer-config.toml
";

/// A configuration that keeps nothing on disk.
#[derive(Debug, thiserror::Error)]
#[error("this signer keeps its store in memory (`db_path`), so nothing is on file")]
struct NothingKept;

/// Reads the signer's decision log, whether it runs or not. Writes nothing.
pub(crate) fn run(args: &Args, out: &mut dyn Write) -> Result<(), Failed> {
    let explanation = explain(&paths(args)?, &args.hash).map_err(|error| {
        let is_usage = matches!(error, ReadError::NotAHash(_) | ReadError::NoLog(_));
        Failed::new(if is_usage { Exit::Usage } else { Exit::Failure }, error)
    })?;
    let text = if args.json {
        serde_json::to_string(&explanation).map_err(|error| Failed::new(Exit::Failure, error))?
    } else {
        let in_colour = io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
        explanation.in_words(in_colour).trim_end().to_owned()
    };
    match writeln!(out, "{text}") {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(Failed::new(Exit::Failure, error))
        }
        _ => Ok(()),
    }
}

fn paths(args: &Args) -> Result<Files, Failed> {
    if let Some(store) = &args.store {
        return Ok(Files::of_store(store));
    }
    let file = args.config.as_deref().expect("clap asks for a configuration or a store");
    let config = Config::load(file).map_err(|error| Failed::new(Exit::Usage, error))?;
    config.db_path.decisions().ok_or_else(|| Failed::new(Exit::Usage, NothingKept))
}
