//! `countersign support-bundle`: what a helper needs, without secrets.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use countersign_logs::bundle::{
    Bundle, BundleError, Command, Known, Limits, Manifest, Redactor, fetch, host_facts, read_file,
    unit_log, unit_names, unit_state, versions,
};
use countersign_logs::chain::{Head, verify_log};
use countersign_logs::explain::{Corpus, Explainer, Style};
use countersign_logs::time::utc;
use countersign_ops::config_file;
use countersign_ops::control::ask;
use countersign_ops::exit::Exit;
use countersign_ops::report::describe;
use countersign_ops::secret::forbid_core_dumps;
use countersign_signerd::Config;
use countersign_signerd::config::{Outline, hidden_texts};
use countersign_signerd::control::Route;
use countersign_signerd::decisions::{Wanted, list};
use countersign_vault::JournalFile;
use serde_json::Value;

use crate::cli::{Failed, block_on};
use crate::journal::in_words;

/// What `support-bundle` needs to know.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The signer's configuration; it need not be good
    #[arg(short, long, value_name = "FILE")]
    config: PathBuf,
    /// Where to write it; a name with the time, in this folder, if nothing is named
    #[arg(short, long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// A unit whose state and last lines are wanted; may be repeated [default: those of the signer's host]
    #[arg(long, value_name = "UNIT")]
    unit: Vec<String>,
    /// How many of its last lines
    #[arg(long, value_name = "COUNT", default_value_t = 2_000)]
    lines: u32,
    /// Another file to take in, such as the node's configuration; may be repeated
    #[arg(long, value_name = "FILE")]
    file: Vec<PathBuf>,
    /// Show what it would hold, and write nothing
    #[arg(long)]
    dry_run: bool,
    /// Print the manifest as JSON
    #[arg(long)]
    json: bool,
}

pub(crate) const EXAMPLES: &str = "\
Nothing is sent anywhere. Look into it before you send it: the manifest says what was taken out of each file.

Examples:
  countersign support-bundle --config signer-config.toml --dry-run
  countersign support-bundle --config signer-config.toml --out bundle.tar.gz
";

/// Gathers, and writes one file.
pub(crate) fn run(args: &Args, out: &mut dyn Write) -> Result<(), Failed> {
    forbid_core_dumps().map_err(Failed::failure)?;
    let text = config_file::read(&args.config).map_err(|source| {
        Failed::new(Exit::Usage, Unreadable { path: args.config.clone(), source })
    })?;
    let at = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let at = u64::try_from(at.as_millis()).unwrap_or(u64::MAX);
    let path = args.out.clone().unwrap_or_else(|| name(at));
    if !args.dry_run && path.symlink_metadata().is_ok() {
        return Err(Failed::new(Exit::Usage, BundleError::Exists(path)));
    }
    let mut gathering = Gathering::new(&args.config, &text);
    say("what runs here");
    gathering.bundle.add(
        "versions.txt",
        "which programs run here",
        &versions(&countersign_signerd::release()),
    );
    gathering.configuration(&text);
    gathering.daemon();
    gathering.decisions();
    gathering.records();
    gathering.units(args);
    for file in &args.file {
        gathering.file(file);
    }
    let release = countersign_signerd::release();
    let manifest = gathering.bundle.manifest(&release, at);
    if !args.dry_run {
        gathering.bundle.write(&path, &release, at).map_err(|error| {
            let is_usage = matches!(error, BundleError::Exists(_));
            Failed::new(if is_usage { Exit::Usage } else { Exit::Failure }, error)
        })?;
    }
    let text = if args.json {
        serde_json::to_string(&manifest).map_err(Failed::failure)? + "\n"
    } else {
        shown(&manifest, (!args.dry_run).then_some(&path))
    };
    crate::logs::print(out, &text).map(drop)
}

/// A configuration that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("the configuration file {path} cannot be read")]
struct Unreadable {
    path: PathBuf,
    #[source]
    source: io::Error,
}

/// `countersign-support-20261127-180000.tar.gz`.
fn name(at: u64) -> PathBuf {
    let digits = |text: &str| text.chars().filter(char::is_ascii_digit).collect::<String>();
    let time = utc(at);
    let (day, clock) = time.split_once(' ').unwrap_or_default();
    let clock = digits(clock.split('.').next().unwrap_or_default());
    PathBuf::from(format!("countersign-support-{}-{clock}.tar.gz", digits(day)))
}

