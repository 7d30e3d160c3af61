//! The vault that signs for this daemon, wherever it runs.

mod remote;

use std::path::Path;
use std::time::Duration;

use countersign_vault::{
    AcceptanceRequest, AdoptError, ChunkRequest, Imported, JournalExport, Mark, MockRequest,
    OpenError, RejectionRequest, SignError, SigningKey, Standing, Vault,
};
use countersign_wire::message::MockSignature;
use countersign_wire::stackerdb::Chunk;
use countersign_wire::{MessageSignature, PublicKey, Sighash, StacksHeight, UnixSeconds};
use prometheus_client::metrics::counter::Counter;

use crate::birth::Past;
pub use remote::RemoteVault;

/// Who holds the key of a signer: this process, or the vault's.
#[derive(Debug)]
pub enum Holder {
    /// The key is opened here, and signs here.
    Here(SigningKey),
    /// A vault in another process has it.
    There(RemoteVault),
}

impl Holder {
    /// The public half of the key.
    pub fn public_key(&self) -> PublicKey {
        match self {
            Self::Here(key) => key.public_key(),
            Self::There(vault) => vault.public_key(),
        }
    }

    /// The socket of a vault in another process.
    pub(crate) fn socket(&self) -> Option<&Path> {
        match self {
            Self::Here(_) => None,
            Self::There(vault) => Some(vault.socket()),
        }
    }

    /// Whether the key is opened in this process, and its journal with it.
    pub(crate) const fn is_here(&self) -> bool {
        matches!(self, Self::Here(_))
    }

    /// The vault, with its journal if it is ours to open.
    pub(crate) fn open(self, journal: Option<(&Path, Past)>) -> Result<Hand, OpenError> {
        Ok(match (self, journal) {
            (Self::Here(key), Some((journal, Past::Journal))) => Vault::open(key, journal)?.into(),
            (Self::Here(key), Some((journal, Past::Begins(birth)))) => {
                Vault::create(key, journal, birth)?.into()
            }
            (Self::Here(key), None) => Vault::in_memory(key)?.into(),
            (Self::There(vault), _) => Hand::Remote(vault),
        })
    }
}

impl From<SigningKey> for Holder {
    fn from(key: SigningKey) -> Self {
        Self::Here(key)
    }
}

impl From<RemoteVault> for Holder {
    fn from(vault: RemoteVault) -> Self {
        Self::There(vault)
    }
}

/// The vault that signs for this daemon. Both kinds answer the same questions in the same words, so
/// nobody behind this has to know which one it is.
#[derive(Debug)]
pub(crate) enum Hand {
    /// In this process: the key is in our memory.
    Embedded(Box<Vault>),
    /// In another process.
    Remote(RemoteVault),
}

impl From<Vault> for Hand {
    fn from(vault: Vault) -> Self {
        Self::Embedded(Box::new(vault))
    }
}

impl Hand {
    /// The public half of the key that signs.
    pub(crate) fn public_key(&self) -> PublicKey {
        match self {
            Self::Embedded(vault) => vault.public_key(),
            Self::Remote(vault) => vault.public_key(),
        }
    }

    /// [`Vault::standing`].
    pub(crate) fn standing(&mut self) -> Result<Standing, SignError> {
        match self {
            Self::Embedded(vault) => Ok(vault.standing().clone()),
            Self::Remote(vault) => vault.standing(),
        }
    }

    /// [`Vault::was_stopped_cleanly`]. A vault in another process outlives its callers.
    pub(crate) fn was_stopped_cleanly(&self) -> bool {
        match self {
            Self::Embedded(vault) => vault.was_stopped_cleanly(),
            Self::Remote(_) => true,
        }
    }

    /// [`Vault::waits_for`]. A vault in another process says so when it is asked to sign.
    pub(crate) fn waits_for(&self) -> Option<Duration> {
        match self {
            Self::Embedded(vault) => vault.waits_for(),
            Self::Remote(_) => None,
        }
    }

    /// [`Vault::demote`].
    pub(crate) fn demote(&mut self, at: UnixSeconds) -> Result<(), SignError> {
        match self {
            Self::Embedded(vault) => vault.demote(at),
            Self::Remote(vault) => vault.demote(at),
        }
    }

    /// [`Vault::freeze`].
    pub(crate) fn freeze(&mut self, reason: &str, at: UnixSeconds) -> Result<(), SignError> {
        match self {
            Self::Embedded(vault) => vault.freeze(reason, at),
            Self::Remote(vault) => vault.freeze(reason, at),
        }
    }

