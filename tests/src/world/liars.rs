//! Signers that say whatever harms most.

use countersign_devnet::chain::StackerDb;
use countersign_signer::{Event, Millis};
use countersign_wire::fixed::StacksBlockId;
use countersign_wire::message::{
    ActiveMiner, BlockAccepted, BlockProposal, BlockRejected, BlockResponse, MinerState,
    RejectReason, ResponseData, SignerMessage, StateMachineUpdate, UpdateContent,
};
use countersign_wire::stackerdb::{Chunk, SignersContract};
use countersign_wire::{
    ConsensusHash, MessageSignature, PrivateKey, PublicKey, RewardCycle, Sighash, SlotVersion,
    StacksHeight, UnixSeconds, Wire as _, sip018,
};

use super::World;
use super::agenda::Happening;
use super::signing_key;

/// A lying signer.
pub(super) struct Liar {
    key: PrivateKey,
    public_key: PublicKey,
    /// Blocks that it has seen proposed; it comes back to them.
    known: Vec<(RewardCycle, Sighash)>,
}

/// The key of somebody who is no signer at all.
pub(super) const STRANGER: usize = 1000;

impl Liar {
    pub(super) fn new(key: PrivateKey) -> Self {
        Self { public_key: key.public_key(), key, known: Vec::new() }
    }
}

impl World {
    /// A lying signer promises at once, and signs or rejects as it pleases, siblings included.
    pub(super) fn liar_hears(&mut self, liar: usize, proposal: &BlockProposal) {
        let (cycle, sighash) = (proposal.reward_cycle, proposal.block.sighash());
        self.liars[liar].known.push((cycle, sighash));
        if self.rng.percent(80) {
            self.lie(liar, cycle, &SignerMessage::BlockPreCommit(sighash));
        }
        self.answer_falsely(liar, cycle, sighash);
    }

    /// Says something unasked.
    pub(super) fn liar_speaks(&mut self, liar: usize) {
        let at = self.now.plus(Millis::new(self.rng.between(5_000, 25_000)));
        self.agenda.plan(at, Happening::LiarSpeaks { liar });
        let current = self.chain.current_cycle();
        match self.rng.below(4) {
            0 => {
                let update = self.false_view();
                self.lie(liar, current, &SignerMessage::StateMachineUpdate(update));
            }
            1 => self.speak_as_stranger(current),
            2 => {
                // A vote for a block that nobody has seen.
                let sighash = Sighash::new([self.rng.draw().to_le_bytes()[0]; 32]);
                self.lie(liar, current, &SignerMessage::BlockPreCommit(sighash));
                self.answer_falsely(liar, current, sighash);
            }
            _ => {
                let known = self.liars[liar].known.len();
                if known > 0 {
                    let recent = known - 1 - self.rng.index(known.min(4));
                    let (cycle, sighash) = self.liars[liar].known[recent];
                    self.answer_falsely(liar, cycle, sighash);
                }
            }
        }
    }

    fn answer_falsely(&mut self, liar: usize, cycle: RewardCycle, sighash: Sighash) {
        let key = &self.liars[liar].key;
        let response = match self.rng.below(4) {
            0 | 1 => accepted(sighash, key.sign(sighash.as_bytes())),
            2 => rejected(sighash, key, &self.chain),
            // A signature of something else recovers a key that nobody has.
            _ => accepted(sighash, key.sign(&[7; 32])),
        };
        self.lie(liar, cycle, &SignerMessage::BlockResponse(response));
    }

    /// Someone without a seat writes as if it had one; a malicious node passes it on.
    fn speak_as_stranger(&mut self, cycle: RewardCycle) {
        let Some(number) = (!self.signers.is_empty()).then(|| self.rng.index(self.signers.len()))
        else {
            return;
        };
        let key = signing_key(STRANGER);
        let known = self.liars.iter().find_map(|liar| liar.known.last()).copied();
        let sighash = known.map_or(Sighash::ZERO, |(_, sighash)| sighash);
        let message = if self.rng.percent(50) {
            SignerMessage::BlockPreCommit(sighash)
        } else {
            SignerMessage::BlockResponse(rejected(sighash, &key, &self.chain))
        };
        let (parity, from, version) = (cycle.parity(), key.public_key(), SlotVersion::new(1));
        self.call_back(number, Event::Peer { parity, from, version, message });
    }

    fn false_view(&mut self) -> StateMachineUpdate {
        let tip = self.chain.burn_tip();
        let miner = match (self.rng.below(3), tip.winner) {
            (0, Some(winner)) => MinerState::Active(ActiveMiner {
                key_hash: winner.miner,
                tenure: tip.consensus_hash,
                parent_tenure: winner.parent_tenure,
                parent_last_block: StacksBlockId::ZERO,
                parent_last_height: StacksHeight::new(1),
            }),
            _ => MinerState::NoValidMiner,
        };
        let is_garbled = self.rng.percent(50);
        StateMachineUpdate {
            active_version: self.rng.below(4),
            supported_version: self.rng.below(4),
            content: UpdateContent {
                burn_block: if is_garbled { ConsensusHash::ZERO } else { tip.consensus_hash },
                burn_height: tip.height,
                miner,
                replay_transactions: Vec::new(),
            },
        }
    }

    /// Writes a message into the liar's own slot, from where everybody hears it.
    fn lie(&mut self, liar: usize, cycle: RewardCycle, message: &SignerMessage) {
        let Liar { key, public_key: from, .. } = &self.liars[liar];
        let from = *from;
        let slot = self.chain.stacker_set(cycle).and_then(|set| set.slot_of(&from));
        let (Some(slot), Some(lane)) = (slot, message.lane()) else { return };
        let contract = SignersContract::new(cycle, lane);
        let db = StackerDb::Signers(contract);
        let stored = self.chain.chunk(db, slot).map(|chunk| chunk.slot_version);
        let version = stored.unwrap_or(SlotVersion::new(0)).next();
        let chunk = Chunk::sign(key, slot, version, message.to_bytes());
        if self.chain.put_chunk(db, &chunk).accepted {
            self.coverage.lies += 1;
            self.broadcast(contract.parity, from, version, message);
        }
    }
}

fn accepted(sighash: Sighash, signature: MessageSignature) -> BlockResponse {
    BlockResponse::Accepted(BlockAccepted {
        sighash,
        signature,
        server_version: "liar".to_owned(),
        data: data(RejectReason::NotRejected),
    })
}

fn rejected(
    sighash: Sighash,
    key: &PrivateKey,
    chain: &countersign_devnet::chain::Chain,
) -> BlockResponse {
    let chain_id = chain.config().network.rejection_chain_id();
    let reason = RejectReason::ProblematicTransactions;
    BlockResponse::Rejected(BlockRejected {
        reason: "because".to_owned(),
        code: reason.legacy_code(),
        sighash,
        chain_id,
        signature: key.sign(&sip018::block_rejection(&sighash, chain_id)),
        server_version: "liar".to_owned(),
        data: data(reason),
    })
}

const fn data(reason: RejectReason) -> ResponseData {
    ResponseData::current(UnixSeconds::new(u64::MAX), reason, UnixSeconds::new(u64::MAX), None)
}
