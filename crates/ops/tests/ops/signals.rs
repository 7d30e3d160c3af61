//! Real signals to this very process.

use std::future::{Future as _, poll_fn};
use std::pin::pin;
use std::task::Poll;

use countersign_ops::signals::shutdown_signal;
use rustix::process::{Signal, getpid, kill_process};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

#[tokio::test]
async fn either_signal_asks_to_stop_and_a_second_one_kills_nobody() {
    for (sent, kind) in
        [(Signal::TERM, SignalKind::terminate()), (Signal::INT, SignalKind::interrupt())]
    {
        let stop = CancellationToken::new();
        let mut waiting = pin!(shutdown_signal(stop.clone()));
        // The first poll installs the handlers; without them the signal would end this process.
        poll_fn(|context| {
            assert!(waiting.as_mut().poll(context).is_pending());
            Poll::Ready(())
        })
        .await;
        let mut echo = signal(kind).unwrap();
        kill_process(getpid(), sent).unwrap();
        waiting.await.unwrap();
        assert!(stop.is_cancelled());
        echo.recv().await.unwrap();

        kill_process(getpid(), sent).unwrap();
        echo.recv().await.unwrap();
    }
}

#[tokio::test]
async fn the_wait_ends_when_something_else_asks_to_stop() {
    let stop = CancellationToken::new();
    stop.cancel();
    shutdown_signal(stop).await.unwrap();
}
