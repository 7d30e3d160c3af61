//! What happened on the real network, put together from the node's callbacks.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use countersign_wire::event::{NewBlock, StackerDbChunks};
use countersign_wire::message::{BlockProposal, SignerMessage};
use countersign_wire::stackerdb::Chunk;
use countersign_wire::{
    BurnHeight, Hash160, MessageSignature, RewardCycle, Sighash, SignerSet, SlotId, StacksHeight,
};
use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::event::{CycleSigner, DevnetEvent, SignerRecord};
use crate::miners::Tally;

/// Every block since epoch 3 and who signed it.
#[derive(Debug)]
pub(super) struct Chronicle {
    /// The number of each signer, by its key.
    numbers: BTreeMap<Hash160, usize>,
    sets: BTreeMap<RewardCycle, SignerSet>,
    /// The cycle of the burn tip.
    cycle: RewardCycle,
    blocks: BTreeMap<Sighash, Followed>,
}

/// A block that somebody proposed or adopted.
#[derive(Debug)]
struct Followed {
    height: StacksHeight,
    tally: Tally,
    proposed_at: Instant,
    attempts: u32,
    /// When enough weight had signed.
    approved_at: Option<Instant>,
    is_rejected: bool,
    /// Whose signatures are in its header, once it is part of the chain.
    adopted: Option<BTreeSet<SlotId>>,
}

/// What `/new_block` says beyond what signers read of it.
#[derive(Debug, Deserialize)]
pub(super) struct NewBlockSurplus {
    #[serde(default)]
    signer_signature: Vec<MessageSignature>,
    #[serde(default)]
    transactions: Vec<IgnoredAny>,
}

impl Chronicle {
    /// Nothing has happened; the signers have these keys.
    pub(super) fn new(keys: impl IntoIterator<Item = Hash160>) -> Self {
        Self {
            numbers: keys.into_iter().zip(0..).collect(),
            sets: BTreeMap::new(),
            cycle: RewardCycle::new(0),
            blocks: BTreeMap::new(),
        }
    }

    /// Whether the signers of a cycle are known.
    pub(super) fn knows(&self, cycle: RewardCycle) -> bool {
        self.sets.contains_key(&cycle)
    }

    /// A cycle begins, or the network is seen for the first time in the middle of it.
    pub(super) fn on_cycle(
        &mut self,
        cycle: RewardCycle,
        first_burn_height: BurnHeight,
        set: SignerSet,
    ) -> DevnetEvent {
        let signers = set.signers().iter().filter_map(|signer| {
            let number = *self.numbers.get(&signer.key.hash160())?;
            Some(CycleSigner { signer: number, weight: signer.weight })
        });
        let (signers, total_weight) = (signers.collect(), set.total());
        self.cycle = cycle;
        self.sets.insert(cycle, set);
        DevnetEvent::RewardCycle { cycle, first_burn_height, total_weight, signers }
    }

    /// Somebody wrote into slots.
    pub(super) fn on_chunks(&mut self, at: Instant, event: &StackerDbChunks) -> Vec<DevnetEvent> {
        let is_miners = event.contract_id.is_miners();
        let is_signers = event.contract_id.signers_contract().is_some();
        let mut events = Vec::new();
        for chunk in &event.modified_slots {
            match SignerMessage::from_chunk_data(&chunk.data) {
                Ok(SignerMessage::BlockProposal(proposal)) if is_miners => {
                    events.extend(self.on_proposal(at, &proposal));
                }
                Ok(message) if is_signers => events.extend(self.on_vote(at, chunk, &message)),
                _ => {}
            }
        }
        events
    }

    fn on_proposal(&mut self, at: Instant, proposal: &BlockProposal) -> Option<DevnetEvent> {
        let header = &proposal.block.header;
        let sighash = proposal.block.sighash();
        let set = self.sets.get(&proposal.reward_cycle)?;
        let followed = self.blocks.entry(sighash).or_insert_with(|| {
            Followed::new(header.chain_length, Tally::new(sighash, set.clone()), at)
        });
        followed.attempts += 1;
        Some(DevnetEvent::BlockProposed {
            height: header.chain_length,
            sighash,
            tenure: header.consensus_hash,
            miner: MINER,
            attempt: followed.attempts,
        })
    }

