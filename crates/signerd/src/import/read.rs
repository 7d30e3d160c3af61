//! The rows that matter, as what they mean here.

use countersign_signer::{
    BlockState, BurnBlockSeen, MAX_RECORDS, Millis, Outline, Record, Superseded, Timestamp,
};
use countersign_vault::Mark;
use countersign_wire::block::TenureRole;
use countersign_wire::message::RejectReason;
use countersign_wire::transaction::TenureChangeCause;
use countersign_wire::{
    BurnBlockHash, BurnHeight, ConsensusHash, PublicKey, RewardCycle, SlotId, SlotVersion,
    StacksAddress, StacksHeight,
};
use rusqlite::types::Type;
use rusqlite::{Connection, Row};

use super::error::{ImportError, Refusal};
use super::source::Source;

/// How many burn blocks below the highest one are of use: as many as the core remembers.
const HORIZON: i64 = 100;

/// What there is to take.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// Blocks that the key signed, the lowest first.
    pub(super) marks: Vec<Mark>,
    /// What was decided, about the highest blocks.
    pub(super) records: Vec<Record>,
    pub(super) burn_blocks: Vec<BurnBlockSeen>,
    pub(super) activity: Vec<(ConsensusHash, Timestamp)>,
    pub(super) superseded: Vec<Superseded>,
    pub(super) slot_versions: Vec<(SlotId, SlotVersion)>,
}

impl Found {
    /// Reads everything, unless it is another signer's.
    pub(super) fn read(
        source: &Source,
        key: &PublicKey,
        owner: StacksAddress,
    ) -> Result<Self, ImportError> {
        let refuse = |why: Refusal| source.refuse(why);
        check_network(&source.db, owner).map_err(refuse)?;
        let slot_versions = slot_versions(&source.db, key).map_err(refuse)?;
        let rest = Self::read_rows(&source.db, source.schema, owner);
        let found = rest.map_err(|error| source.refuse(error))?;
        Ok(Self { slot_versions, ..found })
    }

    fn read_rows(db: &Connection, schema: i64, owner: StacksAddress) -> rusqlite::Result<Self> {
        let blocks = match schema {
            17 => include_str!("sql/blocks_17.sql"),
            18 => include_str!("sql/blocks_18.sql"),
            _ => include_str!("sql/blocks_19.sql"),
        };
        let records = rows(db, blocks, [owner.to_string()], record)?;
        let marks = records.iter().filter_map(mark).collect();
        let mut records: Vec<Record> = records.into_iter().filter(is_of_use).collect();
        records.drain(..records.len().saturating_sub(MAX_RECORDS));
        let superseded = match schema {
            ..20 => Vec::new(),
            _ => rows(db, include_str!("sql/superseded.sql"), [HORIZON], superseded)?,
        };
        Ok(Self {
            marks,
            records,
            burn_blocks: rows(db, include_str!("sql/burn_blocks.sql"), [HORIZON], burn_block)?,
            activity: rows(db, include_str!("sql/activity.sql"), [HORIZON], |row| {
                Ok((text(row, 0)?, time(row, 1)?))
            })?,
            superseded,
            slot_versions: Vec::new(),
        })
    }
}

/// The addresses in it tell the network, unless nobody ever voted.
fn check_network(db: &Connection, owner: StacksAddress) -> Result<(), Refusal> {
    let signers = rows(db, include_str!("sql/addresses.sql"), [], |row| text(row, 0))?;
    let is_foreign = |signer: &StacksAddress| signer.version() != owner.version();
    match signers.iter().find(|signer| is_foreign(signer)) {
        None => Ok(()),
        Some(signer) => Err(Refusal::OtherNetwork(signer.to_string())),
    }
}

/// The key whose slots it keeps is the one that signs, unless nothing was ever written to a slot.
fn slot_versions(db: &Connection, key: &PublicKey) -> Result<Vec<(SlotId, SlotVersion)>, Refusal> {
    let slots = rows(db, include_str!("sql/slot_versions.sql"), [], |row| {
        Ok((row.get::<_, String>(0)?, row.get(1)?, row.get(2)?))
    })?;
    let ours: Vec<_> = slots
        .iter()
        .filter(|(owner, ..)| is_key(owner, key))
        .map(|(_, slot, version)| (SlotId::new(*slot), SlotVersion::new(*version)))
        .collect();
    match slots.into_iter().next() {
        Some((other, ..)) if ours.is_empty() => Err(Refusal::OtherKey(other)),
        _ => Ok(ours),
    }
}

/// Keys stand there compressed, or, if the private key was configured with 64 digits, not.
fn is_key(text: &str, key: &PublicKey) -> bool {
    let ours = key.to_string();
    let (Some(body), Some(x)) = (text.strip_prefix("04"), ours.get(2..)) else {
        return text.eq_ignore_ascii_case(&ours);
    };
    // The same point has the same first coordinate; the prefix tells which of two points it is.
    let is_odd = body.chars().next_back().and_then(|digit| digit.to_digit(16)).map(|y| y % 2 == 1);
    body.len() == 128
        && body.get(..64).is_some_and(|found| found.eq_ignore_ascii_case(x))
        && is_odd == Some(ours.starts_with("03"))
}

