//! Every check on a good installation and on one in which one thing is spoiled.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod good;
mod spoiled_config;
mod spoiled_host;
mod spoiled_service;

use std::collections::BTreeSet;

use countersign_node::exposure::Reach;

use super::{all, find, is_wide, reach};
use crate::check::Profile;
use crate::facts::{Facts, Process, Program, Roles};
use crate::grade::{Grade, Unknown};
use crate::report::Report;
use crate::rows::{ROWS, row};
use good::good;

/// A check, what is spoiled, and what the check says then.
type Spoiled = (&'static str, Grade, fn(&mut Facts));

fn spoiled() -> impl Iterator<Item = &'static Spoiled> {
    [spoiled_host::TABLE, spoiled_config::TABLE, spoiled_service::TABLE].into_iter().flatten()
}

#[test]
fn on_a_good_installation_every_check_is_made_and_well() {
    for profile in Profile::ALL {
        let report = Report::of(&good(profile), all());
        let bad: Vec<_> =
            report.checks.iter().filter(|finding| finding.grade != Grade::Ok).collect();
        assert!(bad.is_empty(), "{profile}: {bad:#?}");
        assert!(report.left_out.is_empty(), "{profile}: {:#?}", report.left_out);
        assert_eq!(report.grade, Grade::Ok);
        let remedies = report.checks.iter().filter(|finding| finding.remedy.is_some());
        assert_eq!(remedies.count(), 0, "what is well needs no remedy");
    }
}

#[test]
fn each_check_notices_what_is_spoiled_and_names_what_mends_it() {
    for (id, grade, spoil) in spoiled() {
        let mut facts = good(Profile::Sbtc);
        spoil(&mut facts);
        let check = find(id).unwrap_or_else(|| panic!("there is no check {id}"));
        let outcome = (check.judge)(&facts).unwrap_or_else(|unknown| panic!("{id}: {unknown:?}"));
        assert_eq!(outcome.grade, *grade, "{id}: {}", outcome.measured);
        assert!(outcome.remedy.is_some(), "{id} says what is wrong and not what mends it");
        assert!(!outcome.measured.is_empty(), "{id}");
    }
}

