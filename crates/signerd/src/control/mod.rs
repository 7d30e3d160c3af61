//! What the daemon answers on its control socket (`docs/operator/control.md`).
//!
//! A new command is a variant of [`Route`], a line in [`Route::line`] and an arm of the dispatcher.

mod instance;

use std::error::Error as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use countersign_ops::control::{
    ControlError, ControlSocket, Handler, Method, Reply, Request, check_len,
};
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::attendance::{Missed, Misses};
use crate::backup::{Copier, back_up};
use crate::config::Config;
use crate::keys::PublicKeys;
use crate::readiness::Readiness;
use crate::reload::ReloadHandle;
use crate::sign::VaultHandle;
use crate::status::Window;

/// What can be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Route {
    /// How the daemon is.
    Status,
    /// To sign from now on.
    Promote,
    /// To stop signing.
    Demote,
    /// Read the configuration again.
    Reload,
    /// Hand over what a backup holds.
    Backup,
}

impl Route {
    /// Everything that can be asked.
    pub const ALL: [Self; 5] =
        [Self::Status, Self::Promote, Self::Demote, Self::Reload, Self::Backup];

    /// The method and the path.
    pub const fn line(self) -> (Method, &'static str) {
        match self {
            Self::Status => (Method::Get, "/status"),
            Self::Promote => (Method::Post, "/promote"),
            Self::Demote => (Method::Post, "/demote"),
            Self::Reload => (Method::Post, "/reload"),
            Self::Backup => (Method::Post, "/backup"),
        }
    }

    /// The path, for those who ask.
    pub const fn path(self) -> &'static str {
        self.line().1
    }

    fn of(method: Method, path: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|route| route.line() == (method, path))
    }
}

/// Answers for the daemon.
pub(crate) struct Control {
    /// Who we are; no secret.
    pub(crate) identity: Value,
    /// How we are.
    pub(crate) readiness: Readiness,
    /// Everything that is shown of us.
    pub(crate) window: Window,
    /// Reads the configuration again.
    pub(crate) reload: ReloadHandle,
    /// Signs, or does not.
    pub(crate) vault: VaultHandle,
    /// Copies the store.
    pub(crate) store: Copier,
    /// How long a lost instance is waited for.
    pub(crate) floor: Duration,
    /// The latest blocks that have no signature of ours.
    pub(crate) misses: watch::Receiver<Misses>,
}

/// Who this signer is, for those who ask.
pub(crate) fn identity(config: &Config, keys: &PublicKeys) -> Value {
    json!({
        "version": crate::release(),
        "pid": std::process::id(),
        "network": config.network.name(),
        "address": config.address(&keys.first).to_string(),
        "public_key": keys.first.to_string(),
        "next_public_key": keys.next.map(|key| key.to_string()),
        "dry_run": config.is_dry_run,
    })
}

impl Control {
    async fn status(&self) -> Reply {
        let readiness = self.readiness.ladder().to_json();
        let instance = self.vault.instance().borrow().to_json();
        let missed: Vec<Value> = self.misses.borrow().iter().map(Missed::to_json).collect();
        let snapshot: Value = serde_json::from_slice(&self.window.look().await).unwrap_or_default();
        Reply::ok(json!({
            "signer": self.identity,
            "readiness": readiness,
            "instance": instance,
            "missed": missed,
            "snapshot": snapshot,
        }))
    }

    async fn reload(&self) -> Reply {
        match self.reload.reload().await {
            Some(Ok(report)) => Reply::ok(report.to_json()),
            Some(Err(error)) => {
                let mut text = error.to_string();
                let mut cause = error.source();
                while let Some(error) = cause {
                    text = format!("{text}: {error}");
                    cause = error.source();
                }
                Reply::refusal(422, "config_refused", text)
            }
            None => Reply::refusal(503, "stopping", "the daemon is about to end"),
        }
    }
}

impl Handler for Control {
    async fn handle(&self, request: Request) -> Reply {
        match Route::of(request.method, &request.path) {
            Some(Route::Status) => self.status().await,
            Some(Route::Promote) => instance::promote(&self.vault, self.floor, request.body).await,
            Some(Route::Demote) => instance::demote(&self.vault).await,
            Some(Route::Reload) => self.reload().await,
            Some(Route::Backup) => back_up(&self.vault, &self.store, &self.identity).await,
            None => {
                let text = format!("this daemon does not know {}", request.path);
                Reply::refusal(404, "route_unknown", text)
            }
        }
    }
}

/// Binds the control socket, if there is to be one. Without it the signer signs all the same, so the
/// usual path may be too long; one that the operator named must be bound.
pub(crate) fn open_control(
    path: Option<PathBuf>,
    is_named: bool,
) -> Result<Option<ControlSocket>, ControlError> {
    let Some(path) = path else { return Ok(None) };
    match check_len(&path) {
        Err(error) if !is_named => {
            tracing::warn!(
                %error,
                "there is no control socket, so `countersign status` and its like will not work; name \
                 a path in `control_socket` of the table [countersign]"
            );
            Ok(None)
        }
        _ => bind(&path).map(Some),
    }
}

fn bind(path: &Path) -> Result<ControlSocket, ControlError> {
    let socket = ControlSocket::bind(path)?;
    tracing::info!(path = %path.display(), "commands are taken on the control socket");
    Ok(socket)
}
