//! What the signer itself knows to be wrong.
//!
//! The names are those of the alert rules (`countersign_watch`), so that the page and a page at night speak
//! of the same thing. A rule looks from outside and for longer; what is here is so at this moment.

use countersign_signer::{Millis, Timestamp};
use countersign_status::{
    Alert, Block, Cycle, Outcome, Peer, Queues, Seat, Severity, Stance, State, View,
};

use super::past::Past;
use crate::readiness::{Ladder, Rung, Step};

/// What is looked at.
pub(super) struct Seen<'a> {
    pub(super) past: &'a Past,
    pub(super) ladder: &'a Ladder,
    pub(super) stuck: Option<&'static str>,
    pub(super) state: State,
    pub(super) cycle: Option<&'a Cycle>,
    pub(super) seats: &'a [Seat],
    pub(super) peers: &'a [Peer],
    pub(super) blocks: &'a [Block],
    pub(super) queues: &'a Queues,
}

/// One condition that holds.
struct Found {
    kind: Kind,
    text: String,
    remedy: Option<String>,
}

impl Found {
    fn new(kind: Kind, text: impl Into<String>) -> Self {
        Self { kind, text: text.into(), remedy: None }
    }

    fn with_remedy(self, remedy: &str) -> Self {
        Self { remedy: Some(remedy.to_owned()), ..self }
    }
}

/// Everything that is wrong, the most severe first.
pub(super) fn alerts(seen: &Seen<'_>, now: Timestamp) -> Vec<Alert> {
    let mut found: Vec<Found> = [
        stuck(seen),
        rung(seen),
        next_cycle(seen),
        second_seat(seen, now),
        refused(seen, now),
        missed(seen),
        conflict(seen, now),
        silent(seen, now),
        dropped(seen, now),
        slow(seen),
        quiet(seen),
    ]
    .into_iter()
    .flatten()
    .collect();
    found.sort_by_key(|found| found.kind.severity);
    let alert = |Found { kind: Kind { name, severity }, text, remedy }| Alert {
        name: name.to_owned(),
        severity,
        since: seen.past.up_since(name, now),
        text,
        remedy,
    };
    found.into_iter().map(alert).collect()
}

fn stuck(seen: &Seen<'_>) -> Option<Found> {
    let part = seen.stuck?;
    let found = Found::new(kinds::STUCK, format!("{part} makes no progress"));
    Some(found.with_remedy("restart the signer, and keep its log"))
}

/// The first missing rung of the ladder, if it is one that must not be missing.
fn rung(seen: &Seen<'_>) -> Option<Found> {
    let Step { rung, code, text, remedy, .. } = seen.ladder.missing()?;
    let kind = match (rung, code.as_str()) {
        (Rung::KeyOpen | Rung::JournalGood, _) => return None,
        (_, code) if PASSING.contains(&code) => return None,
        (Rung::NodeReached, _) => kinds::NODE_UNREACHABLE,
        (Rung::RightNetwork, _) => kinds::WRONG_NETWORK,
        (Rung::InSync, _) => kinds::NODE_BEHIND,
        (Rung::Registered, _) => kinds::NOT_REGISTERED,
        (Rung::AllowedToSign, "frozen") => kinds::FROZEN,
        (Rung::AllowedToSign, _) => return None,
        (Rung::Deciding, _) => kinds::PROPOSALS_STOPPED,
    };
    Some(Found { kind, text: text.clone(), remedy: remedy.clone() })
}

fn next_cycle(seen: &Seen<'_>) -> Option<Found> {
    let cycle = seen.cycle.filter(|cycle| cycle.in_prepare_phase)?;
    let next = seen.seats.iter().find(|seat| seat.cycle == cycle.number + 1)?;
    let is_sure = !matches!(next.reason.as_deref(), Some("registration_delayed" | "dry_run"));
    (!next.registered && is_sure).then(|| {
        let text = format!(
            "not registered for reward cycle {}, which begins in {} burn blocks ({})",
            next.cycle,
            cycle.blocks_to_next,
            next.reason.as_deref().unwrap_or("no reason known")
        );
        Found::new(kinds::NOT_REGISTERED_NEXT, text)
            .with_remedy("have the stacker commit with this key before the prepare phase")
    })
}

