//! Who is to sign: what the vault's thread does about it.

use std::time::{Duration, Instant};

use countersign_vault::{
    AdoptError, FLOOR, HostLock, HostLockError, JournalExport, SignError, Standing,
};
use countersign_wire::{PublicKey, UnixSeconds};

use super::{Clerk, ClerkError};
use crate::clock::{now, wall_time};
use crate::facts::describe;
use crate::instance::{Finding, Gate, GateState, Looked, Seen};

/// Why no other instance signs with this key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Promotion {
    /// It was demoted, and these are its journals: one for each key.
    Journals(Vec<JournalExport>),
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
    /// After a demotion, what this instance has signed: a journal for each key.
    pub(crate) journals: Vec<JournalExport>,
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
    /// There is no journal of a key.
    #[error("there is no journal of the key {0} among those that were given")]
    Missing(PublicKey),
    /// There is a journal too many.
    #[error("a journal is of a key that this signer does not have, or there are two of one key")]
    Foreign,
    /// It has signed since.
    #[error(
        "the other instance has signed after its journal was exported ({0}); demote it, and export again"
    )]
    SignsOn(String),
    /// Its journal cannot be taken over.
    #[error(transparent)]
    Journal(AdoptError),
    /// A vault in another process does not let the key sign.
    #[error(
        "its vault does not let the key sign again, so nothing was changed but its marks; it must run, and this \
         user needs the role `operator` there to take back a demotion or a freeze: {0}"
    )]
    Reluctant(String),
    /// A vault in another process does not do what a demotion asks of it.
    #[error(
        "this instance signs nothing any more, but its vault did not do its part; run `countersign demote` \
         again when it does: {0}"
    )]
    Vault(String),
}

/// The keys on this machine.
pub(super) struct Host {
    pub(super) keys: Vec<PublicKey>,
    pub(super) locks: Vec<HostLock>,
}

impl Host {
    /// Has the keys for this process alone.
    fn take(&mut self) -> Result<(), HostLockError> {
        if self.locks.is_empty() {
            self.locks = self.keys.iter().map(HostLock::take).collect::<Result<_, _>>()?;
        }
        Ok(())
    }
}

impl Clerk {
    pub(super) fn hear(&mut self, seen: &Seen) -> Result<(), ClerkError> {
        let finding = self.warden.hear(seen)?;
        if self.warden.gate().follows_another() {
            // It may run on this machine.
            self.host.locks.clear();
        }
        match finding {
            Finding::Fine => Ok(()),
            Finding::Freeze { reason } => {
                tracing::error!(
                    reason,
                    "SIGNING IS FROZEN: another process signs with this key. Find it and stop it, or take \
                     the key for stolen; then `countersign promote`. A restart changes nothing"
                );
                // Nothing passes the gate any more. If the record fails, the daemon ends, and what it has heard
                // here freezes the next one.
                match self.vaults.freeze(&reason, now().as_unix()) {
                    Ok(()) => Ok(self.warden.frozen_by(seen)?),
                    Err(error) if error.is_fatal() => Err(error.into()),
                    Err(source) => Err(ClerkError::Unfrozen { reason, source }),
                }
            }
        }
    }

    pub(super) fn look_ended(&mut self, begun: Instant, seen: &[Seen]) -> Result<(), ClerkError> {
        for seen in seen {
            self.hear(seen)?;
        }
        match self.warden.look_ended(begun) {
            Looked::Done => Ok(()),
            Looked::PromotionDue => self.end_floor(),
        }
    }

    /// The floor is waited out: signs if the vaults let their keys sign, and is else what it was before.
    fn end_floor(&mut self) -> Result<(), ClerkError> {
        match self.let_sign()? {
            None => self.warden.open(),
            Some(refusal) => {
                self.warden.call_off(TurnError::Reluctant(refusal).to_string());
                self.host.locks.clear();
            }
        }
        Ok(())
    }

    pub(super) fn turn(&mut self, turn: Turn) -> Result<Result<Turned, TurnError>, ClerkError> {
        let before = self.warden.gate().state();
        match turn {
            Turn::Demote => match self.demote(before) {
                Ok(journals) => Ok(Ok(Turned { before, journals })),
                Err(error) if !error.is_fatal() => Ok(Err(TurnError::Vault(describe(&error)))),
                Err(error) => Err(error.into()),
            },
            Turn::Promote { promotion, floor } => {
                let promoted = match before {
                    GateState::Open => Err(TurnError::IsActive),
                    GateState::Listening => Err(TurnError::IsListening),
                    _ => self.promote(promotion, floor)?,
                };
                Ok(promoted.map(|()| Turned { before, journals: Vec::new() }))
            }
        }
    }

