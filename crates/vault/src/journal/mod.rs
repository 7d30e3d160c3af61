//! The journal: what the key signed, durable before the signature exists.

mod exchange;
mod fold;
mod import;
mod log;
mod open;
mod place;
mod seal;
mod service;
mod signatures;
mod tail;
mod witness;

use std::path::Path;
use std::time::{Duration, Instant};

use countersign_wire::{
    ConsensusHash, MessageSignature, PublicKey, Sighash, StacksHeight, UnixSeconds,
};
use rusqlite::{Connection, OptionalExtension as _, Transaction, TransactionBehavior, params};

use crate::error::{JournalError, OpenError, SignError};
use crate::interchange::JournalExport;
use crate::journal_file::JournalStatus;
use crate::request::{AcceptanceRequest, Override, RejectionRequest};

use open::Trust;
use service::{Service, Waiting};
use witness::Witness;

/// One connection that holds its file's exclusive lock.
pub(crate) struct Journal {
    db: Connection,
    owner: PublicKey,
    /// What stands once in the journal, as it is on the disk.
    service: Service,
    /// Whether the opening before this one ended by a clean stop.
    was_clean: bool,
    /// When the wait began, if there is one.
    waiting: Waiting,
    /// Whether something at the height of the hold was asked for.
    is_held: bool,
    /// Signatures that were given and are not written yet.
    unwritten: Vec<([u8; 32], MessageSignature)>,
    /// Set when a read or write failed. After a failed sync the disk may lack what the database shows,
    /// and a later sync may succeed without it, so nothing is believed until the next opening.
    has_failed: bool,
    witness: Witness,
    /// How many rows there are that are folded or forgotten in time.
    rows: fold::Rows,
    /// How many transactions there were since the log was last brought into the database.
    unmerged: u32,
    /// The longest that a transaction took to be on the disk, since somebody last wanted to know.
    slowest_commit: Duration,
}

/// What the journal knows of one block.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Record {
    pub(crate) is_accepted: bool,
    pub(crate) is_rejected: bool,
}

impl Journal {
    /// Opens the journal of `owner` at `path`.
    pub(crate) fn open(path: &Path, owner: &PublicKey) -> Result<Self, OpenError> {
        let opened = open::open(path, owner, Trust::Witnessed)?;
        Self::new(opened, owner).map_err(|error| open::explain(path, error))
    }

    /// Creates the journal of `owner` at `path`, and opens it. With a wait nothing is signed before that
    /// has passed.
    pub(crate) fn create(
        path: &Path,
        owner: &PublicKey,
        wait: Duration,
    ) -> Result<Self, OpenError> {
        open::create(path, owner, wait)?;
        Self::open(path, owner)
    }

    /// Creates the journal of a key that has signed nothing, and closes it: its first start finds a witness
    /// and a clean stop.
    pub(crate) fn begin(path: &Path, owner: &PublicKey) -> Result<(), OpenError> {
        let journal = Self::create(path, owner, Duration::ZERO)?;
        journal.close_cleanly().map_err(|error| open::unchanged(path, error))
    }

    /// Opens a journal whatever its witness says, and signs nothing before `wait` has passed.
    pub(crate) fn accept(
        path: &Path,
        owner: &PublicKey,
        wait: Duration,
    ) -> Result<Self, OpenError> {
        let opened = open::open(path, owner, Trust::Anyway)?;
        let mut journal = Self::new(opened, owner).map_err(|error| open::explain(path, error))?;
        journal.wait(wait).map_err(|error| open::unchanged(path, error))?;
        Ok(journal)
    }

    /// Checks the journal at `path` and reads it, and writes nothing. The export has no time and no proof.
    pub(crate) fn inspect(path: &Path) -> Result<(JournalStatus, JournalExport), OpenError> {
        let (db, owner, service) = open::inspect(path)?;
        let read = || {
            let export = exchange::export(&db, owner, &service, UnixSeconds::new(0))?;
            Ok((exchange::status(&db, owner, &service)?, export))
        };
        read().map_err(|error| open::explain(path, error))
    }

    /// Whose journal is at `path`. Only its structure is checked.
    pub(crate) fn owner_of(path: &Path) -> Result<PublicKey, OpenError> {
        open::find_owner(path)
    }

    /// A journal without a file.
    pub(crate) fn in_memory(owner: &PublicKey) -> Result<Self, OpenError> {
        let opened = open::in_memory(owner)?;
        Self::new(opened, owner).map_err(|error| open::explain(Path::new(":memory:"), error))
    }

