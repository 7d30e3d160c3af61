//! `countersign keys restore`: the proof that a backup works, and the way back from it.

use std::io::Write;
use std::path::PathBuf;

use countersign_custody::{Ledger, Opening, Proof, RestoreError, Unlock, prove, read_backup};
use countersign_ops::exit::Exit;
use countersign_ops::secret::forbid_core_dumps;
use countersign_signerd::Config;
use countersign_vault::SigningKey;
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
    /// The key that it should be; otherwise the configuration's
    #[arg(long, value_name = "HEX")]
    public_key: Option<PublicKey>,
    /// The signer's configuration: which key it is, and where the date is written down
    #[arg(short, long, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(flatten)]
    to: Option<NewPlace>,
    /// The network of the address that is shown
    #[arg(long, value_name = "NETWORK", default_value = "mainnet", conflicts_with = "config")]
    network: Network,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

pub(crate) const EXAMPLES: &str = "\
Examples:
  countersign keys restore --prove --config signer-config.toml --from /media/usb/signer-backup.age \\
    --from-identity /media/usb/identity.txt
  countersign keys restore --prove --config signer-config.toml --from share-1.txt share-4.txt share-5.txt
  countersign keys restore --from share-1.txt share-4.txt share-5.txt --to age:/etc/countersign/signer.age
";

/// Restores the key into memory, and from there to where it is to go.
pub(crate) fn run(args: Args, out: &mut dyn Write) -> Result<(), Failed> {
    forbid_core_dumps().map_err(Failed::failure)?;
    let config = args.config.as_deref().map(Config::load).transpose();
    let config = config.map_err(|error| Failed::new(Exit::Usage, error))?;
    let network = config.as_ref().map_or(args.network, |config| config.network);
    let unlock = match (args.from_identity, args.from_passphrase_file) {
        (Some(path), _) => Unlock::Identity(path),
        (None, Some(path)) => Unlock::PassphraseFile(path),
        (None, None) => Unlock::Terminal,
    };
    let mut ask = ask;
    let is_private_network = network == Network::Mocknet;
    let mut opening = Opening { config: None, is_private_network, ask: &mut ask };
    let known = config.as_ref().and_then(|config| config.key.known_public_key());
    let expected = args.public_key.or(known);
    if args.prove && expected.is_none() {
        let which = "which key is it to be? name --public-key, or a --config that tells it";
        return Err(Failed::argument(which));
    }
    let (key, kind) = read_backup(&args.from, &unlock, &mut opening).map_err(unrestored)?;
    let public_key = key.public_key();
    if let Some(expected) = expected.filter(|expected| *expected != public_key) {
        return Err(unrestored(RestoreError::OtherKey { expected, found: public_key }));
    }
    if let Some(to) = args.to {
        return to.keep(Some(&key), network)?.print(args.json, "", out);
    }
    if !args.prove {
        return Err(Failed::argument("say what for: --prove, or --to PLACE"));
    }
    prove(&SigningKey::from(key), &public_key).map_err(unrestored)?;
    let ledger = config.as_ref().and_then(|config| config.db_path.proofs());
    let proof = Proof { proven_at: now(), kind: kind.as_str().to_owned() };
    if let Some(path) = &ledger {
        Ledger::record(path, public_key, proof.clone()).map_err(Failed::failure)?;
    }
    Drill::RestoreKey.done(config.as_ref().and_then(|config| config.db_path.records()).as_deref());
    let printed = if args.json {
        let proven = serde_json::json!({
            "public_key": public_key,
            "proof": proof,
            "written": ledger.map(|path| path.display().to_string()),
        });
        writeln!(out, "{proven}")
    } else {
        let date = ledger.map_or_else(
            || "The date was not written down; with --config it is.".to_owned(),
            |path| format!("The date is written down in {}", path.display()),
        );
        writeln!(out, "The backup restores the key {public_key}, which signed a challenge.\n{date}")
    };
    printed.map_err(Failed::failure)
}

fn unrestored(error: RestoreError) -> Failed {
    Failed::new(Exit::Key, error)
}
