//! What each signer has written, and when.

use std::time::Duration;

use countersign_wire::message::SignerMessage;
use countersign_wire::stackerdb::SlotMetadata;
use countersign_wire::{PublicKey, RewardCycle, SlotVersion, Weight};

use super::news::{Round, WatchedSigner};
use super::roster::Roster;

/// What signers write in the epoch at hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// Epoch 2.5: mock signatures.
    Mock,
    /// From epoch 3.0 on: answers to proposals.
    Nakamoto,
}

impl Phase {
    /// What signers write in the epoch of this name; nothing before epoch 2.5. Names of later epochs
    /// than we know are Nakamoto's.
    pub(super) fn of_epoch(name: &str) -> Option<Self> {
        match name {
            "Epoch25" => Some(Self::Mock),
            "Epoch10" | "Epoch20" | "Epoch2_05" | "Epoch21" | "Epoch22" | "Epoch23" | "Epoch24" => {
                None
            }
            _ => Some(Self::Nakamoto),
        }
    }
}

/// The signers of one cycle and the state of their slots.
#[derive(Debug)]
pub(super) struct Watch {
    roster: Roster,
    /// In the order of the roster.
    slots: Vec<Slot>,
}

/// What is known of one slot. Times count from the start of the watch.
#[derive(Clone, Debug, Default)]
struct Slot {
    metadata: Option<SlotMetadata>,
    /// When its content was first seen.
    since: Duration,
    /// What is wrong with its content.
    found: Option<&'static str>,
}

impl Watch {
    /// A watch that begins at `now`. What is left in the slots by the cycle before last counts as
    /// written now: it may be a signer's last word, and its true age is unknown.
    pub(super) fn new(roster: Roster, now: Duration) -> Self {
        let slots = vec![Slot { since: now, ..Slot::default() }; roster.seats.len()];
        Self { roster, slots }
    }

    pub(super) const fn cycle(&self) -> RewardCycle {
        self.roster.cycle
    }

    /// Whether the slot needs no reading: it is as it was, empty, or nobody's.
    pub(super) fn knows(&self, slot: &SlotMetadata) -> bool {
        let is_empty = slot.slot_version == SlotVersion::new(0);
        let known =
            usize::try_from(slot.slot_id.get()).ok().and_then(|index| self.slots.get(index));
        is_empty || known.is_none_or(|known| known.metadata.as_ref() == Some(slot))
    }

    /// Takes in what a slot holds since `now`.
    pub(super) fn take_in(
        &mut self,
        metadata: &SlotMetadata,
        data: Option<&[u8]>,
        phase: Phase,
        now: Duration,
    ) {
        let Ok(index) = usize::try_from(metadata.slot_id.get()) else { return };
        let (Some(slot), Some(seat)) = (self.slots.get_mut(index), self.roster.seats.get(index))
        else {
            return;
        };
        // An empty slot is one that was reset after its metadata was read: it is read again.
        let Some(data) = data else { return };
        let found = fault(data, phase, &seat.signer.key);
        *slot = Slot { metadata: Some(metadata.clone()), since: now, found };
    }

    /// How it stands at `now`.
    pub(super) fn round(&self, now: Duration, max_age: Duration) -> Round {
        let mut round = Round {
            cycle: self.roster.cycle,
            signers: self.roster.seats.len(),
            total_weight: self.roster.seats.iter().map(|seat| seat.signer.weight).sum::<Weight>(),
            missing: Vec::new(),
            stale: Vec::new(),
            unexpected: Vec::new(),
        };
        for (seat, slot) in self.roster.seats.iter().zip(&self.slots) {
            let list = if slot.metadata.is_none() {
                &mut round.missing
            } else if slot.found.is_some() {
                &mut round.unexpected
            } else if now.saturating_sub(slot.since) > max_age {
                &mut round.stale
            } else {
                continue;
            };
            list.push(WatchedSigner::new(seat, slot.found));
        }
        round
    }
}

