//! A good log, and one thing spoilt: it is named, and where it is.

use countersign_logs::chain::{Break, Fault, LineHash};

use super::*;

const COUNT: usize = 12;

/// The first place that is told after `spoil` was done to the lines of a good log.
fn first_break(spoil: impl FnOnce(&mut Vec<String>)) -> Break {
    let (_folder, files) = log_of(COUNT as u64);
    let mut spoilt = lines(&files.current());
    spoil(&mut spoilt);
    put(&files.current(), &spoilt);
    let report = verified(&files);
    assert!(!report.is_whole(), "nothing was noticed");
    report.breaks.into_iter().next().unwrap()
}

#[test]
fn a_changed_line_is_named_wherever_it_is() {
    for n in 0..COUNT {
        let found = first_break(|lines| lines[n] = lines[n].replace("verdict", "verdikt"));
        let expected = if n == COUNT - 1 { Fault::NotAsNoted } else { Fault::Changed };
        assert_eq!((found.line, found.fault), (n as u64 + 1, expected));
    }
}

#[test]
fn a_line_that_is_none_any_more_is_named_wherever_it_is() {
    for n in 0..COUNT {
        let found = first_break(|lines| lines[n].insert(20, '"'));
        assert_eq!((found.line, found.fault), (n as u64 + 1, Fault::Unreadable));
    }
}

#[test]
fn a_missing_line_is_named_wherever_it_is() {
    for n in 1..COUNT - 1 {
        let found = first_break(|lines| drop(lines.remove(n)));
        let missing = n as u64;
        assert_eq!(found.line, missing + 1);
        assert_eq!(found.fault, Fault::Missing { from: missing, to: missing });
    }
    let found = first_break(|lines| drop(lines.drain(3..6)));
    assert_eq!(found.fault, Fault::Missing { from: 3, to: 5 });
    let said = found.to_string();
    assert!(
        said.ends_with("line 4 (number 6): before it, the lines number 3 to 5 are missing"),
        "{said}"
    );
}

#[test]
fn lines_that_are_missing_at_the_end_are_noticed_by_the_head() {
    for left in 1..COUNT {
        let found = first_break(|lines| lines.truncate(left));
        assert_eq!((found.line, &found.fault), (left as u64, &Fault::CutOff { known: 11 }));
    }
}

/// What the chain cannot show by itself, so that nobody relies on it.
#[test]
fn lines_that_are_missing_at_either_end_are_not_noticed_without_a_head() {
    let (_folder, files) = log_of(COUNT as u64);
    put(&files.current(), &lines(&files.current())[2..9]);
    let report = verify(&Sources { files: all(&files), heads: Vec::new() }).unwrap();
    assert!(report.is_whole(), "{report:?}");
    assert_eq!((report.first, report.last, report.confirmed), (Some(2), Some(8), None));
}

/// Whoever can write the files can write another chain. A head that was noted elsewhere shows it.
#[test]
fn a_chain_that_was_written_anew_is_noticed_by_a_head_that_was_noted_elsewhere() {
    let (_folder, files) = log_of(COUNT as u64);
    let noted = Head::read(&files.head()).unwrap().unwrap();
    fs::remove_file(files.current()).unwrap();
    fs::remove_file(files.head()).unwrap();
    let mut forger = open(&files, limits(u64::MAX));
    for n in 0..COUNT as u64 {
        forger.append(&[(START + n * 1000, body(n + 1))]).unwrap();
    }
    forger.sync().unwrap();
    assert!(verified(&files).is_whole(), "the chain alone does not show it");
    let report = verify(&Sources { files: all(&files), heads: vec![noted] }).unwrap();
    assert_eq!(report.breaks[0].fault, Fault::NotAsNoted);
}

/// Of a log whose beginning is gone, a note of a line before its first one shows nothing, but for the line right before.
#[test]
fn a_chain_that_was_written_anew_behind_a_noted_head_is_not_taken_for_noted() {
    let (_folder, files) = log_of(COUNT as u64);
    let noted = |seq: usize| {
        let hash = LineHash::of(lines(&files.current())[seq].as_bytes());
        Head::noted(&format!("{seq}:{hash}")).unwrap()
    };
    let (before, right_before, within) = (noted(3), noted(4), noted(6));
    let ask =
        |heads: &[Head]| verify(&Sources { files: all(&files), heads: heads.to_vec() }).unwrap();
    put(&files.current(), &lines(&files.current())[5..]);
    let report = ask(&[before]);
    assert_eq!(report.breaks.len(), 1, "{report:?}");
    assert_eq!((report.breaks[0].line, report.confirmed), (1, None));
    assert_eq!(report.breaks[0].fault, Fault::NotedBefore { known: 3 });
    for head in [right_before, within] {
        let report = ask(&[head]);
        assert!(report.is_whole() && report.confirmed == Some(head.seq), "{report:?}");
    }
    let other = Head { hash: within.hash, ..right_before };
    assert_eq!(ask(&[other]).breaks[0].fault, Fault::Changed);
}

