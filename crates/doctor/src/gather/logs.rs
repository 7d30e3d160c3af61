//! The oldest entry of each log.

use std::fs;
use std::path::Path;
use std::time::Duration;

use countersign_logs::retention::measure_file;
use countersign_ops::records::Record;
use serde_json::Value;

use super::bounded::{blocking, first_line, unreadable};
use super::processes::unit_of;
use crate::facts::{Facts, JournalStorage, LogReach, Logs, Process, Program, Role};
use crate::grade::{Fact, Unknown};

/// Looks into the journal for the units of the stack; into bitcoind's own file if it has one; and, where we
/// may not look, at what the job that looks has recorded.
pub(super) async fn gather(facts: &Facts, records: &[Record], limit: Duration) -> Logs {
    let (signer, node, bitcoin, sbtc) = tokio::join!(
        log(facts, Role::Signer, SIGNER, limit),
        log(facts, Role::Node, NODE, limit),
        log(facts, Role::Bitcoin, BITCOIN, limit),
        log(facts, Role::Sbtc, SBTC, limit),
    );
    let bitcoin = match bitcoin {
        Ok(reach) => Ok(reach),
        Err(unknown) => debug_log(facts, limit).await.ok_or(unknown),
    };
    let or_recorded = |log: Fact<LogReach>, usual: &[&str]| {
        log.or_else(|unknown| match unknown {
            Unknown::Unmeasured { .. } => recorded(records, usual).ok_or(unknown),
            Unknown::NotHere(_) => Err(unknown),
        })
    };
    Logs {
        signer: or_recorded(signer, SIGNER),
        node: or_recorded(node, NODE),
        bitcoin: or_recorded(bitcoin, BITCOIN),
        sbtc: or_recorded(sbtc, SBTC),
        journal: journal(Path::new("/")),
    }
}

/// The usual units of each program, ours first.
const SIGNER: &[&str] = &["countersign.service", "stacks-signer.service"];
const NODE: &[&str] = &["stacks-node.service", "stacks-blockchain.service"];
const BITCOIN: &[&str] = &["bitcoind.service", "bitcoin.service"];
const SBTC: &[&str] = &["sbtc-signer.service"];

async fn log(facts: &Facts, role: Role, usual: &[&str], limit: Duration) -> Fact<LogReach> {
    let roles = facts.roles;
    let is_here = match role {
        Role::Signer => roles.signer,
        Role::Node => roles.node,
        Role::Bitcoin => roles.bitcoin,
        Role::Sbtc => roles.sbtc,
    };
    if !is_here {
        return Err(Unknown::not_here(format!("{role} is not on this host")));
    }
    let unit = unit(facts, role).or_else(|| installed(usual)).ok_or_else(|| {
        if facts.is_private_network() {
            Unknown::not_here("no service of a private network keeps a log")
        } else {
            Unknown::but(
                format!("no unit of {role} was found"),
                "run it as a unit: countersign render",
            )
        }
    })?;
    let args = [
        "--unit",
        &unit,
        "--output=json",
        "--output-fields=__REALTIME_TIMESTAMP",
        "--no-pager",
        "--quiet",
    ];
    let line = first_line("journalctl", &args, limit).await?;
    let place = format!("the journal of {unit}");
    let Some(line) = line else { return silent(place, rustix::process::geteuid().is_root()) };
    let oldest = micros(&line)
        .ok_or_else(|| Unknown::because("journalctl says something else than JSON"))?;
    Ok(LogReach { place, oldest: Some(oldest / 1_000_000) })
}

/// A journal that shows no entry: to root it is empty; to anybody else it may be closed.
fn silent(place: String, is_root: bool) -> Fact<LogReach> {
    if is_root {
        return Ok(LogReach { place, oldest: None });
    }
    Err(Unknown::but(format!("{place} shows this user no entry"), "run doctor as root"))
}

fn micros(line: &str) -> Option<u64> {
    let entry: Value = serde_json::from_str(line).ok()?;
    entry.get("__REALTIME_TIMESTAMP")?.as_str()?.parse().ok()
}

/// The unit of a running program, or the one that would start it.
fn unit(facts: &Facts, role: Role) -> Option<String> {
    let is_role = |process: &&Process| {
        let theirs = match process.program {
            Program::Countersign | Program::StacksSigner => Some(Role::Signer),
            Program::StacksNode => Some(Role::Node),
            Program::Bitcoind => Some(Role::Bitcoin),
            Program::SbtcSigner => Some(Role::Sbtc),
            Program::Vault => None,
        };
        theirs == Some(role)
    };
    let running = facts
        .processes
        .as_ref()
        .ok()?
        .iter()
        .find(is_role)
        .and_then(|process| unit_of(process.pid));
    let is_vault = |name: &str| name.contains("vault");
    let named = || {
        let units = facts.units.as_ref().ok()?;
        let unit = units.iter().find(|unit| unit.role == role && !is_vault(&unit.name))?;
        Some(unit.name.clone())
    };
    running.or_else(named)
}

