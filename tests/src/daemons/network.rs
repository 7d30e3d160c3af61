//! A devnet that tells what happens in it.

use std::path::PathBuf;
use std::time::Duration;

use countersign_devnet::{Devnet, DevnetConfig, DevnetEvent, Seed, SignerKind, Weights};
use countersign_wire::{Sighash, Weight};
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::{Settings, countersign, within};

/// A devnet and its events.
#[derive(Debug)]
pub struct Network {
    /// The devnet.
    pub devnet: Devnet,
    events: mpsc::Receiver<DevnetEvent>,
}

/// A network at the pace of tests: `signers` programs of equal weight, one cycle that does not end.
/// Burn blocks come every three seconds; blocks every 300 ms until their timestamps have caught up
/// with the clock, and then every second.
pub fn quick(signers: usize) -> DevnetConfig {
    let programs = vec![SignerKind::Program(countersign().to_owned()); signers];
    DevnetConfig {
        weights: Weights::Fixed(vec![Weight::new(10); signers]),
        burn_interval: Duration::from_secs(3),
        block_interval: Duration::from_millis(300),
        cycle_length: 1000,
        prepare_length: 5,
        validation_delay: Duration::from_millis(5),
        ..DevnetConfig::new(programs, Seed::from_os().unwrap())
    }
}

impl Network {
    /// Starts it.
    pub async fn start(config: DevnetConfig) -> Self {
        let devnet = Devnet::start(config).await.unwrap();
        let events = devnet.subscribe().await.unwrap();
        Self { devnet, events }
    }

    /// The next event.
    pub async fn next(&mut self) -> DevnetEvent {
        within(EVENT_LIMIT, "the next event of the devnet", self.events.recv())
            .await
            .expect("the devnet runs")
    }

    /// Forgets what has happened and was not looked at.
    pub fn skip_to_now(&mut self) {
        while self.events.try_recv().is_ok() {}
    }

    /// Waits until `count` more blocks are adopted; gives their hashes. `why` says what this shows.
    pub async fn adopts(&mut self, count: usize, why: &str) -> Vec<Sighash> {
        let what = format!("{count} blocks to be adopted: {why}");
        let mut adopted = Vec::new();
        let mut complaints = Vec::new();
        let adopt = async {
            while adopted.len() < count {
                match self.next().await {
                    DevnetEvent::BlockAdopted { sighash, .. } => adopted.push(sighash),
                    DevnetEvent::Waiting { missing, .. } => complaints = missing,
                    DevnetEvent::BlockRejected { reasons, .. } => complaints = reasons,
                    _ => {}
                }
            }
        };
        let is_done = timeout(ADOPTION_LIMIT, adopt).await.is_ok();
        assert!(is_done, "waited {ADOPTION_LIMIT:?} for {what}; the devnet says: {complaints:?}");
        adopted
    }

    /// Waits until `count` more proposals are made, of new blocks or of the same ones again.
    pub async fn proposes(&mut self, count: usize, why: &str) {
        let what = format!("{count} proposals: {why}");
        let propose = async {
            let mut proposed = 0;
            while proposed < count {
                if matches!(self.next().await, DevnetEvent::BlockProposed { .. }) {
                    proposed += 1;
                }
            }
        };
        within(ADOPTION_LIMIT, &what, propose).await;
    }

    /// Waits until a block is proposed, for the first time or again, or adopted.
    pub async fn until_proposed_or_adopted(&mut self) -> DevnetEvent {
        within(ADOPTION_LIMIT, "a block to be proposed or adopted", async {
            loop {
                let event = self.next().await;
                if matches!(
                    event,
                    DevnetEvent::BlockProposed { .. } | DevnetEvent::BlockAdopted { .. }
                ) {
                    return event;
                }
            }
        })
        .await
    }

    /// Waits until `count` more burn blocks are mined.
    pub async fn mines(&mut self, count: usize) {
        let mut mined = 0;
        while mined < count {
            if matches!(self.next().await, DevnetEvent::BurnBlock { .. }) {
                mined += 1;
            }
        }
    }

    /// The configuration of a signer that is not started by the devnet.
    pub fn settings(&self, signer: usize) -> Settings {
        Settings::read(&self.devnet.place(signer).unwrap().config)
    }

    /// Writes a signer's changed configuration beside its own.
    pub fn write(&self, signer: usize, settings: &Settings) -> PathBuf {
        settings.write(&self.devnet.place(signer).unwrap().config.with_file_name("changed.toml"))
    }
}

/// Burn blocks come at least this often, whatever the signers do.
const EVENT_LIMIT: Duration = Duration::from_secs(20);
const ADOPTION_LIMIT: Duration = Duration::from_mins(1);