fn record(row: &Row<'_>) -> rusqlite::Result<Record> {
    let state = state(&row.get::<_, String>(5)?)?;
    let proposed_at = time(row, 7)?;
    let signed_at = option(row, 9, time)?;
    let is_signed: bool = row.get::<_, Option<bool>>(15)?.unwrap_or(false);
    let signed_group_at = option(row, 10, time)?;
    // A judgement anew erases the time of a signature, and not the signature.
    let is_ours = is_signed || (state == BlockState::LocallyAccepted && signed_group_at.is_none());
    Ok(Record {
        sighash: text(row, 0)?,
        cycle: RewardCycle::new(number(row, 1)?),
        outline: Outline {
            tenure: text(row, 2)?,
            height: StacksHeight::new(number(row, 3)?),
            role: role(row.get(13)?, row.get(14)?),
        },
        block: None,
        burn_height: BurnHeight::new(number(row, 4)?),
        state,
        valid: row.get(6)?,
        proposed_at,
        approved_at: option(row, 8, time)?,
        signed_self_at: signed_at.or(is_ours.then_some(proposed_at)),
        signed_group_at,
        validation_time: option(row, 11, number)?.map_or(Millis::ZERO, Millis::new),
        // Why is not known, so that a new proposal of it is judged anew.
        reject_reason: (state == BlockState::LocallyRejected).then_some(RejectReason::Unknown),
        uploaded: row.get::<_, bool>(12)? || state == BlockState::GloballyAccepted,
    })
}

fn state(name: &str) -> rusqlite::Result<BlockState> {
    Ok(match name {
        "Unprocessed" => BlockState::Unprocessed,
        "PreCommitted" => BlockState::PreCommitted,
        "LocallyAccepted" => BlockState::LocallyAccepted,
        "LocallyRejected" => BlockState::LocallyRejected,
        "GloballyAccepted" => BlockState::GloballyAccepted,
        "GloballyRejected" => BlockState::GloballyRejected,
        other => return Err(unreadable(5, format!("unknown state of a block `{other}`"))),
    })
}

/// Rows of the first schemas do not tell the cause of a tenure change; nearly all of them start tenures.
fn role(is_change: bool, cause: Option<u8>) -> TenureRole {
    match cause.and_then(TenureChangeCause::from_u8) {
        Some(cause) if cause.is_extend() => TenureRole::Extend(cause),
        Some(_) => TenureRole::Start,
        None if is_change => TenureRole::Start,
        None => TenureRole::Ordinary,
    }
}

fn mark(record: &Record) -> Option<Mark> {
    record.signed_self_at.map(|at| Mark {
        sighash: record.sighash,
        height: record.outline.height,
        tenure: record.outline.tenure,
        at: at.as_unix(),
    })
}

/// A block about which nothing is decided is proposed again if it still matters.
fn is_of_use(record: &Record) -> bool {
    record.state != BlockState::Unprocessed || record.endorsed_at().is_some()
}

fn burn_block(row: &Row<'_>) -> rusqlite::Result<BurnBlockSeen> {
    Ok(BurnBlockSeen {
        consensus_hash: text(row, 0)?,
        hash: text(row, 1)?,
        height: BurnHeight::new(number(row, 2)?),
        parent: option(row, 3, text)?.unwrap_or(BurnBlockHash::ZERO),
        received_at: time(row, 4)?,
    })
}

fn superseded(row: &Row<'_>) -> rusqlite::Result<Superseded> {
    Ok(Superseded {
        tenure: text(row, 0)?,
        burn_height: BurnHeight::new(number(row, 1)?),
        by: text(row, 2)?,
        by_burn_block: text(row, 3)?,
        at: time(row, 4)?,
    })
}

fn rows<T>(
    db: &Connection,
    sql: &str,
    params: impl rusqlite::Params,
    read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
) -> rusqlite::Result<Vec<T>> {
    db.prepare(sql)?.query_map(params, read)?.collect()
}

/// A value that is written as text.
fn text<T: std::str::FromStr<Err: std::fmt::Display>>(
    row: &Row<'_>,
    index: usize,
) -> rusqlite::Result<T> {
    let text = row.get_ref(index)?.as_str()?;
    text.parse().map_err(|error: T::Err| unreadable(index, format!("`{text}`: {error}")))
}

fn number(row: &Row<'_>, index: usize) -> rusqlite::Result<u64> {
    let number: i64 = row.get(index)?;
    u64::try_from(number).map_err(|_| unreadable(index, format!("the number {number}")))
}

/// Times are in seconds.
fn time(row: &Row<'_>, index: usize) -> rusqlite::Result<Timestamp> {
    number(row, index).map(Timestamp::from_secs)
}

fn option<T>(
    row: &Row<'_>,
    index: usize,
    read: impl Fn(&Row<'_>, usize) -> rusqlite::Result<T>,
) -> rusqlite::Result<Option<T>> {
    match row.get_ref(index)? {
        rusqlite::types::ValueRef::Null => Ok(None),
        _ => read(row, index).map(Some),
    }
}

fn unreadable(index: usize, what: String) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(index, Type::Text, what.into())
}
