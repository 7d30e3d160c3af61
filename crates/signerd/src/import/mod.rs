//! Moving in: what the reference signer's database knows and this signer must know, too.
//!
//! Taken is what keeps the key from signing two rival blocks, which goes into the vault's journal for
//! ever, and what makes the change of programs seamless: recent decisions, burn blocks with the times at
//! which they arrived, permitted reorgs, signs of life of miners, slot versions. Not taken are contents of
//! blocks and votes of others: the network tells them again.
//!
//! An import only adds. What is on record here stays as it is, except that a block which both know and
//! only the other program signed is signed from then on. So a second import does no harm.
//!
//! The other database is never written: what is read is a private copy of it. What is known about its
//! tables is in `docs/spec/reference-database.md`.

mod error;
mod read;
mod report;
mod source;
mod take;
mod takeover;

use std::path::Path;

use countersign_vault::{Birth, FLOOR, is_there};
use countersign_wire::StacksAddress;

use crate::birth::Past;
use crate::config::Config;
use crate::hand::Holder;
use crate::journals::Journals;
use crate::store::Store;

pub use error::{ImportError, Refusal};
pub use report::{Report, Taken};
pub(crate) use takeover::{refuse_beside_another, take_over, tells_history};

use read::Found;
use source::Source;

/// Reads the reference signer's database at `from` and takes over what this signer, as configured
/// and with its key, must know. Its store and journal are created if they are missing; both must not be in use.
///
/// With `is_rehearsal` nothing is created or written, and the report says what there is to take.
pub fn import(
    from: &Path,
    config: &Config,
    holder: impl Into<Holder>,
    is_rehearsal: bool,
) -> Result<Report, ImportError> {
    let holder = holder.into();
    let key = holder.public_key();
    let journals = Journals::find(&config.db_path, &key, None)?;
    let files = match (journals, config.db_path.store()) {
        (Some(journals), Some(store)) => {
            (holder.socket().map_or(journals.first, Path::to_owned), store)
        }
        _ => return Err(ImportError::NothingIsKept),
    };
    let owner = StacksAddress::single_sig(config.network, &key);
    let source = Source::open(from)?;
    let found = Found::read(&source, &key, owner)?;
    let mut report = Report::new(from, &files, source.schema, &found, is_rehearsal);
    if is_rehearsal {
        return Ok(report);
    }
    // The journal first: its lock keeps a running signer away, and a crash between the two leaves
    // marks that bind, and nothing that a second import would not add.
    let (journal, store) = files;
    // What is found is all that the key has signed; until all of it is taken over, it waits.
    let begins = Past::Begins(Birth::Init { wait: FLOOR });
    let is_new = holder.is_here() && !is_there(&journal);
    let past = if is_new { begins } else { Past::Journal };
    let mut vault = holder.open(Some((&journal, past)))?;
    let mut store = Store::open(&store)?;
    report.taken.signed = take::marks(&mut vault, &found)?;
    take::rest(&mut store, &found, &mut report.taken)?;
    if is_new && !found.marks.is_empty() {
        vault.end_wait()?;
    }
    Ok(report)
}
