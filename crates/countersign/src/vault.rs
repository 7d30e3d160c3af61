//! `countersign vault`: the vault as a process of its own.

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::Subcommand;
use countersign_custody::guard::{self, Secrecy, Unsafe};
use countersign_ops::exit::Exit;
use countersign_ops::telemetry::{self, TelemetryConfig};
use countersign_vaultd::{Config, explain};
use countersign_wire::Network;

use crate::cli::{Failed, ask};

/// What `vault` needs to know.
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(crate) struct Args {
    #[command(subcommand)]
    question: Option<Question>,
    /// The vault's configuration, such as /etc/countersign/vault.toml
    #[arg(short, long, value_name = "FILE", required = true)]
    config: Option<PathBuf>,
    /// Begin a journal: the key has signed nothing yet, or what it signed is lost. Nothing is signed in the
    /// first ten minutes, in which what was forgotten becomes too old to matter
    #[arg(long)]
    init: bool,
}

/// What can be asked about a vault without one.
#[derive(Debug, Subcommand)]
enum Question {
    /// Show which user may ask the vault for what, and why
    #[command(after_help = EXPLAIN_EXAMPLES)]
    ExplainPermissions {
        /// The vault's configuration
        #[arg(short, long, value_name = "FILE")]
        config: PathBuf,
        /// Only this user, by name or number
        #[arg(long, value_name = "NAME")]
        user: Option<String>,
        /// Write one JSON object instead of text
        #[arg(long)]
        json: bool,
    },
}

/// Runs until SIGTERM or SIGINT, or answers the question.
pub(crate) fn run(args: Args, out: &mut dyn Write) -> Result<(), Failed> {
    match (args.question, args.config) {
        (Some(Question::ExplainPermissions { config, user, json }), _) => {
            explain_permissions(&config, user.as_deref(), json, out)
        }
        (None, Some(config)) => serve(&config, args.init),
        (None, None) => Err(Failed::argument("name the configuration with `--config`")),
    }
}

/// The configuration could be somebody else's.
#[derive(Debug, thiserror::Error)]
#[error("the vault's configuration says who may use the key, and others could change it")]
struct Changeable(#[source] Unsafe);

fn serve(file: &Path, is_init: bool) -> Result<(), Failed> {
    let config = load(file)?;
    if config.network != Network::Mocknet {
        // It holds no secret, so others may read it.
        guard::refuse(file, Secrecy::Sealed)
            .map_err(|error| Failed::new(Exit::Key, Changeable(error)))?;
    }
    telemetry::init(&TelemetryConfig::from_env())
        .map_err(|error| Failed::new(Exit::Usage, error))?;
    countersign_vaultd::run(config, is_init, &mut ask)
        .map_err(|error| Failed::new(error.exit(), error))
}

fn explain_permissions(
    config: &Path,
    user: Option<&str>,
    json: bool,
    out: &mut dyn Write,
) -> Result<(), Failed> {
    let explained = explain(&load(config)?.callers, user);
    let written = if json {
        let json = serde_json::to_string(&explained).map_err(Failed::failure)?;
        writeln!(out, "{json}")
    } else {
        write!(out, "{explained}")
    };
    written.map_err(Failed::failure)
}

fn load(config: &Path) -> Result<Config, Failed> {
    Config::load(config).map_err(|error| Failed::new(Exit::Usage, error))
}

const EXPLAIN_EXAMPLES: &str = "\
Examples:
  countersign vault explain-permissions --config /etc/countersign/vault.toml
  countersign vault explain-permissions --config /etc/countersign/vault.toml --user countersign
";

pub(crate) const EXAMPLES: &str = "\
Examples:
  countersign vault --config /etc/countersign/vault.toml
  countersign vault explain-permissions --config /etc/countersign/vault.toml --user countersign
";
