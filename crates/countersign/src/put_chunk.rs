//! `countersign put-chunk`: writing a slot by hand.

use std::convert::Infallible;
use std::io::{self, Write};
use std::path::PathBuf;

use countersign_operator::{ChunkData, ChunkDataError, KeyError, KeySource};
use countersign_ops::exit::Exit;
use countersign_ops::secret::{Secret, forbid_core_dumps};
use countersign_vault::RawChunkRequest;
use countersign_wire::{SlotId, SlotVersion};

use crate::cli::Failed;
use crate::stackerdb::StackerDbArgs;

/// What `put-chunk` needs to know.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    database: StackerDbArgs,
    #[command(flatten)]
    key: KeyArgs,
    /// The slot
    #[arg(long, value_name = "NUMBER")]
    slot_id: u32,
    /// The version; larger than the one that the slot has, from 1 on
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..))]
    slot_version: u32,
    /// The content in base58 without a checksum; - reads it from the standard input
    #[arg(value_name = "DATA", allow_hyphen_values = true)]
    data: String,
}

/// Where the private key is.
#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
struct KeyArgs {
    /// A file that holds the private key of the slot's owner in hex; - reads it from the standard input
    #[arg(long, value_name = "FILE")]
    private_key_file: Option<PathBuf>,
    /// The private key itself, which every user of this machine can then see: better use a file
    #[arg(short, long, value_name = "HEX", value_parser = secret)]
    private_key: Option<Secret<String>>,
}

pub(crate) const EXAMPLES: &str = "\
Example:
  countersign put-chunk --host 127.0.0.1:20443 --contract SP000000000000000000002Q6VF78.signers-0-1 \\
    --private-key-file signer.key --slot-id 3 --slot-version 18 2NEpo7TZRRrLZSi2U
";

/// Both the key and the content are to come from the standard input.
#[derive(Debug, thiserror::Error)]
#[error(
    "the standard input cannot hold both the private key and the data; put one of them elsewhere"
)]
struct OneStdin;

/// Prints the node's answer as JSON. A refusal is an answer.
pub(crate) fn run(args: Args, out: &mut dyn Write) -> Result<(), Failed> {
    forbid_core_dumps().map_err(Failed::failure)?;
    let source = args.key.source()?;
    if matches!(source, KeySource::Stdin) && args.data == "-" {
        return Err(Failed::argument(OneStdin));
    }
    if matches!(source, KeySource::Argument(_)) {
        // With stderr closed there is nobody left to warn.
        let _ = writeln!(io::stderr(), "{WARNING}");
    }
    let data = ChunkData::read(&args.data, &mut io::stdin()).map_err(|error| match error {
        ChunkDataError::Base58(_) => Failed::argument(error),
        ChunkDataError::Stdin(_) => Failed::failure(error),
    })?;
    let key = source.read(&mut io::stdin()).map_err(|error| match error {
        KeyError::Key(_) => Failed::argument(error),
        KeyError::Unreadable { .. } => Failed::new(Exit::Usage, error),
    })?;
    let request = RawChunkRequest {
        slot_id: SlotId::new(args.slot_id),
        slot_version: SlotVersion::new(args.slot_version),
        data: data.into_bytes(),
    };
    let database = args.database.open()?;
    let chunk = key.sign_chunk(request).map_err(Failed::failure)?;
    let answered = args.database.ask(database.put(&chunk))?;
    let ack = answered.map_err(|error| args.database.unusable(error))?;
    let json = serde_json::to_string(&ack).map_err(Failed::failure)?;
    writeln!(out, "{json}").map_err(Failed::failure)
}

impl KeyArgs {
    fn source(self) -> Result<KeySource, Failed> {
        match (self.private_key_file, self.private_key) {
            (Some(path), _) if path.as_os_str() == "-" => Ok(KeySource::Stdin),
            (Some(path), _) => Ok(KeySource::File(path)),
            (None, Some(text)) => Ok(KeySource::Argument(text)),
            (None, None) => Err(Failed::argument("there is no private key")),
        }
    }
}

/// Takes any text: what is wrong with a key is said later, without the key.
#[expect(clippy::unnecessary_wraps, reason = "clap wants a result")]
fn secret(text: &str) -> Result<Secret<String>, Infallible> {
    Ok(Secret::new(text.to_owned()))
}

const WARNING: &str = "\
warning: every user of this machine can see the private key in the arguments, and the shell may keep it; \
use --private-key-file";
