//! What the Stacks node answers.

use std::time::Duration;

use crate::check::{Check, EVERYBODY, Source};
use crate::facts::{AuthAnswer, Facts};
use crate::grade::{Fact, Outcome, Unknown};
use crate::shell;
use countersign_wire::Network;

pub(super) const CHECKS: &[Check] = &[
    Check {
        id: "node-answers",
        rows: &["E5", "E17", "E28", "E49"],
        profiles: EVERYBODY,
        title: "the node answers",
        why: "the signer learns everything from its node",
        source: Source::Node,
        judge: answers,
    },
    Check {
        id: "node-rtt",
        rows: &["E28", "E30"],
        profiles: EVERYBODY,
        title: "the node is near",
        why: "each proposal costs a handful of exchanges with the node",
        source: Source::Node,
        judge: rtt,
    },
    Check {
        id: "node-network",
        rows: &["E5", "E7", "E49"],
        profiles: EVERYBODY,
        title: "the node is on the signer's chain",
        why: "a signer on another chain than its node signs nothing that anybody accepts",
        source: Source::Node,
        judge: network,
    },
    Check {
        id: "node-version",
        rows: &["A12", "A13", "B17", "B19", "E32"],
        profiles: EVERYBODY,
        title: "the node's release fits the network's epoch",
        why: "a node that does not know an epoch leaves the chain when it begins",
        source: Source::Node,
        judge: version,
    },
    Check {
        id: "node-synced",
        rows: &["E17", "E49"],
        profiles: EVERYBODY,
        title: "the node has caught up",
        why: "a node that is behind refuses blocks because it lacks their parents",
        source: Source::Node,
        judge: synced,
    },
    Check {
        id: "node-peers",
        rows: &["E17", "E49"],
        profiles: EVERYBODY,
        title: "the node is where its neighbours are",
        why: "a node that lost its neighbours believes that it is at the tip",
        source: Source::Node,
        judge: peers,
    },
    Check {
        id: "node-password-accepted",
        rows: &["E9", "E15"],
        profiles: EVERYBODY,
        title: "the node takes the signer's password",
        why: "with a wrong password the signer starts, listens, and cannot have a single block validated",
        source: Source::Node,
        judge: password_accepted,
    },
    Check {
        id: "node-password-required",
        rows: &["E9"],
        profiles: EVERYBODY,
        title: "the node refuses another password",
        why: "a node that validates for everybody can be kept busy by everybody",
        source: Source::Node,
        judge: password_required,
    },
    Check {
        id: "node-stackerdbs",
        rows: &["E16"],
        profiles: EVERYBODY,
        title: "the node replicates the signers' StackerDBs",
        why: "without them the signer neither hears the others nor is heard",
        source: Source::Node,
        judge: stackerdbs,
    },
];

fn answers(facts: &Facts) -> Fact<Outcome> {
    let signer = facts.signer.as_ref()?;
    let host = shell::shown(&signer.node_host);
    Ok(match &facts.node.info {
        Ok(info) => Outcome::ok(format!(
            "{} at {host}, block {}",
            shell::shown(&info.version),
            info.stacks_height
        )),
        Err(Unknown::NotHere(why)) => return Err(Unknown::not_here(why.clone())),
        Err(Unknown::Unmeasured { reason, how }) => {
            let remedy = how.clone().unwrap_or_else(|| {
                format!("curl -sS -m 5 {}", shell::word(&format!("http://{host}/v2/info")))
            });
            Outcome::fail(reason.clone(), remedy)
        }
    })
}

fn rtt(facts: &Facts) -> Fact<Outcome> {
    let rtt = *facts.node.rtt.as_ref()?;
    let measured =
        format!("an exchange takes {}.{} ms", rtt.as_millis(), rtt.as_micros() % 1_000 / 100);
    let remedy = "put the signer and its node on one machine or into one network";
    Ok(if rtt < Duration::from_millis(50) {
        Outcome::ok(measured)
    } else if rtt < Duration::from_millis(500) {
        Outcome::warn(measured, remedy)
    } else {
        Outcome::fail(measured, remedy)
    })
}

fn network(facts: &Facts) -> Fact<Outcome> {
    let (info, signer) = (facts.node.info.as_ref()?, facts.signer.as_ref()?);
    let measured = format!(
        "the node's network_id is {:#x}, the signer's chain id {:#x}",
        info.chain_id, signer.chain_id
    );
    Ok(if info.chain_id == signer.chain_id {
        Outcome::ok(measured)
    } else {
        Outcome::fail(measured, "correct `network` or `node_host` of the signer")
    })
}

/// The first number of `stacks-node 4.0.2 (…)`: the release that the epochs are numbered with.
fn release(version: &str) -> Option<(u64, u64)> {
    version.split_whitespace().find_map(|word| {
        let mut numbers = word.trim_start_matches('v').split('.').map(str::parse::<u64>);
        match (numbers.next(), numbers.next()) {
            (Some(Ok(major)), Some(Ok(minor))) => Some((major, minor)),
            _ => None,
        }
    })
}

/// `Epoch34` is 3.4.
fn epoch(name: &str) -> Option<(u64, u64)> {
    let digits = name.trim_start_matches("Epoch");
    let (major, minor) = digits.split_at_checked(1)?;
    Some((major.parse().ok()?, minor.parse().unwrap_or(0)))
}

/// The docs: epoch 4.0 needs 4.0.1; 3.4 leaves the chain there. Mainnet is in epoch 4.0 since Bitcoin block
/// 960,230.
const MAINNET_EPOCH_4: u64 = 960_230;

