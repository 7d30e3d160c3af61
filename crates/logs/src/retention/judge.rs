//! From what was found to a grade. Pure: the same findings at the same time give the same report.

use super::report::{Grade, LogReport, Measured};
use crate::time::{DAY, utc};

/// What is known about a log and about what bounds it.
#[derive(Clone, Debug, Default)]
pub struct Known {
    /// Its name.
    pub name: String,
    /// What is configured, in words.
    pub configured: String,
    /// What it was found to hold.
    pub measured: Measured,
    /// What bounds it.
    pub ahead: Ahead,
}

/// What bounds a log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ahead {
    /// How many bytes it may have.
    pub max_bytes: Option<u64>,
    /// How many bytes are there of what shares that bound, if it is more than the log itself.
    pub shared_bytes: Option<u64>,
    /// How many bytes come in a day of what shares that bound.
    pub shared_rate: Option<u64>,
    /// How many days are kept at most.
    pub max_days: Option<u64>,
    /// How much room the disk has.
    pub room_bytes: Option<u64>,
    /// Whether it is kept across a restart of the machine.
    pub is_volatile: bool,
}

/// What is to be said about a log that must reach back `target_days`, at `now` (milliseconds since 1970).
pub fn judge(known: Known, target_days: u64, now: u64) -> LogReport {
    let Known { name, configured, measured, ahead } = known;
    let own_rate = measured.bytes_per_day();
    let rate = ahead.shared_rate.or(own_rate);
    let held = ahead.shared_bytes.unwrap_or(measured.bytes);
    let by_size = ahead.max_bytes.and_then(|max| max.checked_div(rate?));
    let keeps_days = least(by_size, ahead.max_days);
    let mut report = LogReport {
        name,
        configured,
        target_days,
        measured,
        bytes_per_day: own_rate,
        target_bytes: own_rate.map(|rate| rate.saturating_mul(target_days)),
        keeps_days,
        days_until_loss: None,
        room_bytes: ahead.room_bytes,
        grade: Grade::Unknown,
        why: String::new(),
        remedy: None,
    };
    let age = measured.oldest.map(|oldest| now.saturating_sub(oldest) / DAY);
    if keeps_days.is_some_and(|keeps| keeps < target_days) {
        report.days_until_loss = Some(until_loss(&ahead, held, rate, age));
    } else if let Some(days) = until_full(&ahead, held, rate) {
        report.days_until_loss = Some(days).filter(|days| *days < target_days);
    }
    let (grade, why, remedy) = grade(&report, &ahead, age);
    report.grade = grade;
    report.why = why;
    report.remedy = remedy.map(str::to_owned);
    report
}

fn grade(
    report: &LogReport,
    ahead: &Ahead,
    age: Option<u64>,
) -> (Grade, String, Option<&'static str>) {
    let target = report.target_days;
    let Some(age) = age else {
        let why =
            "there is no entry of it: it is not here, never ran, or this user may not read it";
        return (Grade::Unknown, why.to_owned(), Some(READ));
    };
    if ahead.is_volatile {
        let why = "it is kept in memory only, and is gone after a restart of the machine";
        return (Grade::Fail, why.to_owned(), Some(CONFIGURE));
    }
    let back = format!("it reaches back {age} of {target} days");
    if age >= target {
        return match report.days_until_loss {
            Some(days) => (
                Grade::Warn,
                format!("{back}, and will not: in {days} days what must be kept begins to go"),
                Some(CONFIGURE),
            ),
            None => (Grade::Ok, back, None),
        };
    }
    if report.measured.has_lost == Some(true) {
        return (Grade::Fail, format!("{back}: what was before was taken away"), Some(CONFIGURE));
    }
    match (report.keeps_days, report.days_until_loss) {
        (Some(keeps), Some(days)) if keeps < target => {
            let why = format!(
                "{back}, and will hold {keeps}: in {days} days what must be kept begins to go"
            );
            (Grade::Warn, why, Some(CONFIGURE))
        }
        (_, Some(days)) => {
            (Grade::Warn, format!("{back}, and in {days} days the disk is full"), Some(ROOM))
        }
        _ if report.bytes_per_day.is_none() && report.keeps_days.is_none() => {
            (Grade::Unknown, format!("{back}; what comes in a day cannot be told yet"), None)
        }
        _ => {
            let proven =
                report.measured.oldest.unwrap_or(0).saturating_add(target.saturating_mul(DAY));
            let day = utc(proven);
            let day = day.split(' ').next().unwrap_or_default();
            (
                Grade::Young,
                format!("{back}; nothing is known to be lost, and on {day} it is proven"),
                None,
            )
        }
    }
}

/// In how many days the bound takes something away that is younger than it must be.
fn until_loss(ahead: &Ahead, held: u64, rate: Option<u64>, age: Option<u64>) -> u64 {
    let by_size = ahead.max_bytes.and_then(|max| max.saturating_sub(held).checked_div(rate?));
    let by_age = ahead.max_days.map(|days| days.saturating_sub(age.unwrap_or(0)));
    least(by_size, by_age).unwrap_or(0)
}

/// In how many days the disk is full, if the bound lets it become so.
fn until_full(ahead: &Ahead, held: u64, rate: Option<u64>) -> Option<u64> {
    let room = ahead.room_bytes?;
    let grows = ahead.max_bytes.map_or(u64::MAX, |max| max.saturating_sub(held));
    if grows <= room { None } else { room.checked_div(rate?) }
}

fn least(one: Option<u64>, other: Option<u64>) -> Option<u64> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}

const CONFIGURE: &str = "countersign logs retention --propose";
const ROOM: &str = "make room on the disk, or give the log another one";
const READ: &str = "run it as root, or as a user of the group systemd-journal";
