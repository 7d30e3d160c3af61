//! Units of the service manager.

use std::ffi::OsStr;
use std::path::Path;

use super::SPLIT;
use crate::check::{Check, EVERYBODY, Source};
use crate::facts::{Facts, Role, Unit};
use crate::grade::{Fact, Grade, Outcome, Unknown};
use crate::shell;

pub(super) const CHECKS: &[Check] = &[
    Check {
        id: "unit-exposure",
        rows: &["D13g", "F7"],
        profiles: EVERYBODY,
        title: "units are locked in",
        why: "what a service cannot reach, whoever takes it over cannot reach either",
        source: Source::Units,
        judge: exposure,
    },
    Check {
        id: "unit-paths",
        rows: &["D13c", "F8"],
        profiles: EVERYBODY,
        title: "no unit hides its own files",
        why: "the guide's unit names a file under /home and hides /home: it can never start",
        source: Source::Units,
        judge: paths,
    },
    Check {
        id: "unit-asserts",
        rows: &["D13b"],
        profiles: EVERYBODY,
        title: "a missing file is a failure",
        why: "a Condition that is not met skips the start, and the unit looks fine",
        source: Source::Units,
        judge: asserts,
    },
    Check {
        id: "unit-restart",
        rows: &["D13e", "F1", "F3"],
        profiles: EVERYBODY,
        title: "a signer that ends is started again",
        why: "stacks-signer ends with code 0 after a panic or a stranger's POST /shutdown, and on-failure leaves it down",
        source: Source::Units,
        judge: restart,
    },
    Check {
        id: "unit-start-limit",
        rows: &["D13a"],
        profiles: EVERYBODY,
        title: "restarting is not given up",
        why: "after three failures in five minutes the guide's unit stays down until somebody looks",
        source: Source::Units,
        judge: start_limit,
    },
    Check {
        id: "unit-watchdog",
        rows: &["D13d"],
        profiles: EVERYBODY,
        title: "a signer that hangs is noticed",
        why: "a process can be alive and deaf; only a watchdog that it must feed finds out",
        source: Source::Units,
        judge: watchdog,
    },
    Check {
        id: "unit-stop",
        rows: &["D13f", "F3"],
        profiles: EVERYBODY,
        title: "a stop takes seconds",
        why: "TimeoutStopSec=600 lets a shutdown of the machine wait ten minutes for a signer that is gone",
        source: Source::Units,
        judge: stop,
    },
    Check {
        id: "unit-ordering",
        rows: &["D13h", "E41", "E47"],
        profiles: EVERYBODY,
        title: "units start when what they need is there",
        why: "network.target says nothing of addresses; a clock that jumps after the start confuses timeouts",
        source: Source::Units,
        judge: ordering,
    },
    Check {
        id: "unit-user",
        rows: &["D11", "D13d", "D14"],
        profiles: EVERYBODY,
        title: "each unit has a user of its own",
        why: "a unit without User= runs as root",
        source: Source::Units,
        judge: user,
    },
];

/// One report about several units: what is wrong with each, and the remedy of the first.
fn each(
    facts: &Facts,
    is_meant: impl Fn(&Unit) -> bool,
    judge: impl Fn(&Unit) -> Result<String, (Grade, String, String)>,
) -> Fact<Outcome> {
    let units: Vec<&Unit> = facts.units.as_ref()?.iter().filter(|unit| is_meant(unit)).collect();
    if units.is_empty() {
        return Err(Unknown::not_here("no unit of the stack is installed"));
    }
    let (mut good, mut bad, mut grade, mut remedy) = (Vec::new(), Vec::new(), Grade::Ok, None);
    for unit in units {
        let name = shell::shown(&unit.name);
        match judge(unit) {
            Ok(what) => good.push(format!("{name}: {what}")),
            Err((worse, what, mend)) => {
                bad.push(format!("{name}: {what}"));
                if remedy.is_none() || worse > grade {
                    remedy = Some(format!("systemctl edit {}: {mend}", shell::word(&unit.name)));
                }
                grade = grade.max(worse);
            }
        }
    }
    Ok(match (grade, remedy) {
        (Grade::Fail, Some(remedy)) => Outcome::fail(bad.join("; "), remedy),
        (Grade::Warn, Some(remedy)) => Outcome::warn(bad.join("; "), remedy),
        (Grade::Unknown, _) => return Err(Unknown::because(bad.join("; "))),
        _ => Outcome::ok(good.join("; ")),
    })
}

const fn is_signer(unit: &Unit) -> bool {
    matches!(unit.role, Role::Signer | Role::Sbtc)
}

const fn is_any(_: &Unit) -> bool {
    true
}

type Bad = (Grade, String, String);

fn warn(what: impl Into<String>, mend: impl Into<String>) -> Bad {
    (Grade::Warn, what.into(), mend.into())
}

fn fail(what: impl Into<String>, mend: impl Into<String>) -> Bad {
    (Grade::Fail, what.into(), mend.into())
}

