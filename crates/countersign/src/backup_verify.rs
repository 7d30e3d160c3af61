//! `countersign backup verify`: what a backup is good for.

use std::fmt::Write as _;
use std::io::Write;
use std::path::{Path, PathBuf};

use countersign_backup::postgres::{Programs, Workshop};
use countersign_backup::verify::{
    Class, Expected, Fault, KNOWN_MIGRATION, Report, Request, untouched, verify,
};
use countersign_backup::{Folder, Identities, Manifest};
use countersign_custody::{Opening, Unlock, read_backup, read_source};
use countersign_ops::exit::Exit;
use countersign_ops::records::{Outcome, Record};
use countersign_ops::report::describe;
use countersign_ops::secret::forbid_core_dumps;
use countersign_site::Site;
use countersign_wire::PrivateKey;

use crate::backup_place::{Place, say, secret_text, unfit, with_care};
use crate::chain_sources::Chain;
use crate::cli::{Failed, ask};
use crate::drill::Drill;
use crate::keys_place::now;

/// What `backup verify` needs to know.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The backup; the newest in the folder if absent
    #[arg(value_name = "FILE")]
    backup: Option<PathBuf>,
    #[command(flatten)]
    place: Place,
    /// The identity file of one of the backup's recipients
    #[arg(long, value_name = "FILE", required_unless_present = "checksum")]
    identity: Option<PathBuf>,
    /// Only compare the file with its manifest, which needs no identity and proves no level
    #[arg(long, conflicts_with_all = ["identity", "key"])]
    checksum: bool,
    /// How far to go: 0 file intact, 1 restores, 2 complete and fresh, 3 the chain's key, 4 its shares open
    #[arg(long, value_name = "LEVEL", default_value = "4", value_parser = clap::value_parser!(u8).range(0..=4))]
    level: u8,
    /// The most hours since the newest Bitcoin block in it was written
    #[arg(long, value_name = "HOURS", default_value = "26", value_parser = clap::value_parser!(u64).range(1..=87600))]
    max_age: u64,
    /// The highest migration that must have been run
    #[arg(long, value_name = "NUMBER", default_value_t = KNOWN_MIGRATION)]
    migration: u32,
    #[command(flatten)]
    chain: Chain,
    #[command(flatten)]
    opener: Opener,
    /// The folder for the PostgreSQL that is thrown away
    #[arg(long, value_name = "FOLDER")]
    scratch: Option<PathBuf>,
    /// The user that PostgreSQL runs as if this is root
    #[arg(long, value_name = "USER", default_value = "postgres")]
    postgres_user: String,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// The signer's private key.
#[derive(Debug, clap::Args)]
struct Opener {
    /// The sBTC signer's private key: a file with hex, a backup of `keys backup`, or its shares
    #[arg(long, value_name = "FILE", num_args = 1..)]
    key: Vec<PathBuf>,
    /// The identity file that opens an encrypted key
    #[arg(long, value_name = "FILE", requires = "key")]
    key_identity: Option<PathBuf>,
    /// The first line of this file opens a key that has a passphrase; otherwise it is asked for
    #[arg(long, value_name = "FILE", requires = "key", conflicts_with = "key_identity")]
    key_passphrase_file: Option<PathBuf>,
}

pub(crate) const EXAMPLES: &str = "\
The exit code is 0 if the backup reaches the level, 15 if it is no good, and 1 if that cannot be known: no node
answers, no key was given, PostgreSQL is missing.

Examples:
  countersign backup verify --site /etc/countersign/countersign.toml --identity /media/usb/identity.txt \\
    --key /media/usb/sbtc-key.age --key-identity /media/usb/identity.txt
  countersign backup verify postgres-20261127T031500Z.dump.age --identity identity.txt --level 2
  countersign backup verify --site /etc/countersign/countersign.toml --checksum
";

