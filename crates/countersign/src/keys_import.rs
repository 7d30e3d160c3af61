//! `countersign keys import`: a key of another program, sealed.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use countersign_custody::{KeyPlace, read_source};
use countersign_ops::exit::Exit;
use countersign_ops::secret::forbid_core_dumps;
use countersign_signerd::Config;
use countersign_wire::{Network, PrivateKey};
use zeroize::Zeroizing;

use crate::cli::{Failed, ask};
use crate::keys_place::NewPlace;

/// What `keys import` needs to know.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    source: Source,
    #[command(flatten)]
    to: NewPlace,
    /// The network of the address that is shown; with --from-config it is the configuration's
    #[arg(long, value_name = "NETWORK", default_value = "mainnet", conflicts_with = "from_config")]
    network: Network,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// Where the key is now.
#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
struct Source {
    /// A file with the key in hex, or with what `stx make_keychain` printed; - reads the standard input
    #[arg(long, value_name = "FILE")]
    from: Option<PathBuf>,
    /// A signer's configuration, with the key in it
    #[arg(long, value_name = "FILE")]
    from_config: Option<PathBuf>,
}

pub(crate) const EXAMPLES: &str = "\
The key is never an argument. The address in the JSON of `stx make_keychain` is compared with the key.

Examples:
  countersign keys import --from-config signer-config.toml --to age:/etc/countersign/signer.age
  countersign keys import --from keychain.json --to age:/etc/countersign/signer.age
  countersign keys import --from keychain.json --to pkcs11:/usr/lib/softhsm/libsofthsm2.so \\
    --token signer --key-label block-1
";

/// Seals the key, and says how to destroy the source.
pub(crate) fn run(args: Args, out: &mut dyn Write) -> Result<(), Failed> {
    forbid_core_dumps().map_err(Failed::failure)?;
    let Args { source, to, network, json } = args;
    let (key, network, also) = match (source.from, source.from_config) {
        (Some(path), _) => {
            let key = read(&path)?;
            (key, network, destroy(&path))
        }
        (None, Some(path)) => {
            let config = Config::load(&path).map_err(|error| Failed::new(Exit::Usage, error))?;
            let key = reveal(&config)?;
            (key, config.network, replace_line(&path))
        }
        (None, None) => return Err(Failed::argument("name the source")),
    };
    to.keep(Some(&key), network)?.print(json, &also, out)
}

fn read(path: &Path) -> Result<PrivateKey, Failed> {
    let mut text = Zeroizing::new(String::with_capacity(MAX_SOURCE));
    let limit = MAX_SOURCE as u64;
    let got = if path.as_os_str() == "-" {
        io::stdin().take(limit).read_to_string(&mut text)
    } else {
        File::open(path).and_then(|file| file.take(limit).read_to_string(&mut text))
    };
    got.map_err(|source| Failed::new(Exit::Usage, Unreadable { path: path.to_owned(), source }))?;
    read_source(&text).map_err(|error| Failed::new(Exit::Key, error))
}

/// The source is not there, or is no text.
#[derive(Debug, thiserror::Error)]
#[error("the key cannot be read from {}", path.display())]
struct Unreadable {
    path: PathBuf,
    #[source]
    source: io::Error,
}

/// A bare key is taken wherever it is: that others can read it is why it moves.
fn reveal(config: &Config) -> Result<PrivateKey, Failed> {
    let mut ask = ask;
    let mut opening = config.opening(&mut ask);
    if matches!(config.key, KeyPlace::Plain(_)) {
        opening.config = None;
    }
    opening.reveal(&config.key).map_err(|error| Failed::new(Exit::Key, error))
}

fn destroy(path: &Path) -> String {
    let first = if path.as_os_str() == "-" {
        "where the key came from".to_owned()
    } else {
        format!("the source: shred -u '{}'", path.display())
    };
    format!("\nNow destroy {first}\n{COPIES}")
}

fn replace_line(path: &Path) -> String {
    format!(
        "\nNow remove the line stacks_private_key from {0} and add the two lines above at its end.\n\
         Write a new file and destroy the old one: shred -u '{0}'\n{COPIES}",
        path.display()
    )
}

const COPIES: &str = "\
SSDs, snapshots, backups and git keep copies that shred does not reach. If anybody else could ever read the
source, make a new key with `countersign keys new` and rotate to it.";

/// More than the JSON of a keychain.
const MAX_SOURCE: usize = 64 * 1024;
