//! What the node and the signer under test say to each other, read in the order in which it was said.

use std::time::{Duration, Instant};

use countersign_devnet::traffic::{Said, Traffic};
use countersign_wire::Sighash;
use countersign_wire::message::{BlockResponse, SignerMessage, StateMachineUpdate};
use countersign_wire::stackerdb::Chunk;
use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::error::BenchError;
use crate::process::SignerUnderTest;

/// The conversation, and what must be remembered of it.
#[derive(Debug)]
pub(crate) struct Heard {
    traffic: mpsc::UnboundedReceiver<Traffic>,
    /// The signer's latest view of the network.
    pub(crate) view: Option<StateMachineUpdate>,
}

/// What the signer wrote into one of its slots.
pub(crate) enum Own<'a> {
    /// Not a chunk.
    Nothing,
    /// A message.
    Message(&'a SignerMessage),
}

impl Heard {
    pub(crate) const fn new(traffic: mpsc::UnboundedReceiver<Traffic>) -> Self {
        Self { traffic, view: None }
    }

    /// When the signer next asks its node to validate a block.
    pub(crate) async fn validation_request(
        &mut self,
        signer: &SignerUnderTest,
    ) -> Result<Instant, BenchError> {
        let found = |said: &Said, _: &Own<'_>| match said {
            Said::Request { path, .. } => Ok(path == "/v3/block_proposal"),
            Said::Callback(_) => Ok(false),
        };
        self.until(signer, "request to validate a block", found).await
    }

    /// When the node next says something on `path` that has `text` in it.
    pub(crate) async fn callback(
        &mut self,
        signer: &SignerUnderTest,
        path: &'static str,
        text: &str,
    ) -> Result<Instant, BenchError> {
        let found = |said: &Said, _: &Own<'_>| match said {
            Said::Callback(post) if post.path == path => {
                Ok(text.is_empty() || post.body.windows(text.len()).any(|w| w == text.as_bytes()))
            }
            _ => Ok(false),
        };
        self.until(signer, "chance to the node to say what it has to say", found).await
    }

    /// When the signer promises to sign a block.
    pub(crate) async fn promise(
        &mut self,
        signer: &SignerUnderTest,
        sighash: Sighash,
    ) -> Result<Instant, BenchError> {
        let found = |_: &Said, own: &Own<'_>| match own {
            Own::Message(SignerMessage::BlockPreCommit(promised)) => Ok(*promised == sighash),
            Own::Message(message) => refuse_rejection(message, sighash),
            Own::Nothing => Ok(false),
        };
        self.until(signer, "pre-commit", found).await
    }

    /// When the signer signs a block.
    pub(crate) async fn signature(
        &mut self,
        signer: &SignerUnderTest,
        sighash: Sighash,
    ) -> Result<Instant, BenchError> {
        let found = |_: &Said, own: &Own<'_>| match own {
            Own::Message(SignerMessage::BlockResponse(BlockResponse::Accepted(accepted))) => {
                Ok(accepted.sighash == sighash)
            }
            Own::Message(message) => refuse_rejection(message, sighash),
            Own::Nothing => Ok(false),
        };
        self.until(signer, "signature", found).await
    }

    /// When the signer next shows a view that `fits`, if it does so within `patience`.
    pub(crate) async fn view(
        &mut self,
        signer: &SignerUnderTest,
        patience: Duration,
        fits: impl Fn(&StateMachineUpdate) -> bool,
    ) -> Result<Instant, BenchError> {
        let found = |_: &Said, own: &Own<'_>| match own {
            Own::Message(SignerMessage::StateMachineUpdate(update)) => Ok(fits(update)),
            _ => Ok(false),
        };
        let what = "state update that names the newest burn block";
        timeout(patience, self.until(signer, what, found))
            .await
            .map_err(|_| signer.silent(what, patience))?
    }

    /// Reads what was said up to now.
    pub(crate) fn catch_up(&mut self) {
        while let Ok(traffic) = self.traffic.try_recv() {
            let own = own_message(&traffic.said);
            self.remember(own);
        }
    }

    /// Reads until something is `found`, and gives its time.
    async fn until(
        &mut self,
        signer: &SignerUnderTest,
        what: &'static str,
        found: impl Fn(&Said, &Own<'_>) -> Result<bool, BenchError>,
    ) -> Result<Instant, BenchError> {
        let search = async {
            while let Some(traffic) = self.traffic.recv().await {
                let own = own_message(&traffic.said);
                let is_found =
                    found(&traffic.said, &own.as_ref().map_or(Own::Nothing, Own::Message))?;
                self.remember(own);
                if is_found {
                    return Ok(traffic.at);
                }
            }
            Err(signer.silent(what, Duration::ZERO))
        };
        timeout(PATIENCE, search).await.map_err(|_| signer.silent(what, PATIENCE))?
    }

    fn remember(&mut self, own: Option<SignerMessage>) {
        if let Some(SignerMessage::StateMachineUpdate(update)) = own {
            self.view = Some(update);
        }
    }
}

fn own_message(said: &Said) -> Option<SignerMessage> {
    let Said::Request { path, body } = said else { return None };
    if !path.ends_with("/chunks") {
        return None;
    }
    let chunk: Chunk = serde_json::from_slice(body).ok()?;
    SignerMessage::from_chunk_data(&chunk.data).ok()
}

fn refuse_rejection(message: &SignerMessage, sighash: Sighash) -> Result<bool, BenchError> {
    match message {
        SignerMessage::BlockResponse(BlockResponse::Rejected(rejected))
            if rejected.sighash == sighash =>
        {
            Err(BenchError::Rejected(rejected.reason.clone()))
        }
        _ => Ok(false),
    }
}

const PATIENCE: Duration = Duration::from_secs(15);
