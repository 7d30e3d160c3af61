//! The node's configuration.

use super::{SPLIT, is_wide};
use crate::check::{Check, EVERYBODY, Source};
use crate::facts::{Facts, NodeConfig, NodeObserver, Token};
use crate::grade::{Fact, Outcome, Unknown};
use crate::shell;
use countersign_wire::Network;

pub(super) const CHECKS: &[Check] = &[
    Check {
        id: "node-config-keys",
        rows: &["E16"],
        profiles: EVERYBODY,
        title: "the node's keys are spelt as the node reads them",
        why: "`sauth_token` in the guide's own sample leaves the node without a password",
        source: Source::Configs,
        judge: keys,
    },
    Check {
        id: "node-config-stacker",
        rows: &["E16"],
        profiles: EVERYBODY,
        title: "the node replicates the signers' messages",
        why: "without `stacker = true` the node has no StackerDB of the signers",
        source: Source::Configs,
        judge: stacker,
    },
    Check {
        id: "node-config-token",
        rows: &["E9", "E16"],
        profiles: EVERYBODY,
        title: "node and signer have one password, and no sample",
        why: "the node refuses to validate blocks for a signer with another password",
        source: Source::Configs,
        judge: token,
    },
    Check {
        id: "node-config-observer",
        rows: &["A21", "E6", "E16"],
        profiles: EVERYBODY,
        title: "the node sends its events to the signer",
        why: "a signer that is not told of blocks signs none",
        source: Source::Configs,
        judge: observer,
    },
    Check {
        id: "node-config-retries",
        rows: &["E16", "E41"],
        profiles: EVERYBODY,
        title: "events that do not arrive are sent again",
        why: "an event that is given up is a proposal that is not answered",
        source: Source::Configs,
        judge: retries,
    },
    Check {
        id: "node-config-others",
        rows: &["A5", "A7", "B14", "B16"],
        profiles: EVERYBODY,
        title: "the node serves the signer alone",
        why: "an observer that is down stops the node, and with it the signer",
        source: Source::Configs,
        judge: others,
    },
    Check {
        id: "node-config-mining",
        rows: &["A7", "B16"],
        profiles: EVERYBODY,
        title: "the node does not mine",
        why: "mining and mock mining take the processors that validation needs",
        source: Source::Configs,
        judge: mining,
    },
    Check {
        id: "node-config-rpc",
        rows: &["A7", "E20", "E45"],
        profiles: EVERYBODY,
        title: "the node's RPC is for this machine",
        why: "everybody who reaches it can slow the node down; the password goes in the clear",
        source: Source::Configs,
        judge: rpc,
    },
    Check {
        id: "node-config-network",
        rows: &["E7", "E16"],
        profiles: EVERYBODY,
        title: "node and signer are on one network",
        why: "a grant for another network fails with an error that names the key",
        source: Source::Configs,
        judge: network,
    },
    Check {
        id: "node-config-folder",
        rows: &["E42"],
        profiles: EVERYBODY,
        title: "the node's data is at a fixed place",
        why: "without `working_dir` the chain is in a folder of /tmp, which is emptied",
        source: Source::Configs,
        judge: folder,
    },
];

fn edit(config: &NodeConfig, what: &str) -> String {
    format!("{what} in {}, and restart the node", shell::path(&config.path))
}

fn keys(facts: &Facts) -> Fact<Outcome> {
    let config = facts.node_config.as_ref()?;
    let Some(first) = config.misspelt.first() else {
        return Ok(Outcome::ok(format!(
            "{} has only keys that a node reads",
            config.path.display()
        )));
    };
    let names: Vec<String> = config.misspelt.iter().map(|key| shell::shown(&key.key)).collect();
    let measured = format!("no node reads {}", names.join(SPLIT));
    let change = format!("write `{}` for `{}`", first.meant, shell::shown(&first.key));
    Ok(Outcome::fail(measured, edit(config, &change)))
}

fn stacker(facts: &Facts) -> Fact<Outcome> {
    let config = facts.node_config.as_ref()?;
    Ok(if config.is_stacker {
        Outcome::ok("node.stacker = true")
    } else {
        Outcome::fail("node.stacker is not set", edit(config, "`stacker = true` under [node]"))
    })
}