    fn on_vote(
        &mut self,
        at: Instant,
        chunk: &Chunk,
        message: &SignerMessage,
    ) -> Option<DevnetEvent> {
        let sighash = match message {
            SignerMessage::BlockPreCommit(sighash) => *sighash,
            SignerMessage::BlockResponse(response) => *response.sighash(),
            _ => return None,
        };
        let followed = self.blocks.get_mut(&sighash)?;
        followed.tally.count(message.lane()?, chunk);
        if followed.tally.is_approved() {
            followed.approved_at.get_or_insert(at);
        }
        let is_news =
            followed.tally.is_blocked() && !followed.is_rejected && followed.adopted.is_none();
        if !is_news {
            return None;
        }
        followed.is_rejected = true;
        Some(DevnetEvent::BlockRejected {
            height: followed.height,
            sighash,
            rejected_weight: followed.tally.rejected_weight(),
            total_weight: followed.tally.total_weight(),
            reasons: followed.tally.reasons(),
        })
    }

    /// The node has a new block.
    pub(super) fn on_block(
        &mut self,
        at: Instant,
        block: &NewBlock,
        surplus: &NewBlockSurplus,
    ) -> Option<DevnetEvent> {
        let sighash = block.sighash?;
        let set = self.sets.get(&self.cycle)?;
        let followed = self
            .blocks
            .entry(sighash)
            .or_insert_with(|| Followed::new(block.height, Tally::new(sighash, set.clone()), at));
        let set = followed.tally.set();
        let keys =
            surplus.signer_signature.iter().filter_map(|sig| sig.recover(sighash.as_bytes()));
        followed.adopted = Some(keys.filter_map(|key| set.slot_of(&key)).collect());
        followed.tally.adopt(&surplus.signer_signature);
        let approved_at = *followed.approved_at.get_or_insert(at);
        let took = approved_at.saturating_duration_since(followed.proposed_at);
        Some(DevnetEvent::BlockAdopted {
            height: block.height,
            block_id: block.block_id,
            sighash,
            tenure: block.consensus_hash,
            miner: MINER,
            transactions: surplus.transactions.len(),
            pre_committed_weight: followed.tally.pre_committed_weight(),
            signed_weight: followed.tally.signed_weight(),
            total_weight: followed.tally.total_weight(),
            threshold_ms: u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
        })
    }

    /// The signers that have not answered the newest proposal.
    pub(super) fn silent(&self) -> Vec<usize> {
        let open = self.blocks.values().filter(|followed| followed.adopted.is_none());
        let Some(newest) = open.max_by_key(|followed| followed.proposed_at) else {
            return Vec::new();
        };
        let slots = newest.tally.silent();
        slots.filter_map(|slot| self.number(newest.tally.set(), slot)).collect()
    }

    /// What each signer did.
    pub(super) fn records(&self) -> Vec<SignerRecord> {
        let mut records: Vec<_> = (0..self.numbers.len())
            .map(|signer| SignerRecord { signer, ..Default::default() })
            .collect();
        for followed in self.blocks.values() {
            let set = followed.tally.set();
            for (slot, _) in (0u32..).zip(set.signers()) {
                let slot = SlotId::new(slot);
                let number = self.number(set, slot);
                let Some(record) = number.and_then(|number| records.get_mut(number)) else {
                    continue;
                };
                if followed.tally.has_rejected(slot) {
                    record.rejections += 1;
                }
                let Some(in_header) = &followed.adopted else { continue };
                record.blocks += 1;
                record.in_header += u64::from(in_header.contains(&slot));
                if followed.tally.has_signed(slot) {
                    record.signed += 1;
                } else {
                    record.missed.push(followed.height);
                }
            }
        }
        for record in &mut records {
            record.missed.sort_unstable();
        }
        records
    }

    fn number(&self, set: &SignerSet, slot: SlotId) -> Option<usize> {
        self.numbers.get(&set.get(slot)?.key.hash160()).copied()
    }
}

impl Followed {
    const fn new(height: StacksHeight, tally: Tally, proposed_at: Instant) -> Self {
        Self {
            height,
            tally,
            proposed_at,
            attempts: 0,
            approved_at: None,
            is_rejected: false,
            adopted: None,
        }
    }
}

/// There is one.
const MINER: usize = 0;

