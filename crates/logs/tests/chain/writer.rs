//! What the writer leaves on disk.

use std::os::unix::fs::PermissionsExt as _;

use countersign_logs::chain::{Frame, LineHash, VerifyError, verify_log};
use sha2::{Digest as _, Sha256};

use super::*;

#[test]
fn each_line_carries_its_number_and_the_hash_of_the_line_before() {
    let (_folder, files) = log_of(3);
    let lines = lines(&files.current());
    let mut before = "0".repeat(64);
    for (line, number) in lines.iter().zip(0_u64..) {
        let value: Value = serde_json::from_str(line).unwrap();
        assert_eq!((&value["v"], &value["seq"]), (&json!(1), &json!(number)));
        assert_eq!(value["prev"], before);
        assert_eq!(value["at"], json!(START + number * 1000));
        assert_eq!(value["block"], body(number)["block"]);
        before = hex::encode(Sha256::digest(line));
    }
    let head = Head::read(&files.head()).unwrap().unwrap();
    assert_eq!((head.seq, head.hash.to_string()), (2, before));
}

#[test]
fn the_chain_goes_on_across_files_and_restarts() {
    let (_folder, files) = place();
    for round in 0..5 {
        let mut writer = open(&files, limits(2000));
        write(&mut writer, round * 20..(round + 1) * 20);
    }
    let closed = files.closed().unwrap();
    assert!(closed.len() > 5, "{closed:?}");
    for path in &closed {
        let len = fs::metadata(path).unwrap().len();
        assert!(len <= 2000 && len > 1500, "{} has {len} bytes", path.display());
        let first = Frame::parse(lines(path)[0].as_bytes()).unwrap().seq;
        assert_eq!(*path, files.segment(first));
    }
    let report = verified(&files);
    assert!(report.is_whole(), "{report:?}");
    assert_eq!((report.lines, report.first, report.last), (100, Some(0), Some(99)));
    assert_eq!((report.confirmed, report.torn), (Some(99), None));
    let reversed = all(&files).into_iter().rev().collect();
    let reversed = verify(&Sources { files: reversed, heads: Vec::new() }).unwrap();
    assert!(reversed.is_whole(), "the order of the arguments is nobody's proof: {reversed:?}");
}

#[test]
fn lines_that_come_at_once_are_put_into_as_many_files_as_they_need() {
    let (_folder, files) = place();
    let mut writer = open(&files, limits(2000));
    let bodies: Vec<(u64, Value)> = (0..100).map(|n| (START + n, body(n))).collect();
    writer.append(&bodies).unwrap();
    writer.sync().unwrap();
    assert!(files.closed().unwrap().len() > 5);
    for path in all(&files) {
        assert!(fs::metadata(path).unwrap().len() <= 2000);
    }
    let report = verified(&files);
    assert!(report.is_whole() && report.confirmed == Some(99), "{report:?}");
}

#[test]
fn a_log_that_is_written_meanwhile_is_not_taken_for_a_changed_one() {
    let (_folder, files) = place();
    let mut writer = open(&files, limits(400));
    write(&mut writer, 0..2);
    std::thread::scope(|scope| {
        let writing = scope.spawn(move || write(&mut writer, 2..120));
        while !writing.is_finished() {
            let heads: Vec<Head> = Head::read(&files.head()).unwrap().into_iter().collect();
            let report = verify_log(&files, &[], &heads).unwrap();
            assert!(report.is_whole(), "{report:?}");
        }
    });
}

#[test]
fn a_file_is_full_after_its_time_too() {
    let (_folder, files) = place();
    let mut writer = open(&files, Limits { file_age: DAY, ..limits(u64::MAX) });
    let hour = 3_600_000;
    for n in 0..49 {
        writer.append(&[(START + n * hour, body(n))]).unwrap();
    }
    assert_eq!(files.closed().unwrap(), [files.segment(0)]);
    assert_eq!(lines(&files.segment(0)).len(), 25, "both ends of a day");
    assert!(verified(&files).is_whole());
}

#[test]
fn what_is_too_much_or_too_old_goes_oldest_first_and_the_rest_is_whole() {
    let (_folder, files) = place();
    let mut writer = open(&files, Limits { total_bytes: 6000, ..limits(2000) });
    write(&mut writer, 0..100);
    let sum: u64 = all(&files).iter().map(|path| fs::metadata(path).unwrap().len()).sum();
    assert!(sum <= 8000, "{sum}");
    let report = verified(&files);
    assert!(report.is_whole() && report.first > Some(0), "{report:?}");
    assert_eq!(report.last, Some(99));

    let later = u64::try_from(
        std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis(),
    );
    let old = Limits { total_age: 7 * DAY, ..limits(2000) };
    let eight_days = later.unwrap() + 8 * 86_400_000;
    drop(ChainWriter::open(files.clone(), old, eight_days).unwrap());
    assert_eq!(files.closed().unwrap(), Vec::<PathBuf>::new());
    assert!(verified(&files).is_whole());
}

