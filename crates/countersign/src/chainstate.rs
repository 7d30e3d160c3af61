//! `countersign chainstate`: archives of a node's chainstate, and seeding from one.

use std::io::{self, Write};
use std::path::PathBuf;
use std::time::Duration;

use clap::Subcommand;
use countersign_backup::chainstate::{
    Agreement, ChainstateConfig, Digest, ExtractError, FetchError, SeedError, SeedJob, Service,
    SnapshotError, SnapshotJob, Source, keep_up, seed, snapshot,
};
use countersign_backup::{HttpClient, HttpError};
use countersign_ops::exit::Exit;
use serde_json::json;

use crate::backup_place::with_care;
use crate::cli::Failed;
use crate::keys_place::now;
use crate::progress::waiting;

/// A verb for each thing that is done with a chainstate.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Stop the node, archive its chainstate, start it again, and compare its tip with another node's
    #[command(after_help = SNAPSHOT_EXAMPLES)]
    Snapshot(Box<SnapshotArgs>),
    /// Download an archive whose SHA-256 is known, unpack it for a node, start that, and compare its tip
    #[command(after_help = SEED_EXAMPLES)]
    Seed(Box<SeedArgs>),
    /// Start the node if whoever stopped it is killed
    #[command(hide = true)]
    KeepUp {
        /// The command that starts the node
        #[arg(last = true, required = true)]
        start: Vec<String>,
    },
}

/// The node, and what is asked of it and of another.
#[derive(Debug, clap::Args)]
struct Node {
    /// The node's own configuration
    #[arg(long = "node-config", value_name = "FILE")]
    config: PathBuf,
    /// The node's unit of systemd
    #[arg(long, value_name = "UNIT", conflicts_with = "start_command")]
    unit: Option<String>,
    /// A command that starts the node and ends, without a unit: its words one by one, which no shell reads
    #[arg(long, value_name = "WORD", num_args = 1.., allow_hyphen_values = true, value_terminator = ";")]
    start_command: Vec<String>,
    /// Another node's RPC, such as `https://api.hiro.so`, to compare the tip with. Needed wherever a node is started
    #[arg(long, value_name = "URL")]
    compare: Option<String>,
    /// Do it in the prepare phase, too, in which the next signers are chosen, and where nobody says which phase it is
    #[arg(long)]
    in_any_phase: bool,
    /// How many seconds the node may take to stop, and to come to the other's tip
    #[arg(long, value_name = "SECONDS", default_value = "600", value_parser = clap::value_parser!(u64).range(1..=86400))]
    limit_secs: u64,
    /// The authorities that are trusted for https (PEM)
    #[arg(long, value_name = "FILE", default_value = "/etc/ssl/certs/ca-certificates.crt")]
    ca_file: PathBuf,
    /// Write one JSON object instead of text
    #[arg(long)]
    json: bool,
}

/// What `chainstate snapshot` needs to know.
#[derive(Debug, clap::Args)]
pub(crate) struct SnapshotArgs {
    #[command(flatten)]
    node: Node,
    /// The folder for the archive; it is made if it is not there
    #[arg(long, value_name = "FOLDER")]
    out: PathBuf,
    /// A command that stops the node and ends, without a unit: its words one by one, which no shell reads
    #[arg(
        long, value_name = "WORD", num_args = 1.., allow_hyphen_values = true, value_terminator = ";",
        requires = "start_command", required_unless_present = "unit"
    )]
    stop_command: Vec<String>,
}

/// What `chainstate seed` needs to know.
#[derive(Debug, clap::Args)]
pub(crate) struct SeedArgs {
    #[command(flatten)]
    node: Node,
    /// The archive: http://…, https://…, file:///… or a path
    #[arg(long, value_name = "URL|FILE")]
    from: Source,
    /// Its SHA-256. There is no default: an address such as …-latest has another content every day
    #[arg(long, value_name = "HEX")]
    sha256: Digest,
    /// The node's folder, if it is another one than `working_dir` of its configuration
    #[arg(long, value_name = "FOLDER")]
    into: Option<PathBuf>,
    /// Put a chainstate aside that is there
    #[arg(long)]
    replace: bool,
    /// Who is to own it; the owner of the node's folder if absent
    #[arg(long, value_name = "USER")]
    owner: Option<String>,
}

const SNAPSHOT_EXAMPLES: &str = "\
The node runs again afterwards, also if this is interrupted or killed. Nothing is archived while a process has a file
of the chainstate open or listens on the node's ports. Run it as root, who can see that.

Examples:
  countersign chainstate snapshot --node-config /etc/stacks/node.toml --unit stacks-node \\
    --compare https://api.hiro.so --out /srv/snapshots
  countersign chainstate snapshot --node-config node.toml --stop-command docker stop stacks-node \\; \\
    --start-command docker start stacks-node \\; --compare https://api.hiro.so --out /srv/snapshots
";

const SEED_EXAMPLES: &str = "\
The node must not run. A download that broke off goes on when the same command is called again. Nothing is unpacked
before the archive has the SHA-256 that you say; have that from another place than the archive.

Example:
  countersign chainstate seed --node-config /etc/stacks/node.toml --from https://example.org/mainnet.tar.zst \\
    --sha256 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08 \\
    --unit stacks-node --compare https://api.hiro.so
";

/// Does what the verb says.
pub(crate) fn run(verb: Verb, out: &mut dyn Write) -> Result<(), Failed> {
    match verb {
        Verb::Snapshot(args) => run_snapshot(*args, out),
        Verb::Seed(args) => run_seed(*args, out),
        Verb::KeepUp { start } => keep_up(io::stdin().lock(), &start).map_err(Failed::failure),
    }
}

