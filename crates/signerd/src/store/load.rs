//! Everything that the writes have left, read once at the start.

use std::sync::Arc;

use countersign_signer::{
    BlockState, BurnBlockSeen, Millis, Outline, ParkedVote, Record, Saved, SavedUpdate, Superseded,
    Timestamp,
};
use countersign_wire::{
    BurnBlockHash, BurnHeight, ConsensusHash, RewardCycle, Sighash, SlotId, SlotVersion,
    StacksHeight,
};
use rusqlite::{Connection, Row};

use super::column::{Column, read_option, read_role, read_vote, read_wire, unknown};

/// Everything that the writes have left.
pub(super) fn load(db: &Connection) -> rusqlite::Result<Saved> {
    Ok(Saved {
        records: all(db, include_str!("sql/load_records.sql"), record)?,
        votes: all(db, include_str!("sql/load_votes.sql"), |row| {
            Ok((Sighash::read(row, 0)?, SlotId::read(row, 1)?, read_vote(row, 2)?))
        })?,
        parked: all(db, include_str!("sql/load_parked.sql"), parked)?,
        burn_blocks: all(db, include_str!("sql/load_burn_blocks.sql"), burn_block)?,
        peer_updates: all(db, include_str!("sql/load_peer_updates.sql"), update)?,
        burn_reports: all(db, include_str!("sql/load_burn_reports.sql"), |row| {
            Ok((
                RewardCycle::read(row, 0)?,
                ConsensusHash::read(row, 1)?,
                SlotId::read(row, 2)?,
                Timestamp::read(row, 3)?,
            ))
        })?,
        activity: all(db, include_str!("sql/load_activity.sql"), |row| {
            Ok((ConsensusHash::read(row, 0)?, Timestamp::read(row, 1)?))
        })?,
        superseded: all(db, include_str!("sql/load_superseded.sql"), superseded)?,
    })
}

/// The versions that our slots had in another program.
pub(super) fn slot_versions(db: &Connection) -> rusqlite::Result<Vec<(SlotId, SlotVersion)>> {
    all(db, include_str!("sql/load_slot_versions.sql"), |row| {
        Ok((SlotId::read(row, 0)?, SlotVersion::new(row.get(1)?)))
    })
}

/// Whether anything is known that only a running signer hears.
pub(super) fn has_heard(db: &Connection) -> rusqlite::Result<bool> {
    db.query_row(include_str!("sql/load_has_heard.sql"), [], |row| row.get(0))
}

pub(super) fn all<T>(
    db: &Connection,
    sql: &str,
    read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
) -> rusqlite::Result<Vec<T>> {
    db.prepare(sql)?.query_map([], read)?.collect()
}

fn record(row: &Row<'_>) -> rusqlite::Result<Record> {
    Ok(Record {
        sighash: Sighash::read(row, 0)?,
        cycle: RewardCycle::read(row, 1)?,
        outline: Outline {
            height: StacksHeight::read(row, 2)?,
            tenure: ConsensusHash::read(row, 3)?,
            role: read_role(row, 4)?,
        },
        burn_height: BurnHeight::read(row, 5)?,
        state: read_state(row, 6)?,
        valid: row.get(7)?,
        proposed_at: Timestamp::read(row, 8)?,
        approved_at: read_option(row, 9, Timestamp::read)?,
        signed_self_at: read_option(row, 10, Timestamp::read)?,
        signed_group_at: read_option(row, 11, Timestamp::read)?,
        validation_time: Millis::read(row, 12)?,
        reject_reason: read_option(row, 13, read_wire)?,
        uploaded: row.get(14)?,
        block: read_option(row, 15, read_wire)?.map(Arc::new),
    })
}

/// The column `state`.
pub(super) fn read_state(row: &Row<'_>, index: usize) -> rusqlite::Result<BlockState> {
    let name = row.get_ref(index)?.as_str()?;
    BlockState::from_name(name)
        .ok_or_else(|| unknown(index, format!("unknown state of a block `{name}`")))
}

fn parked(row: &Row<'_>) -> rusqlite::Result<ParkedVote> {
    Ok(ParkedVote {
        sighash: Sighash::read(row, 0)?,
        cycle: RewardCycle::read(row, 1)?,
        from: SlotId::read(row, 2)?,
        vote: read_vote(row, 3)?,
        at: Timestamp::read(row, 5)?,
    })
}

fn burn_block(row: &Row<'_>) -> rusqlite::Result<BurnBlockSeen> {
    Ok(BurnBlockSeen {
        consensus_hash: ConsensusHash::read(row, 0)?,
        hash: BurnBlockHash::read(row, 1)?,
        height: BurnHeight::read(row, 2)?,
        parent: BurnBlockHash::read(row, 3)?,
        received_at: Timestamp::read(row, 4)?,
    })
}

fn update(row: &Row<'_>) -> rusqlite::Result<SavedUpdate> {
    Ok(SavedUpdate {
        cycle: RewardCycle::read(row, 0)?,
        from: SlotId::read(row, 1)?,
        update: read_wire(row, 2)?,
        at: Timestamp::read(row, 3)?,
    })
}

fn superseded(row: &Row<'_>) -> rusqlite::Result<Superseded> {
    Ok(Superseded {
        tenure: ConsensusHash::read(row, 0)?,
        burn_height: BurnHeight::read(row, 1)?,
        by: ConsensusHash::read(row, 2)?,
        by_burn_block: BurnBlockHash::read(row, 3)?,
        at: Timestamp::read(row, 4)?,
    })
}
