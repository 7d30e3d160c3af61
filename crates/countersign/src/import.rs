//! `countersign import`: moving in from the reference signer.

use std::io::Write;
use std::path::PathBuf;

use countersign_signerd::config::DbPath;
use countersign_signerd::import;

use crate::cli::{Failed, load, open_holder};

/// What `import` needs to know.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The database of the stacks-signer that was stopped; `db_path` of the configuration if absent
    #[arg(long, value_name = "FILE")]
    from: Option<PathBuf>,
    /// The configuration of that signer, with which this one will run
    #[arg(short, long, value_name = "FILE", default_value = "signer-config.toml")]
    config: PathBuf,
    /// Write one JSON object instead of text
    #[arg(long)]
    json: bool,
    /// Say what there is to take, and write nothing
    #[arg(long)]
    dry_run: bool,
}

pub(crate) const EXAMPLES: &str = "\
The other program must be stopped; its database is only read. A second import adds what is new.

Examples:
  countersign import --config signer-config.toml --from /var/lib/stacks-signer/signer.sqlite --dry-run
  countersign import --config signer-config.toml --from /var/lib/stacks-signer/signer.sqlite
";

/// Takes over what the other program signed, and says what it took.
pub(crate) fn run(args: &Args, out: &mut dyn Write) -> Result<(), Failed> {
    let config = load(&args.config)?;
    let from = match (&args.from, &config.db_path) {
        (Some(from), _) | (None, DbPath::File(from)) => from.clone(),
        (None, DbPath::Memory) => {
            return Err(Failed::argument("name the database with `--from`"));
        }
    };
    let report = import::import(&from, &config, open_holder(&config)?, args.dry_run)
        .map_err(|error| Failed::new(error.exit(), error))?;
    let written = if args.json {
        serde_json::to_string(&report)
            .map_err(Failed::failure)
            .map(|json| writeln!(out, "{json}"))?
    } else {
        writeln!(out, "{report}")
    };
    written.map_err(Failed::failure)
}
