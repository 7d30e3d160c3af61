//! From facts to the ladder. Pure: the same facts at the same time give the same ladder.

use countersign_signer::{Millis, NotRegisteredReason, Timestamp};
use countersign_wire::RewardCycle;

use super::facts::{Facts, NodeFact, SeatFact, Tip};
use super::{Ladder, Permission, Rung, Step};

/// What is the matter with one rung; the rest of a [`Step`] follows.
struct Finding {
    holds: bool,
    code: &'static str,
    text: String,
    remedy: Option<&'static str>,
}

impl Finding {
    fn good(code: &'static str, text: impl Into<String>) -> Self {
        Self { holds: true, code, text: text.into(), remedy: None }
    }

    fn bad(
        code: &'static str,
        text: impl Into<String>,
        remedy: impl Into<Option<&'static str>>,
    ) -> Self {
        Self { holds: false, code, text: text.into(), remedy: remedy.into() }
    }
}

/// The ladder at `now`. A rung whose code is the one that it had in `before` has its time from there.
pub(super) fn climb(
    facts: &Facts,
    permission: Permission,
    before: &Ladder,
    now: Timestamp,
) -> Ladder {
    let rungs = Rung::ALL.into_iter().map(|rung| {
        let Finding { holds, code, text, remedy } = find(rung, facts, permission, now);
        let earlier = before.rungs.iter().find(|step| step.rung == rung && step.code == code);
        let since = earlier.map_or(now.as_millis() / 1000, |step| step.since);
        let remedy = remedy.map(str::to_owned);
        Step { rung, holds, code: code.to_owned(), text, remedy, since }
    });
    Ladder { rungs: rungs.collect() }
}

fn find(rung: Rung, facts: &Facts, permission: Permission, now: Timestamp) -> Finding {
    match rung {
        // The daemon does not start without them.
        Rung::KeyOpen => Finding::good("key_open", "the signing key is open"),
        Rung::JournalGood if facts.has_journal => {
            Finding::good("journal_good", "the signing journal is this key's and can be written")
        }
        Rung::JournalGood => {
            Finding::good("journal_not_kept", "nothing that is signed is kept on disk")
        }
        Rung::NodeReached => node_reached(facts, now),
        Rung::RightNetwork => right_network(facts),
        Rung::InSync => in_sync(facts, now),
        Rung::Registered => registered(facts),
        Rung::AllowedToSign => Finding {
            holds: permission == Permission::Active,
            code: permission.label(),
            text: permission.text().to_owned(),
            remedy: permission.remedy(),
        },
        Rung::Deciding => deciding(facts, now),
    }
}

fn node_reached(facts: &Facts, now: Timestamp) -> Finding {
    match &facts.node {
        NodeFact::NotAsked => Finding::bad("node_not_heard", "the node has not answered yet", None),
        NodeFact::Answers(at) if now.since(*at) <= PATIENCE => {
            Finding::good("node_answers", "the node answers")
        }
        NodeFact::Answers(_) => Finding::bad(
            "node_hangs",
            format!("the node takes questions and has not answered for {} s", PATIENCE.ceil_secs()),
            "see what keeps the node busy, or restart it",
        ),
        NodeFact::Silent(text) => Finding::bad(
            "node_silent",
            format!("the node does not answer: {text}"),
            "see that the node runs, and that `node_host` is its RPC address",
        ),
    }
}

fn right_network(facts: &Facts) -> Finding {
    match facts.tip {
        None => Finding::bad("network_unknown", "the node has not said which chain it is on", None),
        Some(Tip { chain_id, .. }) if chain_id == facts.ours => {
            Finding::good("right_network", format!("the node is on chain {chain_id}"))
        }
        Some(Tip { chain_id, .. }) => Finding::bad(
            "wrong_network",
            format!("the node is on chain {chain_id} and this signer on {}", facts.ours),
            "correct `network`, `chain_id` or `node_host`; nothing is signed until then",
        ),
    }
}

fn in_sync(facts: &Facts, now: Timestamp) -> Finding {
    let Some(Tip { burn, stacks, .. }) = facts.tip else {
        return Finding::bad("tip_unknown", "the node has not said where its chains end", None);
    };
    let is_fresh = |at: Timestamp| now.since(at) <= FRESH;
    match (facts.expected, facts.lacks_block, facts.unsynced_since) {
        (Some((expected, at)), _, _) if expected > burn && is_fresh(at) => Finding::bad(
            "node_behind",
            format!("the node is at burn block {burn}, and {expected} was announced"),
            "it heals by itself if the node catches up; look at the node's log if it does not",
        ),
        (_, Some(at), _) if is_fresh(at) => Finding::bad(
            "node_lacks_block",
            "the signers build on a Stacks block that the node does not have",
            "it heals by itself if the node catches up; look at the node's peers if it does not",
        ),
        (_, _, Some(since)) if now.since(since) >= UNSYNCED_FOR => Finding::bad(
            "node_syncing",
            "the node says that it has not caught up with the network",
            "wait until it has; a snapshot of the chain's state makes a first start quicker",
        ),
        _ => Finding::good(
            "in_sync",
            format!("the node is at burn block {burn} and Stacks block {stacks}"),
        ),
    }
}

