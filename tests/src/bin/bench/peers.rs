//! The other signers, as far as the signer under test can tell: keys, slots and what they write.

use countersign_devnet::DevnetConfig;
use countersign_devnet::chain::StackerDb;
use countersign_wire::message::{
    BlockAccepted, BlockResponse, RejectReason, ResponseData, SignerMessage,
};
use countersign_wire::stackerdb::{Chunk, Lane, SignersContract};
use countersign_wire::{
    MessageSignature, PrivateKey, RewardCycle, Sighash, SignerSet, SlotId, SlotVersion,
    UnixSeconds, Weight, Wire as _,
};

/// A chunk and where it belongs.
pub(crate) type Addressed = (StackerDb, Chunk);

/// All signers of a cycle but one.
#[derive(Debug)]
pub(crate) struct Peers {
    cycle: RewardCycle,
    members: Vec<Peer>,
    /// How much weight must promise besides the one's own.
    missing: u32,
}

#[derive(Debug)]
struct Peer {
    key: PrivateKey,
    slot: SlotId,
    weight: Weight,
    version: SlotVersion,
}

impl Peers {
    /// Everybody in `set` but signer 0 of the devnet.
    pub(crate) fn new(config: &DevnetConfig, cycle: RewardCycle, set: &SignerSet) -> Self {
        let peers = (1..config.signers.len()).filter_map(|index| {
            let key = config.signer_key(index);
            let slot = set.slot_of(&key.public_key())?;
            Some(Peer { slot, weight: set.weight_of(slot), key, version: SlotVersion::new(0) })
        });
        let own = config.signer_key(0).public_key();
        let own = set.slot_of(&own).map_or(Weight::ZERO, |slot| set.weight_of(slot));
        let missing = Weight::approval_threshold(set.total()).get().saturating_sub(own.get());
        Self { cycle, members: peers.collect(), missing }
    }

    /// How many peers must promise until the threshold is reached, in the order of [`Self::promises`].
    pub(crate) fn deciding(&self) -> usize {
        let mut sum = 0;
        let before = self.members.iter().take_while(|peer| {
            sum += peer.weight.get();
            sum < self.missing
        });
        before.count() + 1
    }

    /// The same message by everybody.
    pub(crate) fn say(&mut self, message: &SignerMessage) -> Vec<Addressed> {
        let Some(lane) = message.lane() else { return Vec::new() };
        self.each(lane, |_| message.clone())
    }

    /// Everybody's promise to sign a block.
    pub(crate) fn promises(&mut self, sighash: Sighash) -> Vec<Addressed> {
        self.say(&SignerMessage::BlockPreCommit(sighash))
    }

    /// Everybody's signature of a block, in its message.
    pub(crate) fn acceptances(&mut self, sighash: Sighash) -> Vec<Addressed> {
        self.each(Lane::Responses, |key| {
            let now = UnixSeconds::new(0);
            SignerMessage::BlockResponse(BlockResponse::Accepted(BlockAccepted {
                sighash,
                signature: key.sign(sighash.as_bytes()),
                server_version: "bench".to_owned(),
                data: ResponseData::current(now, RejectReason::NotRejected, now, None),
            }))
        })
    }

    /// Everybody's signature of a block, with its slot.
    pub(crate) fn signatures(&self, sighash: Sighash) -> Vec<(SlotId, MessageSignature)> {
        self.members.iter().map(|peer| (peer.slot, peer.key.sign(sighash.as_bytes()))).collect()
    }

    fn each(
        &mut self,
        lane: Lane,
        message: impl Fn(&PrivateKey) -> SignerMessage,
    ) -> Vec<Addressed> {
        let db = StackerDb::Signers(SignersContract::new(self.cycle, lane));
        let chunk = |peer: &mut Peer| {
            peer.version = peer.version.next();
            let data = message(&peer.key).to_bytes();
            (db, Chunk::sign(&peer.key, peer.slot, peer.version, data))
        };
        self.members.iter_mut().map(chunk).collect()
    }
}
