//! One transaction for the writes of one step.

use countersign_signer::{BurnBlockSeen, ParkedVote, Record, SavedUpdate, Superseded, Vote, Write};
use countersign_wire::{
    BurnHeight, NakamotoBlock, RewardCycle, Sighash, SlotId, SlotVersion, Wire,
};
use rusqlite::{Connection, Params, Transaction, TransactionBehavior, params};

use super::column::{Column, REJECTION, store_role, store_vote};

/// Keeps all of `writes` or none.
pub(super) fn commit(db: &mut Connection, writes: &[Write]) -> rusqlite::Result<()> {
    let txn = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    for write in writes {
        perform(&txn, write)?;
    }
    txn.commit()
}

fn perform(txn: &Transaction<'_>, write: &Write) -> rusqlite::Result<()> {
    match write {
        Write::Record(record) => save_record(txn, record),
        Write::ForgetRecord(sighash) => {
            run(txn, include_str!("sql/delete_record.sql"), params![sighash.store()])?;
            run(txn, include_str!("sql/delete_content.sql"), params![sighash.store()])?;
            run(txn, include_str!("sql/delete_votes.sql"), params![sighash.store()])
        }
        Write::ForgetContent(sighash) => {
            run(txn, include_str!("sql/delete_content.sql"), params![sighash.store()])
        }
        Write::ForgetVotes(sighash) => {
            run(txn, include_str!("sql/delete_votes.sql"), params![sighash.store()])
        }
        Write::PreCommit { sighash, from } => {
            void_rejection(txn, sighash, *from)?;
            save_vote(txn, sighash, *from, &Vote::PreCommit)
        }
        Write::Acceptance { sighash, from, signature } => {
            void_rejection(txn, sighash, *from)?;
            save_vote(txn, sighash, *from, &Vote::Acceptance(*signature))
        }
        Write::Rejection { sighash, from, vote } => {
            let (kind, content) = store_vote(&Vote::Rejection(*vote));
            let vote = params![sighash.store(), from.store(), kind, content];
            run(txn, include_str!("sql/upsert_vote.sql"), vote)
        }
        Write::Park(vote) => park(txn, vote),
        Write::Unpark { sighash, vote } => unpark(txn, sighash, vote.as_ref()),
        Write::BurnBlock(seen) => save_burn_block(txn, seen),
        Write::PeerUpdate { cycle, from, update, at } => {
            let update =
                SavedUpdate { cycle: *cycle, from: *from, update: update.clone(), at: *at };
            save_update(txn, &update)
        }
        Write::Activity { tenure, at } => {
            let activity = params![tenure.store(), at.store()];
            run(txn, include_str!("sql/upsert_activity.sql"), activity)
        }
        Write::Superseded(superseded) => save_superseded(txn, superseded),
        Write::PruneBelow(floor) => prune(txn, *floor),
        Write::ForgetCycle(cycle) => forget_cycle(txn, *cycle),
    }
}

pub(super) fn save_record(txn: &Transaction<'_>, record: &Record) -> rusqlite::Result<()> {
    let values = params![
        record.sighash.store(),
        record.cycle.store(),
        record.outline.height.store(),
        record.outline.tenure.store(),
        store_role(record.outline.role),
        record.burn_height.store(),
        record.state.name(),
        record.valid,
        record.proposed_at.store(),
        record.approved_at.map(|at| at.store()),
        record.signed_self_at.map(|at| at.store()),
        record.signed_group_at.map(|at| at.store()),
        record.validation_time.store(),
        record.reject_reason.map(|reason| reason.to_bytes()),
        record.uploaded,
    ];
    run(txn, include_str!("sql/upsert_record.sql"), values)?;
    record.block.as_ref().map_or(Ok(()), |block| save_content(txn, &record.sighash, block))
}

/// A block's content never changes, and is large: it is written once, however often its record is.
fn save_content(
    txn: &Transaction<'_>,
    sighash: &Sighash,
    block: &NakamotoBlock,
) -> rusqlite::Result<()> {
    let mut known = txn.prepare_cached(include_str!("sql/find_content.sql"))?;
    if known.exists(params![sighash.store()])? {
        return Ok(());
    }
    let content = params![sighash.store(), block.to_bytes()];
    run(txn, include_str!("sql/insert_content.sql"), content)
}

