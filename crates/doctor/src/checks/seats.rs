//! Registration and weight.

use super::span;
use crate::check::{Check, EVERYBODY, Source};
use crate::facts::{Facts, PoxState, SignerSet};
use crate::grade::{Fact, Outcome, Unknown};
use crate::shell;

pub(super) const CHECKS: &[Check] = &[
    Check {
        id: "registered-now",
        rows: &["E39"],
        profiles: EVERYBODY,
        title: "the key has a seat in this cycle",
        why: "only a signer of the cycle's set is asked for signatures",
        source: Source::Node,
        judge: now,
    },
    Check {
        id: "registered-next",
        rows: &["E39"],
        profiles: EVERYBODY,
        title: "the key has a seat in the next cycle",
        why: "who is not in the set when the prepare phase begins is out for a whole cycle",
        source: Source::Node,
        judge: next,
    },
    Check {
        id: "registered-manager",
        rows: &["E39", "E50"],
        profiles: EVERYBODY,
        title: "the signer-manager names this key",
        why: "two keys can begin alike; what counts is the key that pox-5 has for the manager",
        source: Source::Node,
        judge: manager,
    },
    Check {
        id: "voting-power",
        rows: &["A10", "A11"],
        profiles: EVERYBODY,
        title: "no signer has more weight than it should",
        why: "a signer that is down takes its weight out of the vote; nobody should be able to stop the chain alone",
        source: Source::Node,
        judge: power,
    },
    Check {
        id: "concentration",
        rows: &["D1"],
        profiles: EVERYBODY,
        title: "few signers cannot decide alone",
        why: "more than 70 % of the weight in few hands signs invalid blocks, 30 % blocks all",
        source: Source::Node,
        judge: concentration,
    },
    Check {
        id: "revocation-balance",
        rows: &["E18"],
        profiles: EVERYBODY,
        title: "the signer's address can pay for a revocation",
        why: "only the key's own account can revoke a grant, and a transaction costs a fee",
        source: Source::Node,
        judge: balance,
    },
];

fn seat(set: &SignerSet) -> String {
    let weight = set.ours.map_or(0, |seat| seat.weight);
    format!("weight {weight} of {} in cycle {}", set.total(), set.cycle)
}

fn now(facts: &Facts) -> Fact<Outcome> {
    let set = facts.node.current.as_ref()?;
    Ok(if set.ours.is_some() {
        Outcome::ok(seat(set))
    } else {
        let (why, remedy) = cause(facts);
        Outcome::fail(format!("no seat in cycle {}: {why}", set.cycle), remedy)
    })
}

fn next(facts: &Facts) -> Fact<Outcome> {
    let (set, pox) = (facts.node.next.as_ref()?, facts.node.pox.as_ref()?);
    let Some(set) = set else {
        return Ok(open(facts, pox));
    };
    Ok(if set.ours.is_some() {
        Outcome::ok(seat(set))
    } else {
        let (why, remedy) = cause(facts);
        let measured = format!(
            "no seat in cycle {}, which begins in {} burn blocks: {why}",
            set.cycle, pox.until_next
        );
        Outcome::fail(measured, remedy)
    })
}

/// While the next set is open: it is taken from what is locked when the prepare phase begins.
fn open(facts: &Facts, pox: &PoxState) -> Outcome {
    let left = pox.until_prepare;
    // Burn blocks come every ten minutes.
    let time = span(left.saturating_mul(600));
    let measured = format!(
        "the signers of cycle {} are chosen in {left} burn blocks (about {time})",
        pox.cycle + 1
    );
    let names_us = facts
        .node
        .manager
        .as_ref()
        .ok()
        .and_then(|manager| Some(manager.key? == facts.signer.as_ref().ok()?.public_key?));
    match names_us {
        Some(false) => {
            let (why, remedy) = cause(facts);
            Outcome::fail(format!("{measured}; {why}"), remedy)
        }
        _ if left == 0 => Outcome::warn(
            format!(
                "the prepare phase has begun, and the node does not know the signers of cycle {}",
                pox.cycle + 1
            ),
            "look again after the next Stacks block",
        ),
        _ => Outcome::ok(measured),
    }
}

