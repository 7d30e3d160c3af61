//! Signatures of a key that gives other bytes each time, kept so that the same request has the same answer.
//!
//! A record is durable before its signature exists; the signature is written with the next record, so it
//! costs no sync of its own. A crash in between loses it, and the same request is then answered with another
//! signature over the same digest, which commits to nothing new.

use countersign_wire::MessageSignature;
use rusqlite::{OptionalExtension as _, Transaction, params};

use super::Journal;
use crate::error::SignError;

/// How many of the latest signatures are kept: as many as acceptances and rejections are.
pub(super) const KEPT: i64 = 32_768;

impl Journal {
    /// The signature that was given over this digest, if it was kept.
    pub(crate) fn given(
        &mut self,
        digest: &[u8; 32],
    ) -> Result<Option<MessageSignature>, SignError> {
        if let Some((_, signature)) = self.unwritten.iter().find(|(known, _)| known == digest) {
            return Ok(Some(*signature));
        }
        let found: Option<[u8; 65]> = self.transact(|txn, _| {
            let mut statement = txn.prepare_cached(include_str!("find_signature.sql"))?;
            Ok(statement.query_row([digest], |row| row.get(0)).optional()?)
        })?;
        // One that a disk has changed is as good as lost.
        let signature = found.and_then(MessageSignature::from_bytes);
        Ok(signature.filter(|signature| signature.recover(digest) == Some(self.owner)))
    }

    /// Keeps a signature, from the next transaction on durably.
    pub(crate) fn keep(&mut self, digest: [u8; 32], signature: MessageSignature) {
        self.unwritten.push((digest, signature));
    }
}

pub(super) fn write(
    txn: &Transaction<'_>,
    unwritten: &[([u8; 32], MessageSignature)],
) -> rusqlite::Result<()> {
    for (digest, signature) in unwritten {
        txn.prepare_cached(include_str!("insert_signature.sql"))?
            .execute(params![digest, signature.as_bytes()])?;
    }
    Ok(())
}