#[test]
fn every_check_is_in_the_table_of_what_is_spoiled() {
    let spoiled: BTreeSet<&str> = spoiled().map(|(id, ..)| *id).collect();
    // It informs; no port is wrong.
    let missing: Vec<&str> = all()
        .map(|check| check.id)
        .filter(|id| !spoiled.contains(id) && *id != "ssh-port")
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn what_was_not_measured_is_unknown_and_never_well() {
    for profile in Profile::ALL {
        let report = Report::of(&Facts::nothing(profile, 0), all());
        for finding in &report.checks {
            assert_eq!(finding.grade, Grade::Unknown, "{}: {}", finding.id, finding.measured);
        }
        assert!(report.checks.len() > 60, "{}", report.checks.len());
        assert_eq!(report.grade, Grade::Unknown);
    }
}

#[test]
fn what_rests_on_something_unmeasured_is_unknown() {
    type Spoil = fn(&mut Facts);
    let rows: [(&str, Spoil); 8] = [
        ("bitcoin-pruned", |facts| {
            // The node that is down is the one that pruning is about.
            (facts.profile, facts.roles.sbtc) = (Profile::Solo, false);
            facts.bitcoin.as_mut().unwrap().is_pruned = true;
            facts.node.info = Err(Unknown::because("nothing listens"));
        }),
        ("node-synced", |facts| {
            facts.node.info.as_mut().unwrap().is_synced = None;
            facts.bitcoin = Err(Unknown::because("nothing listens"));
        }),
        ("sbtc-database-password", |facts| {
            facts.sbtc_config.as_mut().unwrap().has_database_login = false;
        }),
        ("sbtc-observer-bind", |facts| facts.sbtc_config.as_mut().unwrap().observer_bind = None),
        ("sbtc-p2p", |facts| facts.sbtc_config.as_mut().unwrap().listen_on.clear()),
        ("sbtc-nodes", |facts| facts.sbtc_config.as_mut().unwrap().stacks_nodes = 0),
        ("sbtc-nodes", |facts| facts.sbtc_config.as_mut().unwrap().bitcoin_nodes = 0),
        ("sbtc-signing-set", |facts| facts.sbtc_config.as_mut().unwrap().signers = 0),
    ];
    for (id, spoil) in rows {
        let mut facts = good(Profile::Sbtc);
        spoil(&mut facts);
        let outcome = (find(id).unwrap().judge)(&facts);
        assert!(matches!(outcome, Err(Unknown::Unmeasured { .. })), "{id}: {outcome:?}");
    }
}

#[test]
fn an_endpoint_that_knows_its_peers_may_be_reached() {
    let mut facts = good(Profile::Solo);
    let listener = facts.listeners.as_mut().unwrap().first_mut().unwrap();
    (listener.port, listener.program) = (30_000, None);
    let grade = |facts: &Facts, id: &str| (find(id).unwrap().judge)(facts).unwrap().grade;
    assert_ne!(grade(&facts, "ports-private"), Grade::Ok);
    facts.signer.as_mut().unwrap().has_tls = true;
    for id in ["ports-private", "ports-others"] {
        assert_eq!(grade(&facts, id), Grade::Ok, "{id}");
    }
}

#[test]
fn a_port_that_is_published_to_a_private_network_is_not_for_everybody() {
    let publish = |address: &str, port: &str, has_tls| {
        let mut facts = good(Profile::Solo);
        facts.signer.as_mut().unwrap().has_tls = has_tls;
        let service = facts.compose.as_mut().unwrap().first_mut().unwrap();
        service.published = vec![(Some(address.parse().unwrap()), port.to_owned())];
        (find("compose-ports").unwrap().judge)(&facts).unwrap().grade
    };
    for (address, port, has_tls, grade) in [
        ("10.0.0.2", "30001", false, Grade::Ok),
        ("fd00::2", "30000", false, Grade::Ok),
        ("203.0.113.4", "30000", false, Grade::Fail),
        ("203.0.113.4", "30000", true, Grade::Ok),
        ("203.0.113.4", "30001", true, Grade::Fail),
        ("0.0.0.0", "30001", false, Grade::Fail),
        ("0.0.0.0", "20444", false, Grade::Ok),
    ] {
        assert_eq!(publish(address, port, has_tls), grade, "{address}:{port} {has_tls}");
    }
}

#[test]
fn addresses_that_bitcoind_does_not_listen_on_are_no_warning() {
    let mut facts = good(Profile::Solo);
    let config = facts.bitcoin_config.as_mut().unwrap();
    // Whoever lets nobody in is not heard on `rpcbind`.
    (config.binds, config.allowed) = (vec!["0.0.0.0".to_owned()], Vec::new());
    let outcome = (find("bitcoin-config-open").unwrap().judge)(&facts).unwrap();
    assert_eq!(outcome.grade, Grade::Ok, "{}", outcome.measured);
}

#[test]
fn two_containers_have_files_of_the_same_name() {
    let mut facts = good(Profile::Solo);
    let processes = facts.processes.as_mut().unwrap();
    let first = processes.first().unwrap().clone();
    processes.push(Process { pid: 99, is_our_network: Some(false), ..first });
    let outcome = (find("one-process").unwrap().judge)(&facts).unwrap();
    assert_eq!(outcome.grade, Grade::Ok, "{}", outcome.measured);
}

#[test]
fn a_reference_that_runs_with_this_configuration_is_seen_by_its_process() {
    let mut facts = good(Profile::Solo);
    facts.daemon = Err(Unknown::because("no daemon listens"));
    let process = facts.processes.as_ref().unwrap().first().unwrap();
    facts.running_signer = Ok(Some(Process { program: Program::StacksSigner, ..process.clone() }));
    let outcome = (find("daemon-running").unwrap().judge)(&facts).unwrap();
    assert_eq!(
        (outcome.grade, outcome.measured.as_str()),
        (Grade::Ok, "stacks-signer runs as process 10")
    );
}

#[test]
fn a_host_without_a_signer_is_asked_for_its_disk_and_its_jobs_and_for_no_drill() {
    let mut facts = good(Profile::Solo);
    facts.roles = Roles { node: true, ..Roles::default() };
    facts.records = Ok(Vec::new());
    let report = Report::of(&facts, all());
    let is_there = |id: &str| report.checks.iter().any(|finding| finding.id == id);
    assert!(is_there("disk-days-left") && is_there("jobs"));
    for id in ["backup-signer", "drill", "drill-restore", "drill-alerts"] {
        assert!(!is_there(id) && report.left_out.iter().any(|left_out| left_out.id == id), "{id}");
    }
}

#[test]
fn what_is_not_here_is_left_out_with_its_reason() {
    let mut facts = good(Profile::Solo);
    facts.compose = Err(Unknown::not_here("no compose file was named"));
    let report = Report::of(&facts, all());
    assert!(report.checks.iter().all(|finding| !finding.id.starts_with("compose-")));
    let left_out: Vec<&str> = report.left_out.iter().map(|left_out| left_out.id).collect();
    assert_eq!(left_out, ["compose-ports", "compose-images", "compose-rights", "compose-secrets"]);
    assert_eq!(report.grade, Grade::Ok);
}

#[test]
fn ids_are_words_that_no_two_checks_share() {
    let ids: Vec<&str> = all().map(|check| check.id).collect();
    let distinct: BTreeSet<&str> = ids.iter().copied().collect();
    assert_eq!(ids.len(), distinct.len());
    assert!(ids.len() >= 60, "{}", ids.len());
    for id in ids {
        let is_letter = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        let is_word = id.bytes().all(|byte| is_letter(byte) || byte == b'-');
        assert!(is_word && id.len() <= 24, "{id}");
    }
}

#[test]
fn every_row_that_a_check_cites_is_in_the_registry() {
    for check in all() {
        assert!(!check.rows.is_empty(), "{} covers nothing", check.id);
        for id in check.rows {
            assert!(row(id).is_some(), "{} cites {id}", check.id);
        }
    }
}

#[test]
fn rows_are_as_good_as_the_worst_of_their_checks() {
    let mut facts = good(Profile::Solo);
    facts.machine.centi_cpus = Ok(50);
    let rows = Report::of(&facts, all()).rows();
    assert_eq!(rows.len(), ROWS.len());
    let grade = |id: &str| rows.iter().find(|row| row.id == id).unwrap().grade;
    assert_eq!(grade("A6"), Some(Grade::Warn));
    assert_eq!(grade("E9"), Some(Grade::Ok));
    // Nothing that a check could see.
    assert_eq!(grade("D5"), None);
}

#[test]
fn the_worst_grade_is_the_reports_and_an_unknown_is_worse_than_a_warning() {
    let mut facts = good(Profile::Solo);
    facts.machine.centi_cpus = Ok(50);
    let grade = |facts: &Facts| Report::of(facts, all()).grade;
    assert_eq!(grade(&facts), Grade::Warn);
    facts.machine.memory = Err(Unknown::because("nobody knows"));
    assert_eq!(grade(&facts), Grade::Unknown);
    facts.signer.as_mut().unwrap().is_dry_run = true;
    assert_eq!(grade(&facts), Grade::Fail);
}

#[test]
fn a_hostile_text_reaches_neither_the_terminal_nor_a_line_of_its_own() {
    let mut facts = good(Profile::Solo);
    let evil = "stacks-node 4.0.2\n\u{1b}[2Jok    all is well";
    evil.clone_into(&mut facts.node.info.as_mut().unwrap().version);
    evil.clone_into(&mut facts.ssh.as_mut().unwrap().root);
    facts.node_config.as_mut().unwrap().observers.first_mut().unwrap().endpoint.push_str(evil);
    for finding in Report::of(&facts, all()).checks {
        let text = format!("{}{}", finding.measured, finding.remedy.unwrap_or_default());
        assert!(!text.contains(['\n', '\u{1b}']), "{}: {text:?}", finding.id);
    }
}

#[test]
fn a_name_is_nowhere_in_particular() {
    let rows = [
        ("127.0.0.1:1", Some(Reach::Loopback)),
        ("localhost:1", Some(Reach::Loopback)),
        ("[::1]:1", Some(Reach::Loopback)),
        ("10.0.0.1:1", Some(Reach::Private)),
        ("[::]:1", Some(Reach::Unspecified)),
        ("8.8.8.8:1", Some(Reach::Global)),
        ("node.example:1", None),
        ("no port", None),
    ];
    for (address, expected) in rows {
        assert_eq!(reach(address), expected, "{address}");
    }
}

#[test]
fn an_address_is_wide_with_a_port_and_without() {
    for bind in ["0.0.0.0", "0.0.0.0:1", "::", "[::]", "[::]:1", "", ":1", "203.0.113.1:1"] {
        assert!(is_wide(bind), "{bind}");
    }
    for bind in ["127.0.0.1", "::1", "[::1]", "[::1]:1", "10.0.0.1:1", "localhost:1", "name:1"] {
        assert!(!is_wide(bind), "{bind}");
    }
}
