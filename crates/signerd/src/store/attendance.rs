//! The account of blocks with and without our signature.

use countersign_watch::registry::own;
use countersign_wire::{Sighash, StacksHeight, Wire as _};
use rusqlite::{Connection, Row, Transaction, TransactionBehavior, params};

use super::column::{Column, read_option, read_wire, unknown};
use super::load::all;
use super::write::run;
use crate::attendance::{Account, Cause, Counted, Missed};

/// Everything that was counted.
pub(super) fn load(db: &Connection) -> rusqlite::Result<Account> {
    let mut account = Account {
        missed: all(db, include_str!("sql/load_missed.sql"), missed)?.into(),
        ..Account::default()
    };
    let numbers = all(db, include_str!("sql/load_attendance.sql"), |row| {
        Ok((row.get::<_, String>(0)?, row.get::<_, i64>(1)?.cast_unsigned()))
    })?;
    for (name, value) in numbers {
        match name.as_str() {
            HEIGHT => account.height = Some(StacksHeight::new(value)),
            ADOPTED => account.adopted = value,
            _ => {
                if own::BLOCKS_MISSED.values("cause").contains(&name.as_str()) {
                    account.causes.insert(name, value);
                }
            }
        }
    }
    Ok(account)
}

fn missed(row: &Row<'_>) -> rusqlite::Result<Missed> {
    let (name, reason) = (row.get::<_, String>(2)?, read_option(row, 3, read_wire)?);
    Ok(Missed {
        height: StacksHeight::read(row, 0)?,
        sighash: Sighash::read(row, 1)?,
        cause: Cause::named(&name, reason)
            .ok_or_else(|| unknown(2, format!("unknown cause of a missed block {name}")))?,
        at: row.get::<_, i64>(4)?.cast_unsigned(),
    })
}

/// Keeps what blocks add to the account.
pub(super) fn count(db: &mut Connection, counted: &[Counted]) -> rusqlite::Result<()> {
    let txn = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    for each in counted {
        add(&txn, each)?;
    }
    txn.commit()
}

fn add(txn: &Transaction<'_>, counted: &Counted) -> rusqlite::Result<()> {
    let height = params![HEIGHT, counted.height.store()];
    run(txn, include_str!("sql/upsert_attendance.sql"), height)?;
    increment(txn, ADOPTED)?;
    if let Some(missed) = &counted.missed {
        increment(txn, missed.cause.label())?;
        let row = params![
            missed.height.store(),
            missed.sighash.store(),
            missed.cause.label(),
            missed.cause.reason().map(|reason| reason.to_bytes()),
            missed.at.cast_signed(),
        ];
        run(txn, include_str!("sql/upsert_missed.sql"), row)?;
    }
    if let Some(height) = counted.forgotten {
        run(txn, include_str!("sql/delete_missed.sql"), params![height.store()])?;
    }
    Ok(())
}

fn increment(txn: &Transaction<'_>, name: &str) -> rusqlite::Result<()> {
    run(txn, include_str!("sql/count_attendance.sql"), params![name])
}

/// Names of numbers that are no cause.
const HEIGHT: &str = "height";
const ADOPTED: &str = "adopted";