fn installed(usual: &[&str]) -> Option<String> {
    let is_there = |name: &&&str| {
        super::units::FOLDERS.iter().any(|folder| Path::new(folder).join(name).exists())
    };
    usual.iter().find(is_there).map(|name| (*name).to_owned())
}

/// The oldest entry of bitcoind's own log and of its older parts; none if it has none.
async fn debug_log(facts: &Facts, limit: Duration) -> Option<LogReach> {
    let path = facts.bitcoin_config.as_ref().ok()?.datadir.as_ref()?.join("debug.log");
    let place = path.display().to_string();
    let work = blocking("looking into debug.log", limit, move || {
        measure_file(&path).map_err(|error| unreadable(&path, &error))
    });
    let oldest = work.await.ok()?.oldest?;
    Some(LogReach { place, oldest: Some(oldest / 1_000) })
}

/// What the job that measures the retention has found for one of these units, or for bitcoind's own file.
fn recorded(records: &[Record], units: &[&str]) -> Option<LogReach> {
    let is_meant = |subject: &str| {
        units.iter().any(|unit| unit.strip_suffix(".service") == Some(subject))
            || (units == BITCOIN && subject.ends_with("debug-log"))
    };
    let record =
        records.iter().find(|record| record.kind() == "logs" && is_meant(record.subject()))?;
    let oldest = Some(record.number("oldest")?);
    Some(LogReach { place: format!("the record {}", record.job), oldest })
}

/// Where the journal is, below `root`.
pub(super) fn journal(root: &Path) -> Fact<JournalStorage> {
    let folder = |path: &str| root.join(path);
    let has_files = |folder: &Path| {
        fs::read_dir(folder).into_iter().flatten().flatten().any(|entry| entry.path().is_dir())
    };
    let (disk, memory) = (folder("var/log/journal"), folder("run/log/journal"));
    if disk.is_dir() && (has_files(&disk) || !has_files(&memory)) {
        Ok(JournalStorage { is_persistent: true, folder: disk })
    } else if memory.is_dir() {
        Ok(JournalStorage { is_persistent: false, folder: memory })
    } else {
        Err(Unknown::not_here("there is no journal"))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

    use super::*;

    #[test]
    fn a_record_is_that_of_the_program_and_of_no_other() {
        use countersign_ops::records::Outcome;

        let record =
            |job: &str, oldest: u64| Record::new(job, 10, Outcome::Ok).with("oldest", oldest);
        let records = [
            record("logs.sbtc-signer", 1),
            Record::new("logs.stacks-node", 10, Outcome::Failed),
            record("logs.countersign", 2),
            record("logs.var-lib-bitcoin-debug-log", 3),
        ];
        let oldest = |units| recorded(&records, units).and_then(|reach| reach.oldest);
        assert_eq!([oldest(SIGNER), oldest(SBTC), oldest(BITCOIN)], [Some(2), Some(1), Some(3)]);
        // It found no log, so it says nothing about one.
        assert_eq!(recorded(&records, NODE), None);
        assert_eq!(recorded(&records[..1], SIGNER), None);
    }

    #[test]
    fn a_journal_that_shows_nothing_is_empty_to_root_only() {
        let place = || "the journal of x".to_owned();
        assert_eq!(silent(place(), true).unwrap().oldest, None);
        assert!(matches!(silent(place(), false), Err(Unknown::Unmeasured { .. })));
    }

    #[test]
    fn a_line_of_the_journal_has_its_time() {
        assert_eq!(
            micros("{\"__REALTIME_TIMESTAMP\":\"1700000000000001\"}\n"),
            Some(1_700_000_000_000_001)
        );
        assert_eq!(micros("-- No entries --"), None);
    }

    #[test]
    fn a_journal_in_memory_is_told_from_one_on_a_disk() {
        let root = tempfile::tempdir().unwrap();
        assert!(journal(root.path()).is_err());
        fs::create_dir_all(root.path().join("run/log/journal/abc")).unwrap();
        assert!(!journal(root.path()).unwrap().is_persistent);
        fs::create_dir_all(root.path().join("var/log/journal")).unwrap();
        assert!(!journal(root.path()).unwrap().is_persistent);
        fs::create_dir_all(root.path().join("var/log/journal/abc")).unwrap();
        assert!(journal(root.path()).unwrap().is_persistent);
    }
}
