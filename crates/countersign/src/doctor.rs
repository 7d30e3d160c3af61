//! `countersign doctor`: what is wrong, and the command that mends it.

use std::io::Write;

use crate::cli::Failed;
use crate::doctor_key;

/// What can be examined.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Verb {
    /// Say who else could read the signing key, and what mends it
    #[command(after_help = doctor_key::EXAMPLES)]
    Key(doctor_key::Args),
}

/// Examines it.
pub(crate) fn run(verb: Verb, out: &mut dyn Write) -> Result<(), Failed> {
    match verb {
        Verb::Key(args) => doctor_key::run(&args, out),
    }
}