    fn new(opened: open::Opened, owner: &PublicKey) -> rusqlite::Result<Self> {
        let open::Opened { db, service, was_clean, witness } = opened;
        let rows = fold::Rows::count(&db)?;
        Ok(Self {
            db,
            owner: *owner,
            service,
            was_clean,
            waiting: Waiting::begin(),
            is_held: false,
            unwritten: Vec::new(),
            has_failed: false,
            witness,
            rows,
            unmerged: 0,
            slowest_commit: Duration::ZERO,
        })
    }

    /// Makes the acceptance durable, or says why it may not be signed.
    pub(crate) fn record_acceptance(
        &mut self,
        sighash: Sighash,
        request: &AcceptanceRequest,
    ) -> Result<(), SignError> {
        self.admit_at(request.burn_height)?;
        let (height, tenure) = (request.height(), request.tenure());
        let recordable_height = recordable("height", height.get())?;
        let at = recordable("time", request.at.get())?;
        let is_new = self.transact(|txn, service| {
            let recorded = find_recorded(txn, (sighash, height, tenure))?;
            if recorded == Some(Origin::Here) {
                return Ok(false);
            }
            fold::check_floor(txn, sighash, height)?;
            let rivals = (recordable_height, sighash);
            let used = overrides_in_use(txn, rivals, &request.overriding)?;
            if recorded.is_none() {
                let row = Row { sighash, height: recordable_height, tenure, at };
                insert_acceptance(txn, service, (row, Origin::Here))?;
            }
            for Override { sighash: rival, rule } in used {
                txn.prepare_cached(include_str!("insert_override.sql"))?.execute(params![
                    sighash.as_bytes(),
                    rival.as_bytes(),
                    rule.name()
                ])?;
            }
            Ok(recorded.is_none())
        })?;
        self.rows.acceptances += i64::from(is_new);
        Ok(())
    }

    /// Makes the rejection durable, or says why it may not be signed.
    pub(crate) fn record_rejection(&mut self, request: &RejectionRequest) -> Result<(), SignError> {
        self.admit()?;
        let at = recordable("time", request.at.get())?;
        let is_new = self.transact(|txn, _| {
            if find_record(txn, &request.sighash)?.is_accepted {
                return Err(SignError::ContradictsAcceptance { sighash: request.sighash });
            }
            let key = params![request.sighash.as_bytes(), request.chain_id.get()];
            if txn.prepare_cached(include_str!("find_rejection.sql"))?.exists(key)? {
                return Ok(false);
            }
            txn.prepare_cached(include_str!("insert_rejection.sql"))?.execute(params![
                request.sighash.as_bytes(),
                request.chain_id.get(),
                at
            ])?;
            Ok(true)
        })?;
        self.rows.rejections += i64::from(is_new);
        Ok(())
    }

    /// What was signed for one block.
    pub(crate) fn record_of(&mut self, sighash: &Sighash) -> Result<Record, SignError> {
        self.transact(|txn, _| find_record(txn, sighash))
    }

    /// Whether no acceptance was ever recorded.
    pub(crate) fn is_blank(&mut self) -> Result<bool, SignError> {
        let has_rows = self.rows.acceptances > 0;
        self.transact(|txn, _| Ok(!has_rows && fold::floor(txn)?.is_none()))
    }

    /// Whether this acceptance is recorded, or its height is folded.
    pub(crate) fn may_have_accepted(
        &mut self,
        sighash: &Sighash,
        height: StacksHeight,
    ) -> Result<bool, SignError> {
        self.transact(|txn, _| {
            let is_folded = fold::floor(txn)?.is_some_and(|floor| height <= floor);
            Ok(is_folded || find_record(txn, sighash)?.is_accepted)
        })
    }

    /// The longest that a transaction took to be on the disk since the last call.
    pub(crate) fn take_slowest_commit(&mut self) -> Duration {
        std::mem::take(&mut self.slowest_commit)
    }

    /// A journal that has failed answers nothing any more.
    pub(crate) fn refuse_if_failed(&self) -> Result<(), SignError> {
        if self.has_failed { Err(SignError::Journal(JournalError::Failed)) } else { Ok(()) }
    }

