//! `countersign tls`: certificates for mutual TLS.

use std::io::Write;

use crate::cli::Failed;
use crate::{tls_new, tls_pin};

/// What can be done with certificates.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Make a key and a certificate that it signs, and show the pin that the other side is told
    #[command(after_help = tls_new::EXAMPLES)]
    New(tls_new::Args),
    /// Show the pin of a certificate
    #[command(after_help = tls_pin::EXAMPLES)]
    Pin(tls_pin::Args),
}

/// Does it.
pub(crate) fn run(command: Command, out: &mut dyn Write) -> Result<(), Failed> {
    match command {
        Command::New(args) => tls_new::run(&args, out),
        Command::Pin(args) => tls_pin::run(&args, out),
    }
}
