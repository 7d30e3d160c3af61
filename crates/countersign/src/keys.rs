//! `countersign keys`: where keys are, and where they should not be.

use std::io::Write;

use clap::Subcommand;

use crate::cli::Failed;
use crate::keys_scan;

/// A verb for each thing that an operator does with keys.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Find our private keys in folders, Git histories, images of containers and archives
    #[command(after_help = keys_scan::EXAMPLES)]
    Scan(keys_scan::Args),
}

/// Does what the verb says.
pub(crate) fn run(verb: Verb, out: &mut dyn Write) -> Result<(), Failed> {
    match verb {
        Verb::Scan(args) => keys_scan::run(&args, out),
    }
}