fn second_seat(seen: &Seen<'_>, now: Timestamp) -> Option<Found> {
    let (cycle, at) = seen.past.incidents.second_seat?;
    let is_now = seen.cycle.is_some_and(|running| running.number <= cycle.get());
    (is_now || Past::is_recent(Some(at), now)).then(|| {
        let text =
            format!("two keys of ours have a seat in reward cycle {cycle}, and one is silent");
        Found::new(kinds::SECOND_SEAT, text)
    })
}

fn refused(seen: &Seen<'_>, now: Timestamp) -> Option<Found> {
    let at = seen.past.incidents.vault_refused;
    Past::is_recent(at, now).then(|| {
        let text = "the vault refused within the last hour to contradict an earlier signature";
        Found::new(kinds::VAULT_REFUSED, text)
            .with_remedy("see whether another instance signs with this key")
    })
}

/// Of the last blocks that were accepted, some have no signature of ours.
fn missed(seen: &Seen<'_>) -> Option<Found> {
    if !matches!(seen.state, State::Signing | State::Waiting) {
        return None;
    }
    let accepted: Vec<&Block> = seen
        .blocks
        .iter()
        .filter(|block| block.outcome == Outcome::Accepted && block.proposed_at.is_some())
        .take(LAST)
        .collect();
    let missed = accepted.iter().filter(|block| block.ours != Stance::Signed).count();
    (missed >= MANY).then(|| {
        let text =
            format!("{missed} of the last {} accepted blocks are not signed by us", accepted.len());
        Found::new(kinds::BLOCKS_MISSED, text)
            .with_remedy("see below what we said to them, and how quick the node validates")
    })
}

fn conflict(seen: &Seen<'_>, now: Timestamp) -> Option<Found> {
    let since = seen.past.incidents.view_conflict?;
    (now.since(since) >= PATIENCE).then(|| {
        let text = "our view of the chain differs from the others', and there is none to follow";
        Found::new(kinds::VIEW_CONFLICT, text)
            .with_remedy("see whether our node is behind, or the others'")
    })
}

/// So much weight was not heard for ten minutes that no block can be approved.
fn silent(seen: &Seen<'_>, now: Timestamp) -> Option<Found> {
    let total: u64 = seen.peers.iter().map(|peer| peer.weight).sum();
    let is_heard = |peer: &&Peer| {
        peer.is_us
            || peer.heard_at.is_some_and(|at| now.since(Timestamp::from_millis(at)) <= HEARD_WITHIN)
    };
    let heard: u64 = seen.peers.iter().filter(is_heard).map(|peer| peer.weight).sum();
    let has_heard = seen.peers.iter().any(|peer| !peer.is_us && peer.view != View::Unknown);
    (has_heard && heard.saturating_mul(10) < total.saturating_mul(7)).then(|| {
        let text = format!("only weight {heard} of {total} was heard within the last ten minutes");
        Found::new(kinds::PEERS_SILENT, text)
            .with_remedy("see our node's peers; if they are well, the others are not")
    })
}

fn dropped(seen: &Seen<'_>, now: Timestamp) -> Option<Found> {
    let (count, at) = seen.past.dropped;
    Past::is_recent(at, now).then(|| {
        let text = format!(
            "callbacks of the node were dropped within the last hour ({count} since the start)"
        );
        Found::new(kinds::CALLBACKS_DROPPED, text)
            .with_remedy("`countersign_callbacks_dropped` on the metrics page says why")
    })
}

fn slow(seen: &Seen<'_>) -> Option<Found> {
    let age = seen.queues.validation_age_ms.filter(|age| *age >= SLOW_MS)?;
    let text = format!("a block waits for the node's verdict since {} s", age / 1000);
    Some(
        Found::new(kinds::VALIDATION_SLOW, text)
            .with_remedy("see what keeps the node busy: its processor, its disk"),
    )
}

