//! `countersign keys scan`: whether a private key of ours is where it should not be.

use std::env;
use std::io::{self, ErrorKind, IsTerminal as _, Write};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use countersign_custody::KeyPlace;
use countersign_custody::scan::{
    Finding, Inside, Report, Target, TargetError, Totals, scan, scan_staged,
};
use countersign_ops::exit::Exit;
use countersign_signerd::Config;
use countersign_wire::PublicKey;

use crate::cli::{Failed, load, public_key};

/// What `keys scan` needs to know.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Files and folders to search
    #[arg(value_name = "PATH", required_unless_present = "staged")]
    paths: Vec<PathBuf>,
    /// A key to search for: its public key, or its Stacks address (may be given more than once)
    #[arg(short = 'k', long, value_name = "HEX|ADDRESS", required_unless_present = "config")]
    public_key: Vec<String>,
    /// Search for the key of this signer's configuration; the file itself may hold it
    #[arg(short, long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Search what the next commit of the Git work tree here would add, and nothing else
    #[arg(long, conflicts_with = "paths")]
    staged: bool,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    /// Show no progress
    #[arg(short, long)]
    quiet: bool,
}

pub(crate) const EXAMPLES: &str = "\
Ends with 0 if nothing was found, with 11 if a key was, and with 1 if none was but not everything could be
read. Never shows a private key.

Examples:
  countersign keys scan ~/infra /var/backups image.tar --config signer-config.toml
  countersign keys scan . --public-key SP185PX4EBXC3QWDN697MJEM13Y8E9JNSRRG0M7R1
  countersign keys scan --staged --config signer-config.toml   (in .git/hooks/pre-commit)
";

/// A key was found: the first thing that whoever reads the exit code should know.
#[derive(Debug, thiserror::Error)]
#[error("a private key was found in {0} {places}", places = if *.0 == 1 { "place" } else { "places" })]
struct Found(u64);

/// Nothing was found, and not everything was read.
#[derive(Debug, thiserror::Error)]
#[error("no private key was found, but {0} {things} could not be read, or not to the end",
    things = if *.0 == 1 { "thing" } else { "things" })]
struct Incomplete(u64);

/// An argument that names no key. What it was is not shown: it may be the private key.
#[derive(Debug, thiserror::Error)]
#[error("what --public-key names, number {number}, is not a key")]
struct NotAKey {
    number: usize,
    source: TargetError,
}

/// Searches, and says what was found.
pub(crate) fn run(args: &Args, out: &mut dyn Write) -> Result<(), Failed> {
    let targets = targets(args)?;
    let report = if args.staged {
        let index = env::var_os("GIT_INDEX_FILE").map(PathBuf::from);
        scan_staged(".".as_ref(), index.as_deref(), &targets)
            .map_err(|error| Failed::new(Exit::Usage, error))?
    } else {
        let except: Vec<PathBuf> = args.config.iter().cloned().collect();
        let mut progress = Progress::new(args.quiet || !io::stderr().is_terminal());
        let report = scan(&args.paths, &except, &targets, &mut |totals| progress.tell(totals));
        progress.clear();
        report
    };
    let shown = if args.json { json(&report, out) } else { text(&report, out) };
    match shown {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => return Err(Failed::failure(error)),
        _ => {}
    }
    let Totals { findings, unread, .. } = report.totals;
    match (findings, unread) {
        (1.., _) => Err(Failed::new(Exit::Key, Found(findings))),
        (0, 1..) => Err(Failed::failure(Incomplete(unread))),
        (0, 0) => Ok(()),
    }
}

fn targets(args: &Args) -> Result<Vec<Target>, Failed> {
    let mut targets = Vec::new();
    for (text, number) in args.public_key.iter().zip(1..) {
        let target = text.parse().map_err(|source| Failed::argument(NotAKey { number, source }))?;
        targets.push(target);
    }
    if let Some(config) = &args.config {
        targets.push(Target::of_key(own_key(&load(config)?)?));
    }
    Ok(targets)
}

/// A plain key is good enough to be looked for wherever its file is; a sealed one may be known without
/// its secret.
fn own_key(config: &Config) -> Result<PublicKey, Failed> {
    match &config.key {
        KeyPlace::Plain(key) => Ok(key.public_key()),
        sealed => public_key(config, sealed),
    }
}

fn json(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    serde_json::to_writer(&mut *out, report)?;
    writeln!(out)
}

fn text(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    for finding in &report.findings {
        write_finding(finding, out)?;
    }
    let Totals { files, objects, bytes, candidates, findings, unread } = report.totals;
    for unread in &report.unread {
        writeln!(out, "not read: {unread}")?;
    }
    let untold = [
        (findings, report.findings.len(), "more findings"),
        (unread, report.unread.len(), "more could not be read"),
    ];
    for (total, told, what) in untold {
        let more = total.saturating_sub(told as u64);
        if more > 0 {
            writeln!(out, "{more} {what}")?;
        }
    }
    writeln!(
        out,
        "searched {files} files, {objects} Git objects, {} MB, {candidates} candidates: {findings} found",
        bytes / 1_000_000
    )
}

fn write_finding(finding: &Finding, out: &mut dyn Write) -> io::Result<()> {
    let forms: Vec<String> = finding.forms.iter().map(ToString::to_string).collect();
    writeln!(out, "{finding}")?;
    writeln!(out, "  private key of {}", finding.public_key)?;
    writeln!(out, "  written as {}", forms.join(", in it "))?;
    let objects = finding.inside.iter().filter_map(|step| match step {
        Inside::Object(object) => object.history.as_ref(),
        _ => None,
    });
    for history in objects {
        writeln!(out, "  {history}")?;
    }
    writeln!(out, "  {}\n", finding.remedy.advice())
}

/// One line on a terminal that says how far the search is, once it takes longer than a moment.
struct Progress {
    is_silent: bool,
    told_at: Instant,
    is_shown: bool,
}

impl Progress {
    fn new(is_silent: bool) -> Self {
        Self { is_silent, told_at: Instant::now(), is_shown: false }
    }

    fn tell(&mut self, totals: &Totals) {
        if self.is_silent || self.told_at.elapsed() < BETWEEN {
            return;
        }
        self.told_at = Instant::now();
        self.is_shown = true;
        let Totals { files, objects, bytes, candidates, findings, .. } = totals;
        // A terminal that does not take the line has nobody who misses it.
        let _ = write!(
            io::stderr(),
            "\r\x1b[K{files} files, {objects} Git objects, {} MB, {candidates} candidates, {findings} found",
            bytes / 1_000_000
        );
    }

    fn clear(&self) {
        if self.is_shown {
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
    }
}

const BETWEEN: Duration = Duration::from_secs(1);
