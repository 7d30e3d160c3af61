//! A dead-man's switch: it waits for a heartbeat from the place that watches everything else, and raises the
//! alarm when it no longer comes. It belongs on another host, best in another place.
//!
//! The heartbeat is a request to `/beat/TOKEN`; Alertmanager makes it for as long as Prometheus evaluates rules,
//! so silence means that one of the two, their host or its network is gone.

mod alarm;
mod config;
mod door;
mod switch;

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

pub use alarm::AlarmError;
pub(crate) use alarm::Way;
pub use config::{Deadman, DeadmanError};
use switch::{News, Switch};

/// Why the switch ends.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The address cannot be bound.
    #[error("`listen` = {address} cannot be bound; free it, or configure another one")]
    Bind {
        /// The address.
        address: SocketAddr,
        /// Why.
        #[source]
        source: io::Error,
    },
}

/// The heart: when it beat last, and who is told.
#[derive(Debug)]
struct Heart {
    switch: Mutex<Switch>,
    beats: Notify,
}

impl Heart {
    fn beat(&self) {
        self.switch().on_beat(Instant::now());
        self.beats.notify_one();
    }

    fn switch(&self) -> std::sync::MutexGuard<'_, Switch> {
        self.switch.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Waits for heartbeats until `stop` is cancelled. `bound` is told the address once it listens.
pub async fn run(
    deadman: Deadman,
    bound: impl FnOnce(SocketAddr),
    stop: CancellationToken,
) -> Result<(), RunError> {
    let address = deadman.listen;
    let bind_error = |source| RunError::Bind { address, source };
    let listener = TcpListener::bind(address).await.map_err(bind_error)?;
    bound(listener.local_addr().map_err(bind_error)?);
    let switch = Switch::new(Instant::now(), deadman.silent_after, deadman.repeat);
    let heart = Arc::new(Heart { switch: Mutex::new(switch), beats: Notify::new() });
    let door = door::serve(listener, Arc::clone(&heart), deadman.token.clone(), stop);
    let watch = async {
        loop {
            let (news, next) = heart.switch().look(Instant::now());
            if let Some(news) = news {
                let was_told = tell(&deadman, &news).await;
                heart.switch().told(news, was_told, Instant::now());
                continue;
            }
            tokio::select! {
                () = heart.beats.notified() => {}
                () = sleep(next) => {}
            }
        }
    };
    tokio::select! {
        () = door => {}
        () = watch => {}
    }
    Ok(())
}

/// Tells whoever is to be told, each in its way. True if at least one of them heard it.
async fn tell(deadman: &Deadman, news: &News) -> bool {
    match news {
        News::Silent { for_secs } => {
            tracing::error!(for_secs, "the heartbeat has stopped: nobody watches");
        }
        News::Back { after_secs } => tracing::info!(after_secs, "the heartbeat is back"),
    }
    let message = news.to_json();
    let mut was_told = false;
    for way in &deadman.ways {
        match timeout(TELL_TIME, way.tell(&message)).await {
            Ok(Ok(())) => was_told = true,
            Ok(Err(error)) => {
                let error = countersign_ops::report::describe(&error);
                tracing::error!(way = way.name(), error, "the alarm was not delivered this way");
            }
            Err(_) => tracing::error!(way = way.name(), "the alarm took too long this way"),
        }
    }
    was_told
}

/// How long one way may take.
const TELL_TIME: Duration = Duration::from_secs(30);
