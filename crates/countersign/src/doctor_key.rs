//! `countersign doctor key`: who else could read the key.

use std::io::Write;
use std::path::PathBuf;

use countersign_custody::{Check, KeyPlace, Level, Subject, examine};
use countersign_doctor::proofs;
use countersign_ops::exit::Exit;
use countersign_signerd::RemoteVault;
use countersign_wire::PublicKey;

use crate::cli::{Failed, load};
use crate::keys_place::now;

/// What `doctor key` needs to know.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The signer's configuration
    #[arg(short, long, value_name = "FILE")]
    config: PathBuf,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

pub(crate) const EXAMPLES: &str = "\
Run it as the user that the signer runs as. The key is not opened; nor is the next one, while a key is being changed,
whose checks say so. The letters before a reason are the rows
of docs/operator/keys.md. The exit code is 11 if a check fails, and 0 if there are only warnings.

Example:
  sudo -u countersign countersign doctor key --config /etc/countersign/signer-config.toml
";

/// Prints every check.
pub(crate) fn run(args: &Args, out: &mut dyn Write) -> Result<(), Failed> {
    let config = load(&args.config)?;
    let records = config.db_path.records();
    let keys = std::iter::once((&config.key, false));
    let keys = keys.chain(config.next_key.iter().map(|place| (place, true)));
    let checks: Vec<Check> = keys
        .flat_map(|(place, is_next)| {
            examine(&Subject {
                place,
                is_next,
                config: &args.config,
                is_private_network: config.is_private_network(),
                public_key: of_vault(place),
                records: records.as_deref(),
                proof: &|key| match &records {
                    Some(folder) => proofs::read(folder, key),
                    None => Ok(None),
                },
                now: now(),
                user: None,
            })
        })
        .collect();
    let printed = if args.json {
        serde_json::to_string(&checks)
            .map_err(Failed::failure)
            .map(|json| writeln!(out, "{json}"))?
    } else {
        checks.iter().try_for_each(|check| print(check, out))
    };
    printed.map_err(Failed::failure)?;
    match checks.iter().filter(|check| check.level == Level::Fail).count() {
        0 => Ok(()),
        count => Err(Failed::new(Exit::Key, format!("{count} of {} checks failed", checks.len()))),
    }
}

/// A vault is asked for its key; whether it runs, is not examined here.
fn of_vault(place: &KeyPlace) -> Option<PublicKey> {
    let KeyPlace::Vault(socket) = place else { return None };
    Some(RemoteVault::connect_at_once(socket).ok()?.public_key())
}

fn print(check: &Check, out: &mut dyn Write) -> std::io::Result<()> {
    let level = match check.level {
        Level::Ok => "ok  ",
        Level::Warn => "warn",
        Level::Fail => "FAIL",
    };
    writeln!(out, "{level}  {:12} {}", check.check, check.measured)?;
    if check.level != Level::Ok {
        writeln!(out, "                   why:  {}", check.why)?;
    }
    match &check.remedy {
        Some(remedy) => writeln!(out, "                   mend: {remedy}"),
        None => Ok(()),
    }
}