/// 1.5 is what our own units keep to; systemd calls 7 and more exposed.
fn exposure(facts: &Facts) -> Fact<Outcome> {
    each(facts, is_any, |unit| {
        let tenths = match &unit.exposure {
            Ok(tenths) => *tenths,
            Err(Unknown::NotHere(why) | Unknown::Unmeasured { reason: why, .. }) => {
                return Err((Grade::Unknown, why.clone(), String::new()));
            }
        };
        let measured = format!("{}.{}", tenths / 10, tenths % 10);
        let mend =
            "take the hardening of `countersign render`, or see: systemd-analyze security UNIT";
        match (tenths, is_signer(unit)) {
            (0..=15, _) | (0..=40, false) => Ok(measured),
            (70.., true) => Err(fail(measured, mend)),
            _ => Err(warn(measured, mend)),
        }
    })
}

fn paths(facts: &Facts) -> Fact<Outcome> {
    each(facts, is_any, |unit| {
        let hides =
            |key: &str| matches!(unit.last(key), Some("yes" | "true" | "on" | "1" | "tmpfs"));
        let hidden_home = hides("Service.ProtectHome");
        let private_tmp =
            matches!(unit.last("Service.PrivateTmp"), Some("yes" | "true" | "on" | "1"));
        let words: Vec<&str> = unit
            .all("Service.ExecStart")
            .chain(unit.all("Service.EnvironmentFile"))
            .chain(unit.all("Service.WorkingDirectory"))
            .flat_map(str::split_whitespace)
            .flat_map(|word| word.split('='))
            .map(|word| word.trim_start_matches(['-', '+', '!', '@', ':', '"', '\'']))
            .collect();
        let is_in = |word: &str, folder: &str| {
            word.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'))
        };
        let home = words
            .iter()
            .find(|word| ["/home", "/root", "/run/user"].iter().any(|folder| is_in(word, folder)));
        if let Some(path) = home.filter(|_| hidden_home) {
            return Err(fail(
                format!("{} is hidden by ProtectHome", shell::shown(path)),
                "move the file to /etc/countersign, and name it there",
            ));
        }
        if let Some(path) = words
            .iter()
            .find(|word| is_in(word, "/tmp") || is_in(word, "/var/tmp"))
            .filter(|_| private_tmp)
        {
            return Err(fail(
                format!("{} is hidden by PrivateTmp", shell::shown(path)),
                "move the file out of /tmp",
            ));
        }
        let wanted =
            unit.values.iter().filter(|(key, _)| is_guard(key)).flat_map(|(_, values)| values);
        let stray = wanted.map(|value| value.trim_start_matches(['|', '!'])).find(|path| {
            let extension = Path::new(path).extension().and_then(OsStr::to_str);
            matches!(extension, Some("toml" | "conf")) && !words.contains(path)
        });
        match stray {
            Some(path) => Err(warn(
                format!("{} is looked for, and another file is started with", shell::shown(path)),
                "name in the assertions what ExecStart names",
            )),
            None => Ok("its files are where it can see them".to_owned()),
        }
    })
}

fn is_guard(key: &str) -> bool {
    key.starts_with("Unit.Assert") || key.starts_with("Unit.Condition")
}

fn asserts(facts: &Facts) -> Fact<Outcome> {
    each(facts, is_any, |unit| {
        let is_path =
            |key: &str| ["Path", "File", "Directory"].iter().any(|word| key.contains(word));
        let conditions: Vec<&str> = unit
            .values
            .keys()
            .filter_map(|key| key.strip_prefix("Unit."))
            .filter(|key| key.starts_with("Condition") && is_path(key))
            .collect();
        match conditions.as_slice() {
            [] => Ok("no start is skipped in silence".to_owned()),
            keys => Err(warn(
                keys.join(SPLIT),
                format!("write Assert for Condition in {}", keys.join(SPLIT)),
            )),
        }
    })
}

fn restart(facts: &Facts) -> Fact<Outcome> {
    each(facts, is_any, |unit| {
        let value = unit.last("Service.Restart").unwrap_or("no");
        let measured = format!("Restart={}", shell::shown(value));
        match value {
            "always" => Ok(measured),
            "no" => Err(fail(measured, "Restart=always")),
            // Our own ends with 0 only when it was asked to.
            _ if unit.is_ours => Err(warn(measured, "Restart=always")),
            _ if is_signer(unit) => Err(fail(measured, "Restart=always")),
            "on-failure" | "on-abnormal" => Ok(measured),
            _ => Err(warn(measured, "Restart=always")),
        }
    })
}

fn start_limit(facts: &Facts) -> Fact<Outcome> {
    each(facts, is_signer, |unit| {
        let interval =
            unit.last("Unit.StartLimitIntervalSec").or(unit.last("Service.StartLimitInterval"));
        if matches!(interval, Some("0" | "0s")) {
            return Ok("StartLimitIntervalSec=0".to_owned());
        }
        let pause = unit.last("Service.RestartSec").and_then(seconds).unwrap_or(0);
        let burst =
            unit.last("Unit.StartLimitBurst").and_then(|burst| burst.parse().ok()).unwrap_or(5);
        let within = interval.map_or(Some(10), seconds).unwrap_or(10);
        let measured =
            format!("given up after {burst} starts in {within} s, with {pause} s between them");
        if pause.saturating_mul(burst) > within {
            Ok(measured)
        } else {
            Err(warn(measured, "StartLimitIntervalSec=0 under [Unit], RestartSec=5"))
        }
    })
}