    /// What it signed is exported in the same turn, so that nothing comes between. The vaults are told each
    /// time: one in another process may have been away the last time.
    fn demote(&mut self, before: GateState) -> Result<Vec<JournalExport>, SignError> {
        if !matches!(before, GateState::Frozen | GateState::Demoted) {
            self.warden.close(Gate::Demoted);
        }
        self.vaults.demote(now().as_unix())?;
        self.host.locks.clear();
        self.vaults.all().map(|vault| vault.export_journal(wall_time())).collect()
    }

    fn promote(
        &mut self,
        promotion: Promotion,
        floor: Duration,
    ) -> Result<Result<(), TurnError>, ClerkError> {
        if let Err(error) = self.host.take() {
            return Ok(Err(error.into()));
        }
        let Promotion::Journals(journals) = promotion else {
            self.warden.wait_out(floor);
            return Ok(Ok(()));
        };
        let done = self.take_over(&journals);
        if done.is_err() {
            self.host.locks.clear();
        }
        match done {
            Err(TurnError::Journal(AdoptError::Journal(error))) if error.is_fatal() => {
                Err(error.into())
            }
            Err(error) => Ok(Err(error)),
            Ok(()) => {
                if let Some(refusal) = self.let_sign()? {
                    self.host.locks.clear();
                    return Ok(Err(TurnError::Reluctant(refusal)));
                }
                let is_old = journals.iter().any(|journal| is_old(journal.created_at));
                self.warden.promote(if is_old { DOUBT } else { Duration::ZERO })?;
                Ok(Ok(()))
            }
        }
    }

    /// Takes over what the other instance signed, if it is proven to have stopped.
    fn take_over(&mut self, journals: &[JournalExport]) -> Result<(), TurnError> {
        let keys: Vec<PublicKey> = self.vaults.all().map(|vault| vault.public_key()).collect();
        check_demotion(journals, &keys)?;
        for journal in journals {
            if let Some(word) = self.warden.heard_after(journal.created_at) {
                return Err(TurnError::SignsOn(word));
            }
        }
        for journal in journals {
            let vault = self.vaults.of(&journal.public_key);
            vault.import_journal(journal).map_err(TurnError::Journal)?;
        }
        Ok(())
    }

    /// The vaults may sign. One in another process may have to be told by its operator: until then it
    /// refuses, and says why.
    fn let_sign(&mut self) -> Result<Option<String>, ClerkError> {
        match self.vaults.promote() {
            Err(error) if !error.is_fatal() => {
                let error = describe(&error);
                tracing::error!(error, "the vault does not sign again before its operator says so");
                Ok(Some(error))
            }
            done => Ok(done.map(|()| None)?),
        }
    }
}

/// Refuses journals that do not prove of each of these keys that nobody else signs with it.
pub(crate) fn check_demotion(
    journals: &[JournalExport],
    keys: &[PublicKey],
) -> Result<(), TurnError> {
    if !journals.iter().all(JournalExport::is_proven_demotion) {
        return Err(TurnError::NotDemoted);
    }
    let has = |key: &PublicKey| journals.iter().any(|journal| journal.public_key == *key);
    let is_ours = |journal: &JournalExport| keys.contains(&journal.public_key);
    match keys.iter().find(|key| !has(key)) {
        Some(key) => Err(TurnError::Missing(*key)),
        None if journals.iter().all(is_ours) && journals.len() == keys.len() => Ok(()),
        None => Err(TurnError::Foreign),
    }
}

/// Whether a journal was exported so long ago that its instance may have been promoted again since. Its proof holds
/// for the time of the export.
fn is_old(exported_at: UnixSeconds) -> bool {
    wall_time().get().saturating_sub(exported_at.get()) > FLOOR.as_secs()
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

/// How long is listened where it is in doubt whether another instance signs: an active one says something at each
/// block.
const DOUBT: Duration = Duration::from_secs(30);

#[cfg(test)]
#[path = "turn_tests.rs"]
mod tests;
