//! Logs that are files.

use std::fs;
use std::io::Write as _;
use std::path::Path;

use countersign_logs::retention::measure_file;
use countersign_logs::time::utc;
use flate2::Compression;
use flate2::write::GzEncoder;

use super::*;

/// A line as bitcoind writes it.
fn line(at: u64) -> String {
    let time = utc(at);
    let (day, rest) = time.split_once(' ').unwrap();
    format!("{day}T{}Z UpdateTip: new best=0 height=1 progress=1.000000\n", &rest[..8])
}

fn put(path: &Path, text: &str) {
    fs::write(path, text).unwrap();
}

#[test]
fn the_oldest_entry_is_looked_for_in_every_part_that_was_rotated() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("debug.log");
    put(&log, &format!("no time\n{}{}half a li", line(NOW - DAY), line(NOW)));
    put(&folder.path().join("debug.log.1"), &line(NOW - 2 * DAY));
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    packed.write_all(line(NOW - 9 * DAY).as_bytes()).unwrap();
    fs::write(folder.path().join("debug.log-20261118.gz"), packed.finish().unwrap()).unwrap();
    put(&folder.path().join("debug.log.bak"), &line(NOW - 99 * DAY));
    put(&folder.path().join("other.log"), &line(NOW - 99 * DAY));
    let measured = measure_file(&log).unwrap();
    assert_eq!((measured.oldest, measured.newest), (Some(NOW - 9 * DAY), Some(NOW)));
    assert_eq!(measured.has_lost, None);
}

#[test]
fn the_times_of_every_program_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("x.log");
    for text in [
        "2026-11-27T18:00:00Z UpdateTip\n",
        "2026-11-27T18:00:00.000123Z  INFO countersign_signerd: x\n",
        "INFO [1795802400.000123] [stacks-node/src/main.rs:1] [main] x\n",
        "{\"v\":1,\"seq\":0,\"prev\":\"00\",\"at\":1795802400000,\"what\":\"x\"}\n",
        "{\"timestamp\":\"2026-11-27T18:00:00.000001Z\",\"level\":\"INFO\"}\n",
    ] {
        put(&log, text);
        assert_eq!(measure_file(&log).unwrap().oldest, Some(NOW), "{text}");
    }
    for text in ["", "nothing here\n", "\u{0}\u{0}", "[1.2] [\n"] {
        put(&log, text);
        assert_eq!(measure_file(&log).unwrap().oldest, None, "{text:?}");
    }
}

#[test]
fn a_file_that_is_missing_or_no_log_is_no_panic() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(measure_file(&folder.path().join("missing")).unwrap().oldest, None);
    assert!(measure_file(Path::new("/no/such/folder/log")).is_err());
    fs::write(folder.path().join("bad.gz"), b"no gzip").unwrap();
    assert!(measure_file(&folder.path().join("bad")).is_err());
}

/// Ninety days are written into files with a rate that differs from hour to hour; what the first ten days foretell is
/// what the ninety have, within a tenth.
#[test]
fn ten_days_foretell_the_size_of_ninety() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("debug.log");
    let mut text = String::new();
    let start = NOW - 90 * DAY;
    let mut foretold = None;
    for hour in 0..90 * 24_u64 {
        // Nights are quiet, and some hours have a storm.
        let per_hour = if hour % 24 < 8 { 20 } else { 40 } + if hour % 37 == 0 { 100 } else { 0 };
        for n in 0..per_hour {
            text.push_str(&line(start + hour * DAY / 24 + n * DAY / 24 / per_hour));
        }
        if hour == 10 * 24 {
            put(&log, &text);
            foretold = measure_file(&log).unwrap().bytes_per_day().map(|rate| rate * 90);
        }
    }
    put(&log, &text);
    let real = measure_file(&log).unwrap();
    assert_eq!(real.oldest, Some(start));
    let (foretold, real) = (foretold.unwrap(), real.bytes);
    assert!(foretold.abs_diff(real) * 10 < real, "{foretold} was foretold, and it is {real}");
}