#[test]
fn a_number_that_nothing_can_follow_is_none() {
    let (_folder, files) = log_of(COUNT as u64);
    let highest = u64::MAX.to_string();
    let head = fs::read_to_string(files.head()).unwrap();
    fs::write(files.head(), head.replace("\"seq\":11", &format!("\"seq\":{highest}"))).unwrap();
    Head::read(&files.head()).unwrap_err();
    assert!(Head::noted(&format!("{highest}:{}", LineHash::NONE)).is_err());
    let mut spoilt = lines(&files.current());
    spoilt[11] = spoilt[11].replace("\"seq\":11,", &format!("\"seq\":{highest},"));
    spoilt.push(spoilt[3].clone());
    put(&files.current(), &spoilt);
    let report = verify(&Sources { files: all(&files), heads: Vec::new() }).unwrap();
    assert_eq!((report.breaks[0].line, &report.breaks[0].fault), (12, &Fault::Unreadable));
    put(&files.current(), &spoilt[11..12]);
    write(&mut open(&files, limits(u64::MAX)), 0..2);
}

#[test]
fn lines_that_changed_places_are_named_by_the_first_of_them() {
    for n in 0..COUNT - 1 {
        let found = first_break(|lines| lines.swap(n, n + 1));
        if n == 0 {
            // The first line says where the files begin, and the second one is before that.
            assert_eq!((found.line, found.fault), (2, Fault::OutOfOrder { expected: 2 }));
        } else {
            assert_eq!(found.line, n as u64 + 1, "{found:?}");
            assert_eq!(found.fault, Fault::OutOfOrder { expected: n as u64 });
        }
    }
    let found = first_break(|lines| lines[2..8].reverse());
    assert_eq!((found.line, found.fault), (3, Fault::OutOfOrder { expected: 2 }));
}

#[test]
fn a_line_that_is_there_twice_is_named() {
    for n in 0..COUNT {
        let found = first_break(|lines| lines.insert(n, lines[n].clone()));
        let expected = n as u64 + 1;
        assert_eq!((found.line, found.fault), (n as u64 + 2, Fault::OutOfOrder { expected }));
    }
}

#[test]
fn a_line_that_was_put_in_is_named_even_with_a_chain_of_its_own() {
    for n in 1..COUNT {
        let found = first_break(|lines| {
            let prev = LineHash::of(lines[n - 1].as_bytes());
            let forged = format!(
                "{{\"v\":1,\"seq\":{n},\"prev\":\"{prev}\",\"at\":{START},\"what\":\"x\"}}"
            );
            lines.insert(n, forged);
        });
        assert!(found.line == n as u64 + 1 || found.line == n as u64 + 2, "{n}: {found:?}");
    }
}

#[test]
fn a_changed_number_hash_or_version_is_named() {
    for n in 1..COUNT - 1 {
        let later = n + 5;
        let found = first_break(|lines| {
            lines[n] = lines[n].replace(&format!("\"seq\":{n},"), &format!("\"seq\":{later},"));
        });
        assert_eq!(found.line, n as u64 + 1, "{found:?}");
        let found = first_break(|lines| {
            let at = lines[n].find("\"prev\":\"").unwrap() + 8;
            let digit = if lines[n].as_bytes()[at] == b'0' { "1" } else { "0" };
            lines[n].replace_range(at..=at, digit);
        });
        assert_eq!((found.line, found.fault), (n as u64, Fault::Changed), "or the `prev` after it");
        let found = first_break(|lines| lines[n] = lines[n].replace("\"v\":1", "\"v\":2"));
        assert_eq!((found.line, found.fault), (n as u64 + 1, Fault::Version { version: 2 }));
    }
}

#[test]
fn a_missing_file_is_named_by_the_lines_that_were_in_it() {
    let (_folder, files) = place();
    write(&mut open(&files, limits(2000)), 0..60);
    let closed = files.closed().unwrap();
    let gone = lines(&closed[2]).len() as u64;
    let first: u64 = closed[..2].iter().map(|path| lines(path).len() as u64).sum();
    fs::remove_file(&closed[2]).unwrap();
    let report = verified(&files);
    assert_eq!(report.break_count, 1);
    assert_eq!(report.breaks[0].fault, Fault::Missing { from: first, to: first + gone - 1 });
    assert_eq!((&report.breaks[0].file, report.breaks[0].line), (&closed[3], 1));
}

#[test]
fn a_torn_line_is_tolerated_at_the_very_end_and_nowhere_else() {
    let (_folder, files) = place();
    write(&mut open(&files, limits(2000)), 0..40);
    let closed = files.closed().unwrap();
    let text = fs::read(&closed[0]).unwrap();
    fs::write(&closed[0], &text[..text.len() - 1]).unwrap();
    let report = verified(&files);
    assert_eq!(report.breaks[0].fault, Fault::Unreadable);
    assert_eq!(report.breaks[0].line, lines(&closed[0]).len() as u64);
}

#[test]
fn a_line_without_end_is_passed_over_with_little_memory() {
    let (_folder, files) = log_of(3);
    let mut text = lines(&files.current());
    text[1] = "x".repeat(3 * countersign_logs::chain::MAX_LINE);
    put(&files.current(), &text);
    let report = verified(&files);
    assert_eq!((report.breaks[0].line, &report.breaks[0].fault), (2, &Fault::Unreadable));
    assert_eq!(report.break_count, 1, "the line after it is not blamed: {report:?}");
}