fn run_snapshot(args: SnapshotArgs, out: &mut dyn Write) -> Result<(), Failed> {
    let Node { in_any_phase, json: is_json, .. } = args.node;
    let job = SnapshotJob {
        node: args.node.config()?,
        service: args
            .node
            .service(args.stop_command.clone())?
            .expect("clap asks for a unit or commands"),
        out: args.out.clone(),
        other: args.node.compare.clone().ok_or_else(|| Failed::argument(NO_OTHER))?,
        in_any_phase,
        limit: args.node.limit(),
    };
    let ca_file = args.node.ca_file;
    let made = with_care(move |care| {
        let client = HttpClient::new(&ca_file, PATIENCE, care.stop.clone())?.telling(waiting);
        Ok::<_, HttpError>(snapshot(&job, &client, now(), care))
    })?;
    let made =
        made.map_err(Failed::failure)?.map_err(|error| Failed::new(exit_of(&error), error))?;
    let text = if is_json {
        json!(made).to_string()
    } else {
        let down = made.down_ms.map_or_else(
            || "the node did not run, and does not run".to_owned(),
            |down| format!("the node stood still for {} s", down.div_ceil(1000)),
        );
        let tip = made.agreement.as_ref().map_or_else(String::new, |tip| format!("\n{tip}"));
        format!(
            "{}: {} bytes, SHA-256 {}\n{down}{tip}",
            made.path.display(),
            made.bytes,
            made.sha256
        )
    };
    writeln!(out, "{text}").map_err(Failed::failure)?;
    judge(made.agreement.as_ref())
}

fn run_seed(args: SeedArgs, out: &mut dyn Write) -> Result<(), Failed> {
    let Node { in_any_phase, json: is_json, .. } = args.node;
    let mut node = args.node.config()?;
    if let Some(into) = &args.into {
        node.move_to(into);
    }
    let start = match args.node.service(Vec::new())? {
        None => None,
        Some(service) => {
            let other = args.node.compare.clone().ok_or_else(|| Failed::argument(NO_OTHER))?;
            Some((service, other))
        }
    };
    let job = SeedJob {
        node,
        source: args.from,
        digest: args.sha256,
        may_replace: args.replace,
        owner: args.owner.as_deref().map(owner).transpose()?,
        start,
        in_any_phase,
        limit: args.node.limit(),
    };
    let ca_file = args.node.ca_file;
    let seeded = with_care(move |care| {
        let client = HttpClient::new(&ca_file, PATIENCE, care.stop.clone())?.telling(waiting);
        Ok::<_, HttpError>(seed(&job, &client, now(), care))
    })?;
    let seeded =
        seeded.map_err(Failed::failure)?.map_err(|error| Failed::new(seed_exit(&error), error))?;
    let text = if is_json {
        json!(seeded).to_string()
    } else {
        let aside = seeded.put_aside.as_ref();
        let aside = aside.map_or_else(String::new, |aside| {
            format!(
                "\nthe one that was there is {}; remove it when the node is in sync",
                aside.display()
            )
        });
        let tip = seeded.agreement.as_ref().map_or_else(String::new, |tip| format!("\n{tip}"));
        let (chainstate, bytes) = (seeded.chainstate.display(), seeded.bytes);
        format!("{chainstate} is there: {bytes} bytes{aside}{tip}")
    };
    writeln!(out, "{text}").map_err(Failed::failure)?;
    judge(seeded.agreement.as_ref())
}

impl Node {
    fn config(&self) -> Result<ChainstateConfig, Failed> {
        ChainstateConfig::read(&self.config).map_err(|error| Failed::new(Exit::Usage, error))
    }

    const fn limit(&self) -> Duration {
        Duration::from_secs(self.limit_secs)
    }

    /// How the node is stopped and started; none if nobody says so.
    fn service(&self, stop: Vec<String>) -> Result<Option<Service>, Failed> {
        let ours = std::env::current_exe().map_err(Failed::failure)?;
        let ours =
            ours.to_str().ok_or_else(|| Failed::failure("the path of this program is not text"))?;
        let keeper = [ours, "chainstate", "keep-up", "--"].map(str::to_owned).to_vec();
        if let Some(unit) = &self.unit {
            return Ok(Some(Service::systemd(unit, keeper)));
        }
        let start = self.start_command.clone();
        Ok((!start.is_empty()).then(|| Service { stop, start, limit: self.limit(), keeper }))
    }
}

/// The ids of a user.
fn owner(name: &str) -> Result<(u32, u32), Failed> {
    let user = countersign_backup::chainstate::user_ids(name).map_err(Failed::failure)?;
    user.ok_or_else(|| Failed::argument(format!("there is no user {name:?}")))
}

/// Whether the tips speak against the node.
fn judge(agreement: Option<&Agreement>) -> Result<(), Failed> {
    match agreement {
        Some(tips) if !tips.is_good() => {
            Err(Failed::failure(format!("the tips do not agree: {tips}")))
        }
        _ => Ok(()),
    }
}

const fn exit_of(error: &SnapshotError) -> Exit {
    match error {
        SnapshotError::Missing(_) | SnapshotError::Inside(_) => Exit::Usage,
        _ => Exit::Failure,
    }
}

const fn seed_exit(error: &SeedError) -> Exit {
    match error {
        SeedError::Fetch(FetchError::Other { .. })
        | SeedError::Extract(
            ExtractError::Archive(_) | ExtractError::Hostile(_) | ExtractError::Empty,
        ) => Exit::Backup,
        SeedError::NoFolder(_) => Exit::Usage,
        _ => Exit::Failure,
    }
}

const NO_OTHER: &str =
    "name another node's RPC with --compare, so that the tip is compared with a second source";
/// For an answer, and for each block of a download.
const PATIENCE: Duration = Duration::from_secs(30);