fn registered(facts: &Facts) -> Finding {
    let Some(cycle) = facts.cycle() else {
        return Finding::bad(
            "cycle_unknown",
            "the node has not said which reward cycle it is in",
            None,
        );
    };
    let next = next_cycle(facts, cycle);
    match facts.seats.get(&cycle) {
        None => Finding::bad(
            "seat_unknown",
            format!("the node has not said who signs in reward cycle {cycle}{next}"),
            None,
        ),
        Some(SeatFact::Registered { slot, weight, total }) => Finding::good(
            "registered",
            format!("signer #{slot} of reward cycle {cycle}, weight {weight} of {total}{next}"),
        ),
        Some(SeatFact::Watching) => Finding::bad(
            "dry_run",
            format!("a dry run watches reward cycle {cycle} and has no seat{next}"),
            "set `dry_run = false` with a key that is registered, to sign",
        ),
        Some(SeatFact::Delayed(why)) => Finding::bad(
            "registration_delayed",
            format!("the node cannot tell who signs in reward cycle {cycle}: {why}{next}"),
            "it is asked again; look at the node if this stays",
        ),
        Some(SeatFact::NotRegistered(reason)) => not_registered(*reason, cycle, &next),
    }
}

fn not_registered(reason: NotRegisteredReason, cycle: RewardCycle, next: &str) -> Finding {
    let (code, why, remedy) = match reason {
        NotRegisteredReason::NoSigners => {
            ("no_signers", "it has no signers", "nobody signs in this cycle; wait for the next")
        }
        NotRegisteredReason::NoSlot => (
            "no_slot",
            "this key's address has no slot in it",
            "have the stacker commit with this key; it counts from the cycle after the next prepare \
             phase. Was a grant made for another key (`countersign check-config` shows this one)?",
        ),
        NotRegisteredReason::NotInRewardSet => (
            "not_in_reward_set",
            "this key's address has a slot, but its key is not in the reward set",
            "the stacker committed with another key, or with too little stake for a seat",
        ),
        NotRegisteredReason::DryRunOwnsSlot => (
            "dry_run_owns_slot",
            "the key has a seat, and a dry run does not use it: its weight is missing",
            "set `dry_run = false`, or use another key for the dry run",
        ),
        NotRegisteredReason::DryRunInRewardSet => (
            "dry_run_in_reward_set",
            "the key is in the reward set without a slot, and a dry run does not watch with it",
            "use another key for the dry run",
        ),
    };
    Finding::bad(code, format!("not registered in reward cycle {cycle}: {why}{next}"), remedy)
}

/// What is known about the cycle that follows, as the end of a sentence.
fn next_cycle(facts: &Facts, cycle: RewardCycle) -> String {
    let next = cycle.next();
    match facts.seats.get(&next) {
        Some(SeatFact::Registered { slot, weight, .. }) => {
            format!("; registered for cycle {next} as signer #{slot}, weight {weight}")
        }
        Some(SeatFact::NotRegistered(reason)) => {
            format!("; not registered for cycle {next} ({})", reason.label())
        }
        Some(SeatFact::Watching | SeatFact::Delayed(_)) | None => String::new(),
    }
}

fn deciding(facts: &Facts, now: Timestamp) -> Finding {
    match facts.judged {
        None => Finding::bad(
            "no_proposal_yet",
            "no block proposal was judged since the start",
            "if blocks are made, see that the node names this signer's `endpoint` as an \
             [[events_observer]], with `stackerdb`, `block_proposal` and `burn_blocks`",
        ),
        Some(at) if now.since(at) > PROPOSALS_EVERY => Finding::bad(
            "proposals_stopped",
            format!("no block proposal was judged for {} min", now.since(at).get() / 60_000),
            "if blocks are made, the node does not tell this signer: look at its log for the observer",
        ),
        Some(_) => Finding::good("deciding", "block proposals arrive and are judged"),
    }
}

/// How long the node may take to say where it is; it is asked every five seconds.
const PATIENCE: Millis = Millis::from_secs(20);
/// How long a remark about a node that is behind counts. The core repeats it while it is so.
const FRESH: Millis = Millis::from_secs(60);
/// How long a node may say that it has not caught up: it does so for a moment at each new block.
const UNSYNCED_FOR: Millis = Millis::from_secs(60);
/// Proposals come every few seconds, in quiet hours at least once per tenure; none for so long means
/// that they do not reach us, or that the chain stands still.
const PROPOSALS_EVERY: Millis = Millis::from_secs(30 * 60);
