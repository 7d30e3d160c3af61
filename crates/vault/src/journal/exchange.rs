//! A journal's content on its way out, and another's on its way in.

use countersign_wire::{ConsensusHash, PublicKey, Sighash, StacksHeight, UnixSeconds};
use rusqlite::{Connection, OptionalExtension as _, Transaction, TransactionBehavior, params};

use super::service::Service;
use super::{Journal, fold, import, recordable};
use crate::error::SignError;
use crate::interchange::{JournalExport, Span};
use crate::journal_file::JournalStatus;
use crate::request::{Imported, Mark};
use crate::standing::Standing;

/// Reads everything that binds the key. The proof is for the key to add.
pub(super) fn export(
    db: &Connection,
    owner: PublicKey,
    service: &Service,
    at: UnixSeconds,
) -> rusqlite::Result<JournalExport> {
    let status = status(db, owner, service)?;
    // Why a key was frozen is for its own operator.
    let standing = match &service.standing {
        Standing::Frozen { at, .. } => Standing::Frozen { at: *at, reason: String::new() },
        other => other.clone(),
    };
    let mut acceptances = acceptances(db)?;
    acceptances.sort_unstable_by_key(|mark| (mark.height, mark.sighash));
    let mut spans = spans(db)?;
    spans.sort_unstable_by_key(|span| span.tenure);
    Ok(JournalExport {
        public_key: owner,
        created_at: at,
        standing,
        hold: service.hold,
        floor: status.floor,
        records: service.records,
        openings: status.openings,
        spans,
        acceptances,
        proof: None,
    })
}

fn acceptances(db: &Connection) -> rusqlite::Result<Vec<Mark>> {
    let mut statement = db.prepare_cached(include_str!("load_acceptances.sql"))?;
    let rows = statement.query_map([i64::MAX], |row| {
        Ok(Mark {
            sighash: Sighash::new(row.get(0)?),
            height: StacksHeight::new(row.get::<_, i64>(1)?.unsigned_abs()),
            tenure: ConsensusHash::new(row.get(2)?),
            at: UnixSeconds::new(row.get::<_, i64>(3)?.unsigned_abs()),
        })
    })?;
    rows.collect()
}

fn spans(db: &Connection) -> rusqlite::Result<Vec<Span>> {
    let mut statement = db.prepare_cached(include_str!("load_spans.sql"))?;
    let rows = statement.query_map([], |row| {
        Ok(Span {
            tenure: ConsensusHash::new(row.get(0)?),
            lowest: StacksHeight::new(row.get::<_, i64>(1)?.unsigned_abs()),
            highest: StacksHeight::new(row.get::<_, i64>(2)?.unsigned_abs()),
            blocks: row.get::<_, i64>(3)?.unsigned_abs(),
        })
    })?;
    rows.collect()
}

/// What a journal comes to.
pub(super) fn status(
    db: &Connection,
    owner: PublicKey,
    service: &Service,
) -> rusqlite::Result<JournalStatus> {
    let floor = u64::try_from(fold::floor_row(db)?).ok().map(StacksHeight::new);
    db.query_row(include_str!("load_status.sql"), [], |row| {
        let number =
            |index| row.get::<_, Option<i64>>(index).map(|value| value.map(i64::unsigned_abs));
        Ok(JournalStatus {
            public_key: owner,
            standing: service.standing.clone(),
            hold: service.hold,
            wait: service.wait,
            is_clean: service.is_clean,
            records: service.records,
            openings: number(0)?.unwrap_or(0),
            remembered: number(1)?.unwrap_or(0),
            rejections: number(2)?.unwrap_or(0),
            highest: number(3)?.map(StacksHeight::new).max(floor),
            last_signed_at: number(4)?.filter(|at| *at > 0).map(UnixSeconds::new),
            floor,
        })
    })
}

impl Journal {
    /// Everything that binds the key, without a proof.
    pub(crate) fn export(&mut self, at: UnixSeconds) -> Result<JournalExport, SignError> {
        self.refuse_if_failed()?;
        let exported = export(&self.db, self.owner, &self.service, at);
        self.has_failed = exported.is_err();
        Ok(exported?)
    }

    /// What the journal comes to.
    pub(crate) fn status(&mut self) -> Result<JournalStatus, SignError> {
        self.refuse_if_failed()?;
        let status = status(&self.db, self.owner, &self.service);
        self.has_failed = status.is_err();
        Ok(status?)
    }

    /// Takes over what another journal of this key has: all of it or nothing. Marks are added and raised,
    /// and none is lowered or lets anything go. Standing and hold are the other's own, and stay there.
    pub(crate) fn adopt(&mut self, other: &JournalExport) -> Result<Imported, SignError> {
        let imported = self.transact(|txn, service| {
            let imported = import::add_marks(txn, service, &other.acceptances)?;
            for span in &other.spans {
                raise_span(txn, service, span)?;
            }
            if let Some(floor) = other.floor {
                let floor = recordable("height", floor.get())?;
                txn.prepare_cached(include_str!("raise_floor.sql"))?.execute([floor])?;
                // The seal is over the floor, so it is made anew.
                service.save(txn, &other.public_key)?;
            }
            Ok(imported)
        })?;
        self.rows.acceptances += imported.added.cast_signed();
        self.tidy()?;
        Ok(imported)
    }

    /// What [`Journal::adopt`] would come to. Nothing is written.
    pub(crate) fn rehearse_adopting(
        &mut self,
        other: &JournalExport,
    ) -> Result<Imported, SignError> {
        self.refuse_if_failed()?;
        let mut service = self.service.clone();
        let txn = self.db.transaction_with_behavior(TransactionBehavior::Immediate)?;
        // Dropped without a commit.
        import::add_marks(&txn, &mut service, &other.acceptances)
    }

    /// Whose journal it is.
    pub(crate) const fn owner(&self) -> &PublicKey {
        &self.owner
    }
}

fn raise_span(txn: &Transaction<'_>, service: &mut Service, span: &Span) -> Result<(), SignError> {
    let Span { tenure, lowest, highest, blocks } = span;
    let lowest = recordable("height", lowest.get())?;
    let highest = recordable("height", highest.get())?;
    let blocks = recordable("count", *blocks)?;
    let known: Option<i64> = txn
        .prepare_cached(include_str!("find_span.sql"))?
        .query_row([tenure.as_bytes()], |row| row.get(3))
        .optional()?;
    let new = blocks.saturating_sub(known.unwrap_or(0)).max(0);
    let records = service.records.saturating_add(new.unsigned_abs());
    if records > MAX_RECORDS {
        return Err(SignError::OutOfRange { what: "count", value: records });
    }
    service.records = records;
    service.sum.toggle_span(txn, tenure)?;
    txn.prepare_cached(include_str!("raise_span.sql"))?.execute(params![
        tenure.as_bytes(),
        lowest,
        highest,
        blocks
    ])?;
    Ok(service.sum.toggle_span(txn, tenure)?)
}

/// How many acceptances a journal may be told of. What is signed afterwards must still be countable.
const MAX_RECORDS: u64 = 1 << 62;