struct Gathering {
    bundle: Bundle,
    config: Result<Config, String>,
}

impl Gathering {
    fn new(path: &Path, text: &str) -> Self {
        let known: Vec<Known> =
            hidden_texts(text).into_iter().map(|(name, value)| Known { name, value }).collect();
        let redactor = Redactor::new(&known, countersign_custody::scan::mnemonic_words());
        let config = Config::load(path).map_err(|error| describe(&error));
        Self { bundle: Bundle::new(redactor, Limits::default()), config }
    }

    fn configuration(&mut self, text: &str) {
        let outline = Outline::of(text).map(|outline| {
            let line = |(key, value): (&str, Option<&str>)| match value {
                Some(value) => format!("{key} = {value}\n"),
                None => format!("{key} is set, and not shown\n"),
            };
            outline.keys().map(line).collect::<String>().into_bytes()
        });
        let outline = outline.map_err(|error| describe(&error));
        self.bundle.take(
            "config-outline.txt",
            "the configuration's keys, with the values that are no secrets",
            outline,
        );
        let check = match &self.config {
            Ok(config) => format!("{config}\n"),
            Err(why) => format!("it is not good: {why}\n"),
        };
        self.bundle.add("config-check.txt", "what the configuration means", check.as_bytes());
    }

    /// What the running signer says about itself.
    fn daemon(&mut self) {
        say("what the signer says");
        let status = self.config().and_then(|config| {
            let socket = config.control_socket().ok_or("the signer has no control socket")?;
            let (method, path) = Route::Status.line();
            let asked = block_on(ask(&socket, method, path, &Value::Null, PATIENCE));
            let answer = asked.map_err(|failed| failed.error.to_string())?;
            answer
                .map(|answer| answer.body.to_string().into_bytes())
                .map_err(|error| describe(&error))
        });
        self.bundle.take(
            "status.json",
            "what the signer says about itself, its readiness too",
            status,
        );
        let metrics = self.config().and_then(|config| {
            let doors = config.doors().map_err(|error| describe(&error))?;
            let address = doors.metrics.ok_or("the configuration has no metrics_endpoint")?;
            fetch(address, "/metrics", PATIENCE, 4 * 1024 * 1024)
        });
        self.bundle.take("metrics.txt", "its metrics", metrics);
        let journal = self.config().and_then(|config| {
            let path = config.db_path.journal().ok_or("the signer keeps nothing on disk")?;
            let status = JournalFile::inspect(&path).map_err(|error| describe(&error))?;
            Ok(in_words(&path, &status).into_bytes())
        });
        self.bundle.take("journal.txt", "the standing of the signing journal", journal);
        self.bundle.take("doctor.json", "the checks of `countersign doctor`", checks());
    }

    fn decisions(&mut self) {
        say("what was decided");
        let files = self.config().and_then(|config| {
            config.db_path.decisions().ok_or_else(|| "the signer keeps nothing on disk".to_owned())
        });
        let listed = files.clone().and_then(|files| {
            let wanted = Wanted { last: Some(DECISIONS), ..Wanted::default() };
            let mut text = String::new();
            list(&files, &wanted, |listed| text.extend([listed.text.as_str(), "\n"]))
                .map_err(|error| describe(&error))?;
            Ok(text.into_bytes())
        });
        self.bundle.take("decisions.txt", "the latest decisions", listed);
        let verified = files.and_then(|files| {
            let head = Head::read(&files.head()).map_err(|error| describe(&error))?;
            let report =
                verify_log(&files, &[], head.as_slice()).map_err(|error| describe(&error))?;
            serde_json::to_vec_pretty(&report).map_err(|error| error.to_string())
        });
        self.bundle.take("decisions-verified.json", "whether the decision log is whole", verified);
    }

    /// What jobs did last: one small file each.
    fn records(&mut self) {
        let folder = self.folder().join("records");
        let read = countersign_ops::records::read_all(&folder);
        let text = read.map_err(|error| error.to_string()).and_then(|read| {
            serde_json::to_vec_pretty(&read.records).map_err(|error| error.to_string())
        });
        self.bundle.take("records.json", "what jobs did last", text);
        let facts = host_facts(&[Path::new("/"), &self.folder()]);
        self.bundle.add("host.txt", "load, memory, disks and clock", &facts);
    }

