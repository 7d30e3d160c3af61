//! The vault under a service manager that waits for signs of life.

use std::time::Duration;

use system_tests::daemons::{Manager, Signal, UnixUser, VaultPlace};
use tokio::time::sleep;

use super::fresh;

const WATCHDOG: Duration = Duration::from_millis(400);

/// From inside of its sandbox, in which there is little that it may still do.
#[tokio::test]
#[ignore = "needs root: makes users, or looks into another process"]
async fn the_vault_gives_signs_of_life_while_its_loop_comes_round_and_none_while_it_stands_still() {
    let owner = UnixUser::create("cs-vault");
    let place = VaultPlace::new(&fresh(), Some(&owner), &[(0, "block-signer")]);
    let manager = Manager::new();
    manager.open_to_all();
    let vault = place.start_under(&manager, WATCHDOG).await;
    manager.hears("READY=1").await;
    // Nobody calls it meanwhile.
    for _ in 0..3 {
        manager.hears("WATCHDOG=1").await;
    }
    vault.signal(Signal::STOP);
    // What was sent before it stopped may still be on its way.
    sleep(WATCHDOG / 4).await;
    manager.forget();
    sleep(2 * WATCHDOG).await;
    assert!(!manager.forget(), "a stopped process gave a sign of life");
    vault.signal(Signal::CONT);
    manager.hears("WATCHDOG=1").await;
    vault.signal(Signal::TERM);
    manager.hears("STOPPING=1").await;
    assert_eq!(vault.ended().await.code, Some(0));
}
