//! From the schema of an older version to that of this one, a step at a time.

use std::sync::Arc;

use countersign_signer::{Millis, Outline, Record, Timestamp};
use countersign_wire::{BurnHeight, NakamotoBlock, RewardCycle, Sighash};
use rusqlite::{Row, Transaction};

use super::column::{Column, read_option, read_wire};
use super::load::read_state;
use super::write::save_record;

/// The schema that this version writes: as many as there are migrations.
pub(super) const SCHEMA_VERSION: i64 = 4;

/// Brings a store of schema `found`, or an empty file, to this version's.
pub(super) fn migrate(txn: &Transaction<'_>, found: i64) -> rusqlite::Result<()> {
    if found < 1 {
        txn.execute_batch(include_str!("migrations/0001.sql"))?;
    }
    if found < 2 {
        txn.execute_batch(include_str!("migrations/0002.sql"))?;
        copy_records_1(txn)?;
        txn.execute_batch(include_str!("migrations/drop_records_1.sql"))?;
    }
    if found < 3 {
        txn.execute_batch(include_str!("migrations/0003.sql"))?;
    }
    if found < 4 {
        txn.execute_batch(include_str!("migrations/0004.sql"))?;
    }
    Ok(())
}

/// What a block is stood only in its content, which SQL cannot read.
fn copy_records_1(txn: &Transaction<'_>) -> rusqlite::Result<()> {
    let mut statement = txn.prepare(include_str!("migrations/read_records_1.sql"))?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        save_record(txn, &record_1(row)?)?;
    }
    Ok(())
}

fn record_1(row: &Row<'_>) -> rusqlite::Result<Record> {
    let block: NakamotoBlock = read_wire(row, 2)?;
    Ok(Record {
        sighash: Sighash::read(row, 0)?,
        cycle: RewardCycle::read(row, 1)?,
        outline: Outline::of(&block),
        block: Some(Arc::new(block)),
        burn_height: BurnHeight::read(row, 3)?,
        state: read_state(row, 4)?,
        valid: row.get(5)?,
        proposed_at: Timestamp::read(row, 6)?,
        approved_at: read_option(row, 7, Timestamp::read)?,
        signed_self_at: read_option(row, 8, Timestamp::read)?,
        signed_group_at: read_option(row, 9, Timestamp::read)?,
        validation_time: Millis::read(row, 10)?,
        reject_reason: read_option(row, 11, read_wire)?,
        uploaded: row.get(12)?,
    })
}
