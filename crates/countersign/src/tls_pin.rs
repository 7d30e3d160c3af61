//! `countersign tls pin`: what a certificate is called.

use std::io::Write;
use std::path::PathBuf;

use countersign_node::Pin;
use countersign_ops::exit::Exit;

use crate::cli::Failed;

/// What `tls pin` needs to know.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The certificate in PEM form; of several the first
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

pub(crate) const EXAMPLES: &str = "\
The pin is SHA-256 of the certificate's public key. A new certificate for the same key has the same pin.

Example:
  countersign tls pin /etc/countersign/tls/signer.crt
";

/// Prints the pin.
pub(crate) fn run(args: &Args, out: &mut dyn Write) -> Result<(), Failed> {
    let pin = Pin::of_file(&args.file).map_err(|error| Failed::new(Exit::Usage, error))?;
    let printed = if args.json {
        writeln!(out, "{}", serde_json::json!({ "pin": pin.to_string() }))
    } else {
        writeln!(out, "{pin}")
    };
    printed.map_err(Failed::failure)
}
