//! The signers of a cycle: who they are, when they were heard, and how they see the chain.

use std::collections::BTreeMap;

use countersign_signer::Timestamp;
use countersign_status::{Block, Outcome, Peer, View, VoteKind};
use countersign_wire::{Network, PublicKey, RewardCycle, SlotId, Weight};

use super::address;
use super::word::Sight;

/// Everybody, by cycle.
#[derive(Clone, Debug, Default)]
pub(super) struct Peers {
    rosters: BTreeMap<RewardCycle, Roster>,
}

#[derive(Clone, Debug, Default)]
struct Roster {
    signers: Vec<Member>,
    /// Our own view.
    ours: Option<Sight>,
}

#[derive(Clone, Debug)]
struct Member {
    key: PublicKey,
    weight: Weight,
    program: Option<String>,
    heard_at: Option<Timestamp>,
    sight: Option<Sight>,
}

impl Peers {
    /// Who signs in a cycle.
    pub(super) fn seat(&mut self, cycle: RewardCycle, signers: Vec<(PublicKey, Weight)>) {
        let roster = self.rosters.entry(cycle).or_default();
        let is_known = roster.signers.len() == signers.len()
            && roster.signers.iter().zip(&signers).all(|(old, (key, _))| old.key == *key);
        if is_known {
            return;
        }
        let member =
            |(key, weight)| Member { key, weight, program: None, heard_at: None, sight: None };
        roster.signers = signers.into_iter().map(member).collect();
        while self.rosters.len() > MAX_CYCLES {
            self.rosters.pop_first();
        }
    }

    /// A signer wrote something.
    pub(super) fn hear(&mut self, key: &PublicKey, program: Option<&String>, at: Timestamp) {
        for roster in self.rosters.values_mut() {
            if let Some(member) = roster.signers.iter_mut().find(|member| member.key == *key) {
                member.heard_at = Some(at);
                if program.is_some() {
                    member.program = program.cloned();
                }
            }
        }
    }

    /// How a signer sees the chain, or we do.
    pub(super) fn see(&mut self, cycle: RewardCycle, from: Option<SlotId>, sight: Sight) {
        let Some(roster) = self.rosters.get_mut(&cycle) else { return };
        match from {
            None => roster.ours = Some(sight),
            Some(slot) => {
                let place = usize::try_from(slot.get()).ok();
                if let Some(member) = place.and_then(|place| roster.signers.get_mut(place)) {
                    member.sight = Some(sight);
                }
            }
        }
    }

    /// A cycle is over.
    pub(super) fn leave(&mut self, cycle: RewardCycle) {
        self.rosters.remove(&cycle);
    }

    /// Our own view in a cycle.
    pub(super) fn ours(&self, cycle: RewardCycle) -> Option<Sight> {
        self.rosters.get(&cycle)?.ours
    }

    /// What is shown: the heaviest in the order of their slots, and how many are left out.
    pub(super) fn show(
        &self,
        cycle: Option<RewardCycle>,
        own: &[PublicKey],
        network: Network,
        blocks: &[Block],
    ) -> (Vec<Peer>, usize) {
        let roster = cycle.and_then(|cycle| self.rosters.get(&cycle));
        let Some(roster) = roster else { return (Vec::new(), 0) };
        let mut heaviest: Vec<(u32, &Member)> = (0..).zip(&roster.signers).collect();
        heaviest.sort_by_key(|(slot, member)| (std::cmp::Reverse(member.weight), *slot));
        let left_out = heaviest.len().saturating_sub(MAX_SHOWN);
        heaviest.truncate(MAX_SHOWN);
        heaviest.sort_by_key(|(slot, _)| *slot);
        let peers = heaviest.into_iter().map(|(slot, member)| {
            let is_us = own.contains(&member.key);
            let sight = if is_us { roster.ours } else { member.sight };
            let (signed, of) = record(slot, blocks);
            Peer {
                slot,
                address: address(network, &member.key),
                weight: member.weight.get().into(),
                is_us,
                version: member.program.clone(),
                protocol: sight.map(|sight| sight.protocol),
                heard_at: member.heard_at.map(Timestamp::as_millis),
                view: compare(sight, roster.ours),
                signed,
                of,
            }
        });
        (peers.collect(), left_out)
    }
}

/// How many of the accepted blocks a signer has signed, and how many there are.
fn record(slot: u32, blocks: &[Block]) -> (u32, u32) {
    let accepted = blocks
        .iter()
        .filter(|block| block.outcome == Outcome::Accepted && block.proposed_at.is_some());
    let (mut signed, mut of) = (0, 0);
    for block in accepted {
        of += 1;
        let vote = block.votes.iter().find(|vote| vote.slot == slot);
        signed += u32::from(vote.is_some_and(|vote| vote.kind == VoteKind::Signed));
    }
    (signed, of)
}

fn compare(theirs: Option<Sight>, ours: Option<Sight>) -> View {
    let (Some(theirs), Some(ours)) = (theirs, ours) else { return View::Unknown };
    match theirs.burn_height.cmp(&ours.burn_height) {
        std::cmp::Ordering::Less => View::Behind,
        std::cmp::Ordering::Greater => View::Ahead,
        std::cmp::Ordering::Equal => {
            let is_same = theirs.burn_block == ours.burn_block && theirs.miner == ours.miner;
            if is_same { View::Same } else { View::Other }
        }
    }
}

/// The core knows of two cycles at a time.
const MAX_CYCLES: usize = 3;
/// More fit on no page.
const MAX_SHOWN: usize = 120;
