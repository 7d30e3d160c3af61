//! Journal files that systemd's own program has written.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::path::Path;
use std::process::{Command, Stdio};

use countersign_logs::retention::{Grade, Journal, Subjects, survey};

use super::*;

/// Debian's place of it; the tests fail without it.
const REMOTE: &str = "/lib/systemd/systemd-journal-remote";

/// Writes a journal file of three days that begins `day` days after `start`, as a journald with `MaxFileSec=3day` does.
/// Numbers of entries go on only within a file.
fn write_file(folder: &Path, start: u64, day: u64) {
    let mut text = String::new();
    for n in 0..3 * 24 * 30_u64 {
        let hour = n / 30 % 24;
        // Days are busier than nights.
        let lines = if hour < 8 { 1 } else { 2 };
        for line in 0..lines {
            let at = (start + day * DAY + n * DAY / 24 / 30 + line * 100) * 1000;
            let unit = if n % 3 == 0 { "countersign.service" } else { "stacks-node.service" };
            let noise = (0..8_u64)
                .map(|word| {
                    (at ^ word.wrapping_mul(0x9e37_79b9_7f4a_7c15))
                        .wrapping_mul(0xff51_afd7_ed55_8ccd)
                })
                .map(|word| format!("{word:016x}"))
                .collect::<Vec<_>>()
                .concat();
            write!(
                text,
                "__REALTIME_TIMESTAMP={at}\n__MONOTONIC_TIMESTAMP={}\n_BOOT_ID={}\n_SYSTEMD_UNIT={unit}\n\
                 SYSLOG_IDENTIFIER=x\nPRIORITY=6\nMESSAGE=INFO {n} {noise}\n\n",
                at - start * 1000 + 1,
                "0123456789abcdef".repeat(2),
            )
            .unwrap();
        }
    }
    let input = folder.join("input");
    fs::write(&input, text).unwrap();
    let output = folder.join(format!("system@{day:03}.journal"));
    let status = Command::new(REMOTE)
        .arg("-o")
        .arg(&output)
        .arg(&input)
        .stdin(Stdio::null())
        .stderr(File::create(folder.join("said")).unwrap())
        .status()
        .expect("systemd-journal-remote is installed");
    assert!(status.success(), "{}", fs::read_to_string(folder.join("said")).unwrap());
    fs::remove_file(input).unwrap();
}

#[test]
#[ignore = "needs root: systemd-journal-remote of the distribution"]
fn twelve_days_of_a_real_journal_foretell_ninety_and_the_oldest_entry_of_a_unit_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let start = NOW - 90 * DAY;
    for day in (0..12).step_by(3) {
        write_file(folder.path(), start, day);
    }
    let foretold =
        Journal::in_folder(folder.path()).unwrap().measured.bytes_per_day().unwrap() * 90;
    for day in (12..90).step_by(3) {
        write_file(folder.path(), start, day);
    }
    let journal = Journal::in_folder(folder.path()).unwrap();
    let real = journal.measured.bytes;
    assert!(foretold.abs_diff(real) * 10 < real, "{foretold} was foretold, and it is {real}");

    let subjects = Subjects {
        units: vec!["stacks-node.service".to_owned(), "no-such.service".to_owned()],
        usual: vec!["countersign.service".to_owned(), "bitcoind.service".to_owned()],
        journal: Some(folder.path().to_owned()),
        ..Subjects::default()
    };
    let found = survey(&subjects, 90, NOW);
    let row = |name: &str| found.logs.iter().find(|log| log.name == name);
    assert_eq!(row("stacks-node.service").unwrap().measured.oldest, Some(start + 2 * 60_000));
    assert_eq!(row("countersign.service").unwrap().measured.oldest, Some(start));
    assert_eq!(row("no-such.service").unwrap().grade, Grade::Unknown);
    assert!(row("bitcoind.service").is_none(), "it is not here, and nobody asked for it");
    assert!(row("journal").unwrap().measured.oldest <= Some(start));
}

#[test]
#[ignore = "needs root: systemd-journal-remote of the distribution"]
fn files_that_were_taken_away_are_noticed_by_the_oldest_entry() {
    let folder = tempfile::tempdir().unwrap();
    let start = NOW - 30 * DAY;
    for day in [0, 24, 27] {
        write_file(folder.path(), start, day);
    }
    let unit = ["stacks-node.service".to_owned()];
    let grade = || {
        let journal = Some(folder.path().to_owned());
        let subjects = Subjects { units: unit.to_vec(), journal, ..Subjects::default() };
        let found = survey(&subjects, 7, NOW);
        found
            .logs
            .iter()
            .find(|log| log.name == unit[0])
            .map(|log| (log.grade, log.measured.oldest))
    };
    assert_eq!(grade().unwrap().0, Grade::Ok);
    fs::remove_file(folder.path().join("system@000.journal")).unwrap();
    let (grade, oldest) = grade().unwrap();
    assert_ne!(grade, Grade::Ok, "six days are left of the seven");
    assert_eq!(oldest, Some(start + 24 * DAY + 2 * 60_000));
}
