//! `countersign backup signer`: what a running signer remembers, in one file.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use countersign_backup::retention::Policy;
use countersign_backup::signer::{
    Contents, Heights, Kept, keep, newest, prove, prune, read, written_down,
};
use countersign_backup::{Folder, Identities, Recipients};
use countersign_ops::exit::Exit;
use countersign_ops::records::{self, Outcome, Record};
use countersign_ops::report::describe;
use countersign_signerd::control::Route;
use countersign_signerd::{Config, HandedOver, StoreFacts};
use countersign_wire::{BurnHeight, StacksHeight};
use serde_json::{Value, json};

use crate::backup_place::{complain, secret_text};
use crate::cli::{Failed, load};
use crate::daemon::Which;
use crate::keys_place::now;

/// What `backup signer` needs to know.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The configuration that the signer runs with
    #[arg(short, long, value_name = "FILE", required_unless_present = "only_prove")]
    config: Option<PathBuf>,
    /// The folder with the backups; it is made if it is not there
    #[arg(long, value_name = "FOLDER")]
    out: PathBuf,
    /// Encrypt it for this age recipient (age1…); two or more, so that one lost identity loses no backup
    #[arg(long = "recipient", value_name = "AGE1")]
    recipients: Vec<String>,
    /// Restore it into a temporary folder, compare, and write down what came of it
    #[arg(long)]
    prove: bool,
    /// Make none, and prove the newest one in the folder
    #[arg(long, conflicts_with_all = ["prove", "recipients"])]
    only_prove: bool,
    /// The identity file of one of the recipients, to prove a backup that is encrypted
    #[arg(long, value_name = "FILE")]
    identity: Option<PathBuf>,
    #[command(flatten)]
    policy: Keep,
    /// The folder in which it is written down what this run came to; `records` beside the store if absent
    #[arg(long, value_name = "FOLDER")]
    records: Option<PathBuf>,
    /// Write one JSON object instead of text
    #[arg(long)]
    json: bool,
}

/// How many backups stay.
#[derive(Debug, clap::Args)]
struct Keep {
    /// For how many days one is kept
    #[arg(long, value_name = "DAYS", default_value_t = Policy::default().daily)]
    daily: u32,
    /// For how many weeks one is kept
    #[arg(long, value_name = "WEEKS", default_value_t = Policy::default().weekly)]
    weekly: u32,
    /// For how many months one is kept
    #[arg(long, value_name = "MONTHS", default_value_t = Policy::default().monthly)]
    monthly: u32,
}

pub(crate) const EXAMPLES: &str = "\
The signer goes on signing meanwhile. What is kept can only raise marks later: it never becomes a journal that
signs, and `countersign promote --journal` refuses it.

Examples:
  countersign backup signer --config signer-config.toml --out /var/backups/signer --prove
  countersign backup signer --config signer-config.toml --out /var/backups/signer \\
    --recipient age1… --recipient age1…
  countersign backup signer --only-prove --out copies --identity identity.txt --records records
";

/// Makes a backup, proves one, or both.
pub(crate) fn run(args: &Args, out: &mut dyn Write) -> Result<(), Failed> {
    if args.prove && !args.recipients.is_empty() && args.identity.is_none() {
        let error = "a backup that is encrypted is proven with an identity of one of its recipients: name it with \
                     --identity, or prove it where that is, with --only-prove";
        return Err(Failed::argument(error));
    }
    let config = args.config.as_deref().map(load).transpose()?;
    let mut said = Vec::new();
    let mut answer = json!({});
    if !args.only_prove {
        let file = args.config.clone().expect("clap asks for it");
        let config = config.as_ref().expect("it was loaded");
        let (kept, gone) = args.make(config, file)?;
        let path = args.out.join(&kept.file);
        said.push(format!("{}: {} bytes, SHA-256 {}", path.display(), kept.bytes, kept.sha256));
        said.extend(
            gone.iter().map(|file| format!("{file} was removed: it is not to be kept longer")),
        );
        answer = json!({ "backup": path, "kept": kept, "removed": gone });
    }
    if args.prove || args.only_prove {
        let unread = |source| NoFolder { folder: args.out.clone(), source };
        let backup =
            newest(&args.out).map_err(|source| Failed::new(Exit::Backup, unread(source)))?;
        let none =
            || Failed::new(Exit::Backup, format!("there is no backup in {}", args.out.display()));
        let backup = backup.ok_or_else(none)?;
        let contents = args.prove(config.as_ref(), &backup)?;
        said.push(format!("{} restores: its marks and its store are whole", backup.display()));
        if let Some(answer) = answer.as_object_mut() {
            answer.insert("proven".to_owned(), json!(backup));
            answer.insert("about".to_owned(), json!(contents.about));
        }
    }
    let text = if args.json { answer.to_string() } else { said.join("\n") };
    writeln!(out, "{text}").map_err(Failed::failure)
}

