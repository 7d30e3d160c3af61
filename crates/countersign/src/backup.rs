//! `countersign backup`: making backups and proving that they restore.

use std::io::Write;

use clap::Subcommand;

use crate::cli::Failed;
use crate::{backup_postgres, backup_signer, backup_verify};

/// A verb for each thing that an operator does with backups.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Back up the PostgreSQL of the sBTC signer
    Postgres {
        #[command(subcommand)]
        verb: backup_postgres::Verb,
    },
    /// Back up what a running signer remembers: what its keys signed, and its store
    #[command(after_help = backup_signer::EXAMPLES)]
    Signer(Box<backup_signer::Args>),
    /// Say what a backup of the sBTC signer's PostgreSQL is good for, by levels
    #[command(after_help = backup_verify::EXAMPLES)]
    Verify(Box<backup_verify::Args>),
}

/// Does what the verb says.
pub(crate) fn run(verb: Verb, out: &mut dyn Write) -> Result<(), Failed> {
    match verb {
        Verb::Postgres { verb } => backup_postgres::run(verb, out),
        Verb::Signer(args) => backup_signer::run(&args, out),
        Verb::Verify(args) => backup_verify::run(&args, out),
    }
}
