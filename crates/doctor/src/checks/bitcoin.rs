//! bitcoind, by its configuration and by its answers.

use super::{SPLIT, is_wide};
use crate::check::{Check, EVERYBODY, Profile, Source};
use crate::facts::{BitcoinConfig, Facts};
use crate::grade::{Fact, Outcome};
use crate::shell;
use countersign_wire::Network;

pub(super) const CHECKS: &[Check] = &[
    Check {
        id: "bitcoin-config-open",
        rows: &["A9", "B9", "B14", "E40"],
        profiles: EVERYBODY,
        title: "bitcoind's RPC is not for everybody",
        why: "the samples' rpcallowip=0.0.0.0/0 and 127.0.0.1/0 both let everybody in",
        source: Source::Configs,
        judge: open,
    },
    Check {
        id: "bitcoin-config-password",
        rows: &["B10", "B14"],
        profiles: EVERYBODY,
        title: "bitcoind's password is no sample, and not readable",
        why: "rpcauth keeps a salted digest where rpcpassword keeps the password",
        source: Source::Configs,
        judge: password,
    },
    Check {
        id: "bitcoin-config-server",
        rows: &["B14", "B15", "E40"],
        profiles: EVERYBODY,
        title: "bitcoind serves the node and nothing else",
        why: "with server=0 no node can ask it; a wallet on this machine is one more thing to lose",
        source: Source::Configs,
        judge: server,
    },
    Check {
        id: "bitcoin-answers",
        rows: &["A9", "E17"],
        profiles: EVERYBODY,
        title: "bitcoind answers and is on the right chain",
        why: "without Bitcoin's blocks the node stands still",
        source: Source::Bitcoin,
        judge: answers,
    },
    Check {
        id: "bitcoin-synced",
        rows: &["E17", "E40"],
        profiles: EVERYBODY,
        title: "bitcoind has caught up",
        why: "the node is never ahead of its bitcoind",
        source: Source::Bitcoin,
        judge: synced,
    },
    Check {
        id: "bitcoin-pruned",
        rows: &["B14", "E40"],
        profiles: EVERYBODY,
        title: "bitcoind keeps the blocks that are still needed",
        why: "a node that was down longer than a pruned bitcoind remembers must start from a snapshot; sBTC needs all blocks",
        source: Source::Bitcoin,
        judge: pruned,
    },
    Check {
        id: "bitcoin-version",
        rows: &["B14", "B18"],
        profiles: EVERYBODY,
        title: "bitcoind is recent",
        why: "sBTC needs 25 or later; older releases get no corrections any more",
        source: Source::Bitcoin,
        judge: version,
    },
];

fn edit(config: &BitcoinConfig, what: &str) -> String {
    format!("{what} in {}, and restart bitcoind", shell::path(&config.path))
}

fn open(facts: &Facts) -> Fact<Outcome> {
    let config = facts.bitcoin_config.as_ref()?;
    let allowed: Vec<String> = config.allowed.iter().map(|text| shell::shown(text)).collect();
    let is_bound_wide = config.binds.iter().any(|bind| is_wide(bind) || bind == "0");
    Ok(if config.allows_everybody {
        Outcome::fail(
            format!("rpcallowip={} lets everybody in", allowed.join(SPLIT)),
            edit(config, "`rpcallowip=127.0.0.1` or the node's own address"),
        )
    } else if allowed.is_empty() {
        // bitcoind passes over `rpcbind` then.
        Outcome::ok("only this machine may use the RPC")
    } else if is_bound_wide {
        Outcome::warn(
            format!("the RPC listens on every address, for {}", allowed.join(SPLIT)),
            edit(config, "`rpcbind=127.0.0.1` or the private address"),
        )
    } else {
        Outcome::ok(format!("the RPC is for {}", allowed.join(SPLIT)))
    })
}

