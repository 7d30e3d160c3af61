//! Into our own files.

use std::collections::{BTreeMap, BTreeSet};

use countersign_signer::{Record, Saved, Write};
use countersign_vault::{Imported, SignError};
use countersign_wire::Sighash;

use super::read::Found;
use super::report::Taken;
use crate::hand::Hand;
use crate::store::{Store, StoreError};

/// Marks go into the journal in pieces of this size, so that it can fold the old ones in between.
const PIECE: usize = 8192;

/// Has the vault remember what was signed.
pub(super) fn marks(vault: &mut Hand, found: &Found) -> Result<Imported, SignError> {
    let mut total = Imported::default();
    for piece in found.marks.chunks(PIECE) {
        let imported = vault.import(piece)?;
        total.added += imported.added;
        total.known += imported.known;
        total.covered += imported.covered;
    }
    Ok(total)
}

/// Writes what the store does not have, in one transaction.
pub(super) fn rest(store: &mut Store, found: &Found, taken: &mut Taken) -> Result<(), StoreError> {
    let saved = store.load()?;
    let mut writes = block_writes(&saved, found);
    taken.blocks = writes.len();
    let known: BTreeSet<_> = saved.burn_blocks.iter().map(|seen| seen.consensus_hash).collect();
    let new = found.burn_blocks.iter().filter(|seen| !known.contains(&seen.consensus_hash));
    writes.extend(new.copied().map(Write::BurnBlock));
    taken.burn_blocks = writes.len() - taken.blocks;
    let known: BTreeSet<_> = saved.activity.iter().map(|(tenure, _)| *tenure).collect();
    let new = found.activity.iter().filter(|(tenure, _)| !known.contains(tenure));
    writes.extend(new.map(|(tenure, at)| Write::Activity { tenure: *tenure, at: *at }));
    let known: BTreeSet<_> = saved.superseded.iter().map(|permit| permit.tenure).collect();
    let new = found.superseded.iter().filter(|permit| !known.contains(&permit.tenure));
    writes.extend(new.copied().map(Write::Superseded));
    taken.other = writes.len() - taken.blocks - taken.burn_blocks;
    store.commit(&writes)?;
    taken.slots = store.raise_slot_versions(&found.slot_versions)?;
    Ok(())
}

/// Blocks that the store does not have, and those whose signature it does not know of.
fn block_writes(saved: &Saved, found: &Found) -> Vec<Write> {
    let known: BTreeMap<Sighash, &Record> =
        saved.records.iter().map(|record| (record.sighash, record)).collect();
    let news = found.records.iter().filter_map(|record| match known.get(&record.sighash) {
        None => Some(record.clone()),
        Some(known) if known.signed_self_at.is_none() && record.signed_self_at.is_some() => {
            Some(Record { signed_self_at: record.signed_self_at, ..Record::clone(known) })
        }
        Some(_) => None,
    });
    news.map(|record| Write::Record(Box::new(record))).collect()
}
