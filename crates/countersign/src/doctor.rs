//! `countersign doctor`: what is wrong, and the command that mends it.

use std::collections::BTreeSet;
use std::io::{self, IsTerminal as _, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use countersign_doctor::{
    Check, Described, Grade, Opened, Profile, Progress, Report, Signer, Source, Target, all, find,
    gather,
};
use countersign_ops::exit::Exit;
use countersign_ops::report::describe;
use countersign_ops::secret::forbid_core_dumps;
use countersign_signerd::Config;
use countersign_site::{HostRole, Site};
use countersign_wire::clarity::ContractId;

use crate::cli::Failed;
use crate::described;
use crate::keys_place::now;
use crate::{doctor_fix, doctor_key, doctor_print};

/// What `doctor` needs to know.
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Args {
    #[command(subcommand)]
    verb: Option<Verb>,
    #[command(flatten)]
    examined: Examined,
    #[command(flatten)]
    shown: Shown,
}

/// What can be examined alone.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Verb {
    /// Say who else could read the signing key, and what mends it
    #[command(after_help = doctor_key::EXAMPLES)]
    Key(doctor_key::Args),
}

/// What is examined.
#[derive(Debug, clap::Args)]
struct Examined {
    /// The description of the installation, which names all that follows
    #[arg(long, value_name = "FILE")]
    site: Option<PathBuf>,
    /// Which host of a description with two hosts this one is: `signer` or `node`
    #[arg(long, value_name = "ROLE", requires = "site")]
    host: Option<String>,
    /// The signer's configuration, of Countersign or of stacks-signer
    #[arg(short, long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Whose installation it is: `solo`, `pool` or `sbtc`
    #[arg(long, value_name = "PROFILE")]
    profile: Option<Profile>,
    /// The node's configuration, if it is not the one that a node runs with here
    #[arg(long, value_name = "FILE")]
    node_config: Option<PathBuf>,
    /// bitcoind's configuration, likewise
    #[arg(long, value_name = "FILE")]
    bitcoin_config: Option<PathBuf>,
    /// The sBTC signer's configuration, likewise
    #[arg(long, value_name = "FILE")]
    sbtc_config: Option<PathBuf>,
    /// The configuration of the other instance, active or standby, to compare with
    #[arg(long, value_name = "FILE")]
    other_config: Option<PathBuf>,
    /// A compose file; may be given several times. Otherwise the rendered one, if there is one
    #[arg(long, value_name = "FILE")]
    compose: Vec<PathBuf>,
    /// A certificate beside those of the signer's configuration; may be given several times
    #[arg(long, value_name = "FILE")]
    certificate: Vec<PathBuf>,
    /// The signer-manager that stakes with this key, as ADDRESS.NAME
    #[arg(long, value_name = "CONTRACT")]
    signer_manager: Option<ContractId>,
    /// Where jobs leave their records; `records` beside the signer's database otherwise
    #[arg(long, value_name = "DIR")]
    records: Option<PathBuf>,
    /// A time server to compare the clock with
    #[arg(long, value_name = "HOST")]
    time_server: Option<String>,
    /// Seconds to wait for an event of the node
    #[arg(long, value_name = "S", value_parser = clap::value_parser!(u64).range(..=600))]
    wait: Option<u64>,
}

/// What is shown of it.
#[derive(Debug, clap::Args)]
#[allow(clippy::struct_excessive_bools, reason = "each is a switch of the command line")]
struct Shown {
    /// Make these checks only; may be given several times
    #[arg(long, value_name = "ID", value_delimiter = ',')]
    only: Vec<String>,
    /// List the checks, and make none
    #[arg(long, conflicts_with_all = ["rows", "fix"])]
    list: bool,
    /// Show which rows of docs/practices.md hold
    #[arg(long, conflicts_with = "fix")]
    rows: bool,
    /// Show what is as it should be, too
    #[arg(short, long)]
    verbose: bool,
    /// Mend what is harmless, after asking: take rights to configurations away from others
    #[arg(long)]
    fix: bool,
    /// Do not ask before mending
    #[arg(long, requires = "fix")]
    yes: bool,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

pub(crate) const EXAMPLES: &str = "\
As root it sees most; what it may not look at is graded `unknown`, with what would change that. It changes
nothing but with --fix, which never touches a key, the firewall, or the content of a file. The exit code is by
the worst grade: 0 ok, 16 warn, 17 unknown, 18 fail.

Examples:
  sudo countersign doctor --config /etc/countersign/signer-config.toml
  sudo countersign doctor --site /etc/countersign/countersign.toml --profile pool --json
  countersign doctor --config signer-config.toml --only node-answers,node-password-accepted
  countersign doctor --list
";

/// Examines it.
pub(crate) fn run(args: Args, out: &mut dyn Write) -> Result<(), Failed> {
    if let Some(Verb::Key(args)) = args.verb {
        return doctor_key::run(&args, out);
    }
    let checks = chosen(&args.shown.only)?;
    if args.shown.list {
        return doctor_print::list(&checks, args.shown.json, out).map_err(Failed::failure);
    }
    forbid_core_dumps().map_err(Failed::failure)?;
    let target = Arc::new(target(args.examined)?);
    let report = examine(&target, &checks)?;
    let printed = match &args.shown {
        Shown { rows: true, json, .. } => doctor_print::rows(&report, *json, out),
        Shown { json: true, .. } => doctor_print::json(&report, out),
        Shown { verbose, .. } => doctor_print::report(&report, *verbose, out),
    };
    printed.map_err(Failed::failure)?;
    if args.shown.fix {
        doctor_fix::run(&report, args.shown.yes)?;
    }
    verdict(&report)
}

/// The checks with these ids; all of them if none is named.
fn chosen(ids: &[String]) -> Result<Vec<&'static Check>, Failed> {
    if ids.is_empty() {
        return Ok(all().collect());
    }
    ids.iter().map(|id| find(id).ok_or_else(|| Failed::argument(NoSuchCheck(id.clone())))).collect()
}

