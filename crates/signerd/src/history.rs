//! Whether the journal that was opened is the one that belongs to the store.

use countersign_signer::{Saved, Vote};
use countersign_vault::SignError;
use countersign_wire::{Sighash, StacksHeight};

use crate::hand::Hand;

/// Why signing must not go on from here.
#[derive(Debug, thiserror::Error)]
pub enum HistoryError {
    /// A signature that the store has is not in the journal.
    #[error(
        "the signing journal does not know block {sighash} at height {height}, which this key has \
         signed: the journal was removed or replaced by an older copy. Put the latest journal back; \
         if it is lost, move journal and store away and start once with `--init`"
    )]
    RolledBack {
        /// The block.
        sighash: Sighash,
        /// Its height.
        height: StacksHeight,
    },
    /// The journal cannot be read.
    #[error(transparent)]
    Journal(#[from] SignError),
}

/// Compares the store with the journal.
///
/// The journal is written before a signature exists, and the store's vote after it; so whatever vote of
/// ours the store has must be in the journal. What the store only meant to have signed need not be.
pub(crate) fn check(vault: &mut Hand, saved: &Saved) -> Result<(), HistoryError> {
    for record in saved.records.iter().filter(|record| record.signed_self_at.is_some()) {
        if vault.may_have_signed(&record.sighash, record.height())? {
            continue;
        }
        let own = vault.public_key();
        let is_signed = saved.votes.iter().any(|(sighash, _, vote)| match vote {
            Vote::Acceptance(signature) if *sighash == record.sighash => {
                signature.recover(sighash.as_bytes()) == Some(own)
            }
            _ => false,
        });
        if is_signed {
            let (sighash, height) = (record.sighash, record.height());
            return Err(HistoryError::RolledBack { sighash, height });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use countersign_signer::{BlockState, Millis, Outline, Record, Timestamp};
    use countersign_vault::{AcceptanceRequest, Vault};
    use countersign_wire::block::TenureRole;
    use countersign_wire::{
        BurnHeight, NakamotoBlockHeader, PrivateKey, RewardCycle, SlotId, UnixSeconds,
    };

    use super::*;

    fn header() -> NakamotoBlockHeader {
        crate::test_block::header(7, 30)
    }

    fn key() -> PrivateKey {
        PrivateKey::from_bytes([9; 32]).unwrap()
    }

    /// A store that meant to have signed a block, with the vote of this key on it.
    fn saved(by: &PrivateKey) -> Saved {
        let NakamotoBlockHeader { chain_length: height, consensus_hash: tenure, .. } = header();
        let sighash = header().sighash();
        let record = Record {
            sighash,
            cycle: RewardCycle::new(1),
            outline: Outline { height, tenure, role: TenureRole::Ordinary },
            block: None,
            burn_height: BurnHeight::new(100),
            state: BlockState::LocallyAccepted,
            valid: Some(true),
            proposed_at: Timestamp::from_secs(1),
            approved_at: None,
            signed_self_at: Some(Timestamp::from_secs(2)),
            signed_group_at: None,
            validation_time: Millis::ZERO,
            reject_reason: None,
            uploaded: false,
        };
        let signed = Vote::Acceptance(by.sign(sighash.as_bytes()));
        let votes = vec![(sighash, SlotId::new(0), signed)];
        Saved { records: vec![record], votes, ..Saved::default() }
    }

    #[test]
    fn a_signature_that_the_journal_does_not_know_is_a_journal_that_was_rolled_back() {
        let mut vault = Hand::from(Vault::in_memory(key()).unwrap());
        let refused = check(&mut vault, &saved(&key())).unwrap_err();
        assert!(
            matches!(refused, HistoryError::RolledBack { sighash, .. } if sighash == header().sighash()),
            "{refused}"
        );
    }

    #[test]
    fn a_crash_before_the_signature_existed_is_no_harm() {
        let other = PrivateKey::from_bytes([8; 32]).unwrap();
        let mut vault = Hand::from(Vault::in_memory(key()).unwrap());
        check(&mut vault, &saved(&other)).unwrap();
    }

    #[test]
    fn a_journal_that_knows_the_signature_is_the_right_one() {
        let mut vault = Hand::from(Vault::in_memory(key()).unwrap());
        vault
            .sign_acceptance(&AcceptanceRequest {
                header: Box::new(header()),
                burn_height: BurnHeight::new(100),
                overriding: Vec::new(),
                at: UnixSeconds::new(2),
            })
            .unwrap();
        check(&mut vault, &saved(&key())).unwrap();
    }
}
