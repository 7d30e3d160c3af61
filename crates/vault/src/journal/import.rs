//! Taking over what the key signed in another program.

use rusqlite::Transaction;

use super::service::Service;
use super::{Journal, Origin, Row, find_recorded, fold, insert_acceptance, recordable};
use crate::error::SignError;
use crate::request::{Imported, Mark};

impl Journal {
    /// Adds marks, all of them or none. A mark never lets anything go: what was refused before is
    /// refused after it.
    pub(crate) fn import(&mut self, marks: &[Mark]) -> Result<Imported, SignError> {
        let imported = self.transact(|txn, service| add_marks(txn, service, marks))?;
        self.rows.acceptances += imported.added.cast_signed();
        self.tidy()?;
        Ok(imported)
    }
}

/// Adds the marks that are not there. One that contradicts what is there is an error.
pub(super) fn add_marks(
    txn: &Transaction<'_>,
    service: &mut Service,
    marks: &[Mark],
) -> Result<Imported, SignError> {
    let floor = fold::floor(txn)?;
    let mut imported = Imported::default();
    for mark in marks {
        let height = recordable("height", mark.height.get())?;
        // The time is for people only: one that makes no sense is no reason to lose the mark.
        let at = recordable("time", mark.at.get()).unwrap_or(0);
        if find_recorded(txn, (mark.sighash, mark.height, mark.tenure))?.is_some() {
            imported.known += 1;
        } else if floor.is_some_and(|floor| mark.height <= floor) {
            imported.covered += 1;
        } else {
            let row = Row { sighash: mark.sighash, height, tenure: mark.tenure, at };
            insert_acceptance(txn, service, (row, Origin::Elsewhere))?;
            imported.added += 1;
        }
    }
    Ok(imported)
}
