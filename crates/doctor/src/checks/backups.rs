//! Backups, drills and certificates: what is only good while it is fresh.

use super::{DAY, SPLIT, span};
use crate::check::{Check, EVERYBODY, SBTC, Source};
use crate::facts::{Facts, JobRecord};
use crate::grade::{Fact, Outcome, Unknown};
use crate::shell;

pub(super) const CHECKS: &[Check] = &[
    Check {
        id: "backup-database",
        rows: &["B3"],
        profiles: SBTC,
        title: "the sBTC database was backed up within a day",
        why: "a lost database is a lost share of the key; it cannot be made again",
        source: Source::Records,
        judge: database,
    },
    Check {
        id: "backup-level",
        rows: &["B4", "C1", "C3", "C5", "F11"],
        profiles: SBTC,
        title: "the last backup was verified to the shares",
        why: "the guides' own check passes on garbage: only shares that open and match the key are a backup",
        source: Source::Records,
        judge: level,
    },
    Check {
        id: "backup-signer",
        rows: &["A19", "E8"],
        profiles: EVERYBODY,
        title: "what the signer keeps was backed up within a day",
        why: "with a fresh copy of the journal a lost machine is replaced in minutes, without one in hours",
        source: Source::Records,
        judge: signer,
    },
    Check {
        id: "drill",
        rows: &["A18", "A22", "A25", "A26", "A27"],
        profiles: EVERYBODY,
        title: "a fail-over was practised within a quarter",
        why: "the first time should not be the emergency",
        source: Source::Records,
        judge: drill,
    },
    Check {
        id: "drill-restore",
        rows: &["A30", "B4"],
        profiles: EVERYBODY,
        title: "a backup was restored by hand within a quarter",
        why: "a proof that runs every night says nothing of the people, the identities and the copies elsewhere",
        source: Source::Records,
        judge: drill_restore,
    },
    Check {
        id: "drill-alerts",
        rows: &["A3"],
        profiles: EVERYBODY,
        title: "somebody saw a test alert arrive within a quarter",
        why: "a channel that has died is noticed when the alert that counts does not come",
        source: Source::Records,
        judge: drill_alerts,
    },
    Check {
        id: "jobs",
        rows: &["B22"],
        profiles: EVERYBODY,
        title: "no regular job ended badly",
        why: "a job that fails every night is noticed on the day on which it is needed",
        source: Source::Records,
        judge: jobs,
    },
    Check {
        id: "certificates",
        rows: &["E24", "E25", "E27", "E29"],
        profiles: EVERYBODY,
        title: "certificates count for a while yet",
        why: "the day on which a certificate expires, node and signer no longer speak",
        source: Source::Certificates,
        judge: certificates,
    },
];

/// What the job did last; of a kind with several subjects, the latest of them.
fn last<'a>(facts: &'a Facts, job: &str) -> Result<Option<&'a JobRecord>, Unknown> {
    let is_job = |record: &&JobRecord| {
        record.job.strip_prefix(job).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    };
    Ok(facts.records.as_ref()?.iter().filter(is_job).max_by_key(|record| record.at))
}

/// Whether a job was done in time, where the signer is: what is backed up and practised is its.
fn fresh(facts: &Facts, job: &str, what: &str, limit: u64, remedy: &str) -> Fact<Outcome> {
    if facts.roles.node && !facts.roles.signer {
        return Err(Unknown::not_here("the signer is on the other host"));
    }
    let Some(record) = last(facts, job)? else {
        return Ok(Outcome::warn(format!("no {what} was ever recorded here"), remedy));
    };
    let age = facts.now.saturating_sub(record.at);
    let measured = format!("the last {what} was {} ago", span(age));
    Ok(if !record.is_good {
        Outcome::fail(format!("{measured}, and failed"), remedy)
    } else if is_ahead(facts, record) {
        Outcome::warn(format!("the last {what} has a time that is still to come"), remedy)
    } else if age <= limit {
        Outcome::ok(measured)
    } else if age <= limit.saturating_mul(2) {
        Outcome::warn(measured, remedy)
    } else {
        Outcome::fail(measured, remedy)
    })
}

/// Whether the clock was ahead when the job was done, so that nobody knows how old the record is.
const fn is_ahead(facts: &Facts, record: &JobRecord) -> bool {
    record.at > facts.now.saturating_add(3_600)
}

/// How old a drill may be (pain 25: drills that nobody does).
const QUARTER: u64 = 92 * DAY;