/// Verifies, prints the verdict, and writes it down.
pub(crate) fn run(args: &Args, out: &mut dyn Write) -> Result<(), Failed> {
    forbid_core_dumps().map_err(Failed::failure)?;
    let site = args.place.load()?;
    let backup = args.backup(site.as_ref())?;
    let Some(identity) = &args.identity else {
        return args.compare(site.as_ref(), &backup, out);
    };
    let identities = Identities::new(&secret_text(identity)?);
    let identities = identities.map_err(|error| Failed::new(Exit::Key, error))?;
    let key = args.opener.open()?;
    let programs = Programs::of_server(args.place.pg_bin.as_deref()).map_err(Failed::failure)?;
    let workshop = Workshop {
        programs,
        folder: args.scratch.clone().unwrap_or_else(std::env::temp_dir),
        user: args.postgres_user.clone(),
    };
    let chain = if args.level >= 3 { args.chain.ask(site.as_ref())? } else { Vec::new() };
    let expected =
        Expected { migration: args.migration, max_age: args.max_age.saturating_mul(3600) };
    let (level, file) = (args.level, backup.clone());
    let report = with_care(move |care| {
        let request = Request {
            backup: &file,
            identities: &identities,
            workshop: &workshop,
            level,
            expected,
            chain: &chain,
            key: key.as_ref(),
            now: now(),
        };
        verify(&request, care)
    })?;
    let report = report.map_err(|error| {
        args.place.record(site.as_ref(), &Record::new(JOB, now(), Outcome::Failed));
        Failed::failure(error)
    })?;
    args.write_down(site.as_ref(), &backup, &report);
    if report.fault.is_none()
        && report.level == Some(4)
        && args.is_elsewhere(site.as_ref(), &backup)
    {
        args.place.record(site.as_ref(), &Drill::RestoreDatabase.record());
    }
    let printed = if args.json {
        writeln!(out, "{}", json(&backup, level, &report))
    } else {
        write!(out, "{}", text(&backup, level, &report))
    };
    printed.map_err(Failed::failure)?;
    match &report.fault {
        None => Ok(()),
        Some(fault) => Err(unfit(fault, &format!("the backup does not reach level {level}"))),
    }
}

impl Args {
    fn backup(&self, site: Option<&Site>) -> Result<PathBuf, Failed> {
        if let Some(backup) = &self.backup {
            return Ok(backup.clone());
        }
        let folder = self.place.open(site)?;
        let newest = folder.backups().map_err(Failed::failure)?.into_iter().next();
        let none = || {
            let said = format!("there is no backup in {}", folder.path().display());
            Failed::new(Exit::Backup, said)
        };
        newest.map(|newest| folder.file(&newest)).ok_or_else(none)
    }

    /// Whether the backup has come from elsewhere than the folder of backups: a copy that was off this host.
    fn is_elsewhere(&self, site: Option<&Site>, backup: &Path) -> bool {
        let Ok(folder) = self.place.path(site) else { return false };
        let own = folder.canonicalize();
        let parent = backup.canonicalize().map(|path| path.parent().map(Path::to_owned));
        matches!((own, parent), (Ok(own), Ok(Some(parent))) if own != parent)
    }

    /// Whether the backup is the file that was written. That it is says nothing of what is in it, so it has a record of
    /// its own.
    fn compare(
        &self,
        site: Option<&Site>,
        backup: &Path,
        out: &mut dyn Write,
    ) -> Result<(), Failed> {
        let file = backup.to_owned();
        let seen = with_care(move |care| untouched(&file, care))?.map_err(|error| {
            self.place.record(site, &Record::new(COMPARED, now(), Outcome::Failed));
            Failed::failure(error)
        })?;
        let outcome = if seen.fault.is_none() { Outcome::Ok } else { Outcome::Failed };
        let verdict = seen.fault.as_ref().map_or(UNTOUCHED, Fault::name);
        let record = Record::new(COMPARED, now(), outcome).with("verdict", verdict);
        self.place.record(site, &record.with("bytes", seen.bytes));
        let printed = if self.json {
            writeln!(
                out,
                "{}",
                serde_json::json!({
                    "backup": backup,
                    "level": null,
                    "verdict": verdict,
                    "says": seen.fault.as_ref().map(ToString::to_string),
                    "remedy": seen.fault.as_ref().map(Fault::remedy),
                    "bytes": seen.bytes,
                    "took_ms": seen.took_ms,
                })
            )
        } else {
            let said = seen.fault.as_ref().map_or_else(|| WHOLE.to_owned(), ToString::to_string);
            writeln!(out, "Backup:  {}\n{said}\nVerdict: {verdict}", backup.display())
        };
        printed.map_err(Failed::failure)?;
        match &seen.fault {
            None => Ok(()),
            Some(fault) => Err(unfit(fault, "the backup is not the file that was written")),
        }
    }