/// `--only` names a check that there is not.
#[derive(Debug, thiserror::Error)]
#[error("there is no check `{0}`; countersign doctor --list shows them")]
struct NoSuchCheck(String);

/// Nothing says what is to be examined.
#[derive(Debug, thiserror::Error)]
#[error(
    "name what is to be examined: --config FILE, --site FILE, --node-config FILE or --sbtc-config FILE"
)]
struct NothingNamed;

/// The description has two hosts, and neither is called as this one.
#[derive(Debug, thiserror::Error)]
#[error(
    "it cannot be told which host of the description this one is; say --host signer or --host node"
)]
struct WhichHost;

fn target(args: Examined) -> Result<Target, Failed> {
    let site = args.site.as_deref().map(described::site).transpose()?;
    let host = site.as_ref().map(|site| host(site, args.host.as_deref())).transpose()?;
    let of_site = site.as_ref().zip(host);
    let config =
        args.config.or_else(|| of_site.and_then(|(site, host)| Target::signer_config(site, host)));
    if config.is_none()
        && of_site.is_none()
        && args.node_config.is_none()
        && args.sbtc_config.is_none()
    {
        return Err(Failed::argument(NothingNamed));
    }
    let of_nothing = || {
        let sbtc = args.sbtc_config.as_ref().map(|_| Profile::Sbtc);
        Target::new(args.profile.or(sbtc).unwrap_or(Profile::Solo))
    };
    let described = args.site.zip(site).zip(host).map(|((description, site), host)| {
        Target::of_site(Described { description, site, host, root: PathBuf::from("/") })
    });
    let mut target = described.unwrap_or_else(of_nothing);
    target.profile = args.profile.unwrap_or(target.profile);
    target.signer = config.map(signer);
    target.node_config = args.node_config.or(target.node_config);
    target.bitcoin_config = args.bitcoin_config.or(target.bitcoin_config);
    target.sbtc_config = args.sbtc_config.or(target.sbtc_config);
    target.records = args.records.or(target.records);
    target.time_server = args.time_server.or(target.time_server);
    target.other_instance = args.other_config;
    if !args.compose.is_empty() {
        target.compose = args.compose;
    }
    target.certificates = args.certificate;
    target.manager = args.signer_manager;
    target.event_wait = args.wait.map_or(target.event_wait, Duration::from_secs);
    Ok(target)
}

fn host(site: &Site, named: Option<&str>) -> Result<HostRole, Failed> {
    let by_name = |name: &str| match name {
        "signer" => Some(HostRole::Signer),
        "node" if site.has_two_hosts() => Some(HostRole::Node),
        _ => None,
    };
    let by_host_name = || {
        let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
        let only = (!site.has_two_hosts()).then_some(HostRole::Signer);
        only.or_else(|| site.role_of(name.trim()))
    };
    let found = named.map_or_else(by_host_name, by_name);
    found.ok_or_else(|| Failed::argument(WhichHost))
}

/// Our own reading of the configuration, strict as at a start.
fn signer(path: PathBuf) -> Signer {
    let read = Config::load(&path).map(|config| Opened {
        control_socket: config.control_socket(),
        key: config.key,
        next_key: config.next_key,
        node_tls: config.node_tls,
    });
    Signer { config: path, read: read.map_err(|error| describe(&error)) }
}

fn examine(target: &Arc<Target>, checks: &[&'static Check]) -> Result<Report, Failed> {
    let sources: BTreeSet<Source> = checks.iter().map(|check| check.source).collect();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(Failed::failure)?;
    let is_terminal = io::stderr().is_terminal();
    let say = |source: Source| {
        if is_terminal {
            // Whoever cannot see it misses nothing.
            let _ = write!(io::stderr(), "\r\u{1b}[Klooked at {source:?}");
        }
    };
    let progress: Progress<'_> = &say;
    let facts = runtime.block_on(gather(target, &sources, now(), progress));
    // A thread that waits for a dead disk is not waited for.
    runtime.shutdown_background();
    if is_terminal {
        let _ = write!(io::stderr(), "\r\u{1b}[K");
    }
    Ok(Report::of(&facts, checks.iter().copied()))
}

/// What the exit code says in a sentence.
#[derive(Debug, thiserror::Error)]
#[error("{fail} failed, {unknown} could not be measured, {warn} warn, {ok} are well")]
struct NotWell {
    fail: usize,
    unknown: usize,
    warn: usize,
    ok: usize,
}

fn verdict(report: &Report) -> Result<(), Failed> {
    let exit = match report.grade {
        Grade::Ok => return Ok(()),
        Grade::Warn => Exit::DoctorWarns,
        Grade::Unknown => Exit::DoctorUnsure,
        Grade::Fail => Exit::DoctorFails,
    };
    let counts = report.counts;
    let (fail, unknown, warn, ok) = (counts.fail, counts.unknown, counts.warn, counts.ok);
    Err(Failed::new(exit, NotWell { fail, unknown, warn, ok }))
}
