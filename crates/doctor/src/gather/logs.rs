//! The oldest entry of each log.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use countersign_ops::records::Record;
use serde_json::Value;

use super::bounded::first_line;
use super::processes::unit_of;
use crate::facts::{Facts, JournalStorage, LogReach, Logs, Process, Program, Role};
use crate::grade::{Fact, Unknown};

/// Looks into the journal for the units of the stack; into bitcoind's own file if it has one; and, where we
/// may not look, at what the job that looks has recorded.
pub(super) async fn gather(facts: &Facts, records: &[Record], limit: Duration) -> Logs {
    let (signer, node, bitcoin, sbtc) = tokio::join!(
        log(facts, Role::Signer, &["countersign.service", "stacks-signer.service"], limit),
        log(facts, Role::Node, &["stacks-node.service", "stacks-blockchain.service"], limit),
        log(facts, Role::Bitcoin, &["bitcoind.service", "bitcoin.service"], limit),
        log(facts, Role::Sbtc, &["sbtc-signer.service"], limit),
    );
    let bitcoin = bitcoin.or_else(|unknown| debug_log(facts).unwrap_or(Err(unknown)));
    let or_recorded = |log: Fact<LogReach>, name: &str| {
        log.or_else(|unknown| match unknown {
            Unknown::Unmeasured { .. } => recorded(records, name).ok_or(unknown),
            Unknown::NotHere(_) => Err(unknown),
        })
    };
    Logs {
        signer: or_recorded(signer, "signer"),
        node: or_recorded(node, "node"),
        bitcoin: or_recorded(bitcoin, "bitcoin"),
        sbtc: or_recorded(sbtc, "sbtc"),
        journal: journal(Path::new("/")),
    }
}

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
    let Some(line) = line else { return Ok(LogReach { place, oldest: None }) };
    let oldest = micros(&line)
        .ok_or_else(|| Unknown::because("journalctl says something else than JSON"))?;
    Ok(LogReach { place, oldest: Some(oldest / 1_000_000) })
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

/// The oldest of bitcoind's own log files, by its first line.
fn debug_log(facts: &Facts) -> Option<Fact<LogReach>> {
    let folder = facts.bitcoin_config.as_ref().ok()?.datadir.clone()?;
    let files: Vec<PathBuf> = fs::read_dir(&folder)
        .ok()?
        .flatten()
        .filter(|entry| entry.file_name().to_string_lossy().starts_with("debug.log"))
        .map(|entry| entry.path())
        .collect();
    let oldest = files.iter().filter_map(|path| first_time(path)).min()?;
    Some(Ok(LogReach {
        place: folder.join("debug.log").display().to_string(),
        oldest: Some(oldest),
    }))
}

/// The time at the start of a file: `2026-11-27T18:37:03Z …`.
fn first_time(path: &Path) -> Option<u64> {
    use std::io::Read as _;

    let mut head = [0; 20];
    fs::File::open(path).ok()?.read_exact(&mut head).ok()?;
    timestamp(str::from_utf8(&head).ok()?)
}

/// Seconds since 1970 of `YYYY-MM-DDTHH:MM:SSZ`.
fn timestamp(text: &str) -> Option<u64> {
    let number = |at: usize, len: usize| text.get(at..at + len)?.parse::<u64>().ok();
    let (year, month, day) = (number(0, 4)?, number(5, 2)?, number(8, 2)?);
    let (hour, minute, second) = (number(11, 2)?, number(14, 2)?, number(17, 2)?);
    if !(1970..10_000).contains(&year) || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    // Days since 0000-03-01 in the proleptic Gregorian calendar, from which a leap day is the last.
    let (year, month) = if month <= 2 { (year - 1, month + 9) } else { (year, month - 3) };
    let days = 365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day - 1;
    let days = days.checked_sub(719_468)?;
    Some(((days * 24 + hour) * 60 + minute) * 60 + second)
}

/// What the job that measures the retention has found.
fn recorded(records: &[Record], service: &str) -> Option<LogReach> {
    let record = records
        .iter()
        .find(|record| record.kind() == "logs" && record.subject().contains(service))?;
    Some(LogReach { place: format!("the record {}", record.job), oldest: record.number("oldest") })
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
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[test]
    fn times_are_those_of_the_calendar() {
        assert_eq!(timestamp("1970-01-01T00:00:00Z"), Some(0));
        assert_eq!(timestamp("2024-02-29T12:00:00Z"), Some(1_709_208_000));
        assert_eq!(timestamp("2026-11-27T18:37:03Z"), Some(1_795_804_623));
        assert_eq!(timestamp("2026-13-27T18:37:03Z"), None);
        assert_eq!(timestamp("not a time at all...."), None);
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
