//! `countersign check-config`: what a configuration file says.

use std::io::Write;
use std::path::PathBuf;

use countersign_ops::exit::Exit;
use countersign_signerd::Config;

use crate::cli::Failed;
use crate::name::Name;

/// What `check-config` needs to know.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The configuration to check
    #[arg(short, long, value_name = "FILE")]
    config: PathBuf,
}

/// Prints the lines that the reference signer prints. Creates nothing and binds nothing.
pub(crate) fn run(args: &Args, name: Name, out: &mut dyn Write) -> Result<(), Failed> {
    let config = Config::load(&args.config).map_err(|error| Failed::new(Exit::Usage, error))?;
    config.doors().map_err(|problem| Failed::new(Exit::Usage, problem.in_file(&args.config)))?;
    writeln!(out, "Signer version: {}\nConfig: \n\n{config}\n", name.release())
        .map_err(|error| Failed::new(Exit::Failure, error))
}
