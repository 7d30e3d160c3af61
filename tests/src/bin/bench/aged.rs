//! A store as a long life leaves it behind.

use std::path::Path;
use std::sync::Arc;

use countersign_signer::{BlockState, Millis, Outline, Record, Timestamp, Write};
use countersign_signerd::config::Config;
use countersign_signerd::store::Store;
use countersign_wire::hash::sha256;
use countersign_wire::{
    BurnHeight, MessageSignature, NakamotoBlock, RewardCycle, Sighash, SlotId, StacksHeight,
};

use crate::error::BenchError;

/// Fills the store that belongs to a configuration file with more than 100,000 rows: as many blocks as
/// are remembered, each with votes, the youngest with their contents. Returns whether there was a
/// store: another program keeps none that we know how to fill.
pub(crate) fn fill(
    config: &Path,
    template: &NakamotoBlock,
    cycle: RewardCycle,
) -> Result<bool, BenchError> {
    let config = Config::load(config).map_err(|_| BenchError::Missing("readable configuration"))?;
    let Some(path) = config.db_path.store().filter(|path| path.exists()) else {
        return Ok(false);
    };
    let mut store = Store::open(&path)?;
    for number in 0..BLOCKS {
        store.commit(&writes(number, template, cycle))?;
    }
    store.tidy()?;
    Ok(true)
}

/// A block that became part of the chain long ago.
fn writes(number: u64, template: &NakamotoBlock, cycle: RewardCycle) -> Vec<Write> {
    let sighash = Sighash::new(sha256(&[b"aged", &number.to_be_bytes()]));
    let mut block = template.clone();
    block.header.chain_length = StacksHeight::new(1 + number % HEIGHTS);
    let at = Timestamp::from_secs(1);
    let record = Record {
        sighash,
        cycle,
        outline: Outline::of(&block),
        block: number.is_multiple_of(CONTENT_EVERY).then(|| Arc::new(block)),
        burn_height: BurnHeight::new(1),
        state: BlockState::GloballyAccepted,
        valid: Some(true),
        proposed_at: at,
        approved_at: Some(at),
        signed_self_at: None,
        signed_group_at: Some(at),
        validation_time: Millis::new(1),
        reject_reason: None,
        uploaded: true,
    };
    let mut writes = vec![Write::Record(Box::new(record))];
    for from in (0..VOTERS).map(SlotId::new) {
        writes.push(Write::PreCommit { sighash, from });
        writes.push(Write::Acceptance { sighash, from, signature: MessageSignature::EMPTY });
    }
    writes
}

/// What the filled store has at the least.
#[cfg(test)]
const ROWS: u64 = 100_000;
/// As many as a signer remembers.
const BLOCKS: u64 = countersign_signer::MAX_RECORDS as u64;
const VOTERS: u32 = 12;
/// Of this many blocks one still has its content.
const CONTENT_EVERY: u64 = 6;
/// The blocks lie at so few heights, below everything that is proposed here.
const HEIGHTS: u64 = 8;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rows_are_as_many_as_the_report_says() {
        assert!(BLOCKS * (1 + 2 * u64::from(VOTERS)) >= ROWS);
    }
}