/// What is wrong with a slot's content.
fn fault(data: &[u8], phase: Phase, owner: &PublicKey) -> Option<&'static str> {
    match (SignerMessage::from_chunk_data(data), phase) {
        (Err(_), _) => Some("unreadable"),
        (Ok(SignerMessage::BlockResponse(response)), Phase::Nakamoto) => {
            (response.recover() != Some(*owner)).then_some("signed by another key")
        }
        (Ok(SignerMessage::MockSignature(_)), Phase::Mock) => None,
        (Ok(other), _) => Some(other.label()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use countersign_wire::message::{BlockAccepted, BlockResponse, RejectReason, ResponseData};
    use countersign_wire::stackerdb::Chunk;
    use countersign_wire::{
        Network, PrivateKey, Sighash, Signer, SignerSet, SlotId, StacksAddress, UnixSeconds,
        Wire as _,
    };

    use super::*;

    const MAX_AGE: Duration = Duration::from_mins(20);

    fn key(number: u8) -> PrivateKey {
        PrivateKey::from_bytes([number; 32]).unwrap()
    }

    fn roster(cycle: u64, numbers: &[u8]) -> Roster {
        let signers = numbers
            .iter()
            .map(|number| Signer {
                key: key(*number).public_key(),
                weight: Weight::new((*number).into()),
            })
            .collect();
        let set = SignerSet::new(signers).unwrap();
        let slots: Vec<StacksAddress> = set
            .signers()
            .iter()
            .map(|signer| StacksAddress::single_sig(Network::Testnet, &signer.key))
            .collect();
        Roster::new(RewardCycle::new(cycle), Network::Testnet, &set, &slots).unwrap()
    }

    fn answer(number: u8, block: u8) -> Vec<u8> {
        let sighash = Sighash::new([block; 32]);
        let data = ResponseData::current(
            UnixSeconds::new(2),
            RejectReason::NotRejected,
            UnixSeconds::new(1),
            None,
        );
        let accepted = BlockAccepted {
            sighash,
            signature: key(number).sign(sighash.as_bytes()),
            server_version: String::new(),
            data,
        };
        SignerMessage::BlockResponse(BlockResponse::Accepted(accepted)).to_bytes()
    }

    fn secs(secs: u64) -> Duration {
        Duration::from_secs(secs)
    }

    /// Writes `data` as `version` of the slot, as its owner.
    fn write(watch: &mut Watch, slot: u32, version: u32, data: &[u8], at: u64) {
        let owner = key(u8::try_from(slot).unwrap() + 1);
        let (slot, version) = (SlotId::new(slot), SlotVersion::new(version));
        let metadata = Chunk::sign(&owner, slot, version, data.to_vec()).metadata();
        assert!(!watch.knows(&metadata));
        watch.take_in(&metadata, Some(data), Phase::Nakamoto, secs(at));
        assert!(watch.knows(&metadata));
    }

    fn weights(signers: &[WatchedSigner]) -> Vec<u32> {
        signers.iter().map(|signer| signer.weight.get()).collect()
    }

    /// Two signers that have answered at second 10.
    fn good() -> Watch {
        let mut watch = Watch::new(roster(7, &[1, 2]), secs(0));
        write(&mut watch, 0, 1, &answer(1, 9), 10);
        write(&mut watch, 1, 1, &answer(2, 9), 10);
        watch
    }

    #[test]
    fn signers_that_have_answered_are_good_until_they_are_stale() {
        assert!(good().round(secs(1210), MAX_AGE).is_good());
        assert_eq!(weights(&good().round(secs(1211), MAX_AGE).stale), [1, 2]);
    }

    #[test]
    fn a_signer_that_writes_again_is_not_stale() {
        let mut watch = good();
        write(&mut watch, 1, 2, &answer(2, 10), 1000);
        assert_eq!(weights(&watch.round(secs(1211), MAX_AGE).stale), [1]);
    }

    #[test]
    fn an_empty_slot_is_missing_and_not_stale() {
        let mut watch = Watch::new(roster(7, &[1, 2]), secs(0));
        write(&mut watch, 0, 1, &answer(1, 9), 10);
        let round = watch.round(secs(20), MAX_AGE);
        assert_eq!(weights(&round.missing), [2]);
        assert!(round.stale.is_empty() && round.unexpected.is_empty());
        assert!(watch.knows(&SlotMetadata::unwritten(SlotId::new(1))));
    }

    #[test]
    fn what_is_no_answer_of_the_slots_owner_is_unexpected() {
        let commit = SignerMessage::BlockPreCommit(Sighash::new([9; 32])).to_bytes();
        let rows = [
            (commit, "block_pre_commit"),
            (vec![0xff, 1], "unreadable"),
            (answer(1, 9), "signed by another key"),
        ];
        for (data, found) in rows {
            let mut watch = good();
            write(&mut watch, 1, 2, &data, 20);
            let round = watch.round(secs(30), MAX_AGE);
            assert_eq!(round.unexpected.first().unwrap().found, Some(found));
            assert_eq!(weights(&round.unexpected), [2]);
        }
    }

    #[test]
    fn in_epoch_25_answers_are_what_is_not_expected() {
        assert_eq!(fault(&answer(1, 9), Phase::Mock, &key(1).public_key()), Some("block_response"));
    }

    #[test]
    fn a_new_cycle_begins_with_its_own_signers_and_nothing_of_the_last() {
        let old = good();
        let watch = Watch::new(roster(8, &[1]), secs(2000));
        assert_eq!(watch.cycle(), RewardCycle::new(8));
        let round = watch.round(secs(2001), MAX_AGE);
        assert_eq!((round.signers, weights(&round.missing)), (1, vec![1]));
        // A slot of a larger set that was is nobody's now.
        let slot = old.slots.get(1).unwrap().metadata.clone().unwrap();
        assert!(watch.knows(&slot));
    }

    #[test]
    fn slots_of_other_signers_make_no_roster() {
        let set = |number| {
            SignerSet::new(vec![Signer { key: key(number).public_key(), weight: Weight::new(1) }])
                .unwrap()
        };
        let slots = [StacksAddress::single_sig(Network::Testnet, &key(1).public_key())];
        let cycle = RewardCycle::new(7);
        assert!(Roster::new(cycle, Network::Testnet, &set(1), &slots).is_some());
        assert_eq!(Roster::new(cycle, Network::Testnet, &set(2), &slots), None);
        assert_eq!(Roster::new(cycle, Network::Mainnet, &set(1), &slots), None);
        assert_eq!(Roster::new(cycle, Network::Testnet, &set(1), &[]), None);
    }

    #[test]
    fn epochs_before_25_have_no_signers() {
        assert_eq!(Phase::of_epoch("Epoch24"), None);
        assert_eq!(Phase::of_epoch("Epoch25"), Some(Phase::Mock));
        assert_eq!(Phase::of_epoch("Epoch33"), Some(Phase::Nakamoto));
        assert_eq!(Phase::of_epoch("Epoch41"), Some(Phase::Nakamoto));
    }

    #[test]
    fn a_report_names_who_and_how_much_weight() {
        let mut watch = good();
        write(&mut watch, 1, 2, &[0xff], 20);
        let round = watch.round(secs(1300), MAX_AGE);
        let line = round.to_string();
        let stale = StacksAddress::single_sig(Network::Testnet, &key(1).public_key());
        assert!(
            line.starts_with(&format!(
                "cycle 7: stale 1 of 2 signers (weight 1 of 3): {stale} key 03"
            )),
            "{line}"
        );
        assert!(line.contains("; unexpected 1 of 2 signers (weight 2 of 3): ST"), "{line}");
        assert!(line.ends_with("(unreadable)"), "{line}");
        assert_eq!(
            good().round(secs(20), MAX_AGE).to_string(),
            "cycle 7: all 2 signers answer as they should"
        );
    }
}
