//! How quick things were in the last hour.

use std::collections::VecDeque;

use countersign_signer::{Millis, Timestamp};
use countersign_status::Latency;

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Measured {
    /// From the hand-over of a block to the node until its verdict.
    Validation,
    /// From a proposal to our promise.
    PreCommit,
    /// From a proposal to our signature or rejection.
    Response,
    /// From a proposal until enough had signed.
    Approval,
}

impl Measured {
    const ALL: [Self; 4] = [Self::PreCommit, Self::Response, Self::Validation, Self::Approval];

    const fn name(self) -> &'static str {
        match self {
            Self::Validation => "validation",
            Self::PreCommit => "pre_commit",
            Self::Response => "response",
            Self::Approval => "approval",
        }
    }

    const fn text(self) -> &'static str {
        match self {
            Self::Validation => "our node validates a block",
            Self::PreCommit => "from a proposal to our promise to sign",
            Self::Response => "from a proposal to our answer",
            Self::Approval => "from a proposal until enough have signed",
        }
    }
}

/// The measurements of the last hour, at most [`MAX_KEPT`] of each kind.
#[derive(Clone, Debug, Default)]
pub(super) struct Latencies([VecDeque<(Timestamp, u64)>; 4]);

impl Latencies {
    /// One measurement.
    pub(super) fn add(&mut self, measured: Measured, took: Millis, at: Timestamp) {
        let place = Measured::ALL.iter().position(|kind| *kind == measured);
        let Some(kept) = place.and_then(|place| self.0.get_mut(place)) else { return };
        if kept.len() >= MAX_KEPT {
            kept.pop_front();
        }
        kept.push_back((at, took.get()));
    }

    /// What is shown at `now`.
    pub(super) fn show(&self, now: Timestamp) -> Vec<Latency> {
        let rows = Measured::ALL.iter().zip(&self.0);
        rows.map(|(measured, kept)| {
            let fresh = kept.iter().filter(|(at, _)| now.since(*at) <= WINDOW);
            let taken: Vec<u64> = fresh.map(|(_, took)| *took).collect();
            let recent = taken.iter().skip(taken.len().saturating_sub(MAX_RECENT));
            let recent_ms = recent.copied().collect();
            let mut sorted = taken.clone();
            sorted.sort_unstable();
            Latency {
                name: measured.name().to_owned(),
                text: measured.text().to_owned(),
                count: sorted.len(),
                p50_ms: quantile(&sorted, 50),
                p99_ms: quantile(&sorted, 99),
                max_ms: sorted.last().copied(),
                recent_ms,
            }
        })
        .collect()
    }
}

/// The smallest of `sorted` that `percent` of 100 are not above.
fn quantile(sorted: &[u64], percent: usize) -> Option<u64> {
    let rank = (sorted.len() * percent).div_ceil(100);
    sorted.get(rank.saturating_sub(1)).copied()
}

/// How far back is looked.
const WINDOW: Millis = Millis::from_secs(3600);
/// A block a second for an hour.
const MAX_KEPT: usize = 3600;
/// How many measurements a picture shows.
const MAX_RECENT: usize = 60;

#[cfg(test)]
mod tests {
    #![allow(clippy::indexing_slicing, reason = "a test fails by panicking")]

    use super::*;

    #[test]
    fn the_last_hour_counts_and_quantiles_are_of_what_was_measured() {
        let mut latencies = Latencies::default();
        let start = Timestamp::from_secs(1_000_000);
        latencies.add(Measured::Response, Millis::new(90_000), start);
        for took in 1..=100 {
            let at = start.plus(Millis::from_secs(10 + took));
            latencies.add(Measured::Response, Millis::new(took), at);
        }
        let shown = latencies.show(start.plus(Millis::from_secs(3605)));
        let response = &shown[1];
        assert_eq!((response.name.as_str(), response.count), ("response", 100));
        let found = (response.p50_ms, response.p99_ms, response.max_ms);
        assert_eq!(found, (Some(50), Some(99), Some(100)));
        assert_eq!(response.recent_ms, (41..=100).collect::<Vec<_>>());
        assert_eq!((shown[0].count, shown[0].p50_ms), (0, None));
    }

    #[test]
    fn no_number_of_measurements_makes_it_large() {
        let mut latencies = Latencies::default();
        for took in 0..10_000 {
            latencies.add(Measured::Approval, Millis::new(took), Timestamp::from_secs(5));
        }
        assert_eq!(latencies.0[3].len(), MAX_KEPT);
        assert_eq!(latencies.show(Timestamp::from_secs(5))[3].max_ms, Some(9_999));
    }
}
