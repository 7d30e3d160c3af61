//! From what was heard to what is shown. Pure but for the queue's own numbers.

use std::sync::atomic::Ordering;

use countersign_signer::Timestamp;
use countersign_status::{
    Chain, Instance, Peer, Queues, Rung, SCHEMA, Snapshot, State, Tenure, View,
};
use countersign_wire::message::MinerState;

use super::alerts::{Seen, alerts};
use super::past::Past;
use super::{Sources, address};
use crate::instance::InstanceView;
use crate::readiness::{Ladder, Rung as Name};

/// The snapshot at `now`.
pub(super) fn compose(
    past: &Past,
    sources: &Sources,
    instance: Option<&InstanceView>,
    now: Timestamp,
) -> Snapshot {
    let ladder = sources.readiness.ladder();
    let stuck = *sources.stuck.borrow();
    let state = state(&ladder, sources.identity.dry_run, stuck.is_some());
    let blocks = past.blocks.show();
    let number = past.calendar.number();
    let (peers, peers_left_out) = past.peers.show(number, &past.own, past.network, &blocks);
    let cycle = past.calendar.show();
    let tenure = tenure(past, &peers);
    let seats: Vec<_> = past.seats().cloned().collect();
    let queues = queues(past, sources, now);
    let seen = Seen {
        past,
        ladder: &ladder,
        stuck,
        state,
        cycle: cycle.as_ref(),
        seats: &seats,
        peers: &peers,
        blocks: &blocks,
        queues: &queues,
    };
    let alerts = alerts(&seen, now);
    let mut signer = sources.identity.clone();
    // A key that takes the other's place shows under its own name.
    if let Some(us) = past.own.iter().find(|key| {
        peers.iter().any(|peer| peer.is_us && peer.address == address(past.network, key))
    }) {
        (signer.address, signer.public_key) = (address(past.network, us), us.to_string());
    }
    Snapshot {
        schema: SCHEMA,
        made_at: now.as_millis(),
        signer,
        state,
        headline: headline(state, &ladder, stuck),
        remedy: remedy(state, &ladder),
        ladder: ladder.rungs.iter().map(rung).collect(),
        instance: instance.map(shown_instance),
        chain: chain(past),
        tenure,
        cycle,
        seats,
        blocks,
        latencies: past.latencies.show(now),
        peers,
        peers_left_out,
        queues,
        alerts,
        totals: past.blocks.totals().clone(),
    }
}

/// Whether the signer signs. The first missing rung decides.
fn state(ladder: &Ladder, is_dry_run: bool, is_stuck: bool) -> State {
    if is_stuck {
        return State::Stuck;
    }
    let Some(missing) = ladder.missing() else { return State::Signing };
    match (missing.rung, missing.code.as_str()) {
        _ if is_dry_run && missing.rung >= Name::Registered && missing.code == "dry_run" => {
            State::DryRun
        }
        (Name::Deciding, _) => State::Waiting,
        (Name::AllowedToSign, "frozen") => State::NotSigning,
        (Name::AllowedToSign, _) => State::Standby,
        _ => State::NotSigning,
    }
}

fn headline(state: State, ladder: &Ladder, stuck: Option<&'static str>) -> String {
    if let Some(part) = stuck {
        return format!("{part} makes no progress");
    }
    match (ladder.missing(), ladder.rungs.last()) {
        (Some(step), _) => step.text.clone(),
        (None, Some(last)) => last.text.clone(),
        (None, None) => state.words().to_owned(),
    }
}

fn remedy(state: State, ladder: &Ladder) -> Option<String> {
    if state == State::Stuck {
        return Some("restart the signer, and keep its log".to_owned());
    }
    ladder.missing()?.remedy.clone()
}

fn rung(step: &crate::readiness::Step) -> Rung {
    Rung {
        rung: step.rung.label().to_owned(),
        holds: step.holds,
        code: step.code.clone(),
        text: step.text.clone(),
        remedy: step.remedy.clone(),
        since: step.since,
    }
}

fn shown_instance(view: &InstanceView) -> Instance {
    let left_secs = (!view.left().is_zero()).then(|| view.left().as_secs() + 1);
    Instance { state: view.state().label().to_owned(), text: view.text(), left_secs }
}

fn chain(past: &Past) -> Chain {
    let tip = past.calendar.tip();
    Chain {
        burn_height: tip.map(|(height, _)| height.get()),
        burn_seen_at: tip.map(|(_, at)| at.as_millis()),
        stacks_height: past.stacks.map(countersign_wire::StacksHeight::get),
        answered_at: past.answered_at.map(Timestamp::as_millis),
        epoch: past.calendar.epoch(),
    }
}

fn tenure(past: &Past, peers: &[Peer]) -> Option<Tenure> {
    let sight = past.peers.ours(past.calendar.number()?)?;
    let (_, since) = past.tenure_since.as_ref()?;
    let id = tenure_of(&sight.miner);
    let (miner, parent_height) = match sight.miner {
        MinerState::NoValidMiner => (None, None),
        MinerState::Active(miner) => {
            (Some(miner.key_hash.to_string()), Some(miner.parent_last_height.get()))
        }
    };
    let agree = peers.iter().filter(|peer| peer.is_us || peer.view == View::Same);
    Some(Tenure {
        burn_height: sight.burn_height.get(),
        blocks: id.as_ref().map_or(0, |id| past.blocks.accepted_in(id)),
        id,
        miner,
        parent_height,
        since: since.as_millis(),
        agreeing_weight: agree.map(|peer| peer.weight).sum(),
        total_weight: peers.iter().map(|peer| peer.weight).sum(),
    })
}

/// The tenure of the miner that may mine.
pub(super) fn tenure_of(miner: &MinerState) -> Option<String> {
    match miner {
        MinerState::NoValidMiner => None,
        MinerState::Active(miner) => Some(miner.tenure.to_string()),
    }
}

fn queues(past: &Past, sources: &Sources, now: Timestamp) -> Queues {
    let stats = sources.callbacks.stats();
    let count = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
    Queues {
        callbacks_waiting: count(stats.waiting),
        callback_bytes: count(stats.waiting_bytes),
        callbacks_dropped: stats.dropped.values().sum(),
        callback_quiet_secs: past.called_at.map(|at| now.since(at).get() / 1000),
        validations: count(past.blocks.unvalidated().count()),
        validation_age_ms: past.blocks.unvalidated().map(|at| now.since(at).get()).max(),
        remarks_missed: sources.missed.load(Ordering::Relaxed),
    }
}
