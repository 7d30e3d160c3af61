//! The miners: they tick the burn chain, propose blocks, collect signatures, publish.
//!
//! One task plays all of them, since only the winner of the newest sortition mines. It speaks to
//! the signers as real miners do, through slots of `.miners`, and hears them through the slots of
//! their lanes.

mod asking;
mod build;
mod tally;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use countersign_wire::message::SignerMessage;
use countersign_wire::stackerdb::{Chunk, Lane};
use countersign_wire::{
    ConsensusHash, Hash160, NakamotoBlock, PrivateKey, PublicKey, SlotId, SlotVersion, Wire as _,
};
use tokio::sync::mpsc;
use tokio::time::Instant;

use asking::Asking;
pub(crate) use tally::Tally;

use crate::chain::{Faucet, StackerDb, Winner};
use crate::event::{CycleSigner, DevnetEvent};
use crate::seed::Dice;
use crate::shared::{ChainHandle, Notice, SharedChain, Stopped};

/// How fast the network runs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    /// Between burn blocks.
    pub(crate) burn_interval: Duration,
    /// Between the first proposals of two blocks.
    pub(crate) block_interval: Duration,
    /// One in this many sortitions has no winner; none if zero.
    pub(crate) empty_sortition_in: u64,
    /// How many transfers are in a block.
    pub(crate) transfers: usize,
}

/// Who acts.
#[derive(Debug)]
pub(crate) struct Actors {
    /// The miners' keys.
    pub(crate) miners: Vec<PrivateKey>,
    /// The signers' public keys, in the order of their numbers.
    pub(crate) signers: Vec<PublicKey>,
    /// The keys that take the place of some of them, with the signers' numbers.
    pub(crate) next_keys: Vec<(PublicKey, usize)>,
    /// Who pays for transactions.
    pub(crate) faucet: Faucet,
}

impl Actors {
    fn miner_with(&self, key_hash: &Hash160) -> Option<usize> {
        self.miners.iter().position(|key| key.public_key().hash160() == *key_hash)
    }

    /// The signers that have not answered, by their numbers.
    fn numbers(&self, tally: &Tally) -> Vec<usize> {
        let keys = tally.silent().filter_map(|slot| tally.set().get(slot));
        keys.filter_map(|signer| self.signer_with(&signer.key)).collect()
    }

    fn signer_with(&self, key: &PublicKey) -> Option<usize> {
        let next =
            || self.next_keys.iter().find(|(next, _)| next == key).map(|(_, signer)| *signer);
        self.signers.iter().position(|signer| signer == key).or_else(next)
    }
}

/// All miners together.
pub(crate) struct Miners {
    actors: Arc<Actors>,
    pace: Pace,
    dice: Dice,
    chain: ChainHandle,
    notices: mpsc::Receiver<Notice>,
    /// The proposal that waits for signatures.
    asking: Option<Asking>,
    /// Decided or given up, still listened to: late signatures count, and may yet suffice.
    earlier: VecDeque<Asking>,
    next_burn: Instant,
    next_proposal: Instant,
    /// The last versions written into the slots of `.miners`.
    versions: BTreeMap<SlotId, SlotVersion>,
    built: u64,
    /// The pause after the next rejection; grows with each one in a row.
    rejection_pause: Duration,
}

impl Miners {
    /// Miners that have not done anything yet.
    pub(crate) fn new(
        actors: Arc<Actors>,
        pace: Pace,
        dice: Dice,
        chain: ChainHandle,
        notices: mpsc::Receiver<Notice>,
    ) -> Self {
        let now = Instant::now();
        Self {
            actors,
            pace,
            dice,
            chain,
            notices,
            asking: None,
            earlier: VecDeque::new(),
            next_burn: now + pace.burn_interval.min(FIRST_BURN_BLOCK),
            next_proposal: now + pace.burn_interval,
            versions: BTreeMap::new(),
            built: 0,
            rejection_pause: RETRY,
        }
    }

    /// Mines until the chain is gone.
    pub(crate) async fn run(mut self) {
        while let Ok(()) = self.turn().await {}
    }

    async fn turn(&mut self) -> Result<(), Stopped> {
        let next = match &self.asking {
            Some(asking) => asking.repeat_at(),
            None => self.next_proposal,
        };
        tokio::select! {
            biased;
            notice = self.notices.recv() => self.on_notice(notice.ok_or(Stopped)?).await,
            () = tokio::time::sleep_until(self.next_burn) => self.mine_burn_block().await,
            () = tokio::time::sleep_until(next) => self.propose().await,
        }
    }

