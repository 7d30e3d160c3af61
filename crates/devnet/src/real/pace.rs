//! What happens how often on a real network once epoch 3 has begun.

use std::time::Duration;

use countersign_wire::BurnHeight;
use tokio::time::MissedTickBehavior;

use super::bitcoin::{Bitcoin, BitcoinError};
use super::node::StacksNode;
use super::schedule::Schedule;
use crate::chain::{Faucet, TransactionDomain};
use crate::seed::Dice;

/// Mines burn blocks and gives the miner something to mine.
#[derive(Debug)]
pub(super) struct Pace {
    pub(super) bitcoin: Bitcoin,
    pub(super) node: StacksNode,
    pub(super) schedule: Schedule,
    pub(super) domain: TransactionDomain,
    pub(super) faucet: Faucet,
    pub(super) dice: Dice,
    pub(super) burn_interval: Duration,
    pub(super) block_interval: Duration,
    /// One in this many burn blocks has no winner; none if zero.
    pub(super) empty_sortition_in: u64,
}

impl Pace {
    /// Keeps the pace until bitcoind fails.
    pub(super) async fn keep(mut self) -> BitcoinError {
        let mut burn_blocks = ticks(self.burn_interval);
        let mut transfers = ticks(self.block_interval);
        // The first tick is at once, and the first burn block of epoch 3 has just been mined.
        burn_blocks.tick().await;
        let mut account = 0;
        loop {
            tokio::select! {
                _ = burn_blocks.tick() => {
                    if let Err(error) = self.mine().await {
                        return error;
                    }
                }
                _ = transfers.tick() => {
                    self.transfer(account).await;
                    account += 1;
                }
            }
        }
    }

    /// A burn block: with the miner's commitment, or now and then without any, but not where the
    /// next signers are chosen, for that takes blocks with winners.
    async fn mine(&mut self) -> Result<(), BitcoinError> {
        let next = BurnHeight::new(self.bitcoin.height().await? + 1);
        let cycles = self.schedule.cycles();
        let may_be_empty = !cycles.is_prepare_phase(next) && cycles.position(next) > 1;
        let is_empty = self.empty_sortition_in > 0
            && self.dice.below(self.empty_sortition_in) == 0
            && may_be_empty;
        if is_empty { self.bitcoin.mine_empty().await } else { self.bitcoin.mine().await }
    }

    /// A transfer from each account in turn. That one is refused, because the one before is not
    /// mined yet, is no harm: the next account is tried next.
    async fn transfer(&self, turn: usize) {
        let addresses = self.faucet.addresses(self.domain.network);
        let account = turn % addresses.len().max(1);
        let Some(address) = addresses.get(account) else { return };
        let Ok(state) = self.node.account(address).await else { return };
        let transfer = self.faucet.transfer(self.domain, account, state.nonce, TRANSFERRED_USTX);
        if let Some(transfer) = transfer {
            let _ = self.node.submit(&transfer).await;
        }
    }
}

fn ticks(every: Duration) -> tokio::time::Interval {
    let mut ticks = tokio::time::interval(every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}

const TRANSFERRED_USTX: u64 = 1000;
