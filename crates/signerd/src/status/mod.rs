//! What is shown of the running signer: `/status.json`, the page, `countersign status`
//! (`docs/operator/status-page.md`).
//!
//! The loop tells what it hears ([`Teller`]) through a bounded queue that it never waits for; what does not
//! fit is counted and missed. A thread of its own ([`Reporter`]) remembers the last hour of it, puts the
//! snapshot together and serves the page, so that nobody who looks takes time from a decision. Nothing
//! depends on it: if the thread fails, the signer signs on.

mod alerts;
mod blocks;
mod calendar;
mod compose;
mod latency;
mod past;
mod peers;
#[cfg(test)]
mod tests;
mod word;

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use bytes::Bytes;
use countersign_node::CallbackQueue;
use countersign_signer::{Event, Note, Timestamp};
use countersign_status::{Identity, Server, Snapshot};
use countersign_wire::{Network, PublicKey};
use tokio::sync::{mpsc, watch};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::clock::now;
use crate::config::Config;
use crate::instance::InstanceView;
use crate::keys::PublicKeys;
use crate::readiness::Readiness;
use past::Past;
use word::Word;

/// The loop's end of it.
#[derive(Clone, Debug)]
pub(crate) struct Teller {
    words: mpsc::Sender<(Timestamp, Word)>,
    missed: Arc<AtomicU64>,
}

/// The other end: remembers, and shows.
pub(crate) struct Reporter {
    words: mpsc::Receiver<(Timestamp, Word)>,
    past: Past,
    sources: Sources,
    feed: watch::Sender<Bytes>,
}

/// What is asked when a snapshot is put together.
pub(crate) struct Sources {
    pub(crate) identity: Identity,
    pub(crate) readiness: Readiness,
    pub(crate) stuck: watch::Receiver<Option<&'static str>>,
    pub(crate) callbacks: CallbackQueue,
    pub(crate) missed: Arc<AtomicU64>,
}

/// Both ends, and what is shown.
pub(crate) struct Status {
    pub(crate) teller: Teller,
    pub(crate) reporter: Reporter,
    /// The last snapshot as JSON.
    pub(crate) shown: watch::Receiver<Bytes>,
}

impl Status {
    /// Of a signer that has heard nothing yet.
    pub(crate) fn new(
        (config, keys): (&Config, &PublicKeys),
        readiness: Readiness,
        stuck: watch::Receiver<Option<&'static str>>,
        callbacks: CallbackQueue,
    ) -> Self {
        let (sender, words) = mpsc::channel(MAX_WORDS);
        let missed = Arc::new(AtomicU64::new(0));
        let identity = identity(config, keys);
        let past = Past::new(config.network, keys.all());
        let sources =
            Sources { identity, readiness, stuck, callbacks, missed: Arc::clone(&missed) };
        let first = compose::compose(&past, &sources, None, now());
        let (feed, shown) = watch::channel(json(&first));
        let reporter = Reporter { words, past, sources, feed };
        Self { teller: Teller { words: sender, missed }, reporter, shown }
    }
}

impl Teller {
    /// An event on its way to the core.
    pub(crate) fn hear(&self, event: &Event, at: Timestamp) {
        for word in [Word::of_event(event), Word::roster_of(event)].into_iter().flatten() {
            self.tell(at, word);
        }
    }

    /// What the core has to say.
    pub(crate) fn note(&self, notes: &[Note], at: Timestamp) {
        for word in notes.iter().filter_map(Word::of_note) {
            self.tell(at, word);
        }
    }

    fn tell(&self, at: Timestamp, word: Word) {
        if self.words.try_send((at, word)).is_err() {
            self.missed.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl Reporter {
    /// Starts the thread. It ends when `stop` is cancelled; nobody waits for it.
    pub(crate) fn start(
        self,
        instance: watch::Receiver<InstanceView>,
        page: Option<Server>,
        stop: CancellationToken,
    ) -> io::Result<()> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        thread::Builder::new().name("status".to_owned()).spawn(move || {
            runtime.block_on(async {
                let shown = self.feed.subscribe();
                let serve = async {
                    match page {
                        Some(page) => page.run(shown, stop.clone()).await,
                        None => stop.cancelled().await,
                    }
                };
                tokio::join!(serve, self.report(instance, &stop));
            });
        })?;
        Ok(())
    }

    async fn report(mut self, instance: watch::Receiver<InstanceView>, stop: &CancellationToken) {
        let mut ladder = self.sources.readiness.changes();
        let mut batch = Vec::with_capacity(BATCH);
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                count = self.words.recv_many(&mut batch, BATCH) => if count == 0 { return },
                _ = ladder.changed() => {}
                () = sleep(QUIET) => {}
            }
            // What comes in a burst is shown at once.
            let burst = async {
                loop {
                    for (at, word) in batch.drain(..) {
                        self.past.take(word, at);
                    }
                    if self.words.recv_many(&mut batch, BATCH).await == 0 {
                        return;
                    }
                }
            };
            let _ = timeout(PAUSE, burst).await;
            ladder.mark_unchanged();
            self.past.look_at(&self.sources.callbacks, now());
            let view = instance.borrow().clone();
            let snapshot = compose::compose(&self.past, &self.sources, Some(&view), now());
            self.past.remember_alerts(&snapshot.alerts);
            self.feed.send_replace(json(&snapshot));
        }
    }
}

fn identity(config: &Config, keys: &PublicKeys) -> Identity {
    Identity {
        version: crate::release(),
        pid: std::process::id(),
        network: config.network.name().to_owned(),
        address: config.address(&keys.first).to_string(),
        public_key: keys.first.to_string(),
        next_public_key: keys.next.map(|key| key.to_string()),
        dry_run: config.is_dry_run,
        started_at: now().as_millis(),
    }
}

fn address(network: Network, key: &PublicKey) -> String {
    countersign_wire::StacksAddress::single_sig(network, key).to_string()
}

fn json(snapshot: &Snapshot) -> Bytes {
    Bytes::from(serde_json::to_vec(snapshot).expect("texts and numbers are written without fail"))
}

/// How many words may wait. A block brings two of each signer, so this is many blocks.
const MAX_WORDS: usize = 4096;
/// How many are taken at once.
const BATCH: usize = 512;
/// The least pause between two snapshots.
const PAUSE: Duration = Duration::from_millis(200);
/// The longest one: queues change without a word.
const QUIET: Duration = Duration::from_secs(5);