fn watchdog(facts: &Facts) -> Fact<Outcome> {
    each(facts, is_signer, |unit| {
        let kind = unit.last("Service.Type").unwrap_or("simple");
        let interval = unit.last("Service.WatchdogSec").and_then(seconds).unwrap_or(0);
        let measured = format!("Type={}, WatchdogSec={interval}", shell::shown(kind));
        match (unit.is_ours, kind, interval) {
            (true, "notify" | "notify-reload", 1..) => Ok(measured),
            (true, ..) => Err(warn(measured, "Type=notify, WatchdogSec=30")),
            // The reference cannot say that it lives.
            (false, ..) => {
                Ok(format!("{measured}: it cannot feed one, so watch its /metrics from outside"))
            }
        }
    })
}

fn stop(facts: &Facts) -> Fact<Outcome> {
    each(facts, is_signer, |unit| {
        let limit =
            unit.last("Service.TimeoutStopSec").map_or(Some(90), seconds).unwrap_or(u64::MAX);
        let signal = unit.last("Service.KillSignal").unwrap_or("SIGTERM");
        let measured = format!("TimeoutStopSec={limit}, KillSignal={}", shell::shown(signal));
        match (limit, signal) {
            (_, signal) if !matches!(signal, "SIGTERM" | "SIGINT") => {
                Err(fail(measured, "KillSignal=SIGTERM"))
            }
            (0..5 | 121.., _) => Err(warn(measured, "TimeoutStopSec=15")),
            _ => Ok(measured),
        }
    })
}

fn ordering(facts: &Facts) -> Fact<Outcome> {
    each(facts, is_signer, |unit| {
        let after: Vec<&str> = unit.all("Unit.After").flat_map(str::split_whitespace).collect();
        // A vault has no network.
        let is_alone = unit
            .last("Service.PrivateNetwork")
            .is_some_and(|value| matches!(value, "yes" | "true"));
        let wanted: &[&str] = if is_alone {
            &["time-sync.target"]
        } else {
            &["network-online.target", "time-sync.target"]
        };
        let missing: Vec<&str> =
            wanted.iter().copied().filter(|target| !after.contains(target)).collect();
        match missing.as_slice() {
            [] => Ok("after the network and the clock".to_owned()),
            missing => {
                let list = missing.join(" ");
                Err(warn(
                    format!("not after {list}"),
                    format!("After={list} and Wants=network-online.target under [Unit]"),
                ))
            }
        }
    })
}

fn user(facts: &Facts) -> Fact<Outcome> {
    let units = facts.units.as_ref()?;
    each(facts, is_any, |unit| {
        if matches!(unit.last("Service.DynamicUser"), Some("yes" | "true")) {
            return Ok("DynamicUser=yes".to_owned());
        }
        let mend = "User= and Group= of its own (`countersign render` makes the user, too)";
        let Some(user) =
            unit.last("Service.User").filter(|user| !matches!(*user, "" | "root" | "0"))
        else {
            return Err(fail("runs as root", mend));
        };
        let other = units
            .iter()
            .find(|other| other.role != unit.role && other.last("Service.User") == Some(user));
        match other.filter(|_| is_signer(unit)) {
            Some(other) => Err(fail(
                format!("shares User={} with {}", shell::shown(user), shell::shown(&other.name)),
                mend,
            )),
            None => Ok(format!("User={}", shell::shown(user))),
        }
    })
}

/// A time span of systemd, as far as units of the field use it: `90`, `5s`, `2min`, `infinity`.
fn seconds(text: &str) -> Option<u64> {
    let text = text.trim();
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at_checked(digits)?;
    let number: u64 = number.parse().ok()?;
    let factor = match unit.trim() {
        "" | "s" | "sec" | "second" | "seconds" => 1,
        "ms" | "msec" => return Some(number / 1_000),
        "min" | "m" | "minute" | "minutes" => 60,
        "h" | "hr" | "hour" | "hours" => 3_600,
        _ => return None,
    };
    Some(number.saturating_mul(factor))
}

#[cfg(test)]
mod tests {
    use super::seconds;

    #[test]
    fn spans_are_read_as_systemd_reads_them() {
        assert_eq!(seconds("90"), Some(90));
        assert_eq!(seconds("5s"), Some(5));
        assert_eq!(seconds("2min"), Some(120));
        assert_eq!(seconds("300 s"), Some(300));
        assert_eq!(seconds("1500ms"), Some(1));
        assert_eq!(seconds("infinity"), None);
        assert_eq!(seconds("99999999999999999999"), None);
    }
}
