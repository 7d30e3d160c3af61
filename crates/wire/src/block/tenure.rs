//! What a block does to its tenure, as signers classify it (`signer-wire.md` section 3.5).

use super::NakamotoBlock;
use crate::transaction::{TenureChange, TenureChangeCause, TransactionPayload};

/// What a block does to its tenure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TenureRole {
    /// It is the first block of its tenure.
    Start,
    /// It extends its tenure, for this cause.
    Extend(TenureChangeCause),
    /// Neither. Malformed starts and extends count as neither, too: the node refuses them.
    Ordinary,
}

impl NakamotoBlock {
    /// What this block does to its tenure.
    pub fn tenure_role(&self) -> TenureRole {
        match (self.tenure_start(), self.tenure_extend()) {
            (Some(_), _) => TenureRole::Start,
            (None, Some(extend)) => TenureRole::Extend(extend.cause),
            (None, None) => TenureRole::Ordinary,
        }
    }

    /// The transaction that starts the tenure, if this is a well-formed first block: a change for a
    /// won sortition, on top of the parent, then a Nakamoto coinbase, and no second of either.
    pub fn tenure_start(&self) -> Option<&TenureChange> {
        let mut payloads = self.payloads();
        let change = as_tenure_change(payloads.next()?)?;
        let coinbase = payloads.next()?;
        let is_start = matches!(coinbase, TransactionPayload::NakamotoCoinbase { .. })
            && !change.cause.is_extend()
            && change.previous_tenure_end == self.header.parent_block_id
            && !payloads.any(is_about_tenures);
        is_start.then_some(change)
    }

    /// The transaction that extends the tenure, if this is a well-formed extending block: a change
    /// inside this tenure, on top of the parent, and neither a second one nor a coinbase.
    pub fn tenure_extend(&self) -> Option<&TenureChange> {
        let mut payloads = self.payloads();
        let change = as_tenure_change(payloads.next()?)?;
        let is_extend = change.cause.is_extend()
            && change.previous_tenure_end == self.header.parent_block_id
            && change.tenure == self.header.consensus_hash
            && change.previous_tenure == self.header.consensus_hash
            && !payloads.any(is_about_tenures);
        is_extend.then_some(change)
    }

    fn payloads(&self) -> impl Iterator<Item = &TransactionPayload> {
        self.transactions.iter().map(|transaction| &transaction.payload)
    }
}

fn as_tenure_change(payload: &TransactionPayload) -> Option<&TenureChange> {
    match payload {
        TransactionPayload::TenureChange(change) => Some(change),
        _ => None,
    }
}

fn is_about_tenures(payload: &TransactionPayload) -> bool {
    payload.is_coinbase() || as_tenure_change(payload).is_some()
}
