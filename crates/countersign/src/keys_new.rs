//! `countersign keys new`: a key that is sealed at birth.

use std::io::Write;

use countersign_ops::secret::forbid_core_dumps;
use countersign_wire::Network;

use crate::cli::Failed;
use crate::keys_place::NewPlace;

/// What `keys new` needs to know.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    to: NewPlace,
    /// The network of the address that is shown: mainnet, testnet or mocknet
    #[arg(long, value_name = "NETWORK", default_value = "mainnet")]
    network: Network,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

pub(crate) const EXAMPLES: &str = "\
The key comes from the operating system's random numbers, or from the token's. It is never on the disk
unsealed, and no file is replaced. Beside FILE, FILE.pub keeps the public key.

Examples:
  countersign keys new --to age:/etc/countersign/signer.age
  countersign keys new --to age:/etc/countersign/signer.age --recipient age1…
  countersign keys new --to pkcs11:/usr/lib/softhsm/libsofthsm2.so --token signer --key-label block-1
";

const ALSO: &str = "
Back it up before it is registered: countersign keys backup --help";

/// Makes it, and prints its public half.
pub(crate) fn run(args: Args, out: &mut dyn Write) -> Result<(), Failed> {
    forbid_core_dumps().map_err(Failed::failure)?;
    args.to.keep(None, args.network)?.print(args.json, ALSO, out)
}
