//! Good requests, to be spoiled by a test.

use std::path::PathBuf;

use countersign_vault::{AcceptanceRequest, Override, OverrideRule, RejectionRequest, Vault};
use countersign_wire::{ChainId, ConsensusHash, PrivateKey, Sighash, StacksHeight, UnixSeconds};
use tempfile::TempDir;

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

    pub(crate) fn open(&self) -> Vault {
        Vault::open(key(), &self.journal).unwrap()
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

pub(crate) fn block(number: u8) -> Sighash {
    Sighash::new([number; 32])
}

pub(crate) fn acceptance(number: u8, height: u64) -> AcceptanceRequest {
    AcceptanceRequest {
        sighash: block(number),
        height: StacksHeight::new(height),
        tenure: ConsensusHash::new([1; 20]),
        overriding: Vec::new(),
        at: UnixSeconds::new(1_700_000_000),
    }
}

/// `request`, letting go of the blocks with these numbers.
pub(crate) fn overriding(mut request: AcceptanceRequest, rivals: &[u8]) -> AcceptanceRequest {
    request.overriding = rivals
        .iter()
        .map(|rival| Override { sighash: block(*rival), rule: OverrideRule::Stale })
        .collect();
    request
}

pub(crate) fn rejection(number: u8) -> RejectionRequest {
    RejectionRequest {
        sighash: block(number),
        chain_id: ChainId::TESTNET,
        at: UnixSeconds::new(1_700_000_000),
    }
}
