//! `countersign keys`: the birth, the moves and the backups of keys.

use std::io::Write;

use crate::cli::Failed;
use crate::{keys_backup, keys_import, keys_new, keys_restore};

/// What can be done with keys.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Make a key that is sealed at birth, and show its public half
    #[command(after_help = keys_new::EXAMPLES)]
    New(keys_new::Args),
    /// Seal a key of another program
    #[command(after_help = keys_import::EXAMPLES)]
    Import(keys_import::Args),
    /// Back a key up: to several age recipients, or in shares
    #[command(after_help = keys_backup::EXAMPLES)]
    Backup(keys_backup::Args),
    /// Prove that a backup works, or seal the key from it into a new place
    #[command(after_help = keys_restore::EXAMPLES)]
    Restore(keys_restore::Args),
}

/// Does it.
pub(crate) fn run(command: Command, out: &mut dyn Write) -> Result<(), Failed> {
    match command {
        Command::New(args) => keys_new::run(args, out),
        Command::Import(args) => keys_import::run(args, out),
        Command::Backup(args) => keys_backup::run(args, out),
        Command::Restore(args) => keys_restore::run(args, out),
    }
}
