//! The process: everything is opened, then everything is closed but the way in.

use std::fs;
use std::io;
use std::path::Path;

use countersign_ops::sandbox::{Cage, Confinement, confine};
use countersign_ops::secret::{Secret, forbid_core_dumps};
use countersign_vault::{SigningKey, Vault};
use countersign_wire::PrivateKey;
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};

use crate::config::Config;
use crate::desk::{Chain, Desk};
use crate::error::VaultdError;
use crate::notify::Notify;
use crate::serve::{Server, Stop};
use crate::socket::listen;

/// Runs the vault until SIGTERM or SIGINT. For a process that has one thread.
///
/// The journal is opened before the socket is bound: its lock keeps a second vault of the same key away.
/// Nothing is answered before the sandbox is in force.
pub fn run(config: Config) -> Result<(), VaultdError> {
    let process = |what| move |source: io::Error| VaultdError::Process { what, source };
    forbid_core_dumps().map_err(process("core dumps cannot be forbidden"))?;
    let signals = signals().map_err(process("signals cannot be taken"))?;
    let key = open_key(&config.key)?;
    let vault = Vault::open(key, &config.journal)?;
    let public_key = vault.public_key();
    let listener = listen(&config)?;
    let notify = Notify::connect().map_err(process("the service manager cannot be reached"))?;
    let chain = Chain::new(config.network, config.chain_id);
    report(&config);

    lock_in(&config)?;
    let desk = Desk::new(vec![vault], chain);
    let server = Server { listener, signals, desk, callers: config.callers };
    notify.ready(&format!("signs with {public_key}"));
    tracing::info!(%public_key, network = %config.network, "the vault answers");
    let ended = server.run();
    notify.stopping();
    match ended {
        Ok(()) => {
            tracing::info!("asked to stop");
            Ok(())
        }
        Err(Stop::Journal(error)) => Err(VaultdError::Signing(error)),
        Err(Stop::Poll(error)) => Err(VaultdError::Poll(error)),
    }
}

/// SIGTERM and SIGINT become something that can be polled for.
fn signals() -> io::Result<SignalFd> {
    let mask = SigSet::from_iter([Signal::SIGTERM, Signal::SIGINT]);
    mask.thread_block()?;
    Ok(SignalFd::with_flags(&mask, SfdFlags::SFD_NONBLOCK | SfdFlags::SFD_CLOEXEC)?)
}

fn open_key(path: &Path) -> Result<SigningKey, VaultdError> {
    let text = fs::read_to_string(path)
        .map(Secret::new)
        .map_err(|source| VaultdError::KeyUnreadable { path: path.to_owned(), source })?;
    let key = PrivateKey::from_hex(text.expose().trim())
        .map_err(|source| VaultdError::Key { path: path.to_owned(), source })?;
    Ok(key.into())
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
    let folder = config.journal.parent().unwrap_or_else(|| Path::new("/"));
    let confinement = confine(&Cage { folders: vec![folder.to_owned()] });
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