/// Why a key has no seat, as far as it can be told, and what mends that.
fn cause(facts: &Facts) -> (String, String) {
    let grant = "countersign generate-staking-signature --signer-manager MANAGER --auth-id N, then register-self of the manager";
    let Ok(manager) = &facts.node.manager else {
        let why = "the key is not registered, its manager has less than 50000 STX, or both came after block 2000 of the cycle";
        return (
            why.to_owned(),
            "countersign doctor --only registered-manager --signer-manager MANAGER".to_owned(),
        );
    };
    let name = shell::shown(&manager.manager);
    let ours = facts.signer.as_ref().ok().and_then(|signer| signer.public_key);
    match (manager.key, ours) {
        (None, _) => {
            (format!("pox-5 knows no key of {name}: no grant was registered"), grant.to_owned())
        }
        (Some(theirs), Some(ours)) if theirs != ours => {
            (format!("pox-5 has the key {theirs} for {name}, not ours"), grant.to_owned())
        }
        (Some(_), _) => (
            format!(
                "{name} is registered with this key, so its stake is below 50000 STX or came after block 2000 of the cycle"
            ),
            "stake at least 50000 STX with this manager before the prepare phase".to_owned(),
        ),
    }
}

fn manager(facts: &Facts) -> Fact<Outcome> {
    let manager = facts.node.manager.as_ref()?;
    let Some(ours) = facts.signer.as_ref()?.public_key else {
        return Err(Unknown::but(
            "the public key is sealed",
            "add the public key beside the sealed one: countersign keys import does",
        ));
    };
    Ok(if manager.key == Some(ours) {
        Outcome::ok(format!("pox-5 has this key for {}", shell::shown(&manager.manager)))
    } else {
        let (why, remedy) = cause(facts);
        Outcome::fail(why, remedy)
    })
}

fn power(facts: &Facts) -> Fact<Outcome> {
    let set = facts.node.current.as_ref()?;
    let Some(share) = set.permille() else {
        return Err(Unknown::not_here("the key has no seat in this cycle"));
    };
    let measured = format!("{}.{} % of the weight of cycle {}", share / 10, share % 10, set.cycle);
    if facts.is_private_network() {
        return Ok(Outcome::ok(format!("{measured}, on a private network")));
    }
    let remedy =
        "split the stake over several keys and hosts, and send new stackers to another signer";
    Ok(if share >= facts.bounds.hard_permille {
        Outcome::fail(measured, remedy)
    } else if share >= facts.bounds.soft_permille {
        Outcome::warn(measured, remedy)
    } else {
        Outcome::ok(measured)
    })
}

fn concentration(facts: &Facts) -> Fact<Outcome> {
    let set = facts.node.current.as_ref()?;
    let (blocking, signing) = (set.holders_of(30), set.holders_of(70));
    let measured = format!(
        "{blocking} of {} signers can block cycle {}, {signing} can sign anything",
        set.weights.len(),
        set.cycle
    );
    if facts.is_private_network() {
        return Ok(Outcome::ok(measured));
    }
    Ok(if blocking >= 2 && signing >= 4 {
        Outcome::ok(measured)
    } else {
        Outcome::warn(
            measured,
            "nothing of ours mends it: run another implementation, and tell the others",
        )
    })
}

fn balance(facts: &Facts) -> Fact<Outcome> {
    let balance = *facts.node.balance.as_ref()?;
    let measured = format!("{}.{:06} STX", balance / 1_000_000, balance % 1_000_000);
    Ok(if balance >= 1_000_000 || facts.is_private_network() {
        Outcome::ok(measured)
    } else {
        Outcome::warn(
            measured,
            "send a few STX to the signer's address (countersign check-config shows it)",
        )
    })
}
