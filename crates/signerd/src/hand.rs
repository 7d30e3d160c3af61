//! The vault that signs for this daemon, wherever it runs.

use std::time::Duration;

use countersign_vault::{
    AcceptanceRequest, AdoptError, ChunkRequest, Imported, JournalExport, Mark, MockRequest,
    RejectionRequest, SignError, Standing, Vault,
};
use countersign_wire::message::MockSignature;
use countersign_wire::stackerdb::Chunk;
use countersign_wire::{MessageSignature, PublicKey, Sighash, StacksHeight, UnixSeconds};

/// The vault that signs for this daemon. Both kinds answer the same questions in the same words, so
/// nobody behind this has to know which one it is.
#[derive(Debug)]
pub(crate) enum Hand {
    /// In this process: the key is in our memory.
    Embedded(Vault),
}

impl From<Vault> for Hand {
    fn from(vault: Vault) -> Self {
        Self::Embedded(vault)
    }
}

impl Hand {
    /// The public half of the key that signs.
    pub(crate) fn public_key(&self) -> PublicKey {
        match self {
            Self::Embedded(vault) => vault.public_key(),
        }
    }

    /// [`Vault::standing`].
    pub(crate) fn standing(&self) -> Standing {
        match self {
            Self::Embedded(vault) => vault.standing().clone(),
        }
    }

    /// [`Vault::was_stopped_cleanly`].
    pub(crate) fn was_stopped_cleanly(&self) -> bool {
        match self {
            Self::Embedded(vault) => vault.was_stopped_cleanly(),
        }
    }

    /// [`Vault::waits_for`].
    pub(crate) fn waits_for(&self) -> Option<Duration> {
        match self {
            Self::Embedded(vault) => vault.waits_for(),
        }
    }

    /// [`Vault::demote`].
    pub(crate) fn demote(&mut self, at: UnixSeconds) -> Result<(), SignError> {
        match self {
            Self::Embedded(vault) => vault.demote(at),
        }
    }

    /// [`Vault::freeze`].
    pub(crate) fn freeze(&mut self, reason: &str, at: UnixSeconds) -> Result<(), SignError> {
        match self {
            Self::Embedded(vault) => vault.freeze(reason, at),
        }
    }

    /// [`Vault::promote`].
    pub(crate) fn promote(&mut self) -> Result<(), SignError> {
        match self {
            Self::Embedded(vault) => vault.promote(),
        }
    }

    /// [`Vault::end_wait`].
    pub(crate) fn end_wait(&mut self) -> Result<(), SignError> {
        match self {
            Self::Embedded(vault) => vault.end_wait(),
        }
    }

    /// [`Vault::export_journal`].
    pub(crate) fn export_journal(&mut self, at: UnixSeconds) -> Result<JournalExport, SignError> {
        match self {
            Self::Embedded(vault) => vault.export_journal(at),
        }
    }

    /// [`Vault::import_journal`].
    pub(crate) fn import_journal(&mut self, other: &JournalExport) -> Result<Imported, AdoptError> {
        match self {
            Self::Embedded(vault) => vault.import_journal(other),
        }
    }

    /// [`Vault::close_cleanly`].
    pub(crate) fn close_cleanly(self) -> Result<(), SignError> {
        match self {
            Self::Embedded(vault) => vault.close_cleanly(),
        }
    }

    /// [`Vault::sign_acceptance`].
    pub(crate) fn sign_acceptance(
        &mut self,
        request: &AcceptanceRequest,
    ) -> Result<MessageSignature, SignError> {
        match self {
            Self::Embedded(vault) => vault.sign_acceptance(request),
        }
    }

    /// [`Vault::sign_rejection`].
    pub(crate) fn sign_rejection(
        &mut self,
        request: &RejectionRequest,
    ) -> Result<MessageSignature, SignError> {
        match self {
            Self::Embedded(vault) => vault.sign_rejection(request),
        }
    }

    /// [`Vault::sign_mock`].
    pub(crate) fn sign_mock(&mut self, request: MockRequest) -> Result<MockSignature, SignError> {
        match self {
            Self::Embedded(vault) => vault.sign_mock(request),
        }
    }

    /// [`Vault::sign_chunk`].
    pub(crate) fn sign_chunk(&mut self, request: &ChunkRequest) -> Result<Chunk, SignError> {
        match self {
            Self::Embedded(vault) => vault.sign_chunk(request),
        }
    }

    /// [`Vault::import`].
    pub(crate) fn import(&mut self, marks: &[Mark]) -> Result<Imported, SignError> {
        match self {
            Self::Embedded(vault) => vault.import(marks),
        }
    }

    /// [`Vault::has_signed_nothing`].
    pub(crate) fn has_signed_nothing(&mut self) -> Result<bool, SignError> {
        match self {
            Self::Embedded(vault) => vault.has_signed_nothing(),
        }
    }

    /// [`Vault::may_have_signed`].
    pub(crate) fn may_have_signed(
        &mut self,
        sighash: &Sighash,
        height: StacksHeight,
    ) -> Result<bool, SignError> {
        match self {
            Self::Embedded(vault) => vault.may_have_signed(sighash, height),
        }
    }

    /// [`Vault::tidy`].
    pub(crate) fn tidy(&mut self) -> Result<(), SignError> {
        match self {
            Self::Embedded(vault) => vault.tidy(),
        }
    }
}
