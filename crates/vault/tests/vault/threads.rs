//! Many who ask at once: the vault behind a lock, as whoever shares it would have it.

use std::collections::BTreeSet;
use std::sync::{Arc, Barrier, Mutex};

use countersign_vault::{SignError, Vault};

use crate::support::{acceptance, vault};

const THREADS: u64 = 64;
const ROUNDS: u64 = 1000;

/// Asks for block `number` at `height`. Whether it was signed.
fn asks(vault: &mut Vault, number: u64, height: u64) -> bool {
    match vault.sign_acceptance(&acceptance(number, height)) {
        Ok(_) => true,
        Err(SignError::Conflict { .. }) => false,
        Err(other) => panic!("{other}"),
    }
}

#[test]
fn of_sixty_four_that_ask_for_rivals_one_wins_a_thousand_times() {
    let (shared, together) = (Mutex::new(vault()), Barrier::new(64));
    let winners: Vec<(u64, u64)> = std::thread::scope(|scope| {
        let asking: Vec<_> = (0..THREADS)
            .map(|number| {
                let (shared, together) = (&shared, &together);
                scope.spawn(move || {
                    let round = |height: &u64| {
                        together.wait();
                        asks(&mut shared.lock().unwrap(), number, *height)
                    };
                    let won = (1..=ROUNDS).filter(round);
                    won.map(|height| (height, number)).collect::<Vec<_>>()
                })
            })
            .collect();
        asking.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    let heights: BTreeSet<u64> = winners.iter().map(|(height, _)| *height).collect();
    assert_eq!((winners.len(), heights.len()), (1000, 1000), "one at each height");
    let numbers: BTreeSet<u64> = winners.iter().map(|(_, number)| *number).collect();
    assert!(numbers.len() > 1, "it is always the same one that wins");
}

#[test]
fn however_the_threads_take_turns_one_of_several_rivals_is_signed() {
    let mut config = shuttle::Config::new();
    // SQLite needs more than a thread of shuttle has.
    config.stack_size = 1 << 20;
    let scheduler = shuttle::scheduler::RandomScheduler::new(500);
    shuttle::Runner::new(scheduler, config).run(|| {
        let shared = Arc::new(shuttle::sync::Mutex::new(vault()));
        let asking: Vec<_> = (0..4)
            .map(|number| {
                let shared = Arc::clone(&shared);
                shuttle::thread::spawn(move || {
                    let height = 10 + number % 2;
                    let is_signed = asks(&mut shared.lock().unwrap(), number, height);
                    is_signed && asks(&mut shared.lock().unwrap(), number, height)
                })
            })
            .collect();
        let won: Vec<usize> = asking
            .into_iter()
            .enumerate()
            .filter_map(|(number, thread)| thread.join().unwrap().then_some(number))
            .collect();
        // Those at height 11 are rivals of each other and of what comes later at height 10.
        let at = |height: usize| won.iter().filter(|number| 10 + *number % 2 == height).count();
        assert!(at(11) <= 1 && at(10) <= 1 && !won.is_empty(), "{won:?} were signed");
    });
}