    /// [`Vault::promote`]. A vault in another process lets only an operator have it sign again, so one that
    /// signs is not asked.
    pub(crate) fn promote(&mut self) -> Result<(), SignError> {
        match self {
            Self::Embedded(vault) => vault.promote(),
            Self::Remote(vault) => {
                if vault.standing()?.is_active() {
                    Ok(())
                } else {
                    vault.promote()
                }
            }
        }
    }

    /// [`Vault::export_journal`]. A vault in another process gives it only while the key signs nothing.
    pub(crate) fn export_journal(&mut self, at: UnixSeconds) -> Result<JournalExport, SignError> {
        match self {
            Self::Embedded(vault) => vault.export_journal(at),
            Self::Remote(vault) => vault.export_journal(at),
        }
    }

    /// [`Vault::import_journal`]. A vault in another process takes only what the key itself has proven.
    pub(crate) fn import_journal(&mut self, other: &JournalExport) -> Result<(), AdoptError> {
        match self {
            Self::Embedded(vault) => vault.import_journal(other).map(drop),
            Self::Remote(vault) => Ok(vault.import_journal(other).map(drop)?),
        }
    }

    /// [`Vault::sign_acceptance`].
    pub(crate) fn sign_acceptance(
        &mut self,
        request: &AcceptanceRequest,
    ) -> Result<MessageSignature, SignError> {
        match self {
            Self::Embedded(vault) => vault.sign_acceptance(request),
            Self::Remote(vault) => vault.sign_acceptance(request),
        }
    }

    /// [`Vault::sign_rejection`].
    pub(crate) fn sign_rejection(
        &mut self,
        request: &RejectionRequest,
    ) -> Result<MessageSignature, SignError> {
        match self {
            Self::Embedded(vault) => vault.sign_rejection(request),
            Self::Remote(vault) => vault.sign_rejection(request),
        }
    }

    /// [`Vault::sign_mock`].
    pub(crate) fn sign_mock(&mut self, request: MockRequest) -> Result<MockSignature, SignError> {
        match self {
            Self::Embedded(vault) => vault.sign_mock(request),
            Self::Remote(vault) => vault.sign_mock(request),
        }
    }

    /// [`Vault::sign_chunk`].
    pub(crate) fn sign_chunk(&mut self, request: &ChunkRequest) -> Result<Chunk, SignError> {
        match self {
            Self::Embedded(vault) => vault.sign_chunk(request),
            Self::Remote(vault) => vault.sign_chunk(request),
        }
    }

    /// [`Vault::import`].
    pub(crate) fn import(&mut self, marks: &[Mark]) -> Result<Imported, SignError> {
        match self {
            Self::Embedded(vault) => vault.import(marks),
            Self::Remote(vault) => vault.import(marks),
        }
    }

    /// [`Vault::wait`]. A vault in another process waits for nothing because a caller says so.
    pub(crate) fn wait(&mut self, wait: Duration) -> Result<(), SignError> {
        match self {
            Self::Embedded(vault) => vault.wait(wait),
            Self::Remote(_) => Ok(()),
        }
    }

    /// [`Vault::end_wait`]. A vault in another process ends no wait because a caller says so.
    pub(crate) fn end_wait(&mut self) -> Result<(), SignError> {
        match self {
            Self::Embedded(vault) => vault.end_wait(),
            Self::Remote(_) => Ok(()),
        }
    }

    /// [`Vault::has_signed_nothing`].
    pub(crate) fn has_signed_nothing(&mut self) -> Result<bool, SignError> {
        match self {
            Self::Embedded(vault) => vault.has_signed_nothing(),
            Self::Remote(vault) => vault.has_signed_nothing(),
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
            Self::Remote(vault) => vault.may_have_signed(sighash, height),
        }
    }

    /// [`Vault::tidy`].
    pub(crate) fn tidy(&mut self) -> Result<(), SignError> {
        match self {
            Self::Embedded(vault) => vault.tidy(),
            Self::Remote(vault) => {
                vault.tidy();
                Ok(())
            }
        }
    }

    /// [`Vault::close_cleanly`]. A vault in another process outlives its callers.
    pub(crate) fn close_cleanly(self) -> Result<(), SignError> {
        match self {
            Self::Embedded(vault) => vault.close_cleanly(),
            Self::Remote(_) => Ok(()),
        }
    }

    /// [`Vault::take_slowest_commit`]; none from a vault in another process, which keeps its journal.
    pub(crate) fn take_slowest_commit(&mut self) -> Option<Duration> {
        match self {
            Self::Embedded(vault) => {
                Some(vault.take_slowest_commit()).filter(|took| !took.is_zero())
            }
            Self::Remote(_) => None,
        }
    }

    /// Counts the outages of a vault in another process here.
    pub(crate) fn count_outages(&mut self, outages: Counter) {
        if let Self::Remote(vault) = self {
            vault.count_outages(outages);
        }
    }
}
