//! Who is to sign: what the vault's thread does about it.

use std::time::{Duration, Instant};

use countersign_vault::{HostLock, HostLockError, SignError, Standing};
use countersign_wire::PublicKey;

use super::{Clerk, ClerkError};
use crate::clock::now;
use crate::instance::{Finding, Gate, GateState, Looked, Seen};

/// A word about who is to sign.
#[derive(Debug)]
pub(crate) enum Turn {
    /// This instance: the other one is lost, and what it signed last is history after this time.
    PeerIsLost {
        /// The floor.
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
        match self.warden.hear(seen)? {
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
            Looked::Promoted => Ok(self.vault.promote()?),
        }
    }

    pub(super) fn turn(&mut self, turn: Turn) -> Result<Result<Turned, TurnError>, ClerkError> {
        let before = self.warden.gate().state();
        match (turn, before) {
            (Turn::Demote, GateState::Frozen | GateState::Demoted) => {}
            (Turn::Demote, _) => {
                self.warden.close(Gate::Demoted);
                self.vault.demote(now().as_unix())?;
                self.host.lock = None;
            }
            (_, GateState::Open) => return Ok(Err(TurnError::IsActive)),
            (_, GateState::Listening) => return Ok(Err(TurnError::IsListening)),
            (Turn::PeerIsLost { floor }, _) => match self.host.take() {
                Ok(()) => self.warden.wait_out(floor),
                Err(error) => return Ok(Err(error.into())),
            },
        }
        Ok(Ok(Turned { before }))
    }
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
