//! `countersign keys restore`: the proof that a backup works, and the way back from it.

use std::io::Write;
use std::path::{Path, PathBuf};

use countersign_custody::{
    BackupKind, KeyPlace, Opening, RestoreError, Unlock, prove, read_backup,
};
use countersign_doctor::proofs;
use countersign_ops::exit::Exit;
use countersign_ops::records;
use countersign_ops::secret::forbid_core_dumps;
use countersign_signerd::Config;
use countersign_vault::SigningKey;
use countersign_vaultd::Config as VaultConfig;
use countersign_wire::{Network, PublicKey};

use crate::cli::{Failed, ask};
use crate::drill::Drill;
use crate::keys_place::{NewPlace, now};

/// What `keys restore` needs to know.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The backup: an age file, or a file with shares; name each file of shares
    #[arg(long, value_name = "FILE", required = true, num_args = 1..)]
    from: Vec<PathBuf>,
    /// The identity file of one of the age file's recipients
    #[arg(long, value_name = "FILE")]
    from_identity: Option<PathBuf>,
    /// The first line of this file opens an age file that has a passphrase; otherwise it is asked for
    #[arg(long, value_name = "FILE", conflicts_with = "from_identity")]
    from_passphrase_file: Option<PathBuf>,
    /// Restore into memory only: sign a challenge, compare the public key and write down the date
    #[arg(long, conflicts_with = "to")]
    prove: bool,
    /// The key that it should be; otherwise one of the configuration's
    #[arg(long, value_name = "HEX")]
    public_key: Option<PublicKey>,
    /// The signer's configuration: which key it is, and where the date is written down
    #[arg(short, long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The configuration of a vault instead of a signer's: for the key of `countersign vault`, as that one's user
    #[arg(long, value_name = "FILE", conflicts_with = "config")]
    vault_config: Option<PathBuf>,
    /// Write the date down in this folder, where doctor and the metrics page look; `records` beside the signer's
    /// database otherwise
    #[arg(long, value_name = "DIR", requires = "prove")]
    records: Option<PathBuf>,
    #[command(flatten)]
    to: Option<NewPlace>,
    /// The network of the address that is shown; otherwise the configuration's
    #[arg(long, value_name = "NETWORK", conflicts_with_all = ["config", "vault_config"])]
    network: Option<Network>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

pub(crate) const EXAMPLES: &str = "\
Examples:
  countersign keys restore --prove --config signer-config.toml --from /media/usb/signer-backup.age \\
    --from-identity /media/usb/identity.txt
  countersign keys restore --prove --config signer-config.toml --from share-1.txt share-4.txt share-5.txt
  countersign keys restore --prove --vault-config /etc/countersign/vault.toml \\
    --records /var/lib/countersign/records --from share-1.txt share-4.txt share-5.txt
  countersign keys restore --from share-1.txt share-4.txt share-5.txt --to age:/etc/countersign/signer.age
";

/// Restores the key into memory, and from there to where it is to go.
pub(crate) fn run(args: Args, out: &mut dyn Write) -> Result<(), Failed> {
    forbid_core_dumps().map_err(Failed::failure)?;
    let known = Known::of(&args)?;
    if args.prove {
        known.is_enough_to_prove(&args)?;
    }
    let unlock = match (args.from_identity, args.from_passphrase_file) {
        (Some(path), _) => Unlock::Identity(path),
        (None, Some(path)) => Unlock::PassphraseFile(path),
        (None, None) => Unlock::Terminal,
    };
    let mut ask = ask;
    let is_private_network = known.network == Network::Mocknet;
    let mut opening = Opening { config: None, is_private_network, ask: &mut ask };
    let (key, kind) = read_backup(&args.from, &unlock, &mut opening).map_err(unrestored)?;
    let public_key = key.public_key();
    let expected = &known.public_keys;
    if let Some(first) = expected.first().filter(|_| !expected.contains(&public_key)) {
        return Err(unrestored(RestoreError::OtherKey { expected: *first, found: public_key }));
    }
    if let Some(to) = args.to {
        return to.keep(Some(&key), known.network)?.print(args.json, "", out);
    }
    if !args.prove {
        return Err(Failed::argument("say what for: --prove, or --to PLACE"));
    }
    prove(&SigningKey::from(key), &public_key).map_err(unrestored)?;
    Proven { public_key, kind }.tell(known.records.as_deref(), args.json, out)
}