    /// The next burn block, its winner drawn among the miners.
    async fn mine_burn_block(&mut self) -> Result<(), Stopped> {
        self.next_burn = Instant::now() + self.pace.burn_interval;
        let miners = u64::try_from(self.actors.miners.len()).unwrap_or(1).max(1);
        let is_empty =
            self.pace.empty_sortition_in > 0 && self.dice.below(self.pace.empty_sortition_in) == 0;
        let drawn = usize::try_from(self.dice.below(miners)).unwrap_or_default();
        let winner = self.actors.miners.get(drawn).filter(|_| !is_empty);
        let winner = winner.map(|key| Winner::honest(key.public_key().hash160()));
        let has_winner = winner.is_some();
        let actors = Arc::clone(&self.actors);
        self.chain
            .ask(move |shared| {
                shared.mine_burn_block(winner);
                announce_burn_block(shared, &actors);
            })
            .await?;
        if has_winner {
            self.rejection_pause = RETRY;
            // The old miner gives up; the new one lets the news of its victory spread first, since
            // signers refuse blocks of a tenure that they do not agree on yet.
            self.give_up();
            self.next_proposal = Instant::now() + (self.pace.burn_interval / 8).min(SETTLE);
        }
        Ok(())
    }

    /// Proposes the block that waits once more, or a new one.
    async fn propose(&mut self) -> Result<(), Stopped> {
        let waiting = match self.asking.take() {
            Some(asking) => Some(asking),
            None => self.build().await?,
        };
        let Some(mut asking) = waiting else {
            self.next_proposal = Instant::now() + RETRY;
            return Ok(());
        };
        if asking.is_repeated() {
            let silent = self.actors.numbers(&asking.tally);
            self.chain.ask(move |shared| shared.stats().note_silent(silent)).await?;
        }
        asking.begin_attempt();
        let message = SignerMessage::BlockProposal(Box::new(asking.proposal()));
        self.write(asking.author(), PROPOSAL_SLOT, &message).await?;
        let event = asking.proposed();
        self.asking = Some(asking);
        self.chain.ask(move |shared| shared.emit(&event)).await
    }

    async fn build(&mut self) -> Result<Option<Asking>, Stopped> {
        self.built += 1;
        let (actors, transfers, amount) =
            (Arc::clone(&self.actors), self.pace.transfers, self.built);
        self.chain.ask(move |shared| build::next(shared.chain(), &actors, transfers, amount)).await
    }

    async fn on_notice(&mut self, notice: Notice) -> Result<(), Stopped> {
        match notice {
            Notice::Written(lane, chunk) => self.on_written(lane, &chunk).await,
            Notice::Adopted(block) => self.on_adopted(&block).await,
        }
    }

    /// Counts a signer's message for every proposal that is still listened to.
    async fn on_written(&mut self, lane: Lane, chunk: &Chunk) -> Result<(), Stopped> {
        for asking in self.earlier.iter_mut().chain(&mut self.asking) {
            let Some(signer) = asking.tally.count(lane, chunk) else { continue };
            let key = asking.tally.set().get(signer).map(|signer| signer.key);
            if let Some(signer) = key.and_then(|key| self.actors.signer_with(&key)) {
                self.chain.ask(move |shared| shared.stats().count_signature(signer)).await?;
            }
        }
        match &self.asking {
            Some(asking) if asking.tally.is_approved() => self.publish().await,
            Some(asking) if asking.tally.is_blocked() => {
                let event = asking.rejected();
                self.give_up();
                // A new block needs a new timestamp, and the signers a moment to agree.
                self.next_proposal = Instant::now() + self.rejection_pause;
                self.rejection_pause = (self.rejection_pause * 2).min(MAX_REJECTION_PAUSE);
                self.chain.ask(move |shared| shared.emit(&event)).await
            }
            _ => Ok(()),
        }
    }

    /// Puts the signatures into the header and the block onto the chain.
    async fn publish(&mut self) -> Result<(), Stopped> {
        let Some(asking) = &mut self.asking else { return Ok(()) };
        asking.note_threshold();
        let block = asking.signed();
        let submitted = self.chain.ask(move |shared| shared.submit(&block)).await?;
        if let Err(reason) = submitted {
            // The chain and the miner count alike, so this is a block that another one overtook.
            self.give_up();
            self.next_proposal = Instant::now() + RETRY;
            let missing = vec![format!("the node refuses the signed block: {reason}")];
            let event = DevnetEvent::Waiting { seconds: 0, missing };
            self.chain.ask(move |shared| shared.emit(&event)).await?;
        }
        Ok(())
    }

