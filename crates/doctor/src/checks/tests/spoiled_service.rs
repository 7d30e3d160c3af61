//! What can be wrong with nodes, the daemon, units, logs and backups.

use std::time::Duration;

use super::Spoiled;
use super::good::{DAY, NOW};
use crate::facts::*;
use crate::grade::Grade::{Fail, Warn};
use crate::grade::Unknown;

fn info(facts: &mut Facts) -> &mut NodeInfo {
    facts.node.info.as_mut().unwrap()
}

fn bitcoin(facts: &mut Facts) -> &mut BitcoinState {
    facts.bitcoin.as_mut().unwrap()
}

fn weights(facts: &mut Facts, ours: u64, others: &[u64]) {
    let current = facts.node.current.as_mut().unwrap();
    current.weights = [&[ours], others].concat();
    current.ours = Some(Seat { weight: ours });
}

fn rung(facts: &mut Facts, name: &str, code: &str) {
    let state = facts.daemon.as_mut().unwrap();
    let rung = state.rungs.iter_mut().find(|rung| rung.name == name).unwrap();
    rung.holds = false;
    code.clone_into(&mut rung.code);
}

/// Another value for a key of the unit; none takes the key away.
fn unit(facts: &mut Facts, key: &str, value: Option<&str>) {
    let values = &mut facts.units.as_mut().unwrap().first_mut().unwrap().values;
    match value {
        Some(value) => values.insert(key.to_owned(), vec![value.to_owned()]),
        None => values.remove(key),
    };
}

fn theirs(facts: &mut Facts) {
    facts.units.as_mut().unwrap().first_mut().unwrap().is_ours = false;
}

fn record<'a>(facts: &'a mut Facts, job: &str) -> &'a mut JobRecord {
    facts.records.as_mut().unwrap().iter_mut().find(|record| record.job == job).unwrap()
}

fn forget(facts: &mut Facts) {
    facts.records = Ok(Vec::new());
}

const YOUNG: Option<u64> = Some(NOW - 3 * DAY);

