//! `POST /promote` and `POST /demote`: who is to sign.

use std::time::Duration;

use countersign_ops::control::Reply;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::sign::{Turn, TurnError, Turned, VaultHandle};

/// What a promotion goes by.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Promotion {
    /// That the other instance is lost.
    peer_is_lost: bool,
}

/// Has this instance sign.
pub(super) async fn promote(vault: &VaultHandle, floor: Duration, body: Value) -> Reply {
    match serde_json::from_value(body) {
        Ok(Promotion { peer_is_lost: true }) => turn(vault, Turn::PeerIsLost { floor }).await,
        Ok(_) => Reply::refusal(400, "promotion_baseless", "name a journal, or say that the peer is lost"),
        Err(error) => Reply::refusal(400, "promotion_unread", format!("not a promotion: {error}")),
    }
}

/// Has this instance stop.
pub(super) async fn demote(vault: &VaultHandle) -> Reply {
    turn(vault, Turn::Demote).await
}

async fn turn(vault: &VaultHandle, turn: Turn) -> Reply {
    match vault.turn(turn).await {
        Some(Ok(Turned { before })) => Reply::ok(json!({
            "before": before.label(),
            "instance": vault.instance().borrow().to_json(),
        })),
        Some(Err(error)) => Reply::refusal(409, code(&error), error.to_string()),
        None => Reply::refusal(503, "stopping", "the signer is about to stop"),
    }
}

const fn code(error: &TurnError) -> &'static str {
    match error {
        TurnError::IsActive => "is_active",
        TurnError::IsListening => "is_listening",
        TurnError::Host(_) => "key_in_use",
    }
}
