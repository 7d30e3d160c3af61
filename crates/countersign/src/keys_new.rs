//! `countersign keys new`: a key that is sealed at birth, and the beginning of its journal.

use std::io::Write;
use std::path::{Path, PathBuf};

use countersign_ops::exit::Exit;
use countersign_ops::secret::forbid_core_dumps;
use countersign_signerd::Config;
use countersign_vault::{JournalFile, OpenError, is_there};
use countersign_wire::{Network, PublicKey};

use crate::cli::{Failed, load};
use crate::keys_place::{Kept, NewPlace};

/// What `keys new` needs to know.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    to: NewPlace,
    /// Begin the key's signing journal too, beside `db_path` of this signer's configuration and named after
    /// the key
    #[arg(short, long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Begin the key's signing journal too, in this file, as for `journal` of a vault's configuration
    #[arg(long, value_name = "FILE", conflicts_with = "config")]
    journal: Option<PathBuf>,
    /// The network of the address that is shown: mainnet, testnet or mocknet [default: that of --config, or
    /// mainnet]
    #[arg(long, value_name = "NETWORK")]
    network: Option<Network>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

pub(crate) const EXAMPLES: &str = "\
The key comes from the operating system's random numbers, or from the token's. It is never on the disk
unsealed, and no file is replaced. Beside FILE, FILE.pub keeps the public key.

A key that was made just now has signed nothing. With --config or --journal its journal begins with it, and
the first start signs without `--init` and without ten minutes of waiting.

Examples:
  countersign keys new --to age:/etc/countersign/key/signer.age --config /etc/countersign/signer-config.toml
  countersign keys new --to age:/etc/countersign/key/signer.age --recipient age1…
  countersign keys new --to pkcs11:/usr/lib/softhsm/libsofthsm2.so --token signer --key-label block-1
";

const ALSO: &str = "
Back it up before it is registered: countersign keys backup --help";

/// A key that has no journal.
#[derive(Debug, thiserror::Error)]
enum NotBegun {
    #[error("`db_path` is \":memory:\", so there is no journal to begin; nothing was made")]
    NothingIsKept,
    #[error("there is a signing journal at {} already; name another file. Nothing was made", .0.display())]
    Taken(PathBuf),
    #[error("there is no folder for the signing journal {}; nothing was made", .0.display())]
    NoFolder(PathBuf),
    #[error(
        "the key {key} was made, but its signing journal was not begun; mend that, and start once with `--init`"
    )]
    After {
        key: PublicKey,
        #[source]
        why: OpenError,
    },
}

/// Where the journal is to be.
enum Place {
    Beside(Box<Config>),
    File(PathBuf),
}

/// Makes it, and prints its public half.
pub(crate) fn run(args: Args, out: &mut dyn Write) -> Result<(), Failed> {
    forbid_core_dumps().map_err(Failed::failure)?;
    let config = args.config.as_deref().map(load).transpose()?;
    let of_config = config.as_ref().map(|config| config.network);
    let network = args.network.or(of_config).unwrap_or(Network::Mainnet);
    let place =
        config.map(|config| Place::Beside(Box::new(config))).or(args.journal.map(Place::File));
    place.as_ref().map_or(Ok(()), Place::check)?;
    let mut kept = args.to.keep(None, network)?;
    let begun = place.map_or(Ok(()), |place| place.begin(&mut kept));
    // What was made is shown whatever came of its journal.
    kept.print(args.json, ALSO, out)?;
    begun
}

impl Place {
    /// Refuses what would leave a key without its journal.
    fn check(&self) -> Result<(), Failed> {
        let journal = match self {
            Self::Beside(config) => config.db_path.journal(),
            Self::File(path) => Some(path.clone()),
        };
        let journal = journal.ok_or_else(|| Failed::argument(NotBegun::NothingIsKept))?;
        // The usual journal of a configuration may be that of a key that is there already.
        if matches!(self, Self::File(_)) && is_there(&journal) {
            Err(Failed::new(Exit::Journal, NotBegun::Taken(journal)))
        } else if folder_of(&journal).is_dir() {
            Ok(())
        } else {
            Err(Failed::argument(NotBegun::NoFolder(journal)))
        }
    }

    /// Begins the journal of a key that was made just now.
    fn begin(self, kept: &mut Kept) -> Result<(), Failed> {
        let key = kept.public_key;
        let journal = match self {
            Self::Beside(config) => config.db_path.journal_of(&key),
            Self::File(path) => Some(path),
        };
        let journal = journal.ok_or_else(|| Failed::argument(NotBegun::NothingIsKept))?;
        JournalFile::begin(&journal, &key).map_err(|why| {
            let exit = if why.is_unwritable() { Exit::Store } else { Exit::Journal };
            Failed::new(exit, NotBegun::After { key, why })
        })?;
        kept.journal = Some(journal);
        Ok(())
    }
}

fn folder_of(path: &Path) -> &Path {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    parent.unwrap_or(Path::new("."))
}
