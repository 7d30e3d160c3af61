//! `POST /promote` and `POST /demote`: who is to sign.

use std::time::Duration;

use countersign_ops::control::Reply;
use countersign_vault::{InterchangeError, JournalExport};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::facts::describe;
use crate::sign::{Promotion, Turn, TurnError, Turned, VaultHandle};

/// What a promotion goes by: one of the two.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Grounds {
    /// The texts of exported journals, one for each key.
    journals: Option<Vec<String>>,
    /// That the other instance is lost.
    #[serde(default)]
    peer_is_lost: bool,
}

/// Has this instance sign.
pub(super) async fn promote(vault: &VaultHandle, floor: Duration, body: Value) -> Reply {
    let grounds = match serde_json::from_value(body) {
        Ok(grounds) => grounds,
        Err(error) => {
            return Reply::refusal(400, "promotion_unread", format!("not a promotion: {error}"));
        }
    };
    let promotion = match grounds {
        Grounds { journals: Some(texts), peer_is_lost: false } => {
            let read = texts.iter().map(|text| JournalExport::from_json(text.as_bytes())).collect();
            match read {
                Ok(journals) => Promotion::Journals(journals),
                Err(error) => return unread(&error),
            }
        }
        Grounds { journals: None, peer_is_lost: true } => Promotion::PeerIsLost,
        Grounds { .. } => {
            let text = "name the other instance's journal, or say that it is lost";
            return Reply::refusal(400, "promotion_baseless", text);
        }
    };
    turn(vault, Turn::Promote { promotion, floor }).await
}

fn unread(error: &InterchangeError) -> Reply {
    Reply::refusal(400, "journal_unread", describe(error))
}

/// Has this instance stop.
pub(super) async fn demote(vault: &VaultHandle) -> Reply {
    turn(vault, Turn::Demote).await
}

async fn turn(vault: &VaultHandle, turn: Turn) -> Reply {
    match vault.turn(turn).await {
        Some(Ok(Turned { before, journals })) => Reply::ok(json!({
            "before": before.label(),
            "instance": vault.instance().borrow().to_json(),
            "journals": journals.iter().map(JournalExport::to_json).collect::<Vec<_>>(),
        })),
        Some(Err(error)) => Reply::refusal(409, code(&error), describe(&error)),
        None => Reply::refusal(503, "stopping", "the signer is about to stop"),
    }
}

const fn code(error: &TurnError) -> &'static str {
    match error {
        TurnError::IsActive => "is_active",
        TurnError::IsListening => "is_listening",
        TurnError::Host(_) => "key_in_use",
        TurnError::NotDemoted => "not_demoted",
        TurnError::Missing(_) | TurnError::Foreign => "journal_of_another_key",
        TurnError::SignsOn(_) => "peer_signs",
        TurnError::Journal(_) => "journal_refused",
        TurnError::Reluctant(_) => "vault_refuses",
        TurnError::Vault(_) => "vault_failed",
    }
}
