//! What this signer says: promises, signatures, rejections and views.

use countersign_wire::message::{
    BlockAccepted, BlockRejected, BlockResponse, RejectReason, ResponseData, SignerMessage,
};
use countersign_wire::{MessageSignature, NakamotoBlock, RewardCycle, Sighash, Txid};

use crate::note::Note;
use crate::record::{Outline, Record};
use crate::rules::idle::{ExtendTimes, extend_times};
use crate::signer::Signer;
use crate::step::Action;
use crate::time::Timestamp;
use crate::turn::Turn;

/// A rejection's reason, for machines and for people.
#[derive(Clone, Debug)]
pub(crate) struct Refusal {
    pub(crate) reason: RejectReason,
    pub(crate) text: String,
    pub(crate) failed_txid: Option<Txid>,
}

impl Refusal {
    pub(crate) fn because(reason: RejectReason) -> Self {
        Self { reason, text: reason.to_string(), failed_txid: None }
    }
}

/// What a rejection says about the block itself.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Refused {
    sighash: Sighash,
    outline: Outline,
    made_at: Timestamp,
}

impl From<&NakamotoBlock> for Refused {
    fn from(block: &NakamotoBlock) -> Self {
        let made_at = Timestamp::from_secs(block.header.timestamp.get());
        Self { sighash: block.sighash(), outline: Outline::of(block), made_at }
    }
}

impl From<&Record> for Refused {
    fn from(record: &Record) -> Self {
        Self { sighash: record.sighash, outline: record.outline, made_at: record.made_at() }
    }
}

impl Signer {
    /// Publishes a message in its lane of our cycle's contracts.
    pub(crate) fn publish(&self, number: RewardCycle, message: SignerMessage, turn: &mut Turn) {
        if let Some(cycle) = self.cycle(number)
            && !self.is_wrong_network
        {
            turn.act(Action::Publish {
                cycle: number,
                slot: cycle.slot,
                key: cycle.key,
                message: Box::new(message),
            });
        }
    }

    /// Publishes our signature over a block.
    pub(crate) fn publish_acceptance(
        &self,
        record: &Record,
        signature: MessageSignature,
        turn: &mut Turn,
    ) {
        let times = self.extend_times(&record.outline, true, turn);
        let accepted = BlockAccepted {
            sighash: record.sighash,
            signature,
            server_version: self.params.server_version.clone(),
            data: response_data(times, RejectReason::NotRejected, None),
        };
        let latency = turn.wall().since(record.made_at());
        turn.note(Note::Accepted { sighash: record.sighash, latency });
        let response = BlockResponse::Accepted(accepted);
        self.publish(record.cycle, SignerMessage::BlockResponse(response), turn);
    }

    /// Publishes a rejection of a block.
    pub(crate) fn publish_rejection(
        &self,
        number: RewardCycle,
        refused: &Refused,
        refusal: &Refusal,
        turn: &mut Turn,
    ) {
        let Some(cycle) = self.cycle(number) else { return };
        if self.is_wrong_network {
            return;
        }
        let sighash = refused.sighash;
        let times = self.extend_times(&refused.outline, false, turn);
        let rejection = BlockRejected {
            reason: refusal.text.clone(),
            code: refusal.reason.legacy_code(),
            sighash,
            chain_id: self.params.network.rejection_chain_id(),
            signature: MessageSignature::EMPTY,
            server_version: self.params.server_version.clone(),
            data: response_data(times, refusal.reason, refusal.failed_txid),
        };
        let reason = refusal.reason;
        let latency = turn.wall().since(refused.made_at);
        turn.note(Note::Rejected { sighash, reason, latency });
        turn.act(Action::Reject {
            cycle: number,
            slot: cycle.slot,
            key: cycle.key,
            rejection: Box::new(rejection),
        });
    }

    /// By the wall clock, as miners understand it.
    fn extend_times(&self, block: &Outline, is_acceptance: bool, turn: &Turn) -> ExtendTimes {
        extend_times(block, is_acceptance, &self.params.timeouts, &self.ledger, turn.now)
            .shifted(turn.wall_ahead)
    }
}

fn response_data(
    times: ExtendTimes,
    reason: RejectReason,
    failed_txid: Option<Txid>,
) -> ResponseData {
    ResponseData::current(times.full, reason, times.read_count, failed_txid)
}