fn version(facts: &Facts) -> Fact<Outcome> {
    let (info, signer) = (facts.node.info.as_ref()?, facts.signer.as_ref()?);
    let version = shell::shown(&info.version);
    let Some(has) = release(&info.version).filter(|has| has.0 > 0) else {
        return Err(Unknown::because(format!("`{version}` names no release")));
    };
    let told = facts.node.pox.as_ref().ok().and_then(|pox| epoch(&pox.epoch));
    let known = (signer.network == Network::Mainnet && info.burn_height >= MAINNET_EPOCH_4)
        .then_some((4, 0));
    let Some(needs) = told.max(known) else {
        return Err(Unknown::because("the node does not say in which epoch it is"));
    };
    let measured = format!("{version}; the network is in epoch {}.{}", needs.0, needs.1);
    // Releases since 3.0 are numbered like the epoch that they know, or higher.
    Ok(if has >= needs || needs < (3, 0) {
        Outcome::ok(measured)
    } else {
        Outcome::fail(measured, format!("install a stacks-node {}.{} or later", needs.0, needs.1))
    })
}

fn synced(facts: &Facts) -> Fact<Outcome> {
    let info = facts.node.info.as_ref()?;
    let bitcoin = facts.bitcoin.as_ref().ok().map(|bitcoin| bitcoin.blocks);
    let remedy = "wait, and look for errors in the node's log: journalctl -u stacks-node";
    if let Some(behind) =
        bitcoin.and_then(|blocks| blocks.checked_sub(info.burn_height)).filter(|behind| *behind > 2)
    {
        let measured = format!("the node is {behind} burn blocks behind its bitcoind");
        return Ok(if behind > 6 {
            Outcome::fail(measured, remedy)
        } else {
            Outcome::warn(measured, remedy)
        });
    }
    Ok(match info.is_synced {
        Some(false) => Outcome::fail(
            format!(
                "the node says that it has not caught up; it is at burn block {}",
                info.burn_height
            ),
            remedy,
        ),
        Some(true) => {
            Outcome::ok(format!("the node has caught up, at burn block {}", info.burn_height))
        }
        None if bitcoin.is_some() => Outcome::ok(format!(
            "the node is where its bitcoind is, at burn block {}",
            info.burn_height
        )),
        None => {
            return Err(Unknown::because(format!(
                "the node is at burn block {} and says nothing of catching up",
                info.burn_height
            )));
        }
    })
}

/// Three blocks behind is what the field counts as late.
fn peers(facts: &Facts) -> Fact<Outcome> {
    let behind = facts.node.health.as_ref()?.behind;
    let measured = format!("{behind} blocks behind its best neighbour");
    let remedy = "check the node's peers: curl -s 127.0.0.1:20443/v2/neighbors";
    Ok(match behind {
        0..3 => Outcome::ok(measured),
        3..20 => Outcome::warn(measured, remedy),
        20.. => Outcome::fail(measured, remedy),
    })
}

fn password_accepted(facts: &Facts) -> Fact<Outcome> {
    let remedy = "set auth_password of the signer and auth_token under [connection_options] of the node to the same, and restart both";
    Ok(match facts.node.with_password.as_ref()? {
        AuthAnswer::Accepted => {
            Outcome::ok("the node reads an empty proposal and says what is wrong with it (400)")
        }
        AuthAnswer::Refused => Outcome::fail("the node refuses the password (401)", remedy),
        AuthAnswer::Other(status) => Outcome::fail(
            format!("the node answers {status} to a proposal: it cannot validate blocks"),
            "set auth_token under [connection_options] of the node; check that node_host is a stacks-node",
        ),
    })
}

fn password_required(facts: &Facts) -> Fact<Outcome> {
    let remedy = "set auth_token under [connection_options] of the node, and restart it";
    Ok(match facts.node.with_another.as_ref()? {
        AuthAnswer::Refused => Outcome::ok("the node refuses a password that is made up (401)"),
        AuthAnswer::Accepted => Outcome::fail("the node takes any password", remedy),
        AuthAnswer::Other(status) => Outcome::warn(
            format!("the node answers {status} to a password that is made up"),
            remedy,
        ),
    })
}

fn stackerdbs(facts: &Facts) -> Fact<Outcome> {
    let info = facts.node.info.as_ref()?;
    let Some(names) = &info.stackerdbs else {
        return Err(Unknown::because("the node does not say which StackerDBs it replicates"));
    };
    let signers = names.iter().filter(|name| name.contains(".signers-")).count();
    Ok(if signers > 0 {
        Outcome::ok(format!("the node replicates {signers} StackerDBs of signers"))
    } else {
        Outcome::fail(
            "the node replicates no StackerDB of signers",
            "`stacker = true` under [node] of the node",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn releases_and_epochs_are_read_from_what_nodes_say() {
        assert_eq!(
            release("stacks-node 4.0.2 (main:abc, release build, linux [x86_64])"),
            Some((4, 0))
        );
        assert_eq!(release("stacks-node 3.1.0.0.13 (x)"), Some((3, 1)));
        assert_eq!(release("stacks-node 0.0.1 (master)"), Some((0, 0)));
        assert_eq!(release("no number"), None);
        assert_eq!(epoch("Epoch34"), Some((3, 4)));
        assert_eq!(epoch("Epoch40"), Some((4, 0)));
        assert_eq!(epoch(""), None);
        assert_eq!(epoch("Epoché"), None);
    }
}
