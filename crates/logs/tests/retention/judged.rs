//! From findings to grades.

use countersign_logs::retention::{Ahead, Grade, Known, LogReport, Measured, judge};

use super::*;

/// A log of `age` days with a megabyte a day, within a bound of so many megabytes.
fn log(age: u64, max_mib: Option<u64>) -> Known {
    let bytes = age << 20;
    Known {
        name: "stacks-node.service".to_owned(),
        configured: "SystemMaxUse".to_owned(),
        measured: Measured {
            oldest: Some(NOW - age * DAY),
            newest: Some(NOW),
            bytes,
            has_lost: Some(false),
        },
        ahead: Ahead {
            max_bytes: max_mib.map(|mib| mib << 20),
            room_bytes: Some(1 << 40),
            ..Ahead::default()
        },
    }
}

fn judged(known: Known, days: u64) -> LogReport {
    judge(known, days, NOW)
}

#[test]
fn a_log_that_reaches_back_and_will_is_good() {
    let report = judged(log(91, Some(200)), 90);
    assert_eq!((report.grade, report.keeps_days), (Grade::Ok, Some(200)));
    assert_eq!((report.bytes_per_day, report.target_bytes), (Some(1 << 20), Some(90 << 20)));
    assert_eq!((report.days_until_loss, report.remedy), (None, None));
}

#[test]
fn a_young_log_says_when_it_is_proven() {
    let report = judged(log(10, Some(200)), 90);
    assert_eq!(report.grade, Grade::Young);
    assert!(
        report.why.contains("10 of 90 days") && report.why.contains("2027-02-15"),
        "{}",
        report.why
    );
}

#[test]
fn a_bound_that_is_too_small_is_told_before_it_takes_anything() {
    let report = judged(log(10, Some(30)), 90);
    assert_eq!((report.grade, report.keeps_days), (Grade::Warn, Some(30)));
    assert_eq!(report.days_until_loss, Some(20));
    assert!(report.remedy.unwrap().contains("--propose"));
    let report = judged(log(91, Some(100)), 120);
    assert_eq!((report.grade, report.days_until_loss), (Grade::Warn, Some(9)));
}

#[test]
fn what_was_taken_away_is_a_failure_whatever_is_configured() {
    let mut lost = log(10, Some(2000));
    lost.measured.has_lost = Some(true);
    assert_eq!(judged(lost.clone(), 90).grade, Grade::Fail);
    assert_eq!(judged(lost, 7).grade, Grade::Ok, "for seven days nothing is lost");
}

#[test]
fn a_bound_in_days_counts_as_one_in_bytes_does() {
    let mut short = log(5, None);
    short.ahead.max_days = Some(7);
    let report = judged(short.clone(), 90);
    assert_eq!(
        (report.grade, report.keeps_days, report.days_until_loss),
        (Grade::Warn, Some(7), Some(2))
    );
    assert_eq!(judged(short, 7).grade, Grade::Young);
}

#[test]
fn a_disk_that_will_be_full_is_told() {
    let mut full = log(10, None);
    full.ahead.room_bytes = Some(20 << 20);
    let report = judged(full.clone(), 90);
    assert_eq!((report.grade, report.days_until_loss), (Grade::Warn, Some(20)));
    assert!(report.why.contains("the disk is full"), "{}", report.why);
    full.ahead.max_bytes = Some(15 << 20);
    assert_eq!(judged(full, 7).grade, Grade::Ok, "its bound comes before the disk");
}

#[test]
fn what_is_in_memory_or_not_there_or_too_new_is_told_apart() {
    let mut volatile = log(100, None);
    volatile.ahead.is_volatile = true;
    assert_eq!(judged(volatile, 7).grade, Grade::Fail);
    let empty = Known { measured: Measured::default(), ..log(1, None) };
    assert_eq!(judged(empty, 7).grade, Grade::Unknown);
    let mut new = log(1, None);
    new.measured.oldest = Some(NOW - 60_000);
    let report = judged(new, 7);
    assert_eq!((report.grade, report.bytes_per_day), (Grade::Unknown, None));
}

#[test]
fn the_bound_of_a_shared_journal_is_filled_by_all_that_share_it() {
    let mut unit = log(10, Some(100));
    unit.ahead.shared_bytes = Some(90 << 20);
    unit.ahead.shared_rate = Some(9 << 20);
    let report = judged(unit, 90);
    assert_eq!((report.keeps_days, report.days_until_loss), (Some(11), Some(1)));
}

#[test]
fn times_that_make_no_sense_are_judged_without_a_panic() {
    for (oldest, newest, bytes) in [(NOW + DAY, NOW, 1), (0, u64::MAX, u64::MAX), (u64::MAX, 0, 0)]
    {
        let mut known = log(1, Some(1));
        known.measured =
            Measured { oldest: Some(oldest), newest: Some(newest), bytes, has_lost: None };
        for days in [0, 7, 3650] {
            judged(known.clone(), days);
        }
    }
}