fn token(facts: &Facts) -> Fact<Outcome> {
    let config = facts.node_config.as_ref()?;
    let remedy =
        edit(config, "auth_token = auth_password of the signer, under [connection_options]");
    Ok(match config.token {
        Token::Absent => Outcome::fail("connection_options.auth_token is not set", remedy),
        Token::Present { is_ours: Some(false), .. } => {
            Outcome::fail("auth_token is not the signer's auth_password", remedy)
        }
        Token::Present { weakness: Some(why), .. } => Outcome::fail(
            format!("auth_token {why}"),
            edit(
                config,
                "the output of `openssl rand -hex 32` as auth_token, and as auth_password of the signer,",
            ),
        ),
        Token::Present { is_ours: None, .. } => {
            Outcome::ok("auth_token is no sample; the signer's is not known here")
        }
        Token::Present { is_ours: Some(true), weakness: None } => {
            Outcome::ok("auth_token is the signer's auth_password, and no sample")
        }
    })
}

/// The observer that is the signer: by its address, or, if events pass a relay, by its keys.
fn ours<'a>(config: &'a NodeConfig, facts: &Facts) -> Option<&'a NodeObserver> {
    let by_address = facts.signer.as_ref().ok().and_then(|signer| {
        let (_, port) = signer.endpoint.rsplit_once(':')?;
        config.observers.iter().find(|observer| {
            observer.endpoint == signer.endpoint
                || observer.endpoint.rsplit_once(':').is_some_and(|(_, theirs)| theirs == port)
        })
    });
    by_address.or_else(|| config.observers.iter().find(|observer| is_signers(observer)))
}

fn is_signers(observer: &NodeObserver) -> bool {
    ["stackerdb", "block_proposal"].iter().any(|key| observer.keys.iter().any(|has| has == key))
}

fn observer(facts: &Facts) -> Fact<Outcome> {
    let config = facts.node_config.as_ref()?;
    let signer = facts.signer.as_ref().map(|signer| signer.endpoint.clone());
    let wanted = signer.as_deref().unwrap_or("127.0.0.1:30000");
    let block = format!(
        "[[events_observer]] with endpoint = \"{wanted}\" and events_keys = [\"stackerdb\", \"block_proposal\", \"burn_blocks\"]"
    );
    let Some(observer) = ours(config, facts) else {
        return Ok(Outcome::fail(
            format!("no [[events_observer]] of the node is the signer at {wanted}"),
            edit(config, &block),
        ));
    };
    let missing: Vec<&str> = ["stackerdb", "block_proposal", "burn_blocks"]
        .into_iter()
        .filter(|key| !observer.keys.iter().any(|has| has == key))
        .collect();
    let endpoint = shell::shown(&observer.endpoint);
    Ok(match missing.as_slice() {
        [] => Outcome::ok(format!("the node sends what a signer needs to {endpoint}")),
        missing => Outcome::fail(
            format!("the observer {endpoint} is not told of {}", missing.join(SPLIT)),
            edit(config, &block),
        ),
    })
}

fn retries(facts: &Facts) -> Fact<Outcome> {
    let config = facts.node_config.as_ref()?;
    let Some(observer) = ours(config, facts) else {
        return Err(Unknown::not_here(
            "no observer of the node is the signer (node-config-observer)",
        ));
    };
    let endpoint = shell::shown(&observer.endpoint);
    if observer.disable_retries {
        return Ok(Outcome::warn(
            format!("events for {endpoint} are sent once (disable_retries)"),
            edit(config, "remove `disable_retries`"),
        ));
    }
    Ok(match observer.timeout_ms {
        Some(timeout @ 0..500) => Outcome::warn(
            format!("the node gives {endpoint} {timeout} ms for an event"),
            edit(config, "`timeout_ms = 1000` or more"),
        ),
        Some(timeout @ 30_001..) => Outcome::warn(
            format!(
                "the node waits {} s for {endpoint}, and stands still meanwhile",
                timeout / 1_000
            ),
            edit(config, "`timeout_ms = 10000` or less"),
        ),
        timeout => Outcome::ok(format!(
            "events for {endpoint} are sent until they arrive, each attempt {} ms",
            timeout.unwrap_or(1_000)
        )),
    })
}