/// A day, and an hour for the job itself.
const DAILY: u64 = DAY + 3_600;

fn database(facts: &Facts) -> Fact<Outcome> {
    let outcome = fresh(
        facts,
        "backup.sbtc",
        "backup of the database",
        DAILY,
        "countersign backup postgres run",
    )?;
    Ok(match outcome {
        // With shares at stake, none is as bad as an old one.
        outcome if outcome.measured.starts_with("no ") => {
            Outcome::fail(outcome.measured, "countersign backup postgres run")
        }
        outcome => outcome,
    })
}

fn level(facts: &Facts) -> Fact<Outcome> {
    let remedy = "countersign backup verify";
    let Some(record) = last(facts, "backup-verify.sbtc")? else {
        return Ok(Outcome::fail("no backup was ever verified here", remedy));
    };
    let level = record.detail.get("level").and_then(serde_json::Value::as_u64).unwrap_or(0);
    let age = facts.now.saturating_sub(record.at);
    let measured = format!("verified to level {level} of 4, {} ago", span(age));
    Ok(match (level, age) {
        _ if !record.is_good => Outcome::fail(format!("{measured}, and failed"), remedy),
        (0..3, _) => Outcome::fail(measured, remedy),
        (3, _) => Outcome::warn(measured, format!("{remedy} with the key, which opens the shares")),
        _ if is_ahead(facts, record) => {
            Outcome::warn("the last verification has a time that is still to come", remedy)
        }
        (_, age) if age > 31 * DAY => Outcome::warn(measured, remedy),
        _ => Outcome::ok(measured),
    })
}

fn signer(facts: &Facts) -> Fact<Outcome> {
    fresh(
        facts,
        "backup.signer",
        "backup of the signer's files",
        DAILY,
        "countersign backup signer --config signer-config.toml --out FOLDER --prove (docs/operator/backup-signer.md)",
    )
}

fn drill(facts: &Facts) -> Fact<Outcome> {
    fresh(
        facts,
        "drill.failover",
        "fail-over",
        QUARTER,
        "practise a fail-over with docs/operator/one-instance.md; `countersign promote` writes it down",
    )
}

fn drill_restore(facts: &Facts) -> Fact<Outcome> {
    fresh(
        facts,
        "drill.restore",
        "restoration",
        QUARTER,
        "countersign keys restore --prove --config signer-config.toml --from BACKUP (docs/operator/keys.md)",
    )
}

fn drill_alerts(facts: &Facts) -> Fact<Outcome> {
    fresh(
        facts,
        "drill.alerts",
        "test of the alerts",
        QUARTER,
        "countersign alerts test, and when it has arrived everywhere: countersign alerts test --arrived --records FOLDER",
    )
}

fn jobs(facts: &Facts) -> Fact<Outcome> {
    let records = facts.records.as_ref()?;
    let bad: Vec<String> = records
        .iter()
        .filter(|record| !record.is_good)
        .map(|record| shell::shown(&record.job))
        .collect();
    Ok(match bad.as_slice() {
        [] => Outcome::ok(format!("{} jobs have left a record, all good", records.len())),
        jobs => Outcome::fail(
            format!("ended badly: {}", jobs.join(SPLIT)),
            format!(
                "journalctl -u 'countersign-*' --since -2d | grep -i {}",
                jobs.first().map_or("error", |job| job)
            ),
        ),
    })
}

fn certificates(facts: &Facts) -> Fact<Outcome> {
    let certificates = facts.certificates.as_ref()?;
    let Some(first) = certificates.iter().min_by_key(|certificate| certificate.not_after) else {
        return Err(Unknown::not_here("no certificate is used"));
    };
    let path = first.path.display();
    let remedy = format!("countersign tls new, then the new pin on the other side ({path})");
    if let Some(early) = certificates.iter().find(|certificate| certificate.not_before > facts.now)
    {
        let wait = span(early.not_before.saturating_sub(facts.now));
        return Ok(Outcome::fail(
            format!("{} counts only in {wait}", early.path.display()),
            "check the clock",
        ));
    }
    let left = first.not_after.saturating_sub(facts.now);
    let measured = format!("{path} counts for {} more", span(left));
    Ok(match left {
        0 => Outcome::fail(format!("{path} has expired"), remedy),
        1..604_800 => Outcome::fail(measured, remedy),
        604_800..2_592_000 => Outcome::warn(measured, remedy),
        _ => Outcome::ok(measured),
    })
}