/// The folder with the backups is not there, or is none.
#[derive(Debug, thiserror::Error)]
#[error("the folder of backups {} cannot be read", folder.display())]
struct NoFolder {
    folder: PathBuf,
    #[source]
    source: io::Error,
}

impl Args {
    /// Makes one, and removes those that are to be kept no longer.
    fn make(&self, config: &Config, file: PathBuf) -> Result<(Kept, Vec<String>), Failed> {
        let begun = Instant::now();
        let made = self.keep(config, file);
        let mut record = match &made {
            Ok(_) => Record::new(TAKEN, now(), Outcome::Ok),
            Err(_) => Record::new(TAKEN, now(), Outcome::Failed),
        };
        if let Ok((kept, _)) = &made {
            record = record.with("bytes", kept.bytes).with("seconds", begun.elapsed().as_secs());
        }
        self.record(Some(config), &record);
        made
    }

    fn keep(&self, config: &Config, file: PathBuf) -> Result<(Kept, Vec<String>), Failed> {
        let recipients = match self.recipients.as_slice() {
            [] => None,
            named => {
                Some(Recipients::new(named.iter().map(String::as_str)).map_err(Failed::argument)?)
            }
        };
        let folder = Folder::open(&self.out).map_err(Failed::failure)?;
        let answer = Which::of(file).ask(Route::Backup, &Value::Null, LIMIT)?;
        if !answer.is_success() {
            return Err(Failed::failure(answer.text()));
        }
        let over = HandedOver::read(&answer.body).map_err(Failed::failure)?;
        let heights = look(&over.store).map_err(Failed::failure)?;
        let keys: Vec<_> = over.journals.iter().map(|(journal, _)| journal.public_key).collect();
        let outline = config.shown(keys.first().copied(), keys.get(1).copied()).to_string();
        let made = (now(), over.version, over.network);
        let contents = Contents::new(made, over.journals, (over.store, heights), outline);
        let kept = keep(&contents, &folder, recipients.as_ref()).map_err(Failed::failure)?;
        let Keep { daily, weekly, monthly } = self.policy;
        let gone = prune(&folder, Policy { daily, weekly, monthly }).map_err(Failed::failure)?;
        Ok((kept, gone))
    }

    /// Proves a backup, and writes down what came of it.
    fn prove(&self, config: Option<&Config>, backup: &Path) -> Result<Contents, Failed> {
        let proven = self.restore_for_nothing(backup);
        let (outcome, level) = match &proven {
            Ok(_) => (Outcome::Ok, HIGHEST_LEVEL),
            Err(_) => (Outcome::Failed, 0),
        };
        let mut record = Record::new(PROVEN, now(), outcome).with("level", level);
        if let Ok(contents) = &proven {
            record = record.with("taken_at", contents.about.made_at);
        }
        self.record(config, &record);
        if let Err(error) = written_down(backup, now(), proven.is_ok()) {
            complain(&error);
        }
        proven
    }

    fn restore_for_nothing(&self, backup: &Path) -> Result<Contents, Failed> {
        let identities = identities(self.identity.as_deref())?;
        let contents =
            read(backup, identities.as_ref()).map_err(|error| Failed::new(Exit::Backup, error))?;
        prove(&contents, &look).map_err(|error| Failed::new(Exit::Backup, error))?;
        Ok(contents)
    }

    /// A run that cannot write its record is not undone: it is said on stderr.
    fn record(&self, config: Option<&Config>, record: &Record) {
        let beside = || config?.db_path.records();
        let Some(folder) = self.records.clone().or_else(beside) else { return };
        if let Err(error) = records::write(&folder, record) {
            complain(&error);
        }
    }
}

/// The identities in a file that only we may read.
pub(crate) fn identities(file: Option<&Path>) -> Result<Option<Identities>, Failed> {
    let Some(file) = file else { return Ok(None) };
    let identities = Identities::new(&secret_text(file)?);
    identities.map(Some).map_err(|error| Failed::new(Exit::Key, error))
}

/// How far a copy of a store is.
pub(crate) fn look(copy: &[u8]) -> Result<Heights, String> {
    StoreFacts::of_copy(copy).map(heights).map_err(|error| describe(&error))
}

pub(crate) fn heights(StoreFacts { highest, burn_height, .. }: StoreFacts) -> Heights {
    Heights { burn: burn_height.map(BurnHeight::get), stacks: highest.map(StacksHeight::get) }
}

/// The jobs in the records.
const TAKEN: &str = "backup.signer";
const PROVEN: &str = "backup-verify.signer";
/// There is nothing more to be proven of a signer's backup than that it restores to what it was made of.
const HIGHEST_LEVEL: u64 = 4;
/// A journal is read whole.
const LIMIT: Duration = Duration::from_mins(1);