    /// Beside the backup if that folder is ours to write, and in the records.
    fn write_down(&self, site: Option<&Site>, backup: &Path, report: &Report) {
        let at = now();
        let manifest = Manifest::beside(backup).ok().flatten();
        let outcome = if report.fault.is_none() { Outcome::Ok } else { Outcome::Failed };
        let mut record = Record::new(JOB, at, outcome).with("verdict", report.verdict());
        if let Some(level) = report.level {
            record = record.with("level", level);
        }
        if let Some(manifest) = &manifest {
            record = record.with("taken_at", manifest.made_at);
        }
        self.place.record(site, &record);
        let Some((manifest, folder)) = manifest.zip(backup.parent()) else { return };
        let written = Folder::open(folder).and_then(|folder| {
            folder.amend(&manifest.file, |manifest| {
                manifest.verified = Some(report.verified(at, manifest.verified.take()));
            })
        });
        if let Err(error) = written {
            say(&format!(
                "the verdict is not written down beside the backup: {}",
                describe(&error)
            ));
        }
    }
}

impl Opener {
    /// The key in memory, if one was named.
    fn open(&self) -> Result<Option<PrivateKey>, Failed> {
        let [first, ..] = self.key.as_slice() else { return Ok(None) };
        let unopened = |error: Box<dyn std::error::Error>| Failed::new(Exit::Key, error);
        let text = secret_text(first)?;
        let is_bare = !text.trim_start().starts_with("age-") && !text.contains("-----BEGIN AGE");
        if let (true, [_]) = (is_bare, self.key.as_slice())
            && let Ok(key) = read_source(&text)
        {
            return Ok(Some(key));
        }
        let unlock = match (&self.key_identity, &self.key_passphrase_file) {
            (Some(path), _) => Unlock::Identity(path.clone()),
            (None, Some(path)) => Unlock::PassphraseFile(path.clone()),
            (None, None) => Unlock::Terminal,
        };
        let mut ask = ask;
        let mut opening = Opening { config: None, is_private_network: false, ask: &mut ask };
        let (key, _) = read_backup(&self.key, &unlock, &mut opening)
            .map_err(|error| unopened(error.into()))?;
        Ok(Some(key))
    }
}

/// A line for each level, and what keeps it from the next.
fn text(backup: &Path, asked: u8, report: &Report) -> String {
    let mut text = format!("Backup:  {}\n", backup.display());
    let mut line = |said: std::fmt::Arguments<'_>| {
        text.write_fmt(said).expect("writing to a string cannot fail");
        text.push('\n');
    };
    for (level, good) in (0..=asked).zip(LEVELS) {
        if report.level.is_some_and(|reached| level <= reached) {
            line(format_args!("level {level}  ok    {good}"));
        } else if let Some(fault) = &report.fault {
            let word = if fault.class() == Class::Bad { "FAIL" } else { "?   " };
            line(format_args!("level {level}  {word}  {fault}"));
            line(format_args!("               mend: {}", fault.remedy()));
            break;
        }
    }
    for fault in &report.older_faults {
        line(format_args!("         warn  of an older key: {fault}"));
    }
    line(format_args!("Verdict: {}", report.verdict()));
    let rate =
        report.seconds_per_gb().map_or(String::new(), |rate| format!(", {rate:.1} s per GB"));
    line(format_args!(
        "Time:    {}.{:03} s for {} bytes{rate}",
        report.took_ms / 1000,
        report.took_ms % 1000,
        report.bytes
    ));
    text
}

fn json(backup: &Path, asked: u8, report: &Report) -> serde_json::Value {
    let fault = report.fault.as_ref();
    let older: Vec<String> = report.older_faults.iter().map(ToString::to_string).collect();
    serde_json::json!({
        "backup": backup,
        "level": report.level,
        "asked": asked,
        "verdict": report.verdict(),
        "class": fault.map(Fault::class),
        "says": fault.map(ToString::to_string),
        "remedy": fault.map(Fault::remedy),
        "keys_that_fit": report.keys_that_fit,
        "older_faults": older,
        "bytes": report.bytes,
        "took_ms": report.took_ms,
        "seconds_per_gb": report.seconds_per_gb(),
    })
}

/// What is true of a backup at each level.
const LEVELS: [&str; 5] = [
    "the file is intact",
    "it restores",
    "schema and rows are complete and fresh",
    "its newest verified key is the chain's",
    "its private shares open and belong to that key",
];
/// The job in the records.
const JOB: &str = "backup-verify.sbtc";
/// The job that compares a file with its manifest.
const COMPARED: &str = "backup-checksum.sbtc";
/// The verdict of a backup that is the file that was written.
const UNTOUCHED: &str = "untouched";
const WHOLE: &str = "the file is the one that was written; whether it opens and restores is for `--identity` to say";
