//! Taking over what the key signed in another program.

use super::{Journal, fold, insert_acceptance, is_acceptance_recorded, recordable};
use crate::error::SignError;
use crate::request::{Imported, Mark};

impl Journal {
    /// Adds marks, all of them or none. A mark never lets anything go: what was refused before is
    /// refused after it.
    pub(crate) fn import(&mut self, marks: &[Mark]) -> Result<Imported, SignError> {
        let imported = self.transact(|txn, service| {
            let floor = fold::floor(txn)?;
            let mut imported = Imported::default();
            for mark in marks {
                let height = recordable("height", mark.height.get())?;
                // The time is for people only: one that makes no sense is no reason to lose the mark.
                let at = recordable("time", mark.at.get()).unwrap_or(0);
                if floor.is_some_and(|floor| mark.height <= floor) {
                    imported.covered += 1;
                } else if is_acceptance_recorded(txn, (mark.sighash, mark.height, mark.tenure))? {
                    imported.known += 1;
                } else {
                    insert_acceptance(txn, service, (mark.sighash, height, mark.tenure, at))?;
                    imported.added += 1;
                }
            }
            Ok(imported)
        })?;
        self.rows.acceptances += imported.added.cast_signed();
        self.tidy()?;
        Ok(imported)
    }
}
