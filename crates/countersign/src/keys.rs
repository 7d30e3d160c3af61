//! `countersign keys`: the birth, the moves and the backups of keys, and where they should not be.

use std::io::Write;

use clap::Subcommand;

use crate::cli::Failed;
use crate::{keys_backup, keys_import, keys_new, keys_restore, keys_rotate, keys_scan};

/// A verb for each thing that an operator does with keys.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
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
    /// Say where a change of keys stands and what is next
    #[command(after_help = keys_rotate::EXAMPLES)]
    Rotate(keys_rotate::Args),
    /// Find our private keys in folders, Git histories, images of containers and archives
    #[command(after_help = keys_scan::EXAMPLES)]
    Scan(keys_scan::Args),
}

/// Does what the verb says.
pub(crate) fn run(verb: Verb, out: &mut dyn Write) -> Result<(), Failed> {
    match verb {
        Verb::New(args) => keys_new::run(args, out),
        Verb::Import(args) => keys_import::run(args, out),
        Verb::Backup(args) => keys_backup::run(args, out),
        Verb::Restore(args) => keys_restore::run(args, out),
        Verb::Rotate(args) => keys_rotate::run(&args, out),
        Verb::Scan(args) => keys_scan::run(&args, out),
    }
}
