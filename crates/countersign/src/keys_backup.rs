//! `countersign keys backup`: a key to several recipients, or in shares.

use std::fs::DirBuilder;
use std::io::{self, Write};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use countersign_custody::shares::{self, Share, ShareError};
use countersign_custody::{Seal, seal, write_new};
use countersign_ops::exit::Exit;
use countersign_vaultd::Config as VaultConfig;
use countersign_wire::PrivateKey;

use crate::cli::{Failed, ask, load, next_place};

/// What `keys backup` needs to know.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The signer's configuration, which says where the key is
    #[arg(short, long, value_name = "FILE", required_unless_present = "vault_config")]
    config: Option<PathBuf>,
    /// The configuration of a vault instead of a signer's: for the key of `countersign vault`, as that one's user
    #[arg(long, value_name = "FILE", conflicts_with = "config")]
    vault_config: Option<PathBuf>,
    /// Back up the key that is to take the other's place (`next_key` of the table `countersign`)
    #[arg(long, conflicts_with = "vault_config")]
    next: bool,
    #[command(flatten)]
    to: Kind,
    /// One recipient is enough
    #[arg(long, requires = "recipient")]
    single: bool,
    /// The file for an age backup, or the folder for shares; neither is replaced
    #[arg(long, value_name = "PATH")]
    out: PathBuf,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// The kind of the backup.
#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
struct Kind {
    /// An age recipient (age1…), each of whom can restore the key alone; at least two are named
    #[arg(long, value_name = "RECIPIENT")]
    recipient: Vec<String>,
    /// Shares: 3/5 makes five, of which any three restore the key and two say nothing about it
    #[arg(long, value_name = "K/N")]
    shares: Option<Counts>,
}

#[derive(Clone, Copy, Debug)]
struct Counts {
    threshold: u8,
    count: u8,
}

impl FromStr for Counts {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let number = |text: &str| text.parse().map_err(|_| "write two numbers, such as 3/5");
        let (threshold, count) = text.split_once('/').ok_or("write two numbers, such as 3/5")?;
        Ok(Self { threshold: number(threshold)?, count: number(count)? })
    }
}

pub(crate) const EXAMPLES: &str = "\
Keep a backup where the signer is not, and prove it: countersign keys restore --prove --help

Examples:
  countersign keys backup --config signer-config.toml --out signer-backup.age \\
    --recipient age1… --recipient age1…
  countersign keys backup --config signer-config.toml --shares 3/5 --out /media/usb/shares
  countersign keys backup --config signer-config.toml --next --shares 3/5 --out /media/usb/shares
  countersign keys backup --vault-config /etc/countersign/vault.toml --shares 3/5 --out /media/usb/shares
";

/// Writes the backup, for its owner only, and says what was written.
pub(crate) fn run(args: Args, out: &mut dyn Write) -> Result<(), Failed> {
    if args.to.shares.is_none() && args.to.recipient.len() < 2 && !args.single {
        let one = "name a second --recipient, so that one lost identity loses nothing; or --single";
        return Err(Failed::argument(one));
    }
    let key = reveal(args.config.as_deref(), args.next, args.vault_config.as_deref())?;
    let written = match args.to.shares {
        Some(counts) => write_shares(&key, counts, &args.out)?,
        None => vec![write_age(&key, args.to.recipient, &args.out)?],
    };
    let public_key = key.public_key();
    let printed = if args.json {
        let written: Vec<_> = written.iter().map(|path| path.display().to_string()).collect();
        writeln!(out, "{}", serde_json::json!({ "public_key": public_key, "written": written }))
    } else {
        let written: Vec<_> = written.iter().map(|path| format!("  {}", path.display())).collect();
        writeln!(out, "Public key: {public_key}\nWritten:\n{}\n{PROVE}", written.join("\n"))
    };
    printed.map_err(Failed::failure)
}

/// The key of a signer, or the one that is to take its place, or the key of a vault.
fn reveal(config: Option<&Path>, next: bool, vault: Option<&Path>) -> Result<PrivateKey, Failed> {
    let mut ask = ask;
    let key = match (config, vault) {
        (Some(config), _) => {
            let config = load(config)?;
            let place = if next { next_place(&config)? } else { &config.key };
            config.opening(&mut ask).reveal(place)
        }
        (None, Some(vault)) => {
            let usage = |error| Failed::new(Exit::Usage, error);
            VaultConfig::load(vault).map_err(usage)?.reveal_key(&mut ask)
        }
        (None, None) => return Err(Failed::argument("name the configuration with `--config`")),
    };
    key.map_err(|error| Failed::new(Exit::Key, error))
}

fn write_age(key: &PrivateKey, recipients: Vec<String>, out: &Path) -> Result<PathBuf, Failed> {
    let sealed = seal(key, &Seal::Recipients(recipients)).map_err(Failed::argument)?;
    write_new(out, &sealed).map_err(|source| unwritten(out, &source))?;
    Ok(out.to_owned())
}

fn write_shares(key: &PrivateKey, counts: Counts, out: &Path) -> Result<Vec<PathBuf>, Failed> {
    let Counts { threshold, count } = counts;
    let shares = shares::split(key, threshold, count).map_err(|error| match error {
        ShareError::Count { .. } => Failed::argument(error),
        error => Failed::failure(error),
    })?;
    match DirBuilder::new().mode(0o700).create(out) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
            return Err(unwritten(out, &error));
        }
        Err(_) if !out.is_dir() => {
            return Err(Failed::failure(format!(
                "{} is there already, and is no folder",
                out.display()
            )));
        }
        _ => {}
    }
    let mut written = Vec::new();
    for share in &shares {
        let text = out.join(format!("share-{}.txt", share.number()));
        let page = page(key, share, count);
        write_new(&text, page.as_bytes()).map_err(|source| unwritten(&text, &source))?;
        let picture = out.join(format!("share-{}.svg", share.number()));
        let drawn = shares::svg(share);
        write_new(&picture, drawn.as_bytes()).map_err(|source| unwritten(&picture, &source))?;
        written.extend([text, picture]);
    }
    Ok(written)
}

/// The text of a share, for paper. The word may be typed with or without its gaps.
fn page(key: &PrivateKey, share: &Share, count: u8) -> zeroize::Zeroizing<String> {
    let word = share.to_text();
    let mut text = zeroize::Zeroizing::new(format!(
        "# Share {} of {count} of a Stacks signing key; any {} of them restore it:\n\
         # countersign keys restore --prove --public-key {} --from FILE…\n# Its fingerprint: {}\n",
        share.number(),
        share.threshold(),
        key.public_key(),
        share.fingerprint(),
    ));
    for (at, character) in word.chars().enumerate() {
        if at > 0 && at % 8 == 0 {
            text.push(' ');
        }
        text.push(character);
    }
    text.push('\n');
    text
}

fn unwritten(path: &Path, error: &io::Error) -> Failed {
    let why = if error.kind() == io::ErrorKind::AlreadyExists {
        "is there already, and nothing is replaced; name another one".to_owned()
    } else {
        format!("cannot be written: {error}")
    };
    Failed::failure(format!("{} {why}", path.display()))
}

const PROVE: &str = "\
Move it to where the signer is not, and prove it from there: countersign keys restore --prove --help";
