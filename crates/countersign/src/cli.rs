//! The arguments and the help.

use std::error::Error;
use std::sync::LazyLock;

use clap::{Parser, Subcommand};
use countersign_ops::exit::{self, Exit};

use crate::{check_config, devnet, run};

/// An independent signer for Stacks
#[derive(Debug, Parser)]
#[command(
    name = "countersign",
    version,
    long_version = LONG_VERSION.as_str(),
    after_help = AFTER_HELP.as_str()
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    command: Command,
}

/// A verb for each thing that an operator does.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Sign blocks: run the signer of a Stacks node
    Run(run::Args),
    /// Check a configuration file and show what it says, without its secrets
    CheckConfig(check_config::Args),
    /// Run a Stacks network on this machine, with signers that are real processes
    Devnet(Box<devnet::Args>),
}

/// How a verb failed.
#[derive(Debug)]
pub(crate) struct Failed {
    /// The code that the process ends with.
    pub(crate) exit: Exit,
    /// What went wrong.
    pub(crate) error: Box<dyn Error>,
}

impl Failed {
    /// A failure that ends the process with `exit`.
    pub(crate) fn new(exit: Exit, error: impl Into<Box<dyn Error>>) -> Self {
        Self { exit, error: error.into() }
    }
}

impl Cli {
    /// What the process was started with. Ends the process with code 2 if that makes no sense, and
    /// with code 0 after help or version. No arguments at all ask for help.
    pub(crate) fn from_arguments() -> Command {
        let given = std::env::args_os();
        let asks_nothing = given.len() <= 1;
        let help = asks_nothing.then(|| "--help".into());
        Self::parse_from(given.chain(help)).command
    }
}

/// `--version` says more than `-V`.
static LONG_VERSION: LazyLock<String> = LazyLock::new(|| {
    let release = countersign_signerd::release();
    release.strip_prefix("countersign ").unwrap_or(&release).to_owned()
});

static AFTER_HELP: LazyLock<String> = LazyLock::new(|| format!("{EXAMPLES}\n{}", exit::help()));

const EXAMPLES: &str = "\
Examples:
  countersign check-config --config signer-config.toml
  countersign run --config signer-config.toml
  countersign devnet --signers 5 --burn-seconds 3
";
