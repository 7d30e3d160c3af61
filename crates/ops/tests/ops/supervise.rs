//! How daemons end.

use std::convert::Infallible;
use std::future::pending;
use std::io;
use std::time::Duration;

use countersign_ops::exit::Exit;
use countersign_ops::supervise::{Failure, Fatal, Tasks, supervise};
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

/// A task that stops when it is asked to, and tells that it did.
fn obedient(tasks: &mut Tasks, stop: &CancellationToken) -> oneshot::Receiver<()> {
    let (stopped, told) = oneshot::channel();
    let stop = stop.clone();
    tasks.spawn("obedient", async move {
        stop.cancelled().await;
        stopped.send(()).unwrap();
        Ok::<_, Infallible>(())
    });
    told
}

#[tokio::test]
async fn being_asked_to_stop_is_no_failure() {
    let stop = CancellationToken::new();
    let mut tasks = Tasks::new();
    let told = [obedient(&mut tasks, &stop), obedient(&mut tasks, &stop)];
    stop.cancel();
    supervise(tasks, stop).await.unwrap();
    for told in told {
        told.await.unwrap();
    }
}

#[tokio::test]
async fn the_first_failure_ends_all_and_is_returned() {
    let stop = CancellationToken::new();
    let mut tasks = Tasks::new();
    let told = obedient(&mut tasks, &stop);
    tasks.spawn("journal", async {
        Err::<(), _>(Failure::new(Exit::Store, io::Error::other("disk full")))
    });
    let fatal = supervise(tasks, stop.clone()).await.unwrap_err();
    told.await.unwrap();
    assert!(stop.is_cancelled());
    assert_eq!(fatal.exit(), Exit::Store);
    assert_eq!(fatal.to_string(), "the task `journal` failed");
    assert_eq!(std::error::Error::source(&fatal).unwrap().to_string(), "disk full");
}

#[tokio::test]
async fn an_end_that_nobody_asked_for_is_a_failure() {
    let stop = CancellationToken::new();
    let mut tasks = Tasks::new();
    let told = obedient(&mut tasks, &stop);
    tasks.spawn("listener", async { Ok::<_, Infallible>(()) });
    let fatal = supervise(tasks, stop).await.unwrap_err();
    told.await.unwrap();
    assert!(matches!(fatal, Fatal::Ended("listener")));
    assert_eq!(fatal.exit(), Exit::Failure);
}

#[tokio::test]
async fn a_task_that_fails_while_stopping_is_not_forgotten() {
    let stop = CancellationToken::new();
    let mut tasks = Tasks::new();
    let _told = obedient(&mut tasks, &stop);
    let asked = stop.clone();
    tasks.spawn("store", async move {
        asked.cancelled().await;
        tokio::task::yield_now().await;
        Err::<(), _>(io::Error::other("the last flush failed"))
    });
    stop.cancel();
    let fatal = supervise(tasks, stop).await.unwrap_err();
    assert!(matches!(fatal, Fatal::Failed { name: "store", exit: Exit::Failure, .. }));
}

#[tokio::test]
async fn a_task_that_does_not_stop_is_cut_off() {
    let stop = CancellationToken::new();
    let mut tasks = Tasks::with_grace(Duration::from_millis(1));
    let _told = obedient(&mut tasks, &stop);
    tasks.spawn("deaf", pending::<Result<(), Infallible>>());
    stop.cancel();
    assert!(matches!(supervise(tasks, stop).await, Err(Fatal::Stuck(1))));
}
