//! The clock.

use crate::check::{Check, EVERYBODY, Source};
use crate::facts::Facts;
use crate::grade::{Fact, Outcome};
use crate::shell;

pub(super) const CHECKS: &[Check] = &[
    Check {
        id: "clock-offset",
        rows: &["D13h", "A23"],
        profiles: EVERYBODY,
        title: "the clock is right",
        why: "blocks carry a time; a signer whose clock is wrong refuses good ones and counts timeouts wrongly",
        source: Source::Clock,
        judge: offset,
    },
    Check {
        id: "clock-kept",
        rows: &["D13h"],
        profiles: EVERYBODY,
        title: "something keeps the clock right",
        why: "a clock that nobody corrects drifts by seconds a week",
        source: Source::Clock,
        judge: kept,
    },
    Check {
        id: "time-zone",
        rows: &["A29", "B21"],
        profiles: EVERYBODY,
        title: "logs are written in UTC",
        why: "people in several time zones compare logs of several machines; twice a year local time repeats an hour",
        source: Source::Clock,
        judge: zone,
    },
];

fn offset(facts: &Facts) -> Fact<Outcome> {
    let offset = facts.clock.offset.as_ref()?;
    let measured = format!("{} ms ahead of {}", offset.millis, shell::shown(&offset.source));
    let remedy = "systemctl restart chrony || systemctl restart systemd-timesyncd";
    Ok(match offset.millis.unsigned_abs() {
        ..500 => Outcome::ok(measured),
        500..5_000 => Outcome::warn(measured, remedy),
        5_000.. => Outcome::fail(measured, remedy),
    })
}

fn kept(facts: &Facts) -> Fact<Outcome> {
    let synchrony = facts.clock.synchrony.as_ref()?;
    let source = shell::shown(&synchrony.source);
    Ok(if synchrony.is_kept {
        Outcome::ok(format!("the clock is kept right, says {source}"))
    } else {
        Outcome::fail(
            format!("nothing keeps the clock right, says {source}"),
            "apt-get install chrony && systemctl enable --now chrony",
        )
    })
}

fn zone(facts: &Facts) -> Fact<Outcome> {
    let zone = shell::shown(facts.clock.zone.as_ref()?);
    let name = zone.trim_start_matches("Etc/");
    Ok(if matches!(name, "UTC" | "Universal" | "Zulu" | "UCT" | "GMT") {
        Outcome::ok(format!("the time zone is {zone}"))
    } else {
        Outcome::warn(format!("the time zone is {zone}"), "timedatectl set-timezone UTC")
    })
}
