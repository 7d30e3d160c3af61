//! Good requests, to be spoiled by a test.

use std::path::{Path, PathBuf};

use countersign_vault::{
    AcceptanceRequest, Birth, OpenError, Override, OverrideRule, RejectionRequest, Vault,
};
use countersign_wire::{BurnHeight, ChainId, PrivateKey, Sighash, UnixSeconds};
use tempfile::TempDir;

pub(crate) use crate::header::header;

/// A folder of its own for one test, and the name of a journal in it.
pub(crate) struct Place {
    pub(crate) folder: TempDir,
    pub(crate) journal: PathBuf,
}

impl Place {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let journal = folder.path().join("journal.sqlite");
        Self { folder, journal }
    }

    /// A vault with the journal, which begins with the key if there is none.
    pub(crate) fn open(&self) -> Vault {
        open_or_create(key(), &self.journal).unwrap()
    }
}

/// Opens a journal, or creates it as one of a key that was made just now.
pub(crate) fn open_or_create(key: PrivateKey, journal: &Path) -> Result<Vault, OpenError> {
    let same = PrivateKey::from_hex(&key.to_hex()).unwrap();
    match Vault::open(same, journal) {
        Err(OpenError::Missing { .. }) => Vault::create(key, journal, Birth::WithKey),
        other => other,
    }
}

/// The key of every test that does not need another one.
pub(crate) fn key() -> PrivateKey {
    PrivateKey::from_bytes([7; 32]).unwrap()
}

pub(crate) fn other_key() -> PrivateKey {
    PrivateKey::from_bytes([8; 32]).unwrap()
}

pub(crate) fn vault() -> Vault {
    Vault::in_memory(key()).unwrap()
}

/// The hash of block `number` at `height`.
pub(crate) fn block(number: u64, height: u64) -> Sighash {
    header(number, height).sighash()
}

pub(crate) fn acceptance(number: u64, height: u64) -> AcceptanceRequest {
    AcceptanceRequest {
        header: Box::new(header(number, height)),
        burn_height: BurnHeight::new(500),
        overriding: Vec::new(),
        at: UnixSeconds::new(1_700_000_000),
    }
}

/// `request`, letting go of these blocks.
pub(crate) fn overriding(mut request: AcceptanceRequest, rivals: &[Sighash]) -> AcceptanceRequest {
    request.overriding = rivals
        .iter()
        .map(|rival| Override { sighash: *rival, rule: OverrideRule::Stale })
        .collect();
    request
}

/// The rejection of block `number` at height 10.
pub(crate) fn rejection(number: u64) -> RejectionRequest {
    RejectionRequest {
        sighash: block(number, 10),
        chain_id: ChainId::TESTNET,
        at: UnixSeconds::new(1_700_000_000),
    }
}
