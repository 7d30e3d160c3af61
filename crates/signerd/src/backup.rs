//! What the running daemon gives for a backup of itself: a copy of the store, and what the key has signed.
//!
//! The store is copied first and the journals are read after it, so the journals know every signature that the
//! store knows. Neither is a file that a daemon could be given in place of its own: of a journal there is the
//! interchange form, whose marks can only be added to those of another one.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use countersign_ops::control::Reply;
use countersign_vault::{JournalExport, Mark, SignError};
use countersign_wire::{BurnHeight, PublicKey, StacksHeight, UnixSeconds};
use serde_json::{Value, json};
use tokio::sync::{mpsc, oneshot};

use crate::facts::describe;
use crate::sign::VaultHandle;
use crate::store::{Store, StoreError};

/// A wish for a copy of the store; the loop, which owns the store, fulfils it.
pub(crate) type CopyWanted = oneshot::Sender<Result<Vec<u8>, StoreError>>;

/// Asks the loop for copies of its store.
#[derive(Clone, Debug)]
pub(crate) struct Copier {
    wishes: mpsc::Sender<CopyWanted>,
}

impl Copier {
    /// With the end that the loop listens on.
    pub(crate) fn new() -> (Self, mpsc::Receiver<CopyWanted>) {
        let (wishes, wanted) = mpsc::channel(1);
        (Self { wishes }, wanted)
    }

    /// A copy of the store as it is between two steps; nothing if the loop has ended.
    async fn copy(&self) -> Option<Result<Vec<u8>, StoreError>> {
        let (reply, answer) = oneshot::channel();
        self.wishes.send(reply).await.ok()?;
        answer.await.ok()
    }
}

/// What a vault gives for a backup.
#[derive(Debug)]
pub(crate) struct Kept {
    /// The key.
    pub(crate) key: PublicKey,
    /// What it has signed, or why its vault does not say so.
    pub(crate) journal: Result<JournalExport, SignError>,
}

/// Answers `POST /backup`.
pub(crate) async fn back_up(vault: &VaultHandle, store: &Copier, identity: &Value) -> Reply {
    let stopping = || Reply::refusal(503, "stopping", "the signer is about to stop");
    let copy = match store.copy().await {
        Some(Ok(copy)) if copy.len() <= MAX_STORE => copy,
        Some(Ok(copy)) => {
            let text = format!(
                "the store has {} bytes, and at most {MAX_STORE} can be handed over",
                copy.len()
            );
            return Reply::refusal(413, "store_too_large", text);
        }
        Some(Err(error)) => return Reply::refusal(500, "store_not_copied", describe(&error)),
        None => return stopping(),
    };
    let Some(kept) = vault.back_up().await else { return stopping() };
    // The loop runs on this thread, and reading a whole store takes longer than many decisions.
    let read = tokio::task::spawn_blocking(move || {
        let told = told_by(&copy)?;
        Ok::<_, StoreError>((told, BASE64_STANDARD.encode(&copy)))
    });
    let (told, copy) = match read.await {
        Ok(Ok(read)) => read,
        Ok(Err(error)) => return Reply::refusal(500, "store_not_copied", describe(&error)),
        Err(error) => return Reply::refusal(500, "store_not_copied", error.to_string()),
    };
    let journals = kept.into_iter().map(|Kept { key, journal }| {
        let (export, withheld) = match journal {
            Ok(export) => (export, None),
            Err(error) => (told.export(key), Some(describe(&error))),
        };
        json!({ "journal": export.to_json(), "withheld": withheld })
    });
    Reply::ok(json!({
        "signer": identity,
        "journals": journals.collect::<Vec<_>>(),
        "store": copy,
    }))
}

/// What a daemon has handed over for a backup of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HandedOver {
    /// Its program, such as `countersign 0.1.0 (…)`.
    pub version: String,
    /// Its network.
    pub network: String,
    /// What each key has signed; and, if that is only what the store knows, why.
    pub journals: Vec<(JournalExport, Option<String>)>,
    /// The store.
    pub store: Vec<u8>,
}

/// An answer of a daemon that is not understood.
#[derive(Debug, thiserror::Error)]
#[error("what the daemon hands over is not understood ({0}); is it of the same release?")]
pub struct NotHandedOver(&'static str);

impl HandedOver {
    /// Reads the answer to `POST /backup`.
    pub fn read(answer: &Value) -> Result<Self, NotHandedOver> {
        let text = |at: &str, what| {
            let text = answer.pointer(at).and_then(Value::as_str);
            text.map(str::to_owned).ok_or(NotHandedOver(what))
        };
        let store = BASE64_STANDARD.decode(text("/store", "the store")?);
        let journals = answer.get("journals").and_then(Value::as_array);
        let journals = journals.ok_or(NotHandedOver("the journals"))?.iter().map(|kept| {
            let export = kept.get("journal").and_then(Value::as_str);
            let export = export.and_then(|text| JournalExport::from_json(text.as_bytes()).ok());
            let withheld = kept.get("withheld").and_then(Value::as_str).map(str::to_owned);
            Ok((export.ok_or(NotHandedOver("a journal"))?, withheld))
        });
        Ok(Self {
            version: text("/signer/version", "the version")?,
            network: text("/signer/network", "the network")?,
            journals: journals.collect::<Result<_, _>>()?,
            store: store.map_err(|_| NotHandedOver("the store"))?,
        })
    }
}

/// What a store comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoreFacts {
    /// How many blocks it remembers.
    pub blocks: u64,
    /// The height of the highest of them.
    pub highest: Option<StacksHeight>,
    /// The highest burn block that it has seen.
    pub burn_height: Option<BurnHeight>,
}

impl StoreFacts {
    /// Looks at an open store.
    pub fn of(store: &Store) -> Result<Self, StoreError> {
        told_in(store).map(|told| told.facts)
    }

    /// Looks at a copy of a store, in memory.
    pub fn of_copy(copy: &[u8]) -> Result<Self, StoreError> {
        told_by(copy).map(|told| told.facts)
    }
}

/// What the store tells of our signatures.
struct Told {
    facts: StoreFacts,
    marks: Vec<Mark>,
}

fn told_by(copy: &[u8]) -> Result<Told, StoreError> {
    told_in(&Store::from_copy(copy)?)
}

fn told_in(store: &Store) -> Result<Told, StoreError> {
    let saved = store.load()?;
    let marks = saved.records.iter().filter_map(|record| {
        record.signed_self_at.map(|at| Mark {
            sighash: record.sighash,
            height: record.outline.height,
            tenure: record.outline.tenure,
            at: at.as_unix(),
        })
    });
    let seen = saved.burn_blocks.iter().map(|block| block.height);
    let facts = StoreFacts {
        blocks: saved.records.len() as u64,
        highest: saved.records.iter().map(|record| record.outline.height).max(),
        burn_height: seen.chain(saved.records.iter().map(|record| record.burn_height)).max(),
    };
    Ok(Told { facts, marks: marks.collect() })
}

impl Told {
    /// The signatures that the store knows, without a proof: for a key whose vault says nothing while it signs.
    /// While a key is being changed they may be the other key's, which only makes more be refused.
    fn export(&self, key: PublicKey) -> JournalExport {
        let now = crate::clock::now().as_unix();
        JournalExport::of_marks(key, UnixSeconds::new(now.get()), self.marks.clone())
    }
}

/// As base64 it fits into an answer of the control socket, and leaves room for two journals.
const MAX_STORE: usize = 40 << 20;