/// What the arguments and the configuration say of the key.
struct Known {
    network: Network,
    /// The key, if it is known which that is, and the one that is to take its place.
    public_keys: Vec<PublicKey>,
    /// Where the date is written down.
    records: Option<PathBuf>,
}

impl Known {
    fn of(args: &Args) -> Result<Self, Failed> {
        let (network, places, records) = match (&args.config, &args.vault_config) {
            (Some(path), _) => {
                let config = Config::load(path).map_err(|error| Failed::new(Exit::Usage, error))?;
                let places = (config.key, config.next_key);
                (Some(config.network), Some(places), config.db_path.records())
            }
            (None, Some(path)) => {
                let config = VaultConfig::load(path);
                let config = config.map_err(|error| Failed::new(Exit::Usage, error))?;
                (Some(config.network), Some((config.key, None)), None)
            }
            (None, None) => (args.network, None, None),
        };
        let public_keys = match (args.public_key, places) {
            (Some(key), _) => vec![key],
            (None, Some((key, next))) => known_keys(&key, next.as_ref()),
            (None, None) => Vec::new(),
        };
        Ok(Self {
            network: network.unwrap_or(Network::Mainnet),
            public_keys,
            records: args.records.clone().or(records),
        })
    }

    /// Asked before a passphrase is.
    fn is_enough_to_prove(&self, args: &Args) -> Result<(), Failed> {
        if self.public_keys.is_empty() {
            let which = "which key is it to be? name --public-key, or a --config or --vault-config \
                         that tells it";
            return Err(Failed::argument(which));
        }
        if args.vault_config.is_some() && self.records.is_none() {
            let where_to = "where is the date to be written down? a vault's configuration does not tell; name \
                            the signer's folder, such as --records /var/lib/countersign/records";
            return Err(Failed::argument(where_to));
        }
        Ok(())
    }
}

/// None if it is not known which key the first one is.
fn known_keys(key: &KeyPlace, next: Option<&KeyPlace>) -> Vec<PublicKey> {
    let Some(first) = key.known_public_key() else { return Vec::new() };
    std::iter::once(first).chain(next.and_then(KeyPlace::known_public_key)).collect()
}

/// A key that was restored from its backup, and signed.
struct Proven {
    public_key: PublicKey,
    kind: BackupKind,
}

impl Proven {
    /// Writes the date down and says so. That the backup works is said even if the date cannot be written down.
    fn tell(self, folder: Option<&Path>, json: bool, out: &mut dyn Write) -> Result<(), Failed> {
        let Self { public_key, kind } = self;
        let at = now();
        let record = proofs::record(&public_key, kind, at);
        let written = folder.map(|folder| records::write(folder, &record)).transpose();
        let kept = folder.filter(|_| written.is_ok()).map(|folder| folder.display().to_string());
        let printed = if json {
            let proof = serde_json::json!({ "proven_at": at, "kind": kind.as_str() });
            let proven = serde_json::json!({
                "public_key": public_key, "proof": proof, "written": kept,
            });
            writeln!(out, "{proven}")
        } else {
            let date = match (&kept, folder) {
                (Some(folder), _) => format!("\nThe date is written down in {folder}"),
                (None, Some(_)) => String::new(),
                (None, None) => {
                    "\nThe date was not written down; with --config or --records it is.".to_owned()
                }
            };
            writeln!(
                out,
                "The backup restores the key {public_key}, which signed a challenge.{date}"
            )
        };
        printed.map_err(Failed::failure)?;
        written.map_err(|error| Failed::failure(Unwritten(error)))?;
        Drill::RestoreKey.done(folder);
        Ok(())
    }
}

/// The backup is good, and nobody will know.
#[derive(Debug, thiserror::Error)]
#[error("the backup works, but the date could not be written down")]
struct Unwritten(#[source] records::WriteError);

fn unrestored(error: RestoreError) -> Failed {
    Failed::new(Exit::Key, error)
}