pub(super) const TABLE: &[Spoiled] = &[
    ("node-answers", Fail, |facts| facts.node.info = Err(Unknown::because("nothing listens"))),
    ("node-rtt", Warn, |facts| facts.node.rtt = Ok(Duration::from_millis(60))),
    ("node-rtt", Fail, |facts| facts.node.rtt = Ok(Duration::from_millis(600))),
    ("node-network", Fail, |facts| info(facts).chain_id = 0x8000_0000),
    ("node-version", Fail, |facts| {
        "stacks-node 3.4.0.0.3 (x)".clone_into(&mut info(facts).version);
    }),
    ("node-version", Fail, |facts| {
        // The node itself does not say so, but mainnet's height does.
        "stacks-node 3.4.0.0.3".clone_into(&mut info(facts).version);
        "Epoch34".clone_into(&mut facts.node.pox.as_mut().unwrap().epoch);
    }),
    ("node-synced", Fail, |facts| info(facts).is_synced = Some(false)),
    ("node-synced", Warn, |facts| info(facts).burn_height -= 4),
    ("node-synced", Fail, |facts| info(facts).burn_height -= 40),
    ("node-peers", Warn, |facts| facts.node.health.as_mut().unwrap().behind = 3),
    ("node-peers", Fail, |facts| facts.node.health.as_mut().unwrap().behind = 20),
    ("node-password-accepted", Fail, |facts| facts.node.with_password = Ok(AuthAnswer::Refused)),
    ("node-password-accepted", Fail, |facts| facts.node.with_password = Ok(AuthAnswer::Other(404))),
    ("node-password-required", Fail, |facts| facts.node.with_another = Ok(AuthAnswer::Accepted)),
    ("node-password-required", Warn, |facts| facts.node.with_another = Ok(AuthAnswer::Other(500))),
    ("node-stackerdbs", Fail, |facts| info(facts).stackerdbs = Some(Vec::new())),
    ("registered-now", Fail, |facts| facts.node.current.as_mut().unwrap().ours = None),
    ("registered-next", Fail, |facts| {
        facts.node.next.as_mut().unwrap().as_mut().unwrap().ours = None;
    }),
    ("registered-next", Fail, |facts| {
        // While it is open who signs, the contract already tells that it will not be us.
        facts.node.next = Ok(None);
        facts.node.manager.as_mut().unwrap().key = Some(
            "0379be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798".parse().unwrap(),
        );
    }),
    ("registered-next", Warn, |facts| {
        facts.node.next = Ok(None);
        facts.node.pox.as_mut().unwrap().until_prepare = 0;
    }),
    ("registered-manager", Fail, |facts| facts.node.manager.as_mut().unwrap().key = None),
    ("voting-power", Warn, |facts| weights(facts, 16, &[2; 42])),
    ("voting-power", Fail, |facts| weights(facts, 25, &[3; 25])),
    ("concentration", Warn, |facts| weights(facts, 5, &[60, 35])),
    ("revocation-balance", Warn, |facts| facts.node.balance = Ok(999_999)),
    ("daemon-running", Fail, |facts| facts.daemon = Err(Unknown::because("no daemon listens"))),
    ("daemon-running", Fail, |facts| {
        // A reference beside it has another configuration, and says nothing about ours.
        facts.daemon = Err(Unknown::because("no daemon listens"));
        let processes = facts.processes.as_mut().unwrap();
        processes.push(Process {
            pid: 99,
            program: Program::StacksSigner,
            config: Some("/etc/other.toml".into()),
            ..processes.first().unwrap().clone()
        });
    }),
    ("daemon-ready", Fail, |facts| rung(facts, "key_open", "node_silent")),
    ("daemon-ready", Warn, |facts| rung(facts, "deciding", "no_proposal_yet")),
    ("events-arrive", Fail, |facts| {
        facts.events = Ok(EventFlow { before: 0, came: 0, waited_ms: 2_500 });
        rung(facts, "deciding", "no_proposal_yet");
    }),
    ("events-arrive", Warn, |facts| {
        facts.events.as_mut().unwrap().came = 0;
        rung(facts, "deciding", "proposals_stopped");
    }),
    ("one-instance", Fail, |facts| rung(facts, "allowed_to_sign", "frozen")),
    ("one-instance", Fail, |facts| rung(facts, "allowed_to_sign", "demoted")),
    ("one-instance", Warn, |facts| rung(facts, "allowed_to_sign", "standby")),
    ("metrics-served", Fail, |facts| facts.metrics.as_mut().unwrap().names.clear()),
    ("metrics-served", Warn, |facts| facts.metrics.as_mut().unwrap().millis = 1_500),
    ("bitcoin-answers", Fail, |facts| "regtest".clone_into(&mut bitcoin(facts).chain)),
    ("bitcoin-synced", Fail, |facts| bitcoin(facts).is_loading = true),
    ("bitcoin-synced", Warn, |facts| bitcoin(facts).headers += 3),
    ("bitcoin-synced", Fail, |facts| bitcoin(facts).headers += 12),
    // sBTC needs every block.
    ("bitcoin-pruned", Fail, |facts| bitcoin(facts).is_pruned = true),
    ("bitcoin-pruned", Warn, |facts| {
        alone(facts);
        info(facts).burn_height -= 200;
    }),
    ("bitcoin-pruned", Fail, |facts| {
        alone(facts);
        info(facts).burn_height -= 280;
    }),
    ("bitcoin-version", Fail, |facts| bitcoin(facts).version = 240_100),
    ("sbtc-aggregate-key", Fail, |facts| {
        facts.sbtc.as_mut().unwrap().current_key = Some("03bb".to_owned());
    }),
    ("sbtc-aggregate-key", Fail, |facts| {
        facts.sbtc = Ok(SbtcState { current_key: None, contract_key: None });
    }),
    ("unit-exposure", Warn, |facts| {
        facts.units.as_mut().unwrap().first_mut().unwrap().exposure = Ok(16);
    }),
    ("unit-exposure", Fail, |facts| {
        facts.units.as_mut().unwrap().first_mut().unwrap().exposure = Ok(82);
    }),
    // F8: the guide's own unit.
    ("unit-paths", Fail, |facts| {
        unit(
            facts,
            "Service.ExecStart",
            Some("/usr/bin/countersign run --config /home/etc/stacks/signer.toml"),
        );
    }),
    ("unit-paths", Fail, |facts| unit(facts, "Service.EnvironmentFile", Some("-/tmp/secrets"))),
    ("unit-paths", Warn, |facts| {
        unit(facts, "Unit.AssertFileNotEmpty", Some("/etc/stacks/signer.toml"));
    }),
    ("unit-asserts", Warn, |facts| {
        unit(facts, "Unit.ConditionPathExists", Some("/etc/countersign"));
    }),
    ("unit-restart", Warn, |facts| unit(facts, "Service.Restart", Some("on-failure"))),
    ("unit-restart", Fail, |facts| unit(facts, "Service.Restart", None)),
    ("unit-restart", Fail, |facts| {
        theirs(facts);
        unit(facts, "Service.Restart", Some("on-failure"));
    }),
    ("unit-start-limit", Warn, |facts| unit(facts, "Unit.StartLimitIntervalSec", Some("300"))),
    ("unit-start-limit", Warn, |facts| {
        unit(facts, "Unit.StartLimitIntervalSec", None);
        unit(facts, "Service.RestartSec", None);
    }),
    ("unit-watchdog", Warn, |facts| unit(facts, "Service.WatchdogSec", None)),
    ("unit-watchdog", Warn, |facts| unit(facts, "Service.Type", Some("simple"))),
    ("unit-stop", Warn, |facts| unit(facts, "Service.TimeoutStopSec", Some("600"))),
    ("unit-stop", Warn, |facts| unit(facts, "Service.TimeoutStopSec", Some("1"))),
    ("unit-stop", Fail, |facts| unit(facts, "Service.KillSignal", Some("SIGKILL"))),
    ("unit-ordering", Warn, |facts| unit(facts, "Unit.After", Some("network.target"))),
    ("unit-user", Fail, |facts| unit(facts, "Service.User", None)),
    ("unit-user", Fail, |facts| {
        let mut node = facts.units.as_ref().unwrap().first().unwrap().clone();
        (node.name, node.role) = ("stacks-node.service".to_owned(), Role::Node);
        facts.units.as_mut().unwrap().push(node);
    }),
    ("log-signer", Warn, |facts| facts.logs.signer.as_mut().unwrap().oldest = YOUNG),
    ("log-signer", Fail, |facts| facts.logs.signer.as_mut().unwrap().oldest = None),
    ("log-node", Warn, |facts| facts.logs.node.as_mut().unwrap().oldest = YOUNG),
    ("log-bitcoin", Warn, |facts| facts.logs.bitcoin.as_mut().unwrap().oldest = YOUNG),
    ("log-sbtc", Warn, |facts| facts.logs.sbtc.as_mut().unwrap().oldest = Some(NOW - 89 * DAY)),
    ("log-journal", Fail, |facts| facts.logs.journal.as_mut().unwrap().is_persistent = false),
    ("backup-database", Warn, |facts| record(facts, "backup.sbtc").at = NOW - 2 * DAY),
    ("backup-database", Fail, |facts| record(facts, "backup.sbtc").at = NOW - 3 * DAY),
    ("backup-database", Fail, |facts| record(facts, "backup.sbtc").is_good = false),
    ("backup-database", Fail, forget),
    ("backup-level", Fail, |facts| {
        record(facts, "backup-verify.sbtc").detail = serde_json::json!({ "level": 2 });
    }),
    ("backup-level", Fail, |facts| {
        record(facts, "backup-verify.sbtc").detail = serde_json::json!("x");
    }),
    ("backup-level", Warn, |facts| {
        record(facts, "backup-verify.sbtc").detail = serde_json::json!({ "level": 3 });
    }),
    ("backup-level", Warn, |facts| record(facts, "backup-verify.sbtc").at = NOW - 32 * DAY),
    ("backup-level", Fail, |facts| record(facts, "backup-verify.sbtc").is_good = false),
    ("backup-level", Fail, forget),
    // Of a clock that was ahead: it would look fresh for as long.
    ("backup-database", Warn, |facts| record(facts, "backup.sbtc").at = NOW + DAY),
    ("backup-level", Warn, |facts| record(facts, "backup-verify.sbtc").at = NOW + DAY),
    ("backup-signer", Warn, forget),
    ("drill", Warn, |facts| record(facts, "drill.failover").at = NOW - 100 * DAY),
    ("drill", Fail, |facts| record(facts, "drill.failover").at = NOW - 200 * DAY),
    ("drill", Warn, forget),
    // Another drill is none of this one.
    ("drill", Warn, |facts| "drill.alerts".clone_into(&mut record(facts, "drill.failover").job)),
    ("drill-restore", Warn, |facts| record(facts, "drill.restore.key").at = NOW - 100 * DAY),
    ("drill-restore", Warn, forget),
    ("drill-alerts", Warn, |facts| record(facts, "drill.alerts").at = NOW - 100 * DAY),
    ("drill-alerts", Warn, forget),
    ("jobs", Fail, |facts| record(facts, "drill.failover").is_good = false),
];

/// A pruned bitcoind of a block signer.
fn alone(facts: &mut Facts) {
    facts.roles.sbtc = false;
    facts.profile = crate::check::Profile::Solo;
    bitcoin(facts).is_pruned = true;
}
