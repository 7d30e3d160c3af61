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

use countersign_signer::Millis;
use system_tests::world::{Coverage, MinerKind, Outcome, Plan, Violation, Watch, Weather, World};

/// How many seeds are run if nothing else is said.
const DEFAULT_SEEDS: u64 = 1000;
/// How many of them run at the same time.
const THREADS: usize = 2;
/// From how many seeds on everything that can happen must have happened.
const ENOUGH_SEEDS: u64 = 200;
/// What happens in so few seeds that its absence means nothing.
const RARE: [&str; 1] = ["outdated_rejections"];
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
        .filter(|(name, count)| *count == 0 && !RARE.contains(name))
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
fn the_events_of_a_life_give_the_same_steps_from_a_recording() {
    for seed in [1, 2, 3, 4, 5] {
        let end = World::run(Plan::of_seed(seed), Watch::Steps).result;
        assert!(end.is_ok(), "{}", end.unwrap_err());
    }
}

#[test]
fn a_calm_network_adopts_block_after_block_and_overrides_nothing() {
    let coverage = World::run(Plan::calm(1), Watch::Rules).result.unwrap();
    assert!(coverage.blocks_adopted > 20, "{coverage:?}");
    assert!(coverage.cycle_hand_overs > 0, "{coverage:?}");
    assert_eq!(coverage.global_rejections, 0, "{coverage:?}");
    assert_eq!(coverage.validation_timeouts, 0, "{coverage:?}");
    assert_eq!(coverage.overriding_signatures, 0, "{coverage:?}");
    assert_eq!(coverage.stale_chunks, 0, "{coverage:?}");
}

#[test]
fn a_world_that_cannot_go_on_is_not_passed_over() {
    let mut plan = Plan::calm(1);
    plan.miners = vec![MinerKind::Silent];
    let violation = World::run(plan, Watch::Rules).result.unwrap_err();
    assert!(violation.what.contains("grew by 0 blocks"), "{violation}");
}

/// Half of the signers see one block, the other half another; all signatures grow stale at once.
#[test]
fn signers_that_an_equivocating_miner_has_split_do_not_approve_both_blocks() {
    for seed in 0..40 {
        let mut plan = Plan::calm(seed);
        plan.miners = vec![MinerKind::Equivocating];
        plan.burn_every = Millis::from_secs(120);
        let coverage = World::run(plan, Watch::Rules).result.unwrap();
        assert!(coverage.equivocations > 0, "seed {seed}: {coverage:?}");
    }
}

/// Where more than three tenths support version 1 only, everybody judges by its own sortition view. The
/// chain goes on, with an equivocating miner and a silent one among the winners.
#[test]
fn signers_of_mixed_versions_approve_block_after_block_and_never_two() {
    for seed in 0..20 {
        let mut plan = Plan::calm(seed);
        plan.old_signers = 1 + usize::try_from(seed % 5).unwrap();
        plan.miners = vec![MinerKind::Honest, MinerKind::Equivocating, MinerKind::Silent];
        let coverage = World::run(plan, Watch::Rules).result.unwrap();
        assert!(coverage.version_changes > 0, "seed {seed}: {coverage:?}");
        assert!(coverage.blocks_adopted > 0, "seed {seed}: {coverage:?}");
    }
}

/// A signer whose node answers late, fails and is busy must not spin, nor reject what it has signed.
#[test]
fn slow_nodes_and_repeated_proposals_confuse_nobody() {
    for seed in 0..20 {
        let mut plan = Plan::calm(seed);
        plan.weather = Weather {
            repeated: 30,
            late: 50,
            delay: Millis::from_secs(9),
            unvalidated: 30,
            ..Weather::CALM
        };
        plan.healed_after = Millis::from_secs(90);
        let coverage = World::run(plan, Watch::Rules).result.unwrap();
        assert!(coverage.recognised_proposals > 0, "seed {seed}: {coverage:?}");
    }
}

/// Every step that promises or signs may be the last of its process.
#[test]
fn no_crash_between_record_and_message_costs_a_record() {
    let mut lost = 0;
    for seed in 0..20 {
        let mut plan = Plan::calm(seed);
        plan.weather = Weather { crashes_at_promises: 25, crashes: 20, ..Weather::CALM };
        plan.healed_after = Millis::from_secs(90);
        let coverage = World::run(plan, Watch::Rules).result.unwrap();
        lost += coverage.lost_signatures;
        assert!(coverage.restarts > 0, "seed {seed}: {coverage:?}");
    }
    assert!(lost > 0, "no crash hit the moment between a vault's record and its answer");
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
    tell(run(seed, Watch::Story));
}

fn tell(outcome: Outcome) {
    let Err(violation) = outcome.result else { return };
    let from = outcome.story.len().saturating_sub(STORY);
    panic!("{}\n{violation}", outcome.story[from..].join("\n"));
}

fn number(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{variable} is not a number: {text}")))
}
