//! Who is to sign: what the vault's thread does about it.

use std::time::{Duration, Instant};

use countersign_vault::{AdoptError, HostLock, HostLockError, JournalExport, SignError, Standing};
use countersign_wire::PublicKey;

use super::{Clerk, ClerkError};
use crate::clock::now;
use crate::instance::{Finding, Gate, GateState, Looked, Seen};

/// Why no other instance signs with this key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Promotion {
    /// It was demoted, and this is its journal.
    Journal(Box<JournalExport>),
    /// It is lost, and with it what it signed last.
    PeerIsLost,
}

/// A word about who is to sign.
#[derive(Debug)]
pub(crate) enum Turn {
    /// This instance.
    Promote {
        /// Why no other one does.
        promotion: Promotion,
        /// After which time what a lost instance signed last is history.
        floor: Duration,
    },
    /// Not this instance any more.
    Demote,
}

/// What a turn came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Turned {
    /// What it was before.
    pub(crate) before: GateState,
    /// After a demotion, what this instance has signed.
    pub(crate) journal: Option<Box<JournalExport>>,
}

/// Why the gate is not turned.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TurnError {
    /// This instance signs already.
    #[error("this instance signs already")]
    IsActive,
    /// It is about to.
    #[error("this instance is about to sign: it listens for its own key at the moment")]
    IsListening,
    /// Another process of this machine signs.
    #[error(transparent)]
    Host(#[from] HostLockError),
    /// The other instance is not proven to have stopped.
    #[error(
        "the journal does not prove that its instance has stopped: it was exported by an active one, or \
         without the key; run `countersign demote` there"
    )]
    NotDemoted,
    /// It has signed since.
    #[error(
        "the other instance has signed after its journal was exported ({0}); demote it, and export again"
    )]
    SignsOn(String),
    /// Its journal cannot be taken over.
    #[error(transparent)]
    Journal(AdoptError),
}

/// The key on this machine.
pub(super) struct Host {
    pub(super) key: Option<PublicKey>,
    pub(super) lock: Option<HostLock>,
}

impl Host {
    /// Has the key for this process alone.
    fn take(&mut self) -> Result<(), HostLockError> {
        if let (None, Some(key)) = (&self.lock, &self.key) {
            self.lock = Some(HostLock::take(key)?);
        }
        Ok(())
    }
}

impl Clerk {
    pub(super) fn hear(&mut self, seen: &Seen) -> Result<(), ClerkError> {
        let finding = self.warden.hear(seen)?;
        if self.warden.gate().follows_another() {
            // It may run on this machine.
            self.host.lock = None;
        }
        match finding {
            Finding::Fine => Ok(()),
            Finding::Freeze { reason } => {
                // Nothing passes the gate any more. If the record fails, the daemon ends.
                self.vault.freeze(&reason, now().as_unix())?;
                tracing::error!(
                    reason,
                    "SIGNING IS FROZEN: another process signs with this key. Find it and stop it, or take \
                     the key for stolen; then `countersign promote`. A restart changes nothing"
                );
                Ok(())
            }
        }
    }

    pub(super) fn look_ended(&mut self, begun: Instant, seen: &[Seen]) -> Result<(), ClerkError> {
        for seen in seen {
            self.hear(seen)?;
        }
        match self.warden.look_ended(begun) {
            Looked::AsBefore | Looked::Opened => Ok(()),
            Looked::Promoted => {
                self.vault.promote()?;
                Ok(self.vault.end_wait()?)
            }
        }
    }

    pub(super) fn turn(&mut self, turn: Turn) -> Result<Result<Turned, TurnError>, ClerkError> {
        let before = self.warden.gate().state();
        match turn {
            Turn::Demote => {
                let journal = Some(Box::new(self.demote(before)?));
                Ok(Ok(Turned { before, journal }))
            }
            Turn::Promote { promotion, floor } => {
                let promoted = match before {
                    GateState::Open => Err(TurnError::IsActive),
                    GateState::Listening => Err(TurnError::IsListening),
                    _ => self.promote(promotion, floor)?,
                };
                Ok(promoted.map(|()| Turned { before, journal: None }))
            }
        }
    }

    /// What it signed is exported in the same turn, so that nothing comes between.
    fn demote(&mut self, before: GateState) -> Result<JournalExport, ClerkError> {
        if !matches!(before, GateState::Frozen | GateState::Demoted) {
            self.warden.close(Gate::Demoted);
            self.vault.demote(now().as_unix())?;
        }
        self.host.lock = None;
        Ok(self.vault.export_journal(now().as_unix())?)
    }

    fn promote(
        &mut self,
        promotion: Promotion,
        floor: Duration,
    ) -> Result<Result<(), TurnError>, ClerkError> {
        if let Err(error) = self.host.take() {
            return Ok(Err(error.into()));
        }
        let done = match promotion {
            Promotion::PeerIsLost => {
                self.warden.wait_out(floor);
                return Ok(Ok(()));
            }
            Promotion::Journal(journal) => self.take_over(&journal),
        };
        if done.is_err() {
            self.host.lock = None;
        }
        match done {
            Err(TurnError::Journal(AdoptError::Journal(error))) if error.is_fatal() => {
                Err(error.into())
            }
            Err(error) => Ok(Err(error)),
            Ok(()) => {
                self.vault.promote()?;
                self.vault.end_wait()?;
                self.warden.promote()?;
                Ok(Ok(()))
            }
        }
    }

    /// Takes over what the other instance signed, if it is proven to have stopped.
    fn take_over(&mut self, journal: &JournalExport) -> Result<(), TurnError> {
        check_demotion(journal)?;
        if let Some(word) = self.warden.heard_after(journal.created_at) {
            return Err(TurnError::SignsOn(word));
        }
        self.vault.import_journal(journal).map(drop).map_err(TurnError::Journal)
    }
}

/// Refuses the journal of an instance that may still sign.
pub(crate) fn check_demotion(journal: &JournalExport) -> Result<(), TurnError> {
    if journal.is_proven_demotion() { Ok(()) } else { Err(TurnError::NotDemoted) }
}

/// The gate of a vault that has just been opened, before anything is listened for; none if it may sign.
pub(crate) fn gate_of(standing: &Standing) -> Option<Gate> {
    match standing {
        Standing::Active => None,
        Standing::Demoted { .. } => Some(Gate::Demoted),
        Standing::Frozen { reason, .. } => Some(Gate::Frozen { reason: reason.clone() }),
    }
}

/// What the vault says when it may not sign after all, such as during its own wait.
pub(crate) const fn is_for_now(error: &SignError) -> bool {
    matches!(
        error,
        SignError::NotActive { .. } | SignError::Waiting { .. } | SignError::Held { .. }
    )
}
