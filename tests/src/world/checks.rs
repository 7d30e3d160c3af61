//! What must hold after every event, whatever the weather and whoever lies.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use countersign_signer::{AcceptanceOrder, BlockState, OverrideReason, Timestamp};
use countersign_wire::message::{BlockResponse, SignerMessage};
use countersign_wire::{
    ConsensusHash, MessageSignature, NakamotoBlock, PublicKey, Sighash, SignerSet, StacksHeight,
    Weight,
};

use super::store::Store;

/// A rule that was broken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The world in which it happened.
    pub seed: u64,
    /// Virtual milliseconds since the start.
    pub after: u64,
    /// What happened.
    pub what: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "seed {}: after {} ms: {}\n  replay it: COUNTERSIGN_SEED={} cargo test -p system-tests \
             --test simulation",
            self.seed, self.after, self.what, self.seed
        )
    }
}

/// What was seen so far, told by the world and not by the cores.
#[derive(Debug, Default)]
pub(super) struct Checks {
    /// Signatures over blocks, by signer, in the order in which the vault made them.
    issued: BTreeMap<usize, Vec<Issued>>,
    /// Who has let the network see a promise or a signature, by block.
    promised: BTreeMap<Sighash, BTreeSet<PublicKey>>,
    /// Which blocks a signer was told to be valid by its node.
    valid: BTreeSet<(usize, Sighash)>,
    adopted: BTreeMap<(ConsensusHash, StacksHeight), Sighash>,
}

#[derive(Clone, Debug)]
struct Issued {
    order: AcceptanceOrder,
    signature: MessageSignature,
}

/// What is known about a block that a signer is about to sign.
pub(super) struct Ballot<'a> {
    pub(super) store: &'a Store,
    pub(super) set: &'a SignerSet,
    pub(super) own: PublicKey,
}

impl Checks {
    pub(super) fn told_valid(&mut self, signer: usize, sighash: Sighash) {
        self.valid.insert((signer, sighash));
    }

    /// A message is on the network.
    pub(super) fn left(&mut self, from: PublicKey, message: &SignerMessage) {
        match message {
            SignerMessage::BlockPreCommit(sighash) => {
                self.promised.entry(*sighash).or_default().insert(from);
            }
            SignerMessage::BlockResponse(BlockResponse::Accepted(accepted)) => {
                if let Some(voter) = accepted.recover() {
                    self.promised.entry(accepted.sighash).or_default().insert(voter);
                }
            }
            _ => {}
        }
    }

    /// Whether everything that a message of an honest signer stands for is on record.
    pub(super) fn judge_message(message: &SignerMessage, store: &Store) -> Result<(), String> {
        match message {
            SignerMessage::BlockPreCommit(sighash) => match store.record(sighash) {
                Some(record) if record.approved_at.is_some() => Ok(()),
                found => Err(format!("a promise for {sighash} left without a record: {found:?}")),
            },
            SignerMessage::BlockResponse(BlockResponse::Accepted(accepted)) => {
                let sighash = accepted.sighash;
                match store.record(&sighash) {
                    Some(record) if record.signed_self_at.is_some() => Ok(()),
                    found => {
                        Err(format!("a signature of {sighash} left without a record: {found:?}"))
                    }
                }
            }
            _ => Ok(()),
        }
    }

    /// Whether a signer may order this signature: recorded, valid, promised by enough, not rejected.
    pub(super) fn judge_order(
        &self,
        signer: usize,
        order: &AcceptanceOrder,
        ballot: &Ballot<'_>,
    ) -> Result<(), String> {
        let sighash = order.sighash;
        let Some(record) = ballot.store.record(&sighash) else {
            return Err(format!("signer {signer} signs {sighash}, which is not on record"));
        };
        let complain = |why: &str| Err(format!("signer {signer} signs {sighash}, {why}"));
        if record.signed_self_at.is_none() {
            return complain("and its record does not say so");
        }
        if record.state == BlockState::GloballyRejected {
            return complain("which is globally rejected");
        }
        if record.valid != Some(true) || !self.valid.contains(&(signer, sighash)) {
            return complain("which its node did not find valid");
        }
        let total = ballot.set.total();
        let promised: Weight = ballot
            .set
            .signers()
            .iter()
            .filter(|member| {
                member.key == ballot.own
                    || self.promised.get(&sighash).is_some_and(|keys| keys.contains(&member.key))
            })
            .map(|member| member.weight)
            .sum();
        if !promised.approves(total) {
            return complain(&format!("which only {promised:?} of {total:?} have promised"));
        }
        let rejected: Weight =
            ballot.store.rejecters(&sighash).map(|slot| ballot.set.weight_of(slot)).sum();
        if rejected.blocks_approval(total) {
            return complain(&format!("which {rejected:?} of {total:?} reject"));
        }
        Ok(())
    }

    /// Whether a signature that a vault made contradicts an earlier one that still binds: one that
    /// the order does not name, or names with a reason that cannot be true.
    pub(super) fn signed(
        &mut self,
        signer: usize,
        order: &AcceptanceOrder,
        signature: MessageSignature,
        fresh_for_ms: u64,
    ) -> Result<(), String> {
        let issued = self.issued.entry(signer).or_default();
        for earlier in issued.iter() {
            if earlier.order.sighash == order.sighash {
                if earlier.signature != signature {
                    return Err(format!("signer {signer} signed {} twice", order.sighash));
                }
                return Ok(());
            }
            if earlier.order.height() >= order.height() {
                judge_override(signer, &earlier.order, order, fresh_for_ms)?;
            }
        }
        issued.push(Issued { order: order.clone(), signature });
        Ok(())
    }

    /// A block became part of the chain. The other one, if there is another at its place.
    pub(super) fn adopt(&mut self, block: &NakamotoBlock) -> Option<Sighash> {
        let header = &block.header;
        let sighash = block.sighash();
        let place = (header.consensus_hash, header.chain_length);
        let first = *self.adopted.entry(place).or_insert(sighash);
        (first != sighash).then_some(first)
    }

    /// A Bitcoin fork has taken all blocks but these out of the chain.
    pub(super) fn reorganised(&mut self, on_chain: &BTreeSet<Sighash>) {
        self.adopted.retain(|_, sighash| on_chain.contains(sighash));
    }

    /// When a signer first ordered its signature of a block.
    pub(super) fn signed_at(&self, signer: usize, sighash: &Sighash) -> Option<Timestamp> {
        let issued = self.issued.get(&signer)?;
        issued.iter().find(|issued| issued.order.sighash == *sighash).map(|issued| issued.order.at)
    }
}

fn judge_override(
    signer: usize,
    earlier: &AcceptanceOrder,
    order: &AcceptanceOrder,
    fresh_for_ms: u64,
) -> Result<(), String> {
    let (new, old) = (order.sighash, earlier.sighash);
    let Some((_, reason)) = order.overriding.iter().find(|(named, _)| *named == old) else {
        return Err(format!("signer {signer} signs {new} and contradicts {old} unawares"));
    };
    let age = order.at.as_millis().saturating_sub(earlier.at.as_millis());
    let is_sibling = earlier.tenure() == order.tenure() && earlier.height() == order.height();
    match reason {
        OverrideReason::Stale if age < fresh_for_ms => Err(format!(
            "signer {signer} signs {new} and calls {old} stale, which it signed {age} ms ago"
        )),
        OverrideReason::NotLive if is_sibling && age < fresh_for_ms => Err(format!(
            "signer {signer} signs {new} and calls its sibling {old} of {age} ms ago dead"
        )),
        _ => Ok(()),
    }
}
