//! `countersign check-config`: what a configuration file says.

use std::io::{self, Write};
use std::path::PathBuf;

use countersign_custody::KeyPlace;
use countersign_ops::exit::Exit;
use countersign_ops::report::describe;
use countersign_ops::secret::forbid_core_dumps;
use countersign_signerd::Config;
use countersign_wire::PublicKey;

use crate::cli::{self, Failed, open_key};
use crate::name::Name;

/// What `check-config` needs to know.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The configuration to check
    #[arg(short, long, value_name = "FILE")]
    config: PathBuf,
}

pub(crate) const EXAMPLES: &str = "\
Creates nothing and binds nothing. If the file is bad it ends with 2 and one line that names the key.

Example:
  countersign check-config --config signer-config.toml
";

/// Prints the lines that the reference signer prints. Creates nothing and binds nothing.
pub(crate) fn run(args: &Args, name: Name, out: &mut dyn Write) -> Result<(), Failed> {
    forbid_core_dumps().map_err(Failed::failure)?;
    let config = Config::load(&args.config).map_err(|error| Failed::new(Exit::Usage, error))?;
    config.doors().map_err(|problem| Failed::new(Exit::Usage, problem.in_file(&args.config)))?;
    let next_key = config.next_key.as_ref().and_then(KeyPlace::known_public_key);
    let shown = config.shown(public_key(&config)?, next_key);
    writeln!(out, "Signer version: {}\nConfig: \n\n{shown}\n", name.release())
        .map_err(|error| Failed::new(Exit::Failure, error))
}

/// A plain key is opened, since `run` would refuse it where others can read it. A vault is asked, and if it
/// does not answer, that says nothing about the configuration. Of a sealed key only what is known without a
/// secret is shown.
fn public_key(config: &Config) -> Result<Option<PublicKey>, Failed> {
    match &config.key {
        KeyPlace::Plain(_) => open_key(config).map(|key| Some(key.public_key())),
        KeyPlace::Vault(_) => match cli::public_key(config, &config.key) {
            Ok(key) => Ok(Some(key)),
            Err(Failed { error, .. }) => {
                let why = describe(&*error);
                // With stderr closed there is nobody left to tell.
                let _ = writeln!(io::stderr(), "the vault does not say its public key: {why}");
                Ok(None)
            }
        },
        sealed => Ok(sealed.known_public_key()),
    }
}
