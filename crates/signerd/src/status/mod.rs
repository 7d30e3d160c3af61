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
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use crate::attendance::Misses;
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
    asked: mpsc::Receiver<oneshot::Sender<Bytes>>,
    feed: watch::Sender<Bytes>,
}

/// What others know that have come to be after us.
struct Others {
    instance: watch::Receiver<InstanceView>,
    misses: watch::Receiver<Misses>,
}

/// Asks for a snapshot.
#[derive(Clone, Debug)]
pub(crate) struct Window {
    asks: mpsc::Sender<oneshot::Sender<Bytes>>,
    shown: watch::Receiver<Bytes>,
}

/// What is asked when a snapshot is put together.
pub(crate) struct Sources {
    pub(crate) identity: Identity,
    pub(crate) readiness: Readiness,
    pub(crate) stuck: watch::Receiver<Option<&'static str>>,
    pub(crate) callbacks: CallbackQueue,
    pub(crate) missed: Arc<AtomicU64>,
}

/// Both ends, and where it is looked at.
pub(crate) struct Status {
    pub(crate) teller: Teller,
    pub(crate) reporter: Reporter,
    pub(crate) window: Window,
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
        let (asks, asked) = mpsc::channel(MAX_ASKS);
        let reporter = Reporter { words, past, sources, asked, feed };
        let window = Window { asks, shown };
        Self { teller: Teller { words: sender, missed }, reporter, window }
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
        (instance, misses): (watch::Receiver<InstanceView>, watch::Receiver<Misses>),
        page: Option<Server>,
        stop: CancellationToken,
    ) -> io::Result<()> {
        let others = Others { instance, misses };
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
                tokio::join!(serve, self.report(others, &stop));
            });
        })?;
        Ok(())
    }

    async fn report(mut self, others: Others, stop: &CancellationToken) {
        let mut ladder = self.sources.readiness.changes();
        let mut batch = Vec::with_capacity(BATCH);
        let (mut due, mut is_news) = (Instant::now(), true);
        loop {
            let pause = if is_news { due } else { due + QUIET };
            tokio::select! {
                () = stop.cancelled() => return,
                Some(asked) = self.asked.recv() => {
                    while let Ok((at, word)) = self.words.try_recv() {
                        self.past.take(word, at);
                    }
                    // Whoever has asked may have gone away.
                    let _ = asked.send(self.publish(&others));
                }
                count = self.words.recv_many(&mut batch, BATCH) => {
                    if count == 0 {
                        return;
                    }
                    for (at, word) in batch.drain(..) {
                        self.past.take(word, at);
                    }
                    is_news = true;
                }
                _ = ladder.changed() => is_news = true,
                () = sleep_until(pause) => {
                    self.publish(&others);
                    (due, is_news) = (Instant::now() + PAUSE, false);
                }
            }
        }
    }

    fn publish(&mut self, others: &Others) -> Bytes {
        let now = now();
        self.past.look_at(&self.sources.callbacks, now);
        for missed in others.misses.borrow().iter() {
            self.past.blocks.explain(missed.sighash(), &missed.text());
        }
        let view = others.instance.borrow().clone();
        let snapshot = compose::compose(&self.past, &self.sources, Some(&view), now);
        self.past.remember_alerts(&snapshot.alerts);
        let json = json(&snapshot);
        self.feed.send_replace(json.clone());
        json
    }
}

impl Window {
    /// What is so now; what was so last if the thread does not answer.
    pub(crate) async fn look(&self) -> Bytes {
        let (answer, answered) = oneshot::channel();
        let ask = async {
            self.asks.send(answer).await.ok()?;
            answered.await.ok()
        };
        match timeout(PATIENCE, ask).await {
            Ok(Some(json)) => json,
            Ok(None) | Err(_) => self.shown.borrow().clone(),
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
/// How many may ask at once; more wait.
const MAX_ASKS: usize = 8;
/// How long the thread may take to answer: it does so at once unless the machine is overloaded.
const PATIENCE: Duration = Duration::from_secs(1);
/// The longest pause: queues change without a word.
const QUIET: Duration = Duration::from_secs(5);