#[test]
fn a_line_that_a_crash_has_cut_off_is_removed_and_said_and_the_chain_goes_on() {
    let (_folder, files) = log_of(5);
    let mut text = fs::read(files.current()).unwrap();
    text.extend_from_slice(b"{\"v\":1,\"seq\":5,\"pre");
    fs::write(files.current(), &text).unwrap();
    let report = verified(&files);
    assert!(report.is_whole(), "{report:?}");
    assert_eq!((report.torn, report.lines), (Some(19), 5));

    let (mut writer, opened) = ChainWriter::open(files.clone(), limits(u64::MAX), START).unwrap();
    assert_eq!((opened.torn, opened.missing), (Some(19), None));
    write(&mut writer, 5..7);
    let report = verified(&files);
    assert!(report.is_whole() && report.torn.is_none(), "{report:?}");
    assert_eq!(report.lines, 7);
}

#[test]
fn lines_that_are_missing_at_a_start_stay_visible_for_ever() {
    let (_folder, files) = log_of(10);
    put(&files.current(), &lines(&files.current())[..7]);
    let (mut writer, opened) = ChainWriter::open(files.clone(), limits(u64::MAX), START).unwrap();
    assert_eq!(opened.missing, Some(3));
    write(&mut writer, 10..13);
    let report = verified(&files);
    assert_eq!(report.break_count, 1);
    let said = report.breaks[0].to_string();
    assert!(said.ends_with("line 8 (number 10): before it, the lines number 7 to 9 are missing"));
}

#[test]
fn a_last_line_that_was_changed_before_a_start_stays_visible_for_ever() {
    let (_folder, files) = log_of(4);
    let mut spoilt = lines(&files.current());
    spoilt[3] = spoilt[3].replace("false", "true ");
    put(&files.current(), &spoilt);
    let (mut writer, opened) = ChainWriter::open(files.clone(), limits(u64::MAX), START).unwrap();
    assert!(opened.is_altered);
    write(&mut writer, 4..6);
    let report = verified(&files);
    assert_eq!((report.break_count, report.breaks[0].line), (1, 4), "{report:?}");
}

#[test]
fn a_log_that_was_deleted_begins_where_its_head_says() {
    let (_folder, files) = log_of(4);
    fs::remove_file(files.current()).unwrap();
    let (mut writer, opened) = ChainWriter::open(files.clone(), limits(u64::MAX), START).unwrap();
    assert_eq!(opened.missing, Some(4));
    write(&mut writer, 4..6);
    let report = verified(&files);
    assert!(report.is_whole() && report.first == Some(4), "{report:?}");
}

#[test]
fn without_a_head_and_with_full_files_only_the_chain_goes_on_after_the_last_of_them() {
    let (_folder, files) = place();
    write(&mut open(&files, limits(2000)), 0..40);
    fs::remove_file(files.current()).unwrap();
    fs::remove_file(files.head()).unwrap();
    let last = verify(&Sources { files: files.closed().unwrap(), heads: Vec::new() }).unwrap().last;
    let mut writer = open(&files, limits(2000));
    write(&mut writer, 40..41);
    assert_eq!(writer.head().unwrap().seq, last.unwrap() + 1);
    assert!(verified(&files).is_whole());
}

#[test]
fn a_file_without_a_chain_is_set_aside_and_nothing_of_it_is_lost() {
    for text in ["{\"at\":1,\"block\":\"ab\",\"what\":\"pushed\"}\n", "\u{0}\u{0}\u{0}\n\n"] {
        let (_folder, files) = place();
        fs::write(files.current(), text).unwrap();
        let (mut writer, opened) = ChainWriter::open(files.clone(), limits(2000), START).unwrap();
        assert_eq!(opened.set_aside, Some(files.unchained()));
        assert_eq!(fs::read_to_string(files.unchained()).unwrap(), text);
        write(&mut writer, 0..3);
        let report = verified(&files);
        assert!(report.is_whole() && report.lines == 3, "{report:?}");
        assert_eq!(report.unchained, [files.unchained()]);
        let alone = Sources { files: vec![files.unchained()], heads: Vec::new() };
        assert!(matches!(verify(&alone), Err(VerifyError::Unchained(_))));
    }
}

#[test]
fn files_are_for_their_owner_and_a_pipe_in_their_place_is_refused() {
    let (_folder, files) = log_of(1);
    for path in [files.current(), files.head()] {
        assert_eq!(fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o600);
    }
    let (folder, files) = place();
    let fifo = files.current();
    rustix::fs::mkfifoat(rustix::fs::CWD, &fifo, rustix::fs::Mode::RWXU).unwrap();
    let error = ChainWriter::open(files, limits(2000), START).unwrap_err();
    assert!(error.to_string().contains("not a file") || error.raw_os_error().is_some());
    drop(folder);
}

#[test]
fn a_head_can_be_noted_by_hand() {
    let hash = LineHash::of(b"line");
    assert_eq!(Head::noted(&format!("7:{hash}")).unwrap().hash, hash);
    for bad in ["", "7", "7:", "x:00", ":", "7:zz", &format!("-1:{hash}"), &format!("7:{hash}0")] {
        assert!(Head::noted(bad).is_err(), "{bad}");
    }
}