    /// Runs `body` in one transaction: committed and synced if it succeeds, rolled back if it refuses.
    /// Whatever goes wrong with the database ends this journal.
    fn transact<T>(
        &mut self,
        body: impl FnOnce(&Transaction<'_>, &mut Service) -> Result<T, SignError>,
    ) -> Result<T, SignError> {
        self.refuse_if_failed()?;
        let outcome = self.attempt(body);
        self.has_failed = outcome.as_ref().is_err_and(SignError::is_fatal);
        outcome
    }

    fn attempt<T>(
        &mut self,
        body: impl FnOnce(&Transaction<'_>, &mut Service) -> Result<T, SignError>,
    ) -> Result<T, SignError> {
        let mut service = self.service.clone();
        if self.waits_for().is_none() {
            service.wait = Duration::ZERO;
        }
        let txn = self.db.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let answer = body(&txn, &mut service)?;
        signatures::write(&txn, &self.unwritten)?;
        if service != self.service {
            service.save(&txn, &self.owner)?;
        }
        let begun = Instant::now();
        txn.commit()?;
        self.slowest_commit = self.slowest_commit.max(begun.elapsed());
        self.service = service;
        self.unwritten.clear();
        self.unmerged = self.unmerged.saturating_add(1);
        Ok(answer)
    }
}

/// A row of the table `acceptance`, without its origin.
#[derive(Clone, Copy, Debug)]
struct Row {
    sighash: Sighash,
    height: i64,
    tenure: ConsensusHash,
    at: i64,
}

/// Who signed a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Origin {
    /// This journal's own vault. The same request has the same answer.
    Here,
    /// Another one with the same key, as an import says. It binds, and lets nothing go.
    Elsewhere,
}

impl Origin {
    const fn of(is_told: bool) -> Self {
        if is_told { Self::Elsewhere } else { Self::Here }
    }
}

/// Whether this very acceptance was recorded before, and who signed it.
fn find_recorded(
    txn: &Transaction<'_>,
    (sighash, height, tenure): (Sighash, StacksHeight, ConsensusHash),
) -> Result<Option<Origin>, SignError> {
    let recorded: Option<(i64, [u8; 20], bool)> = txn
        .prepare_cached(include_str!("find_acceptance.sql"))?
        .query_row([sighash.as_bytes()], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        .optional()?;
    let Some((found, found_tenure, is_told)) = recorded else {
        return Ok(None);
    };
    let found = StacksHeight::new(found.unsigned_abs());
    if (found, &found_tenure) != (height, tenure.as_bytes()) {
        return Err(SignError::Inconsistent { sighash, height: found });
    }
    Ok(Some(Origin::of(is_told)))
}

/// Adds a record and counts it.
fn insert_acceptance(
    txn: &Transaction<'_>,
    service: &mut Service,
    (row, origin): (Row, Origin),
) -> rusqlite::Result<()> {
    service.records = service.records.saturating_add(1);
    service.sum.toggle_acceptance(row, origin);
    let Row { sighash, height, tenure, at } = row;
    let is_told = origin == Origin::Elsewhere;
    txn.prepare_cached(include_str!("insert_acceptance.sql"))?
        .execute(params![sighash.as_bytes(), height, tenure.as_bytes(), at, is_told])
        .map(drop)
}

/// The overrides that this acceptance needs, if every rival has one.
fn overrides_in_use(
    txn: &Transaction<'_>,
    (height, sighash): (i64, Sighash),
    offered: &[Override],
) -> Result<Vec<Override>, SignError> {
    let mut statement = txn.prepare_cached(include_str!("find_rivals.sql"))?;
    let mut rows = statement.query(params![height, sighash.as_bytes()])?;
    let mut used = Vec::new();
    while let Some(row) = rows.next()? {
        let rival = Sighash::new(row.get(0)?);
        let Some(found) = offered.iter().find(|offer| offer.sighash == rival) else {
            let height = StacksHeight::new(row.get::<_, i64>(1)?.unsigned_abs());
            return Err(SignError::Conflict { rival, height });
        };
        used.push(*found);
    }
    Ok(used)
}

fn find_record(txn: &Transaction<'_>, sighash: &Sighash) -> Result<Record, SignError> {
    let record = txn
        .prepare_cached(include_str!("find_record.sql"))?
        .query_row([sighash.as_bytes()], |row| {
            Ok(Record { is_accepted: row.get(0)?, is_rejected: row.get(1)? })
        })?;
    Ok(record)
}

/// SQLite's integers have 63 bits for positive numbers.
fn recordable(what: &'static str, value: u64) -> Result<i64, SignError> {
    i64::try_from(value).map_err(|_| SignError::OutOfRange { what, value })
}
