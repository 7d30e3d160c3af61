//! What signers say to each other, heard by one more observer of the network.

use std::time::Duration;

use countersign_devnet::{Devnet, DevnetConfig, SignerKind, Weights};
use countersign_node::{CallbackQueue, Listener, QueueLimits};
use countersign_wire::event::Callback;
use countersign_wire::message::{BlockResponse, SignerMessage};
use countersign_wire::{PublicKey, Sighash, Weight};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::within;

/// A message in one of the signers' lanes.
#[derive(Clone, Debug)]
pub struct Said {
    /// Who wrote it.
    pub by: PublicKey,
    /// What it says.
    pub message: SignerMessage,
}

impl Said {
    /// The block that it accepts.
    pub fn accepts(&self) -> Option<Sighash> {
        match &self.message {
            SignerMessage::BlockResponse(BlockResponse::Accepted(accepted)) => {
                Some(accepted.sighash)
            }
            _ => None,
        }
    }
}

/// Listens in the place of the last signer, which has no weight: what it hears, every signer hears.
#[derive(Debug)]
pub struct Overheard {
    queue: CallbackQueue,
    _stop: DropGuard,
}

impl Overheard {
    /// Adds the place of a listener to a network.
    #[must_use]
    pub fn place(mut config: DevnetConfig) -> DevnetConfig {
        config.signers.push(SignerKind::External);
        if let Weights::Fixed(weights) = &mut config.weights {
            weights.push(Weight::ZERO);
        }
        config
    }

    /// Listens from now on. `place` is the number of the place.
    pub async fn start(devnet: &Devnet, place: usize) -> Self {
        let endpoint = devnet.place(place).unwrap().endpoint.parse().unwrap();
        let listener = Listener::bind(endpoint).await.unwrap();
        let queue = CallbackQueue::new(QueueLimits::default());
        let stop = CancellationToken::new();
        tokio::spawn(listener.run(queue.clone(), stop.clone()));
        Self { queue, _stop: stop.drop_guard() }
    }

    /// How many callbacks came so far.
    pub fn callbacks(&self) -> u64 {
        self.queue.stats().received
    }

    /// Waits for something that a signer says, from the last thing heard on.
    pub async fn hear<T>(
        &self,
        limit: Duration,
        what: &str,
        mut wanted: impl FnMut(&Said) -> Option<T>,
    ) -> T {
        within(limit, what, async {
            loop {
                for said in self.next().await {
                    if let Some(found) = wanted(&said) {
                        return found;
                    }
                }
            }
        })
        .await
    }

    /// Everything said that was not listened to yet.
    pub async fn backlog(&self) -> Vec<Said> {
        let mut said = Vec::new();
        while self.queue.stats().waiting > 0 {
            said.extend(self.next().await);
        }
        said
    }

    /// What the next callback says, if signers say it.
    async fn next(&self) -> Vec<Said> {
        let Callback::StackerDbChunks(chunks) = self.queue.next().await.callback else {
            return Vec::new();
        };
        if chunks.contract_id.signers_contract().is_none() {
            return Vec::new();
        }
        let said = chunks.modified_slots.iter().map(|chunk| Said {
            by: chunk.recover().unwrap(),
            message: SignerMessage::from_chunk_data(&chunk.data).unwrap(),
        });
        said.collect()
    }
}