    fn units(&mut self, args: &Args) {
        let usual = unit_names().map(str::to_owned).to_vec();
        let units = if args.unit.is_empty() { &usual } else { &args.unit };
        let (corpus, mut summary) = (Corpus::new(), String::new());
        for unit in units {
            say(unit);
            let name = file_name(unit);
            self.bundle.take(&format!("units/{name}.txt"), "the unit's state", unit_state(unit));
            let log = unit_log(unit, args.lines, LOG_BYTES);
            if let Ok(log) = &log {
                summary.push_str(&summed_up(&corpus, unit, log));
            }
            self.bundle.take(&format!("logs/{name}.txt"), "its last lines", log);
        }
        self.bundle.add(
            "logs/explained.txt",
            "what is known of those lines, and how often",
            summary.as_bytes(),
        );
    }

    fn file(&mut self, path: &Path) {
        let name = file_name(&path.display().to_string());
        let read = read_file(path, LOG_BYTES);
        self.bundle.take(&format!("files/{name}"), "named on the command line", read);
    }

    fn config(&self) -> Result<&Config, String> {
        self.config.as_ref().map_err(|why| format!("the configuration is not good: {why}"))
    }

    /// Where the store is.
    fn folder(&self) -> PathBuf {
        let store = self.config.as_ref().ok().and_then(|config| config.db_path.store());
        let folder = store.as_deref().and_then(Path::parent).map(Path::to_owned);
        folder.filter(|folder| !folder.as_os_str().is_empty()).unwrap_or_else(|| PathBuf::from("."))
    }
}

/// It takes seconds on a host that hangs.
fn say(what: &str) {
    // Nobody may look.
    let _ = writeln!(io::stderr(), "gathering: {what}");
}

/// Runs this program's own checks. They end with a code of their own if one of them fails.
fn checks() -> Result<Vec<u8>, String> {
    let program = std::env::current_exe().map_err(|error| error.to_string())?;
    let program = program.to_str().ok_or("the path of this program is no text")?;
    let args = ["-c", "\"$0\" doctor --json || true", program];
    let said = Command { program: "sh", args: &args, limit: 2 * PATIENCE, max_bytes: 1024 * 1024 };
    let said = said.output()?;
    if said.is_empty() {
        Err("`countersign doctor --json` says nothing".to_owned())
    } else {
        Ok(said)
    }
}

fn summed_up(corpus: &Corpus, unit: &str, log: &[u8]) -> String {
    let style =
        Style { is_json: false, is_every: false, least: None, is_terminal: false, program: None };
    let mut explainer = Explainer::new(corpus, style);
    explainer.run(log, &mut io::sink()).expect("memory can be read, and nothing is written");
    let mut text = format!("== {unit}\n");
    for tally in explainer.tallies() {
        let severity = format!("{:?}", tally.entry.severity);
        text.push_str(
            &[severity.as_str(), " ", &tally.count.to_string(), "  ", &tally.entry.phrase, "\n"]
                .concat(),
        );
    }
    text.extend(["unknown ", &explainer.unknown().to_string(), "\n"]);
    text
}

/// A name for a file in the bundle that leads nowhere else.
fn file_name(text: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || "-_.@".contains(c) { c } else { '_' };
    let name: String = text.trim_start_matches(['/', '.']).chars().map(plain).take(100).collect();
    if name.is_empty() { "unnamed".to_owned() } else { name.replace("..", "__") }
}

fn shown(manifest: &Manifest, path: Option<&PathBuf>) -> String {
    let mut lines = vec![match path {
        Some(path) => format!("written: {}", path.display()),
        None => "it would hold:".to_owned(),
    }];
    for file in &manifest.files {
        let taken: Vec<String> =
            file.redacted.iter().map(|(kind, count)| format!("{count} × {kind}")).collect();
        let taken = if taken.is_empty() {
            String::new()
        } else {
            format!("; taken out: {}", taken.join(", "))
        };
        lines.push(format!("  {:<40} {:>9} bytes, {}{taken}", file.name, file.bytes, file.about));
    }
    if !manifest.missing.is_empty() {
        lines.push("it could not get:".to_owned());
    }
    for missing in &manifest.missing {
        lines.push(format!("  {:<40} {}", missing.name, missing.why));
    }
    lines.join("\n") + "\n"
}

/// How long one question may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// How much of one unit's log is taken.
const LOG_BYTES: usize = 4 * 1024 * 1024;
/// How many decisions are taken.
const DECISIONS: usize = 500;
