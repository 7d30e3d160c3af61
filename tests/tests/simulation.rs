//! Deterministic simulation: safety after every event, progress after healing, in every seed.
//!
//! `COUNTERSIGN_SEEDS` says how many seeds are run, `COUNTERSIGN_SEED` runs a single one and tells
//! its story if it fails.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use system_tests::world::{Coverage, Outcome, Plan, Violation, Watch, World};

/// How many seeds are run if nothing else is said.
const DEFAULT_SEEDS: u64 = 1000;
/// How many of them run at the same time.
const THREADS: usize = 2;
/// From how many seeds on everything that can happen must have happened.
const ENOUGH_SEEDS: u64 = 200;
/// How much of the story of a failed seed is told.
const STORY: usize = 400;

#[test]
fn no_seed_breaks_a_rule_and_every_chain_grows_after_healing() {
    if let Some(seed) = number("COUNTERSIGN_SEED") {
        return replay(seed);
    }
    let seeds = number("COUNTERSIGN_SEEDS").unwrap_or(DEFAULT_SEEDS);
    let (coverage, violations) = run_all(seeds);
    let report: Vec<String> = violations.iter().map(Violation::to_string).collect();
    assert!(violations.is_empty(), "{} of {seeds} seeds fail\n{}", report.len(), report.join("\n"));
    let missing: Vec<&str> = coverage
        .entries()
        .into_iter()
        .filter(|(_, count)| *count == 0)
        .map(|(name, _)| name)
        .collect();
    assert!(seeds < ENOUGH_SEEDS || missing.is_empty(), "never happened: {missing:?}");
}

#[test]
fn the_same_seed_gives_the_same_steps() {
    for seed in [1, 2, 3] {
        let fingerprint = |seed| World::run(Plan::of_seed(seed), Watch::Steps).fingerprint;
        assert_eq!(fingerprint(seed), fingerprint(seed), "seed {seed}");
    }
}

#[test]
fn a_calm_network_adopts_a_block_per_proposal_and_rejects_nothing() {
    let coverage = World::run(Plan::calm(1), Watch::Rules).result.unwrap();
    assert!(coverage.blocks_adopted > 10, "{coverage:?}");
    assert!(coverage.cycle_hand_overs > 0, "{coverage:?}");
    assert_eq!(coverage.rejections, 0, "{coverage:?}");
    assert_eq!(coverage.re_proposals, 0, "{coverage:?}");
}

fn run_all(seeds: u64) -> (Coverage, Vec<Violation>) {
    let next = AtomicU64::new(0);
    let total = Mutex::new((Coverage::default(), Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= seeds {
                        return;
                    }
                    let result = run(seed, Watch::Rules).result;
                    let mut total = total.lock().unwrap();
                    match result {
                        Ok(coverage) => total.0.add(&coverage),
                        Err(violation) => total.1.push(violation),
                    }
                }
            });
        }
    });
    total.into_inner().unwrap()
}

fn run(seed: u64, watch: Watch) -> Outcome {
    catch_unwind(AssertUnwindSafe(|| World::run(Plan::of_seed(seed), watch))).unwrap_or_else(|_| {
        let what = "a core panicked; its message is above".to_owned();
        let violation = Violation { seed, after: 0, what };
        Outcome { result: Err(violation), fingerprint: 0, story: Vec::new() }
    })
}

fn replay(seed: u64) {
    let outcome = run(seed, Watch::Story);
    let Err(violation) = outcome.result else { return };
    let from = outcome.story.len().saturating_sub(STORY);
    panic!("{}\n{violation}", outcome.story[from..].join("\n"));
}

fn number(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{variable} is not a number: {text}")))
}
