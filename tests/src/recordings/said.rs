//! What one signer said to the network.

use std::collections::BTreeSet;

use countersign_wire::message::{
    BlockResponse, MockSignature, RejectReason, SignerMessage, StateMachineUpdate,
};
use countersign_wire::stackerdb::{Chunk, ChunkAck};
use countersign_wire::{MessageSignature, NakamotoBlock, PublicKey, Sighash, Wire};

use super::recording::Recording;

/// What one signer said, each list in its order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Said {
    /// Blocks that it promised to sign.
    pub pre_commits: Vec<Sighash>,
    /// Its signatures.
    pub acceptances: Vec<(Sighash, MessageSignature)>,
    /// Its refusals.
    pub rejections: Vec<(Sighash, RejectReason, MessageSignature)>,
    /// Its mock signatures.
    pub mocks: Vec<MockSignature>,
    /// Its views.
    pub updates: Vec<StateMachineUpdate>,
    /// Blocks that it uploaded; of a recording, blocks that anybody uploaded, since uploads do not
    /// name their sender.
    pub uploads: BTreeSet<Sighash>,
}

impl Said {
    /// Notes a message. A message that is sent again as it was counts once.
    pub fn hear(&mut self, message: SignerMessage) {
        match message {
            SignerMessage::BlockPreCommit(sighash) => push_new(&mut self.pre_commits, sighash),
            SignerMessage::BlockResponse(BlockResponse::Accepted(accepted)) => {
                push_new(&mut self.acceptances, (accepted.sighash, accepted.signature));
            }
            SignerMessage::BlockResponse(BlockResponse::Rejected(rejected)) => {
                let rejection = (rejected.sighash, rejected.data.reason, rejected.signature);
                push_new(&mut self.rejections, rejection);
            }
            SignerMessage::MockSignature(mock) => push_new(&mut self.mocks, mock),
            SignerMessage::StateMachineUpdate(update) => self.updates.push(update),
            _ => {}
        }
    }
}

/// What the owner of `key` wrote into slots, as far as the node took it.
pub fn said_by(key: &PublicKey, recording: &Recording) -> Said {
    let mut said = Said::default();
    for line in recording.requests("POST", "/v2/stackerdb/") {
        let chunk: Chunk = serde_json::from_value(line.json["request"].clone()).unwrap();
        let ack: ChunkAck = serde_json::from_value(line.json["response"].clone()).unwrap();
        if ack.accepted && chunk.recover().as_ref() == Some(key) {
            said.hear(SignerMessage::from_chunk_data(&chunk.data).unwrap());
        }
    }
    for line in recording.requests("POST", "/v3/blocks/upload/") {
        let bytes = hex::decode(line.json["request"].as_str().unwrap()).unwrap();
        said.uploads.insert(NakamotoBlock::from_bytes(&bytes).unwrap().sighash());
    }
    said
}

fn push_new<T: PartialEq>(list: &mut Vec<T>, item: T) {
    if !list.contains(&item) {
        list.push(item);
    }
}
