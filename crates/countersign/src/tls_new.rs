//! `countersign tls new`: a certificate and its key.

use std::io::Write;
use std::path::PathBuf;

use countersign_operator::{TlsIdentity, TlsIdentityError};

use crate::cli::Failed;

/// What `tls new` needs to know.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The folder for both files, which is created if it is not there
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// What the files and the certificate are called
    #[arg(long, value_name = "NAME", default_value = "countersign")]
    name: String,
    /// How long the certificate is valid
    #[arg(long, value_name = "NUMBER", default_value_t = 730)]
    days: u32,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

pub(crate) const EXAMPLES: &str = "\
Writes NAME.crt and NAME.key, both for their owner only, and replaces no file. The pin is no secret: it
goes into `peers` of the other side.

Example:
  countersign tls new --out /etc/countersign/tls --name signer
";

/// Makes both and prints where they are.
pub(crate) fn run(args: &Args, out: &mut dyn Write) -> Result<(), Failed> {
    let made = TlsIdentity::create(&args.out, &args.name, args.days).map_err(|error| {
        let is_argument = matches!(error, TlsIdentityError::Name | TlsIdentityError::Days);
        if is_argument { Failed::argument(error) } else { Failed::failure(error) }
    })?;
    let TlsIdentity { certificate, key, pin } = made;
    let (certificate, key) = (certificate.display(), key.display());
    let printed = if args.json {
        let made = serde_json::json!({
            "certificate": certificate.to_string(),
            "key": key.to_string(),
            "pin": pin.to_string(),
        });
        writeln!(out, "{made}")
    } else {
        writeln!(out, "Certificate: {certificate}\nKey: {key}\nPin: {pin}")
    };
    printed.map_err(Failed::failure)
}
