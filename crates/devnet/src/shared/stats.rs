//! The numbers of a run.

use std::path::PathBuf;
use std::time::Instant;

use crate::event::{DevnetEvent, Summary};

/// Counts what the summary tells.
#[derive(Debug)]
pub(crate) struct Stats {
    started_at: Instant,
    last_block_at: Instant,
    blocks: u64,
    burn_blocks: u64,
    reward_cycles: u64,
    signatures: Vec<u64>,
    threshold_ms: Vec<u64>,
    /// Who had not answered the proposal under way when it was made again.
    silent: Vec<usize>,
}

impl Stats {
    /// Nothing has happened; `signers` is how many there are.
    pub(crate) fn new(signers: usize) -> Self {
        let now = Instant::now();
        Self {
            started_at: now,
            last_block_at: now,
            blocks: 0,
            burn_blocks: 0,
            reward_cycles: 0,
            signatures: vec![0; signers],
            threshold_ms: Vec::new(),
            silent: Vec::new(),
        }
    }

    pub(crate) fn on_event(&mut self, event: &DevnetEvent) {
        match event {
            DevnetEvent::BlockAdopted { threshold_ms, .. } => {
                self.blocks += 1;
                self.last_block_at = Instant::now();
                self.threshold_ms.push(*threshold_ms);
                self.silent.clear();
            }
            DevnetEvent::BurnBlock { .. } => self.burn_blocks += 1,
            DevnetEvent::RewardCycle { .. } => self.reward_cycles += 1,
            _ => {}
        }
    }

    /// A signer signed a block that it had not signed before.
    pub(crate) fn count_signature(&mut self, signer: usize) {
        if let Some(count) = self.signatures.get_mut(signer) {
            *count += 1;
        }
    }

    /// A proposal is made again because these signers have not answered it.
    pub(crate) fn note_silent(&mut self, signers: Vec<usize>) {
        self.silent = signers;
    }

    /// Which of the signers that satisfy `is_asked` have not answered the proposal under way.
    pub(crate) fn silent(&self, is_asked: impl Fn(usize) -> bool) -> Vec<String> {
        let mut silent: Vec<_> = self.silent.iter().filter(|signer| is_asked(**signer)).collect();
        silent.sort_unstable();
        silent.into_iter().map(ToString::to_string).collect()
    }

    pub(crate) fn last_block_at(&self) -> Instant {
        self.last_block_at
    }

    /// The summary so far.
    pub(crate) fn summary(&self, folder: Option<PathBuf>) -> Summary {
        let mut sorted = self.threshold_ms.clone();
        sorted.sort_unstable();
        Summary {
            blocks: self.blocks,
            burn_blocks: self.burn_blocks,
            reward_cycles: self.reward_cycles,
            signatures: self.signatures.clone(),
            median_threshold_ms: percentile(&sorted, 50),
            p99_threshold_ms: percentile(&sorted, 99),
            seconds: self.started_at.elapsed().as_secs(),
            folder,
            signers: Vec::new(),
        }
    }
}

/// The smallest value that at least `percent` of the sorted values do not exceed.
fn percentile(sorted: &[u64], percent: usize) -> Option<u64> {
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted.get(rank - 1).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_values_that_occurred() {
        let sorted: Vec<u64> = (1..=100).collect();
        assert_eq!(percentile(&sorted, 50), Some(50));
        assert_eq!(percentile(&sorted, 99), Some(99));
        assert_eq!(percentile(&[7], 99), Some(7));
        assert_eq!(percentile(&[], 50), None);
    }
}