    /// A block is part of the chain, whoever brought it there.
    async fn on_adopted(&mut self, block: &NakamotoBlock) -> Result<(), Stopped> {
        let sighash = block.sighash();
        self.rejection_pause = RETRY;
        let is_current = self.asking.as_ref().is_some_and(|asking| asking.is_for(&sighash));
        if is_current {
            let first_asked_at = self.asking.as_ref().map(Asking::first_asked_at);
            self.give_up();
            let next = first_asked_at.map_or_else(Instant::now, |at| at + self.pace.block_interval);
            self.next_proposal = next.max(Instant::now());
        } else if self
            .asking
            .as_ref()
            .is_some_and(|asking| asking.height() <= block.header.chain_length)
        {
            // What was proposed is overtaken: build on this block.
            self.give_up();
            self.next_proposal = Instant::now();
        }
        let Some(asking) = self.earlier.iter_mut().rev().find(|asking| asking.is_for(&sighash))
        else {
            return Ok(());
        };
        asking.tally.adopt(&block.header.signer_signature);
        asking.note_threshold();
        let (event, author) = (asking.adopted(), asking.author());
        self.chain.ask(move |shared| shared.emit(&event)).await?;
        let message = SignerMessage::BlockPushed(Box::new(block.clone()));
        self.write(author, PUSHED_SLOT, &message).await
    }

    fn give_up(&mut self) {
        self.earlier.extend(self.asking.take());
        while self.earlier.len() > LISTEN_TO {
            self.earlier.pop_front();
        }
    }

    /// Writes a message into one of the two slots that belong to a miner's tenure.
    async fn write(
        &mut self,
        (miner, tenure): (usize, ConsensusHash),
        offset: u32,
        message: &SignerMessage,
    ) -> Result<(), Stopped> {
        let first = self.chain.ask(move |shared| shared.chain().miner_slot(&tenure)).await?;
        // A tenure that is not of the last two winners any more has nothing to say.
        let Some(first) = first else { return Ok(()) };
        let slot = SlotId::new(first.get() + offset);
        let data = message.to_bytes();
        loop {
            let version = self.versions.entry(slot).or_default();
            *version = version.next();
            let Some(key) = self.actors.miners.get(miner) else { return Ok(()) };
            let chunk = Chunk::sign(key, slot, *version, data.clone());
            let put = self.chain.ask(move |shared| shared.put_chunk(StackerDb::Miners, chunk));
            let ack = put.await?;
            let stored = ack.metadata.map(|metadata| metadata.slot_version);
            match stored {
                // The slot has a later version from before it changed hands and came back.
                Some(stored) if !ack.accepted && stored >= *version => *version = stored,
                _ => return Ok(()),
            }
        }
    }
}

/// Says what the newest burn block brought, and the reward cycle if it began with it.
pub(crate) fn announce_burn_block(shared: &mut SharedChain, actors: &Actors) {
    let chain = shared.chain();
    let tip = chain.burn_tip().clone();
    let cycles = chain.config().cycles();
    let cycle = cycles.cycle_of(tip.height);
    let begins = cycles.position(tip.height) == 0;
    let miner = tip.winner.and_then(|winner| actors.miner_with(&winner.miner));
    let burn_block = DevnetEvent::BurnBlock {
        height: tip.height,
        consensus_hash: tip.consensus_hash,
        miner,
        cycle,
    };
    if begins {
        announce_cycle(shared, actors);
    }
    shared.emit(&burn_block);
}

/// Says who signs in the current reward cycle.
pub(crate) fn announce_cycle(shared: &mut SharedChain, actors: &Actors) {
    let chain = shared.chain();
    let cycles = chain.config().cycles();
    let cycle = cycles.cycle_of(chain.burn_tip().height);
    let Some(set) = chain.stacker_set(cycle) else { return };
    let signers = set.signers().iter().filter_map(|signer| {
        Some(CycleSigner { signer: actors.signer_with(&signer.key)?, weight: signer.weight })
    });
    let event = DevnetEvent::RewardCycle {
        cycle,
        first_burn_height: cycles.first_height(cycle),
        total_weight: set.total(),
        signers: signers.collect(),
    };
    shared.emit(&event);
}

/// Offsets in a miner's pair of slots (`signer-wire.md` section 5.1).
const PROPOSAL_SLOT: u32 = 0;
const PUSHED_SLOT: u32 = 1;
/// The first burn block comes early, so that there is something to see.
const FIRST_BURN_BLOCK: Duration = Duration::from_secs(2);
/// How long the news of a sortition may spread before its winner proposes.
const SETTLE: Duration = Duration::from_millis(300);
/// The pause before a block is built again.
const RETRY: Duration = Duration::from_millis(500);
/// How long a miner waits at most after a rejection.
const MAX_REJECTION_PAUSE: Duration = Duration::from_secs(4);
/// How many proposals late signatures are counted for.
const LISTEN_TO: usize = 16;