#[cfg(test)]
mod tests {
    #![allow(
        clippy::unwrap_used,
        clippy::indexing_slicing,
        clippy::panic,
        reason = "a test fails by panicking"
    )]

    use countersign_wire::hash::sha256;
    use countersign_wire::{PrivateKey, Signer, Weight};
    use serde_json::Value;

    use super::*;

    /// A real network's callbacks to one of its signers: two blocks, signed by five signers.
    const RECORDING: &str =
        include_str!("../../../../vectors/recordings/miner_gather_signatures.jsonl");

    /// The keys of the recorded signers, in the order of their numbers.
    fn keys() -> Vec<PrivateKey> {
        let key =
            |number| PrivateKey::from_bytes(sha256(&[format!("signer_{number}_").as_bytes()]));
        (0..5).map(|number| key(number).unwrap()).collect()
    }

    /// The chronicle of the recorded signers, with their set for `cycle`.
    fn begun(cycle: u64) -> Chronicle {
        let signer = |key: &PrivateKey| Signer { key: key.public_key(), weight: Weight::new(6) };
        let mut signers: Vec<_> = keys().iter().map(signer).collect();
        signers.sort_by_key(|signer| *signer.key.as_bytes());
        let set = SignerSet::new(signers).unwrap();
        let hashes: Vec<_> = keys().iter().map(|key| key.public_key().hash160()).collect();
        let mut chronicle = Chronicle::new(hashes);
        let cycle = RewardCycle::new(cycle);
        let event = chronicle.on_cycle(cycle, BurnHeight::new(220), set);
        assert!(matches!(event, DevnetEvent::RewardCycle { signers, .. } if signers.len() == 5));
        chronicle
    }

    /// What the recording says, told from the lines that `keep` keeps, after it has changed them.
    fn told(chronicle: &mut Chronicle, keep: impl Fn(&mut Value) -> bool) -> Vec<DevnetEvent> {
        let lines = RECORDING.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let mut events = Vec::new();
        for mut line in lines.filter(|line| line["kind"] == "event") {
            if !keep(&mut line) {
                continue;
            }
            let body = line["body"].to_string();
            match line["path"].as_str().unwrap() {
                "/stackerdb_chunks" => {
                    let chunks = serde_json::from_str(&body).unwrap();
                    events.extend(chronicle.on_chunks(Instant::now(), &chunks));
                }
                "/new_block" => {
                    let block = serde_json::from_str(&body).unwrap();
                    let surplus = serde_json::from_str(&body).unwrap();
                    events.extend(chronicle.on_block(Instant::now(), &block, &surplus));
                }
                _ => {}
            }
        }
        events
    }

    #[test]
    fn a_recorded_network_is_told_block_by_block() {
        let mut chronicle = begun(11);
        let events = told(&mut chronicle, |_| true);
        let proposed =
            events.iter().filter(|event| matches!(event, DevnetEvent::BlockProposed { .. }));
        assert!(proposed.count() >= 2);
        let adopted: Vec<_> = events
            .iter()
            .filter_map(|event| match event {
                DevnetEvent::BlockAdopted { signed_weight, pre_committed_weight, .. } => {
                    Some((*signed_weight, *pre_committed_weight))
                }
                _ => None,
            })
            .collect();
        assert_eq!(adopted.len(), 2, "{events:?}");
        for (signed, promised) in adopted {
            assert!(signed.approves(Weight::new(30)) && promised >= signed);
        }
        for record in chronicle.records() {
            assert_eq!((record.blocks, record.signed, record.rejections), (2, 2, 0));
            assert_eq!(record.missed, Vec::<StacksHeight>::new());
        }
    }

    #[test]
    fn a_signer_that_is_not_heard_has_missed_the_blocks() {
        // Slot 2 is signer 0.
        let mut chronicle = begun(11);
        told(&mut chronicle, |line| {
            let is_signers = line["body"]["contract_id"]["name"] != "miners";
            if let Some(slots) =
                line["body"]["modified_slots"].as_array_mut().filter(|_| is_signers)
            {
                slots.retain(|slot| slot["slot_id"] != 2);
            }
            true
        });
        let records = chronicle.records();
        // Headers tell of some signatures that were not heard.
        assert_eq!(records[0].signed, records[0].in_header);
        assert_eq!(records[0].missed.len() as u64 + records[0].signed, 2);
        assert_eq!(records[1].signed, 2);
    }

    #[test]
    fn who_has_not_answered_the_open_proposal_is_silent() {
        let mut chronicle = begun(11);
        told(&mut chronicle, |line| {
            line["body"]["contract_id"]["name"] == "miners" && line["path"] == "/stackerdb_chunks"
        });
        assert_eq!(chronicle.silent(), [4, 1, 0, 2, 3]);
    }

    #[test]
    fn nothing_is_told_of_cycles_whose_signers_are_not_known() {
        assert_eq!(told(&mut begun(12), |line| line["path"] != "/new_block"), []);
    }
}