fn password(facts: &Facts) -> Fact<Outcome> {
    let config = facts.bitcoin_config.as_ref()?;
    let remedy =
        edit(config, "`rpcauth=…` from bitcoin's share/rpcauth/rpcauth.py instead of rpcpassword");
    Ok(match (config.weak_password, config.has_plain_password) {
        (Some(why), _) => Outcome::fail(format!("rpcpassword {why}"), remedy),
        (None, true) => Outcome::warn("rpcpassword stands in the file", remedy),
        (None, false) => Outcome::ok("no password stands in the file"),
    })
}

fn server(facts: &Facts) -> Fact<Outcome> {
    let config = facts.bitcoin_config.as_ref()?;
    Ok(if !config.is_server {
        Outcome::fail("server=0: it takes no questions", edit(config, "`server=1`"))
    } else if !config.is_wallet_disabled {
        Outcome::warn("wallets are possible", edit(config, "`disablewallet=1`"))
    } else {
        Outcome::ok("it takes questions, and wallets are off")
    })
}

fn answers(facts: &Facts) -> Fact<Outcome> {
    let state = facts.bitcoin.as_ref()?;
    let measured = format!("chain {}, block {}", shell::shown(&state.chain), state.blocks);
    let is_right = match facts.signer.as_ref().map(|signer| signer.network) {
        Ok(Network::Mainnet) => state.chain == "main",
        Ok(Network::Testnet | Network::Mocknet) => state.chain != "main",
        Err(_) => true,
    };
    Ok(if is_right {
        Outcome::ok(measured)
    } else {
        Outcome::fail(
            measured,
            "let the node's [burnchain] name the bitcoind of the signer's network",
        )
    })
}

fn synced(facts: &Facts) -> Fact<Outcome> {
    let state = facts.bitcoin.as_ref()?;
    let behind = state.headers.saturating_sub(state.blocks);
    let measured = format!("{behind} blocks behind the headers that it knows, at {}", state.blocks);
    let remedy =
        "wait; UpdateTip in its log names each block: journalctl -u bitcoind -n 20 --no-pager";
    Ok(match (state.is_loading && facts.is_mainnet(), behind) {
        (true, _) => Outcome::fail(format!("still loading the chain; {measured}"), remedy),
        (false, 0..3) => Outcome::ok(measured),
        (false, 3..12) => Outcome::warn(measured, remedy),
        (false, 12..) => Outcome::fail(measured, remedy),
    })
}

/// What a pruned bitcoind keeps at least.
const KEPT: u64 = 288;

fn pruned(facts: &Facts) -> Fact<Outcome> {
    let state = facts.bitcoin.as_ref()?;
    if !state.is_pruned {
        return Ok(Outcome::ok("bitcoind keeps all blocks"));
    }
    if facts.profile == Profile::Sbtc || facts.roles.sbtc {
        return Ok(Outcome::fail(
            "bitcoind is pruned, and sBTC needs all blocks",
            "`prune=0` and -reindex",
        ));
    }
    let kept = state.prune_height.map_or(KEPT, |first| state.blocks.saturating_sub(first));
    // While the node is down nobody knows how far it is behind.
    let behind = state.blocks.saturating_sub(facts.node.info.as_ref()?.burn_height);
    let left = kept.saturating_sub(behind);
    let measured =
        format!("bitcoind keeps {kept} blocks, the node is {behind} behind: {left} to spare");
    Ok(match left {
        144.. => Outcome::ok(measured),
        36..144 => Outcome::warn(measured, "start the node and let it catch up now"),
        0..36 => Outcome::fail(measured, "start the node now, or restore it from a snapshot"),
    })
}

fn version(facts: &Facts) -> Fact<Outcome> {
    let version = facts.bitcoin.as_ref()?.version;
    let measured = format!("Bitcoin Core {}.{}", version / 10_000, version % 10_000 / 100);
    Ok(match version {
        250_000.. => Outcome::ok(measured),
        _ if facts.profile == Profile::Sbtc => {
            Outcome::fail(measured, "install Bitcoin Core 25 or later")
        }
        _ => Outcome::warn(measured, "install Bitcoin Core 25 or later"),
    })
}