/// Keeps the larger version of each slot; returns how many are new.
pub(super) fn raise_slot_versions(
    db: &mut Connection,
    versions: &[(SlotId, SlotVersion)],
) -> rusqlite::Result<usize> {
    let txn = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let mut raised = 0;
    for (slot, version) in versions {
        raised += txn
            .prepare_cached(include_str!("sql/raise_slot_version.sql"))?
            .execute(params![slot.store(), version.get()])?;
    }
    txn.commit()?;
    Ok(raised)
}

/// A promise or a signature is a signer's later word.
fn void_rejection(txn: &Transaction<'_>, sighash: &Sighash, from: SlotId) -> rusqlite::Result<()> {
    let rejection = params![sighash.store(), from.store(), REJECTION];
    run(txn, include_str!("sql/delete_vote.sql"), rejection)
}

/// Of a signer's votes of one kind the first stays.
fn save_vote(
    txn: &Transaction<'_>,
    sighash: &Sighash,
    from: SlotId,
    vote: &Vote,
) -> rusqlite::Result<()> {
    let (kind, content) = store_vote(vote);
    let vote = params![sighash.store(), from.store(), kind, content];
    run(txn, include_str!("sql/insert_vote.sql"), vote)
}

fn park(txn: &Transaction<'_>, parked: &ParkedVote) -> rusqlite::Result<()> {
    let (kind, content) = store_vote(&parked.vote);
    let values = params![
        parked.sighash.store(),
        parked.cycle.store(),
        parked.from.store(),
        kind,
        content,
        parked.at.store(),
    ];
    run(txn, include_str!("sql/insert_parked.sql"), values)
}

fn unpark(
    txn: &Transaction<'_>,
    sighash: &Sighash,
    vote: Option<&ParkedVote>,
) -> rusqlite::Result<()> {
    let Some(parked) = vote else {
        return run(txn, include_str!("sql/delete_parked_of_block.sql"), params![sighash.store()]);
    };
    let (kind, content) = store_vote(&parked.vote);
    let key = params![sighash.store(), parked.cycle.store(), parked.from.store(), kind, content];
    run(txn, include_str!("sql/delete_parked.sql"), key)
}

fn save_burn_block(txn: &Transaction<'_>, seen: &BurnBlockSeen) -> rusqlite::Result<()> {
    let values = params![
        seen.consensus_hash.store(),
        seen.hash.store(),
        seen.height.store(),
        seen.parent.store(),
        seen.received_at.store(),
    ];
    run(txn, include_str!("sql/upsert_burn_block.sql"), values)
}

/// The latest update, and the first time that this signer named its burn block.
fn save_update(txn: &Transaction<'_>, saved: &SavedUpdate) -> rusqlite::Result<()> {
    let (cycle, from, at) = (saved.cycle.store(), saved.from.store(), saved.at.store());
    let update = params![cycle, from, saved.update.to_bytes(), at];
    run(txn, include_str!("sql/upsert_peer_update.sql"), update)?;
    let report = params![cycle, saved.update.content.burn_block.store(), from, at];
    run(txn, include_str!("sql/insert_burn_report.sql"), report)
}

fn save_superseded(txn: &Transaction<'_>, superseded: &Superseded) -> rusqlite::Result<()> {
    let values = params![
        superseded.tenure.store(),
        superseded.burn_height.store(),
        superseded.by.store(),
        superseded.by_burn_block.store(),
        superseded.at.store(),
    ];
    run(txn, include_str!("sql/upsert_superseded.sql"), values)
}

/// Burn blocks go last: the others ask them which hashes are below the floor.
fn prune(txn: &Transaction<'_>, floor: BurnHeight) -> rusqlite::Result<()> {
    for sql in [
        include_str!("sql/prune_burn_reports.sql"),
        include_str!("sql/prune_activity.sql"),
        include_str!("sql/prune_superseded.sql"),
        include_str!("sql/prune_burn_blocks.sql"),
    ] {
        run(txn, sql, params![floor.store()])?;
    }
    Ok(())
}

fn forget_cycle(txn: &Transaction<'_>, cycle: RewardCycle) -> rusqlite::Result<()> {
    for sql in [
        include_str!("sql/delete_peer_updates.sql"),
        include_str!("sql/delete_burn_reports.sql"),
        include_str!("sql/delete_parked_of_cycle.sql"),
    ] {
        run(txn, sql, params![cycle.store()])?;
    }
    Ok(())
}

pub(super) fn run(txn: &Transaction<'_>, sql: &str, values: impl Params) -> rusqlite::Result<()> {
    txn.prepare_cached(sql)?.execute(values).map(drop)
}
