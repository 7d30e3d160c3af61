//! The process: everything is opened, then everything is closed but the way in.

use std::io;
use std::path::Path;

use countersign_custody::{Ask, KeyPlace};
use countersign_ops::notify::Notifier;
use countersign_ops::sandbox::{Cage, Confinement, confine};
use countersign_ops::secret::forbid_core_dumps;
use countersign_vault::{Birth, FLOOR, HostLock, OpenError, SigningKey, Vault, is_there};
use countersign_wire::Network;
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};

use crate::config::Config;
use crate::desk::{Chain, Desk};
use crate::error::VaultdError;
use crate::heartbeat::Heartbeat;
use crate::serve::{Server, Stop};
use crate::socket::listen;

/// Runs the vault until SIGTERM or SIGINT. For a process that has one thread.
///
/// The journal is opened before the socket is bound: its lock keeps a second vault of the same key away.
/// Nothing is answered before the sandbox is in force. With `is_init` a journal begins, where there must be
/// none.
pub fn run(config: Config, is_init: bool, ask: Ask<'_>) -> Result<(), VaultdError> {
    let process = |what| move |source: io::Error| VaultdError::Process { what, source };
    forbid_core_dumps().map_err(process("core dumps cannot be forbidden"))?;
    let key = config.open_key(ask)?;
    // No other process of this machine signs with it while this one lives.
    let _lock = HostLock::take(&key.public_key())?;
    let signals = signals().map_err(process("signals cannot be taken"))?;
    let vault = open_vault(key, &config, is_init)?;
    let public_key = vault.public_key();
    let listener = listen(&config)?;
    let notifier = Notifier::from_env()?;
    let chain = Chain::new(config.network, config.chain_id);
    report(&config);

    lock_in(&config)?;
    let desk = Desk::new(vec![vault], chain);
    let server = Server { listener, signals, desk, callers: config.callers };
    notifier.ready();
    tracing::info!(%public_key, network = %config.network, "the vault answers");
    let ended = server.run(Heartbeat::new(&notifier));
    notifier.stopping();
    match ended {
        Ok(()) => {
            tracing::info!("asked to stop");
            Ok(())
        }
        Err(Stop::Journal(error)) => Err(VaultdError::Signing(error)),
        Err(Stop::Poll(error)) => Err(VaultdError::Poll(error)),
    }
}

/// A journal that is missing is refused, unless the operator says that there is no history or that it is lost;
/// then nothing is signed before what may have been forgotten binds no more. On a mocknet nothing is at stake.
fn open_vault(key: SigningKey, config: &Config, is_init: bool) -> Result<Vault, OpenError> {
    let journal = &config.journal;
    match (is_there(journal), is_init) {
        (true, true) => Err(OpenError::Exists { path: journal.clone() }),
        (false, true) => Vault::create(key, journal, Birth::Init { wait: FLOOR }),
        (false, false) if config.network == Network::Mocknet => {
            Vault::create(key, journal, Birth::WithKey)
        }
        // If it is not there, opening it says what is missing.
        (_, false) => Vault::open(key, journal),
    }
}

/// SIGTERM and SIGINT become something that can be polled for, and so does SIGHUP, by which a signer of the same
/// name reads its configuration again: whoever sends it to all processes of that name must not end the vault.
fn signals() -> io::Result<SignalFd> {
    let mask = SigSet::from_iter([Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP]);
    mask.thread_block()?;
    Ok(SignalFd::with_flags(&mask, SfdFlags::SFD_NONBLOCK | SfdFlags::SFD_CLOEXEC)?)
}

fn report(config: &Config) {
    for caller in config.callers.iter() {
        let roles: Vec<&str> = caller.roles.iter().map(|role| role.name()).collect();
        tracing::info!(
            user = caller.user,
            uid = caller.uid,
            roles = roles.join(" "),
            "a caller of this vault"
        );
    }
}

/// Locks the process in. What of it is missing is either fatal or said.
fn lock_in(config: &Config) -> Result<(), VaultdError> {
    let journal = config.journal.parent().unwrap_or_else(|| Path::new("/")).to_owned();
    let has_library = matches!(config.key, KeyPlace::Pkcs11 { .. });
    let mut folders = vec![journal];
    folders.extend(config.token_folders.iter().cloned());
    let confinement = confine(&Cage { folders, has_library });
    say(&confinement);
    match confinement.into_first_failure() {
        Some((measure, source)) if config.must_be_confined => {
            Err(VaultdError::Unconfined { measure, source })
        }
        _ => Ok(()),
    }
}

fn say(confinement: &Confinement) {
    for (measure, result) in &confinement.measures {
        match result {
            Ok(what) => tracing::info!(%measure, "in force: {what}"),
            Err(error) => {
                let error = countersign_ops::report::describe(error);
                tracing::warn!(%measure, error, "not in force");
            }
        }
    }
}
