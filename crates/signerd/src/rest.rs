//! Who is to sign, while the daemon does not run: its journal is changed, and the next start goes by it.

use countersign_ops::exit::Exit;
use countersign_vault::{
    AdoptError, Birth, FLOOR, HostLock, HostLockError, JournalExport, OpenError, SignError,
    SigningKey, Vault, is_there,
};

use crate::clock::now;
use crate::config::Config;
use crate::sign::{Promotion, TurnError, check_demotion};

/// Why the journal is not changed.
#[derive(Debug, thiserror::Error)]
pub enum RestError {
    /// Nothing is kept on disk.
    #[error("a signer that keeps nothing on disk has no journal; ask it while it runs")]
    NoJournal,
    /// Another process of this machine signs.
    #[error(transparent)]
    Host(#[from] HostLockError),
    /// The journal cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The other instance is not proven to have stopped.
    #[error("{0}")]
    NotDemoted(String),
    /// The other instance's journal cannot be taken over.
    #[error(transparent)]
    Adopt(#[from] AdoptError),
    /// The journal cannot be written.
    #[error(transparent)]
    Sign(#[from] SignError),
}

impl RestError {
    /// The code that the process should end with.
    pub const fn exit(&self) -> Exit {
        match self {
            Self::NoJournal => Exit::Usage,
            Self::Host(_) | Self::NotDemoted(_) => Exit::Instance,
            Self::Open(error) if error.is_unwritable() => Exit::Store,
            Self::Open(_) | Self::Adopt(_) => Exit::Journal,
            Self::Sign(_) => Exit::Store,
        }
    }
}

impl From<TurnError> for RestError {
    fn from(error: TurnError) -> Self {
        Self::NotDemoted(error.to_string())
    }
}

/// Has the next start sign. Without the other instance's journal it waits first, and listens.
pub fn promote_at_rest(
    config: &Config,
    key: SigningKey,
    promotion: &Promotion,
) -> Result<(), RestError> {
    if let Promotion::Journal(journal) = promotion {
        check_demotion(journal)?;
    }
    let (mut vault, _lock) = open(config, key, true)?;
    match promotion {
        Promotion::Journal(journal) => {
            vault.import_journal(journal)?;
            vault.end_wait()?;
        }
        Promotion::PeerIsLost => vault.wait(config.caution.floor)?,
    }
    vault.promote()?;
    Ok(())
}

/// Has no start sign before a promotion. Gives what was signed, with the key's proof.
pub fn demote_at_rest(config: &Config, key: SigningKey) -> Result<JournalExport, RestError> {
    let (mut vault, _lock) = open(config, key, false)?;
    vault.demote(now().as_unix())?;
    Ok(vault.export_journal(now().as_unix())?)
}

/// The lock keeps a daemon of this machine from starting in between. An instance that has never signed here
/// may be promoted, too.
fn open(config: &Config, key: SigningKey, may_begin: bool) -> Result<(Vault, HostLock), RestError> {
    let path = config.db_path.journal().ok_or(RestError::NoJournal)?;
    let lock = HostLock::take(&key.public_key())?;
    let vault = if may_begin && !is_there(&path) {
        Vault::create(key, &path, Birth::Init { wait: FLOOR })?
    } else {
        Vault::open(key, &path)?
    };
    Ok((vault, lock))
}