/// The node answers and tells nothing by itself.
fn quiet(seen: &Seen<'_>) -> Option<Found> {
    let secs = seen.queues.callback_quiet_secs.filter(|secs| *secs >= QUIET_SECS)?;
    let text = format!("the node has told us nothing for {} min", secs / 60);
    Some(
        Found::new(kinds::EVENTS_STOPPED, text).with_remedy(
            "see that the node names this signer's `endpoint` as an [[events_observer]]",
        ),
    )
}

/// A condition's name and how bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Kind {
    pub(super) name: &'static str,
    pub(super) severity: Severity,
}

impl Kind {
    const fn critical(name: &'static str) -> Self {
        Self { name, severity: Severity::Critical }
    }

    const fn warning(name: &'static str) -> Self {
        Self { name, severity: Severity::Warning }
    }
}

/// Every condition, in the order of `docs/operator/status-page.md`. The names are those of the alert rules
/// where there is one.
pub(super) mod kinds {
    use super::Kind;

    pub(crate) const STUCK: Kind = Kind::critical("SignerStuck");
    pub(crate) const NODE_UNREACHABLE: Kind = Kind::critical("SignerNodeSilent");
    pub(crate) const WRONG_NETWORK: Kind = Kind::critical("SignerWrongNetwork");
    pub(crate) const NOT_REGISTERED: Kind = Kind::critical("NotRegistered");
    pub(crate) const FROZEN: Kind = Kind::critical("SignerFrozen");
    pub(crate) const VAULT_REFUSED: Kind = Kind::critical("VaultRefused");
    pub(crate) const NODE_BEHIND: Kind = Kind::warning("SignerNodeBehind");
    pub(crate) const PROPOSALS_STOPPED: Kind = Kind::warning("SignerNotDeciding");
    pub(crate) const NOT_REGISTERED_NEXT: Kind = Kind::warning("NotRegisteredForNextCycle");
    pub(crate) const SECOND_SEAT: Kind = Kind::warning("SecondSeatSilent");
    pub(crate) const BLOCKS_MISSED: Kind = Kind::warning("BlocksMissed");
    pub(crate) const VIEW_CONFLICT: Kind = Kind::warning("SignerViewDiffers");
    pub(crate) const PEERS_SILENT: Kind = Kind::warning("PeersSilent");
    pub(crate) const CALLBACKS_DROPPED: Kind = Kind::warning("CallbacksDropped");
    pub(crate) const VALIDATION_SLOW: Kind = Kind::warning("SignerValidationSlow");
    pub(crate) const EVENTS_STOPPED: Kind = Kind::warning("NodePostsNothing");

    #[cfg(test)]
    pub(crate) const ALL: [Kind; 16] = [
        STUCK,
        NODE_UNREACHABLE,
        WRONG_NETWORK,
        NOT_REGISTERED,
        FROZEN,
        VAULT_REFUSED,
        NODE_BEHIND,
        PROPOSALS_STOPPED,
        NOT_REGISTERED_NEXT,
        SECOND_SEAT,
        BLOCKS_MISSED,
        VIEW_CONFLICT,
        PEERS_SILENT,
        CALLBACKS_DROPPED,
        VALIDATION_SLOW,
        EVENTS_STOPPED,
    ];
}

/// Codes of a start, and of a dry run: nothing is wrong yet.
const PASSING: [&str; 9] = [
    "node_not_heard",
    "network_unknown",
    "tip_unknown",
    "cycle_unknown",
    "seat_unknown",
    "dry_run",
    "listening",
    "waiting",
    "no_proposal_yet",
];
/// How many of the last blocks are looked at.
const LAST: usize = 20;
/// How many of them may be missed: one can happen to anybody.
const MANY: usize = 3;
/// How long views may differ.
const PATIENCE: Millis = Millis::from_secs(60);
/// A signer that is well says something at each burn block, and mostly every few seconds.
const HEARD_WITHIN: Millis = Millis::from_secs(600);
/// A node that is well validates within seconds.
const SLOW_MS: u64 = 20_000;
/// The signers repeat their views every few minutes, if they have nothing else to say.
const QUIET_SECS: u64 = 600;
