//! The vaults of our keys: one, or two while a key is being changed.

use std::time::Duration;

use countersign_vault::{SignError, Standing};
use countersign_wire::{PublicKey, UnixSeconds};

use crate::hand::Hand;

/// The vaults that sign for this daemon, each with the journal of its own key.
#[derive(Debug)]
pub(crate) struct Vaults {
    first: Hand,
    next: Option<Hand>,
}

impl<T: Into<Hand>> From<T> for Vaults {
    fn from(first: T) -> Self {
        Self { first: first.into(), next: None }
    }
}

impl Vaults {
    /// The vault of the key, and that of the key which is to take its place.
    pub(crate) const fn new(first: Hand, next: Option<Hand>) -> Self {
        Self { first, next }
    }

    /// The vault of the key that signs until another takes its place.
    pub(crate) const fn first(&mut self) -> &mut Hand {
        &mut self.first
    }

    /// Every vault.
    pub(crate) fn all(&mut self) -> impl Iterator<Item = &mut Hand> {
        std::iter::once(&mut self.first).chain(&mut self.next)
    }

    /// Whether the keys may sign at all: if one may not, none does.
    pub(crate) fn standing(&mut self) -> Result<Standing, SignError> {
        let mut standing = Standing::Active;
        for vault in self.all() {
            match vault.standing()? {
                frozen @ Standing::Frozen { .. } => return Ok(frozen),
                demoted @ Standing::Demoted { .. } => standing = demoted,
                Standing::Active => {}
            }
        }
        Ok(standing)
    }

    /// Whether every vault was stopped in an orderly way.
    pub(crate) fn were_stopped_cleanly(&mut self) -> bool {
        self.all().all(|vault| vault.was_stopped_cleanly())
    }

    /// How long one of them will not sign.
    pub(crate) fn wait_for(&mut self) -> Duration {
        self.all().filter_map(|vault| vault.waits_for()).max().unwrap_or_default()
    }

    /// [`Vault::demote`](countersign_vault::Vault::demote) for each of them.
    pub(crate) fn demote(&mut self, at: UnixSeconds) -> Result<(), SignError> {
        self.all().try_for_each(|vault| vault.demote(at))
    }

    /// [`Vault::freeze`](countersign_vault::Vault::freeze) for each of them: who has one key of ours may
    /// have the other.
    pub(crate) fn freeze(&mut self, reason: &str, at: UnixSeconds) -> Result<(), SignError> {
        self.all().try_for_each(|vault| vault.freeze(reason, at))
    }

    /// [`Vault::promote`](countersign_vault::Vault::promote) for each of them, and no wait any more.
    pub(crate) fn promote(&mut self) -> Result<(), SignError> {
        self.all().try_for_each(|vault| {
            vault.promote()?;
            vault.end_wait()
        })
    }

    /// The vault of `key`, which is one of ours: the core was told of the keys whose vaults were opened,
    /// and names no other.
    pub(crate) fn of(&mut self, key: &PublicKey) -> &mut Hand {
        let Self { first, next } = self;
        match next {
            Some(next) if next.public_key() == *key => next,
            _ => {
                assert!(first.public_key() == *key, "a vault is open for each key of the core");
                first
            }
        }
    }

    /// [`Vault::tidy`](countersign_vault::Vault::tidy) for each of them.
    pub(crate) fn tidy(&mut self) -> Result<(), SignError> {
        self.all().try_for_each(Hand::tidy)
    }

    /// [`Vault::close_cleanly`](countersign_vault::Vault::close_cleanly) for each of them.
    pub(crate) fn close_cleanly(self) -> Result<(), SignError> {
        let Self { first, next } = self;
        std::iter::once(first).chain(next).try_for_each(Hand::close_cleanly)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use countersign_vault::Vault;
    use countersign_wire::PrivateKey;

    use super::*;

    fn hand(byte: u8) -> Hand {
        Hand::from(Vault::in_memory(PrivateKey::from_bytes([byte; 32]).unwrap()).unwrap())
    }

    #[test]
    fn each_key_has_its_own_vault() {
        let mut vaults = Vaults::new(hand(1), Some(hand(2)));
        for key in [hand(1).public_key(), hand(2).public_key()] {
            assert_eq!(vaults.of(&key).public_key(), key);
        }
        assert_eq!(vaults.all().count(), 2);
        assert_eq!(vaults.first().public_key(), hand(1).public_key());
    }

    #[test]
    #[should_panic(expected = "a vault is open for each key of the core")]
    fn a_key_that_is_not_ours_is_never_taken_for_another() {
        Vaults::from(hand(1)).of(&hand(3).public_key());
    }
}
