//! The seal: a hash over everything that binds the key, by which a bit that has flipped is found.
//!
//! SQLite's own check looks at the structure of its pages, and does not see that a height in a row is
//! another one than was written. Each row that binds the key adds the hash of its content to a sum; since
//! the sum does not depend on the order, a new row costs one hash. The seal is over the sum and over what
//! stands once in the journal. It protects against disks, not against people: whoever can write the file
//! can write the seal.

use countersign_wire::hash::sha256;
use countersign_wire::{ConsensusHash, PublicKey, Sighash};
use rusqlite::{Connection, Rows};

use super::service::Service;
use super::{Origin, Row};

/// The exclusive or of the hashes of rows. Each row is different, so none cancels another.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Sum([u8; 32]);

impl Sum {
    pub(super) const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    pub(super) const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Counts an acceptance, or takes it away.
    pub(super) fn toggle_acceptance(&mut self, row: Row, origin: Origin) {
        self.add(sha256(&[
            b"acceptance",
            row.sighash.as_bytes(),
            &row.height.to_be_bytes(),
            row.tenure.as_bytes(),
            &row.at.to_be_bytes(),
            &[u8::from(origin == Origin::Elsewhere)],
        ]));
    }

    fn add(&mut self, hash: [u8; 32]) {
        for (sum, byte) in self.0.iter_mut().zip(hash) {
            *sum ^= byte;
        }
    }

    /// Counts every row anew.
    pub(super) fn of(db: &Connection) -> rusqlite::Result<Self> {
        let mut sum = Self::default();
        sum.toggle_acceptances(db, i64::MAX)?;
        let mut statement = db.prepare_cached(include_str!("load_spans.sql"))?;
        sum.toggle_spans(statement.query([])?)?;
        Ok(sum)
    }

    /// Counts the acceptances up to a height, or takes them away if they were counted.
    pub(super) fn toggle_acceptances(
        &mut self,
        db: &Connection,
        highest: i64,
    ) -> rusqlite::Result<()> {
        let mut statement = db.prepare_cached(include_str!("load_acceptances.sql"))?;
        let mut rows = statement.query([highest])?;
        while let Some(found) = rows.next()? {
            let row = Row {
                sighash: Sighash::new(found.get(0)?),
                height: found.get(1)?,
                tenure: ConsensusHash::new(found.get(2)?),
                at: found.get(3)?,
            };
            self.toggle_acceptance(row, Origin::of(found.get(4)?));
        }
        Ok(())
    }

    /// Counts the spans of tenures that have acceptances up to a height, or takes them away.
    pub(super) fn toggle_touched_spans(
        &mut self,
        db: &Connection,
        highest: i64,
    ) -> rusqlite::Result<()> {
        let mut statement = db.prepare_cached(include_str!("load_touched_spans.sql"))?;
        self.toggle_spans(statement.query([highest])?)
    }

    /// Counts the span of a tenure, if there is one, or takes it away.
    pub(super) fn toggle_span(
        &mut self,
        db: &Connection,
        tenure: &ConsensusHash,
    ) -> rusqlite::Result<()> {
        let mut statement = db.prepare_cached(include_str!("find_span.sql"))?;
        self.toggle_spans(statement.query([tenure.as_bytes()])?)
    }

    fn toggle_spans(&mut self, mut rows: Rows<'_>) -> rusqlite::Result<()> {
        while let Some(row) = rows.next()? {
            let tenure: [u8; 20] = row.get(0)?;
            let [lowest, highest, blocks] =
                [row.get(1)?, row.get(2)?, row.get(3)?].map(i64::to_be_bytes);
            self.add(sha256(&[b"span", &tenure, &lowest, &highest, &blocks]));
        }
        Ok(())
    }
}

/// The seal of a journal of `owner` that is in this state.
pub(super) fn seal(owner: &PublicKey, floor: i64, service: &Service) -> [u8; 32] {
    let hold = service.hold.map_or(-1, |hold| hold.get().cast_signed());
    sha256(&[
        b"countersign-journal-seal-1",
        owner.as_bytes(),
        &floor.to_be_bytes(),
        service.standing.name().as_bytes(),
        &service.standing.since().get().to_be_bytes(),
        &sha256(&[service.standing.reason().as_bytes()]),
        &hold.to_be_bytes(),
        &service.wait.as_secs().to_be_bytes(),
        &[u8::from(service.is_clean)],
        &service.records.to_be_bytes(),
        &service.opening,
        &service.previous,
        service.sum.as_bytes(),
    ])
}
