//! Old records, folded: what is far below the highest signature is remembered by tenure and height,
//! no longer block by block, and nothing new is signed there, ever.

use countersign_wire::{Sighash, StacksHeight};
use rusqlite::{Connection, OptionalExtension as _, Transaction};

use super::seal::Sum;
use super::{Journal, signatures};
use crate::error::SignError;

/// How many of the highest acceptances are remembered block by block: the work of a day of the
/// fastest blocks. No fork of the burn chain reaches below.
const KEPT_ACCEPTANCES: i64 = 16_384;
/// How many of the latest rejections are remembered. A rejection binds nobody: without its record it
/// is signed once more, with the same bytes.
const KEPT_REJECTIONS: i64 = 16_384;
/// How many rows beyond these are folded at once.
const BATCH: i64 = 1024;

/// How many rows the growing tables have.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Rows {
    pub(super) acceptances: i64,
    pub(super) rejections: i64,
}

impl Rows {
    pub(super) fn count(db: &Connection) -> rusqlite::Result<Self> {
        db.query_row(include_str!("load_rows.sql"), [], |row| {
            Ok(Self { acceptances: row.get(0)?, rejections: row.get(1)? })
        })
    }

    const fn are_many(self) -> bool {
        self.acceptances >= KEPT_ACCEPTANCES + BATCH || self.rejections >= KEPT_REJECTIONS + BATCH
    }
}

impl Journal {
    /// Folds what has become old, if that is worth a transaction.
    pub(crate) fn tidy(&mut self) -> Result<(), SignError> {
        if self.rows.are_many() {
            self.rows = self.transact(|txn, service| {
                fold_acceptances(txn, &mut service.sum)?;
                for (sql, kept) in [
                    (include_str!("delete_old_rejections.sql"), KEPT_REJECTIONS),
                    (include_str!("delete_old_signatures.sql"), signatures::KEPT),
                ] {
                    txn.prepare_cached(sql)?.execute([kept])?;
                }
                Ok(Rows::count(txn)?)
            })?;
        }
        Ok(())
    }
}

/// Refuses what is at or below a height that was folded.
pub(super) fn check_floor(
    txn: &Transaction<'_>,
    sighash: Sighash,
    height: StacksHeight,
) -> Result<(), SignError> {
    match floor(txn)? {
        Some(floor) if height <= floor => Err(SignError::BelowFloor { sighash, height, floor }),
        _ => Ok(()),
    }
}

/// The height at and below which nothing new is signed.
pub(super) fn floor(txn: &Transaction<'_>) -> rusqlite::Result<Option<StacksHeight>> {
    Ok(u64::try_from(floor_row(txn)?).ok().map(StacksHeight::new))
}

/// The floor as it is written: less than any height if there is none.
pub(super) fn floor_row(db: &Connection) -> rusqlite::Result<i64> {
    db.prepare_cached(include_str!("find_floor.sql"))?.query_row([], |row| row.get(0))
}

/// Whole heights are folded, so that an acceptance and the one that it overrides, which is at its
/// height or above, are folded together or the lower one first.
fn fold_acceptances(txn: &Transaction<'_>, sum: &mut Sum) -> Result<(), SignError> {
    let kept: Option<i64> = txn
        .prepare_cached(include_str!("find_kept_height.sql"))?
        .query_row([KEPT_ACCEPTANCES - 1], |row| row.get(0))
        .optional()?;
    let Some(kept) = kept else { return Ok(()) };
    let highest: Option<i64> = txn
        .prepare_cached(include_str!("find_folded_height.sql"))?
        .query_row([kept], |row| row.get(0))?;
    let Some(highest) = highest else { return Ok(()) };
    sum.toggle_acceptances(txn, kept - 1)?;
    sum.toggle_touched_spans(txn, kept - 1)?;
    txn.prepare_cached(include_str!("fold_acceptances.sql"))?.execute([kept])?;
    sum.toggle_touched_spans(txn, kept - 1)?;
    for sql in
        [include_str!("delete_folded_overrides.sql"), include_str!("delete_folded_acceptances.sql")]
    {
        txn.prepare_cached(sql)?.execute([kept])?;
    }
    txn.prepare_cached(include_str!("raise_floor.sql"))?.execute([highest])?;
    Ok(())
}