fn others(facts: &Facts) -> Fact<Outcome> {
    let config = facts.node_config.as_ref()?;
    let sbtc = facts.sbtc_config.as_ref().ok().and_then(|sbtc| sbtc.observer_bind.as_deref());
    let port = |address: &str| address.rsplit_once(':').map(|(_, port)| port.to_owned());
    let ours = ours(config, facts);
    let strangers: Vec<String> = config
        .observers
        .iter()
        .filter(|observer| ours.is_none_or(|ours| ours != *observer))
        .filter(|observer| sbtc.is_none_or(|bind| port(bind) != port(&observer.endpoint)))
        .map(|observer| shell::shown(&observer.endpoint))
        .collect();
    Ok(match strangers.as_slice() {
        [] => Outcome::ok("no other program is told of events"),
        strangers => Outcome::warn(
            format!("the node also waits for {}", strangers.join(SPLIT)),
            edit(
                config,
                "remove the other [[events_observer]] blocks, or move them to a node of their own,",
            ),
        ),
    })
}

fn mining(facts: &Facts) -> Fact<Outcome> {
    let config = facts.node_config.as_ref()?;
    Ok(match (config.is_miner, config.is_mock_mining) {
        (false, false) => Outcome::ok("the node neither mines nor mock-mines"),
        (true, _) => {
            Outcome::warn("node.miner = true", edit(config, "`miner = false` under [node]"))
        }
        (_, true) => Outcome::warn("node.mock_mining = true", edit(config, "remove `mock_mining`")),
    })
}

/// Where a node takes questions that is not told where (docs/spec/signer-wire.md).
const DEFAULT_RPC_BIND: &str = "0.0.0.0:20443";

fn rpc(facts: &Facts) -> Fact<Outcome> {
    let config = facts.node_config.as_ref()?;
    let rpc = config.rpc_bind.as_deref().unwrap_or(DEFAULT_RPC_BIND);
    let open: Vec<String> =
        [("rpc_bind", Some(rpc)), ("prometheus_bind", config.prometheus_bind.as_deref())]
            .into_iter()
            .filter_map(|(key, bind)| Some((key, bind.filter(|bind| is_wide(bind))?)))
            .map(|(key, bind)| format!("{key} = {}", shell::shown(bind)))
            .collect();
    Ok(match open.as_slice() {
        [] => Outcome::ok(format!("rpc_bind is {}", shell::shown(rpc))),
        open => Outcome::warn(
            format!("for everybody: {}", open.join(SPLIT)),
            edit(config, "bind them to 127.0.0.1 or to the private address that the signer asks"),
        ),
    })
}

fn network(facts: &Facts) -> Fact<Outcome> {
    let config = facts.node_config.as_ref()?;
    let Some(mode) = &config.mode else {
        return Ok(Outcome::warn(
            "burnchain.mode is not set",
            edit(config, "`mode = \"mainnet\"` (testnet: \"krypton\") under [burnchain]"),
        ));
    };
    let network = facts.signer.as_ref()?.network;
    let fits = match network {
        Network::Mainnet => mode == "mainnet",
        Network::Testnet => matches!(mode.as_str(), "krypton" | "xenon" | "nakamoto-neon"),
        Network::Mocknet => mode != "mainnet",
    };
    let mode = shell::shown(mode);
    let measured = format!("the node's mode is {mode}, the signer's network {network}");
    Ok(if fits {
        Outcome::ok(measured)
    } else {
        Outcome::fail(
            measured,
            "set `network` of the signer and `mode` of the node to the same network",
        )
    })
}

fn folder(facts: &Facts) -> Fact<Outcome> {
    let config = facts.node_config.as_ref()?;
    Ok(match &config.working_dir {
        None => Outcome::fail(
            "node.working_dir is not set",
            edit(config, "`working_dir = \"/var/lib/stacks-node\"`"),
        ),
        Some(folder) if folder.starts_with("/tmp") || folder.is_relative() => Outcome::fail(
            format!("node.working_dir is {}", folder.display()),
            edit(config, "`working_dir = \"/var/lib/stacks-node\"`"),
        ),
        Some(folder) => Outcome::ok(format!("node.working_dir is {}", folder.display())),
    })
}
