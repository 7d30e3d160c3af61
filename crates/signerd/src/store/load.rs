//! Everything that the writes have left, read once at the start.

use std::sync::Arc;

use countersign_signer::{
    BlockState, BurnBlockSeen, Millis, ParkedVote, Record, Saved, SavedUpdate, Superseded,
    Timestamp,
};
use countersign_wire::{BurnBlockHash, BurnHeight, ConsensusHash, RewardCycle, Sighash, SlotId};
use rusqlite::{Connection, Row};

use super::column::{Column, read_option, read_vote, read_wire, unknown};

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

fn all<T>(
    db: &Connection,
    sql: &str,
    read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
) -> rusqlite::Result<Vec<T>> {
    db.prepare(sql)?.query_map([], read)?.collect()
}

fn record(row: &Row<'_>) -> rusqlite::Result<Record> {
    let state: String = row.get(4)?;
    Ok(Record {
        sighash: Sighash::read(row, 0)?,
        cycle: RewardCycle::read(row, 1)?,
        block: Arc::new(read_wire(row, 2)?),
        burn_height: BurnHeight::read(row, 3)?,
        state: BlockState::from_name(&state)
            .ok_or_else(|| unknown(4, format!("unknown state of a block `{state}`")))?,
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
